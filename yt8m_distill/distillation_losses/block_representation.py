"""L_rep of intermediate representations: the blocks of an H-RNN."""

import keras
from keras import ops

from yt8m_distill.distillation_losses.distillation_loss import DistillationLoss
from yt8m_distill.errors import InputError


@keras.saving.register_keras_serializable(
    "yt8m_distill.distillation_losses.block_representation"
)
class BlockRepresentationLoss(DistillationLoss):
    """L_rep^I = Σ_i ‖I_T^t(i) − I_S^i‖² over the student's blocks.

    I_S^i is the student's state at the end of its block i, which is at some
    frame of the video; t(i) is the teacher's block that ends nearest to that
    frame (the earlier of two). Blocks without real frames do not count.

    Bhardwaj et al. (CVPR 2019), equation 3.

    Args:
        weight: float, the factor in the objective.
        first_epoch: int, the first epoch in which the loss counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.

    Raises:
        InputError: the block representations differ in width.

    Example:

    >>> BlockRepresentationLoss()(
    ...     {"block_representations": [[[1.], [2.]]], "block_ends": [[9, 19]],
    ...      "num_blocks": [2], ...},
    ...     {"block_representations": [[[0.]]], "block_ends": [[17]],
    ...      "num_blocks": [1], ...})
    [4.]
    """

    symbol = "L_rep^I"
    needs = ("block_representations", "block_ends", "num_blocks")

    def build(self, teacher_outputs_shape, student_outputs_shape):
        teacher = teacher_outputs_shape["block_representations"][-1]
        student = student_outputs_shape["block_representations"][-1]
        if teacher != student:
            raise InputError(
                f"the teacher's block representations have {teacher} values, "
                f"the student's {student}; give both the same units and "
                "num_layers"
            )

    def call(self, teacher_outputs, student_outputs):
        teacher = teacher_outputs["block_representations"]
        student = student_outputs["block_representations"]
        # (batch, student's blocks, teacher's blocks)
        distance = ops.abs(
            ops.expand_dims(student_outputs["block_ends"], 2)
            - ops.expand_dims(teacher_outputs["block_ends"], 1)
        )
        numbers = ops.arange(ops.shape(teacher)[1], dtype="int32")
        real = numbers < ops.expand_dims(teacher_outputs["num_blocks"], 1)
        distance = ops.where(ops.expand_dims(real, 1), distance, 2**30)
        nearest = ops.argmin(distance, axis=-1)
        matched = ops.take_along_axis(
            teacher, ops.expand_dims(nearest, -1), axis=1
        )
        errors = ops.sum(ops.square(matched - student), axis=-1)
        numbers = ops.arange(ops.shape(student)[1], dtype="int32")
        real = numbers < ops.expand_dims(student_outputs["num_blocks"], 1)
        return ops.sum(ops.where(real, errors, 0.0), axis=-1)
