import numpy as np
import pytest

from tests.made_observations import (
    NUM_CLASSES,
    TRAINING_VIDEOS,
    with_observations,
)
from tests.test_class_groups import average_precision, expected_scores
from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill.errors import InputError
from yt8m_distill.report_elements import Paragraph, Picture, Table
from yt8m_distill.report_sections import class_gains
from yt8m_distill.report_sections.class_gains import ClassGainsSection


def precisions(study, names):
    """The AP of each class over all videos, mean over runs."""
    runs = {run.name: run for run in study.runs}
    found = []
    for name in names:
        own = study.observations.of(runs[name])
        found.append(
            [
                average_precision(scores, hits, hits.sum())
                for scores, hits in zip(own.logits.T, own.labels.T)
            ]
        )
    return np.mean(found, axis=0)


def test_dots_are_gains_from_rare_to_frequent(tmp_path):
    study = with_observations(study_of(write_runs(tmp_path)))
    elements = ClassGainsSection().elements(study)
    assert [type(one) for one in elements] == [Picture, Picture, Table, Table]
    assert [one.name for one in elements] == [
        "class_gains_2_frames",
        "class_gains_4_frames",
        "class_groups_2_frames",
        "class_groups_4_frames",
    ]
    gains = precisions(study, ["student_k2_0", "student_k2_1"]) - precisions(
        study, ["baseline_k2_0", "baseline_k2_1"]
    )
    gains = gains[np.argsort(TRAINING_VIDEOS, kind="stable")]
    axes = elements[0].figure.axes[0]
    dots = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(dots[:, 0], np.arange(NUM_CLASSES))
    np.testing.assert_allclose(dots[:, 1], gains, atol=1e-9)
    ticks = [one.get_text() for one in axes.get_xticklabels()]
    assert ticks[0] == "1" and ticks[-1] == "90"
    share = 100 * (gains > 0).mean()
    assert f"{share:.0f} % of them gain" in elements[0].caption


def test_table_equals_numpy(tmp_path, monkeypatch):
    monkeypatch.setattr(class_gains, "SIZES", (2, 5, 100))
    study = with_observations(study_of(write_runs(tmp_path)))
    table = ClassGainsSection().elements(study)[2]
    assert [row[0] for row in table.rows] == [
        "2 rarest (1 to 5)",
        "5 rarest (1 to 12)",
        "all 7 (1 to 90)",
        "2 most frequent (30 to 90)",
        "5 most frequent (8 to 90)",
    ]
    runs = {run.name: run for run in study.runs}
    rarest = np.sort(np.argsort(TRAINING_VIDEOS, kind="stable")[:5])
    for column, name in ((1, "teacher"), (2, "baseline_k2"), (3, "student_k2")):
        expected = []
        for seed in (0, 1):
            own = study.observations.of(runs[f"{name}_{seed}"])
            expected.append(
                expected_scores(
                    own.logits.astype(float),
                    own.labels,
                    rarest,
                    "present_classes",
                    NUM_CLASSES,
                )
            )
        for place, key in ((column, "gap"), (column + 3, "map")):
            values = [one[key] for one in expected]
            found = table.rows[1][place]
            assert found.value == pytest.approx(np.mean(values), abs=1e-9)
            spread = np.std(values, ddof=1)
            assert found.spread == pytest.approx(spread, abs=1e-9)
    for row in table.rows:
        for baseline, student in (row[2:4], row[5:7]):
            assert baseline.is_best == (baseline.value > student.value)
            assert student.is_best != baseline.is_best


def test_running_quartiles():
    values = np.array([5.0, 1.0, 3.0, 2.0, 8.0])
    places, quartiles = class_gains.running_quartiles(values, 3)
    assert places.tolist() == [1, 2, 3]
    windows = [values[start : start + 3] for start in range(3)]
    np.testing.assert_allclose(
        quartiles.T, [np.percentile(one, [25, 50, 75]) for one in windows]
    )


def test_the_largest_numbers_of_frames_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(class_gains, "MOST_STUDENTS", 1)
    study = with_observations(study_of(write_runs(tmp_path)))
    picture, table, paragraph = ClassGainsSection().elements(study)
    assert picture.name == "class_gains_4_frames"
    assert isinstance(paragraph, Paragraph) and "Of 2 numbers" in paragraph.text


def test_nothing_to_compare(tmp_path):
    write_run(tmp_path / "only", [0.4], frame_sampler="uniform(k=2)")
    study = with_observations(study_of(tmp_path))
    assert ClassGainsSection().elements(study) == []


def test_of_equal_scores_none_is_better(tmp_path):
    study = with_observations(study_of(write_runs(tmp_path)))
    observe = study.observations._observe
    runs = {run.name: run for run in study.runs}
    study.observations._observe = lambda run, checkpoint: observe(
        runs[run.name.replace("student_k2", "baseline_k2")], checkpoint
    )
    elements = ClassGainsSection().elements(study)
    cells = [cell for row in elements[2].rows for cell in row[1:]]
    assert not any(cell.is_best for cell in cells)
    # Without a gain the picture has a height all the same.
    low, high = elements[0].figure.axes[0].get_ylim()
    assert low < 0 < high


def test_goes_on_without_a_model(tmp_path):
    study = with_observations(study_of(write_runs(tmp_path)))
    observe = study.observations._observe

    def fail(run, checkpoint):
        if run.name == "student_k2_1":
            raise InputError("no such model")
        return observe(run, checkpoint)

    study.observations._observe = fail
    *elements, paragraph = ClassGainsSection().elements(study)
    assert [one.name for one in elements] == [
        "class_gains_4_frames",
        "class_groups_4_frames",
    ]
    assert paragraph.text == "Without `student_k2`: no such model."
