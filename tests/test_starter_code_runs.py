"""Runs whose flags are those of the starter code."""

import json
import shutil

import pytest
import tensorflow as tf

from tests.test_experiment import arguments, run_program, train
from tests.test_training_log import scalars
from yt8m_distill import (
    config,
    cost,
    evaluation_summary,
    experiment,
    files,
    model,
    run_archive,
    scoring_runs,
    starter_code_flags,
    starter_code_run,
)
from yt8m_distill import eval as eval_program
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory

DBOF = [
    "--encoder=netvlad",  # the default, in place of the tests' own
    "--model=DbofModel",
    "--iterations=3",
    "--dbof_cluster_size=8",
    "--dbof_hidden_size=4",
    "--frame_features",
    "--label_loss=CrossEntropyLoss",
    "--optimizer=GradientDescentOptimizer",
    "--num_readers=3",
    "--num_gpu=1",
]


@pytest.fixture(scope="module")
def dbof_dir(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "dbof"
    train(synthetic_shards, path, *DBOF, "--num_epochs=1")
    return path


def evaluate(shards, *arguments):
    return scoring_runs.evaluate(
        config.parse(
            "eval", [f"--eval_data_pattern={shards}/validate*", *arguments]
        )
    )


def test_a_model_of_the_starter_code_trains_and_goes_on(
    synthetic_shards, dbof_dir, capsys
):
    run = RunDirectory(dbof_dir)
    assert run.config()["flags"]["model"] == "DbofModel"
    assert run.config()["flags"]["encoder"] == "netvlad"
    assert json.loads((dbof_dir / "model_flags.json").read_text()) == {
        "model": "DbofModel",
        "feature_sizes": "1024,128",
        "feature_names": "rgb,audio",
        "frame_features": True,
        "label_loss": "CrossEntropyLoss",
    }
    train(synthetic_shards, dbof_dir, *DBOF, "--num_epochs=2")
    printed = capsys.readouterr().out
    assert "--model=DbofModel is --frame_sampler='random(k=3)'" in printed
    assert "going on with the run" in printed
    loaded = model.load(run.checkpoint("last"))
    assert loaded.num_frames == 3
    assert loaded.encoder.clusters == 8
    row = cost.costs(config.parse("flops", [f"--train_dir={dbof_dir}"]))[0]
    assert row.num_parameters == loaded.count_params()


def test_eval_writes_the_starter_code_s_tags_at_the_model_s_step(
    synthetic_shards, dbof_dir
):
    results = evaluate(
        synthetic_shards, f"--train_dir={dbof_dir}", "--batch_size=8"
    )
    step = model.saved_step(RunDirectory(dbof_dir).checkpoint("best"))
    found = scalars(dbof_dir / "tensorboard" / "eval")
    assert found["Epoch/Eval_GAP"] == [(step, pytest.approx(results["gap"]))]
    assert set(found) == {
        "Epoch/Eval_Avg_Hit@1",
        "Epoch/Eval_Avg_Perr",
        "Epoch/Eval_Avg_Loss",
        "Epoch/Eval_MAP",
        "Epoch/Eval_GAP",
        "GlobalStep/Eval_Hit@1",
        "GlobalStep/Eval_Perr",
        "GlobalStep/Eval_Loss",
        "GlobalStep/Eval_Example_Second",
    }


def test_the_step_of_models_whose_file_does_not_tell(tmp_path):
    run = RunDirectory(tmp_path)
    files.write_json(run.config_file, {"data": {}})
    assert evaluation_summary.step_of(run, "best", None) == 0
    scores = enumerate([0.1, 0.3, 0.2])
    run.write_epochs(
        [{"epoch": i + 1, "step": 5 * i + 5, "val_gap": g} for i, g in scores]
    )
    assert evaluation_summary.step_of(run, "best", None) == 10
    assert evaluation_summary.step_of(run, "last", None) == 15
    assert evaluation_summary.step_of(run, "last", 17) == 17


def test_flags_of_2017_may_say_again_what_the_run_is(
    synthetic_shards, dbof_dir
):
    evaluate(
        synthetic_shards,
        f"--train_dir={dbof_dir}",
        "--model=DbofModel",
        "--feature_names=rgb,audio",
        "--feature_sizes=1024,128",
        "--frame_features",
        "--iterations=3",
        "--lstm_cells=7",  # which this model does not read
        "--label_loss=CrossEntropyLoss",
    )


@pytest.mark.parametrize(
    ("flag", "had"),
    [
        ("--model=LstmModel", "DbofModel"),
        ("--feature_sizes=128", "1024,128"),
        ("--frame_features=False", "True"),
        ("--dbof_cluster_size=4096", "8"),
        ("--iterations=30", "3"),
    ],
)
def test_and_are_refused_where_they_say_otherwise(
    flag, had, synthetic_shards, dbof_dir
):
    with pytest.raises(InputError, match=f"^{flag}, but .* with {had}; leave"):
        evaluate(synthetic_shards, f"--train_dir={dbof_dir}", flag)


@pytest.mark.parametrize("teacher", [[], ["--teacher_encoder=same"]])
def test_label_losses(teacher, synthetic_shards, tmp_path, capsys):
    train(
        synthetic_shards,
        tmp_path,
        "--label_loss=HingeLoss",
        "--num_epochs=1",
        *teacher,
    )
    formulas = capsys.readouterr().out
    assert "1 L_hinge + 1 penalty" in formulas
    assert ("1 L_hinge(teacher)" in formulas) == bool(teacher)
    assert "L_CE" not in formulas


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model=DbofModel"], "--model=DbofModel and --encoder="),
        (["--noframe_features"], "says video-level records"),
        (["--encoder=netvlad", "--model=MoeModel"], "is for video-level"),
        (["--optimizer=Magic"], "--optimizer=Magic; known: "),
        (["--label_loss=Magic"], "--label_loss=Magic; give "),
        (["--num_gpu=9"], "--num_gpu=9, but TensorFlow finds"),
        (["--lstm_cells=9"], "--lstm_cells needs --model"),
    ],
)
def test_what_is_refused_touches_nothing(
    flags, message, synthetic_shards, tmp_path
):
    with pytest.raises(InputError, match=message) as refused:
        train(synthetic_shards, tmp_path / "run", *flags)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_eval_that_waits_ends_with_its_run(synthetic_shards, dbof_dir, capsys):
    options = config.parse(
        "eval",
        [
            f"--train_dir={dbof_dir}",
            f"--eval_data_pattern={synthetic_shards}/validate*",
            "--norun_once",
        ],
    )
    eval_program.main(options)
    assert capsys.readouterr().out.count("GAP: ") == 1


