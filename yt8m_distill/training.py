"""Runs a `Distiller` over its epochs, from the start or where it stopped."""

import sys

import keras
import tensorflow as tf

from yt8m_distill.callbacks import (
    Checkpoints,
    EpochLine,
    EpochNumber,
    EpochSeeds,
    Validation,
)


def adam(
    base_learning_rate,
    learning_rate_decay,
    learning_rate_decay_examples,
    batch_size,
    clip_gradient_norm,
):
    """The optimizer of the starter code.

    Adam with the learning rate times `learning_rate_decay` each time another
    `learning_rate_decay_examples` videos were seen, and the gradient of each
    variable clipped to a norm of `clip_gradient_norm` (0: not clipped).
    """
    schedule = keras.optimizers.schedules.ExponentialDecay(
        base_learning_rate,
        decay_steps=learning_rate_decay_examples / batch_size,
        decay_rate=learning_rate_decay,
        staircase=True,
    )
    return keras.optimizers.Adam(
        schedule, epsilon=1e-8, clipnorm=clip_gradient_norm or None
    )


def strategy(distribution):
    """The `tf.distribute` strategy for a value of `--distribution`."""
    gpus = tf.config.list_logical_devices("GPU")
    if distribution == "mirrored" or (distribution == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([d.name for d in devices])
    return tf.distribute.get_strategy()


def fit(
    distiller,
    student,
    training_data,
    validations,
    run,
    *,
    batch_size,
    num_epochs,
    seed,
    best_by="val_gap",
):
    """Trains until `num_epochs` are done; goes on where the run stopped.

    Args:
        distiller: a compiled `Distiller`.
        student: its student, or the ensemble of its students: what is scored
            and saved.
        training_data: a `VideoDataset` for `distiller.frame_sampler`.
        validations: list of callbacks that put validation scores into the
            logs, those of the student as `val_gap` and so on.
        run: a `RunDirectory`.
        batch_size: int, videos a step over all devices.
        num_epochs: int, epochs in all, those of earlier starts included.
        seed: int, of the order of videos and of the reader's chance.
        best_by: str, the metric by which the best epoch is chosen.

    Returns:
        The metrics of the best epoch, a dict.

    Raises:
        InputError: a record cannot be read.
    """
    steps = training_data.steps_per_epoch(batch_size)
    first_epoch = resume(distiller, run, steps)
    checkpoints = Checkpoints(
        run,
        student,
        {"teacher": next(iter(distiller.teachers().values()))}
        if distiller.train_teachers
        else {},
        run.epochs()[:first_epoch],
        best_by,
    )
    models = [*distiller.students.values()]
    if distiller.train_teachers:
        models += distiller.teachers().values()
    callbacks = [
        *validations,  # before those that use their scores
        EpochNumber(),
        EpochSeeds(models, seed),
        checkpoints,
        keras.callbacks.TensorBoard(run.tensorboard, write_graph=False),
        EpochLine(num_epochs),
    ]
    if first_epoch < num_epochs:
        batches = training_data.training_batches(
            batch_size, seed, num_epochs, first_epoch * steps
        )
        try:
            distiller.fit(
                batches,
                steps_per_epoch=steps,
                initial_epoch=first_epoch,
                epochs=num_epochs,
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
    return checkpoints.best()


def resume(distiller, run, steps_per_epoch):
    """Loads the state that an earlier start of the run left, if there is one.

    Weights and the state of both optimizers come back; which epoch is next
    follows from the optimizer's number of steps, and all chance from the epoch.

    Returns:
        int, the number of epochs that are done.
    """
    if not run.resume_file.exists():
        return 0
    distiller.load_weights(run.resume_file)
    return int(distiller.optimizer.iterations.numpy()) // steps_per_epoch
