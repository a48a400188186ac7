import shlex

from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill import config
from yt8m_distill.report_elements import Code, Table
from yt8m_distill.report_sections.provenance import ProvenanceSection


def test_tells_flags_shared_and_differing(tmp_path):
    write_run(tmp_path / "a", [0.1], share_head=True, batch_size=4)
    write_run(tmp_path / "b", [0.1], batch_size=4, feature_names=["rgb"])
    elements = ProvenanceSection().elements(study_of(tmp_path))
    shared = [one for one in elements if isinstance(one, Code)][0].text
    assert "--batch_size=4" in shared.splitlines()
    assert "share_head" not in shared and "seed" not in shared
    flags, versions = [one for one in elements if isinstance(one, Table)]
    assert flags.rows == [
        ["a", "`--share_head`"],
        ["b", "`--feature_names=rgb`"],
    ]
    assert versions.rows == [
        ["all", "python 3.11.9, keras 3.15.1", "`0123abc`"]
    ]


def test_names_teachers_and_gives_commands(tmp_path):
    elements = ProvenanceSection().elements(study_of(write_runs(tmp_path)))
    flags = [one for one in elements if isinstance(one, Table)][0]
    told = dict(flags.rows)
    assert told["student_k2"].endswith("taught by `teacher`")
    _, again, own = [one.text for one in elements if isinstance(one, Code)]
    lines = again.splitlines()
    assert len(lines) == 12
    words = shlex.split(lines[0])
    assert words[:3] == ["python", "-m", "yt8m_distill.train"]
    assert words[3] == f"--flagfile={tmp_path.resolve()}/teacher_0/flags.txt"
    words = shlex.split(own)
    assert words[:3] == ["python", "-m", "yt8m_distill.report"]
    assert config.parse("report", words[3:]).runs == [str(tmp_path)]


def test_runs_of_other_versions_are_told_apart(tmp_path):
    write_run(tmp_path / "a", [0.1])
    write_run(tmp_path / "b", [0.1], seed=1)
    text = (tmp_path / "b" / "config.json").read_text()
    (tmp_path / "b" / "config.json").write_text(
        text.replace('"0123abc"', "null")
    )
    elements = ProvenanceSection().elements(study_of(tmp_path))
    versions = [one for one in elements if isinstance(one, Table)][1]
    assert [(row[0], row[2]) for row in versions.rows] == [
        ("a", "`0123abc`"),
        ("b", "not known"),
    ]


def test_runs_in_folders_of_seeds_are_made_again_apart(tmp_path):
    for row, rate in (("a", 0.1), ("b", 0.2)):
        for seed in (0, 1):
            path = tmp_path / row / f"seed{seed}"
            write_run(path, [0.1], seed, base_learning_rate=rate)
    elements = ProvenanceSection().elements(study_of(tmp_path))
    _, again, _ = [one.text for one in elements if isinstance(one, Code)]
    assert {line.split("--train_dir=")[1] for line in again.splitlines()} == {
        "again/a/seed0",
        "again/a/seed1",
        "again/b/seed0",
        "again/b/seed1",
    }
