"""Losses of the videos and classes that have labels."""

import tensorflow as tf

from yt8m_distill.distillation_losses.distillation_loss import sum_over_classes


def ratings(batch):
    """The labels, and the weights of their classes if the batch has them."""
    return {
        key: batch[key] for key in ("labels", "class_weights") if key in batch
    }


def cross_entropy(logits, batch):
    """L_CE of each video, `(batch,)`."""
    return sum_over_classes(
        tf.nn.sigmoid_cross_entropy_with_logits(batch["labels"], logits), batch
    )


def mean(per_video, batch):
    """The mean over the videos that have labels; scalar."""
    if "label_weight" in batch:
        per_video = per_video * batch["label_weight"]
    return tf.reduce_mean(per_video)
