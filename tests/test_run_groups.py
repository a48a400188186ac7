import numpy as np
import pytest

from tests.written_runs import study_of, write_run, write_runs


def labels(folder):
    study = study_of(folder)
    return {group.label: group.seeds for group in study.groups}


def test_runs_that_differ_by_seed_are_a_group(tmp_path):
    study = study_of(write_runs(tmp_path))
    assert [(one.label, one.seeds) for one in study.groups] == [
        ("teacher", [0, 1]),
        ("baseline_k2", [0, 1]),
        ("parallel_k2", [0, 1]),
        ("student_k2", [0, 1]),
        ("baseline_k4", [0, 1]),
        ("student_k4", [0, 1]),
    ]
    kinds = [one.described_kind for one in study.groups]
    assert kinds[:4] == [
        "teacher",
        "baseline",
        "parallel student",
        "serial student",
    ]


def test_mean_and_spread_are_those_of_numpy(tmp_path):
    gaps = [0.3, 0.35, 0.5]
    for seed, gap in enumerate(gaps):
        write_run(tmp_path / f"run-seed{seed}", [0.1, gap, 0.2], seed)
    (group,) = study_of(tmp_path).groups
    number = group.number("gap")
    assert number.value == pytest.approx(np.mean(gaps))
    assert number.spread == pytest.approx(np.std(gaps, ddof=1))
    assert number.text() == "0.3833 ± 0.1041"
    np.testing.assert_allclose(
        group.by_epoch("val_gap"), [[0.1, gap, 0.2] for gap in gaps]
    )
    assert np.isnan(group.by_epoch("nothing")).all()


def test_one_run_has_no_spread(tmp_path):
    write_run(tmp_path / "run", [0.25])
    (group,) = study_of(tmp_path).groups
    assert group.number("gap").text() == "0.2500"
    assert group.number("nothing").text() == "–"


def test_epochs_that_not_all_seeds_have_are_no_mean(tmp_path):
    write_run(tmp_path / "a_0", [0.1, 0.2, 0.3], 0)
    write_run(tmp_path / "a_1", [0.1, 0.2], 1, num_epochs=3)
    (group,) = study_of(tmp_path).groups
    assert group.by_epoch("val_gap").shape == (2, 2)


def test_other_flags_or_videos_are_another_group(tmp_path):
    write_run(tmp_path / "a_0", [0.1], 0)
    write_run(tmp_path / "a_1", [0.1], 1, base_learning_rate=0.1)
    write_run(tmp_path / "b_1", [0.1], 1, student_losses="ce(weight=2)")
    assert sorted(labels(tmp_path).values()) == [[0], [1], [1]]


def test_students_of_other_teachers_are_another_group(tmp_path):
    for name in ("small", "large"):
        for seed in (0, 1):
            teacher = tmp_path / f"{name}_{seed}"
            dim = 8 if name == "small" else 16
            write_run(teacher, [0.2], seed, encoder=f"netvlad(clusters={dim})")
            write_run(
                tmp_path / f"taught_by_{name}_{seed}",
                [0.1],
                seed,
                frame_sampler="uniform(k=2)",
                teacher_dir=str(teacher),
            )
    assert labels(tmp_path) == {
        name: [0, 1]
        for name in ("small", "large", "taught_by_small", "taught_by_large")
    }


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a_0", "a_1"], ["a"]),
        (["a/seed0", "a/seed1"], ["a"]),
        (["a-seed_0", "a-seed_1"], ["a"]),
        (["a/0", "a/1"], ["a"]),
        (["k10_0", "k10_1"], ["k10"]),
        (["k10"], ["k10"]),
        (["seed0/k10", "seed1/k10"], ["k10"]),
        (["runseed00", "runseed01"], ["run"]),
    ],
)
def test_a_group_is_named_without_the_seed(tmp_path, paths, expected):
    for seed, path in enumerate(paths):
        write_run(tmp_path / path, [0.1], seed)
    assert list(labels(tmp_path)) == expected


def test_a_number_that_is_no_seed_stays_in_the_name(tmp_path):
    write_run(tmp_path / "student_2", [0.1], seed=0)
    assert list(labels(tmp_path)) == ["student_2"]


def test_groups_of_the_same_name_are_told_apart_by_folder(tmp_path):
    for folder, batch_size in (("x/runs", 8), ("y/runs", 4)):
        for seed in (0, 1):
            write_run(
                tmp_path / folder / f"a_{seed}",
                [0.1],
                seed,
                batch_size=batch_size,
            )
    assert sorted(labels(tmp_path)) == ["x/runs/a", "y/runs/a"]


def test_groups_of_one_name_and_folder_keep_their_seed(tmp_path):
    write_run(tmp_path / "a_0", [0.1], 0)
    write_run(tmp_path / "a_1", [0.1], 1, batch_size=4)
    assert sorted(labels(tmp_path)) == ["a_0", "a_1"]


@pytest.mark.parametrize("is_gone", [False, True])
def test_one_teacher_that_is_not_in_the_report_may_teach_all(tmp_path, is_gone):
    teacher = tmp_path / "elsewhere" / "teacher_0"
    if not is_gone:
        write_run(teacher, [0.2])
    for seed in (0, 1):
        write_run(
            tmp_path / "runs" / f"student_{seed}",
            [0.1],
            seed,
            frame_sampler="uniform(k=2)",
            teacher_dir=str(teacher),
        )
    assert labels(tmp_path / "runs") == {"student": [0, 1]}


def test_runs_in_folders_of_seeds_are_told_apart(tmp_path):
    for row, sampler in (("few", "uniform(k=2)"), ("many", "uniform(k=4)")):
        for seed in (0, 1):
            write_run(
                tmp_path / row / f"seed{seed}",
                [0.1],
                seed,
                frame_sampler=sampler,
            )
    write_run(tmp_path / "alone_3", [0.2], 3, batch_size=2)
    names = [run.name for one in study_of(tmp_path).groups for run in one.runs]
    assert sorted(names) == [
        "alone_3",
        "few/seed0",
        "few/seed1",
        "many/seed0",
        "many/seed1",
    ]
