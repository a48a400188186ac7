"""NetVLAD: a differentiable vector of locally aggregated descriptors."""

import keras
from keras import ops

from yt8m_distill.layers.argument_checks import (
    check_momentum,
    check_whole_numbers,
)
from yt8m_distill.layers.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable("yt8m_distill.layers.netvlad")
class NetVLAD(keras.layers.Layer):
    """Sums each frame's residual to the cluster centres it belongs to.

    With assignments a = softmax(BN(x W)) over the clusters, zero for padding,

        V[d, k] = Σ_t a[t, k] x[t, d] − C[d, k] Σ_t a[t, k],

    each cluster's column scaled to unit length (intra-normalisation), the
    matrix flattened with index d · clusters + k and scaled to unit length.

    Arandjelović et al., "NetVLAD" (CVPR 2016), equation 4; order of operations
    and initialisation as in antoine77340/LOUPE: W, C and the bias ~ N(0, 1/√D).
    There the padding takes part; here it changes nothing, batch statistics
    included.

    Args:
        clusters: int, number of cluster centres.
        batch_normalization: whether the assignment logits are batch-normalised
            over the real frames; if not, they get a bias.
        momentum: float, share of the moving batch statistics that a step keeps.

    Call arguments:
        frames: float `(batch, max_frames, D)`.
        mask: bool `(batch, max_frames)`, True for real frames; None: all are.
        training: whether batch statistics are used and collected.

    Output shape:
        `(batch, D * clusters)`.

    Example:

    >>> NetVLAD(clusters=4)(keras.ops.ones((2, 10, 8))).shape
    (2, 32)
    """

    def __init__(
        self, clusters, batch_normalization=True, momentum=0.99, **kwargs
    ):
        super().__init__(**kwargs)
        check_whole_numbers(clusters=clusters)
        check_momentum(momentum)
        self.clusters = clusters
        self.batch_normalization = batch_normalization
        self.momentum = momentum
        self.supports_masking = True
        self.normalization = (
            BatchNormalization(
                momentum=momentum, name="normalization", dtype=self.dtype_policy
            )
            if batch_normalization
            else None
        )

    def build(self, frames_shape):
        size = frames_shape[-1]
        normal = keras.initializers.RandomNormal(stddev=size**-0.5)
        self.assignment_kernel = self.add_weight(
            name="assignment_kernel",
            shape=(size, self.clusters),
            initializer=normal,
        )
        self.centres = self.add_weight(
            name="centres",
            shape=(size, self.clusters),
            initializer=normal.clone(),
        )
        if self.normalization:
            self.normalization.build((*frames_shape[:-1], self.clusters))
        else:
            self.assignment_bias = self.add_weight(
                name="assignment_bias",
                shape=(self.clusters,),
                initializer=normal.clone(),
            )

    def call(self, frames, mask=None, training=False):
        logits = ops.matmul(frames, self.assignment_kernel)
        if self.normalization:
            logits = self.normalization(logits, training=training, mask=mask)
        else:
            logits = logits + self.assignment_bias
        assignments = ops.softmax(logits, axis=-1)  # (batch, T, clusters)
        if mask is not None:
            mask = ops.cast(ops.expand_dims(mask, -1), assignments.dtype)
            assignments = assignments * mask
        residuals = sum_residuals(frames, assignments, self.centres)
        return ops.reshape(
            _normalize_columns_then_all(residuals),
            (-1, self.centres.shape[0] * self.clusters),
        )

    def count_products(self, num_frames):
        """Multiply-adds of each matrix product for one video.

        Args:
            num_frames: int.

        Returns:
            dict name → int; all are done for every frame.
        """
        size = self.centres.shape[0]
        return {
            "assignment": num_frames * size * self.clusters,
            "aggregation": num_frames * size * self.clusters,
        }

    def count_flops(self, num_frames):
        """FLOPs for one video: 2 × the multiply-adds of all products.

        Args:
            num_frames: int.
        """
        return 2 * sum(self.count_products(num_frames).values())

    def compute_mask(self, frames, mask=None):
        return None  # no frames are left to be masked

    def compute_output_shape(self, frames_shape):
        return frames_shape[0], frames_shape[-1] * self.clusters

    def get_config(self):
        return {
            **super().get_config(),
            "clusters": self.clusters,
            "batch_normalization": self.batch_normalization,
            "momentum": self.momentum,
        }


def _normalize_columns_then_all(matrices):
    """Unit columns, then matrices of unit length, in one pass over them.

    Args:
        matrices: float `(batch, D, clusters)`.

    Returns:
        The same as two calls of `l2_normalize`: the norm of all is that of the
        columns' norms.
    """
    dtype = matrices.dtype
    # 1e-12 is 0 in float16, and squares overflow there.
    if "16" in str(dtype):
        matrices = ops.cast(matrices, "float32")
    squares = ops.sum(ops.square(matrices), axis=1, keepdims=True)
    scales = ops.rsqrt(ops.maximum(squares, 1e-12))
    total = ops.sum(squares * ops.square(scales), axis=2, keepdims=True)
    scales = scales * ops.rsqrt(ops.maximum(total, 1e-12))
    return ops.cast(matrices * scales, dtype)


def sum_residuals(descriptors, assignments, centres):
    """Σ_t a[t, k] (x[t, d] − C[d, k]).

    Args:
        descriptors: float `(batch, T, D)`.
        assignments: float `(batch, T, clusters)`, 0 for padding.
        centres: float `(D, clusters)`.

    Returns:
        float `(batch, D, clusters)`.
    """
    # (batch, D, T) @ (batch, T, clusters)
    sums = ops.matmul(ops.transpose(descriptors, (0, 2, 1)), assignments)
    weights = ops.sum(assignments, axis=1, keepdims=True)
    return sums - weights * centres
