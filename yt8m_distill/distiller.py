"""The one training step: teachers and students, apart or together."""

from typing import NamedTuple

import keras
import tensorflow as tf

from yt8m_distill.errors import InputError


class Term(NamedTuple):
    """One term of an objective.

    Attributes:
        key: under which its unweighted value is logged.
        weight: its factor in the sum.
        symbol: how it is written in the formula.
        model: name of the model that learns from it.
        teacher: name of the teacher it compares with, or None.
        loss: a `DistillationLoss`; None for the model's weight penalties.
    """

    key: str
    weight: float
    symbol: str
    model: str
    teacher: str | None
    loss: keras.layers.Layer | None


class Distiller(keras.Model):
    """Trains students from the labels and from teachers.

    * No teacher: plain training (a skyline, a baseline, fine-tuning).
    * Frozen teachers (serial): they run in inference mode and never change.
    * Trainable teachers (parallel): each learns from the labels alone, with an
      optimizer of its own, in the same step; nothing of the students' losses
      reaches it.

    With a single model and no teacher the batches hold the frames which that
    model's sampler chose, so the reader skips all others; with several models
    they hold all frames, and each model's frames are gathered from them in the
    graph. `frame_sampler` tells the reader which it is.

    The losses of a step are a dict, each logged under its key without its
    weight; the objective is their weighted sum. Keys are the loss's name,
    preceded by the student's and teacher's where there are several.

    The whole forward and backward pass is one function, compiled by XLA with
    `jit_compile`; the optimizers run outside it, which is what lets XLA work
    under a strategy of several replicas.

    Args:
        students: dict name → `VideoClassifier`.
        losses: dict name → `DistillationLoss`, of each student.
        teachers: dict name → `VideoClassifier`.
        train_teachers: whether the teachers learn too.
        teacher_losses: dict name → `DistillationLoss` that needs no teacher,
            for trainable teachers.
        regularization_penalty: float, factor of the weight penalties of the
            models' layers.
        jit_compile: whether XLA compiles the passes.

    Raises:
        InputError: a loss needs a teacher and there is none, or cannot compare
            the teacher's outputs with the student's; or a model has layers that
            XLA cannot compile.
    """

    def __init__(
        self,
        students,
        losses,
        teachers=None,
        train_teachers=False,
        teacher_losses=None,
        regularization_penalty=1.0,
        jit_compile=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        teachers = teachers or {}
        for name, loss in losses.items():
            if loss.needs_teacher and not teachers:
                raise InputError(
                    f"the loss {name!r} needs a teacher and there is none; "
                    "give a teacher or leave the loss out"
                )
        if jit_compile:
            _check_compilable([*students.values(), *teachers.values()])
        self.students = students
        self.losses_by_name = losses
        self.train_teachers = train_teachers and bool(teachers)
        # Frozen teachers are no part of what is trained, saved and resumed.
        # Keras saves whatever it finds in an attribute or property, so they are
        # behind a function.
        self._get_teachers = lambda: teachers
        if self.train_teachers:
            self.trained_teachers = teachers
        for teacher in teachers.values():
            teacher.trainable = self.train_teachers
        self._student_terms = self._all_student_terms(regularization_penalty)
        self._teacher_terms = (
            self._all_teacher_terms(teacher_losses, regularization_penalty)
            if self.train_teachers
            else []
        )
        self._trackers = {
            key: keras.metrics.Mean(name=key)
            for key in (
                "loss",
                *(term.key for term in self._student_terms),
                *(term.key for term in self._teacher_terms),
            )
        }
        self._passes = tf.function(
            self._forward_and_backward,
            jit_compile=True if jit_compile else None,
            autograph=False,
            reduce_retracing=True,
        )
        self.built = True

    def teachers(self):
        """All teachers, frozen or not: dict name → `VideoClassifier`."""
        return self._get_teachers()

    @property
    def frame_sampler(self):
        """What the reader should choose: a sampler, or None for all frames."""
        models = [*self.students.values(), *self.teachers().values()]
        return models[0].frame_sampler if len(models) == 1 else None

    @property
    def metrics(self):
        return list(self._trackers.values())

    def objective(self):
        """The objectives as formulas, to be printed at the start."""
        sides = {
            "student objective" if self.teachers() else "objective": (
                self._student_terms
            ),
            "teacher objective": self._teacher_terms,
        }
        return "\n".join(
            f"{side} = "
            + " + ".join(f"{term.weight:g} {term.symbol}" for term in terms)
            for side, terms in sides.items()
            if terms
        )

    def compile(self, optimizer, teacher_optimizer=None):
        """Sets the optimizers.

        Args:
            optimizer: a Keras optimizer for the students and their losses.
            teacher_optimizer: another for trainable teachers.
        """
        # XLA is applied inside the step; see the class docstring.
        super().compile(optimizer=optimizer, jit_compile=False)
        optimizer.build(self._student_variables())
        self.teacher_optimizer = None
        if self.train_teachers:
            self.teacher_optimizer = teacher_optimizer
            teacher_optimizer.build(self._teacher_variables())

    def train_step(self, batch):
        losses, student_gradients, teacher_gradients = self._passes(batch)
        if self.train_teachers:
            self.teacher_optimizer.apply_gradients(
                zip(teacher_gradients, self._teacher_variables())
            )
        self.optimizer.apply_gradients(
            zip(student_gradients, self._student_variables())
        )
        batch_size = tf.shape(batch["num_frames"])[0]
        for key, value in losses.items():
            self._trackers[key].update_state(value, sample_weight=batch_size)
        return {key: value.result() for key, value in self._trackers.items()}

    def _forward_and_backward(self, batch):
        with tf.GradientTape() as teacher_tape:
            teacher_outputs = {
                name: teacher(
                    teacher.frame_sampler(batch, training=self.train_teachers),
                    training=self.train_teachers,
                )
                for name, teacher in self.teachers().items()
            }
            teacher_losses = {
                term.key: self._value(
                    term, self.teachers(), teacher_outputs, {}, batch
                )
                for term in self._teacher_terms
            }
            teacher_total = _weighted_sum(self._teacher_terms, teacher_losses)
        targets = tf.nest.map_structure(tf.stop_gradient, teacher_outputs)
        with tf.GradientTape() as student_tape:
            outputs = {
                name: student(self._sampled(student, batch), training=True)
                for name, student in self.students.items()
            }
            losses = {
                term.key: self._value(
                    term, self.students, outputs, targets, batch
                )
                for term in self._student_terms
            }
            total = _weighted_sum(self._student_terms, losses)
        return (
            {"loss": total, **losses, **teacher_losses},
            self._gradients(student_tape, total, self._student_variables()),
            self._gradients(
                teacher_tape, teacher_total, self._teacher_variables()
            ),
        )

    def _sampled(self, student, batch):
        """The batch as the student sees it; see the class docstring."""
        if self.frame_sampler is not None:
            return batch
        return student.frame_sampler(batch, training=True)

    def _value(self, term, models, outputs, targets, batch):
        """The unweighted value of a term, averaged over the videos; scalar."""
        if term.loss is None:
            return tf.add_n(models[term.model].losses)
        teacher_outputs = {
            **targets.get(term.teacher, {}),
            "labels": batch["labels"],
        }
        per_video = term.loss(teacher_outputs, outputs[term.model])
        return tf.reduce_mean(tf.cast(per_video, tf.float32))

    def _gradients(self, tape, total, variables):
        if not variables:
            return []
        # The replicas' gradients are summed, so each gives its share.
        replicas = self.distribute_strategy.num_replicas_in_sync
        return [
            # L_rep alone does not reach the head.
            tf.zeros_like(variable) if gradient is None else gradient / replicas
            for variable, gradient in zip(
                variables, tape.gradient(total, variables)
            )
        ]

    def _all_student_terms(self, regularization_penalty):
        self._build_losses()
        terms = []
        for student, model in self.students.items():
            prefix = [student] if len(self.students) > 1 else []
            for name, loss in self.losses_by_name.items():
                teachers = (
                    list(self.teachers()) if loss.needs_teacher else [None]
                )
                for teacher in teachers:
                    names = list(prefix)
                    if len(teachers) > 1:
                        names.append(teacher)
                    terms.append(
                        Term(
                            "_".join([*names, name]),
                            loss.weight / len(teachers),
                            _symbol(loss, name, names),
                            student,
                            teacher,
                            loss,
                        )
                    )
            terms += _penalty_terms(
                student, model, prefix, regularization_penalty
            )
        return terms

    def _build_losses(self):
        """Lets every loss see the shapes of what it compares, or refuse."""
        for loss in self.losses_by_name.values():
            for student in self.students.values():
                for teacher in self.teachers().values():
                    if loss.needs_teacher and not loss.built:
                        loss.build(teacher.output_shapes, student.output_shapes)

    def _all_teacher_terms(self, losses, regularization_penalty):
        terms = []
        for teacher, model in self.teachers().items():
            terms += [
                Term(
                    f"{teacher}_{name}",
                    loss.weight,
                    _symbol(loss, name, [teacher]),
                    teacher,
                    None,
                    loss,
                )
                for name, loss in losses.items()
            ]
            terms += _penalty_terms(
                teacher, model, [teacher], regularization_penalty
            )
        return terms

    def _student_variables(self):
        models = [*self.students.values(), *self.losses_by_name.values()]
        return [v for model in models for v in model.trainable_variables]

    def _teacher_variables(self):
        if not self.train_teachers:
            return []
        models = self.teachers().values()
        return [v for model in models for v in model.trainable_variables]

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Everything is built already. Keras' own version reduces a batch over
        # replicas, which fails on integer tensors.
        pass


def _check_compilable(models):
    """Refuses what Keras marks as impossible to compile on these devices."""
    for model in models:
        for layer in model._flatten_layers():
            if not layer.supports_jit:
                raise InputError(
                    f"--jit_compile cannot compile {layer.name} (on GPUs "
                    "Keras' LSTM runs on cuDNN, outside XLA); leave "
                    "--jit_compile out, or give the encoder use_cudnn=False"
                )


def _penalty_terms(name, model, prefix, regularization_penalty):
    if not model.losses or not regularization_penalty:
        return []
    key = "_".join([*prefix, "penalty"])
    symbol = f"penalty({prefix[0]})" if prefix else "penalty"
    return [Term(key, regularization_penalty, symbol, name, None, None)]


def _symbol(loss, name, names):
    symbol = loss.symbol or name
    return f"{symbol}({', '.join(names)})" if names else symbol


def _weighted_sum(terms, losses):
    """The one place where an objective is summed."""
    return sum(term.weight * losses[term.key] for term in terms)
