"""NeXtVLAD with squeeze-and-excitation gating."""

import keras
from keras import ops

from yt8m_distill.encoders.encoder import (
    Encoder,
    Product,
    aggregate_each,
    build_each,
    feature_products,
)
from yt8m_distill.layers.argument_checks import check_whole_numbers
from yt8m_distill.layers.batch_normalization import BatchNormalization
from yt8m_distill.layers.frame_mask import frame_mask
from yt8m_distill.layers.nextvlad import NeXtVLAD
from yt8m_distill.layers.squeeze_excitation_gating import (
    SqueezeExcitationGating,
)
from yt8m_distill.layers.wide_dense import WideDense


@keras.saving.register_keras_serializable("yt8m_distill.encoders.nextvlad")
class NextVladEncoder(Encoder):
    """A NeXtVLAD for each feature, dropout, a hidden layer, a gate.

    The first feature (rgb) gets `clusters` clusters and `groups` groups, every
    other half as many (but at least 2 and 1).
    Lin, Xiao, Fan, "NeXtVLAD" (ECCV workshops 2018); the model NeXtVLADModel of
    linrongc/youtube-8m: hidden layer without bias (He), batch-normalised,
    squeeze-and-excitation gating. Its training script is the default here but
    for `momentum` (there 0.999).

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.
        representation_dim: int, size of the hidden layer.
        clusters: int, clusters of the first feature.
        groups: int, groups of the first feature.
        expansion: int, factor by which frames are expanded.
        reduction: int, factor by which the gate squeezes the hidden layer.
        dropout: share of the aggregated values dropped while training.
        momentum: float, share of the moving batch statistics that a step keeps;
            the lower, the sooner they follow; short trainings need 0.9.

    Raises:
        ValueError: when built, if the groups do not divide an expanded feature.

    Example:

    >>> encoder = NextVladEncoder(feature_sizes=(128,), representation_dim=256)
    >>> encoder(frames, num_frames)["representation"].shape
    (batch, 256)
    """

    def __init__(
        self,
        feature_sizes=(1024, 128),
        representation_dim=2048,
        clusters=128,
        groups=8,
        expansion=2,
        reduction=8,
        dropout=0.5,
        momentum=0.99,
        **kwargs,
    ):
        super().__init__(feature_sizes, representation_dim, **kwargs)
        check_whole_numbers(
            clusters=clusters,
            representation_dim=representation_dim,
            groups=groups,
        )
        self.clusters = clusters
        self.groups = groups
        self.expansion = expansion
        self.reduction = reduction
        self.dropout = dropout
        self.momentum = momentum
        # === Layers ===
        policy = {"dtype": self.dtype_policy}
        moving = {"momentum": momentum, **policy}
        self.aggregations = [
            NeXtVLAD(
                clusters if position == 0 else max(2, clusters // 2),
                groups if position == 0 else max(1, groups // 2),
                expansion,
                name=f"nextvlad_{position}",
                **moving,
            )
            for position in range(len(self.feature_sizes))
        ]
        self.dropout_layer = keras.layers.Dropout(dropout, **policy)
        self.hidden = WideDense(
            representation_dim,
            kernel_initializer="he_normal",
            use_bias=False,
            name="hidden",
            **policy,
        )
        self.normalization = BatchNormalization(
            name="hidden_normalization", **moving
        )
        self.gating = SqueezeExcitationGating(
            reduction, name="squeeze_excitation_gating", **moving
        )

    def build(self, frames_shape):
        batch = frames_shape[0]
        width = build_each(self.aggregations, self.feature_sizes, frames_shape)
        self.hidden.build((batch, width))
        self.normalization.build((batch, self.representation_dim))
        self.gating.build((batch, self.representation_dim))

    def call(self, frames, num_frames, training=False):
        mask = frame_mask(num_frames, ops.shape(frames)[1])
        aggregated = aggregate_each(
            self.aggregations, self.split_features(frames), mask, training
        )
        hidden = self.hidden(self.dropout_layer(aggregated, training=training))
        hidden = self.normalization(hidden, training=training)
        return {"representation": self.gating(hidden, training=training)}

    def products(self, num_frames):
        products = feature_products(self.aggregations, num_frames)
        size, hidden = self.hidden.kernel.shape
        gate = self.gating.count_flops() // 2
        return [
            *products,
            Product("hidden layer", size * hidden, False),
            Product("squeeze-and-excitation gating", gate, False),
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "clusters": self.clusters,
            "groups": self.groups,
            "expansion": self.expansion,
            "reduction": self.reduction,
            "dropout": self.dropout,
            "momentum": self.momentum,
        }
