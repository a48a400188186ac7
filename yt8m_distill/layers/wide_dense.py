"""A dense layer of very many inputs, whose gradient to them is fast."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("yt8m_distill.layers.wide_dense")
class WideDense(keras.layers.Dense):
    """`keras.layers.Dense`, for the hidden layers after aggregations.

    What flows back to the inputs is δ Wᵀ. With hundreds of thousands of inputs
    and few videos CPUs compute that at a third of their speed; its transpose
    W δᵀ, which is then turned, takes half the time or less. Arguments, weights
    and their names are Keras'; no activation.

    Call arguments:
        inputs: float `(batch, width)`.
    """

    def call(self, inputs, training=None):
        # Of this product autodiff finds the kernel's gradient alone.
        outputs = ops.matmul(ops.stop_gradient(inputs), self.kernel)
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs + _nothing(inputs, self.kernel, self.units)

    def quantize(self, mode=None, type_check=True, config=None):
        # Keras leaves subclasses out, whose call may be another.
        super().quantize(mode, type_check=False, config=config)


def _nothing(inputs, kernel, units):
    """Zeros, through which the inputs get their gradient of `inputs @ kernel`.

    Args:
        inputs: float `(batch, width)`.
        kernel: `(width, units)`.
        units: int.

    Returns:
        `(batch, units)`.
    """
    dtype = inputs.dtype

    @ops.custom_gradient
    def zeros(inputs):
        def gradient(*args, upstream=None):
            if upstream is None:
                (upstream,) = args
            weights = ops.cast(ops.stop_gradient(kernel), dtype)
            return ops.transpose(ops.matmul(weights, ops.transpose(upstream)))

        return ops.zeros((ops.shape(inputs)[0], units), dtype), gradient

    return zeros(inputs)
