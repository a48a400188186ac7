import numpy as np

from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill.report_sections.parallel_teachers import (
    ParallelTeachersSection,
)


def panels_of(folder):
    (picture,) = ParallelTeachersSection().elements(study_of(folder))
    return {
        axes.get_title(loc="left") or axes.get_title(): {
            line.get_label(): line.get_ydata() for line in axes.lines
        }
        for axes in picture.figure.axes
        if axes.lines
    }


def write_parallel_runs(folder, *student_losses):
    for number, losses in enumerate(student_losses):
        write_run(
            folder / f"parallel{number}",
            [0.2, 0.3],
            teacher_gaps=[0.3, 0.4],
            teacher_encoder="same",
            student_losses=losses,
            frame_sampler="uniform(k=4)",
        )


def test_a_panel_a_combination_of_losses(tmp_path):
    write_runs(tmp_path)
    write_parallel_runs(tmp_path, "rep")
    write_run(
        tmp_path / "serial_rep",
        [0.2, 0.35],
        teacher_dir=str(tmp_path / "teacher_0"),
        student_losses="rep",
        frame_sampler="uniform(k=4)",
    )
    panels = panels_of(tmp_path)
    assert set(panels) == {"pred + ce", "rep"}
    first = panels["pred + ce"]
    np.testing.assert_allclose(
        first["parallel teacher, 2 frames"], [0.4, 0.5, 0.585]
    )
    np.testing.assert_allclose(
        first["its student, 2 frames"], [0.3, 0.41, 0.445]
    )
    np.testing.assert_allclose(first["teacher, static"], 0.605)
    assert not any(label.startswith("serial") for label in first)
    serial = panels["rep"]["serial student, 4 frames, best epoch"]
    np.testing.assert_allclose(serial, 0.35)


def test_a_picture_an_encoder(tmp_path):
    for encoder, gap in (("netvlad", 0.35), ("nextvlad", 0.36)):
        flags = {"encoder": f"{encoder}(clusters=4, representation_dim=8)"}
        write_run(tmp_path / encoder, [gap + 0.2], **flags)
        write_run(
            tmp_path / f"parallel_{encoder}",
            [0.2, 0.3],
            teacher_gaps=[0.3, 0.4],
            teacher_encoder="same",
            student_losses="rep",
            frame_sampler="uniform(k=2)",
            **flags,
        )
        write_run(
            tmp_path / f"serial_{encoder}",
            [gap],
            teacher_dir=str(tmp_path / encoder),
            student_losses="rep",
            frame_sampler="uniform(k=2)",
            **flags,
        )
    pictures = ParallelTeachersSection().elements(study_of(tmp_path))
    assert [one.name for one in pictures] == [
        "parallel_teachers",
        "parallel_teachers_2",
    ]
    for picture, encoder, gap in zip(
        pictures, ("netvlad", "nextvlad"), (0.35, 0.36)
    ):
        assert f"students, of {encoder}, a panel" in picture.caption
        (panel,) = [axes for axes in picture.figure.axes if axes.lines]
        lines = {line.get_label(): line.get_ydata() for line in panel.lines}
        np.testing.assert_allclose(lines[f"{encoder}, static"], gap + 0.2)
        serial = lines["serial student, 2 frames, best epoch"]
        np.testing.assert_allclose(serial, gap)


def test_each_students_level_is_that_of_its_teachers_encoder(tmp_path):
    other = "nextvlad(clusters=4)"
    write_run(tmp_path / "net", [0.5])
    write_run(tmp_path / "next", [0.6], encoder=other)
    for name, encoder in (("a", "same"), ("b", other)):
        write_run(
            tmp_path / name,
            [0.2],
            teacher_gaps=[0.3],
            teacher_encoder=encoder,
            student_losses="rep",
            frame_sampler="uniform(k=2)",
        )
    levels = [
        line.get_label()
        for picture in ParallelTeachersSection().elements(study_of(tmp_path))
        for axes in picture.figure.axes
        for line in axes.lines
        if line.get_label().endswith("static")
    ]
    assert levels == ["net, static", "next, static"]


def test_says_that_there_is_no_parallel_run(tmp_path):
    write_run(tmp_path / "teacher", [0.1])
    section = ParallelTeachersSection()
    assert section.elements(study_of(tmp_path)) == []
    assert "No parallel run" in section.absence


def test_long_titles_have_a_line_a_loss(tmp_path):
    write_parallel_runs(
        tmp_path,
        "rep(last_epoch=8),pred(weight=2, first_epoch=9),ce(first_epoch=9)",
        "rep,ce",
        "rep,pred,ce",
    )
    titles = "rep (at first) +\n2 pred (later) +\nce (later)", "rep + ce"
    assert set(titles) < set(panels_of(tmp_path))


def test_stages_of_other_epochs_share_a_panel(tmp_path):
    for number, k in enumerate((2, 4)):
        write_run(
            tmp_path / f"parallel{number}",
            [0.2, 0.3],
            teacher_gaps=[0.3, 0.4],
            teacher_encoder="same",
            student_losses=f"rep(last_epoch={k}),ce(first_epoch={k + 1})",
            frame_sampler=f"uniform(k={k})",
        )
    ((title, lines),) = panels_of(tmp_path).items()
    assert title == "rep (at first) + ce (later)"
    assert {"its student, 2 frames", "its student, 4 frames"} < set(lines)


def test_each_panel_has_its_epochs(tmp_path):
    write_parallel_runs(tmp_path, "ce", "rep,ce", "pred,ce", "pred")
    (picture,) = ParallelTeachersSection().elements(study_of(tmp_path))
    picture.figure.canvas.draw()
    shown = [
        any(tick.label1.get_visible() for tick in axes.xaxis.get_major_ticks())
        for axes in picture.figure.axes
        if axes.lines
    ]
    assert shown == [True] * 4
