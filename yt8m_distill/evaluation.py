"""Predictions of a model for whole data sets, and their scores."""

import time

import keras
import numpy as np
import tensorflow as tf

from yt8m_distill.errors import InputError
from yt8m_distill.metrics import VideoMetrics


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

    def evaluate(self, dataset, batch_size, top_k=20):
        """Scores the model.

        Args:
            dataset: a `VideoDataset` that reads the frames of the model's
                sampler.
            batch_size: int.
            top_k: int, predictions a video that count for GAP and mAP.

        Returns:
            dict as of `VideoMetrics.result`, `cross_entropy` (L_CE averaged
            over the videos) and `videos_per_second` (records to scores, by the
            median batch after the first, whose time goes into compiling; None
            if there is only one).

        Raises:
            InputError: a record cannot be read.
        """
        metrics = VideoMetrics(dataset.num_classes, top_k)
        cross_entropy = 0.0
        seconds_per_video = []
        start = time.perf_counter()
        for predictions, logits, batch in self.predictions(dataset, batch_size):
            metrics.update(predictions, batch["labels"])
            cross_entropy += float(
                (np.logaddexp(0, logits) - batch["labels"] * logits).sum()
            )
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
