"""The entry points, in this process and as programs, on small shards."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import ROOT, small_spec
from tests.test_records import sequence_example
from yt8m_distill import config, cost, experiment, model, parts, scoring_runs
from yt8m_distill.errors import InputError
from yt8m_distill.metrics import VideoMetrics
from yt8m_distill.run_directory import RunDirectory

# Seconds after which a program counts as hanging.
TIMEOUT = 240
MODEL = [
    "--num_classes=7",
    "--max_frames=12",
    "--encoder=netvlad(clusters=2, representation_dim=4)",
    "--batch_size=8",
]


def arguments(shards, train_dir, *more):
    return [
        f"--train_data_pattern={shards}/train*.tfrecord",
        f"--eval_data_pattern={shards}/validate*.tfrecord",
        f"--train_dir={train_dir}",
        *MODEL,
        *more,
    ]


def train_on(train_pattern, eval_pattern, train_dir, *more):
    data = [
        f"--train_data_pattern={train_pattern}",
        f"--eval_data_pattern={eval_pattern}",
        f"--train_dir={train_dir}",
    ]
    return experiment.train(config.parse("train", [*data, *more]))


def train(shards, train_dir, *more):
    return experiment.train(
        config.parse("train", arguments(shards, train_dir, *more))
    )


@pytest.fixture(scope="module")
def teacher_dir(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "teacher"
    train(synthetic_shards, path, "--num_epochs=2")
    return path


def test_a_run_leaves_everything_it_promises(teacher_dir, synthetic_shards):
    run = RunDirectory(teacher_dir)
    assert {path.name for path in teacher_dir.iterdir()} >= {
        "config.json",
        "flags.txt",
        "model_flags.json",
        "metrics.jsonl",
        "checkpoints",
        "tensorboard",
    }
    assert sorted(p.name for p in run.resume_file.parent.iterdir()) == [
        "best.keras",
        "last.keras",
        "resume.weights.h5",
    ]
    epochs = run.epochs()
    assert [line["epoch"] for line in epochs] == [1, 2]
    assert [line["step"] for line in epochs] == [5, 10]
    assert {"loss", "cross_entropy", "val_gap", "val_map"} <= epochs[0].keys()
    saved = run.config()
    assert saved["data"]["feature_names"] == ["rgb", "audio"]
    assert saved["data"]["feature_sizes"] == [1024, 128]
    assert saved["flags"]["batch_size"] == 8
    assert saved["versions"]["tensorflow"] == tf.__version__
    flags = json.loads((teacher_dir / "model_flags.json").read_text())
    assert flags["feature_names"] == "rgb,audio"


def test_flags_are_replayable(teacher_dir):
    replayed = config.parse("train", [f"--flagfile={teacher_dir}/flags.txt"])
    saved = RunDirectory(teacher_dir).config()["flags"]
    again = vars(replayed)
    again.pop("flags_text")
    assert again == saved


def test_tensorboard_has_the_scores(teacher_dir):
    from tensorboard.backend.event_processing import event_accumulator

    tags = set()
    for folder in (teacher_dir / "tensorboard").iterdir():
        events = event_accumulator.EventAccumulator(str(folder))
        events.Reload()
        tags |= {(folder.name, tag) for tag in events.Tags()["tensors"]}
    assert ("validation", "epoch_gap") in tags
    assert ("train", "epoch_loss") in tags


def test_best_is_the_epoch_with_the_highest_gap(
    tmp_path, synthetic_shards, monkeypatch
):
    scores = iter([0.3, 0.5, 0.4])
    saved = []
    original = model.save

    def record(saved_model, path, step):
        saved.append(pathlib.Path(path).stem)
        original(saved_model, path, step)

    def evaluate(self, *_):
        value = next(scores)
        return dict.fromkeys(
            ("gap", "map", "hit_at_1", "perr", "cross_entropy"), value
        )

    monkeypatch.setattr(model, "save", record)
    monkeypatch.setattr(experiment.Evaluator, "evaluate", evaluate)
    best = train(synthetic_shards, tmp_path, "--num_epochs=3")
    assert best["epoch"] == 2
    assert saved == ["last", "best", "last", "best", "last"]


@pytest.mark.parametrize(
    "teaching",
    [
        ["--teacher_dir={teacher_dir}"],
        ["--teacher_encoder=same", "--student_losses=rep,pred(weight=2),ce"],
        [],
    ],
    ids=["serial", "parallel", "baseline"],
)
def test_train_evaluate_and_infer(
    teaching, teacher_dir, synthetic_shards, tmp_path, capsys
):
    run = tmp_path / "run"
    best = train(
        synthetic_shards,
        run,
        "--frame_sampler=jittered_uniform(k=3)",
        "--num_epochs=1",
        *[text.format(teacher_dir=teacher_dir) for text in teaching],
    )
    printed = capsys.readouterr().out
    assert "objective = " in printed
    assert "yt8m_distill.inference --train_dir=" in printed
    results = scoring_runs.evaluate(
        config.parse(
            "eval",
            [
                f"--train_dir={run}",
                f"--eval_data_pattern={synthetic_shards}/validate*",
            ],
        )
    )
    # The same videos, frames and model as in the validation of the epoch.
    assert results["gap"] == pytest.approx(best["val_gap"], abs=1e-6)
    assert "GAP: " in capsys.readouterr().out
    output = scoring_runs.infer(
        config.parse(
            "inference",
            [
                f"--train_dir={run}",
                f"--input_data_pattern={synthetic_shards}/validate*",
                f"--output_file={tmp_path}/out/predictions.csv",
            ],
        )
    )
    lines = pathlib.Path(output).read_text().splitlines()
    assert lines[0] == "VideoId,LabelConfidencePairs"
    assert len(lines) == 17
    assert gap_of_csv(lines[1:], synthetic_shards) == pytest.approx(
        results["gap"], abs=1e-5
    )
    if "--teacher_encoder=same" in teaching:
        scoring_runs.evaluate(
            config.parse(
                "eval",
                [
                    f"--train_dir={run}",
                    f"--eval_data_pattern={synthetic_shards}/validate*",
                    "--checkpoint=teacher",
                ],
            )
        )


def gap_of_csv(lines, shards):
    """GAP from the CSV alone, with labels read by TensorFlow."""
    labels = {}
    for record in tf.data.TFRecordDataset(
        sorted(str(p) for p in shards.glob("validate*"))
    ):
        context = tf.train.SequenceExample.FromString(record.numpy()).context
        video_id = context.feature["id"].bytes_list.value[0].decode()
        labels[video_id] = list(context.feature["labels"].int64_list.value)
    metrics = VideoMetrics(7)
    for line in lines:
        video_id, pairs = line.split(",")
        words = pairs.split(" ")
        assert len(words) == 14  # all 7 classes, as there are fewer than 20
        scores = np.zeros((1, 7))
        scores[0, [int(w) for w in words[::2]]] = [
            float(w) for w in words[1::2]
        ]
        assert [float(w) for w in words[1::2]] == sorted(
            map(float, words[1::2]), reverse=True
        )
        truth = np.zeros((1, 7))
        truth[0, labels[video_id]] = 1
        metrics.update(scores, truth)
    return metrics.result()["gap"]


def program(entry_point, *options, **popen):
    return [sys.executable, "-m", f"yt8m_distill.{entry_point}", *options]


def run_program(entry_point, *options):
    return subprocess.run(
        program(entry_point, *options),
        capture_output=True,
        timeout=TIMEOUT,
        text=True,
        cwd=ROOT,
    )


def test_a_killed_run_goes_on_and_ends_as_if_undisturbed(
    synthetic_shards, tmp_path
):
    """SIGKILL in the middle of an epoch, the same command again."""
    options = [
        "--frame_sampler=jittered_uniform(k=3)",
        "--encoder=netvlad(clusters=2, representation_dim=4, dropout=0.3)",
        "--teacher_encoder=same",
        "--batch_size=4",
        "--num_epochs=30",
    ]
    run = RunDirectory(tmp_path / "killed")
    command = program("train", *arguments(synthetic_shards, run.path, *options))
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while len(run.epochs()) < 3:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = len(run.epochs())
    assert 3 <= done < 30
    # Metrics are written before the state, so at most one line is ahead.
    before = saved_iterations(run)
    assert before in (10 * done, 10 * (done - 1))

    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, timeout=TIMEOUT, text=True
    )
    assert finished.returncode == 0, finished.stderr
    assert "going on with the run" in finished.stdout
    first = f"epoch {before // 10 + 1}/30 "
    assert first in finished.stdout
    assert f"epoch {before // 10}/30 " not in finished.stdout
    assert [line["epoch"] for line in run.epochs()] == list(range(1, 31))
    assert [line["step"] for line in run.epochs()] == list(range(10, 301, 10))
    assert saved_iterations(run) == 300

    undisturbed = RunDirectory(tmp_path / "undisturbed")
    subprocess.run(
        program(
            "train", *arguments(synthetic_shards, undisturbed.path, *options)
        ),
        cwd=ROOT,
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
    )
    for one, other in zip(run.epochs(), undisturbed.epochs(), strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def saved_iterations(run):
    """The optimizer's steps in the resume file."""
    import h5py

    with h5py.File(run.resume_file) as file:
        return int(file["optimizer/vars/0"][()])


