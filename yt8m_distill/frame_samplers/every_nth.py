"""Every n-th frame from the first on, whatever the video's length."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.frame_sampler import FrameSampler


@keras.saving.register_keras_serializable(
    "yt8m_distill.frame_samplers.every_nth"
)
class EveryNth(FrameSampler):
    """Frames 0, stride, 2 · stride … below `max_frames`.

    As the authors' code of Bhardwaj et al. (CVPR 2019), shwetabhardwaj44/
    EfficientVideoClassification_Youtube8M: of k = ⌈max_frames / stride⌉
    positions a video of n frames has the first ⌈n / stride⌉, so short videos
    lose most of their share, where `uniform` still takes k frames. (There,
    ⌊k n / max_frames⌋ of them count, which may be none.)

    Args:
        stride: int, distance of two frames.
        max_frames: int, frames of the longest video.

    Raises:
        ValueError: `stride` is no whole number ≥ 1.

    Example:

    >>> EveryNth(stride=10).num_chosen([300, 25])
    [30, 3]
    """

    takes_short_videos_whole = False

    def __init__(self, stride=10, max_frames=300, **kwargs):
        if not isinstance(stride, int) or stride < 1:
            raise ValueError(
                "stride must be a whole number of at least 1: "
                f"stride={stride!r}"
            )
        super().__init__(-(-max_frames // stride), **kwargs)
        self.stride = stride
        self.max_frames = max_frames

    def num_chosen(self, num_frames):
        num_frames = ops.cast(num_frames, "int32")
        count = (num_frames + self.stride - 1) // self.stride
        return ops.minimum(count, self.k)

    def select(self, num_frames, training, seed):
        positions = self.stride * ops.arange(self.k, dtype="int32")
        return positions + ops.zeros_like(num_frames)

    def get_config(self):
        config = super().get_config()
        del config["k"]  # follows from the others
        return {
            **config,
            "stride": self.stride,
            "max_frames": self.max_frames,
        }
