"""What happens at the end of each epoch: scores, checkpoints, a line."""

import os
import time

import keras
import numpy as np

from yt8m_distill import durations, optimizers
from yt8m_distill import model as model_module
from yt8m_distill.evaluation import log_line
from yt8m_distill.run_directory import best_of


class EpochNumber(keras.callbacks.Callback):
    """Tells the `Distiller` which epoch it is, for losses that depend on it."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.epoch.assign(epoch + 1)


class EpochSeeds(keras.callbacks.Callback):
    """Starts the models' random states anew in each epoch.

    Keras does not save them (those of dropout, and of samplers in the graph).
    Drawn from the run's seed and the epoch they need no saving: an epoch's
    chance is the same whether the run was interrupted before it or not.

    Each replica has a chance of its own; the first one's is that of a training
    on one device.

    Args:
        models: list of Keras models.
        seed: int.
        worker: int, which of several processes this is.
    """

    def __init__(self, models, seed, worker=0):
        super().__init__()
        self.seed = seed
        self.worker = worker
        # What Keras counts among the variables but not among the weights.
        self.states = [
            variable
            for model in models
            for variable in model.variables
            if all(variable is not weight for weight in model.weights)
        ]

    def on_epoch_begin(self, epoch, logs=None):
        # A mirrored variable has a value on each device of this process.
        values = [
            getattr(state.value, "values", [state.value])
            for state in self.states
        ]
        for local, states in enumerate(zip(*values)):
            replica = self.worker * len(values[0]) + local
            # A generator takes trailing zeros of its seed for nothing.
            random = np.random.default_rng((self.seed, epoch, replica))
            for state in states:
                state.assign(random.integers(2**31, size=state.shape))


class Validation(keras.callbacks.Callback):
    """Scores a model on validation videos after each epoch.

    Puts `val_gap`, `val_map`, `val_hit_at_1`, `val_perr` and
    `val_cross_entropy` into the logs, for the callbacks after it.

    Args:
        evaluator: an `Evaluator`.
        dataset: a `VideoDataset`.
        batch_size: int.
        new_metrics: function without arguments, gives fresh metrics as of
            `Evaluator.evaluate`.
        prefix: str before the scores' names, such as `"teacher_"`, which gives
            `val_teacher_gap`; empty for the model that is trained.
    """

    def __init__(self, evaluator, dataset, batch_size, new_metrics, prefix=""):
        super().__init__()
        self.prefix = prefix
        self.evaluator = evaluator
        self.dataset = dataset
        self.batch_size = batch_size
        self.new_metrics = new_metrics

    def on_epoch_end(self, epoch, logs=None):
        with self.model.averaged_weights():
            results = self.evaluator.evaluate(
                self.dataset, self.batch_size, self.new_metrics()
            )
        for key in ("gap", "map", "hit_at_1", "perr", "cross_entropy"):
            logs[f"val_{self.prefix}{key}"] = results[key]


class Constant(keras.callbacks.Callback):
    """Puts scores into the logs that are the same in every epoch.

    Args:
        scores: dict key → float, such as a frozen teacher's `val_teacher_gap`.
    """

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self.scores)


class Checkpoints(keras.callbacks.Callback):
    """Keeps the last model, the best one, and what resume needs.

    Every file is written under another name and renamed; `metrics.jsonl` before
    the resume file, so that a run killed anywhere repeats at most an epoch.

    Args:
        run: the `RunDirectory`.
        student: the model saved as `last` and, at its best epoch, as `best`.
        others: dict file name → model that is saved at that epoch too.
        epochs: list of dicts, the metrics of the epochs that are done.
    """

    def __init__(self, run, student, others, epochs):
        super().__init__()
        self.best_by = run.best_by()
        self.run = run
        self.student = student
        self.others = others
        self.epochs = list(epochs)

    def best(self):
        """The metrics of the best epoch so far, or None."""
        return best_of(self.epochs, self.best_by)

    def on_epoch_end(self, epoch, logs=None):
        os.makedirs(self.run.resume_file.parent, exist_ok=True)
        metrics = {
            "epoch": epoch + 1,
            "step": self.model.num_steps(),
            "learning_rate": optimizers.last_learning_rate(
                self.model.optimizer
            ),
            **{key: float(value) for key, value in logs.items()},
        }
        self.epochs.append(metrics)
        models = {"last": self.student}
        if self.best() is metrics:
            models |= {"best": self.student, **self.others}
        with self.model.averaged_weights():
            for name, model in models.items():
                path = self.run.checkpoint(name)
                model_module.save(model, path, metrics["step"])
        self.run.write_epochs(self.epochs)
        temporary = self.run.resume_file.with_name("partial.weights.h5")
        self.model.save_weights(temporary)
        os.replace(temporary, self.run.resume_file)


class EpochLine(keras.callbacks.Callback):
    """Prints one line an epoch, with the time left for the whole run.

    Args:
        num_epochs: int.
        first_step: int, steps that were done before.
        last_step: int, steps of the whole run.
    """

    def __init__(self, num_epochs, first_step, last_step):
        super().__init__()
        self.num_epochs = num_epochs
        self.first_step = first_step
        self.last_step = last_step
        self._done = 0
        self._start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self._done += 1
        spent = time.monotonic() - self._start
        step = self.model.num_steps()
        left = spent / (step - self.first_step) * (self.last_step - step)
        parts = [f"epoch {epoch + 1}/{self.num_epochs}", f"step {step}"]
        parts += [f"loss: {logs['loss']:.3f}"]
        if "val_gap" in logs:
            parts.append(
                log_line(
                    {
                        key.removeprefix("val_"): value
                        for key, value in logs.items()
                    }
                )
            )
        if "val_teacher_gap" in logs:
            parts.append(f"teacher's GAP: {logs['val_teacher_gap']:.4f}")
        parts.append(f"{durations.text(spent / self._done)} an epoch")
        parts.append(f"{durations.text(left)} left")
        print(" | ".join(parts), flush=True)
