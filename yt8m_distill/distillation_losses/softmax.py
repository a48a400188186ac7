"""L_softmax: the labels share one distribution over the classes."""

import keras
from keras import ops

from yt8m_distill.distillation_losses.distillation_loss import (
    DistillationLoss,
    sum_over_classes,
)

# As in google/youtube-8m, where it is written 10e-8.
EPSILON = 1e-7


@keras.saving.register_keras_serializable(
    "yt8m_distill.distillation_losses.softmax"
)
class SoftmaxLoss(DistillationLoss):
    """L_softmax = −Σ_c y / max(Σ_c |y|, 1e-7) · log softmax(z).

    `SoftmaxLoss` of google/youtube-8m (losses.py), but of the logits z, where
    that code takes the softmax of its predictions: those are probabilities, so
    no class can get more than e times the share of another. The least value of
    a video with n labels is log n; a video without labels has the loss 0.

    `class_weights` in `teacher_outputs`, where there are any, multiply the
    terms of the outer sum; neither the norm of the labels nor the softmax
    changes with them. Computed in float32.

    Args:
        weight: float, the factor in the objective.
        first_epoch: int, the first epoch in which the loss counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.

    Example:

    >>> SoftmaxLoss()({"labels": [[1., 0.]]}, {"logits": [[0., 0.]], ...})
    [0.693]
    """

    needs_teacher = False
    needs = ("logits",)
    symbol = "L_softmax"

    def call(self, teacher_outputs, student_outputs):
        logits = ops.cast(student_outputs["logits"], "float32")
        labels = ops.cast(teacher_outputs["labels"], "float32")
        norms = ops.sum(ops.abs(labels), axis=-1, keepdims=True)
        shares = labels / ops.maximum(norms, EPSILON)
        terms = -shares * ops.log_softmax(logits, axis=-1)
        return sum_over_classes(terms, teacher_outputs)
