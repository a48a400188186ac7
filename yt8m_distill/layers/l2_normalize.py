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
    squares = ops.sum(ops.square(inputs), axis=axis, keepdims=True)
    return inputs * ops.rsqrt(ops.maximum(squares, 1e-12))
