"""Context gating: features that weigh each other."""

import keras
from keras import ops

from yt8m_distill.layers.argument_checks import check_momentum
from yt8m_distill.layers.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable("yt8m_distill.layers.context_gating")
class ContextGating(keras.layers.Layer):
    """y = x ∘ σ(BN(x W)).

    Miech, Laptev, Sivic, "Learnable pooling with Context Gating for video
    classification" (2017), equation 2; initialisation as in
    antoine77340/LOUPE: W and the bias ~ N(0, 1/√d).

    Args:
        batch_normalization: whether the gate's logits are batch-normalised; if
            not, they get a bias.
        remove_diagonal: whether W's diagonal is left out, so that no feature
            weighs itself (`gating_remove_diag` of Youtube-8M-WILLOW).
        momentum: float, share of the moving batch statistics that a step keeps.

    Call arguments:
        inputs: float `(batch, d)`.
        training: whether batch statistics are used and collected.

    Output shape:
        `(batch, d)`.

    Example:

    >>> ContextGating()(keras.ops.ones((2, 8))).shape
    (2, 8)
    """

    def __init__(
        self,
        batch_normalization=True,
        remove_diagonal=False,
        momentum=0.99,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_momentum(momentum)
        self.batch_normalization = batch_normalization
        self.remove_diagonal = remove_diagonal
        self.momentum = momentum
        self.normalization = (
            BatchNormalization(
                momentum=momentum, name="normalization", dtype=self.dtype_policy
            )
            if batch_normalization
            else None
        )

    def build(self, input_shape):
        size = input_shape[-1]
        normal = keras.initializers.RandomNormal(stddev=size**-0.5)
        self.kernel = self.add_weight(
            name="kernel", shape=(size, size), initializer=normal
        )
        if self.normalization:
            self.normalization.build(input_shape)
        else:
            self.bias = self.add_weight(
                name="bias", shape=(size,), initializer=normal.clone()
            )

    def call(self, inputs, training=False):
        return inputs * ops.sigmoid(self.logits(inputs, training))

    def logits(self, inputs, training=False):
        """Logits of the gates, `(batch, d)`; arguments as of a call."""
        logits = ops.matmul(inputs, self.kernel)
        if self.remove_diagonal:
            logits = logits - inputs * ops.diagonal(self.kernel)
        if self.normalization:
            return self.normalization(logits, training=training)
        return logits + self.bias

    def count_flops(self):
        """FLOPs of one call on one video: 2 × the gate's multiply-adds."""
        size, _ = self.kernel.shape
        return 2 * size * size

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "batch_normalization": self.batch_normalization,
            "remove_diagonal": self.remove_diagonal,
            "momentum": self.momentum,
        }
