"""The contract of encoders."""

import keras


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

    def split_features(self, frames):
        """Frames as a list of `(batch, max_frames, size)`, one a feature."""
        blocks, start = [], 0
        for size in self.feature_sizes:
            blocks.append(frames[..., start : start + size])
            start += size
        return blocks

    def count_flops(self, num_frames):
        """FLOPs for one video: 2 × the multiply-adds of all products.

        Args:
            num_frames: int, frames that are looked at.
        """
        raise NotImplementedError

    def get_config(self):
        return {
            **super().get_config(),
            "feature_sizes": self.feature_sizes,
            "representation_dim": self.representation_dim,
        }
