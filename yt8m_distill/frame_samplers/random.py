"""Frames at random."""

import keras
import numpy as np
from keras import ops

from yt8m_distill.frame_samplers.frame_sampler import FrameSampler


@keras.saving.register_keras_serializable("yt8m_distill.frame_samplers.random")
class Random(FrameSampler):
    """`k` different frames of a video, each set of them equally likely.

    "Random-k" of Bhardwaj et al. (CVPR 2019), section 5.4. In training every
    step chooses anew; otherwise the choice is random once and for all, the same
    for all videos of a length, so that scores can be repeated.

    Args:
        k: int, frames to look at.
        max_frames: int, frames of the longest video.

    Raises:
        ValueError: `k` > `max_frames`.

    Example:

    >>> Random(k=3).indices([10], training=True, seed=1)  # for instance
    [[1, 4, 9]]
    """

    random_in_training = True

    def __init__(self, k=30, max_frames=300, **kwargs):
        super().__init__(k, **kwargs)
        if k > max_frames:
            raise ValueError(
                f"k={k} is more than max_frames={max_frames}; lower k"
            )
        self.max_frames = max_frames
        # The same on every machine, in a graph and under XLA.
        random = np.random.default_rng(0)
        self._keys = random.random((1, max_frames)).astype("float32")

    def select(self, num_frames, training, seed):
        if training:
            shape = (ops.shape(num_frames)[0], self.max_frames)
            keys = keras.random.uniform(shape, seed=seed)
        else:
            keys = ops.convert_to_tensor(self._keys)
        # The k largest keys of real frames, in the order of the frames.
        positions = ops.arange(self.max_frames, dtype="int32")
        keys = ops.where(positions < num_frames, keys, -1.0)
        _, chosen = ops.top_k(keys, self.k, sorted=False)
        return ops.cast(ops.sort(chosen, axis=-1), "int32")

    def get_config(self):
        return {**super().get_config(), "max_frames": self.max_frames}
