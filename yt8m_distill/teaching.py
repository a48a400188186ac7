"""From the options of a training run to its students and teachers."""

import types

import tensorflow as tf

from yt8m_distill import label_loss, model, parts, precision, recomputation
from yt8m_distill.distiller import Distiller
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory
from yt8m_distill.teacher_cache import CachedTeacher
from yt8m_distill.video_ensemble import VideoEnsemble


def build(options, data):
    """The distiller of a run, and the frozen teachers to be cached.

    Args:
        options: as of `config.options("train")`.
        data: dict with `feature_names`, `feature_sizes`, `num_classes`,
            `max_frames`.

    Returns:
        Tuple of a `Distiller`, not compiled, and a dict name → teacher as of
        `frozen_teachers` for those whose outputs come from a cache.

    Raises:
        InputError: the flags do not fit together, or the teachers the data.
    """
    _check_flags(options)
    arguments = {
        "num_classes": options.num_classes,
        "feature_sizes": data["feature_sizes"],
        "max_frames": data["max_frames"],
    }
    teachers, cached, frozen = {}, {}, {}
    if options.teacher_dir:
        frozen = frozen_teachers(options, data)
        teachers = {name: one.model for name, one in frozen.items()}
    elif options.teacher_encoder:
        teachers["teacher"] = _new_model(
            options,
            options.teacher_frame_sampler,
            _or_same(options.teacher_encoder, options.encoder),
            _or_same(options.teacher_head, options.head),
            options.input_layer,
            **arguments,
        )
    head = options.head
    if options.share_head and options.teacher_encoder:
        head = teachers["teacher"].head
    students = {
        name: _new_model(
            options,
            options.frame_sampler,
            options.encoder,
            head,
            options.input_layer,
            **arguments,
        )
        for name in _numbered("student", options.num_students)
    }
    _start_students(options, students, teachers)
    if options.recompute:
        learned = teachers if options.teacher_encoder else {}
        _recompute(options, [*students.values(), *learned.values()])
    if options.teacher_cache:
        cached = frozen
        teachers = {
            name: CachedTeacher(name, one.representation_dim, one.num_classes)
            for name, one in teachers.items()
        }
    distiller = Distiller(
        students,
        parts.get_all(
            "distillation_losses", label_loss.student_losses(options)
        ),
        teachers,
        train_teachers=bool(options.teacher_encoder),
        teacher_losses=parts.get_all(
            "distillation_losses", label_loss.label_loss(options)
        ),
        teacher_weights=_teacher_weights(options.teacher_weights),
        regularization_penalty=options.regularization_penalty,
        jit_compile=options.jit_compile,
        gradient_accumulation_steps=options.gradient_accumulation_steps,
        ema_momentum=options.ema_momentum,
        score_steps=options.log_steps,
    )
    return distiller, cached


def frozen_teachers(options, data):
    """The best models of the runs in `--teacher_dir`.

    Returns:
        dict name → namespace with `model`, `run` (a `RunDirectory`) and `name`.

    Raises:
        InputError: there is no such run, it is the student's own, or it was
            trained on other features or classes.
    """
    directories = [part for part in options.teacher_dir.split(",") if part]
    teachers = {}
    for name, directory in zip(
        _numbered("teacher", len(directories)), directories
    ):
        run = RunDirectory(directory)
        if run.path.resolve() == RunDirectory(options.train_dir).path.resolve():
            raise InputError(
                f"--teacher_dir and --train_dir are both {directory}; give the "
                "student a directory of its own"
            )
        taught = run.config()["data"]
        for key, value in data.items():
            if options.segment_labels and key == "segment_context_frames":
                continue
            # Of a video a teacher may have seen more than a segment.
            enough = options.segment_labels and key == "max_frames"
            if taught[key] != value and not (enough and taught[key] > value):
                raise InputError(
                    f"the teacher in {directory} was trained with {key} "
                    f"{taught[key]}, this run has {value}; both need the same"
                )
        teacher = model.load(run.checkpoint("best"))
        precision.apply(teacher, options.precision)
        teachers[name] = types.SimpleNamespace(
            name=name, run=run, model=teacher
        )
    return teachers


def _new_model(options, *parts_of_it, **arguments):
    """As `model.build`, in the run's precision; losses stay in float32."""
    with precision.of_new_models(options.precision):
        return model.build(*parts_of_it, **arguments)


def _recompute(options, models):
    """Makes models that learn compute again what they do not keep."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    parts_of_batch = replicas * options.gradient_accumulation_steps
    pieces = sum(
        recomputation.apply(one, options.batch_size // parts_of_batch)
        for one in models
    )
    if not pieces:
        raise InputError(
            f"--recompute has nothing to compute again in {options.encoder!r}; "
            "it is for hierarchical_lstm and lstm; leave it out"
        )


def _start_students(options, students, teachers):
    """Gives students another model's weights or head, as the flags say."""
    if options.initialize_from:
        source = model.load(
            RunDirectory(options.initialize_from).checkpoint("best")
        )
        if isinstance(source, VideoEnsemble):
            raise InputError(
                f"--initialize_from={options.initialize_from} is an ensemble "
                "of students, which has no single weights to start from"
            )
        for student in students.values():
            _start_as(student, source, "in --initialize_from")
    for teacher in teachers.values():
        if isinstance(teacher, VideoEnsemble) and (
            options.initialize_from_teacher or options.share_head
        ):
            raise InputError(
                "the teacher is an ensemble of students, which has no single "
                "head or weights to start from; leave --share_head and "
                "--initialize_from_teacher out"
            )
    if options.initialize_from_teacher:
        for student, teacher in _pairs(students, teachers):
            _start_as(student, teacher, "the teacher's")
    if options.share_head and options.teacher_dir:
        for student, teacher in _pairs(students, teachers):
            copied, count = model.copy_weights(teacher.head, student.head)
            if copied < count:
                raise InputError(
                    "--share_head needs the teacher's head: only "
                    f"{copied} of {count} weights have the same name and "
                    "shape; give the student the teacher's --head and width"
                )


