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

    Bhardwaj et al. (CVPR 2019), equation 2. With `projection` E_S is E_S P + b,
    learned with the student and no part of it, so that student and teacher may
    be of different families and widths.

    Args:
        weight: float, the factor in the objective.
        projection: whether the student's representation is projected first.
        first_epoch: int, the first epoch in which the loss counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.

    Raises:
        InputError: the representations differ in width and there is no
            projection.

    Example:

    >>> RepresentationLoss()({"representation": [[1., 2.]], ...},
    ...                      {"representation": [[0., 0.]], ...})
    [5.]
    """

    symbol = "L_rep"
    needs = ("representation",)

    def __init__(
        self,
        weight=1.0,
        projection=False,
        first_epoch=1,
        last_epoch=None,
        **kwargs,
    ):
        super().__init__(weight, first_epoch, last_epoch, **kwargs)
        self.projection = projection
        self.projection_layer = None

    def build(self, teacher_outputs_shape, student_outputs_shape):
        teacher = teacher_outputs_shape["representation"][-1]
        student = student_outputs_shape["representation"][-1]
        if self.projection:
            self.projection_layer = keras.layers.Dense(
                teacher, name="projection", dtype=self.dtype_policy
            )
            self.projection_layer.build((None, student))
        elif teacher != student:
            raise InputError(
                f"the teacher's representation has {teacher} values, the "
                f"student's {student}; give both encoders the same width "
                "(representation_dim) or the loss rep(projection=True)"
            )

    def call(self, teacher_outputs, student_outputs):
        student = student_outputs["representation"]
        if self.projection_layer:
            student = self.projection_layer(student)
        difference = teacher_outputs["representation"] - student
        return ops.sum(ops.square(difference), axis=-1)

    def get_config(self):
        return {**super().get_config(), "projection": self.projection}
