import numpy as np
import pytest

from tests.made_observations import NUM_CLASSES, labels_of, with_observations
from tests.report_sections.test_class_gains import precisions
from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill.report_elements import Paragraph, Table
from yt8m_distill.report_sections import hardest_classes
from yt8m_distill.report_sections.hardest_classes import HardestClassesSection


def test_equals_numpy(tmp_path, monkeypatch):
    monkeypatch.setattr(hardest_classes, "NUM_CLASSES", 4)
    names = "index,name\n" + "".join(f"{n},name {n}\n" for n in range(6))
    (tmp_path / "names.csv").write_text(names)
    study = with_observations(
        study_of(
            write_runs(tmp_path / "runs"),
            vocabulary=str(tmp_path / "names.csv"),
        )
    )
    introduction, *others = HardestClassesSection().elements(study)
    tables = [one for one in others if isinstance(one, Table)]
    # The best student by GAP sees 4 frames.
    assert "`student_k4`" in introduction.text
    teacher, baseline, student = (
        precisions(study, [f"{name}_0", f"{name}_1"])
        for name in ("teacher", "baseline_k4", "student_k4")
    )
    positives = labels_of(90).sum(axis=0)
    (enough,) = np.nonzero(positives >= 10)
    assert len(enough) == NUM_CLASSES - 1  # class 6 has too few
    for table, values in zip(
        tables,
        (
            teacher,
            student - teacher,
            baseline - student,
            student - baseline,
        ),
        strict=True,
    ):
        order = enough[np.argsort(values[enough], kind="stable")][:4]
        if values is not teacher:
            order = order[values[order] < 0]
        assert [row[0] for row in table.rows] == [f"name {n}" for n in order]
        for row, one in zip(table.rows, order):
            assert [cell.value for cell in row[1:]] == pytest.approx(
                [
                    positives[one],
                    teacher[one],
                    baseline[one],
                    student[one],
                    student[one] - teacher[one],
                    student[one] - baseline[one],
                ],
                abs=1e-9,
            )


def test_classes_without_a_name(tmp_path):
    study = with_observations(study_of(write_runs(tmp_path)))
    _, _, table, *_ = HardestClassesSection().elements(study)
    assert {row[0] for row in table.rows} == {f"class {n}" for n in range(6)}


def test_too_few_positives(tmp_path):
    study = with_observations(study_of(write_runs(tmp_path)), num_videos=8)
    (paragraph,) = HardestClassesSection().elements(study)
    assert isinstance(paragraph, Paragraph)
    assert "--max_videos" in paragraph.text


def test_nothing_to_compare(tmp_path):
    write_run(tmp_path / "only", [0.4], frame_sampler="uniform(k=2)")
    study = with_observations(study_of(tmp_path))
    assert HardestClassesSection().elements(study) == []


def test_a_class_that_does_not_differ_is_in_no_table(tmp_path):
    study = with_observations(study_of(write_runs(tmp_path)))
    study.observations.average_precisions = lambda run: (
        np.full(NUM_CLASSES, 0.25),
        np.full(NUM_CLASSES, 20),
    )
    elements = HardestClassesSection().elements(study)
    assert [one.name for one in elements if isinstance(one, Table)] == [
        "classes_hardest"
    ]
