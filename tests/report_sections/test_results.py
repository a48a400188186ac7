import numpy as np
import pytest

from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill.report_elements import Paragraph
from yt8m_distill.report_sections.results import ResultsSection


def test_has_the_scores_of_the_best_epochs(tmp_path):
    (table,) = ResultsSection().elements(study_of(write_runs(tmp_path)))
    rows = {row[0]: dict(zip(table.headings, row)) for row in table.rows}
    assert list(rows) == [
        "teacher",
        "baseline_k2",
        "parallel_k2",
        "student_k2",
        "baseline_k4",
        "student_k4",
    ]
    teacher = rows["teacher"]
    assert teacher["GAP"].value == pytest.approx(0.605)
    assert teacher["GAP"].spread == pytest.approx(np.std([0, 0.01], ddof=1))
    assert teacher["mAP"].value == pytest.approx(0.3025)
    assert teacher["best epoch"].value == 2
    assert (teacher["kind"], teacher["seeds"]) == ("teacher", "0, 1")
    assert rows["student_k4"]["learns from"] == "0.1 rep + pred + ce"
    assert rows["student_k4"]["frames"].text() == "4"
    assert "`validate*`" in table.caption and "40 videos" in table.caption


def test_the_best_of_several_students_of_as_many_frames_is_bold(tmp_path):
    (table,) = ResultsSection().elements(study_of(write_runs(tmp_path)))
    place = table.headings.index("GAP")
    bold = [row[0] for row in table.rows if row[place].is_best]
    assert bold == ["student_k2"]


def test_runs_scored_on_other_videos_have_their_own_table(tmp_path):
    write_run(tmp_path / "a", [0.1], eval_data_pattern="here*")
    write_run(tmp_path / "b", [0.2], eval_data_pattern="there*")
    tables = ResultsSection().elements(study_of(tmp_path))
    assert [table.rows[0][0] for table in tables] == ["a", "b"]
    assert [table.name for table in tables] == ["results_1", "results_2"]
    assert "`there*`" in tables[1].caption


def test_tells_runs_that_are_not_done(tmp_path):
    write_run(tmp_path / "done", [0.1, 0.2])
    write_run(tmp_path / "half", [0.1], num_epochs=5, seed=1)
    _, text = ResultsSection().elements(study_of(tmp_path))
    assert isinstance(text, Paragraph)
    assert "`half` (1 of 5)" in text.text and "done`" not in text.text


def test_without_validation_there_are_dashes(tmp_path):
    write_run(tmp_path / "blind", [0.1], eval_data_pattern="")
    text = (tmp_path / "blind" / "metrics.jsonl").read_text()
    (tmp_path / "blind" / "metrics.jsonl").write_text(
        text.replace("val_", "other_")
    )
    (table,) = ResultsSection().elements(study_of(tmp_path))
    assert table.rows[0][table.headings.index("GAP")].text() == "–"
    assert "without validation" in table.caption


def test_names_encoders_and_videos_where_they_differ(tmp_path):
    write_run(tmp_path / "a", [0.1], encoder="mean_pooling")
    write_run(tmp_path / "b", [0.1])
    (table,) = ResultsSection().elements(study_of(tmp_path))
    encoders = [row[table.headings.index("encoder")] for row in table.rows]
    assert encoders == ["mean_pooling", "netvlad"]
