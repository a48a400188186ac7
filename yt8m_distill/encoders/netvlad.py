"""NetVLAD with context gating."""

import keras
from keras import ops

from yt8m_distill.encoders.encoder import Encoder
from yt8m_distill.layers.context_gating import ContextGating
from yt8m_distill.layers.frame_mask import frame_mask
from yt8m_distill.layers.netvlad import NetVLAD


@keras.saving.register_keras_serializable("yt8m_distill.encoders.netvlad")
class NetVladEncoder(Encoder):
    """A NetVLAD for each feature, a hidden layer, context gating.

    The first feature (rgb) gets `clusters` clusters, every other half as many
    (but at least 2).
    Miech et al., "Learnable pooling with Context Gating" (2017); the model
    NetVLADModelLF of antoine77340/Youtube-8M-WILLOW without its relu6: hidden
    layer N(0, 1/√clusters), batch-normalised or with a bias.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.
        representation_dim: int, size of the hidden layer.
        clusters: int, clusters of the first feature.
        hidden_normalization: whether the hidden layer is batch-normalised; if
            not, it has a bias (WILLOW's published command), and its mean may
            move faster than the gate's moving statistics follow.
        context_gating: whether the hidden layer is gated.
        dropout: share of the aggregated values dropped while training.
        momentum: float, share of the moving batch statistics that a step keeps;
            the lower, the sooner they follow; short trainings need 0.9.

    Example:

    >>> encoder = NetVladEncoder(feature_sizes=(128,), representation_dim=256)
    >>> encoder(frames, num_frames)["representation"].shape
    (batch, 256)
    """

    def __init__(
        self,
        feature_sizes=(1024, 128),
        representation_dim=1024,
        clusters=256,
        hidden_normalization=True,
        context_gating=True,
        dropout=0.0,
        momentum=0.99,
        **kwargs,
    ):
        super().__init__(feature_sizes, representation_dim, **kwargs)
        self.clusters = clusters
        self.hidden_normalization = hidden_normalization
        self.context_gating = context_gating
        self.dropout = dropout
        self.momentum = momentum
        # === Layers ===
        policy = {"dtype": self.dtype_policy}
        self.aggregations = [
            NetVLAD(
                clusters if position == 0 else max(2, clusters // 2),
                momentum=momentum,
                name=f"netvlad_{position}",
                **policy,
            )
            for position in range(len(self.feature_sizes))
        ]
        self.dropout_layer = keras.layers.Dropout(dropout, **policy)
        self.hidden = keras.layers.Dense(
            representation_dim,
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=clusters**-0.5
            ),
            use_bias=not hidden_normalization,
            name="hidden",
            **policy,
        )
        self.normalization = (
            keras.layers.BatchNormalization(
                momentum=momentum, name="hidden_normalization", **policy
            )
            if hidden_normalization
            else None
        )
        self.gating = (
            ContextGating(momentum=momentum, name="context_gating", **policy)
            if context_gating
            else None
        )

    @property
    def aggregated_size(self):
        """Number of values that the aggregations give together."""
        return sum(
            size * aggregation.clusters
            for size, aggregation in zip(self.feature_sizes, self.aggregations)
        )

    def build(self, frames_shape):
        batch, max_frames, _ = frames_shape
        for size, aggregation in zip(self.feature_sizes, self.aggregations):
            aggregation.build((batch, max_frames, size))
        self.hidden.build((batch, self.aggregated_size))
        if self.normalization:
            self.normalization.build((batch, self.representation_dim))
        if self.gating:
            self.gating.build((batch, self.representation_dim))

    def call(self, frames, num_frames, training=False):
        mask = frame_mask(num_frames, frames.shape[1])
        aggregated = ops.concatenate(
            [
                aggregation(feature, mask=mask, training=training)
                for aggregation, feature in zip(
                    self.aggregations, self.split_features(frames)
                )
            ],
            axis=-1,
        )
        hidden = self.hidden(self.dropout_layer(aggregated, training=training))
        if self.normalization:
            hidden = self.normalization(hidden, training=training)
        if self.gating:
            hidden = self.gating(hidden, training=training)
        return {"representation": hidden}

    def count_flops(self, num_frames):
        flops = sum(
            aggregation.count_flops(num_frames, size)
            for size, aggregation in zip(self.feature_sizes, self.aggregations)
        )
        flops += 2 * self.aggregated_size * self.representation_dim
        if self.gating:
            flops += self.gating.count_flops(self.representation_dim)
        return flops

    def get_config(self):
        return {
            **super().get_config(),
            "clusters": self.clusters,
            "hidden_normalization": self.hidden_normalization,
            "context_gating": self.context_gating,
            "dropout": self.dropout,
            "momentum": self.momentum,
        }
