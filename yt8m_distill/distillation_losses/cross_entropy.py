"""L_CE: the student should predict the labels."""

import keras
from keras import ops

from yt8m_distill.distillation_losses.distillation_loss import DistillationLoss


@keras.saving.register_keras_serializable(
    "yt8m_distill.distillation_losses.cross_entropy"
)
class CrossEntropyLoss(DistillationLoss):
    """L_CE = −Σ_c y log σ(z) + (1 − y) log(1 − σ(z)).

    Summed over the classes, as in google/youtube-8m (losses.py), but computed
    from logits, where that code adds 1e-5 inside the logarithms.

    Args:
        weight: float, the factor in the objective.
        first_epoch: int, the first epoch in which the loss counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.

    Example:

    >>> CrossEntropyLoss()({"labels": [[1., 0.]]}, {"logits": [[0., 0.]], ...})
    [1.386]
    """

    needs_teacher = False
    needs = ("logits",)
    symbol = "L_CE"

    def call(self, teacher_outputs, student_outputs):
        logits = student_outputs["logits"]
        labels = ops.cast(teacher_outputs["labels"], logits.dtype)
        return ops.sum(ops.softplus(logits) - labels * logits, axis=-1)
