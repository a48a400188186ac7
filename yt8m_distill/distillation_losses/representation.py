"""L_rep: the student's representation should be the teacher's."""

import keras
from keras import ops

from yt8m_distill.distillation_losses.distillation_loss import DistillationLoss
from yt8m_distill.errors import InputError


@keras.saving.register_keras_serializable(
    "yt8m_distill.distillation_losses.representation"
)
class RepresentationLoss(DistillationLoss):
    """L_rep = ‖E_T − E_S‖², summed over the representation.

    Bhardwaj et al. (CVPR 2019), equation 2.

    Args:
        weight: float, the factor in the objective.

    Raises:
        InputError: the representations differ in width.

    Example:

    >>> RepresentationLoss()({"representation": [[1., 2.]], ...},
    ...                      {"representation": [[0., 0.]], ...})
    [5.]
    """

    symbol = "L_rep"

    def build(self, teacher_outputs_shape, student_outputs_shape):
        teacher = teacher_outputs_shape["representation"][-1]
        student = student_outputs_shape["representation"][-1]
        if teacher != student:
            raise InputError(
                f"the teacher's representation has {teacher} values, the "
                f"student's {student}; the loss 'representation' needs equal "
                "widths (representation_dim of both encoders)"
            )

    def call(self, teacher_outputs, student_outputs):
        difference = (
            teacher_outputs["representation"]
            - student_outputs["representation"]
        )
        return ops.sum(ops.square(difference), axis=-1)