def test_a_finished_run_is_not_trained_again(
    synthetic_shards, tmp_path, capsys
):
    first = train(synthetic_shards, tmp_path, "--num_epochs=1")
    capsys.readouterr()
    assert train(synthetic_shards, tmp_path, "--num_epochs=1") == first
    assert "epoch 1/1" not in capsys.readouterr().out
    best = train(synthetic_shards, tmp_path, "--num_epochs=2")
    assert "epoch 2/2" in capsys.readouterr().out
    assert best["epoch"] in (1, 2)


def test_other_flags_are_refused_and_named(teacher_dir, synthetic_shards):
    before = (teacher_dir / "config.json").read_bytes()
    with pytest.raises(InputError) as refused:
        train(
            synthetic_shards,
            teacher_dir,
            "--num_epochs=2",
            "--base_learning_rate=0.5",
            "--seed=3",
        )
    message = str(refused.value)
    assert "--base_learning_rate=0.001 (there) and 0.5 (now)" in message
    assert "--seed=0 (there) and 3 (now)" in message
    assert "--encoder" not in message
    assert "--start_new_model" in message
    assert (teacher_dir / "config.json").read_bytes() == before


def test_start_new_model_replaces_the_run_and_nothing_else(
    synthetic_shards, tmp_path
):
    train(synthetic_shards, tmp_path, "--num_epochs=1")
    (tmp_path / "notes.txt").write_text("mine")
    train(
        synthetic_shards,
        tmp_path,
        "--num_epochs=1",
        "--seed=3",
        "--start_new_model",
    )
    assert RunDirectory(tmp_path).config()["flags"]["seed"] == 3
    assert len(RunDirectory(tmp_path).epochs()) == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"