def video_level_shard(path):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(16):
            values = [number % 7 / 7.0] * 3
            feature = {
                "id": tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[b"%d" % number])
                ),
                "labels": tf.train.Feature(
                    int64_list=tf.train.Int64List(value=[number % 7])
                ),
                "mean_rgb": tf.train.Feature(
                    float_list=tf.train.FloatList(value=values)
                ),
            }
            example = tf.train.Example(
                features=tf.train.Features(feature=feature)
            )
            writer.write(example.SerializeToString())


@pytest.mark.parametrize("name", ["LogisticModel", "MoeModel"])
def test_video_level_models(name, tmp_path):
    video_level_shard(tmp_path / "train.tfrecord")
    pattern = str(tmp_path / "train.tfrecord")
    experiment.train(
        config.parse(
            "train",
            [
                f"--train_data_pattern={pattern}",
                f"--train_dir={tmp_path}/run",
                f"--model={name}",
                "--feature_names=mean_rgb",
                "--feature_sizes=3",
                "--num_classes=7",
                "--batch_size=8",
                "--num_epochs=1",
            ],
        )
    )
    model_flags = json.loads((tmp_path / "run/model_flags.json").read_text())
    assert model_flags["model"] == name
    assert model_flags["frame_features"] is False
    loaded = model.load(RunDirectory(tmp_path / "run").checkpoint("last"))
    assert loaded.num_frames == 1


def test_device_placement_is_told(synthetic_shards, tmp_path):
    given = arguments(
        synthetic_shards,
        tmp_path,
        "--encoder=mean_pooling",
        "--num_epochs=1",
        "--log_device_placement",
    )
    done = run_program("train", *given)
    assert done.returncode == 0, done.stderr
    assert "device:CPU:0" in done.stderr


def test_runs_of_before_these_flags_go_on(synthetic_shards, tmp_path, capsys):
    train(synthetic_shards, tmp_path, "--num_epochs=1")
    run = RunDirectory(tmp_path)
    saved = run.config()
    for _, name, *_ in starter_code_flags.TRAIN:
        del saved["flags"][name]
    del saved["data"]["frame_features"]
    run.config_file.write_text(json.dumps(saved))
    with pytest.raises(InputError, match="--optimizer='Adam' .* 'Lion'"):
        train(synthetic_shards, tmp_path, "--optimizer=Lion")
    train(synthetic_shards, tmp_path, "--num_epochs=2")
    assert [line["epoch"] for line in run.epochs()] == [1, 2]


@pytest.mark.parametrize(
    ("program", "flag"),
    [
        ("train", "--train_dir=gs://bucket/run"),
        ("train", "--teacher_cache=gs://bucket/cache"),
        ("eval", "--train_dir=run,s3://bucket/run"),
        ("inference", "--output_file=gs://bucket/predictions.csv"),
        ("inference", "--output_model_tgz=gs://bucket/model.tgz"),
        ("inference", "--input_model_tgz=gs://bucket/model.tgz"),
        ("inference", "--untar_model_dir=gs://bucket/model"),
    ],
)
def test_what_is_written_is_local(program, flag):
    with pytest.raises(InputError, match=f"^{flag} is remote, but only shards"):
        config.parse(program, [flag])


def test_paths_that_no_flag_has_are_local_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for function in (
        RunDirectory,
        lambda path: files.written_whole(path).__enter__(),
        lambda path: run_archive.unpack(path, "model"),
    ):
        with pytest.raises(InputError, match="^gs://bucket/run is remote"):
            function("gs://bucket/run")
    assert list(tmp_path.iterdir()) == []


