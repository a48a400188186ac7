"""How many videos a model looks at together, where nobody says."""

import tensorflow as tf

# Frames of a batch. On 2 CPU cores the paper's three families at full size were
# fastest, or within 15 % of it, with 64 to 128 videos of 10 or 30 frames and
# with 16 to 128 of 300; more is no faster and takes more memory. For GPUs it is
# an estimate: there more work at a time hides what each step costs.
FRAMES_ON_CPU = 2048
FRAMES_ON_GPU = 76_800
LEAST_VIDEOS = 32
MOST_VIDEOS_ON_CPU = 256
MOST_VIDEOS_ON_GPU = 1024


def automatic(num_frames, on_gpu=None):
    """A batch size for eval and inference.

    Args:
        num_frames: int, frames to which videos are padded, at most.
        on_gpu: bool; None: whether there is a GPU.

    Returns:
        int, a power of two.
    """
    if on_gpu is None:
        on_gpu = bool(tf.config.list_logical_devices("GPU"))
    frames = FRAMES_ON_GPU if on_gpu else FRAMES_ON_CPU
    most = MOST_VIDEOS_ON_GPU if on_gpu else MOST_VIDEOS_ON_CPU
    videos = min(max(frames // num_frames, LEAST_VIDEOS), most)
    return 1 << (videos.bit_length() - 1)
