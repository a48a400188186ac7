"""From the options of an entry point to a run, its scores, its predictions."""

import time
import types

import keras

from yt8m_distill import (
    caching,
    callbacks,
    devices,
    evaluation_summary,
    files,
    label_files,
    model,
    run_archive,
    segment_runs,
    segments,
    starter_code_models,
    starter_code_run,
    teaching,
    training,
    video_ensemble,
)
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.evaluation import (
    Evaluator,
    log_line,
    write_average_precisions,
)
from yt8m_distill.folds import without_fold
from yt8m_distill.metrics import VideoMetrics
from yt8m_distill.prediction_files import formats
from yt8m_distill.run_directory import RunDirectory
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import SkippedRecords
from yt8m_distill.unlabelled import WithUnlabelled


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
    reading = _reading(options)
    shards = Shards(
        options.train_data_pattern,
        options.feature_names,
        options.feature_sizes,
        **reading,
    )
    starter_code_models.check_level(vars(options), shards)
    is_frame_level = not shards.is_video_level
    if options.teacher_cache or options.num_folds:
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
        shards = segments.rated_segments(
            shards, options.num_classes, options.segment_context_frames
        )
    strategy = devices.strategy(options.distribution, options.num_gpu)
    if options.batch_size % strategy.num_replicas_in_sync:
        raise InputError(
            f"--batch_size={options.batch_size} cannot be shared by "
            f"{strategy.num_replicas_in_sync} devices; give a multiple"
        )
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
        distiller.compile(_optimizer(options), _optimizer(options))
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
    training_data.steps_per_epoch(options.batch_size)
    caching.check(options, shards, cached)
    validations = _validations(options, data, distiller, student, reading)

    run = RunDirectory(options.train_dir)
    flags = {**vars(given)}
    flags_text = flags.pop("flags_text")
    goes_on = run.start(
        flags,
        flags_text,
        {
            **data,
            "num_training_videos": len(shards),
            "frame_features": is_frame_level,
        },
        options.start_new_model,
    )
    if given.model:
        print(starter_code_models.describe(vars(given)))
    print(f"training: {shards.describe()}")
    print(f"{student.count_params():,} parameters in the model")
    print(distiller.objective())
    if goes_on:
        print(f"going on with the run in {options.train_dir}")
    training_data.teacher_caches = caching.fill(options, shards, cached, train)
    try:
        with strategy.scope():
            best = training.fit(
                distiller,
                student,
                training_data,
                validations,
                run,
                batch_size=options.batch_size,
                num_epochs=options.num_epochs,
                seed=options.seed,
                max_steps=options.max_steps,
                export_model_steps=options.export_model_steps,
                best_by="val_map" if options.segment_labels else "val_gap",
            )
    finally:
        _tell_skipped(reading, run.path, "train")
    print(_what_next(options, best))
    return best


def _translated(options):
    """The options, with the parts of `--model` if that is given."""
    parts = starter_code_models.translate(vars(options))
    return types.SimpleNamespace(**{**vars(options), **parts})


def _reading(options):
    """How records are read, more arguments of `Shards`."""
    return {
        "id_key": options.id_key,
        "labels_key": options.labels_key,
        "verify_checksums": options.verify_checksums,
        "skipped": SkippedRecords()
        if options.on_bad_record == "skip"
        else None,
    }


def _tell_skipped(reading, folder, name):
    """Prints and keeps which records were skipped, if any were."""
    skipped = reading["skipped"]
    if skipped:
        path = folder / f"skipped_records_{name}.json"
        skipped.write(path)
        print(f"{skipped.summary()}; see {path}")


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
        if _counts_blocks(one):
            raise InputError(
                f"--num_length_buckets={options.num_length_buckets} does not "
                "go with hierarchical_lstm(num_blocks=), whose blocks depend "
                "on the padding; give block_length instead"
            )