class Killed(Exception):
    """Stands for a kill."""


def test_a_run_whose_replacement_was_killed_begins_anew(
    synthetic_shards, tmp_path, monkeypatch
):
    path = tmp_path / "run"
    options = ["--eval_data_pattern=", "--max_steps=1"]
    train(synthetic_shards, path, *options)
    again = [*options, "--start_new_model"]

    def killed(folder):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(Killed):
            train(synthetic_shards, path, *again)
    run = RunDirectory(path)
    assert run.config_file.exists()
    assert not run.resume_file.exists() and not run.epochs()
    assert not run.has_all_steps()
    train(synthetic_shards, path, *options)
    assert [line["step"] for line in run.epochs()] == [1]


def test_a_resume_file_without_a_run_is_not_gone_on_with(
    synthetic_shards, tmp_path
):
    options = ["--eval_data_pattern=", "--max_steps=1"]
    train(synthetic_shards, tmp_path, *options)
    run = RunDirectory(tmp_path)
    run.config_file.unlink()
    train(synthetic_shards, tmp_path, *options, "--base_learning_rate=0.5")
    assert [line["learning_rate"] for line in run.epochs()] == [0.5]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--eval_data_pattern=nothing*", "no file matches"),
        ("--vocabulary=nothing.csv", "nothing.csv cannot be read"),
        ("--segment_label_ids_file=nothing.csv", "nothing.csv cannot be read"),
    ],
)
def test_eval_does_not_wait_with_files_that_are_not_there(
    flag, message, synthetic_shards, tmp_path
):
    options = config.parse(
        "eval",
        [
            f"--train_dir={tmp_path}/run",
            f"--eval_data_pattern={synthetic_shards}/validate*",
            "--norun_once",
            flag,
        ],
    )
    with pytest.raises(InputError, match=message):
        eval_program.main(options)


def test_scores_are_not_written_into_another_run(
    synthetic_shards, dbof_dir, monkeypatch
):
    file = RunDirectory(dbof_dir).config_file
    before = file.read_bytes()
    scores = dbof_dir / "evaluation" / "last.json"
    original = scoring_runs.Evaluator.evaluate

    def replaced(*arguments):
        file.write_text(json.dumps({**json.loads(before), "run_id": "other"}))
        return original(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(scoring_runs.Evaluator, "evaluate", replaced)
        with pytest.raises(InputError, match="was replaced while it was"):
            evaluate(
                synthetic_shards, f"--train_dir={dbof_dir}", "--checkpoint=last"
            )
    file.write_bytes(before)
    assert not scores.exists()


def test_a_model_that_is_saved_while_another_is_loaded(
    dbof_dir, tmp_path, monkeypatch
):
    path = str(tmp_path / "model.keras")
    loaded = model.load(RunDirectory(dbof_dir).checkpoint("best"))
    model.save(loaded, path, 1)
    read, steps = model.saved_step, []

    def slow(file):
        if not steps:
            model.save(loaded, path, 2)
        steps.append(read(file))
        return steps[-1]

    monkeypatch.setattr(model, "saved_step", slow)
    assert model.load(path).step == 2
    assert steps == [2, 2]  # the first weights were of step 1


@pytest.mark.parametrize(
    ("trained", "flag", "message"),
    [
        ([], "--label_loss=CrossEntropyLoss", None),
        ([], "--moe_num_mixtures=7", None),
        ([], "--label_loss=HingeLoss", "trained with CrossEntropyLoss; leave"),
        ([], "--model=LstmModel", "was trained without --model; leave"),
        (
            ["--student_losses=hinge"],
            "--label_loss=CrossEntropyLoss",
            "was trained with --student_losses=hinge; leave",
        ),
    ],
)
def test_flags_of_2017_and_runs_of_other_flags(
    trained, flag, message, tmp_path
):
    run = RunDirectory(tmp_path)
    values = vars(config.parse("train", trained))
    data = {"feature_names": ["rgb"], "feature_sizes": [3]}
    run.config_file.write_text(json.dumps({"flags": values, "data": data}))
    options = config.parse("eval", [flag])
    if message is None:
        starter_code_run.check(options, run)
    else:
        with pytest.raises(InputError, match=message):
            starter_code_run.check(options, run)


def test_a_train_dir_that_cannot_be_made(synthetic_shards, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made or replaced: Not a d"):
        train(synthetic_shards, tmp_path / "file" / "run")


@pytest.mark.parametrize("encoder", ["netvlad", "mean_pooling"])
def test_netvlad_on_a_single_vector_is_told(encoder, tmp_path, capsys):
    video_level_shard(tmp_path / "train.tfrecord")
    given = [
        f"--train_data_pattern={tmp_path}/train.tfrecord",
        f"--train_dir={tmp_path}/run",
        f"--encoder={encoder}",
        "--feature_sizes=3",
        "--num_classes=7",
        "--batch_size=8",
        "--max_steps=1",
        "--max_frames=1",
    ]
    experiment.train(config.parse("train", given))
    told = "default was --model=LogisticModel" in capsys.readouterr().out
    assert told == (encoder == "netvlad")
