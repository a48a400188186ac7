"""A mixture of logistic experts for each class."""

import keras

from yt8m_distill.heads.head import Head
from yt8m_distill.layers.mixture_of_experts import MixtureOfExperts


@keras.saving.register_keras_serializable(
    "yt8m_distill.heads.mixture_of_experts"
)
class MixtureOfExpertsHead(Head):
    """Gated experts and one that always says 0, as logits.

    `MoeModel` of google/youtube-8m, in log space; with probability gating, that
    of antoine77340/Youtube-8M-WILLOW.

    Args:
        num_classes: int, size of the vocabulary.
        num_mixtures: int, experts of a class besides the one that says 0.
        l2_penalty: float, λ of a penalty λ/2 · Σ W² of gates and experts; times
            `--regularization_penalty` in the objective.
        probability_gating: whether the classes' probabilities weigh each other.
        remove_diagonal: whether no class weighs itself in probability gating.
        momentum: float, share of the moving batch statistics that a step keeps.

    Example:

    >>> MixtureOfExpertsHead(num_classes=3862)(keras.ops.ones((2, 1024))).shape
    (2, 3862)
    """

    def __init__(
        self,
        num_classes=3862,
        num_mixtures=2,
        l2_penalty=1e-8,
        probability_gating=False,
        remove_diagonal=False,
        momentum=0.99,
        **kwargs,
    ):
        super().__init__(num_classes, **kwargs)
        self.arguments = {
            "num_mixtures": num_mixtures,
            "l2_penalty": l2_penalty,
            "probability_gating": probability_gating,
            "remove_diagonal": remove_diagonal,
            "momentum": momentum,
        }
        self.mixture = MixtureOfExperts(
            num_classes,
            **self.arguments,
            name="mixture",
            dtype=self.dtype_policy,
        )

    def build(self, representation_shape):
        self.mixture.build(representation_shape)

    def call(self, representation, training=False):
        return self.mixture(representation, training=training)

    def count_flops(self):
        return self.mixture.count_flops()

    def get_config(self):
        return {**super().get_config(), **self.arguments}
