"""The contract of distillation losses."""

import keras
from keras import ops

from yt8m_distill.layers.argument_checks import check_whole_numbers


class DistillationLoss(keras.layers.Layer):
    """How far a student's outputs are from what it is taught.

    The labels of a video count as one more teacher: they are found under
    `labels` in the teacher's outputs, always. Losses that own weights (such as
    a projection between widths) are trained with the student.

    Args:
        weight: float, the factor of this loss in the objective; applied by the
            `Distiller`.
        first_epoch: int, the first epoch in which the loss counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.

    Raises:
        ValueError: the weight is no number of at least 0, or an epoch no whole
            number of at least 1.

    Call arguments:
        teacher_outputs: dict with `labels` `(batch, num_classes)`; where not
            every class of every video was rated, `class_weights` of the same
            shape, the factor of a class in losses that need the labels alone;
            and, where there is a teacher, its `representation` and `logits` and
            what else its encoder gives.
        student_outputs: dict with `representation` and `logits` and what else
            the encoder gives.

    Output shape:
        float `(batch,)`, the loss of each video.
    """

    # False for losses that need the labels alone.
    needs_teacher = True
    # True where several teachers count as one ensemble, which has logits only.
    compares_predictions = False
    # Outputs that it looks at, of student and, if it needs one, teacher; what
    # needs logits trains the head.
    needs = ()
    # How the loss is written in the printed objective.
    symbol = None

    def __init__(self, weight=1.0, first_epoch=1, last_epoch=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(weight, bool) or not (
            isinstance(weight, int | float) and 0 <= weight < float("inf")
        ):
            raise ValueError(f"weight={weight!r}; give a number of at least 0")
        check_whole_numbers(first_epoch=first_epoch, last_epoch=last_epoch)
        if first_epoch is None:
            raise ValueError("first_epoch=None; give a whole number")
        self.weight = weight
        self.first_epoch = first_epoch
        self.last_epoch = last_epoch

    def build(self, teacher_outputs_shape, student_outputs_shape):
        """Makes weights or refuses; gets `(None, …, width)` by output name."""

    def compute_output_shape(self, teacher_shapes, student_shapes):
        return (student_shapes["logits"][0],)

    def get_config(self):
        return {
            **super().get_config(),
            "weight": self.weight,
            "first_epoch": self.first_epoch,
            "last_epoch": self.last_epoch,
        }


def sum_over_classes(terms, teacher_outputs):
    """Sums a loss over the classes, each with its weight if there are weights.

    Args:
        terms: float `(batch, num_classes)`.
        teacher_outputs: as of a `DistillationLoss`; its `class_weights`
            multiply the terms.

    Returns:
        float `(batch,)`, of the dtype of `terms`.
    """
    if "class_weights" in teacher_outputs:
        weights = ops.cast(teacher_outputs["class_weights"], terms.dtype)
        terms = weights * terms
    return ops.sum(terms, axis=-1)
