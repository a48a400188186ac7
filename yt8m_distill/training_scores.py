"""Loss and scores of one training batch, every so many steps."""

import keras
import tensorflow as tf
from keras import ops

from yt8m_distill.keras_metrics import (
    GlobalAveragePrecision,
    HitAtOne,
    PrecisionAtEqualRecallRate,
)


class TrainingScores:
    """Hit@1, PERR and GAP of what the students said in a training step.

    The scores are those of one batch, as google/youtube-8m prints them: before
    that step changed the weights, dropout and batch statistics included. They
    are computed in that step alone, so the others take no longer.

    Made and updated under the strategy of the training, whose replicas' states
    add up.

    Args:
        every: int, steps from one batch that is scored to the next.
    """

    def __init__(self, every):
        self.every = every
        self._scores = {
            "hit_at_1": HitAtOne(from_logits=True),
            "perr": PrecisionAtEqualRecallRate(from_logits=True),
            "gap": GlobalAveragePrecision(from_logits=True),
        }
        self._losses = {
            key: keras.metrics.Mean(name=key) for key in ("loss", "label_loss")
        }
        self._told = set(self._scores)

    def update(self, step, batch, logits, losses):
        """Scores the batch, if it is this step's turn.

        Args:
            step: scalar tensor, number of the step, from 1 on.
            batch: dict, the batch, or a replica's share of it.
            logits: list of `(batch, num_classes)`, of each student.
            losses: dict with scalars `loss` and, where the labels are learned
                from, `label_loss`.
        """

        self._told |= set(losses)

        def score():
            for metric in (*self._scores.values(), *self._losses.values()):
                metric.reset_state()
            predicted = _mean_logits(logits)
            if "class_weights" in batch:
                # Classes that nobody rated come last.
                predicted = ops.where(
                    batch["class_weights"] > 0, predicted, predicted.dtype.min
                )
            weights = batch.get("label_weight")
            if weights is not None:
                weights = tf.sign(weights)
            for metric in self._scores.values():
                metric.update_state(batch["labels"], predicted, weights)
            size = tf.shape(batch["num_frames"])[0]
            for key, value in losses.items():
                self._losses[key].update_state(value, sample_weight=size)
            return tf.constant(True)

        tf.cond(tf.equal(step % self.every, 0), score, lambda: False)

    def result(self):
        """The scores of the last batch that was scored, a dict of float."""
        metrics = {**self._scores, **self._losses}
        # In an order that all workers share, who read them together.
        return {
            key: float(metric.result())
            for key, metric in metrics.items()
            if key in self._told
        }


def _mean_logits(logits):
    """The logits of the students' mean probability, as of `VideoEnsemble`."""
    if len(logits) == 1:
        return logits[0]
    logits = ops.stack(logits, axis=-1)
    return ops.logsumexp(ops.log_sigmoid(logits), axis=-1) - ops.logsumexp(
        ops.log_sigmoid(-logits), axis=-1
    )
