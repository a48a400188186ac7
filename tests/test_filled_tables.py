"""Tables are filled with what their runs reached."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT
from yt8m_distill import (
    config,
    experiment,
    files,
    filled_tables,
    parts,
    run_queue,
    scoring_runs,
)
from yt8m_distill.errors import InputError
from yt8m_distill.study_tasks import TrainingRun


class InThisProcess:
    """What runs a task, in place of a process of its own."""

    def __init__(self, task, lock, num_processes):
        self.lock = lock
        self.start = 0.0
        self.log_start = 0
        self.popen = self
        self.returncode = 0
        train = isinstance(task, TrainingRun)
        options = config.parse("train" if train else "eval", task.arguments)
        (experiment.train if train else scoring_runs.evaluate)(options)

    def poll(self):
        return self.returncode


@pytest.fixture
def arguments(synthetic_shards, tmp_path):
    teacher = tmp_path / "teacher.flags"
    teacher.write_text(
        f"--train_data_pattern={synthetic_shards}/train*\n"
        f"--eval_data_pattern={synthetic_shards}/validate*\n"
        "--encoder=mean_pooling\n"
        "--num_classes=7\n--max_frames=12\n--batch_size=8\n--num_epochs=2\n"
        "--map_convention=all_classes\n"
    )
    return [
        f"--output_dir={tmp_path}/tables",
        f"--teacher_flagfile={teacher}",
        f"--baseline_flagfile={teacher}",
        "--k=2",
    ]


def numbers(path, name):
    """The numbers of a table's CSV: (section, row, column, metric) → list."""
    found = {}
    with open(path / f"{name}.csv") as opened:
        for line in csv.DictReader(opened):
            key = tuple(
                line[part] for part in ("section", "row", "column", "metric")
            )
            if line["value"]:  # a single batch has no time
                found.setdefault(key, []).append(float(line["value"]))
    return found


