import numpy as np
import pytest

from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill.report_sections.curves import CurvesSection


def lines_of(picture):
    (axes,) = picture.figure.axes
    return {
        line.get_label(): line.get_ydata()
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def test_draws_the_means_of_every_epoch_and_the_teacher(tmp_path):
    pictures = CurvesSection().elements(study_of(write_runs(tmp_path)))
    by_name = {picture.name: picture for picture in pictures}
    assert set(by_name) == {
        f"curves_{k}_frames_{key}"
        for k in (2, 4, 12)
        for key in ("loss", "gap")
    }
    gap = lines_of(by_name["curves_2_frames_gap"])
    np.testing.assert_allclose(gap["student_k2"], [0.3, 0.4, 0.48])
    np.testing.assert_allclose(gap["baseline_k2"], [0.3, 0.35, 0.425])
    np.testing.assert_allclose(gap["teacher's best"], 0.605)
    loss = lines_of(by_name["curves_2_frames_loss"])
    np.testing.assert_allclose(loss["parallel_k2"], [9, 4.5, 3])
    assert "teacher's best" not in loss
    assert set(lines_of(by_name["curves_12_frames_gap"])) == {"teacher"}


def test_bands_are_a_standard_deviation_wide(tmp_path):
    pictures = CurvesSection().elements(study_of(write_runs(tmp_path)))
    (picture,) = [one for one in pictures if one.name == "curves_4_frames_gap"]
    (axes,) = picture.figure.axes
    edges = [band.get_paths()[0].vertices[:, 1] for band in axes.collections]
    assert len(edges) == 2
    spread = np.std([0.49, 0.51], ddof=1)
    assert max(map(np.max, edges)) == pytest.approx(0.5 + spread)


def test_many_groups_stay_readable(tmp_path):
    for number in range(20):
        write_run(
            tmp_path / f"b{number:02}",
            [0.1, 0.2 + number / 100],
            frame_sampler="uniform(k=2)",
            base_learning_rate=(number + 1) / 1000,
        )
    pictures = CurvesSection().elements(study_of(tmp_path))
    gap = pictures[1]
    (legend,) = gap.figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert len(texts) == 13 and "8 others" in texts
    assert {"b19", "b08"} <= set(texts) and "b07" not in texts


def test_runs_without_scores_have_a_loss_alone(tmp_path):
    write_run(tmp_path / "blind", [0.1])
    text = (tmp_path / "blind" / "metrics.jsonl").read_text()
    (tmp_path / "blind" / "metrics.jsonl").write_text(
        text.replace("val_", "other_")
    )
    pictures = CurvesSection().elements(study_of(tmp_path))
    assert [one.name for one in pictures] == ["curves_12_frames_loss"]


def write_series(folder):
    """Fourteen series of 2 and of 4 frames, the best last by name."""
    for k in (2, 4):
        for number in range(14):
            write_run(
                folder / f"row{number:02}_k{k}",
                [0.2, 0.22, 0.3 + number / 100],
                frame_sampler=f"uniform(k={k})",
                student_losses=f"ce(weight={number + 1})",
                teacher_encoder="same",
            )
    return folder


def test_a_series_has_one_colour_in_all_pictures(tmp_path):
    write_series(tmp_path)
    # Of 4 frames the order is another.
    write_run(
        tmp_path / "best_k4",
        [0.2, 0.22, 0.9],
        frame_sampler="uniform(k=4)",
        student_losses="pred",
        teacher_encoder="same",
    )
    pictures = CurvesSection().elements(study_of(tmp_path))
    colours = {}
    for k in (2, 4):
        (gap,) = [
            one for one in pictures if one.name == f"curves_{k}_frames_gap"
        ]
        for line in gap.figure.axes[0].lines:
            row = line.get_label().removesuffix(f"_k{k}")
            colours.setdefault(row, set()).add(line.get_color())
    assert len(colours["row13"]) == 1
    assert all(len(of_row) == 1 for of_row in colours.values())
    assert len(set.union(*colours.values())) == 13  # one is faint


def test_slow_beginnings_do_not_squeeze_the_others(tmp_path):
    write_series(tmp_path)
    usual = CurvesSection().elements(study_of(tmp_path))[1]
    assert "cut off" not in usual.caption
    write_run(
        tmp_path / "slow_k2",
        [0.001, 0.2, 0.4],
        frame_sampler="uniform(k=2)",
        student_losses="rep",
        teacher_encoder="same",
    )
    usual = CurvesSection().elements(study_of(tmp_path))[1]
    assert "cut off" not in usual.caption
    write_run(
        tmp_path / "staged_k2",
        [0.001, 0.001, 0.4],
        frame_sampler="uniform(k=2)",
        student_losses="pred",
        teacher_encoder="same",
    )
    gap = CurvesSection().elements(study_of(tmp_path))[1]
    assert "cut off" in gap.caption
    low, high = gap.figure.axes[0].get_ylim()
    assert 0.05 < low < 0.2 and 0.43 < high < 0.5


def test_names_with_a_stroke_in_front_are_in_the_legend(tmp_path):
    write_run(tmp_path / "_old", [0.1, 0.2])
    gap = CurvesSection().elements(study_of(tmp_path))[1]
    (legend,) = gap.figure.legends
    assert [one.get_text() for one in legend.get_texts()] == [" _old"]
