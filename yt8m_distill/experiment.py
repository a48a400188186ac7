"""From the options of training to a run."""

import math
import types

import keras

from yt8m_distill import (
    caching,
    callbacks,
    devices,
    found_segments,
    precision,
    restarts,
    run_data,
    segment_runs,
    speed_flags,
    starter_code_models,
    teaching,
    training,
    video_ensemble,
)
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.evaluation import (
    Evaluator,
    log_line,
)
from yt8m_distill.folds import fraction, without_fold
from yt8m_distill.run_directory import RunDirectory, last_step
from yt8m_distill.shards import Shards
from yt8m_distill.starter_code_models import PART_DEFAULTS
from yt8m_distill.unlabelled import WithUnlabelled
from yt8m_distill.workers import Workers


def train(options):
    """Trains what the options describe, from the start or where it stopped.

    Everything that can be checked is checked before the run's directory is
    touched.

    Args:
        options: as of `config.options("train")`.

    Returns:
        The metrics of the best epoch, a dict.

    Raises:
        InputError: flags, files or records cannot be used.
    """
    given, options = options, _translated(options)
    segment_runs.check(options)
    keras.utils.set_random_seed(options.seed)
    reading = run_data.reader_arguments(options)
    shards = Shards(
        options.train_data_pattern,
        options.feature_names,
        options.feature_sizes,
        **reading,
    )
    starter_code_models.check_level(vars(options), shards)
    is_frame_level = not shards.is_video_level
    is_part = options.train_fraction != 1
    if options.teacher_cache or options.num_folds or is_part:
        # These look at every record in advance.
        shards = shards.readable(options.num_classes)
    data = {
        "feature_names": list(shards.feature_names),
        "feature_sizes": list(shards.feature_sizes),
        "num_classes": options.num_classes,
        "max_frames": options.max_frames,
        **segment_runs.data(options),
    }
    if options.segment_labels:
        shards = found_segments.rated_segments(
            shards, options.num_classes, options.segment_context_frames
        )
    strategy = devices.strategy(options.distribution, options.num_gpu)
    workers = Workers(strategy)
    if options.batch_size % strategy.num_replicas_in_sync:
        raise InputError(
            f"--batch_size={options.batch_size} cannot be shared by "
            f"{strategy.num_replicas_in_sync} devices; give a multiple"
        )
    parts = options.gradient_accumulation_steps
    if options.batch_size // strategy.num_replicas_in_sync % parts:
        raise InputError(
            f"--gradient_accumulation_steps={parts} does not divide the "
            f"{options.batch_size // strategy.num_replicas_in_sync} videos of "
            "a batch on each device; give a divisor"
        )
    if is_part:
        shards = fraction(shards, options.train_fraction)
    if options.num_folds:
        shards = without_fold(shards, options.num_folds, options.held_out_fold)
    if options.unlabelled_data_pattern:
        unlabelled = Shards(
            options.unlabelled_data_pattern,
            shards.feature_names,
            shards.feature_sizes,
            **reading,
        )
        if options.teacher_cache:
            unlabelled = unlabelled.readable(options.num_classes)
        shards = WithUnlabelled(shards, unlabelled)
    with strategy.scope():
        distiller, cached = teaching.build(options, data)
        distiller.compile(
            _optimizer(options),
            _optimizer(options),
            options.steps_per_execution,
        )
        student = video_ensemble.as_one(distiller.students, data["max_frames"])
    _check_buckets(options, distiller)
    training_data = VideoDataset(
        shards,
        options.num_classes,
        data["max_frames"],
        distiller.frame_sampler,
        num_length_buckets=options.num_length_buckets,
        num_readers=options.num_readers,
    )
    steps = training_data.steps_per_epoch(options.batch_size)
    last = last_step(steps, options.num_epochs, options.max_steps)
    distiller.check_epochs(math.ceil(last / steps))
    caching.check(options, shards, cached)
    validations = []
    if workers.is_chief:
        validations = _validations(options, data, distiller, student, reading)

    run = RunDirectory(options.train_dir)
    flags = {**vars(given)}
    flags_text = flags.pop("flags_text")
    goes_on = workers.chief_does(
        lambda: run.start(
            flags,
            flags_text,
            {
                **data,
                "num_training_videos": len(shards),
                "frame_features": is_frame_level,
            },
            options.start_new_model and not restarts.has_restarted(),
        )
    )
    workers.check_same_run(run)
    if given.model:
        print(starter_code_models.describe(vars(given)))
    elif not is_frame_level and options.encoder == PART_DEFAULTS["encoder"]:
        print(
            "these records are video-level: this trains NetVLAD on a single "
            "vector; the starter code's default was --model=LogisticModel"
        )
    print(f"training: {shards.describe()}")
    print(f"{student.count_params():,} parameters in the model")
    print(distiller.objective())
    if goes_on and run.has_all_steps():
        print(f"all {last} steps of the run in {options.train_dir} are done")
    elif goes_on:
        print(f"going on with the run in {options.train_dir}")
    training_data.teacher_caches = workers.chief_first(
        lambda: caching.fill(options, shards, cached, train)
    )
    try:
        best = training.fit(
            distiller,
            student,
            training_data,
            validations,
            run,
            workers,
            batch_size=options.batch_size,
            num_epochs=options.num_epochs,
            seed=options.seed,
            max_steps=options.max_steps,
            export_model_steps=options.export_model_steps,
            profiled_steps=speed_flags.profiled_steps(options.profile),
        )
    finally:
        if workers.is_chief:
            run_data.tell_skipped(reading, run.path, "train")
    print(_what_next(options, best))
    return best


