import json

import numpy as np
import pytest

from tests.written_runs import SMALL, study_of, write_run, write_runs
from yt8m_distill import compared_runs, cost
from yt8m_distill.report_elements import Paragraph, Picture, Table
from yt8m_distill.report_sections.cost import CostSection


@pytest.fixture(scope="module")
def elements(tmp_path_factory):
    folder = write_runs(tmp_path_factory.mktemp("runs"))
    return CostSection().elements(study_of(folder))


def test_counts_the_complete_model(elements):
    (table,) = [one for one in elements if isinstance(one, Table)]
    rows = {row[0]: dict(zip(table.headings, row)) for row in table.rows}
    flops = {
        k: cost.count(
            SMALL["encoder"],
            "logistic",
            k,
            num_classes=7,
            feature_sizes=(6, 4),
        ).flops
        for k in (2, 12)
    }
    student = rows["student_k2"]
    assert student["GFLOPs a video"].value == pytest.approx(flops[2] / 1e9)
    assert student["times fewer"].value == pytest.approx(flops[12] / flops[2])
    assert student["bytes a video"].value == 20
    assert not student["videos/s"].is_known()
    assert rows["teacher"]["videos/s"].value == 110
    # Seconds are averaged, not their inverse.
    assert rows["baseline_k2"]["times faster"].value == pytest.approx(
        400 * np.mean([1 / 100, 1 / 120])
    )


def test_draws_each_cost(elements):
    pictures = {one.name: one for one in elements if isinstance(one, Picture)}
    assert set(pictures) == {
        "gap_against_frames",
        "gap_against_gflops",
        "gap_against_time",
    }
    (axes,) = pictures["gap_against_frames"].figure.axes
    drawn = {
        box.get_label(): (
            list(box.lines[0].get_xdata()),
            list(box.lines[0].get_ydata()),
        )
        for box in axes.containers
    }
    assert drawn["teacher"] == ([12], [pytest.approx(0.605)])
    frames, gaps = drawn["serial: 0.1 rep + pred + ce"]
    assert frames == [2, 4] and gaps == pytest.approx([0.48, 0.5])
    (axes,) = pictures["gap_against_time"].figure.axes
    assert {box.get_label() for box in axes.containers} == {
        "teacher",
        "baseline",
    }


def test_says_plainly_what_was_not_measured(elements):
    (text,) = [one.text for one in elements if isinstance(one, Paragraph)]
    assert "not measured for `parallel_k2`, `student_k2`, `student_k4`" in text


def test_samplers_are_told_apart(tmp_path):
    for sampler in ("uniform", "first"):
        for k in (2, 3):
            write_run(
                tmp_path / f"{sampler}{k}",
                [0.1],
                frame_sampler=f"{sampler}(k={k})",
            )
    _, picture, *_ = CostSection().elements(study_of(tmp_path))
    (axes,) = picture.figure.axes
    assert {box.get_label() for box in axes.containers} == {
        "baseline (uniform)",
        "baseline (first)",
    }


def test_the_best_lines_have_colours_and_names(tmp_path):
    for number in range(14):
        for k in (2, 3):
            write_run(
                tmp_path / f"b{number}_{k}",
                [0.1 + number / 100 + k / 1000],
                frame_sampler=f"uniform(k={k})",
                student_losses=f"pred(weight={number + 2})",
                teacher_encoder="same",
            )
    picture, *_ = [
        one
        for one in CostSection().elements(study_of(tmp_path))
        if isinstance(one, Picture)
    ]
    (legend,) = picture.figure.legends
    assert [one.get_text() for one in legend.get_texts()] == [
        *(f"parallel: {number} pred" for number in range(15, 3, -1)),
        "2 others",
    ]
    (axes,) = picture.figure.axes
    assert [one.get_text() for one in axes.get_xticklabels()] == ["2", "3"]


def test_samplers_are_not_told_of_students_that_have_one(tmp_path):
    for name, sampler in (("u", "uniform(k=2)"), ("f", "first(k=2)")):
        write_run(tmp_path / name, [0.1], frame_sampler=sampler)
    for name, sampler, names in (
        ("s", "uniform(k=2)", {"parallel: ce"}),
        (
            "r",
            "random(k=2)",
            {"parallel: ce (uniform)", "parallel: ce (random)"},
        ),
    ):
        write_run(
            tmp_path / name,
            [0.1],
            frame_sampler=sampler,
            student_losses="ce",
            teacher_encoder="same",
        )
        found = compared_runs.series(study_of(tmp_path).groups)
        baselines = {"baseline (uniform)", "baseline (first)"}
        assert set(found) == names | baselines


def test_says_shortly_that_nothing_was_measured(tmp_path):
    write_run(tmp_path / "run", [0.1])
    *_, paragraph = CostSection().elements(study_of(tmp_path))
    assert "not measured for any of these runs" in paragraph.text


def test_pictures_say_who_is_still_in_training(tmp_path):
    for k in (2, 3):
        write_run(tmp_path / f"b{k}", [0.1], frame_sampler=f"uniform(k={k})")
    captions = [
        one.caption
        for epochs in (1, 4)
        for one in CostSection().elements(with_epochs(tmp_path, epochs))
        if isinstance(one, Picture)
    ]
    assert "training" not in captions[0]
    assert captions[-1].endswith("Still in training: `b2`.")


def with_epochs(folder, epochs):
    """A study of runs of which `b2` was to have so many epochs."""
    file = folder / "b2" / "config.json"
    config = json.loads(file.read_text())
    config["flags"]["num_epochs"] = epochs
    file.write_text(json.dumps(config))
    return study_of(folder)
