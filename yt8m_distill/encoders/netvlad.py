"""NetVLAD with context gating."""

import math

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
from yt8m_distill.layers.context_gating import ContextGating
from yt8m_distill.layers.frame_mask import frame_mask
from yt8m_distill.layers.netvlad import NetVLAD
from yt8m_distill.layers.wide_dense import WideDense


@keras.saving.register_keras_serializable("yt8m_distill.encoders.netvlad")
class NetVladEncoder(Encoder):
    """A NetVLAD for each feature, a hidden layer, context gating.

    The first feature (rgb) gets `clusters` clusters, every other half as many
    (but at least 2).
    Miech et al., "Learnable pooling with Context Gating" (2017); the model
    NetVLADModelLF of antoine77340/Youtube-8M-WILLOW without its relu6: hidden
    layer N(0, 1/√clusters), batch-normalised or with a bias. WILLOW's published
    command is `input_normalization=True, hidden_normalization=False,
    momentum=0.999`.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.
        representation_dim: int, size of the hidden layer.
        clusters: int, clusters of the first feature.
        input_normalization: whether the values of the real frames are
            batch-normalised first.
        hidden_normalization: whether the hidden layer is batch-normalised; if
            not, it has a bias, and its mean may move faster than the gate's
            moving statistics follow.
        context_gating: whether the hidden layer is gated.
        remove_diagonal: whether no hidden value weighs itself in the gating.
        dropout: share of the aggregated values dropped while training.
        momentum: float, share of the moving batch statistics that a step keeps;
            the lower, the sooner they follow; short trainings need 0.9.
        hidden_rank: int; the hidden layer, which holds most of the weights and
            of a student's work, is then the product of a matrix with so many
            columns and one with so many rows. None: one whole matrix.

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
        input_normalization=False,
        hidden_normalization=True,
        context_gating=True,
        remove_diagonal=False,
        dropout=0.0,
        momentum=0.99,
        hidden_rank=None,
        **kwargs,
    ):
        super().__init__(feature_sizes, representation_dim, **kwargs)
        check_whole_numbers(
            clusters=clusters,
            representation_dim=representation_dim,
            hidden_rank=hidden_rank,
        )
        self.clusters = clusters
        self.input_normalization = input_normalization
        self.hidden_normalization = hidden_normalization
        self.context_gating = context_gating
        self.remove_diagonal = remove_diagonal
        self.dropout = dropout
        self.momentum = momentum
        self.hidden_rank = hidden_rank
        # === Layers ===
        policy = {"dtype": self.dtype_policy}
        moving = {"momentum": momentum, **policy}
        self.frame_normalization = (
            BatchNormalization(name="frame_normalization", **moving)
            if input_normalization
            else None
        )
        self.aggregations = [
            NetVLAD(
                clusters if position == 0 else max(2, clusters // 2),
                name=f"netvlad_{position}",
                **moving,
            )
            for position in range(len(self.feature_sizes))
        ]
        self.dropout_layer = keras.layers.Dropout(dropout, **policy)
        deviation = clusters**-0.5
        self.hidden_factor = None
        if hidden_rank:
            self.hidden_factor = WideDense(
                hidden_rank,
                kernel_initializer=keras.initializers.RandomNormal(
                    stddev=deviation
                ),
                use_bias=False,
                name="hidden_factor",
                **policy,
            )
            deviation = hidden_rank**-0.5
        self.hidden = WideDense(
            representation_dim,
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=deviation
            ),
            bias_initializer=keras.initializers.RandomNormal(stddev=0.01),
            use_bias=not hidden_normalization,
            name="hidden",
            **policy,
        )
        self.normalization = (
            BatchNormalization(name="hidden_normalization", **moving)
            if hidden_normalization
            else None
        )
        self.gating = (
            ContextGating(
                remove_diagonal=remove_diagonal, name="context_gating", **moving
            )
            if context_gating
            else None
        )

    def build(self, frames_shape):
        batch = frames_shape[0]
        if self.frame_normalization:
            self.frame_normalization.build(frames_shape)
        width = build_each(self.aggregations, self.feature_sizes, frames_shape)
        if self.hidden_factor:
            self.hidden_factor.build((batch, width))
            width = self.hidden_rank
        self.hidden.build((batch, width))
        if self.normalization:
            self.normalization.build((batch, self.representation_dim))
        if self.gating:
            self.gating.build((batch, self.representation_dim))

    def call(self, frames, num_frames, training=False):
        mask = frame_mask(num_frames, ops.shape(frames)[1])
        if self.frame_normalization:
            frames = self.frame_normalization(
                frames, training=training, mask=mask
            )
        aggregated = aggregate_each(
            self.aggregations, self.split_features(frames), mask, training
        )
        hidden = self.dropout_layer(aggregated, training=training)
        if self.hidden_factor:
            hidden = self.hidden_factor(hidden)
        hidden = self.hidden(hidden)
        if self.normalization:
            hidden = self.normalization(hidden, training=training)
        if self.gating:
            hidden = self.gating(hidden, training=training)
        return {"representation": hidden}

    def products(self, num_frames):
        products = feature_products(self.aggregations, num_frames)
        for layer in (self.hidden_factor, self.hidden):
            if layer:
                count = math.prod(layer.kernel.shape)
                products.append(Product("hidden layer", count, False))
        if self.gating:
            gate = self.gating.count_flops() // 2
            products.append(Product("context gating", gate, False))
        return products

    def get_config(self):
        return {
            **super().get_config(),
            "clusters": self.clusters,
            "input_normalization": self.input_normalization,
            "hidden_normalization": self.hidden_normalization,
            "context_gating": self.context_gating,
            "remove_diagonal": self.remove_diagonal,
            "dropout": self.dropout,
            "momentum": self.momentum,
            "hidden_rank": self.hidden_rank,
        }
