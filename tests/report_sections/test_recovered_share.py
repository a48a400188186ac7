import numpy as np
import pytest

from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill.report_elements import Paragraph, Picture, Table
from yt8m_distill.report_sections.recovered_share import RecoveredShareSection


def table_of(folder):
    """The table's rows by student and teacher, without the caption."""
    elements = RecoveredShareSection().elements(study_of(folder))
    (table,) = [one for one in elements if isinstance(one, Table)]
    return {(row[0], row[3]): row for row in table.rows}, elements


def test_equals_numpy_seed_by_seed(tmp_path):
    rows, elements = table_of(write_runs(tmp_path))
    assert set(rows) == {
        ("student_k2", "teacher"),
        ("student_k4", "teacher"),
        ("parallel_k2", "its own, parallel"),
        ("parallel_k2", "teacher"),
    }
    teacher = np.array([0.6, 0.61])
    baseline = np.array([0.42, 0.43])
    for key, student, above in (
        (("student_k2", "teacher"), np.array([0.47, 0.49]), teacher),
        (("parallel_k2", "teacher"), np.array([0.44, 0.45]), teacher),
        (
            ("parallel_k2", "its own, parallel"),
            np.array([0.44, 0.45]),
            np.array([0.58, 0.59]),
        ),
    ):
        shares = (student - baseline) / (above - baseline)
        assert rows[key][2] == "baseline_k2"
        for place, scale in ((4, 1), (5, 1)):  # mAP is half of GAP
            assert rows[key][place].value == pytest.approx(shares.mean())
            assert rows[key][place].spread == pytest.approx(
                shares.std(ddof=1), abs=1e-12
            )
        gain = student - baseline
        assert rows[key][6].value == pytest.approx(gain.mean())
        assert rows[key][7].value == pytest.approx(gain.mean() / 2)
    assert any(isinstance(one, Picture) for one in elements)


def test_is_unknown_where_the_teacher_is_no_better(tmp_path):
    write_run(tmp_path / "teacher", [0.3], frame_sampler="all_frames")
    k = {"frame_sampler": "uniform(k=2)"}
    write_run(tmp_path / "baseline", [0.3], **k)
    write_run(
        tmp_path / "student",
        [0.4],
        teacher_dir=str(tmp_path / "teacher"),
        **k,
    )
    rows, elements = table_of(tmp_path)
    row = rows["student", "teacher"]
    assert row[4].text() == "–" and row[6].text() == "+0.1000"
    assert not any(isinstance(one, Picture) for one in elements)


def test_seeds_that_not_all_have_do_not_count(tmp_path):
    write_runs(tmp_path)
    write_run(
        tmp_path / "student_k2_7",
        [0.99, 0.9, 0.9],
        7,
        teacher_dir=str(tmp_path / "teacher_0"),
        student_losses="rep(weight=0.1),pred,ce",
        frame_sampler="uniform(k=2)",
    )
    rows, _ = table_of(tmp_path)
    expected = np.mean([0.05 / 0.18, 0.06 / 0.18])
    assert rows["student_k2", "teacher"][4].value == pytest.approx(expected)


def test_without_a_common_seed_the_means_are_compared(tmp_path):
    for seed, gap in ((0, 0.5), (1, 0.7)):
        write_run(
            tmp_path / f"teacher_{seed}",
            [gap],
            seed,
            frame_sampler="all_frames",
        )
    k = {"frame_sampler": "uniform(k=2)"}
    write_run(tmp_path / "baseline", [0.4], 5, **k)
    write_run(tmp_path / "student", [0.5], 6, teacher_encoder="same", **k)
    rows, _ = table_of(tmp_path)
    number = rows["student", "teacher"][4]
    assert number.value == pytest.approx(0.1 / 0.2)
    assert number.spread is None


def test_the_score_that_a_student_logged_of_its_teacher_is_enough(tmp_path):
    k = {"frame_sampler": "uniform(k=2)"}
    write_run(tmp_path / "baseline", [0.4], **k)
    write_run(
        tmp_path / "student",
        [0.5],
        teacher_gaps=[0.8],
        teacher_dir="gone/away",
        **k,
    )
    rows, _ = table_of(tmp_path)
    assert rows["student", "away"][4].value == pytest.approx(0.25)


def test_says_who_cannot_be_compared(tmp_path):
    write_run(
        tmp_path / "student",
        [0.5],
        teacher_encoder="same",
        frame_sampler="uniform(k=2)",
    )
    (element,) = RecoveredShareSection().elements(study_of(tmp_path))
    assert isinstance(element, Paragraph) and "`student`" in element.text


def test_says_that_there_is_no_student(tmp_path):
    write_run(tmp_path / "teacher", [0.5])
    section = RecoveredShareSection()
    assert section.elements(study_of(tmp_path)) == []
    assert "No student" in section.absence


def test_a_teacher_that_is_not_here_is_called_without_its_seed(tmp_path):
    k = {"frame_sampler": "uniform(k=2)"}
    write_run(tmp_path / "baseline" / "seed0", [0.3], **k)
    write_run(
        tmp_path / "student" / "seed0",
        [0.4],
        teacher_gaps=[0.5],
        teacher_dir=str(tmp_path / "elsewhere" / "seed0"),
        **k,
    )
    rows, _ = table_of(tmp_path)
    assert set(rows) == {("student", "elsewhere")}
