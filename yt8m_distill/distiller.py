"""The one training step: teachers and students, apart or together."""

import contextlib

import keras
import tensorflow as tf

from yt8m_distill import (
    compilation,
    executions,
    labelled_videos,
    objective,
    optimizers,
    replicas,
)
from yt8m_distill.teacher_cache import CachedTeacher
from yt8m_distill.teacher_ensemble import TeacherEnsemble
from yt8m_distill.training_scores import TrainingScores
from yt8m_distill.video_ensemble import same_frames
from yt8m_distill.weight_averages import WeightAverages


class Distiller(keras.Model):
    """Trains students from the labels and from teachers.

    * No teacher: plain training (a skyline, a baseline, fine-tuning).
    * Frozen teachers (serial): they run in inference mode and never change; or
      their outputs come with the batch, from a cache.
    * Trainable teachers (parallel): each learns from the labels alone, with an
      optimizer of its own, in the same step; nothing of the students' losses
      reaches it, not even where a student uses its very head.

    Where no teacher runs in a step and all students look at the same frames,
    the batches hold just those, so the reader skips all others; else they hold
    all frames, and each model's frames are gathered from them in the graph.
    `frame_sampler` tells the reader which it is.

    The losses of a step are a dict, each logged under its key without its
    weight; the objective is their weighted sum. Keys are the loss's name,
    preceded by the student's and teacher's where there are several. Which
    teacher a loss compares with is told in `objective.student_terms`.

    Videos whose `label_weight` in the batch is 0 take no part in the losses
    that need the labels alone; those are averaged over the others. Of a class
    such losses count the share that `class_weights` in the batch says.

    The whole forward and backward pass is one function, compiled by XLA with
    `jit_compile`; the optimizers run outside it, which is what lets XLA work
    under a strategy of several replicas.

    Args:
        students: dict name → `VideoClassifier`.
        losses: dict name → `DistillationLoss`, of each student.
        teachers: dict name → `VideoClassifier` or, frozen, `CachedTeacher`.
        train_teachers: whether the teachers learn too.
        teacher_losses: dict name → `DistillationLoss` that needs no teacher,
            for trainable teachers.
        teacher_weights: the share of each teacher in the ensemble that teaches
            predictions, as of `TeacherEnsemble`.
        regularization_penalty: float, factor of the weight penalties of the
            models' layers.
        jit_compile: whether XLA compiles the passes; `"auto"`: see
            `compilation.resolve`.
        gradient_accumulation_steps: int, micro-batches in which a batch is
            computed, as of `micro_batches.accumulated`.
        ema_momentum: float, as of `WeightAverages`, of the students' and
            trainable teachers' weights; 0: there are no averages.
        score_steps: int, steps from one batch that `scores` looks at to the
            next; 0: it looks at none.

    Attributes:
        scores: function without arguments → `TrainingScores`, or None.
        steps_of_call: int, the training steps of each call of the function
            that `fit` calls.

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
        teacher_weights=None,
        regularization_penalty=1.0,
        jit_compile=False,
        gradient_accumulation_steps=1,
        ema_momentum=0.0,
        score_steps=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        teachers = teachers or {}
        live = {
            name: teacher
            for name, teacher in teachers.items()
            if not isinstance(teacher, CachedTeacher)
        }
        jit_compile = compilation.resolve(
            jit_compile,
            [*students.values(), *live.values()],
            compilation.TRAINING,
        )
        self.students = students
        self.train_teachers = train_teachers and bool(teachers)
        # Frozen teachers are no part of what is trained, saved and resumed.
        # Keras saves whatever it finds in an attribute or property, so they are
        # behind a function.
        self._get_live_teachers = lambda: live
        self._get_teachers = lambda: teachers
        if self.train_teachers:
            self.trained_teachers = teachers
        for teacher in live.values():
            teacher.trainable = self.train_teachers
        # === Objective ===
        self._student_terms = objective.student_terms(
            students, losses, teachers, regularization_penalty
        )
        self._teacher_terms = (
            objective.teacher_terms(
                teachers, teacher_losses, regularization_penalty
            )
            if self.train_teachers
            else []
        )
        self.student_losses = [
            term.loss for term in self._student_terms if term.loss is not None
        ]
        self.ensemble = None
        if any(t.teacher == objective.ENSEMBLE for t in self._student_terms):
            self.ensemble = TeacherEnsemble(len(teachers), teacher_weights)
            self.ensemble.build(
                {name: t.output_shapes for name, t in teachers.items()}
            )
        self.epoch = keras.Variable(
            1, trainable=False, dtype="int32", name="epoch"
        )
        self._skips_steps = False
        trackers = {
            key: keras.metrics.Mean(name=key)
            for key in (
                "loss",
                *(term.key for term in self._student_terms),
                *(term.key for term in self._teacher_terms),
                *(["ensemble_cross_entropy"] if self._learns_shares else []),
            )
        }
        # Several processes read a tracker together, and one alone saves.
        self._get_trackers = lambda: trackers
        scores = (
            TrainingScores(score_steps) if score_steps and students else None
        )
        self.scores = lambda: scores  # no part of what is saved
        self._passes = replicas.passes(
            self._forward_and_backward,
            jit_compile,
            replicas.has_batch_statistics(self._trained()),
            gradient_accumulation_steps,
        )
        self.averages = None
        if ema_momentum:
            self.averages = WeightAverages(self._averaged(), ema_momentum)
        self.steps_of_call = 1
        self.built = True

    def teachers(self):
        """All teachers: dict name → `VideoClassifier` or `CachedTeacher`."""
        return self._get_teachers()

    @property
    def frame_sampler(self):
        """What the reader should choose: a sampler, or None for all frames."""
        if self._get_live_teachers() and self.students:
            return None
        samplers = [model.frame_sampler for model in self.students.values()]
        return samplers[0] if same_frames(samplers) else None

    @property
    def metrics(self):
        return list(self._get_trackers().values())

    def objective(self):
        """The objectives as formulas, to be printed at the start."""
        sides = {
            "student objective" if self.teachers() else "objective": (
                self._student_terms
            ),
            "teacher objective": self._teacher_terms,
        }
        return "\n".join(
            f"{side} = {objective.formula(terms)}"
            for side, terms in sides.items()
            if terms
        )

    def check_epochs(self, num_epochs):
        """Refuses epochs without a loss and losses without an epoch.

        Raises:
            InputError: naming the epoch or the loss.
        """
        objective.check_epochs(self._student_terms, num_epochs)

    def compile(self, optimizer, teacher_optimizer=None, steps_per_execution=1):
        """Sets the optimizers.

        Args:
            optimizer: a Keras optimizer for the students and their losses.
            teacher_optimizer: another for trainable teachers.
            steps_per_execution: int, steps of each call from `fit`, with the
                callback `Executions`.
        """
        # XLA is applied inside the step; see the class docstring.
        super().compile(
            optimizer=optimizer,
            steps_per_execution=steps_per_execution,
            jit_compile=False,
        )
        for one in (optimizer, teacher_optimizer):
            replicas.give_summed_gradients(one)
        optimizer.build(self._student_variables())
        # Where losses are scaled, an optimizer leaves out steps whose gradients
        # overflowed, and does not count them.
        self._skips_steps = optimizers.scales_loss(optimizer)
        if self._skips_steps:
            self.step = keras.Variable(
                0,
                trainable=False,
                dtype="int64",
                aggregation="only_first_replica",
                name="step",
            )
        self.teacher_optimizer = None
        if self.train_teachers:
            self.teacher_optimizer = teacher_optimizer
            teacher_optimizer.build(self._teacher_variables())

    def num_steps(self):
        """Training steps that are done, an int."""
        return int(self._step().numpy())

    def _step(self):
        """The variable that counts the steps."""
        return self.step if self._skips_steps else self.optimizer.iterations

    def averaged_weights(self):
        """A context in which the models have their averaged weights."""
        return (
            self.averages.in_place()
            if self.averages
            else contextlib.nullcontext()
        )

    def make_train_function(self, force=False):
        if self.steps_per_execution == 1:
            super().make_train_function(force)
        elif self.train_function is None or force:
            self.train_function = executions.train_function(self)

    def train_step(self, batch):
        losses, logits, student_gradients, teacher_gradients = self._passes(
            batch
        )
        # Summed before they are clipped, so that it is the global batch's
        # gradient whose norm counts, as on one device.
        student_gradients = replicas.sum_over_replicas(student_gradients)
        if self.train_teachers:
            teacher_gradients = replicas.sum_over_replicas(teacher_gradients)
            self.teacher_optimizer.apply_gradients(
                zip(teacher_gradients, self._teacher_variables())
            )
        self.optimizer.apply_gradients(
            zip(student_gradients, self._student_variables())
        )
        if self._skips_steps:
            self.step.assign_add(1)
        if self.averages:
            self.averages.update(self._step())
        batch_size = tf.shape(batch["num_frames"])[0]
        trackers = self._get_trackers()
        for key, value in losses.items():
            trackers[key].update_state(value, sample_weight=batch_size)
        if self.scores():
            self.scores().update(
                self._step(),
                batch,
                logits,
                {"loss": losses["loss"], **self._label_loss(losses)},
            )
        if replicas.several_workers():
            # Keras cannot reduce scalars over workers, and each value takes
            # time; the epoch's logs are those of the trackers in any case.
            return {"loss": tf.reshape(trackers["loss"].result(), (1,))}
        return {key: value.result() for key, value in trackers.items()}

    def _forward_and_backward(self, batch):
        with tf.GradientTape() as teacher_tape:
            teacher_outputs = {
                name: self._teach(teacher, batch)
                for name, teacher in self.teachers().items()
            }
            teacher_losses = {
                term.key: self._value(
                    term, self.teachers(), teacher_outputs, {}, batch
                )
                for term in self._teacher_terms
            }
            teacher_total = objective.weighted_sum(
                self._teacher_terms, teacher_losses, self.epoch
            )
            scaled_teacher_total = _scaled(
                self.teacher_optimizer, teacher_total
            )
        targets = tf.nest.map_structure(tf.stop_gradient, teacher_outputs)
        more_losses = {}
        with tf.GradientTape() as student_tape:
            outputs = {
                name: student(self._sampled(student, batch), training=True)
                for name, student in self.students.items()
            }
            if self.ensemble:
                mixed = self.ensemble(targets)
                targets[objective.ENSEMBLE] = {
                    "logits": tf.stop_gradient(mixed)
                }
            losses = {
                term.key: self._value(
                    term, self.students, outputs, targets, batch
                )
                for term in self._student_terms
            }
            total = objective.weighted_sum(
                self._student_terms, losses, self.epoch
            )
            minimized = total
            if self._learns_shares:
                # Reaches the shares of the ensemble and nothing else.
                value = labelled_videos.mean(
                    labelled_videos.cross_entropy(mixed, batch), batch
                )
                more_losses["ensemble_cross_entropy"] = value
                minimized = total + value
            minimized = _scaled(self.optimizer, minimized)
        return (
            {"loss": total, **losses, **teacher_losses, **more_losses},
            [one["logits"] for one in outputs.values()],
            self._gradients(student_tape, minimized, self._student_variables()),
            self._gradients(
                teacher_tape, scaled_teacher_total, self._teacher_variables()
            ),
        )

    def _label_loss(self, losses):
        """The first student's losses of the labels, unweighted, if it has any.

        Returns:
            dict with the scalar `label_loss`, or empty.
        """
        first = next(iter(self.students), None)
        values = [
            losses[term.key]
            for term in self._student_terms
            if term.model == first
            and term.loss is not None
            and not term.loss.needs_teacher
        ]
        return {"label_loss": tf.add_n(values)} if values else {}

    def _teach(self, teacher, batch):
        """What a teacher gives for a batch, computed or kept in the cache."""
        if isinstance(teacher, CachedTeacher):
            return teacher.outputs(batch)
        return teacher(
            teacher.frame_sampler(batch, training=self.train_teachers),
            training=self.train_teachers,
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
            **labelled_videos.ratings(batch),
        }
        per_video = term.loss(teacher_outputs, outputs[term.model])
        per_video = tf.cast(per_video, tf.float32)
        if term.loss.needs_teacher:
            return tf.reduce_mean(per_video)
        return labelled_videos.mean(per_video, batch)

    def _gradients(self, tape, total, variables):
        if not variables:
            return []
        # The replicas' gradients are summed, so each gives its share.
        share = 1 / self.distribute_strategy.num_replicas_in_sync
        return [
            # L_rep alone does not reach the head.
            tf.zeros_like(variable) if gradient is None else gradient * share
            for variable, gradient in zip(
                variables, tape.gradient(total, variables)
            )
        ]

    @property
    def _learns_shares(self):
        return self.ensemble is not None and self.ensemble.learned

    def _trained(self):
        """All models and layers that learn, a list."""
        models = [*self.students.values(), *self.student_losses]
        if self.ensemble:
            models.append(self.ensemble)
        if self.train_teachers:
            models += self.teachers().values()
        return models

    def _student_variables(self):
        # A head that a student shares with its teacher is the teacher's.
        taken = {id(variable) for variable in self._teacher_variables()}
        found = _trainable(self._trained())
        return [v for v in found if id(v) not in taken]

    def _averaged(self):
        """The weights of models that are trained, each once."""
        models = [*self.students.values()]
        if self.train_teachers:
            models += self.teachers().values()
        return _trainable(models)

    def _teacher_variables(self):
        if not self.train_teachers:
            return []
        return _trainable(self.teachers().values())

    def _get_metrics_result_or_logs(self, logs):
        return self.get_metrics_result()

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Everything is built already. Keras' own version reduces a batch over
        # replicas, which fails on integer tensors.
        pass


def _trainable(models):
    """The trainable variables of models, each once."""
    found = {
        id(variable): variable
        for model in models
        for variable in model.trainable_variables
    }
    return list(found.values())


def _scaled(optimizer, total):
    """What is differentiated, where an optimizer works with a scaled loss."""
    return optimizer.scale_loss(total) if optimizer else total
