"""L_pred: the student should predict what the teacher predicts."""

import keras
from keras import ops

from yt8m_distill.distillation_losses.distillation_loss import DistillationLoss


@keras.saving.register_keras_serializable(
    "yt8m_distill.distillation_losses.prediction"
)
class PredictionLoss(DistillationLoss):
    """L_pred = T² Σ_c KL(Bernoulli(σ(z_T/T)) ‖ Bernoulli(σ(z_S/T))).

    A video has several labels, so each class is a distribution of its own.
    Hinton et al., "Distilling the Knowledge in a Neural Network" (2015),
    section 2, for the temperature; Bhardwaj et al. (CVPR 2019), section 4, for
    the term. Computed from logits, so it neither overflows nor needs clipping.

    Args:
        weight: float, the factor in the objective.
        temperature: float > 0, T above.

    Example:

    >>> PredictionLoss()({"logits": [[0.]], ...}, {"logits": [[2.]], ...})
    [0.434]
    """

    symbol = "L_pred"

    def __init__(self, weight=1.0, temperature=1.0, **kwargs):
        super().__init__(weight, **kwargs)
        self.temperature = temperature

    def call(self, teacher_outputs, student_outputs):
        teacher = teacher_outputs["logits"] / self.temperature
        student = student_outputs["logits"] / self.temperature
        # −log(1 − σ(z)) = softplus(z) and log σ(z) − log(1 − σ(z)) = z
        divergence = (
            ops.sigmoid(teacher) * (teacher - student)
            + ops.softplus(student)
            - ops.softplus(teacher)
        )
        return self.temperature**2 * ops.sum(divergence, axis=-1)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
