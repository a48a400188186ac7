"""Runs a `Distiller` over its epochs, from the start or where it stopped."""

import sys
from typing import NamedTuple

import keras
import tensorflow as tf

from yt8m_distill import executions, optimizers
from yt8m_distill.callbacks import (
    Checkpoints,
    EpochLine,
    EpochNumber,
    EpochSeeds,
    Validation,
)
from yt8m_distill.run_directory import last_step
from yt8m_distill.training_log import ModelExport, TrainingLog
from yt8m_distill.training_profile import TrainingProfile


def optimizer(
    name,
    base_learning_rate,
    learning_rate_decay,
    learning_rate_decay_examples,
    batch_size,
    clip_gradient_norm,
    scale_loss=False,
):
    """The optimizer of the starter code, by default Adam.

    The one called `name` (see optimizers.py), with the learning rate times
    `learning_rate_decay` each time another `learning_rate_decay_examples`
    videos were seen, and the gradient of each variable clipped to a norm of
    `clip_gradient_norm` (0: not clipped); with `scale_loss` as of
    `optimizers.build`.
    """
    schedule = keras.optimizers.schedules.ExponentialDecay(
        base_learning_rate,
        decay_steps=learning_rate_decay_examples / batch_size,
        decay_rate=learning_rate_decay,
        staircase=True,
    )
    return optimizers.build(name, schedule, clip_gradient_norm, scale_loss)


def fit(
    distiller,
    student,
    training_data,
    validations,
    run,
    workers,
    *,
    batch_size,
    num_epochs,
    seed,
    max_steps=0,
    export_model_steps=0,
    profiled_steps=None,
):
    """Trains until `num_epochs` are done; goes on where the run stopped.

    An epoch that `max_steps` cuts short is scored and saved as any other. If
    the run goes on later, the rest of that epoch counts as one more line of the
    metrics, with the same epoch number. It sees the very videos that were left;
    but the models' random states (of dropout, and of samplers in the graph)
    start as at the epoch's beginning, so its weights are not to the digit those
    of a run that never stopped there.

    Args:
        distiller: a compiled `Distiller`.
        student: its student, or the ensemble of its students: what is scored
            and saved.
        training_data: a `VideoDataset` for `distiller.frame_sampler`.
        validations: list of callbacks that put validation scores into the
            logs, those of the student as `val_gap` and so on.
        run: a `RunDirectory`.
        workers: `Workers` of the strategy.
        batch_size: int, videos a step over all devices.
        num_epochs: int, epochs in all, those of earlier starts included.
        seed: int, of the order of videos and of the reader's chance.
        max_steps: int, the most steps in all; 0: no limit.
        export_model_steps: int, steps after which the model is saved amid an
            epoch; 0: never.
        profiled_steps: tuple of int, first and last step of which a trace is
            written; None: none.

    Called outside of the strategy's scope, in which whatever makes a variable
    waits for all workers: only one of them scores and saves.

    Returns:
        The metrics of the best epoch, a dict.

    Raises:
        InputError: a record cannot be read.
    """
    steps = training_data.steps_per_epoch(batch_size)
    first_step = resume(distiller, run)
    workers.check_same_run(run, first_step)
    last = last_step(steps, num_epochs, max_steps)
    checkpoints = Checkpoints(
        run,
        student,
        {"teacher": next(iter(distiller.teachers().values()))}
        if distiller.train_teachers
        else {},
        [line for line in run.epochs() if line["step"] <= first_step],
    )
    models = [*distiller.students.values()]
    if distiller.train_teachers:
        models += distiller.teachers().values()
    callbacks = [
        executions.Executions(),  # before those that count steps
        *validations,  # before those that use their scores
        EpochNumber(),
        EpochSeeds(models, seed, workers.index),
    ]
    if workers.is_chief:
        callbacks += [
            checkpoints,
            keras.callbacks.TensorBoard(run.tensorboard, write_graph=False),
            EpochLine(num_epochs, first_step, last),
        ]
    if distiller.scores():
        callbacks.append(
            TrainingLog(
                distiller.scores(),
                batch_size,
                run.tensorboard / "steps",
                workers.is_chief,
            )
        )
    if export_model_steps and workers.is_chief:
        callbacks.append(ModelExport(run, student, export_model_steps))
    if profiled_steps and workers.is_chief:
        folder = run.tensorboard / "profile"
        callbacks.append(TrainingProfile(*profiled_steps, folder))
    try:
        for stretch in stretches(first_step, last, steps):
            batches = training_data.training_batches(
                batch_size,
                seed,
                num_epochs,
                stretch.first_step,
                workers.share(batch_size),
            )
            batches = batches.take(stretch.num_epochs * stretch.steps_per_epoch)
            if distiller.steps_per_execution > 1:
                batches = executions.of_any_size(batches)
            distiller.fit(
                workers.distribute(batches, batch_size),
                steps_per_epoch=stretch.steps_per_epoch,
                initial_epoch=stretch.first_epoch,
                epochs=stretch.first_epoch + stretch.num_epochs,
                callbacks=callbacks,
                shuffle=False,
                # A bar on a terminal; the line an epoch is enough in a log.
                verbose=int(sys.stdout.isatty()),
            )
    except tf.errors.OpError:
        training_data.raise_own_error()
        for validation in validations:
            if isinstance(validation, Validation):
                validation.dataset.raise_own_error()
        raise
    workers.wait()  # for the chief's last files
    return checkpoints.best()


class Stretch(NamedTuple):
    """Epochs of one length, which Keras trains at a time.

    Attributes:
        first_epoch: int, from 0 on.
        num_epochs: int.
        steps_per_epoch: int.
        first_step: int, steps that were done before.
    """

    first_epoch: int
    num_epochs: int
    steps_per_epoch: int
    first_step: int


def stretches(first_step, last, steps_per_epoch):
    """The epochs between two steps, the first and last of them perhaps short.

    Args:
        first_step: int, steps that are done.
        last: int, steps of the whole training.
        steps_per_epoch: int, of a whole epoch.

    Returns:
        list of `Stretch`.
    """
    found = []
    while first_step < last:
        epoch, position = divmod(first_step, steps_per_epoch)
        left = last - first_step
        if position or left < steps_per_epoch:
            count, steps = 1, min(steps_per_epoch - position, left)
        else:
            count, steps = left // steps_per_epoch, steps_per_epoch
        found.append(Stretch(epoch, count, steps, first_step))
        first_step += count * steps
    return found


def resume(distiller, run):
    """Loads the state that an earlier start of the run left, if there is one.

    Weights and the state of both optimizers come back; which videos are next
    follows from the number of steps, and all chance from the epoch.

    Returns:
        int, the number of steps that are done.
    """
    if not run.resume_file.exists():
        return 0
    with distiller.distribute_strategy.scope():
        distiller.load_weights(run.resume_file)
    return distiller.num_steps()
