"""Squeeze-and-excitation gating: context gating through a bottleneck."""

import keras
from keras import ops

from yt8m_distill.layers.argument_checks import (
    check_momentum,
    check_whole_numbers,
)
from yt8m_distill.layers.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable(
    "yt8m_distill.layers.squeeze_excitation_gating"
)
class SqueezeExcitationGating(keras.layers.Layer):
    """y = x ∘ σ(relu(BN(x W1)) W2) with W1 of d × d/r, W2 of d/r × d.

    The "SE context gating" of Lin, Xiao, Fan, "NeXtVLAD" (ECCV workshops 2018);
    order of operations and initialisation (He) as in linrongc/youtube-8m.

    Args:
        reduction: int, r.
        momentum: float, share of the moving batch statistics that a step keeps.

    Call arguments:
        inputs: float `(batch, d)`.
        training: whether batch statistics are used and collected.

    Output shape:
        `(batch, d)`.

    Raises:
        ValueError: when built, if d < `reduction`.

    Example:

    >>> SqueezeExcitationGating(reduction=2)(keras.ops.ones((2, 8))).shape
    (2, 8)
    """

    def __init__(self, reduction=8, momentum=0.99, **kwargs):
        super().__init__(**kwargs)
        check_whole_numbers(reduction=reduction)
        check_momentum(momentum)
        self.reduction = reduction
        self.momentum = momentum
        self.normalization = BatchNormalization(
            momentum=momentum, name="normalization", dtype=self.dtype_policy
        )

    def build(self, input_shape):
        *batch, size = input_shape
        if size < self.reduction:
            raise ValueError(
                f"reduction={self.reduction} leaves nothing of {size} values; "
                f"give at most {size}"
            )
        self.squeeze_kernel = self.add_weight(
            name="squeeze_kernel",
            shape=(size, size // self.reduction),
            initializer="he_normal",
        )
        self.excitation_kernel = self.add_weight(
            name="excitation_kernel",
            shape=(size // self.reduction, size),
            initializer="he_normal",
        )
        self.normalization.build((*batch, size // self.reduction))

    def call(self, inputs, training=False):
        squeezed = self.normalization(
            ops.matmul(inputs, self.squeeze_kernel), training=training
        )
        gates = ops.matmul(ops.relu(squeezed), self.excitation_kernel)
        return inputs * ops.sigmoid(gates)

    def count_flops(self):
        """FLOPs of one call on one video: 2 × the multiply-adds."""
        size, squeezed = self.squeeze_kernel.shape
        return 2 * 2 * size * squeezed

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "momentum": self.momentum,
        }
