"""Predictions of a model for whole data sets, and their scores."""

import keras
import numpy as np
import tensorflow as tf

from yt8m_distill.metrics import VideoMetrics


class Evaluator:
    """Runs a model over data sets; compiled once, used as often as needed.

    Args:
        model: a `VideoClassifier`.
    """

    def __init__(self, model):
        self.model = model

        def predict(batch):
            logits = model(batch, training=False)["logits"]
            return keras.ops.sigmoid(logits), logits

        self._predict = tf.function(
            predict, reduce_retracing=True, autograph=False
        )

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
        try:
            for batch in dataset.batches(batch_size, with_video_id):
                inputs = {key: batch[key] for key in ("frames", "num_frames")}
                predictions, logits = self._predict(inputs)
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
            dict as of `VideoMetrics.result`, and `cross_entropy`: L_CE averaged
            over the videos.

        Raises:
            InputError: a record cannot be read.
        """
        metrics = VideoMetrics(dataset.num_classes, top_k)
        cross_entropy = 0.0
        for predictions, logits, batch in self.predictions(dataset, batch_size):
            metrics.update(predictions, batch["labels"])
            cross_entropy += float(
                (np.logaddexp(0, logits) - batch["labels"] * logits).sum()
            )
        results = metrics.result()
        return {
            **results,
            "cross_entropy": cross_entropy / results["num_videos"],
        }


def log_line(results):
    """The scores as the field prints them."""
    return (
        f"GAP: {results['gap']:.4f} | mAP: {results['map']:.4f} | "
        f"Hit@1: {results['hit_at_1']:.4f} | PERR: {results['perr']:.4f}"
    )
