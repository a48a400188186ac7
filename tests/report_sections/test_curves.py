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
