import numpy as np
import pytest

from tests.made_observations import with_observations
from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill.errors import InputError
from yt8m_distill.report_elements import Paragraph
from yt8m_distill.report_sections.agreement import AgreementSection


def numbers(theirs, own):
    """What a row has to say of a pair, by the definitions."""
    p, q = (
        1 / (1 + np.exp(-one.logits.astype(float))) for one in (theirs, own)
    )
    divergence = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    orders = [np.argsort(-one.logits, axis=1) for one in (theirs, own)]
    common = [
        len(set(one[:5]) & set(other[:5])) / 5
        for one, other in zip(*map(np.ndarray.tolist, orders))
    ]
    ranks = [
        np.argsort(np.argsort(one.logits[own.labels])) for one in (theirs, own)
    ]
    return [
        divergence.sum(axis=1).mean(),
        100 * (orders[0][:, 0] == orders[1][:, 0]).mean(),
        100 * np.mean(common),
        np.corrcoef(*ranks)[0, 1],
    ]


def test_equals_numpy(tmp_path):
    study = with_observations(study_of(write_runs(tmp_path)))
    (table,) = AgreementSection().elements(study)
    rows = {row[0]: row for row in table.rows}
    assert list(rows)[0] == "teacher" and len(rows) == len(study.groups)
    runs = {run.name: run for run in study.runs}
    of = study.observations.of
    for label, teacher, pairs in (
        (
            "teacher",
            "teacher, other seed",
            [(of(runs["teacher_0"]), of(runs["teacher_1"]))],
        ),
        (
            "parallel_k2",
            "its own, parallel",
            [
                (of(runs[name], "teacher"), of(runs[name]))
                for name in ("parallel_k2_0", "parallel_k2_1")
            ],
        ),
        *(
            (
                label,
                "teacher",
                [
                    (of(runs[f"teacher_{seed}"]), of(runs[f"{label}_{seed}"]))
                    for seed in (0, 1)
                ],
            )
            for label in ("baseline_k2", "student_k4")
        ),
    ):
        assert rows[label][3] == teacher
        expected = np.array([numbers(*pair) for pair in pairs])
        found = rows[label][4:]
        assert [one.value for one in found] == pytest.approx(
            expected.mean(axis=0), abs=1e-6
        )
        if len(pairs) > 1:
            assert [one.spread for one in found] == pytest.approx(
                expected.std(axis=0, ddof=1), abs=1e-6
            )
    assert "On 90 videos of `validate*`" in table.caption


def test_runs_without_a_single_teacher_are_named(tmp_path):
    write_runs(tmp_path / "runs")
    write_run(
        tmp_path / "runs" / "taught_by_two",
        [0.4],
        frame_sampler="uniform(k=2)",
        teacher_dir=f"{tmp_path}/runs/teacher_0,{tmp_path}/runs/teacher_1",
    )
    study = with_observations(study_of(tmp_path / "runs"))
    table, paragraph = AgreementSection().elements(study)
    assert isinstance(paragraph, Paragraph)
    assert "`taught_by_two`" in paragraph.text
    assert "taught_by_two" not in [row[0] for row in table.rows]


def test_nobody_to_compare_with(tmp_path):
    write_run(tmp_path / "only", [0.4], frame_sampler="uniform(k=2)")
    study = with_observations(study_of(tmp_path))
    assert AgreementSection().elements(study) == []


def test_what_cannot_be_compared_is_named(tmp_path):
    study = with_observations(study_of(write_runs(tmp_path)))
    of = study.observations.of

    def other(run, checkpoint="best"):
        found = of(run, checkpoint)
        if run.name == "baseline_k2_0":
            found = found._replace(video_ids=found.video_ids[::-1])
        if run.name == "student_k4_1":
            raise InputError("no model")
        return found

    study.observations.of = other
    table, *paragraphs = AgreementSection().elements(study)
    assert len(table.rows) == len(study.groups) - 2
    assert [one.text for one in paragraphs] == [
        "Without `baseline_k2`: `teacher_0` and `baseline_k2_0` were validated "
        "on other videos; give --eval_data_pattern.",
        "Without `student_k4`: no model.",
    ]


def test_nothing_can_be_run(tmp_path):
    study = study_of(write_runs(tmp_path))  # there are no models
    with pytest.raises(InputError, match="teacher_0"):
        AgreementSection().elements(study)
