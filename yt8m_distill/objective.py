"""What a model learns from: a weighted sum of named terms."""

from typing import NamedTuple

import keras

from yt8m_distill.errors import InputError

# The name under which losses see several teachers as one.
ENSEMBLE = "ensemble"


class Term(NamedTuple):
    """One term of an objective.

    Attributes:
        key: under which its unweighted value is logged.
        weight: its factor in the sum.
        symbol: how it is written in the formula.
        model: name of the model that learns from it.
        teacher: name of the teacher it compares with, or None.
        loss: a `DistillationLoss`; None for the model's weight penalties.
        first_epoch: int, the first epoch in which it counts, from 1 on.
        last_epoch: int, the last epoch in which it counts; None: the run's.
    """

    key: str
    weight: float
    symbol: str
    model: str
    teacher: str | None
    loss: keras.layers.Layer | None
    first_epoch: int = 1
    last_epoch: int | None = None

    @property
    def epochs(self):
        """First and last epoch in which it counts; (1, None): in all."""
        return self.first_epoch, self.last_epoch

    def text(self):
        """How the term is written in the formula, with its weight."""
        first, last = self.epochs
        text = f"{self.weight:g} {self.symbol}"
        if (first, last) == (1, None):
            return text
        if last is None:
            return f"{text} [from epoch {first}]"
        return f"{text} [epochs {first}-{last}]"


def student_terms(students, losses, teachers, regularization_penalty):
    """The terms of all students.

    A loss that compares predictions sees several teachers as one ensemble; one
    that compares representations sees each student's own teacher if there are
    as many students as teachers, and otherwise every teacher with an equal
    share of its weight.

    Args:
        students: dict name → `VideoClassifier`.
        losses: dict name → `DistillationLoss`.
        teachers: dict name → teacher, with `output_shapes`.
        regularization_penalty: float, factor of the weight penalties.

    Returns:
        list of `Term`, their losses built; each pair of student and teacher has
        a loss of its own, as losses may own weights.

    Raises:
        InputError: a loss needs a teacher and there is none, or cannot compare
            the teacher's outputs with the student's.
    """
    terms = []
    for position, (student, model) in enumerate(students.items()):
        prefix = [student] if len(students) > 1 else []
        for name, loss in losses.items():
            chosen = _teachers_of(loss, name, position, students, teachers)
            for teacher in chosen:
                names = list(prefix)
                if teacher is not None and len(teachers) > 1:
                    names.append(teacher)
                own = _copy_if_taken(loss)
                if teacher is not None:
                    _build(own, teacher, model, teachers)
                terms.append(
                    Term(
                        "_".join([*names, name]),
                        loss.weight / len(chosen),
                        _symbol(loss.symbol or name, names),
                        student,
                        teacher,
                        own,
                        *_epochs(own),
                    )
                )
        terms += _penalty(
            student, model, losses, prefix, regularization_penalty
        )
    return terms


def teacher_terms(teachers, losses, regularization_penalty):
    """The terms of teachers that are trained themselves.

    Args:
        teachers: dict name → `VideoClassifier`.
        losses: dict name → `DistillationLoss` that needs no teacher.
        regularization_penalty: float, factor of the weight penalties.

    Returns:
        list of `Term`.
    """
    terms = []
    for teacher, model in teachers.items():
        terms += [
            Term(
                f"{teacher}_{name}",
                loss.weight,
                _symbol(loss.symbol or name, [teacher]),
                teacher,
                None,
                loss,
                *_epochs(loss),
            )
            for name, loss in losses.items()
        ]
        terms += _penalty(
            teacher, model, losses, [teacher], regularization_penalty
        )
    return terms


def formula(terms):
    """The terms as they are summed, as text."""
    return " + ".join(term.text() for term in terms)


def weighted_sum(terms, values, epoch):
    """The one place where an objective is summed.

    Args:
        terms: list of `Term`.
        values: dict key → unweighted value of the term.
        epoch: scalar tensor, the epoch, from 1 on.
    """
    total = 0.0
    for term in terms:
        first, last = term.epochs
        weight = term.weight
        if (first, last) != (1, None):
            counts = epoch >= first
            if last is not None:
                counts = keras.ops.logical_and(counts, epoch <= last)
            weight = weight * keras.ops.cast(counts, "float32")
        total = total + weight * values[term.key]
    return total


def check_epochs(terms, num_epochs):
    """Refuses an epoch in which nothing is learned, and losses without any.

    Raises:
        InputError: naming the epoch or the loss.
    """
    for term in terms:
        first, last = term.epochs
        if first > num_epochs or (last is not None and last < first):
            raise InputError(
                f"{term.text()!r} counts in none of the {num_epochs} epochs; "
                "correct first_epoch, last_epoch, --num_epochs or --max_steps"
            )
    for epoch in range(1, num_epochs + 1):
        if not any(
            term.loss is not None
            and term.epochs[0] <= epoch <= (term.epochs[1] or epoch)
            for term in terms
        ):
            raise InputError(
                f"no loss counts in epoch {epoch} of {num_epochs}; add one to "
                "--student_losses, or correct first_epoch and last_epoch"
            )


def _teachers_of(loss, name, position, students, teachers):
    if not loss.needs_teacher:
        return [None]
    if not teachers:
        raise InputError(
            f"the loss {name!r} needs a teacher and there is none; give a "
            "teacher or leave the loss out"
        )
    if len(teachers) == 1:
        return list(teachers)
    if loss.compares_predictions:
        return [ENSEMBLE]
    if len(students) == len(teachers):
        return [list(teachers)[position]]
    return list(teachers)


def _copy_if_taken(loss):
    if not loss.needs_teacher or not loss.built:
        return loss
    return loss.__class__.from_config(
        {**loss.get_config(), "name": None, "trainable": True}
    )


def _build(loss, teacher, model, teachers):
    shapes = {
        name: teacher_model.output_shapes
        for name, teacher_model in teachers.items()
    }
    if teacher == ENSEMBLE:
        shapes[ENSEMBLE] = {
            "logits": next(iter(shapes.values()))["logits"],
        }
    missing = [name for name in loss.needs if name not in shapes[teacher]]
    missing += [name for name in loss.needs if name not in model.output_shapes]
    if missing:
        raise InputError(
            f"the loss {loss.symbol!r} compares {missing[0]!r}, which the "
            "teacher or the student does not have here; it needs an encoder "
            "that gives it, and no --teacher_cache"
        )
    loss.build(shapes[teacher], model.output_shapes)


def _epochs(loss):
    return loss.first_epoch, loss.last_epoch


def _penalty(name, model, losses, prefix, regularization_penalty):
    # A penalty alone would pull a head to zero that nothing else trains: Adam
    # makes large steps of the smallest gradient.
    reaching = [
        _epochs(loss) for loss in losses.values() if "logits" in loss.needs
    ]
    if not (model.losses and regularization_penalty and reaching):
        return []
    first, last = zip(*reaching)
    key = "_".join([*prefix, "penalty"])
    symbol = f"penalty({prefix[0]})" if prefix else "penalty"
    return [
        Term(
            key,
            regularization_penalty,
            symbol,
            name,
            None,
            None,
            min(first),
            None if None in last else max(last),
        )
    ]


def _symbol(symbol, names):
    return f"{symbol}({', '.join(names)})" if names else symbol