def good_video(label):
    frames = {"rgb": [bytes(1024)] * 3, "audio": [bytes(128)] * 3}
    return sequence_example({"id": [b"good"], "labels": [label]}, frames)


def bad_shards(folder, kind, source):
    """Writes a pattern's shards with one fault; returns the pattern."""
    folder.mkdir()
    path = folder / "train0.tfrecord"
    good = sorted(source.glob("train*"))[0].read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(good[:-100])
    elif kind == "text":
        path.write_text("VideoId,LabelConfidencePairs\n" * 20)
    elif kind != "none":
        contents = [good_video(1)] * 8
        contents += {
            "label": [good_video(7)],
            "negative label": [good_video(-1)],
            "feature": [
                sequence_example(
                    {"id": [b"a"], "labels": [1]}, {"rgb": [bytes(1024)]}
                )
            ],
            "size": [
                sequence_example(
                    {"id": [b"a"], "labels": [1]},
                    {"rgb": [bytes(1000)], "audio": [bytes(128)]},
                )
            ],
        }[kind]
        with tf.io.TFRecordWriter(str(path)) as writer:
            for content in contents * 4:
                writer.write(content)
    return f"{folder}/train*.tfrecord"


# Every ninth record is bad; which one is met first is up to the shuffling.
BAD_RECORD = "train0.tfrecord: record (8|17|26|35): "
BAD_INPUT = {
    "none": "no file matches '{folder}/train*.tfrecord'; give a pattern",
    "empty": "train0.tfrecord: holds no record; remove it",
    "truncated": "train0.tfrecord: record 19 is cut off: .*; copy the file",
    "text": "train0.tfrecord: not a TFRecord file",
    "label": BAD_RECORD
    + "label 7 is outside the vocabulary of 7 classes; .*--num_classes",
    "negative label": BAD_RECORD + "label -1 is outside",
    "feature": BAD_RECORD + "no feature 'audio', only 'rgb'; .*--feature_names",
    "size": BAD_RECORD
    + "feature 'rgb' has 1000 values a frame, expected 1024; "
    ".*--feature_sizes",
}


