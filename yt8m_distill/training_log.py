"""A line every so many training steps, and the same in TensorBoard."""

import os
import sys
import time

import keras
import tensorflow as tf

from yt8m_distill import model as model_module
from yt8m_distill import optimizers


class TrainingLog(keras.callbacks.Callback):
    """Prints loss, speed and scores of a training batch every so many steps.

    The line and the TensorBoard tags are those of google/youtube-8m; the speed
    is that of the steps since the line before.

    Args:
        scores: `TrainingScores` of the `Distiller`.
        batch_size: int, videos a step over all devices.
        folder: path for TensorBoard's events.
        tells: whether this process is the one that prints and writes.
    """

    def __init__(self, scores, batch_size, folder, tells=True):
        super().__init__()
        self.scores = scores
        self.batch_size = batch_size
        self.folder = str(folder)
        self.tells = tells
        self._writer = None

    def on_train_begin(self, logs=None):
        self._step = self.model.num_steps()

    def on_epoch_begin(self, epoch, logs=None):
        self._since(self._step)

    def on_train_batch_end(self, batch, logs=None):
        before, self._step = self._step, self._step + self.model.steps_of_call
        # The last step that was scored; a call may make several.
        scored = self._step - self._step % self.scores.every
        if scored <= before:
            return
        steps = self._step - self._first_step
        speed = steps * self.batch_size / (time.monotonic() - self._start)
        # Other workers' too: the scores are summed over them here.
        values = {"speed": speed, **self.scores.result()}
        self._since(self._step)
        if not self.tells:
            return
        # On a terminal the bar stands in this line.
        start = "\r\x1b[K" if sys.stdout.isatty() else ""
        print(f"{start}{log_line(scored, values)}", flush=True)
        self._write(scored, values)

    def on_train_end(self, logs=None):
        if self._writer:
            self._writer.close()
            self._writer = None

    def _since(self, step):
        self._first_step, self._start = step, time.monotonic()

    def _write(self, step, values):
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self.folder)
        tags = {
            "model/Training_Hit@1": values["hit_at_1"],
            "model/Training_Perr": values["perr"],
            "model/Training_GAP": values["gap"],
            "learning_rate": optimizers.last_learning_rate(
                self.model.optimizer
            ),
            "global_step/Examples/Second": values["speed"],
        }
        if "label_loss" in values:
            tags["label_loss"] = values["label_loss"]
        with self._writer.as_default(step=step):
            for tag, value in tags.items():
                tf.summary.scalar(tag, value)
        self._writer.flush()


class ModelExport(keras.callbacks.Callback):
    """Saves the model as `last` every so many steps.

    So that others can use it during long epochs; what resume needs is left as
    it was.

    Args:
        run: a `RunDirectory`.
        student: the model.
        every: int, steps.
    """

    def __init__(self, run, student, every):
        super().__init__()
        self.run = run
        self.student = student
        self.every = every

    def on_train_begin(self, logs=None):
        self._step = self.model.num_steps()

    def on_train_batch_end(self, batch, logs=None):
        before, self._step = self._step, self._step + self.model.steps_of_call
        if self._step // self.every > before // self.every:
            path = self.run.checkpoint("last")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with self.model.averaged_weights():
                model_module.save(self.student, path, self._step)


def log_line(step, values):
    """The line of google/youtube-8m's training.

    Args:
        step: int.
        values: dict as of `TrainingScores.result`, with `speed` in videos a
            second.
    """
    return (
        f"training step {step} | Loss: {values['loss']:.2f} "
        f"Examples/sec: {values['speed']:.2f} | "
        f"Hit@1: {values['hit_at_1']:.2f} PERR: {values['perr']:.2f} "
        f"GAP: {values['gap']:.2f}"
    )