def _counts_blocks(one):
    """Whether what a model computes depends on the padding."""
    models = getattr(one, "members", None) or [one]
    return any(
        getattr(getattr(model.encoder, "layer", None), "num_blocks", None)
        for model in models
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
    shards = _shards(data, pattern, reading, context_frames, rated=True)
    validations = [
        callbacks.Validation(
            Evaluator(one),
            _dataset(one, data, shards, options.num_readers),
            options.batch_size,
            lambda: _metrics(options, data, context_frames),
            prefix,
        )
        for prefix, one in models.items()
    ]
    if options.teacher_dir and "," not in options.teacher_dir:
        run = RunDirectory(options.teacher_dir)
        flags, epochs = run.config()["flags"], run.epochs()
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
        if same and epochs:
            best = max(epochs, key=lambda epoch: epoch["val_gap"])
            scores = {
                f"val_teacher_{k}": best[f"val_{k}"] for k in ("gap", "map")
            }
            validations.append(callbacks.Constant(scores))
    return validations


def evaluate(options):
    """Scores the model of a run and keeps the scores in `evaluation/`.

    Args:
        options: as of `config.options("eval")`.

    Returns:
        The scores, a dict as of `Evaluator.evaluate`, with `frames` (seen of a
        video, at most) and `gflops` (2 × 10⁹ multiply-adds for such a video).

    Raises:
        InputError: there is no such run or model, or the records cannot be
            used.
    """
    vocabulary = label_files.read_class_names(options.vocabulary)
    reading = _reading(options)
    run, loaded, data = _open(options)
    context_frames = segment_runs.chosen(options, data)
    dataset = _dataset(
        loaded,
        data,
        _shards(
            data, options.eval_data_pattern, reading, context_frames, rated=True
        ),
        options.num_readers,
    )
    metrics = _metrics(options, data, context_frames)
    class_names = label_files.all_names(vocabulary, data["num_classes"])
    start = time.monotonic()
    results = Evaluator(loaded).evaluate(dataset, options.batch_size, metrics)
    results["frames"] = loaded.num_frames
    results["gflops"] = loaded.count_flops() / 1e9
    seconds = time.monotonic() - start
    what = "videos" if context_frames is None else "segments"
    print(
        f"{log_line(results)} | {results['num_videos']:,} {what}, "
        f"{results['num_empty_classes']} of {dataset.num_classes} classes "
        f"without one | {callbacks.duration(seconds)}"
    )
    _tell_skipped(reading, run.path, "eval")
    name = options.checkpoint
    runs = [part for part in options.train_dir.split(",") if part]
    if len(runs) > 1:
        others = [RunDirectory(part).path.name for part in runs[1:]]
        name = "-".join([name, "with", *others])
    files.write_json(
        run.path / "evaluation" / f"{name}.json",
        {
            "data_pattern": options.eval_data_pattern,
            "train_dirs": runs,
            "map_convention": options.map_convention,
            "segment_context_frames": context_frames,
            **results,
        },
    )
    write_average_precisions(
        run.path / "evaluation" / f"{name}_classes.csv",
        *metrics.average_precisions(),
        class_names,
    )
    if len(runs) == 1:
        evaluation_summary.write(
            run.tensorboard / "eval",
            results,
            evaluation_summary.step_of(run, options.checkpoint, loaded.step),
            "Eval" if context_frames is None else "SegEval",
        )
    return results


def infer(options):
    """Tags videos with the model of a run and writes a file of predictions.

    Args:
        options: as of `config.options("inference")`.

    Returns:
        Path of the file.

    Raises:
        InputError: there is no such run or model, the records cannot be used,
            or the file cannot be written so; then none is written.
    """
    options = _from_archive(options)
    formats.check(options.output_file, options.output_format)
    if "," in options.train_dir and not options.output_file:
        raise InputError("several --train_dir need --output_file; give a name")
    vocabulary = label_files.read_class_names(options.vocabulary)
    reading = _reading(options)
    run, loaded, data = _open(options)
    if options.output_model_tgz:
        run_archive.write(run, options.checkpoint, options.output_model_tgz)
    context_frames = segment_runs.chosen(options, data)
    class_names = label_files.all_names(vocabulary, data["num_classes"])
    dataset = _dataset(
        loaded,
        data,
        _shards(data, options.input_data_pattern, reading, context_frames),
        options.num_readers,
    )
    ending = formats.get_class(options.output_format).ending
    output = options.output_file or str(
        run.path / "predictions" / f"predictions{ending}"
    )
    if context_frames is not None:
        segment_runs.infer(
            options, Evaluator(loaded), dataset, output, class_names
        )
        _tell_skipped(reading, run.path, "inference")
        return output
    num_videos = 0
    start = time.monotonic()
    with formats.writing(
        output, options.output_format, options.top_k, class_names
    ) as opened:
        for predictions, _, batch in Evaluator(loaded).predictions(
            dataset, options.batch_size, with_video_id=True
        ):
            opened.write(batch["video_id"], predictions)
            num_videos += len(predictions)
    seconds = time.monotonic() - start
    print(
        f"{num_videos:,} videos in {output} | {num_videos / seconds:,.0f} "
        "videos/s"
    )
    _tell_skipped(reading, run.path, "inference")
    return output


def _from_archive(options):
    """The options of inference, with the run of `--input_model_tgz` if given.

    Raises:
        InputError: flags exclude each other, or the archive cannot be used.
    """
    if options.checkpoint_file:
        raise InputError(
            f"--checkpoint_file={options.checkpoint_file}: give --checkpoint="
            "best, last or teacher, the name of a model of the run"
        )
    if options.output_model_tgz and "," in options.train_dir:
        raise InputError(
            "--output_model_tgz takes the model of one run; give one "
            "--train_dir"
        )
    if not options.input_model_tgz:
        return options
    if options.train_dir:
        raise InputError(
            "--input_model_tgz and --train_dir exclude each other; give one"
        )
    run_archive.unpack(options.input_model_tgz, options.untar_model_dir)
    changed = {"train_dir": options.untar_model_dir}
    return types.SimpleNamespace(**{**vars(options), **changed})


def _open(options):
    """The first run, its model (of several runs their ensemble), its data."""
    directories = [part for part in options.train_dir.split(",") if part]
    runs = [RunDirectory(path) for path in directories]
    data = runs[0].config()["data"]
    starter_code_run.check(options, runs[0])
    loaded = {}
    for run in runs:
        for key, value in run.config()["data"].items():
            if key != "num_training_videos" and value != data.get(key, value):
                raise InputError(
                    f"the run in {run.path} has {key} {value}, that in "
                    f"{runs[0].path} {data[key]}; an ensemble needs the same"
                )
        try:
            loaded[run.path] = model.load(run.checkpoint(options.checkpoint))
        except InputError as error:
            raise InputError(
                f"{error}; the run in {run.path} has no such checkpoint "
                "(yet): train it, or choose another --checkpoint"
            ) from None
    one = video_ensemble.as_one(loaded, data["max_frames"])
    return runs[0], one, data


def _shards(data, pattern, reading, context_frames, rated=False):
    """The videos of shards, or their segments.

    Args:
        data: dict, what the run's model was made for.
        pattern: str.
        reading: as of `_reading`.
        context_frames: int, frames around each segment; None: whole videos.
        rated: whether only the segments that people rated.
    """
    shards = Shards(
        pattern, data["feature_names"], data["feature_sizes"], **reading
    )
    if context_frames is None:
        return shards
    if rated:
        return segments.rated_segments(
            shards, data["num_classes"], context_frames
        )
    return segments.windows(shards, context_frames)


def _dataset(for_model, data, shards, num_readers):
    """The frames that a model looks at."""
    padded_frames = None
    if isinstance(shards, segments.Segments) and not _counts_blocks(for_model):
        # A model of whole videos would be fed with padding mostly.
        most_frames = segments.most_frames(shards.context_frames)
        padded_frames = min(for_model.num_frames, most_frames)
    return VideoDataset(
        shards,
        data["num_classes"],
        data["max_frames"],
        for_model.frame_sampler,
        num_readers=num_readers,
        padded_frames=padded_frames,
    )


def _metrics(options, data, context_frames):
    if context_frames is not None:
        return segment_runs.metrics(options, data["num_classes"])
    return VideoMetrics(
        data["num_classes"], options.top_k, options.map_convention
    )


def _optimizer(options):
    return training.optimizer(
        options.optimizer,
        options.base_learning_rate,
        options.learning_rate_decay,
        options.learning_rate_decay_examples,
        options.batch_size,
        options.clip_gradient_norm,
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
