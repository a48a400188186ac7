"""The contract of encoders."""

import itertools
from typing import NamedTuple

import keras
from keras import ops


class Product(NamedTuple):
    """A matrix product that an encoder computes for a video.

    Attributes:
        name: str, such as `"assignment (rgb)"`.
        multiply_adds: int, for one video; 1 multiply-add = 2 FLOPs.
        per_frame: whether it is done for every frame; otherwise once a video
            or once a block.
        feature: int, index of the one feature that it sees; None: of all.
        beside: whether it is a gate or attention beside the main path, which
            the paper's tables leave out.
    """

    name: str
    multiply_adds: int
    per_frame: bool
    feature: int | None = None
    beside: bool = False


class Encoder(keras.layers.Layer):
    """Turns the frames of a video into one representation.

    Bytes in padded frames change nothing.

    Args:
        feature_sizes: sizes of the features that make up a frame, in order,
            such as (1024, 128) for rgb and audio.
        representation_dim: int.

    Call arguments:
        frames: float `(batch, max_frames, sum(feature_sizes))`, as the input
            layer gives them.
        num_frames: int32 `(batch,)`.
        training: bool.

    Output:
        dict with `representation` `(batch, representation_dim)`, and whatever
        intermediate tensors a student may be taught to match.
    """

    def __init__(self, feature_sizes, representation_dim, **kwargs):
        super().__init__(**kwargs)
        self.feature_sizes = tuple(feature_sizes)
        self.representation_dim = representation_dim

    @property
    def output_shapes(self):
        """Shapes of what a call gives, a dict; unknown sizes are None."""
        return {"representation": (None, self.representation_dim)}

    def split_features(self, frames):
        """Frames as a list of `(batch, max_frames, size)`, one a feature."""
        bounds = list(itertools.accumulate(self.feature_sizes))[:-1]
        return ops.split(frames, bounds, axis=-1) if bounds else [frames]

    def products(self, num_frames):
        """The matrix products of one video; the encoder must be built.

        Args:
            num_frames: int, frames that are looked at.

        Returns:
            list of `Product`, in the order in which they are computed.
        """
        raise NotImplementedError

    def count_flops(self, num_frames):
        """FLOPs for one video: 2 × the multiply-adds of all products.

        Args:
            num_frames: int, frames that are looked at.
        """
        return 2 * sum(
            product.multiply_adds for product in self.products(num_frames)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "feature_sizes": self.feature_sizes,
            "representation_dim": self.representation_dim,
        }


def build_each(aggregations, feature_sizes, frames_shape):
    """Builds layers of which each sees one feature of every frame.

    Args:
        aggregations: layers, one a feature.
        feature_sizes: values a frame of each feature.
        frames_shape: `(batch, max_frames, sum(feature_sizes))`.

    Returns:
        int, the number of values that they give together.
    """
    width = 0
    for size, aggregation in zip(feature_sizes, aggregations):
        shape = (*frames_shape[:-1], size)
        aggregation.build(shape)
        width += aggregation.compute_output_shape(shape)[-1]
    return width


def aggregate_each(aggregations, features, mask, training):
    """What such layers give, side by side.

    Args:
        aggregations: layers, one a feature.
        features: list of `(batch, max_frames, size)`, one a feature.
        mask: bool `(batch, max_frames)`, True for real frames.
        training: bool.

    Returns:
        float `(batch, width)`.
    """
    return ops.concatenate(
        [
            aggregation(feature, mask=mask, training=training)
            for aggregation, feature in zip(aggregations, features)
        ],
        axis=-1,
    )


def feature_products(aggregations, num_frames):
    """The products of layers of which each sees one feature of every frame.

    Args:
        aggregations: built layers with `count_products`, one a feature.
        num_frames: int.

    Returns:
        list of `Product`.
    """
    return [
        Product(
            f"{name} (feature {feature})",
            count,
            True,
            feature,
            beside=name == "attention",
        )
        for feature, aggregation in enumerate(aggregations)
        for name, count in aggregation.count_products(num_frames).items()
    ]