@pytest.mark.parametrize("kind", BAD_INPUT)
def test_bad_training_shards(kind, synthetic_shards, tmp_path):
    pattern = bad_shards(tmp_path / "shards", kind, synthetic_shards)
    expected = BAD_INPUT[kind].format(folder=tmp_path / "shards")
    with pytest.raises(InputError) as refused:
        train(
            synthetic_shards,
            tmp_path / "run",
            f"--train_data_pattern={pattern}",
            "--num_epochs=1",
        )
    message = str(refused.value)
    assert "\n" not in message
    assert re.search(expected.replace("train*", r"train\*"), message), message
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("kind", ["label", "feature", "size", "truncated"])
def test_bad_shards_leave_no_csv(kind, teacher_dir, synthetic_shards, tmp_path):
    pattern = bad_shards(tmp_path / "shards", kind, synthetic_shards)
    output = tmp_path / "predictions.csv"
    output.write_text("of yesterday")
    with pytest.raises(InputError, match="train0.tfrecord: record"):
        scoring_runs.infer(
            config.parse(
                "inference",
                [
                    f"--train_dir={teacher_dir}",
                    f"--input_data_pattern={pattern}",
                    f"--output_file={output}",
                    "--batch_size=4",
                ],
            )
        )
    assert output.read_text() == "of yesterday"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "predictions.csv",
        "shards",
    ]


@pytest.mark.parametrize("entry_point", ["train", "eval", "inference"])
def test_a_program_says_it_in_one_line(
    entry_point, teacher_dir, synthetic_shards, tmp_path
):
    pattern = bad_shards(tmp_path / "shards", "label", synthetic_shards)
    options = {
        "train": arguments(
            synthetic_shards,
            tmp_path / "run",
            f"--train_data_pattern={pattern}",
        ),
        "eval": [
            f"--train_dir={teacher_dir}",
            f"--eval_data_pattern={pattern}",
        ],
        "inference": [
            f"--train_dir={teacher_dir}",
            f"--input_data_pattern={pattern}",
            f"--output_file={tmp_path}/a.csv",
        ],
    }[entry_point]
    done = run_program(entry_point, *options)
    assert done.returncode == 1
    (line,) = [
        line for line in done.stderr.splitlines() if line.startswith("error: ")
    ]
    assert re.search("train0.tfrecord: record .*: label 7 is outside", line)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["stray"], "stray argument 'stray'"),
        ([], "--train_dir is needed"),
        (["--train_dir=x"], "--train_data_pattern is needed"),
        (
            ["--train_dir=x", "--batch_size=0"],
            "--batch_size=0; give at least 1",
        ),
        (["--no_such_flag=1"], "Unknown command line flag 'no_such_flag'"),
        (["--flagfile=missing.flags"], "missing.flags"),
    ],
)
def test_bad_flags(options, message):
    done = run_program("train", *options)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("entry_point", "flag"),
    [
        ("train", "--train_data_pattern"),
        ("eval", "--eval_data_pattern"),
        ("inference", "--output_file"),
        ("flops", "--convention"),
    ],
)
def test_help_needs_no_tensorflow(entry_point, flag):
    code = (
        f"import sys; sys.argv = ['{entry_point}', '--help']\n"
        f"from yt8m_distill import config, {entry_point}\n"
        f"try: config.run('{entry_point}', {entry_point}.main)\n"
        "except SystemExit: pass\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        timeout=TIMEOUT,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert flag in done.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--teacher_dir={here}/nothing"], "no run at .*nothing"),
        (
            ["--teacher_dir={teacher}", "--teacher_encoder=same"],
            "both given; give one",
        ),
        (["--teacher_dir={teacher}", "--max_frames=9"], "max_frames 12, .* 9"),
        (["--student_losses=rep"], "'representation' needs a teacher"),
        (["--encoder=nothing"], "no 'nothing' among the encoders; known: "),
        (["--encoder=nextvlad(groups=7)"], "groups=7 does not divide the 2048"),
        (["--input_layer=whitening"], "'whitening' lacks eigenvalues"),
        (["--batch_size=41"], "40 videos, fewer than one batch of 41"),
        (["--train_dir={file}"], "is a file; give a directory"),
    ],
)
def test_bad_combinations_touch_nothing(
    more, message, teacher_dir, synthetic_shards, tmp_path
):
    file = tmp_path / "file"
    file.write_text("mine")
    names = {"here": tmp_path, "teacher": teacher_dir, "file": file}
    with pytest.raises(InputError, match=message):
        train(
            synthetic_shards,
            tmp_path / "run",
            *[text.format(**names) for text in more],
        )
    assert not (tmp_path / "run").exists()
    assert file.read_text() == "mine"


