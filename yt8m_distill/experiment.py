"""From the options of an entry point to a run, its scores, its predictions."""

import time

import keras

from yt8m_distill import (
    caching,
    callbacks,
    files,
    label_files,
    model,
    teaching,
    training,
    video_ensemble,
)
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.evaluation import Evaluator, log_line
from yt8m_distill.folds import without_fold
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
    keras.utils.set_random_seed(options.seed)
    reading = _reading(options)
    shards = Shards(
        options.train_data_pattern,
        options.feature_names,
        options.feature_sizes,
        **reading,
    )
    if options.teacher_cache or options.num_folds:
        # These look at every record in advance.
        shards = shards.readable(options.num_classes)
    data = {
        "feature_names": list(shards.feature_names),
        "feature_sizes": list(shards.feature_sizes),
        "num_classes": options.num_classes,
        "max_frames": options.max_frames,
    }
    strategy = training.strategy(options.distribution)
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
        student = video_ensemble.as_one(distiller.students, options.max_frames)
    _check_buckets(options, distiller)
    training_data = VideoDataset(
        shards,
        options.num_classes,
        options.max_frames,
        distiller.frame_sampler,
        num_length_buckets=options.num_length_buckets,
    )
    training_data.steps_per_epoch(options.batch_size)
    caching.check(options, shards, cached)
    validations = _validations(options, data, distiller, student, reading)

    run = RunDirectory(options.train_dir)
    flags = {**vars(options)}
    flags_text = flags.pop("flags_text")
    goes_on = run.start(
        flags,
        flags_text,
        {**data, "num_training_videos": len(shards)},
        options.start_new_model,
    )
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
            )
    finally:
        _tell_skipped(reading, run.path, "train")
    print(_what_next(options, best))
    return best


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
        layer = getattr(one.encoder, "layer", None)
        if getattr(layer, "num_blocks", None):
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
    validations = [
        callbacks.Validation(
            Evaluator(one),
            _dataset(one, data, pattern, reading),
            options.batch_size,
            options.top_k,
            prefix,
        )
        for prefix, one in models.items()
    ]
    if options.teacher_dir and "," not in options.teacher_dir:
        run = RunDirectory(options.teacher_dir)
        flags, epochs = run.config()["flags"], run.epochs()
        same = all(
            flags.get(name) == getattr(options, name)
            for name in ("eval_data_pattern", "top_k")
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
    reading = _reading(options)
    run, loaded, dataset = _open(options, options.eval_data_pattern, reading)
    start = time.monotonic()
    results = Evaluator(loaded).evaluate(
        dataset, options.batch_size, options.top_k
    )
    results["frames"] = loaded.num_frames
    results["gflops"] = loaded.count_flops() / 1e9
    seconds = time.monotonic() - start
    print(
        f"{log_line(results)} | {results['num_videos']:,} videos, "
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
            **results,
        },
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
    formats.check(options.output_file, options.output_format)
    if "," in options.train_dir and not options.output_file:
        raise InputError("several --train_dir need --output_file; give a name")
    vocabulary = (
        label_files.read_class_names(options.vocabulary)
        if options.vocabulary
        else None
    )
    reading = _reading(options)
    run, loaded, dataset = _open(options, options.input_data_pattern, reading)
    ending = formats.get_class(options.output_format).ending
    output = options.output_file or str(
        run.path / "predictions" / f"predictions{ending}"
    )
    num_videos = 0
    start = time.monotonic()
    with formats.writing(
        output,
        options.output_format,
        options.top_k,
        _class_names(vocabulary, dataset.num_classes),
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


def _class_names(vocabulary, num_classes):
    """A name for each class: its index where the vocabulary has none.

    Args:
        vocabulary: dict index → str; None: there is no vocabulary.

    Returns:
        list of str; None without a vocabulary.
    """
    if vocabulary is None:
        return None
    names = [vocabulary.get(label) for label in range(num_classes)]
    missing = names.count(None)
    if missing:
        print(
            f"--vocabulary has no name for {missing:,} of {num_classes:,} "
            "classes; their index stands for it"
        )
    return [name or str(label) for label, name in enumerate(names)]


def _open(options, pattern, reading):
    """The first run, its model (of several runs their ensemble), its records.

    The records are read as that model wants them.
    """
    directories = [part for part in options.train_dir.split(",") if part]
    runs = [RunDirectory(path) for path in directories]
    data = runs[0].config()["data"]
    loaded = {}
    for run in runs:
        for key, value in run.config()["data"].items():
            if key != "num_training_videos" and value != data[key]:
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
    return runs[0], one, _dataset(one, data, pattern, reading)


def _dataset(for_model, data, pattern, reading):
    """The frames that a model looks at, of the shards that match."""
    shards = Shards(
        pattern, data["feature_names"], data["feature_sizes"], **reading
    )
    return VideoDataset(
        shards,
        data["num_classes"],
        data["max_frames"],
        for_model.frame_sampler,
    )


def _optimizer(options):
    return training.adam(
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
