"""A model's forward pass over batches of few shapes."""

import keras
import numpy as np
import tensorflow as tf

from yt8m_distill.errors import InputError


class Forward:
    """Runs a model over batches, each filled up to one size.

    A graph is made for each number of frames to which batches are padded, and
    no other. What a batch is filled up with changes nothing of its videos, and
    what a video is given does not depend on how many come with it.

    Where a batch does not fit into the memory of the device, it is computed in
    halves, and so are all after it.

    Args:
        model: a `VideoClassifier` or `VideoEnsemble`.
        jit_compile: bool, whether XLA compiles the graphs.
        with_representation: whether representations are wanted too.
    """

    def __init__(self, model, jit_compile=False, with_representation=False):
        self.model = model
        self.jit_compile = jit_compile
        self.with_representation = with_representation
        self._graphs = {}
        self._most_videos = None

    @property
    def num_graphs(self):
        """Graphs that were made so far."""
        return len(self._graphs)

    def __call__(self, frames, num_frames, batch_size):
        """Predicts a batch.

        Args:
            frames: uint8 or float tensor `(videos, max_frames, feature_size)`.
            num_frames: int32 tensor `(videos,)`.
            batch_size: int, at least the number of videos: what the batch is
                filled up to.

        Returns:
            `(predictions, logits)`, float32 arrays `(videos, num_classes)`, and
            where wanted the representation `(videos, representation_dim)`.

        Raises:
            InputError: a single video does not fit into the device's memory.
        """
        if not len(num_frames):
            sizes = [self.model.num_classes] * 2
            if self.with_representation:
                sizes.append(self.model.representation_dim)
            return tuple(np.zeros((0, size), np.float32) for size in sizes)
        while True:
            size = min(batch_size, self._most_videos or batch_size)
            try:
                return self._in_pieces(frames, num_frames, size)
            except tf.errors.ResourceExhaustedError:
                if size == 1:
                    raise InputError(
                        "a single video does not fit into the memory of the "
                        "device; free memory, or run on the CPU with "
                        "CUDA_VISIBLE_DEVICES="
                    ) from None
            self._most_videos = -(-size // 2)
            print(
                f"a batch of {size} videos does not fit into the memory of the "
                f"device; going on with {self._most_videos} at a time"
            )

    def _in_pieces(self, frames, num_frames, size):
        outputs = []
        for start in range(0, len(num_frames), size):
            # Host memory: on a GPU a batch takes the room of its frames once.
            with tf.device("CPU:0"):
                stop = start + size
                piece = frames[start:stop], num_frames[start:stop]
                missing = size - len(piece[1])
                if missing:
                    piece = (
                        tf.pad(piece[0], [[0, missing], [0, 0], [0, 0]]),
                        # A frame of padding, so that no mean is one over none.
                        tf.pad(piece[1], [[0, missing]], constant_values=1),
                    )
            outputs.append(
                [
                    output.numpy()[: size - missing]
                    for output in self._graph(piece[0])(*piece)
                ]
            )
        if len(outputs) == 1:
            return outputs[0]
        return [np.concatenate(pieces) for pieces in zip(*outputs)]

    def _graph(self, frames):
        """The graph for a batch of this shape."""
        shape = tuple(frames.shape)
        if shape not in self._graphs:
            function = tf.function(
                self._outputs,
                input_signature=[
                    tf.TensorSpec(shape, frames.dtype),
                    tf.TensorSpec(shape[:1], tf.int32),
                ],
                autograph=False,
                jit_compile=self.jit_compile,
            )
            # Called itself, the function would warn of being traced so often.
            self._graphs[shape] = function.get_concrete_function()
        return self._graphs[shape]

    def _outputs(self, frames, num_frames):
        batch = {"frames": frames, "num_frames": num_frames}
        outputs = self.model(batch, training=False)
        logits = outputs["logits"]
        found = [keras.ops.sigmoid(logits), logits]
        if self.with_representation:
            found.append(keras.ops.cast(outputs["representation"], "float32"))
        return found
