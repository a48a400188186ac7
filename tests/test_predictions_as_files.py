"""Predictions are scored and averaged without a model."""

import csv
import gzip
import json
import pathlib
import sys

import numpy as np
import pytest

from tests.conftest import load_tool
from tests.test_experiment import train
from yt8m_distill import config, experiment, label_files, scoring_runs
from yt8m_distill.errors import InputError
from yt8m_distill.metrics import VideoMetrics, top_classes
from yt8m_distill.prediction_files import csv_file, formats


def write(path, videos):
    """A file of predictions: dict id → list of (class, score)."""
    lines = [csv_file.HEADER]
    for video_id, pairs in videos.items():
        lines.append(f"{video_id}," + " ".join(map("%i %g".__mod__, pairs)))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize("top_k", [1, 3, 20])
def test_a_video_at_a_time_equals_batches(top_k):
    random = np.random.default_rng(0)
    predictions = random.random((40, 9)).round(1)  # with ties
    labels = random.random((40, 9)) < 0.2
    labels[3] = False
    batches, videos = VideoMetrics(9, top_k), VideoMetrics(9, top_k)
    batches.update(predictions, labels)
    for scores, positive in zip(predictions, labels):
        (classes,) = top_classes(scores[None], 9)
        videos.update_video(
            classes, scores[classes], set(np.flatnonzero(positive).tolist())
        )
    expected = batches.result()
    for key, value in videos.result().items():
        assert value == pytest.approx(expected[key], abs=1e-12), key


@pytest.fixture(scope="module")
def run(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(synthetic_shards, path, "--num_epochs=2")
    return path


def inferred(run, synthetic_shards, output, *more):
    return scoring_runs.infer(
        config.parse(
            "inference",
            [
                f"--train_dir={run}",
                f"--input_data_pattern={synthetic_shards}/validate*",
                f"--output_file={output}",
                *more,
            ],
        )
    )


def vocabulary(path, missing=()):
    """A CSV with names of the seven classes."""
    lines = ["Index,KnowledgeGraphId,Name"]
    lines += [
        f'{label},/m/{label},"Class {label}, so"'
        for label in range(7)
        if label not in missing
    ]
    path.write_text("\n".join(lines) + "\n")
    return f"--vocabulary={path}"


def test_from_csv_to_the_scores_of_eval(run, synthetic_shards, tmp_path):
    tool = load_tool("score_predictions")
    pattern = f"{synthetic_shards}/validate*"
    expected = scoring_runs.evaluate(
        config.parse(
            "eval", [f"--train_dir={run}", f"--eval_data_pattern={pattern}"]
        )
    )
    output = inferred(run, synthetic_shards, tmp_path / "out.csv")
    labels = tool.labels_of_shards(pattern)
    found = tool.score(formats.read(output), labels, 7)
    for key in ("gap", "map", "hit_at_1", "perr"):
        assert found[key] == pytest.approx(expected[key], abs=1e-6), key
    assert (found["num_missing"], found["num_unknown"]) == (0, 0)
    # The labels of a CSV, and packed predictions, give the same.
    lines = ["VideoId,Labels"]
    lines += [
        f"{video_id},{' '.join(map(str, own))}"
        for video_id, own in labels.items()
    ]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    with gzip.open(tmp_path / "out.csv.gz", "wb") as packed:
        packed.write((tmp_path / "out.csv").read_bytes())
    again = tool.score(
        formats.read(str(tmp_path / "out.csv.gz")),
        label_files.read_labels(
            str(tmp_path / "labels.csv"), "VideoId", "labels"
        ),
    )
    assert again["gap"] == found["gap"] and again["map"] == found["map"]


FILES = ["out.csv", "out.csv.gz", "out.jsonl", "out.jsonl.gz", "out.parquet"]


@pytest.fixture(scope="module")
def outputs(run, synthetic_shards, tmp_path_factory):
    """A file of each kind from one model."""
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("outputs")
    return [
        inferred(
            run,
            synthetic_shards,
            folder / name,
            f"--output_format={formats.of(name)}",
            "--batch_size=5",
        )
        for name in FILES
    ]


def test_each_format_has_the_same_scores(outputs, synthetic_shards, tmp_path):
    score = load_tool("score_predictions")
    average = load_tool("average_predictions")
    labels = score.labels_of_shards(f"{synthetic_shards}/validate*")
    expected, expected_mean = None, None
    for path in outputs:
        found = score.score(formats.read(path), labels, 7)
        expected = expected or found
        assert found == pytest.approx(expected, abs=1e-6), path
        mean = average.average([path, outputs[0]], [1, 1], 3)
        expected_mean = expected_mean or mean
        for video_id, pairs in mean.items():
            classes, scores = zip(*pairs)
            others = dict(expected_mean[video_id])
            assert set(classes) == set(others)
            assert [others[one] for one in classes] == pytest.approx(
                scores, abs=1e-6
            )
    # Both hold float32: equal to the last bit.
    exact = [
        [
            (one, classes.tolist(), scores.tolist())
            for one, classes, scores in formats.read(path)
        ]
        for path in outputs[2:]
    ]
    assert exact[0] == exact[1] == exact[2] and len(exact[0]) == 16


@pytest.mark.parametrize("place", range(len(FILES)))
def test_the_mean_of_a_file_with_itself_is_that_file(place, outputs, tmp_path):
    tool = load_tool("average_predictions")
    path = outputs[place]
    mean = str(tmp_path / FILES[place])
    tool.write(tool.average([path, path], [2, 1], 20), mean)
    for one, other in zip(formats.read(mean), formats.read(path), strict=True):
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])
        np.testing.assert_allclose(one[2], other[2], rtol=1e-6)


