"""Frames at equal distances, drawn from parts of the video while training."""

import keras
from keras import ops

from yt8m_distill.frame_samplers.uniform import Uniform


@keras.saving.register_keras_serializable(
    "yt8m_distill.frame_samplers.stratified"
)
class Stratified(Uniform):
    """`uniform`, but a training step draws frames from parts of the video.

    In training part i of n frames is ⌊i n / parts⌋ … ⌊(i + 1) n / parts⌋ − 1,
    and of each part `k` / `parts` different frames are taken, each set of them
    equally likely; otherwise the frames are those of `uniform`. With as many
    parts as frames this is the sparse sampling of Wang et al., "Temporal
    Segment Networks" (ECCV 2016), section 3.1; with one part it is `random` in
    training and `uniform` afterwards. The fewer parts, the stronger the
    augmentation; `jittered_uniform` is the weakest. Not in the paper of the
    students.

    Args:
        k: int, frames to look at.
        parts: int that divides `k`; None: `k`.
        max_frames: int, frames of the longest video.

    Raises:
        ValueError: `parts` does not divide `k`, or `k` > `max_frames`.

    Example:

    >>> Stratified(k=2).indices([10], training=False)
    [[2, 7]]
    >>> Stratified(k=2).indices([10], training=True, seed=3)  # for instance
    [[4, 5]]
    """

    random_in_training = True

    def __init__(self, k=30, parts=None, max_frames=300, **kwargs):
        super().__init__(k, **kwargs)
        self.parts = k if parts is None else parts
        self.max_frames = max_frames
        if not (isinstance(self.parts, int) and self.parts > 0):
            raise ValueError(f"parts={parts!r}; give a whole number from 1 on")
        if k % self.parts:
            raise ValueError(f"parts={parts} does not divide k={k}")
        if k > max_frames:
            raise ValueError(
                f"k={k} is more than max_frames={max_frames}; lower k"
            )

    def select(self, num_frames, training, seed):
        if not training:
            return super().select(num_frames, training, seed)
        positions = ops.arange(self.max_frames, dtype="int32")
        drawn = keras.random.uniform(
            (ops.shape(num_frames)[0], self.max_frames), seed=seed
        )
        # In the order of their parts, in each of them by chance: below a half,
        # so that rounding takes nothing into the next part.
        first = self._first(num_frames)
        part = ops.sum(
            ops.cast(
                ops.expand_dims(positions, -1) >= ops.expand_dims(first, 1),
                "float32",
            ),
            axis=-1,
        )
        past_the_end = 2.0 * self.parts
        keys = part + drawn / 2
        keys = ops.where(positions < num_frames, keys, past_the_end)
        order = ops.cast(ops.argsort(keys, axis=-1), "int32")
        # The first of each part are taken.
        each = self.k // self.parts
        taken = ops.expand_dims(first, -1) + ops.arange(each, dtype="int32")
        taken = ops.minimum(
            ops.reshape(taken, (-1, self.k)), self.max_frames - 1
        )
        return ops.sort(ops.take_along_axis(order, taken, axis=-1), axis=-1)

    def _first(self, num_frames):
        """The first frame of each part, int32 `(batch, parts)`."""
        part = ops.arange(self.parts, dtype="int32")
        return part * num_frames // self.parts

    def get_config(self):
        return {
            **super().get_config(),
            "parts": self.parts,
            "max_frames": self.max_frames,
        }
