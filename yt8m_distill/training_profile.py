"""A TensorBoard trace of some training steps."""

import keras
import tensorflow as tf


class TrainingProfile(keras.callbacks.Callback):
    """Traces the training steps from one to another, both included.

    Steps are counted over the whole run. Of a call that makes several steps
    all are traced. Steps that were done before the run went on are not there
    to be traced.

    Args:
        first: int, from 1 on.
        last: int.
        folder: path for the trace, below TensorBoard's.
    """

    def __init__(self, first, last, folder):
        super().__init__()
        self.first = first
        self.last = last
        self.folder = str(folder)
        self._step = 0
        self._start = None
        self._is_done = False

    def on_train_begin(self, logs=None):
        self._step = self.model.num_steps()

    def on_train_batch_begin(self, batch, logs=None):
        last_of_call = self._step + self.model.steps_of_call
        if (
            self._start is None
            and last_of_call >= self.first
            and self._step < self.last
        ):
            self._start = self._step + 1
            tf.profiler.experimental.start(self.folder)

    def on_train_batch_end(self, batch, logs=None):
        self._step += self.model.steps_of_call
        if self._step >= self.last:
            self._stop()

    def on_train_end(self, logs=None):
        self._stop()

    def _stop(self):
        if self._start is None or self._is_done:
            return
        # What is still being computed belongs to the trace.
        self.model.num_steps()
        tf.profiler.experimental.stop()
        self._is_done = True
        print(
            f"trace of the training steps {self._start} to {self._step} in "
            f"{self.folder}; to see it: pip install xprof, then "
            f"tensorboard --logdir={self.folder}, tab Profile",
            flush=True,
        )
