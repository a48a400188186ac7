"""What the models of real runs say, and the report that is made of it."""

import numpy as np
import pytest

from tests.test_experiment import train
from tests.written_runs import study_of
from yt8m_distill import config, model, report_writing
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.observations import Observations, predictions_of
from yt8m_distill.reported_runs import ReportedRun
from yt8m_distill.shards import Shards


@pytest.fixture(scope="module")
def runs(synthetic_shards, tmp_path_factory):
    """A teacher, a baseline and two students, of one epoch."""
    folder = tmp_path_factory.mktemp("runs")
    few = ["--frame_sampler=uniform(k=3)", "--num_epochs=1"]
    train(synthetic_shards, folder / "teacher", "--num_epochs=1")
    train(synthetic_shards, folder / "baseline", *few)
    teacher = f"--teacher_dir={folder}/teacher"
    train(synthetic_shards, folder / "student", *few, teacher)
    parallel = [*few, "--teacher_encoder=same"]
    train(synthetic_shards, folder / "parallel", *parallel)
    return folder


@pytest.mark.parametrize(
    "name, checkpoint, max_videos",
    [
        ("teacher", "best", 11),
        ("student", "best", 5000),
        ("parallel", "teacher", 5),
    ],
)
def test_equals_the_model(name, checkpoint, max_videos, runs, synthetic_shards):
    run = ReportedRun(runs / name)
    found = Observations("", max_videos).of(run, checkpoint)
    one = model.load(run.directory.checkpoint(checkpoint))
    shards = Shards(f"{synthetic_shards}/validate*")
    count = min(max_videos, len(shards))
    batch = VideoDataset(shards, 7, 12, one.frame_sampler).read(range(count))
    expected = one({key: batch[key] for key in ("frames", "num_frames")})
    for key in ("logits", "representation"):
        value = getattr(found, key)
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, expected[key], atol=1e-5)
    np.testing.assert_array_equal(found.labels, batch["labels"] > 0)
    assert found.video_ids == shards.video_ids()[:count]


def test_each_model_runs_once(runs, monkeypatch):
    loaded = []
    load = model.load
    monkeypatch.setattr(
        model, "load", lambda path: loaded.append(path) or load(path)
    )
    observations = Observations("", 5)
    run = ReportedRun(runs / "baseline")
    assert observations.num_videos == 0
    first = observations.of(run)
    assert observations.of(ReportedRun(runs / "baseline")) is first
    observations.average_precisions(run)
    assert len(loaded) == 1
    assert observations.num_videos == 5
    assert not first.logits.flags.writeable


def test_a_model_that_fails_is_not_tried_again(runs, monkeypatch):
    tried = []

    def fail(path):
        tried.append(path)
        raise InputError("no model")

    monkeypatch.setattr(model, "load", fail)
    observations = Observations("", 5)
    for _ in range(2):
        with pytest.raises(InputError, match="no model"):
            observations.of(ReportedRun(runs / "baseline"))
    assert len(tried) == 1


def test_other_shards_and_training_labels(runs, synthetic_shards):
    run = ReportedRun(runs / "teacher")
    test = Shards(f"{synthetic_shards}/test*")
    found = Observations(test.pattern, 5000)
    assert found.of(run).video_ids == test.video_ids()
    counts = np.zeros(7, int)
    for _, labels in Shards(f"{synthetic_shards}/train*").ids_and_labels():
        counts[labels] += 1
    assert found.training_videos(run).tolist() == counts.tolist()


def test_average_precisions_are_of_all_videos(runs):
    from sklearn.metrics import average_precision_score

    observations = Observations("", 5000)
    run = ReportedRun(runs / "student")
    own = observations.of(run)
    found, positives = observations.average_precisions(run)
    assert positives.tolist() == own.labels.sum(axis=0).tolist()
    for one in np.flatnonzero(positives):
        assert found[one] == pytest.approx(
            average_precision_score(own.labels[:, one], own.logits[:, one])
        )


def test_predictions_of():
    logits = np.array([[-80.0, -1.0, 0.0, 3.0, 90.0]], np.float32)
    found = predictions_of(logits)
    assert found.dtype == np.float32
    expected = 1 / (1 + np.exp(-logits.astype(float)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"eval_data_pattern": ""}, "without validation videos"),
        (
            {"eval_data_pattern": "/gone*"},
            "validation shards of `teacher`, `/gone.`, are not there.*or give",
        ),
    ],
)
def test_what_cannot_be_looked_at(change, message, runs):
    run = ReportedRun(runs / "teacher")
    run.flags |= change
    with pytest.raises(InputError, match=message):
        Observations("", 5).of(run)
    with pytest.raises(InputError, match="no file matches '/none"):
        Observations("/none*", 5).of(run)
    run.flags["train_data_pattern"] = "/gone*"
    with pytest.raises(InputError, match="training shards of .*started$"):
        Observations("", 5).training_videos(run)


def test_models_that_are_not_there(runs):
    run = ReportedRun(runs / "teacher")
    with pytest.raises(InputError, match="teacher.keras"):
        Observations("", 5).of(run, "teacher")
    run.data["segment_context_frames"] = 0
    with pytest.raises(InputError, match="trained on segments"):
        Observations("", 5).of(run)


def test_a_report_of_them(runs, tmp_path):
    """All sections that run models, twice: the same bytes."""
    pages = []
    for number in range(2):
        page = tmp_path / str(number) / "page.html"
        options = config.from_values(
            "report",
            {
                "runs": [str(runs)],
                "output": str(page),
                "sections": [
                    "agreement",
                    "representations",
                    "class_gains",
                    "hardest_classes",
                    "projector",
                ],
            },
        )
        report_writing.write(options)
        written = page.with_suffix(".md").read_text()
        assert "Left out" not in written
        files = {
            path.name: path.read_bytes()
            for path in page.with_name("page_files").rglob("*")
            if path.is_file()
        }
        assert {
            "agreement.csv",
            "representations.csv",
            "representations_with_rep.png",
            "class_gains_3_frames.png",
            "class_groups_3_frames.csv",
            "projector_config.pbtxt",
        } <= files.keys()
        pages.append(files)
    assert pages[0] == pages[1]
    # Of all classes the best student has the GAP that training found.
    best = max(run.score("gap") for run in study_of(runs).runs if run.mode)
    rows = pages[0]["class_groups_3_frames.csv"].decode().splitlines()
    assert rows[1].startswith("all 7")
    assert float(rows[1].split(",")[3]) == pytest.approx(best, abs=1e-6)
