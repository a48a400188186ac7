"""L_hinge: predictions should be on the labels' side, by a margin."""

import keras
from keras import ops

from yt8m_distill.distillation_losses.distillation_loss import (
    DistillationLoss,
    sum_over_classes,
)


@keras.saving.register_keras_serializable(
    "yt8m_distill.distillation_losses.hinge"
)
class HingeLoss(DistillationLoss):
    """L_hinge = Σ_c max(0, 1 − (2y − 1) p) of the predictions p = σ(z).

    `HingeLoss` of google/youtube-8m (losses.py), which takes probabilities as
    they are: a class that is not a label costs 1 + p, so the least value of a
    video is its number of such classes, not 0.

    `class_weights` in `teacher_outputs`, where there are any, multiply the
    terms of the sum.

    Args:
        weight: float, the factor in the objective.
        first_epoch: int, the first epoch in which the loss counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.

    Example:

    >>> HingeLoss()({"labels": [[1., 0.]]}, {"logits": [[0., 0.]], ...})
    [2.]
    """

    needs_teacher = False
    needs = ("logits",)
    symbol = "L_hinge"

    def call(self, teacher_outputs, student_outputs):
        predictions = ops.sigmoid(student_outputs["logits"])
        labels = ops.cast(teacher_outputs["labels"], predictions.dtype)
        terms = ops.maximum(1 - (2 * labels - 1) * predictions, 0)
        return sum_over_classes(terms, teacher_outputs)
