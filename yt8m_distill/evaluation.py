"""Predictions of a model for whole data sets, and their scores."""

import csv
import time

import keras
import numpy as np
import tensorflow as tf

from yt8m_distill import files
from yt8m_distill.errors import InputError


class Evaluator:
    """Runs a model over data sets; compiled once, used as often as needed.

    Args:
        model: a `VideoClassifier`.
    """

    def __init__(self, model):
        self.model = model
        self._predict = None

    def predictions(self, dataset, batch_size, with_video_id=False):
        """Predicts every video of a data set, in its order.

        Args:
            dataset: a `VideoDataset` that reads the frames of the model's
                sampler.
            batch_size: int.
            with_video_id: whether the batches carry `video_id`.

        Yields:
            `(predictions, logits, batch)`: float32 arrays
            `(batch, num_classes)`, and the batch as a dict of arrays.

        Raises:
            InputError: a record cannot be read.
        """
        batches = dataset.batches(batch_size, with_video_id)
        predict = self._compiled(batches.element_spec)
        try:
            for batch in batches:
                if not len(batch["num_frames"]):
                    continue  # all of its records were skipped
                predictions, logits = predict(
                    batch["frames"], batch["num_frames"]
                )
                yield (
                    predictions.numpy(),
                    logits.numpy(),
                    {key: value.numpy() for key, value in batch.items()},
                )
        except tf.errors.OpError:
            dataset.raise_own_error()
            raise

    def evaluate(self, dataset, batch_size, metrics):
        """Scores the model.

        Args:
            dataset: a `VideoDataset` that reads the frames of the model's
                sampler.
            batch_size: int.
            metrics: `VideoMetrics`, or `SegmentMetrics` if the data set is one
                of rated segments; all videos are added to it.

        Returns:
            dict as of `metrics.result`, `cross_entropy` (L_CE averaged over the
            videos; of segments, over rated classes alone) and
            `videos_per_second` (records to scores, by the median batch after
            the first, whose time goes into compiling; None if there is only
            one).

        Raises:
            InputError: a record cannot be read.
        """
        cross_entropy = 0.0
        seconds_per_video = []
        start = time.perf_counter()
        for predictions, logits, batch in self.predictions(dataset, batch_size):
            labels = batch["labels"]
            weights = batch.get("class_weights")
            # Refuses what is not a number, before it is computed with.
            if weights is None:
                metrics.update(predictions, labels)
            else:
                metrics.update(predictions, labels, weights)
            losses = np.logaddexp(0, logits) - labels * logits
            if weights is not None:
                losses *= weights
            cross_entropy += float(losses.sum())
            now = time.perf_counter()
            seconds_per_video.append((now - start) / len(predictions))
            start = now
        if not seconds_per_video:
            raise InputError(
                f"no video of {dataset.shards.pattern} can be read: all of its "
                "records were skipped"
            )
        results = metrics.result()
        steady = seconds_per_video[1:]
        return {
            **results,
            "cross_entropy": cross_entropy / results["num_videos"],
            "videos_per_second": 1 / np.median(steady) if steady else None,
        }

    def _compiled(self, spec):
        """The graph of the model, for batches of any size."""
        if self._predict is None:

            def predict(frames, num_frames):
                batch = {"frames": frames, "num_frames": num_frames}
                logits = self.model(batch, training=False)["logits"]
                return keras.ops.sigmoid(logits), logits

            self._predict = tf.function(
                predict,
                input_signature=[spec["frames"], spec["num_frames"]],
                autograph=False,
            )
        return self._predict


def log_line(results):
    """The scores as the field prints them."""
    return (
        f"GAP: {results['gap']:.4f} | mAP: {results['map']:.4f} | "
        f"Hit@1: {results['hit_at_1']:.4f} | PERR: {results['perr']:.4f}"
    )


def write_average_precisions(
    path, average_precisions, positives, class_names=None
):
    """Writes the AP of each class as CSV, whole or not at all.

    Args:
        path: str or path.
        average_precisions: float `(num_classes,)`; NaN is written as nothing.
        positives: int `(num_classes,)`, videos that have the class.
        class_names: list of str, a column of its own; None: none.

    Raises:
        InputError: no file can be written there.
    """
    header = ["class", "positives", "average_precision"]
    columns = [range(len(positives)), positives.tolist()]
    columns.append(
        ["" if np.isnan(one) else f"{one:.6g}" for one in average_precisions]
    )
    if class_names is not None:
        header.insert(1, "name")
        columns.insert(1, class_names)
    with files.written_whole(path) as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*columns))
