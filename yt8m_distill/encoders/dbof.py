"""Deep bag of frames."""

import keras
from keras import ops

from yt8m_distill.encoders.encoder import Encoder, Product
from yt8m_distill.layers.argument_checks import check_whole_numbers
from yt8m_distill.layers.batch_normalization import BatchNormalization
from yt8m_distill.layers.frame_mask import frame_mask

ACTIVATIONS = {"sigmoid": ops.sigmoid, "relu6": ops.relu6}


@keras.saving.register_keras_serializable("yt8m_distill.encoders.dbof")
class DbofEncoder(Encoder):
    """Projects each frame to sparse codes, pools them, and projects once more.

    Abu-El-Haija et al., "YouTube-8M" (2016), section 4.1.2; `DbofModel` of
    google/youtube-8m: frames (batch-normalised) → `clusters` codes →
    activation → the largest or mean of each code over the real frames → hidden
    layer → activation; kernels N(0, 1/√inputs), biases of the codes N(0, 1/√D),
    of the hidden layer N(0, .01). Which frames it sees is the
    frame sampler's choice, not the encoder's.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order.
        representation_dim: int, size of the hidden layer.
        clusters: int, number of codes.
        batch_normalization: whether frames (real ones), codes and hidden layer
            are batch-normalised; if not, the latter two have a bias.
        pooling: `"max"` or `"average"`.
        activation: `"sigmoid"`, or `"relu6"` as in the code of 2017 and 2018.
        momentum: float, share of the moving batch statistics that a step keeps.

    Raises:
        ValueError: there is no such pooling or activation.

    Example:

    >>> encoder = DbofEncoder(feature_sizes=(128,), representation_dim=256)
    >>> encoder(frames, num_frames)["representation"].shape
    (batch, 256)
    """

    def __init__(
        self,
        feature_sizes=(1024, 128),
        representation_dim=1024,
        clusters=8192,
        batch_normalization=True,
        pooling="max",
        activation="sigmoid",
        momentum=0.99,
        **kwargs,
    ):
        super().__init__(feature_sizes, representation_dim, **kwargs)
        check_whole_numbers(
            clusters=clusters, representation_dim=representation_dim
        )
        if pooling not in ("max", "average"):
            raise ValueError(f"pooling={pooling!r}; give 'max' or 'average'")
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation={activation!r}; give 'sigmoid' or 'relu6'"
            )
        self.clusters = clusters
        self.batch_normalization = batch_normalization
        self.pooling = pooling
        self.activation = activation
        self.momentum = momentum
        # === Layers ===
        policy = {"dtype": self.dtype_policy}

        def dense(name, units, inputs, bias_stddev):
            return keras.layers.Dense(
                units,
                use_bias=not batch_normalization,
                kernel_initializer=keras.initializers.RandomNormal(
                    stddev=inputs**-0.5
                ),
                bias_initializer=keras.initializers.RandomNormal(
                    stddev=bias_stddev
                ),
                name=name,
                **policy,
            )

        values = sum(self.feature_sizes)
        self.codes = dense("codes", clusters, values, values**-0.5)
        self.hidden = dense("hidden", representation_dim, clusters, 0.01)
        self.normalizations = [
            BatchNormalization(
                momentum=momentum, name=f"{name}_normalization", **policy
            )
            for name in ("frame", "code", "hidden")
            if batch_normalization
        ]

    def build(self, frames_shape):
        batch, max_frames, _ = frames_shape
        codes_shape = (batch, max_frames, self.clusters)
        hidden_shape = (batch, self.representation_dim)
        self.codes.build(frames_shape)
        self.hidden.build((batch, self.clusters))
        for normalization, shape in zip(
            self.normalizations, (frames_shape, codes_shape, hidden_shape)
        ):
            normalization.build(shape)

    def call(self, frames, num_frames, training=False):
        mask = frame_mask(num_frames, ops.shape(frames)[1])
        activation = ACTIVATIONS[self.activation]

        def normalize(position, values, **mask):
            if not self.normalizations:
                return values
            return self.normalizations[position](
                values, training=training, **mask
            )

        frames = normalize(0, frames, mask=mask)
        codes = activation(normalize(1, self.codes(frames), mask=mask))
        # No activation is negative, so 0 is never the largest by itself.
        codes = ops.where(ops.expand_dims(mask, -1), codes, 0.0)
        if self.pooling == "max":
            pooled = ops.max(codes, axis=1)
        else:
            count = ops.maximum(ops.expand_dims(num_frames, -1), 1)
            pooled = ops.sum(codes, axis=1) / ops.cast(count, codes.dtype)
        hidden = activation(normalize(2, self.hidden(pooled)))
        return {"representation": hidden}

    def products(self, num_frames):
        values, clusters = self.codes.kernel.shape
        return [
            *(
                Product(
                    f"codes (feature {feature})",
                    num_frames * size * clusters,
                    True,
                    feature,
                )
                for feature, size in enumerate(self.feature_sizes)
            ),
            Product("hidden layer", clusters * self.representation_dim, False),
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "clusters": self.clusters,
            "batch_normalization": self.batch_normalization,
            "pooling": self.pooling,
            "activation": self.activation,
            "momentum": self.momentum,
        }