def test_a_teacher_is_never_replaced_by_its_student(
    teacher_dir, synthetic_shards
):
    with pytest.raises(InputError, match="a directory of its own"):
        train(
            synthetic_shards,
            teacher_dir,
            f"--teacher_dir={teacher_dir}",
            "--start_new_model",
        )
    assert pathlib.Path(RunDirectory(teacher_dir).checkpoint("best")).exists()


def test_an_output_that_cannot_be_written(
    teacher_dir, synthetic_shards, tmp_path
):
    (tmp_path / "file").write_text("mine")
    for output in (tmp_path, tmp_path / "file" / "a.csv"):
        with pytest.raises(InputError, match="cannot write .*; give another"):
            scoring_runs.infer(
                config.parse(
                    "inference",
                    [
                        f"--train_dir={teacher_dir}",
                        f"--input_data_pattern={synthetic_shards}/test*",
                        f"--output_file={output}",
                    ],
                )
            )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# The rows of the paper's Table 1: losses, and whether both are trained.
TABLE_1 = [
    *[("parallel", losses) for losses in ("rep", "rep,ce", "rep,pred,ce")],
    *[
        ("serial", losses)
        for losses in (
            "rep(last_epoch=1),ce(first_epoch=2)",
            "pred",
            "rep,ce",
            "pred,ce",
            "rep,pred,ce",
        )
    ],
]


@pytest.mark.parametrize(("mode", "losses"), TABLE_1)
def test_every_row_of_the_paper_s_table_1(
    mode, losses, teacher_dir, synthetic_shards, tmp_path, capsys
):
    teacher = {
        "parallel": ["--teacher_encoder=same"],
        "serial": [f"--teacher_dir={teacher_dir}"],
    }[mode]
    best = train(
        synthetic_shards,
        tmp_path,
        *teacher,
        "--share_head",
        "--frame_sampler=uniform(k=3)",
        f"--student_losses={losses}",
        "--num_epochs=2",
    )
    names = [name for name, _ in map(parts.parse, parts.split(losses))]
    assert set(names) <= set(best)
    assert 0 <= best["val_gap"] <= 1
    epochs = RunDirectory(tmp_path).epochs()
    # Figure 2: the teacher's curve beside the student's
    curve = [epoch["val_teacher_gap"] for epoch in epochs]
    assert (curve[0] == curve[1]) == (mode == "serial")
    assert "teacher's GAP: " in capsys.readouterr().out
    for epoch in epochs:
        counted = [
            epoch[name]
            for name, loss in parts.get_all(
                "distillation_losses", losses
            ).items()
            if loss.first_epoch <= epoch["epoch"] <= (loss.last_epoch or 2)
        ]
        penalty = epoch.get("penalty", 0)
        if losses.startswith("rep(last_epoch=1)") and epoch["epoch"] == 1:
            penalty = 0  # nothing trains the head
        assert epoch["loss"] == pytest.approx(sum(counted) + penalty, rel=1e-4)


