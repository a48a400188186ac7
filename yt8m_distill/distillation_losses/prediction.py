"""L_pred: the student should predict what the teacher predicts."""

import keras
from keras import ops

from yt8m_distill.distillation_losses.distillation_loss import DistillationLoss


@keras.saving.register_keras_serializable(
    "yt8m_distill.distillation_losses.prediction"
)
class PredictionLoss(DistillationLoss):
    """L_pred: a distance d(P_T, P_S) of the predicted probabilities.

    With z/T the logits divided by the temperature and p = σ(z/T):

    * `"bernoulli_kl"`: T² Σ_c KL(Bernoulli(p_T) ‖ Bernoulli(p_S)). A video has
      several labels, so each class is a distribution of its own.
    * `"categorical_kl"`: T² KL(P_T ‖ P_S) of P = p / Σ_c p, as in the authors'
      code, which sums it over the batch, where here it is averaged; how sure a
      model is of all classes together is lost.
    * `"squared_error"`: Σ_c (p_T − p_S)².

    Bhardwaj et al. (CVPR 2019), equation 4; Hinton et al., "Distilling the
    Knowledge in a Neural Network" (2015), section 2, for the temperature.
    Computed from logits, so it neither overflows nor needs clipping.

    Args:
        weight: float, the factor in the objective.
        temperature: float > 0, T above.
        distance: `"bernoulli_kl"`, `"categorical_kl"` or `"squared_error"`.
        first_epoch: int, the first epoch in which the loss counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.

    Raises:
        ValueError: there is no such distance, or the temperature is not
            positive.

    Example:

    >>> PredictionLoss()({"logits": [[0.]], ...}, {"logits": [[2.]], ...})
    [0.434]
    """

    symbol = "L_pred"
    compares_predictions = True
    needs = ("logits",)

    def __init__(
        self,
        weight=1.0,
        temperature=1.0,
        distance="bernoulli_kl",
        first_epoch=1,
        last_epoch=None,
        **kwargs,
    ):
        super().__init__(weight, first_epoch, last_epoch, **kwargs)
        if distance not in DISTANCES:
            raise ValueError(
                f"distance={distance!r}; give one of {', '.join(DISTANCES)}"
            )
        if not temperature > 0:
            raise ValueError(f"temperature={temperature}; give more than 0")
        self.temperature = temperature
        self.distance = distance

    def call(self, teacher_outputs, student_outputs):
        return DISTANCES[self.distance](
            teacher_outputs["logits"],
            student_outputs["logits"],
            self.temperature,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "distance": self.distance,
        }


def _bernoulli_kl(teacher, student, temperature):
    teacher, student = teacher / temperature, student / temperature
    # −log(1 − σ(z)) = softplus(z) and log σ(z) − log(1 − σ(z)) = z
    divergence = (
        ops.sigmoid(teacher) * (teacher - student)
        + ops.softplus(student)
        - ops.softplus(teacher)
    )
    return temperature**2 * ops.sum(divergence, axis=-1)


def _categorical_kl(teacher, student, temperature):
    teacher, student = (
        ops.log_softmax(ops.log_sigmoid(logits / temperature), axis=-1)
        for logits in (teacher, student)
    )
    divergence = ops.exp(teacher) * (teacher - student)
    return temperature**2 * ops.sum(divergence, axis=-1)


def _squared_error(teacher, student, temperature):
    difference = ops.sigmoid(teacher / temperature) - ops.sigmoid(
        student / temperature
    )
    return ops.sum(ops.square(difference), axis=-1)


DISTANCES = {
    "bernoulli_kl": _bernoulli_kl,
    "categorical_kl": _categorical_kl,
    "squared_error": _squared_error,
}
