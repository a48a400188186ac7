import shutil

import numpy as np
import pytest

from tests.made_observations import labels_of, with_observations
from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill import report_pictures
from yt8m_distill.report_elements import Picture
from yt8m_distill.report_sections import representations
from yt8m_distill.report_sections.representations import RepresentationsSection


@pytest.fixture
def runs(tmp_path):
    """A folder of runs, with students with and without L_rep."""
    write_runs(tmp_path / "runs")
    for name, losses, gap in (("pred", "pred,ce", 0.3), ("ce", "ce", 0.2)):
        write_run(
            tmp_path / "runs" / name,
            [gap],
            frame_sampler="uniform(k=2)",
            teacher_dir=f"{tmp_path}/runs/teacher_0",
            student_losses=losses,
        )
    return tmp_path / "runs"


def test_top_classes_and_who_has_one_of_them():
    labels = labels_of(200)
    classes, of_video = representations.top_class_of(labels)
    counts = labels.sum(axis=0)
    assert set(classes) == set(np.argsort(-counts)[:5])
    for row, place in zip(labels[:, classes], of_video):
        expected = np.flatnonzero(row)
        assert place == (expected[0] if len(expected) == 1 else -1)
    # Fewer classes than five.
    classes, of_video = representations.top_class_of(labels[:, :1] & False)
    assert len(classes) == 0 and (of_video == -1).all()


def test_equals_numpy_and_draws_both_kinds(runs):
    study = with_observations(study_of(runs))
    with report_pictures.style():
        *pictures, table = RepresentationsSection().elements(study)
    assert [picture.name for picture in pictures] == [
        "representations_with_rep",
        "representations_without_rep",
    ]
    # The best of each by GAP, of 2 frames: of 4 all have L_rep.
    assert "student_k2" in pictures[0].caption
    assert "parallel_k2" in pictures[1].caption
    rows = {row[0]: row for row in table.rows}
    assert {"baseline_k2", "student_k2", "parallel_k2", "pred"} <= rows.keys()
    of = study.observations.of
    by_name = {run.name: run for run in study.runs}
    distances, alike = [], []
    for seed in (0, 1):
        theirs, own = (
            of(by_name[f"{name}_{seed}"]).representation.astype(float)
            for name in ("teacher", "student_k2")
        )
        apart = np.linalg.norm(theirs[:, None] - own[None], axis=2)
        others = apart[~np.eye(len(own), dtype=bool)]
        distances.append(np.diag(apart).mean() / others.mean())
        theirs, own = theirs - theirs.mean(axis=0), own - own.mean(axis=0)
        alike.append(
            np.linalg.norm(theirs.T @ own) ** 2
            / np.linalg.norm(theirs.T @ theirs)
            / np.linalg.norm(own.T @ own)
        )
    row = rows["student_k2"]
    assert row[5].value == pytest.approx(np.mean(distances), abs=1e-9)
    assert row[5].spread == pytest.approx(np.std(distances, ddof=1), abs=1e-9)
    assert row[7].value == pytest.approx(np.mean(alike), abs=1e-9)
    # The picture's numbers are those of its first run.
    assert f"{distances[0]:.2f} times as far" in pictures[0].caption
    assert f"linear CKA {alike[0]:.2f}." in pictures[0].caption


def test_without_both_kinds_of_as_many_frames_the_best_are_drawn(tmp_path):
    write_runs(tmp_path)
    for seed in (0, 1):
        shutil.rmtree(tmp_path / f"parallel_k2_{seed}")
    study = with_observations(study_of(tmp_path))
    (picture, _) = RepresentationsSection().elements(study)
    assert picture.name == "representations_with_rep"
    assert "student_k4" in picture.caption


def test_dots_are_of_both_models_in_two_shades(runs):
    study = with_observations(study_of(runs))
    picture = RepresentationsSection().elements(study)[0]
    dots = picture.figure.axes[0].collections
    assert len(dots) == 10  # five classes, two models
    colours = [tuple(one.get_facecolor()[0]) for one in dots]
    assert len(set(colours)) == 10
    _, of_video = representations.top_class_of(labels_of(90))
    for place in range(5):
        teacher, student = dots[2 * place : 2 * place + 2]
        count = (of_video == place).sum()
        assert len(teacher.get_offsets()) == len(student.get_offsets()) == count
        assert sum(teacher.get_facecolor()[0]) < sum(student.get_facecolor()[0])


def test_other_widths_have_no_distance(runs):
    widths = {"student_k4_0": 5, "student_k4_1": 5}
    study = with_observations(study_of(runs), widths=widths)
    elements = RepresentationsSection().elements(study)
    (row,) = [one for one in elements[-1].rows if one[0] == "student_k4"]
    assert row[4] == "5 of 8"
    assert not row[5].is_known() and row[7].is_known()


def test_too_few_videos_have_no_picture(runs):
    study = with_observations(study_of(runs), num_videos=3)
    elements = RepresentationsSection().elements(study)
    assert not any(isinstance(one, Picture) for one in elements)


def test_nobody_to_compare_with(tmp_path):
    write_run(tmp_path / "only", [0.4], frame_sampler="uniform(k=2)")
    study = with_observations(study_of(tmp_path))
    assert RepresentationsSection().elements(study) == []
