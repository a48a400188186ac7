from tests.written_runs import study_of, write_runs
from yt8m_distill.report_sections.hyperparameters import (
    HyperparametersSection,
)


def test_writes_where_it_is_told_and_says_what_differs(tmp_path):
    runs = write_runs(tmp_path / "runs")
    for flags, folder in (
        ({}, tmp_path / "files" / "tensorboard"),
        ({"tensorboard_dir": str(tmp_path / "own")}, tmp_path / "own"),
    ):
        study = study_of(runs, tmp_path / "files", **flags)
        text, command = HyperparametersSection().elements(study)
        assert "12 runs" in text.text and "`frames`" in text.text
        assert command.text == f"tensorboard --logdir={folder}"
        assert (folder / "student_k2" / "seed_1").is_dir()