def _start_as(student, source, whose):
    """Copies the weights that agree, and says how many."""
    counts = [
        model.copy_weights(source.encoder, student.encoder),
        model.copy_weights(source.head, student.head),
    ]
    copied, count = map(sum, zip(*counts))
    if not copied:
        raise InputError(
            f"no weight of the model agrees with those {whose}; give the same "
            "--encoder and --head"
        )
    print(f"{copied} of {count} weights start as {whose}")


def _pairs(students, teachers):
    """Each student with its own teacher, or all with the first."""
    teachers = list(teachers.values())
    if len(teachers) != len(students):
        teachers = teachers[:1] * len(students)
    return zip(students.values(), teachers)


def _check_flags(options):
    if options.teacher_dir and options.teacher_encoder:
        raise InputError(
            "--teacher_dir (serial) and --teacher_encoder (parallel) were both "
            "given; give one"
        )
    for name, needed in (
        ("teacher_cache", "teacher_dir"),
        ("teacher_folds", "teacher_cache"),
        ("teacher_weights", "teacher_dir"),
        ("held_out_fold", "num_folds"),
    ):
        if getattr(options, name) and not getattr(options, needed):
            raise InputError(f"--{name} needs --{needed}")
    if options.initialize_from and options.num_students > 1:
        raise InputError(
            f"--initialize_from would start all --num_students="
            f"{options.num_students} alike; leave one out"
        )
    if options.initialize_from and options.initialize_from_teacher:
        raise InputError(
            "--initialize_from and --initialize_from_teacher exclude each other"
        )
    if not options.teacher_encoder:
        for name, default in (
            ("teacher_frame_sampler", "all_frames"),
            ("teacher_head", "same"),
        ):
            if getattr(options, name) != default:
                raise InputError(f"--{name} needs --teacher_encoder")
    if not (options.teacher_dir or options.teacher_encoder):
        for name in (
            "share_head",
            "initialize_from_teacher",
            "unlabelled_data_pattern",
        ):
            if getattr(options, name):
                raise InputError(
                    f"--{name} needs a teacher: --teacher_dir or "
                    "--teacher_encoder"
                )
    losses = parts.get_all(
        "distillation_losses", label_loss.student_losses(options)
    ).values()
    taught = [loss for loss in losses if loss.needs_teacher]
    for name in ("teacher_cache", "unlabelled_data_pattern"):
        if getattr(options, name) and not taught:
            raise InputError(
                f"--{name} has no use without a loss that needs a teacher; add "
                "rep or pred to --student_losses"
            )
    _check_several(options, taught)
    if options.teacher_folds:
        _check_folds(options, taught)


def _check_several(options, taught):
    """Flags of several teachers and students."""
    several = "," in options.teacher_dir
    if options.teacher_weights and not (
        several and any(loss.compares_predictions for loss in taught)
    ):
        raise InputError(
            "--teacher_weights needs several teachers in --teacher_dir and the "
            "loss pred, which alone sees them as an ensemble"
        )
    if options.share_head and (several or options.num_students > 1):
        raise InputError("--share_head needs one teacher and one student")
    if options.share_head and options.teacher_head != "same":
        raise InputError(
            "--share_head and --teacher_head exclude each other; the shared "
            "head is --head"
        )
    if (
        options.initialize_from_teacher
        and options.num_students > 1
        and len(options.teacher_dir.split(",")) != options.num_students
    ):
        raise InputError(
            "--initialize_from_teacher would start all --num_students="
            f"{options.num_students} alike; give as many teachers"
        )


def _check_folds(options, taught):
    """Flags of teachers that are trained without a fold."""
    if options.teacher_folds < 2:
        raise InputError(
            f"--teacher_folds={options.teacher_folds}; give at least 2"
        )
    if (
        any("representation" in loss.needs for loss in taught)
        or "learned" in options.teacher_weights
    ):
        raise InputError(
            "--teacher_folds: the folds' teachers have representations of "
            "their own, which neither L_rep nor --teacher_weights=learned can "
            "mix; leave them out"
        )


def _numbered(name, count):
    return [name] if count == 1 else [f"{name}_{i + 1}" for i in range(count)]


def _or_same(spec, other):
    return other if spec == "same" else spec


def _teacher_weights(texts):
    """The weights as `TeacherEnsemble` takes them."""
    if texts == ["learned"]:
        return "learned"
    try:
        return [float(text) for text in texts]
    except ValueError:
        raise InputError(
            f"--teacher_weights={','.join(texts)}; give numbers or 'learned'"
        ) from None
