"""The report of runs that training left, from the entry point on."""

import csv
import json

import pytest

from yt8m_distill import config, experiment, report, scoring_runs

FLAGS = [
    "--num_classes=7",
    "--max_frames=12",
    "--encoder=netvlad(clusters=2, representation_dim=4)",
    "--batch_size=8",
    "--num_epochs=2",
]


@pytest.fixture(scope="module")
def runs(synthetic_shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    few = "--frame_sampler=uniform(k=3)"
    for name, *more in (
        ("teacher",),
        ("baseline", few),
        ("student", few, f"--teacher_dir={folder / 'teacher'}"),
        ("parallel", few, "--teacher_encoder=same"),
    ):
        experiment.train(
            config.parse(
                "train",
                [
                    f"--train_data_pattern={synthetic_shards}/train*.tfrecord",
                    f"--eval_data_pattern={synthetic_shards}/val*.tfrecord",
                    f"--train_dir={folder / name}",
                    *FLAGS,
                    *more,
                ],
            )
        )
    scoring_runs.evaluate(
        config.parse(
            "eval",
            [
                f"--train_dir={folder / 'student'}",
                f"--eval_data_pattern={synthetic_shards}/test*.tfrecord",
                "--batch_size=2",  # several batches, to be timed
            ],
        )
    )
    return folder


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory):
    page = tmp_path_factory.mktemp("report") / "report.html"
    options = [f"--runs={runs}", f"--output={page}"]
    report.main(config.parse("report", options))
    return page


def rows_of(page, name):
    path = page.with_name("report_files") / f"{name}.csv"
    with open(path, newline="") as opened:
        return {row["run"]: row for row in csv.DictReader(opened)}


def test_scores_are_those_of_the_best_epochs(runs, page):
    rows = rows_of(page, "results")
    assert {name: row["kind"] for name, row in rows.items()} == {
        "teacher": "teacher",
        "baseline": "baseline",
        "student": "serial student",
        "parallel": "parallel student",
    }
    for name, row in rows.items():
        lines = (runs / name / "metrics.jsonl").read_text().splitlines()
        best = max(map(json.loads, lines), key=lambda line: line["val_gap"])
        assert float(row["GAP"]) == best["val_gap"]
        assert float(row["mAP"]) == best["val_map"]
        assert float(row["best epoch"]) == best["epoch"]


def test_time_is_that_of_the_evaluation(runs, page):
    scores = json.loads((runs / "student/evaluation/best.json").read_text())
    rows = rows_of(page, "cost")
    speed = float(rows["student"]["videos/s"])
    assert speed == pytest.approx(scores["videos_per_second"])
    gflops = float(rows["student"]["GFLOPs a video"])
    assert gflops == pytest.approx(scores["gflops"])
    assert rows["teacher"]["videos/s"] == ""


def test_the_parallel_teacher_and_all_curves_are_drawn(page):
    pictures = {
        path.stem for path in page.with_name("report_files").glob("*.png")
    }
    assert pictures >= {
        "parallel_teachers",
        "curves_3_frames_gap",
        "curves_12_frames_loss",
        "gap_against_gflops",
        "gap_against_time",
    }