def test_tables_of_evaluations(arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(run_queue, "_Process", InThisProcess)
    names = ["table3", "table6", "ensembles", "rare_classes"]
    lines = []
    options = config.parse(
        "tables",
        [
            *arguments,
            "--seeds=0,1",
            f"--tables={','.join(names)}",
            "--num_repeats=2",
            "--class_groups=3,100",
            "--options_if=kind=student:--share_head",
        ],
    )
    failed = filled_tables.fill(options, lines.append)
    assert not failed, lines[-1]
    folder = tmp_path / "tables"
    runs = folder / "mean_pooling"
    table6 = numbers(folder, "table6")
    for row, run in {
        "Teacher-Skyline": "teacher",
        "Uniform": "uniform_k2",
        "Student": "serial_rep_pred_ce_k2",
    }.items():
        for seed in (0, 1):
            epochs = [
                json.loads(line)
                for line in (runs / run / f"seed{seed}" / "metrics.jsonl")
                .read_text()
                .splitlines()
            ]
            best = max(epochs, key=lambda epoch: epoch["val_gap"])
            for metric in ("gap", "map"):
                assert table6["", row, "k=2", metric][seed] == pytest.approx(
                    best[f"val_{metric}"], rel=1e-5
                )
        kept = json.loads(
            (runs / run / "seed0" / "study" / "scores.json").read_text()
        )
        assert table6["", row, "k=2", "gflops"] == pytest.approx(
            [kept["scores"]["gflops"]] * 2, rel=1e-5
        )
    ensembles = numbers(folder, "ensembles")
    assert all(len(values) == 1 for values in ensembles.values())
    assert ensembles["", "Ensemble-Student", "", "step"][0] in (5, 10)
    # Two members' ensemble is neither of them.
    both = ensembles["", "Ensemble-Uniform", "", "gap"][0]
    assert both not in table6["", "Uniform", "k=2", "gap"]
    rare = numbers(folder, "rare_classes")
    sections = {key[0] for key in rare}
    assert {key[1] for key in rare} == {
        f"{which}-{size}" for which in ("bottom", "top") for size in (3, 7)
    }
    for section in sections:
        whole = "bottom-7" if "rare" in section else "top-7"
        # All classes are all classes.
        for metric in ("gap", "map_of_all"):
            assert rare[section, whole, "Student", metric] == pytest.approx(
                table6[
                    "", "Student", "k=2", "gap" if metric == "gap" else "map"
                ],
                rel=1e-5,
            )
    times = numbers(folder, "table3")
    assert all(
        values[0] > 0
        for (_, _, _, metric), values in times.items()
        if metric == "gflops"
    )
    for name in names:
        text = (folder / f"{name}.md").read_text()
        assert "Paper, full YouTube-8M" in text
        assert "| what the paper found | here | |" in text
        table, results = filled_tables.results_of(name, folder / f"{name}.json")
        kept = json.loads((folder / f"{name}.json").read_text())
        # What is kept says what is said of it.
        assert (
            json.loads(
                json.dumps([one._asdict() for one in table.statements(results)])
            )
            == kept["statements"]
        )
    lines.clear()
    assert not filled_tables.fill(options, lines.append)
    assert lines[0] == f"{lines[0].split()[0]} of {lines[0].split()[0]} " + (
        "runs are there"
    )
    assert not any(line.startswith("[") for line in lines)


def strict_json(path):
    """What a file holds, without the NaN that other readers refuse."""

    def refuse(name):
        raise AssertionError(f"{name} in {path}")

    return json.loads(path.read_text(), parse_constant=refuse)


def test_what_is_no_number_is_none_and_of_its_run(tmp_path, arguments):
    options = config.parse("tables", [*arguments, "--seeds=3,4"])
    study = filled_tables.Study(options)
    table = parts.get_class("paper_tables", "table5")()
    rows = table.rows(study)
    queue = run_queue.RunQueue(
        [
            task
            for row in rows
            for cell in row.cells.values()
            for task in cell[0]
        ],
        1,
    )
    first, second = rows[0].cells["k=2"].tasks
    queue.failures[first] = "no luck"
    queue.results[second] = {"gap": float("nan"), "map": 0.5}
    filled_tables._keep(study, "table5", table, rows, queue)
    folder = tmp_path / "tables"
    kept = strict_json(folder / "table5.json")
    assert kept["rows"][0]["cells"]["k=2"]["values"] == [
        {"repeat": 1, "gap": None, "map": 0.5}
    ]
    assert "table5,,Uniform,k=2,map,1,0.5" in (
        (folder / "table5.csv").read_text().splitlines()
    )
    text = (folder / "table5.md").read_text()
    assert "Encoder `mean_pooling`, seeds 3, 4." in text


def test_a_plan_tells_what_cannot_be_used(tmp_path, arguments):
    config_file = tmp_path / "tables/mean_pooling/uniform_k2/seed0/config.json"
    config_file.parent.mkdir(parents=True)
    config_file.write_text("{")
    options = config.parse(
        "tables",
        [*arguments, "--tables=table5", "--seeds=0", "--plan_only"],
    )
    lines = []
    assert filled_tables.fill(options, lines.append) == 0
    assert "uniform_k2/seed0 (cannot be used: " in lines[0]
    assert "is damaged" in lines[0] and "(to run): python -m" in lines[1]
    assert lines[-1] == "3 runs, 0 of them there"


def test_no_training_for_test_shards_that_are_not_there(arguments):
    options = config.parse(
        "tables", [*arguments, "--test_data_pattern=nowhere/test*"]
    )
    with pytest.raises(InputError, match="no file matches 'nowhere/test"):
        filled_tables.fill(options)


@pytest.mark.parametrize("name", ["train", "eval"])
def test_shards_that_are_not_there_are_one_line(arguments, tmp_path, name):
    pattern = f"--{name}_data_pattern=nowhere/x*"
    options = config.parse("tables", [*arguments, pattern])
    with pytest.raises(
        InputError,
        match=f"--{name}_data_pattern: no file matches 'nowhere/x.'; give",
    ):
        filled_tables.fill(options)
    assert not (tmp_path / "tables").exists()
    # What runs later may be planned before.
    options.plan_only = True
    assert filled_tables.fill(options, lambda line: None) == 0


def test_all_rows_have_a_repeat_before_another_begins(arguments):
    options = config.parse(
        "tables",
        [*arguments, "--tables=table3", "--num_repeats=2", "--plan_only"],
    )
    lines = []
    filled_tables.fill(options, lines.append)
    assert [line.partition(" (to run)")[0] for line in lines[:-1]] == [
        "mean_pooling/teacher/seed0",
        "mean_pooling/uniform_k2/seed0",
        "mean_pooling/teacher/seed0 (time0)",
        "mean_pooling/uniform_k2/seed0 (time0)",
        "mean_pooling/teacher/seed0 (time1)",
        "mean_pooling/uniform_k2/seed0 (time1)",
    ]


def test_only_what_is_missing_needs_its_shards(
    arguments, tmp_path, monkeypatch, synthetic_shards
):
    monkeypatch.setattr(run_queue, "_Process", InThisProcess)
    data = tmp_path / "data"
    shutil.copytree(synthetic_shards, data)
    arguments = [
        *arguments,
        f"--train_data_pattern={data}/train*",
        f"--eval_data_pattern={data}/validate*",
        "--seeds=0",
    ]

    def fill(*more):
        return filled_tables.fill(
            config.parse("tables", [*arguments, *more]), lambda line: None
        )

    # A start that was stopped early leaves directories behind.
    runs = tmp_path / "tables" / "mean_pooling"
    (runs / "teacher" / "seed0" / "study").mkdir(parents=True)
    with pytest.raises(InputError, match="--test_data_pattern: no file"):
        fill("--tables=table5", f"--test_data_pattern={data}/nothing*")
    assert fill("--tables=table5") == 0
    shutil.rmtree(data)
    assert fill("--tables=table5") == 0
    # Evaluations read shards too.
    with pytest.raises(InputError, match="--eval_data_pattern: no file matche"):
        fill("--tables=table3")
    # Of runs that are to be trained those for training are told first.
    with pytest.raises(InputError, match="--train_data_pattern: no file match"):
        fill("--tables=table5", "--k=3")


@pytest.mark.parametrize("pattern", ["a[^1]", "a0,a1", "a?", "", "gs://x/y*"])
def test_patterns_of_shards(tmp_path, monkeypatch, pattern):
    monkeypatch.chdir(tmp_path)
    for name in ("a0", "a1"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    files.check_pattern(pattern, "eval_data_pattern")
    for wrong in ("folder", "a0,b*"):
        with pytest.raises(InputError, match="give a pattern such as 'data/ev"):
            files.check_pattern(wrong, "eval_data_pattern")


def test_tables_that_cannot_be_written_are_one_line(
    arguments, tmp_path, monkeypatch
):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filled_tables, "_keep", no_space)
    monkeypatch.setattr(run_queue, "_Process", InThisProcess)
    options = config.parse(
        "tables", [*arguments, "--tables=table5", "--seeds=0"]
    )
    with pytest.raises(InputError, match="No space left on device; make room"):
        filled_tables.fill(options, lambda line: None)


@pytest.mark.parametrize("name", parts.names("paper_tables"))
def test_a_failure_stands_in_its_cells(name, arguments, tmp_path, monkeypatch):
    def fail(task, lock, num_processes):
        task.log.parent.mkdir(parents=True, exist_ok=True)
        task.log.write_text("error: no such luck; give more\n")
        process = object.__new__(InThisProcess)
        process.lock, process.start, process.returncode = lock, 0.0, 1
        process.popen, process.log_start = process, 0
        return process

    monkeypatch.setattr(run_queue, "_Process", fail)
    with open(tmp_path / "teacher.flags", "a") as opened:
        opened.write("--encoder=hierarchical_lstm\n")  # has blocks
    lines = []
    options = config.parse(
        "tables",
        [
            *arguments,
            f"--seeds={'0,1' if name == 'ensembles' else '0'}",
            f"--tables={name}",
        ],
    )
    assert filled_tables.fill(options, lines.append) > 0
    kept = json.loads((tmp_path / "tables" / f"{name}.json").read_text())
    for row in kept["rows"]:
        for cell in row["cells"].values():
            assert len(cell["failures"]) == len(cell["runs"])
            assert not cell["values"] and not cell["pending"]
    assert not kept["statements"]
    text = (tmp_path / "tables" / f"{name}.md").read_text()
    assert "failed" in text and "no such luck" in text + "".join(lines)


def test_the_program_fills_and_then_only_prints(arguments, tmp_path):
    command = [
        sys.executable,
        "-m",
        "yt8m_distill.tables",
        *arguments,
        "--tables=table5",
        "--seeds=0",
        "--num_processes=2",
    ]

    def start(*more):
        return subprocess.run(
            [*command, *more],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    done = start()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[3/3]" in done.stdout and "| Student |" in done.stdout
    folder = tmp_path / "tables"
    before = {
        path: path.stat().st_mtime_ns
        for path in (folder / "mean_pooling").rglob("*")
        if path.is_file()
    }
    again = start()
    assert again.returncode == 0
    assert again.stdout.startswith("3 of 3 runs are there\n")
    assert "| Student |" in again.stdout
    after = {
        path: path.stat().st_mtime_ns
        for path in (folder / "mean_pooling").rglob("*")
        if path.is_file()
    }
    assert after == before
    plan = start("--plan_only", "--k=2,3")
    assert "5 runs, 3 of them there" in plan.stdout
    other = start("--options=--batch_size=4")
    assert other.returncode == 1
    assert "teacher/seed0: failed: a run with other flags" in other.stdout
    assert "--batch_size=8 (there) and 4 (now)" in other.stdout
    assert other.stderr.startswith("error: 3 runs failed")
    # Nothing of the runs that are there is lost.
    numpy_file = folder / "mean_pooling" / "uniform_k2" / "seed0"
    assert (numpy_file / "checkpoints" / "best.keras").exists()
    assert np.isfinite(
        json.loads((folder / "table5.json").read_text())["seeds"]
    ).all()