@pytest.mark.parametrize("name", formats.names())
def test_the_default_name_has_the_ending(name, run, synthetic_shards, capsys):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    path = inferred(run, synthetic_shards, "", f"--output_format={name}")
    assert path == str(run / "predictions" / f"predictions.{name}")
    assert f"16 videos in {path}" in capsys.readouterr().out
    assert len(list(formats.read(path))) == 16


@pytest.mark.parametrize("name", formats.names())
def test_names_of_classes(name, run, synthetic_shards, tmp_path, capsys):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    path = inferred(
        run,
        synthetic_shards,
        tmp_path / f"out.{name}",
        f"--output_format={name}",
        "--top_k=7",
        vocabulary(tmp_path / "names.csv", missing=[5]),
    )
    assert "no name for 1 of 7 classes" in capsys.readouterr().out
    expected = {f"Class {label}, so" for label in range(7)} - {"Class 5, so"}
    expected.add("5")
    if name == "csv":
        with open(path, newline="") as opened:
            rows = list(csv.DictReader(opened))
        assert len(rows) == 16 * 7
        assert {row["Label"] for row in rows} == expected
    else:
        if name == "jsonl":
            text = pathlib.Path(path).read_text()
            videos = [json.loads(line) for line in text.splitlines()]
        else:
            from pyarrow import parquet

            videos = parquet.read_table(path).to_pylist()
        assert len(videos) == 16
        for video in videos:
            assert set(video["names"]) == expected
            assert video["names"].index("5") == video["classes"].index(5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Index,Name\n0,a\n0,b\n", "line 3: index '0' is no whole number or"),
        ("Index,Name\nx,a\n", "line 2: index 'x' is no whole number"),
        ("Index,Label\n0,a\n", "has no column name or display_name"),
    ],
)
def test_vocabularies_that_are_none(text, message, tmp_path):
    (tmp_path / "names.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        label_files.read_class_names(str(tmp_path / "names.csv"))


def test_vocabularies(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text('index,mid,display_name\n0,/m/0,"a, b"\n2,/m/2,c\n')
    assert label_files.read_class_names(str(path)) == {0: "a, b", 2: "c"}
    # The official one leaves some empty.
    path.write_text("Index,Name\n0,\n1,b\n")
    assert label_files.read_class_names(str(path)) == {1: "b"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output_file=x.parquet"], "--output_format=parquet or a name"),
        (["--output_format=parquet", "--output_file=x.parquet.gz"], "in .gz"),
        (["--vocabulary=/none.csv"], "/none.csv cannot be read"),
    ],
)
def test_refused_before_a_model_is_loaded(
    options, message, synthetic_shards, tmp_path
):
    with pytest.raises(InputError, match=message):
        inferred(tmp_path / "no_run", synthetic_shards, "", *options)
    assert not list(tmp_path.iterdir())


def test_without_pyarrow_no_model_is_loaded(
    synthetic_shards, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"yt8m_distill\[parquet\]"):
        inferred(
            tmp_path / "no_run",
            synthetic_shards,
            "",
            "--output_format=parquet",
        )


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_left_where_prediction_fails(
    name, run, synthetic_shards, tmp_path, monkeypatch
):
    if "parquet" in name:
        pytest.importorskip("pyarrow")
    original = experiment.Evaluator.predictions

    def breaks(self, *arguments, **options):
        yield next(original(self, *arguments, **options))
        raise InputError("a record is broken")

    monkeypatch.setattr(experiment.Evaluator, "predictions", breaks)
    (tmp_path / name).write_text("of yesterday")
    with pytest.raises(InputError, match="a record is broken"):
        inferred(
            run,
            synthetic_shards,
            tmp_path / name,
            f"--output_format={formats.of(name)}",
            "--batch_size=5",
        )
    assert (tmp_path / name).read_text() == "of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_by_hand(tmp_path):
    tool = load_tool("score_predictions")
    path = write(
        tmp_path / "a",
        {"x": [(1, 0.9), (2, 0.8)], "y": [(1, 0.7)], "other": [(1, 1.0)]},
    )
    labels = {"x": {2}, "y": {1, 3}, "missing": {1}}
    found = tool.score(formats.read(path), labels)
    # Pooled: .9 no, .8 yes, .7 yes; four positives.
    assert found["gap"] == pytest.approx((1 / 2 + 2 / 3) / 4)
    # Class 1: .9 no, .7 yes of 2; class 2: yes of 1; class 3: none of 1.
    assert found["map"] == pytest.approx((1 / 2 / 2 + 1 + 0) / 3)
    assert found["hit_at_1"] == pytest.approx(1 / 3)
    assert found["perr"] == pytest.approx((0 + 1 / 2 + 0) / 3)
    assert (found["num_missing"], found["num_unknown"]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("VideoId,Labels\nx,1 0.5\n", "starts with 'VideoId,Labels', not with"),
        ("", "starts with ''"),
        (f"{csv_file.HEADER}\nx,1 0.5 2\n", "line 2: found 'x,1 0.5 2'"),
        (f"{csv_file.HEADER}\nx 1\n", "line 2: found 'x 1'"),
        (f"{csv_file.HEADER}\nx,cat 0.5\n", "line 2: invalid literal"),
        (
            f"{csv_file.HEADER}\nx,1 0.5 1 0.4\n",
            "line 2: a class is there tw",
        ),
        (f"{csv_file.HEADER}\nx,1 nan\n", "a score is no number"),
    ],
)
def test_files_that_are_no_predictions(text, message, tmp_path):
    (tmp_path / "a").write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        list(formats.read(str(tmp_path / "a")))
    assert "\n" not in str(refused.value)


