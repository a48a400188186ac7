import pytest

from tests.written_runs import study_of, write_run, write_runs
from yt8m_distill import compared_runs


def by_label(study):
    return {group.label: group for group in study.groups}


def test_a_student_finds_its_baseline_and_teacher(tmp_path):
    study = study_of(write_runs(tmp_path))
    groups = by_label(study)
    for k in (2, 4):
        student = groups[f"student_k{k}"]
        assert study.baseline_of(student) is groups[f"baseline_k{k}"]
        assert study.teacher_of(student) is groups["teacher"]
    parallel = groups["parallel_k2"]
    assert study.teacher_of(parallel) is None
    assert study.skyline_of(parallel) is groups["teacher"]
    (run, _) = groups["student_k2"].runs
    assert [one.name for one in study.teachers_of(run)] == ["teacher_0"]
    assert study.group_of(run) is groups["student_k2"]
    assert len(study.of_kind("student")) == 3


def test_the_best_baseline_counts(tmp_path):
    write_runs(tmp_path)
    write_run(tmp_path / "better", [0.9], frame_sampler="random(k=2)", seed=0)
    # Not of the same frames, videos or scores:
    write_run(tmp_path / "k3", [0.99], frame_sampler="random(k=3)")
    for name, flag in (
        ("data", {"train_data_pattern": "other*"}),
        ("scores", {"eval_data_pattern": "other*"}),
        ("top", {"top_k": 5}),
        ("classes", {"num_classes": 9}),
        ("encoder", {"encoder": "nextvlad(clusters=4)"}),
    ):
        write_run(tmp_path / name, [0.99], frame_sampler="random(k=2)", **flag)
    study = study_of(tmp_path)
    groups = by_label(study)
    assert study.baseline_of(groups["student_k2"]) is groups["better"]
    alike = study.scored_alike()
    assert [len(one) for one in sorted(alike, key=len)] == [1, 1, 1, 10]


def test_without_scores_there_is_no_best(tmp_path):
    write_runs(tmp_path)
    for name in ("baseline_k2_0", "baseline_k2_1"):
        text = (tmp_path / name / "metrics.jsonl").read_text()
        text = text.replace("val_gap", "other")
        (tmp_path / name / "metrics.jsonl").write_text(text)
    study = study_of(tmp_path)
    assert study.baseline_of(by_label(study)["student_k2"]) is None


def test_the_skyline_learned_from_the_same_videos(tmp_path):
    write_run(tmp_path / "more", [0.9], train_data_pattern="more*")
    write_run(tmp_path / "same", [0.5])
    for name, pattern in (("few", "train*"), ("other", "other*")):
        write_run(
            tmp_path / name,
            [0.4],
            frame_sampler="uniform(k=2)",
            train_data_pattern=pattern,
        )
    study = study_of(tmp_path)
    groups = by_label(study)
    assert study.skyline_of(groups["few"]) is groups["same"]
    assert study.skyline_of(groups["other"]) is groups["more"]


@pytest.mark.parametrize("name", ["baseline", "serial", "beside", "same"])
def test_the_skyline_has_the_encoder_that_taught(tmp_path, name):
    write_run(tmp_path / "netvlad", [0.5])
    other = "nextvlad(clusters=4)"
    write_run(tmp_path / "nextvlad", [0.9], encoder=other)
    flags = {
        "baseline": {},
        # Both of another encoder than their teacher:
        "serial": {
            "encoder": other,
            "teacher_dir": str(tmp_path / "netvlad"),
            "student_losses": "pred",
        },
        "beside": {
            "encoder": other,
            "teacher_encoder": "netvlad(clusters=8)",
            "student_losses": "pred",
        },
        "same": {"teacher_encoder": "same", "student_losses": "pred"},
    }
    write_run(
        tmp_path / "run", [0.4], frame_sampler="uniform(k=2)", **flags[name]
    )
    study = study_of(tmp_path)
    groups = by_label(study)
    assert study.skyline_of(groups["run"]) is groups["netvlad"]


def test_any_skyline_is_better_than_none(tmp_path):
    write_run(tmp_path / "nextvlad", [0.9], encoder="nextvlad(clusters=4)")
    write_run(tmp_path / "run", [0.4], frame_sampler="uniform(k=2)")
    study = study_of(tmp_path)
    groups = by_label(study)
    assert study.skyline_of(groups["run"]) is groups["nextvlad"]


def test_a_student_that_can_be_compared_comes_before_a_better_one(tmp_path):
    for encoder, gap in (("netvlad", 0.3), ("nextvlad", 0.4)):
        spec = f"{encoder}(clusters=4)"
        teacher = tmp_path / f"{encoder}_teacher"
        write_run(teacher, [gap + 0.2], encoder=spec)
        write_run(
            tmp_path / f"{encoder}_student",
            [gap],
            encoder=spec,
            teacher_dir=str(teacher),
            student_losses="pred",
            frame_sampler="uniform(k=2)",
        )

    def found():
        (trio,) = compared_runs.best_students(study_of(tmp_path))
        return [group and group.label for group in trio]

    assert found() == ["nextvlad_student", None, "nextvlad_teacher"]
    write_run(
        tmp_path / "baseline",
        [0.2],
        encoder="netvlad(clusters=4)",
        frame_sampler="uniform(k=2)",
    )
    assert found() == ["netvlad_student", "baseline", "netvlad_teacher"]
