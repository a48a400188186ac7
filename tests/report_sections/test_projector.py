import numpy as np

from tests.made_observations import labels_of, with_observations
from tests.test_projector_files import Loaded
from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill.report_sections import projector
from yt8m_distill.report_sections.projector import ProjectorSection


def test_tensorboard_shows_teacher_and_student(tmp_path, monkeypatch):
    monkeypatch.setattr(projector, "MOST_VIDEOS", 20)
    study = with_observations(
        study_of(write_runs(tmp_path / "runs"), tmp_path / "files")
    )
    paragraph, code = ProjectorSection().elements(study)
    assert "20 videos" in paragraph.text
    folder = tmp_path / "files" / "tensorboard"
    assert code.text == f"tensorboard --logdir={folder}"
    loaded = Loaded(folder)
    # The best with L_rep and the best without.
    assert loaded.embeddings().keys() == {
        "student_k2 and its teacher",
        "parallel_k2 and its teacher",
    }
    name = "student_k2 and its teacher"
    runs = {run.name: run for run in study.runs}
    expected = np.concatenate(
        [
            study.observations.of(runs[one]).representation[:20]
            for one in ("teacher_0", "student_k2_0")
        ]
    )
    np.testing.assert_allclose(
        loaded.values(name).reshape(40, 8), expected, rtol=1e-5
    )
    header, *rows = loaded.rows(name)
    assert header == ["model", "video_id", "top_class", "labels"]
    assert [row[0] for row in rows] == ["teacher"] * 20 + ["student"] * 20
    for number, row in enumerate(rows):
        own = np.flatnonzero(labels_of(90)[number % 20])
        assert row[1] == f"v{number % 20}"
        assert row[3] == ("; ".join(f"class {one}" for one in own) or "-")
        if row[2] != "none or several":
            assert row[2] in row[3]


def test_a_folder_of_ones_own(tmp_path):
    study = with_observations(
        study_of(
            write_runs(tmp_path / "runs"),
            tmp_path / "files",
            tensorboard_dir=str(tmp_path / "elsewhere"),
        )
    )
    ProjectorSection().elements(study)
    assert (tmp_path / "elsewhere" / "projector_config.pbtxt").exists()


def test_nothing_to_show(tmp_path):
    write_run(tmp_path / "only", [0.4], frame_sampler="uniform(k=2)")
    study = with_observations(study_of(tmp_path, tmp_path / "files"))
    assert ProjectorSection().elements(study) == []
