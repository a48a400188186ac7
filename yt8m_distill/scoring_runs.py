"""Scores and predictions of the model of a run."""

import sys
import time
import types

from yt8m_distill import (
    batch_size,
    class_group_runs,
    class_groups,
    compilation,
    durations,
    evaluation_summary,
    files,
    label_files,
    model,
    output_parts,
    precision,
    run_archive,
    run_data,
    segment_runs,
    shards,
    starter_code_run,
    video_ensemble,
)
from yt8m_distill.errors import InputError
from yt8m_distill.evaluation import (
    Evaluator,
    log_line,
    write_average_precisions,
)
from yt8m_distill.prediction_files import formats
from yt8m_distill.run_directory import RunDirectory


def evaluate(options):
    """Scores the model of a run and keeps the scores in `evaluation/`.

    Args:
        options: as of `config.options("eval")`.

    Returns:
        The scores, a dict as of `Evaluator.evaluate`, with `frames` (seen of a
        video, at most) and `gflops` (2 × 10⁹ multiply-adds for such a video),
        and with `--class_groups` as of `ClassGroupMetrics.result`.

    Raises:
        InputError: there is no such run or model, or the records cannot be
            used, or another run took its place meanwhile.
    """
    runs = _runs(options)
    run_ids = [run.run_id() for run in runs]
    vocabulary = label_files.read_class_names(options.vocabulary)
    reading = run_data.reader_arguments(options)
    run, data = runs[0], _data(options, runs)
    context_frames = segment_runs.chosen(options, data)
    metrics = class_group_runs.with_groups(
        options,
        runs,
        data,
        context_frames,
        run_data.new_metrics(options, data, context_frames),
    )
    class_names = label_files.all_names(vocabulary, data["num_classes"])
    loaded = _load(options, runs, data)
    dataset = run_data.dataset_for(
        loaded,
        data,
        run_data.shards_of(
            data, options.eval_data_pattern, reading, context_frames, rated=True
        ),
        options.num_readers,
    )
    start = time.monotonic()
    results = _evaluator(options, loaded).evaluate(
        dataset, _batch_size(options, dataset), metrics
    )
    results["frames"] = loaded.num_frames
    results["gflops"] = loaded.count_flops() / 1e9
    seconds = time.monotonic() - start
    what = "videos" if context_frames is None else "segments"
    print(
        f"{log_line(results)} | {results['num_videos']:,} {what}, "
        f"{results['num_empty_classes']} of {dataset.num_classes} classes "
        f"without one | {durations.text(seconds)}"
    )
    if "class_groups" in results:
        print(class_groups.table(results["class_groups"]))
    if [run.run_id() for run in runs] != run_ids:
        raise InputError(
            f"the run in {options.train_dir} was replaced while it was scored; "
            "score the one that is there now"
        )
    run_data.tell_skipped(reading, run.path, "eval")
    name = options.checkpoint
    if len(runs) > 1:
        others = [other.path.name for other in runs[1:]]
        name = "-".join([name, "with", *others])
    files.write_json(
        run.path / "evaluation" / f"{name}.json",
        {
            "data_pattern": options.eval_data_pattern,
            "train_dirs": [
                part for part in options.train_dir.split(",") if part
            ],
            "map_convention": options.map_convention,
            "segment_context_frames": context_frames,
            "precision": precision.of(loaded),
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


def check(options):
    """Refuses files that `evaluate` could not use, without a run.

    Args:
        options: as of `config.options("eval")`.

    Raises:
        InputError: naming the file or pattern.
    """
    label_files.read_class_names(options.vocabulary)
    if options.segment_label_ids_file:
        # How many classes there are only the run knows.
        label_files.read_label_ids(options.segment_label_ids_file, sys.maxsize)
    shards.match(options.eval_data_pattern)
    class_group_runs.check(options)


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
    reading = run_data.reader_arguments(options)
    runs = _runs(options)
    run, data = runs[0], _data(options, runs)
    context_frames = segment_runs.chosen(options, data)
    classes = segment_runs.ranked_classes(options, data["num_classes"])
    class_names = label_files.all_names(vocabulary, data["num_classes"])
    loaded = _load(options, runs, data)
    dataset = run_data.dataset_for(
        loaded,
        data,
        run_data.shards_of(
            data, options.input_data_pattern, reading, context_frames
        ),
        options.num_readers,
    )
    if options.output_model_tgz and not options.shard_index:
        run_archive.write(run, options.checkpoint, options.output_model_tgz)
    ending = formats.get_class(options.output_format).ending
    output = options.output_file or str(
        run.path / "predictions" / f"predictions{ending}"
    )
    part = run_data.part_of(options)
    if part:
        output = output_parts.name(output, *part, context_frames is not None)
        shared = output_parts.shared(
            options, runs, loaded, class_names, context_frames, classes
        )
    predicted = _evaluator(options, loaded).predictions(
        dataset,
        _batch_size(options, dataset),
        with_video_id=True,
        with_labels=False,
    )
    if context_frames is None:
        num_videos = _write(options, predicted, output, class_names)
    else:
        num_videos = segment_runs.infer(
            options, predicted, len(dataset), output, class_names, classes
        )
    if not part:
        run_data.tell_skipped(reading, run.path, "inference")
    else:
        output_parts.write_manifest(
            output,
            *part,
            shared,
            num_videos,
        )
        run_data.tell_skipped(
            reading,
            run.path / "predictions",
            f"inference{output_parts.suffix(*part)}",
        )
    return output


def _write(options, predicted, output, class_names):
    """Writes predictions of whole videos into a file; returns their number."""
    num_videos = 0
    start = time.monotonic()
    with formats.writing(
        output, options.output_format, options.top_k, class_names
    ) as opened:
        for predictions, _, batch in predicted:
            opened.write(batch["video_id"], predictions)
            num_videos += len(predictions)
    seconds = time.monotonic() - start
    print(
        f"{num_videos:,} videos in {output} | {num_videos / seconds:,.0f} "
        "videos/s"
    )
    return num_videos


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
        return _changed(options, checkpoint=options.checkpoint or "best")
    if options.train_dir:
        raise InputError(
            "--input_model_tgz and --train_dir exclude each other; give one"
        )
    models = run_archive.unpack(
        options.input_model_tgz, options.untar_model_dir
    )
    only = models[0] if len(models) == 1 else "best"
    return _changed(
        options,
        train_dir=options.untar_model_dir,
        checkpoint=options.checkpoint or only,
    )


def _changed(options, **values):
    return types.SimpleNamespace(**{**vars(options), **values})


def _runs(options):
    return [RunDirectory(part) for part in options.train_dir.split(",") if part]


def _data(options, runs):
    """What the models of the runs were made for."""
    data = runs[0].config()["data"]
    starter_code_run.check(options, runs[0])
    for run in runs[1:]:
        for key, value in run.config()["data"].items():
            if key != "num_training_videos" and value != data.get(key, value):
                raise InputError(
                    f"the run in {run.path} has {key} {value}, that in "
                    f"{runs[0].path} {data[key]}; an ensemble needs the same"
                )
    return data


def _load(options, runs, data):
    """The model of the run, or the ensemble of several, as precise as asked."""
    loaded = {}
    for run in runs:
        try:
            loaded[run.path] = model.load(run.checkpoint(options.checkpoint))
        except InputError as error:
            raise InputError(
                f"{error}; the run in {run.path} has no such checkpoint "
                "(yet): train it, or choose another --checkpoint"
            ) from None
    one = video_ensemble.as_one(loaded, data["max_frames"])
    precision.apply(one, options.precision)
    return one


def _evaluator(options, loaded):
    return Evaluator(
        loaded,
        compilation.resolve(
            options.jit_compile, [loaded], compilation.INFERENCE
        ),
    )


def _batch_size(options, dataset):
    return options.batch_size or batch_size.automatic(dataset.padded_frames)