def test_what_cannot_be_scored(tmp_path):
    tool = load_tool("score_predictions")
    labels = {"x": {2}}
    twice = [("x", np.array([1]), np.array([0.5]))] * 2
    with pytest.raises(InputError, match="'x' is predicted twice"):
        tool.score(twice, labels)
    with pytest.raises(
        InputError, match="class 2 is outside the vocabulary of 2"
    ):
        tool.score(twice[:1], labels, num_classes=2)
    header = "video_id,labels\n"
    for text, message in (
        (header + "x,1\nx,2\n", "line 3 has 'x' again"),
        (header + "x,1\ny,cat\n", "line 3: 'cat' is no label"),
        ("x,1\n", "has no column video_id"),
        ("", "has no column"),
    ):
        (tmp_path / "labels").write_text(text)
        with pytest.raises(InputError, match=message):
            label_files.read_labels(
                str(tmp_path / "labels"), "video_id", "labels"
            )
    with pytest.raises(InputError, match="cannot be read"):
        label_files.read_labels(str(tmp_path / "none"), "video_id", "labels")


def test_averaging(tmp_path):
    tool = load_tool("average_predictions")
    a = write(tmp_path / "a", {"x": [(1, 0.9), (2, 0.3)], "y": [(3, 0.5)]})
    b = write(tmp_path / "b", {"y": [(3, 0.1), (4, 0.4)], "x": [(2, 0.6)]})
    found = tool.average([a, b], [2, 1], 20)
    assert list(found) == ["x", "y"]
    assert found["x"] == [
        (1, pytest.approx(0.6)),
        (2, pytest.approx(0.2 + 0.2)),
    ]
    assert found["y"] == [
        (3, pytest.approx(1 / 3 + 0.1 / 3)),
        (4, pytest.approx(0.4 / 3)),
    ]
    assert tool.average([a, b], [1, 1], 1)["x"] == [(1, pytest.approx(0.45))]
    # One file averaged is that file.
    assert tool.average([a], [3.0], 20)["x"] == [(1, 0.9), (2, 0.3)]


def test_files_that_do_not_go_together(tmp_path):
    tool = load_tool("average_predictions")
    a = write(tmp_path / "a", {"x": [(1, 0.9)], "y": [(1, 0.9)]})
    for name, videos, message in (
        ("b", {"x": [(1, 0.5)]}, "does not predict video 'y'"),
        ("c", {"x": [(1, 0.5)], "z": [(1, 0.5)]}, "predicts video 'z'"),
    ):
        with pytest.raises(InputError, match=message):
            tool.average([a, write(tmp_path / name, videos)], [1, 1], 20)
    for weights in (["1"], ["1", "0"], ["1", "x"], ["1", "nan"]):
        with pytest.raises(InputError, match="--weights="):
            tool.parse_weights(weights, 2)
    assert tool.parse_weights([], 2) == [1, 1]


def test_as_programs(run, synthetic_shards, tmp_path):
    from tests.test_tools import tool_run

    output = inferred(run, synthetic_shards, tmp_path / "out.csv")
    code, out, error = tool_run(
        "average_predictions",
        f"--predictions={output},{output}",
        f"--output_file={tmp_path}/mean.csv",
    )
    assert (code, error) == (0, "") and "16 videos of 2 files" in out
    # The mean of a file with itself is that file, to its last digit.
    assert (tmp_path / "mean.csv").read_text() == (
        tmp_path / "out.csv"
    ).read_text()
    code, out, error = tool_run(
        "score_predictions",
        f"--predictions={tmp_path}/mean.csv",
        f"--input_data_pattern={synthetic_shards}/validate*",
        f"--json={tmp_path}/scores.json",
    )
    assert (code, error) == (0, "")
    assert "16 videos, 0 of them without a prediction" in out
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert f"GAP: {scores['gap']:.4f}" in out
    code, _, error = tool_run(
        "score_predictions", f"--predictions={tmp_path}/mean.csv"
    )
    assert code == 1 and error.count("\n") == 1
    assert "--input_data_pattern or --labels_csv" in error
