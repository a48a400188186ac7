"""The contract of distillation losses."""

import keras


class DistillationLoss(keras.layers.Layer):
    """How far a student's outputs are from what it is taught.

    The labels of a video count as one more teacher: they are found under
    `labels` in the teacher's outputs, always. Losses that own weights (such as
    a projection between widths) are trained with the student.

    Args:
        weight: float, the factor of this loss in the objective; applied by the
            `Distiller`.

    Call arguments:
        teacher_outputs: dict with `labels` `(batch, num_classes)` and, where
            there is a teacher, its `representation` and `logits`.
        student_outputs: dict with `representation` and `logits`.

    Output shape:
        float `(batch,)`, the loss of each video.
    """

    # False for losses that need the labels alone.
    needs_teacher = True
    # How the loss is written in the printed objective.
    symbol = None

    def __init__(self, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight

    def build(self, teacher_outputs_shape, student_outputs_shape):
        """Makes weights or refuses; gets `(None, width)` by output's name."""

    def compute_output_shape(self, teacher_shapes, student_shapes):
        return (student_shapes["logits"][0],)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}