def test_a_student_starts_with_its_teacher_s_head_and_weights(
    teacher_dir, synthetic_shards, tmp_path, capsys
):
    train(
        synthetic_shards,
        tmp_path,
        f"--teacher_dir={teacher_dir}",
        "--share_head",
        "--initialize_from_teacher",
        "--student_losses=ce",
        "--base_learning_rate=1e-12",
        "--num_epochs=1",
    )
    assert "24 of 24 weights start as the teacher's" in capsys.readouterr().out
    teacher, student = (
        model.load(RunDirectory(path).checkpoint(name))
        for path, name in ((teacher_dir, "best"), (tmp_path, "last"))
    )
    for mine, theirs in zip(
        student.trainable_variables, teacher.trainable_variables
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_an_ensemble_teaches_an_ensemble(
    teacher_dir, synthetic_shards, tmp_path, capsys
):
    """Supplementary, section 2; and it is scored as one model."""
    other = tmp_path / "other"
    train(synthetic_shards, other, "--num_epochs=1", "--seed=7")
    both = f"{teacher_dir},{other}"
    best = train(
        synthetic_shards,
        tmp_path / "students",
        f"--teacher_dir={both}",
        "--num_students=2",
        "--teacher_weights=2,1",
        "--frame_sampler=uniform(k=3)",
        "--num_epochs=1",
    )
    out = capsys.readouterr().out
    assert (
        "1 L_rep(student_1, teacher_1) + 1 L_pred(student_1, ensemble)" in out
    )
    assert "1 L_rep(student_2, teacher_2)" in out
    pattern = f"--eval_data_pattern={synthetic_shards}/validate*"
    students = scoring_runs.evaluate(
        config.parse("eval", [f"--train_dir={tmp_path}/students", pattern])
    )
    assert students["gap"] == pytest.approx(best["val_gap"], abs=1e-4)
    teachers = scoring_runs.evaluate(
        config.parse("eval", [f"--train_dir={both}", pattern])
    )
    assert 0 < teachers["gap"] <= 1
    assert students["frames"] == 3 and teachers["frames"] == 12
    # Neither member's own scores are touched.
    kept = sorted(path.name for path in (teacher_dir / "evaluation").iterdir())
    assert "best-with-other.json" in kept
    with pytest.raises(InputError, match="several --train_dir need --output"):
        scoring_runs.infer(
            config.parse(
                "inference",
                [f"--train_dir={both}", "--input_data_pattern=x"],
            )
        )


def test_unlabelled_videos_are_taught_by_the_teacher(
    teacher_dir, synthetic_shards, tmp_path
):
    best = train(
        synthetic_shards,
        tmp_path,
        f"--teacher_dir={teacher_dir}",
        f"--unlabelled_data_pattern={synthetic_shards}/test*",
        f"--teacher_cache={tmp_path}/cache",
        "--frame_sampler=uniform(k=3)",
        "--num_epochs=1",
    )
    assert best["step"] == (40 + 16) // 8
    config_file = RunDirectory(tmp_path).config()
    assert config_file["data"]["num_training_videos"] == 56


def test_the_cost_of_a_run(teacher_dir):
    (row,) = cost.costs(config.parse("flops", [f"--train_dir={teacher_dir}"]))[
        :1
    ]
    loaded = model.load(RunDirectory(teacher_dir).checkpoint("best"))
    assert row.num_frames == 12  # all that it sees
    assert row.flops == loaded.count_flops()
    assert row.num_parameters == loaded.count_params()


SHARDS = {
    "synthetic": {
        "train": "{synthetic}/train*",
        "validate": "{synthetic}/validate*",
        "num_classes": 7,
        "max_frames": 12,
    },
    "audioset": {
        "train": "{audioset}/bal_train-00000-of-00008.tfrecord",
        "validate": "{audioset}/bal_train-00007-of-00008.tfrecord",
        "num_classes": 527,
        "max_frames": 10,
    },
}


@pytest.mark.parametrize("encoder", parts.names("encoders"))
@pytest.mark.parametrize("kind", SHARDS)
def test_every_encoder_trains_for_an_epoch(
    kind, encoder, synthetic_shards, tmp_path, request
):
    shards = SHARDS[kind]
    folders = {"synthetic": synthetic_shards}
    if kind == "audioset":
        folders["audioset"] = request.getfixturevalue("real_data") / "audioset"
    small = small_spec(
        "encoders",
        encoder,
        representation_dim=32,
        units=16,
        clusters=8,
        block_length=4,
    )
    pattern = shards["validate"].format(**folders)
    best = train_on(
        shards["train"].format(**folders),
        pattern,
        tmp_path,
        f"--num_classes={shards['num_classes']}",
        f"--max_frames={shards['max_frames']}",
        f"--encoder={small}",
        "--head=mixture_of_experts",
        "--frame_sampler=uniform(k=8)",
        "--num_epochs=1",
        "--batch_size=32",
        "--base_learning_rate=0.01",
    )
    # What was saved is what was scored.
    scores = scoring_runs.evaluate(
        config.parse(
            "eval",
            [f"--train_dir={tmp_path}", f"--eval_data_pattern={pattern}"],
        )
    )
    assert scores["gap"] == pytest.approx(best["val_gap"], abs=1e-4)
    # Guessing the shares of the classes gives about .03 on AudioSet.
    assert best["val_gap"] > {"synthetic": 0.1, "audioset": 0.05}[kind]


def test_evaluating_what_is_no_run(teacher_dir, synthetic_shards, tmp_path):
    pattern = f"--eval_data_pattern={synthetic_shards}/validate*"
    with pytest.raises(InputError, match="it has no config.json"):
        scoring_runs.evaluate(
            config.parse("eval", [f"--train_dir={tmp_path}", pattern])
        )
    with pytest.raises(InputError, match="another --checkpoint"):
        scoring_runs.evaluate(
            config.parse(
                "eval",
                [f"--train_dir={teacher_dir}", pattern, "--checkpoint=teacher"],
            )
        )


def test_the_real_video_from_record_to_csv(real_data, tmp_path):
    pattern = str(real_data / "yt8m" / "*.tfrecord")
    experiment.train(
        config.parse(
            "train",
            [
                f"--train_data_pattern={pattern}",
                f"--train_dir={tmp_path}/run",
                "--frame_sampler=uniform(k=30)",
                "--encoder=netvlad(clusters=4, representation_dim=8)",
                "--batch_size=1",
                "--num_epochs=1",
            ],
        )
    )
    output = scoring_runs.infer(
        config.parse(
            "inference",
            [
                f"--train_dir={tmp_path}/run",
                f"--input_data_pattern={pattern}",
                f"--output_file={tmp_path}/predictions.csv",
            ],
        )
    )
    header, line = pathlib.Path(output).read_text().splitlines()
    assert header == "VideoId,LabelConfidencePairs"
    assert line.startswith("SjJ3,")
    pairs = line.removeprefix("SjJ3,").split(" ")
    assert len(pairs) == 40
    assert all(0 <= int(c) < 3862 for c in pairs[::2])


MIRRORED = """
import sys, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
from yt8m_distill import config, experiment, scoring_runs
experiment.train(config.parse("train", sys.argv[1:]))
"""


@pytest.mark.parametrize("jit_compile", ["false", "true"])
def test_two_replicas(jit_compile, teacher_dir, synthetic_shards, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            MIRRORED,
            *arguments(synthetic_shards, tmp_path),
            f"--teacher_dir={teacher_dir}",
            "--frame_sampler=uniform(k=3)",
            "--distribution=mirrored",
            f"--jit_compile={jit_compile}",
            "--num_epochs=2",
        ],
        capture_output=True,
        timeout=TIMEOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert [line["step"] for line in RunDirectory(tmp_path).epochs()] == [5, 10]
