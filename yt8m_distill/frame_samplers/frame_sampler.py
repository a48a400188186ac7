"""The contract of frame samplers."""

import keras
import numpy as np
from keras import ops


class FrameSampler(keras.layers.Layer):
    """Chooses at most `k` frames of each video.

    A subclass overrides `select`. A sampler has no weights; it is a layer so
    that it is saved inside the model.

    Args:
        k: int ≥ 1, the number of frames to look at.

    Call arguments:
        batch: dict with `frames` `(batch, max_frames, feature_size)` and
            `num_frames` int32 `(batch,)`; other entries pass unchanged.
        training: whether a sampler that knows chance may use it.

    Output:
        The batch with only the chosen frames, `(batch, k, feature_size)`; a
        video shorter than `k` keeps all its frames (unless the sampler says
        otherwise), zero-padded at the end, and has `num_frames` < `k`.
        `frame_positions` int32 `(batch, k)` says which frames of the video they
        are; what it holds for padding means nothing.

    Raises:
        ValueError: `k` is no whole number ≥ 1.
    """

    # Whether `select` gives other frames in training than otherwise.
    random_in_training = False
    # Whether a video of at most k frames gives all of them.
    takes_short_videos_whole = True

    def __init__(self, k=30, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(k, int) or k < 1:
            raise ValueError(f"k must be a whole number of at least 1: k={k!r}")
        self.k = k
        self.seed_generator = (
            keras.random.SeedGenerator() if self.random_in_training else None
        )

    def select(self, num_frames, training, seed):
        """The chosen frames of videos that have at least `k` frames.

        Args:
            num_frames: int32 `(batch, 1)`.
            training: bool.
            seed: int or `SeedGenerator` for `keras.random`; None where
                `random_in_training` is False.

        Returns:
            int32 `(batch, k)` or `(1, k)`, rising along each row. Rows of
            videos with fewer than `k` frames are not used.
        """
        raise NotImplementedError

    def num_chosen(self, num_frames):
        """How many frames of a video are chosen.

        Args:
            num_frames: int32, frames in the video; any shape.

        Returns:
            int32 of that shape, at most `k`.
        """
        return ops.minimum(ops.cast(num_frames, "int32"), self.k)

    def indices(self, num_frames, training=False, seed=None):
        """Which frames to look at.

        Args:
            num_frames: int32 `(batch,)`, frames in each video.
            training: whether chance may be used.
            seed: int that decides the chance; None: this sampler's own
                generator.

        Returns:
            int32 `(batch, k)`, rising. A video with n < `k` frames gives
            0 … n - 1 and then n - 1 again; repeats after the first
            `num_chosen` count as padding.
        """
        num_frames = ops.expand_dims(ops.cast(num_frames, "int32"), 1)
        seed = self.seed_generator if seed is None else seed
        selected = self.select(num_frames, training, seed)
        if self.takes_short_videos_whole:
            all_frames = ops.expand_dims(ops.arange(self.k, dtype="int32"), 0)
            selected = ops.where(num_frames < self.k, all_frames, selected)
        last = ops.maximum(num_frames - 1, 0)
        return ops.clip(selected, 0, last)

    def chosen_by_length(self, max_frames):
        """Which frames are looked at without chance.

        Args:
            max_frames: int.

        Returns:
            list of int arrays; the n-th is that of videos of n frames, n = 0 …
            `max_frames`.
        """
        lengths = np.arange(max_frames + 1)
        counts = np.asarray(self.num_chosen(lengths))
        indices = np.asarray(self.indices(lengths, False))
        return [chosen[:count] for chosen, count in zip(indices, counts)]

    def call(self, batch, training=False):
        indices = self.indices(batch["num_frames"], training)
        num_frames = self.num_chosen(batch["num_frames"])
        frames = batch["frames"]
        max_frames, feature_size = ops.shape(frames)[1], frames.shape[2]
        # Rows of (batch · max_frames, feature_size) → (batch, k, feature_size)
        first = ops.arange(ops.shape(frames)[0], dtype="int32") * max_frames
        frames = ops.take(
            ops.reshape(frames, (-1, feature_size)),
            indices + ops.expand_dims(first, 1),
            axis=0,
        )
        real = ops.arange(self.k, dtype="int32") < ops.expand_dims(
            num_frames, 1
        )
        frames = frames * ops.cast(ops.expand_dims(real, -1), frames.dtype)
        return {
            **batch,
            "frames": frames,
            "num_frames": num_frames,
            "frame_positions": indices,
        }

    def compute_output_shape(self, batch_shape):
        batch, _, feature_size = batch_shape["frames"]
        return {
            **batch_shape,
            "frames": (batch, self.k, feature_size),
            "frame_positions": (batch, self.k),
        }

    def get_config(self):
        return {**super().get_config(), "k": self.k}