def _translated(options):
    """The options, with the parts of `--model` if that is given."""
    parts = starter_code_models.translate(vars(options))
    return types.SimpleNamespace(**{**vars(options), **parts})


def _check_buckets(options, distiller):
    """Refuses buckets where the padding changes what a model computes."""
    if options.num_length_buckets < 2:
        return
    if options.unlabelled_data_pattern:
        raise InputError(
            f"--num_length_buckets={options.num_length_buckets} does not go "
            "with --unlabelled_data_pattern, of which every batch has its share"
        )
    models = [*distiller.students.values(), *distiller.teachers().values()]
    for one in models:
        if run_data.counts_blocks(one):
            raise InputError(
                f"--num_length_buckets={options.num_length_buckets} does not "
                "go with hierarchical_lstm(num_blocks=), whose blocks depend "
                "on the padding; give block_length instead"
            )


def _validations(options, data, distiller, student, reading):
    """What scores the student, and its teacher beside it, in each epoch.

    A teacher that learns is scored anew; the score of one frozen teacher is
    that of its own run, where that was on the same shards.
    """
    pattern = options.eval_data_pattern
    if not pattern:
        return []
    models = {"": student}
    if distiller.train_teachers:
        models["teacher_"] = distiller.teachers()["teacher"]
    context_frames = data.get("segment_context_frames")
    shards = run_data.shards_of(
        data, pattern, reading, context_frames, rated=True
    )
    validations = [
        callbacks.Validation(
            Evaluator(one),
            run_data.dataset_for(one, data, shards, options.num_readers),
            options.batch_size,
            lambda: run_data.new_metrics(options, data, context_frames),
            prefix,
        )
        for prefix, one in models.items()
    ]
    if options.teacher_dir and "," not in options.teacher_dir:
        run = RunDirectory(options.teacher_dir)
        flags, best = run.config()["flags"], run.best_epoch()
        same = all(
            flags.get(name) == getattr(options, name)
            for name in (
                "eval_data_pattern",
                "top_k",
                "map_convention",
                "segment_labels",
                "segment_context_frames",
            )
        )
        if same and best:
            scores = {
                f"val_teacher_{k}": best[f"val_{k}"] for k in ("gap", "map")
            }
            validations.append(callbacks.Constant(scores))
    return validations


def _optimizer(options):
    return training.optimizer(
        options.optimizer,
        options.base_learning_rate,
        options.learning_rate_decay,
        options.learning_rate_decay_examples,
        options.batch_size,
        options.clip_gradient_norm,
        precision.scales_loss(options.precision),
    )


def _what_next(options, best):
    lines = []
    if best and "val_gap" in best:
        scores = {key.removeprefix("val_"): best[key] for key in best}
        lines.append(f"best epoch {best['epoch']} | {log_line(scores)}")
    command = "python -m yt8m_distill."
    lines += [
        "next:",
        f"  {command}eval --train_dir={options.train_dir} "
        f"--eval_data_pattern='{options.eval_data_pattern or 'PATTERN'}'",
        f"  {command}inference --train_dir={options.train_dir} "
        "--input_data_pattern='PATTERN' --output_file=predictions.csv",
        f"  tensorboard --logdir={options.train_dir}/tensorboard",
    ]
    return "\n".join(lines)
