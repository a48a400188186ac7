"""Predictions of a model for whole data sets, and their scores."""

import csv
import time

import numpy as np
import tensorflow as tf

from yt8m_distill import files, length_buckets
from yt8m_distill.ahead import ahead
from yt8m_distill.errors import InputError
from yt8m_distill.forward import Forward

# What `Forward` returns.
OUTPUTS = ("predictions", "logits", "representation")


class Evaluator:
    """Runs a model over data sets; compiled once, used as often as needed.

    The next batches are read and computed, in threads of their own, while what
    is known of one is written or scored.

    Args:
        model: a `VideoClassifier`.
        jit_compile: bool, whether XLA compiles the model.
        with_representation: whether what is predicted comes with the
            representations.
    """

    def __init__(self, model, jit_compile=False, with_representation=False):
        self.model = model
        self.forward = Forward(model, jit_compile, with_representation)

    def predictions(
        self, dataset, batch_size, with_video_id=False, with_labels=True
    ):
        """Predicts every video of a data set, in its order.

        Args:
            dataset: a `VideoDataset` that reads the frames of the model's
                sampler.
            batch_size: int.
            with_video_id: whether the batches carry `video_id`.
            with_labels: whether the batches carry labels.

        Yields:
            `(predictions, logits, batch)`: float32 arrays
            `(videos, num_classes)`, and what else the batch holds, but for its
            frames, as a dict of arrays, in which is `representation` if that is
            wanted. Of a data set with length buckets there are more videos than
            in a batch at times.

        Raises:
            InputError: a record cannot be read, or a video does not fit into
                the device's memory.
        """
        plan = dataset.plan(batch_size)
        batches = dataset.batches(batch_size, with_video_id, with_labels, plan)
        results = self._results(dataset, batches, batch_size)
        if dataset.num_length_buckets > 1:
            results = length_buckets.in_order(results, plan)
        for result in ahead(results):
            if not len(result["num_frames"]):
                continue  # all of its records were skipped
            yield result.pop("predictions"), result.pop("logits"), result

    def _results(self, dataset, batches, batch_size):
        """The batches with what is predicted of them, as dicts of arrays."""
        # One size for all data sets that are smaller, so that little is made.
        size = min(batch_size, 1 << (len(dataset) - 1).bit_length())
        try:
            for batch in batches:
                frames = batch.pop("frames")
                outputs = self.forward(frames, batch["num_frames"], size)
                del frames  # their memory is used for the next batch
                yield {
                    **dict(zip(OUTPUTS, outputs)),
                    **{key: value.numpy() for key, value in batch.items()},
                }
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
            # log(1 + exp(logits)) - labels · logits; NumPy's logaddexp takes
            # six times as long.
            losses = np.maximum(logits, 0) - labels * logits
            losses += np.log1p(np.exp(-np.abs(logits)))
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
