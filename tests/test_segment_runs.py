"""Training, evaluation, inference and scoring of segments, end to end."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT, load_tool
from yt8m_distill import (
    config,
    experiment,
    found_segments,
    model,
    scoring_runs,
    segment_files,
    segments,
)
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.evaluation import Evaluator
from yt8m_distill.run_directory import RunDirectory
from yt8m_distill.shards import Shards

NUM_CLASSES = 7
MODEL = [
    f"--num_classes={NUM_CLASSES}",
    "--encoder=netvlad(clusters=2, representation_dim=4)",
    "--batch_size=8",
    "--num_epochs=2",
]


def train(shards, train_dir, *more):
    return experiment.train(
        config.parse(
            "train",
            [
                f"--train_data_pattern={shards}/validate*",
                f"--eval_data_pattern={shards}/test*",
                f"--train_dir={train_dir}",
                *MODEL,
                *more,
            ],
        )
    )


def evaluate(shards, train_dir, *more):
    return scoring_runs.evaluate(
        config.parse(
            "eval",
            [
                f"--eval_data_pattern={shards}/test*",
                f"--train_dir={train_dir}",
                *more,
            ],
        )
    )


def infer(shards, train_dir, output, *more):
    return scoring_runs.infer(
        config.parse(
            "inference",
            [
                f"--input_data_pattern={shards}/test*",
                f"--train_dir={train_dir}",
                f"--output_file={output}",
                *more,
            ],
        )
    )


@pytest.fixture(scope="module")
def run(rated_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "segments"
    return path, train(rated_shards, path, "--segment_labels")


def test_a_run_of_segments(rated_shards, run, tmp_path, capsys):
    path, best = run
    data = RunDirectory(path).config()["data"]
    assert data["max_frames"] == 5 and data["segment_context_frames"] == 0
    epochs = RunDirectory(path).epochs()
    assert best["val_map"] == max(epoch["val_map"] for epoch in epochs)
    results = evaluate(rated_shards, path)
    assert results["map"] == pytest.approx(best["val_map"], abs=1e-6)
    assert results["cross_entropy"] == pytest.approx(
        best["val_cross_entropy"], rel=1e-5
    )
    assert results["num_videos"] == 24 * 3
    assert "72 segments" in capsys.readouterr().out
    with open(path / "evaluation" / "best_classes.csv") as opened:
        rows = list(csv.DictReader(opened))
    found = [
        float(r["average_precision"]) for r in rows if r["positives"] > "0"
    ]
    assert np.mean(found) == pytest.approx(results["map"], abs=1e-5)

    # The round trip: predicted, ranked, written, read and scored.
    tool = load_tool("score_predictions")
    rated = found_segments.rated_segments(
        Shards(f"{rated_shards}/test*"), NUM_CLASSES
    )
    for name in ("a.csv", "a.csv.gz", "a.jsonl"):
        more = ["--output_format=jsonl"] if name == "a.jsonl" else []
        output = infer(rated_shards, path, tmp_path / name, *more)
        scores = tool.score_segments(
            segment_files.read(output), rated, NUM_CLASSES
        )
        assert scores["map"] == pytest.approx(results["map"], abs=1e-6)
        assert scores["num_missing"] == 0
        assert scores["num_ratings"] == 72


def test_the_rankings_hold_every_window_and_class(rated_shards, run, tmp_path):
    ids = tmp_path / "ids.csv"
    ids.write_text("Index\n6\n1\n4\n")
    whole = infer(rated_shards, run[0], tmp_path / "a.csv")
    some = infer(
        rated_shards,
        run[0],
        tmp_path / "b.csv",
        f"--segment_label_ids_file={ids}",
        "--segment_max_pred=20",
        "--top_k=1",  # of a segment all classes count
    )
    whole = dict(segment_files.read(whole))
    windows = found_segments.windows(Shards(f"{rated_shards}/test*"))
    expected = {one.decode() for one in windows.ids()}
    assert list(whole) == list(range(NUM_CLASSES))
    assert all(set(ranking) == expected for ranking in whole.values())
    assert dict(segment_files.read(some)) == {
        label: whole[label][:20] for label in (1, 4, 6)
    }


def test_unrated_segments_change_no_score(rated_shards, run, tmp_path):
    tool = load_tool("score_predictions")
    path = infer(rated_shards, run[0], tmp_path / "a.csv")
    rated = found_segments.rated_segments(
        Shards(f"{rated_shards}/test*"), NUM_CLASSES
    )
    rankings = dict(segment_files.read(path))
    expected = tool.score_segments(rankings.items(), rated, NUM_CLASSES)
    known = {
        label: {
            rated.ids()[number].decode()
            for number, own in zip(
                rated.ratings.segments, rated.ratings.classes
            )
            if own == label
        }
        for label in rankings
    }
    only_rated = {
        label: [one for one in ranking if one in known[label]]
        for label, ranking in rankings.items()
    }
    many_more = {
        label: [f"unknown:{n}" for n in range(50)] + ranking
        for label, ranking in rankings.items()
    }
    for other in (only_rated, many_more):
        found = tool.score_segments(other.items(), rated, NUM_CLASSES)
        assert found == expected
    # A slow definition: the rated segments of each line, in their order.
    truth = {}
    for number, label, score in zip(*rated.ratings):
        truth[rated.ids()[number].decode(), label] = score > 0
    found = []
    for label, ranking in only_rated.items():
        hits = [truth[one, label] for one in ranking]
        if sum(hits):
            precisions = [
                sum(hits[: n + 1]) / (n + 1)
                for n in range(len(hits))
                if hits[n]
            ]
            found.append(sum(precisions) / sum(hits))
    assert expected["map"] == pytest.approx(np.mean(found), abs=1e-9)


def test_a_model_of_whole_videos_goes_on_with_segments(
    rated_shards, tmp_path, capsys
):
    videos = tmp_path / "videos"
    train(rated_shards, videos, "--max_frames=40")
    results = evaluate(rated_shards, videos, "--segment_labels")
    assert results["num_videos"] == 72
    whole = evaluate(rated_shards, videos)
    assert whole["num_videos"] == 24
    path = infer(rated_shards, videos, tmp_path / "a.csv", "--segment_labels")
    assert segment_files.is_segment_file(path)
    capsys.readouterr()
    train(
        rated_shards,
        tmp_path / "tuned",
        "--segment_labels",
        "--segment_context_frames=4",
        "--frame_sampler=uniform(k=3)",
        f"--initialize_from={videos}",
        "--num_epochs=1",
    )
    assert "weights start as in --initialize_from" in capsys.readouterr().out
    data = RunDirectory(tmp_path / "tuned").config()["data"]
    assert data["max_frames"] == 13
    results = evaluate(rated_shards, tmp_path / "tuned")
    assert results["frames"] == 3
    assert evaluate(
        rated_shards, tmp_path / "tuned", "--segment_context_frames=0"
    ) != pytest.approx(results)


@pytest.mark.parametrize(
    "teaching",
    [["--teacher_dir={run}"], ["--teacher_encoder=same"]],
    ids=["serial", "parallel"],
)
def test_students_of_segments(rated_shards, run, tmp_path, teaching):
    train(
        rated_shards,
        tmp_path / "student",
        "--segment_labels",
        "--frame_sampler=uniform(k=2)",
        "--num_epochs=1",
        *(one.format(run=run[0]) for one in teaching),
    )
    assert evaluate(rated_shards, tmp_path / "student")["frames"] == 2


def test_a_teacher_s_scores_are_those_of_its_best_map(
    rated_shards, run, tmp_path
):
    teacher = RunDirectory(tmp_path / "teacher")
    shutil.copytree(run[0], teacher.path)
    scores = [(0.9, 0.1), (0.1, 0.9)]
    epochs = [
        {**epoch, "val_gap": gap, "val_map": mean}
        for epoch, (gap, mean) in zip(teacher.epochs(), scores, strict=True)
    ]
    teacher.write_epochs(epochs)
    best = train(
        rated_shards,
        tmp_path / "student",
        "--segment_labels",
        "--num_epochs=1",
        f"--teacher_dir={teacher.path}",
    )
    assert (best["val_teacher_gap"], best["val_teacher_map"]) == (0.1, 0.9)


def test_cross_entropy_is_that_of_the_rated_classes(rated_shards, run):
    rated = found_segments.rated_segments(
        Shards(f"{rated_shards}/test*"), NUM_CLASSES
    )
    loaded = model.load(RunDirectory(run[0]).checkpoint("best"))
    data = VideoDataset(rated, NUM_CLASSES, 5, loaded.frame_sampler)
    total = 0.0
    for predictions, _, batch in Evaluator(loaded).predictions(data, 10):
        for p, y, rated_here in zip(
            predictions.astype(float), batch["labels"], batch["class_weights"]
        ):
            for c in np.flatnonzero(rated_here):
                total -= np.log(p[c]) if y[c] else np.log(1 - p[c])
    assert evaluate(rated_shards, run[0])["cross_entropy"] == pytest.approx(
        total / len(rated), rel=1e-4
    )


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--teacher_cache=x"], "--teacher_cache does not go"),
        (["--num_folds=3"], "--num_folds does not go"),
        (["--map_convention=full_ranking"], "only rated pairs"),
        (["--segment_context_frames=-1"], "give at least 0"),
        (["--nosegment_labels", "--segment_context_frames=3"], "needs"),
        (["--initialize_from=/none"], "no model at"),
    ],
)
def test_flags_that_do_not_fit(rated_shards, tmp_path, flags, message):
    with pytest.raises(InputError, match=message):
        train(rated_shards, tmp_path / "run", "--segment_labels", *flags)
    assert not (tmp_path / "run").exists()


def test_files_that_do_not_fit(rated_shards, run, tmp_path):
    ids = tmp_path / "ids.csv"
    for text, message in (
        ("Index\n9\n", "9 is no class"),
        ("Index\n1\n1\n", "1 is there twice"),
        ("Index\n", "holds no class"),
        ("Class\n1\n", "no column index"),
    ):
        ids.write_text(text)
        with pytest.raises(InputError, match=message):
            evaluate(rated_shards, run[0], f"--segment_label_ids_file={ids}")
    with pytest.raises(InputError, match="no rated segments"):
        scoring_runs.evaluate(
            config.parse(
                "eval",
                [
                    f"--eval_data_pattern={rated_shards}/train*",
                    f"--train_dir={run[0]}",
                ],
            )
        )


def test_segment_files_are_scored_as_a_program(rated_shards, run, tmp_path):
    path = infer(rated_shards, run[0], tmp_path / "a.csv")
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "tools" / "score_predictions.py",
            f"--predictions={path}",
            f"--input_data_pattern={rated_shards}/test*",
            f"--json={tmp_path}/scores.json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("MAP@100,000: ")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["map"] == pytest.approx(
        evaluate(rated_shards, run[0])["map"], abs=1e-6
    )


def test_a_model_does_not_look_beside_the_segment(rated_shards, run, tmp_path):
    for flags in (["--segment_context_frames=3"], ["--nosegment_labels"]):
        with pytest.raises(InputError, match="sees 5"):
            evaluate(rated_shards, run[0], *flags)
    with pytest.raises(InputError, match="trained with max_frames 5"):
        train(
            rated_shards,
            tmp_path / "student",
            "--segment_labels",
            "--segment_context_frames=3",
            f"--teacher_dir={run[0]}",
        )


def test_as_many_segments_as_there_are(rated_shards, run, tmp_path):
    path = infer(
        rated_shards,
        run[0],
        tmp_path / "a.csv",
        "--segment_max_pred=1" + "0" * 15,
    )
    assert len(dict(segment_files.read(path))) == NUM_CLASSES


def test_an_id_that_is_there_twice_is_refused(rated_shards, run, tmp_path):
    rated = found_segments.rated_segments(
        Shards(f"{rated_shards}/test*"), NUM_CLASSES
    )
    one = segments.Segments(
        rated.shards, [0, 0], [0, 0], [20, 20], 0, rated.ratings
    )
    with pytest.raises(InputError, match="two videos have one id"):
        load_tool("score_predictions").score_segments([], one, NUM_CLASSES)
