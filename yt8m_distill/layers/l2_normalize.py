"""Scaling to unit Euclidean length."""

from keras import ops


def l2_normalize(inputs, axis=-1):
    """Divides by the Euclidean norm; zeros stay zeros, with finite gradients.

    x / sqrt(max(Σ x², 1e-12)), as `tf.nn.l2_normalize`.

    Args:
        inputs: float tensor of any shape.
        axis: int or tuple, the axes of the norm.

    Returns:
        A tensor of the same shape and dtype.
    """
    dtype = inputs.dtype
    # 1e-12 is 0 in float16, and squares overflow there.
    values = ops.cast(inputs, "float32") if "16" in str(dtype) else inputs
    squares = ops.sum(ops.square(values), axis=axis, keepdims=True)
    return ops.cast(values * ops.rsqrt(ops.maximum(squares, 1e-12)), dtype)
