"""One logistic regression a class."""

import keras

from yt8m_distill.heads.head import Head


@keras.saving.register_keras_serializable("yt8m_distill.heads.logistic")
class LogisticHead(Head):
    """logits = representation · W + b.

    `LogisticModel` of google/youtube-8m.

    Args:
        num_classes: int, size of the vocabulary.
        l2_penalty: float, λ of the penalty λ/2 · Σ W²; times
            `--regularization_penalty` in the objective.
        penalize_bias: whether λ/2 · Σ b² is added.

    Example:

    >>> LogisticHead(num_classes=3862)(keras.ops.ones((2, 1024))).shape
    (2, 3862)
    """

    def __init__(
        self, num_classes=3862, l2_penalty=1e-8, penalize_bias=False, **kwargs
    ):
        super().__init__(num_classes, **kwargs)
        self.l2_penalty = l2_penalty
        self.penalize_bias = penalize_bias
        # Keras' L2 has no factor 1/2.
        penalty = keras.regularizers.L2(l2_penalty / 2) if l2_penalty else None
        self.output_layer = keras.layers.Dense(
            num_classes,
            kernel_regularizer=penalty,
            bias_regularizer=penalty if penalize_bias else None,
            name="output",
            dtype=self.dtype_policy,
        )

    def build(self, representation_shape):
        self.output_layer.build(representation_shape)

    def call(self, representation, training=False):
        return self.output_layer(representation)

    def count_flops(self):
        size, num_classes = self.output_layer.kernel.shape
        return 2 * size * num_classes

    def get_config(self):
        return {
            **super().get_config(),
            "l2_penalty": self.l2_penalty,
            "penalize_bias": self.penalize_bias,
        }
