import json
import shutil

import pytest

from tests.written_runs import write_run
from yt8m_distill import reported_runs
from yt8m_distill.errors import InputError


@pytest.mark.parametrize(
    ("flags", "kind", "mode", "k"),
    [
        ({"frame_sampler": "all_frames"}, "teacher", None, 12),
        ({"frame_sampler": "uniform(k=3)"}, "baseline", None, 3),
        ({"frame_sampler": "every_nth(stride=4)"}, "baseline", None, 3),
        (
            {"frame_sampler": "uniform(k=3)", "teacher_dir": "elsewhere"},
            "student",
            "serial",
            3,
        ),
        (
            {"frame_sampler": "first(k=2)", "teacher_encoder": "same"},
            "student",
            "parallel",
            2,
        ),
        ({"model": "LogisticModel", "encoder": "netvlad"}, "teacher", None, 1),
        ({"model": "LstmModel", "encoder": "netvlad"}, "teacher", None, 12),
    ],
)
def test_a_run_is_known_by_its_flags(tmp_path, flags, kind, mode, k):
    path = tmp_path / "run"
    write_run(path, [0.1, 0.3, 0.2], seed=3, **flags)
    if flags.get("model") == "LogisticModel":  # of video-level records
        config = json.loads((path / "config.json").read_text())
        config["data"]["frame_features"] = False
        (path / "config.json").write_text(json.dumps(config))
    run = reported_runs.ReportedRun(tmp_path / "run")
    assert (run.kind, run.mode, run.k) == (kind, mode, k)
    assert run.seed == 3
    assert run.best_epoch["epoch"] == 2
    assert run.score("gap") == 0.3 and run.score("nothing") is None


def test_of_taught_runs_the_losses_are_the_default(tmp_path):
    write_run(tmp_path / "a", [0.1], teacher_encoder="same")
    write_run(tmp_path / "b", [0.1])
    write_run(
        tmp_path / "c",
        [0.1],
        teacher_encoder="same",
        student_losses="representation(weight=0.5),pred(temperature=2)",
    )
    objectives = [
        reported_runs.ReportedRun(tmp_path / name).objective for name in "abc"
    ]
    assert objectives == [
        "rep + pred + ce",
        "ce",
        "0.5 rep + pred(temperature=2)",
    ]


def test_a_combination_of_losses_is_whatever_their_epochs(tmp_path):
    losses = "0.3 rep (to epoch 2) + ce (from epoch 3)"
    write_run(
        tmp_path / "stages",
        [0.1],
        teacher_encoder="same",
        student_losses="rep(weight=0.3, last_epoch=2),ce(first_epoch=3)",
    )
    run = reported_runs.ReportedRun(tmp_path / "stages")
    assert run.objective == losses
    assert run.combination == "0.3 rep (at first) + ce (later)"


def test_who_teaches_is_a_teacher_whatever_it_sees(tmp_path):
    write_run(tmp_path / "some", [0.1], frame_sampler="uniform(k=6)")
    write_run(
        tmp_path / "fewer",
        [0.1],
        frame_sampler="uniform(k=3)",
        teacher_dir=str(tmp_path / "some"),
    )
    runs, _ = reported_runs.read([str(tmp_path)])
    assert {run.name: run.kind for run in runs} == {
        "some": "teacher",
        "fewer": "student",
    }


@pytest.mark.parametrize(
    ("train_dir", "teacher_dir"),
    [
        ("runs/student", "runs/teacher"),  # trained where runs/ is
        ("/gone/runs/student", "/gone/runs/teacher"),  # moved since
        ("student", "teacher"),
    ],
)
def test_a_teacher_is_found_wherever_training_was_started(
    tmp_path, monkeypatch, train_dir, teacher_dir
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "here" / "runs"
    write_run(folder / "teacher", [0.1], frame_sampler="all_frames")
    write_run(
        folder / "student",
        [0.1],
        frame_sampler="uniform(k=3)",
        train_dir=train_dir,
        teacher_dir=teacher_dir,
    )
    run = reported_runs.ReportedRun(folder / "student")
    assert run.teachers == [(folder / "teacher").resolve()]


def test_a_teacher_that_did_not_move_is_found(tmp_path):
    write_run(tmp_path / "elsewhere" / "teacher", [0.1])
    teacher = str(tmp_path / "elsewhere" / "teacher")
    for path in ("first/student", "second/student"):
        write_run(
            tmp_path / path,
            [0.1],
            teacher_dir=teacher,
            train_dir=str(tmp_path / "first" / "student"),
        )
        run = reported_runs.ReportedRun(tmp_path / path)
        assert run.teachers == [(tmp_path / "elsewhere/teacher").resolve()]


def test_runs_are_found_by_directory_folder_and_pattern(tmp_path):
    for name in ("a", "b", "deep/er/c"):
        write_run(tmp_path / name, [0.1])
    # What lies in a run belongs to it.
    write_run(tmp_path / "a" / "cache" / "fold_0", [0.1])

    def found(*patterns):
        paths = reported_runs.find([str(tmp_path / one) for one in patterns])
        return [str(path.relative_to(tmp_path.resolve())) for path in paths]

    assert found("a") == ["a"]
    assert found("") == ["a", "b", "deep/er/c"]
    assert found("deep", "b", "?", "a") == ["a", "b", "deep/er/c"]
    with pytest.raises(InputError, match="--runs=.*none.*no run there"):
        found("a", "none")


def test_what_cannot_be_reported_is_left_out_with_the_reason(tmp_path):
    write_run(tmp_path / "good", [0.1])
    write_run(tmp_path / "young", [])
    for name in ("torn", "half", "other", "odd", "lost", "nan", "sampler"):
        write_run(tmp_path / name, [0.1])
    (tmp_path / "torn" / "config.json").write_text('{"flags": ')
    (tmp_path / "half" / "metrics.jsonl").write_text('{"epoch": 1, "st')
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "odd" / "metrics.jsonl").write_text("[1, 2]\n")
    (tmp_path / "lost" / "config.json").write_text("[]")
    line = {"epoch": 1, "step": 5, "val_gap": float("nan")}
    (tmp_path / "nan" / "metrics.jsonl").write_text(json.dumps(line))
    config = (tmp_path / "sampler" / "config.json").read_text()
    (tmp_path / "sampler" / "config.json").write_text(
        config.replace('"all_frames"', '"gone(k=3)"')
    )
    runs, left_out = reported_runs.read([str(tmp_path)])
    assert [run.name for run in runs] == ["good"]
    reasons = {path.name: reason for path, reason in left_out}
    assert "no epoch" in reasons.pop("young")
    assert reasons.pop("torn").startswith("its config.json is damaged")
    assert "metrics.jsonl is damaged" in reasons.pop("half")
    assert "diverged" in reasons.pop("nan")
    assert "no 'gone' among" in reasons.pop("sampler")
    assert set(reasons) == {"other", "odd", "lost"}
    for reason in reasons.values():
        assert "not those of a run" in reason

    shutil.rmtree(tmp_path / "good")
    with pytest.raises(InputError, match="no run with a finished epoch"):
        reported_runs.read([str(tmp_path)])


def test_a_run_says_whether_it_is_finished(tmp_path):
    write_run(tmp_path / "done", [0.1] * 3)
    write_run(tmp_path / "half", [0.1] * 3, num_epochs=6)
    done, half = reported_runs.read([str(tmp_path)])[0]
    assert done.is_finished() and not half.is_finished()
