"""L_CE: the student should predict the labels."""

import keras
from keras import ops

from yt8m_distill.distillation_losses.distillation_loss import (
    DistillationLoss,
    sum_over_classes,
)


@keras.saving.register_keras_serializable(
    "yt8m_distill.distillation_losses.cross_entropy"
)
class CrossEntropyLoss(DistillationLoss):
    """L_CE = −Σ_c y log(σ(z) + ε) + (1 − y) log(1 − σ(z) + ε).

    Summed over the classes, as `CrossEntropyLoss` of google/youtube-8m
    (losses.py). With ε = 0 it is computed from logits, which is exact however
    sure the student is. With ε = 1e-5 it is that code's arithmetic: computed
    from probabilities in float32, a class costs at most 11.5, and where the
    student is that wrong it hardly learns.

    `class_weights` in `teacher_outputs`, where there are any, multiply the
    terms of the sum.

    Args:
        weight: float, the factor in the objective.
        epsilon: float, at least 0 and less than 1, ε above.
        first_epoch: int, the first epoch in which the loss counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.

    Raises:
        ValueError: epsilon is no such number.

    Example:

    >>> CrossEntropyLoss()({"labels": [[1., 0.]]}, {"logits": [[0., 0.]], ...})
    [1.386]
    """

    needs_teacher = False
    needs = ("logits",)
    symbol = "L_CE"

    def __init__(
        self,
        weight=1.0,
        epsilon=0.0,
        first_epoch=1,
        last_epoch=None,
        **kwargs,
    ):
        super().__init__(weight, first_epoch, last_epoch, **kwargs)
        if isinstance(epsilon, bool) or not (
            isinstance(epsilon, int | float) and 0 <= epsilon < 1
        ):
            raise ValueError(
                f"epsilon={epsilon!r}; give a number of at least 0 and less "
                "than 1"
            )
        self.epsilon = epsilon

    def call(self, teacher_outputs, student_outputs):
        logits, labels = student_outputs["logits"], teacher_outputs["labels"]
        if self.epsilon:
            terms = _terms_with_epsilon(logits, labels, self.epsilon)
        else:
            labels = ops.cast(labels, logits.dtype)
            terms = ops.softplus(logits) - labels * logits
        return sum_over_classes(terms, teacher_outputs)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


def _terms_with_epsilon(logits, labels, epsilon):
    # Half precision may take such an epsilon for 0.
    predictions = ops.sigmoid(ops.cast(logits, "float32"))
    labels = ops.cast(labels, "float32")
    return -(
        labels * ops.log(predictions + epsilon)
        + (1 - labels) * ops.log(1 - predictions + epsilon)
    )
