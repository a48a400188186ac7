"""How many videos a model looks at together, where nobody says."""

import tensorflow as tf

# Frames of a batch. Measured on 2 CPU cores with the paper's three families at
# full size: 64 videos of 300 frames and 256 of 30 or 10 are the fastest, or
# within 6 % of it; with fewer videos NetVLAD, whose hidden layer is read once a
# batch, takes up to 1.6 times as long. For GPUs it is an estimate: there more
# work at a time hides what each step costs.
FRAMES_ON_CPU = 19_200
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
