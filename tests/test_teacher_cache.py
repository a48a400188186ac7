"""The cache of a teacher's outputs, alone and in a run."""

import json

import numpy as np
import pytest

from tests.conftest import load_tool
from yt8m_distill import config, experiment, teacher_cache
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory
from yt8m_distill.shards import Shards
from yt8m_distill.teacher_cache import CachedTeacher, TeacherCache

IDS = [f"v{number}".encode() for number in range(10)]


def outputs_of(numbers):
    numbers = np.array(numbers, "float32")[:, None]
    return {"representation": numbers * [1, 2, 3], "logits": -numbers * [1, 1]}


def cache(path, **fingerprint):
    return TeacherCache(path, CachedTeacher("teacher", 3, 2), fingerprint)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(teacher_cache, "PART_SIZE", 4)


def test_gives_by_id_what_it_was_filled_with(tmp_path):
    filled = cache(tmp_path / "cache")
    assert filled.fill(outputs_of, IDS) == 10
    batch = filled.read([b"v7", b"v0", b"v9"])
    assert set(batch) == {"teacher/representation", "teacher/logits"}
    expected = outputs_of([7, 0, 9])
    for name, values in expected.items():
        found = batch[f"teacher/{name}"]
        assert found.dtype == np.float16
        np.testing.assert_array_equal(found, values)
    assert filled.bytes_per_video == 2 * (3 + 2)
    tensors = filled.teacher.outputs(batch)
    assert tensors["logits"].dtype == "float32"


def test_goes_on_where_it_was_interrupted(tmp_path):
    asked = []

    def interrupted(numbers):
        asked.append(list(numbers))
        if 8 in numbers:
            raise KeyboardInterrupt
        return outputs_of(numbers)

    with pytest.raises(KeyboardInterrupt):
        cache(tmp_path / "cache").fill(interrupted, IDS)
    again = cache(tmp_path / "cache")
    assert again.fill(outputs_of, IDS) == 2
    assert asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    np.testing.assert_array_equal(
        again.read(IDS)["teacher/logits"], outputs_of(range(10))["logits"]
    )
    assert cache(tmp_path / "cache").fill(outputs_of, IDS) == 0


def test_a_stale_cache_is_refused_and_kept(tmp_path):
    cache(tmp_path / "cache", teachers=["abc"]).fill(outputs_of, IDS)
    before = sorted(path.name for path in (tmp_path / "cache").iterdir())
    with pytest.raises(InputError, match=r"stale: teachers was \['abc'\] and"):
        cache(tmp_path / "cache", teachers=["xyz"])
    (tmp_path / "cache" / "cache.json").write_text("{")
    with pytest.raises(InputError, match="stale: teachers was None"):
        cache(tmp_path / "cache", teachers=["xyz"])
    assert (
        sorted(path.name for path in (tmp_path / "cache").iterdir()) == before
    )


def test_equal_ids_are_refused(tmp_path):
    with pytest.raises(InputError, match="3 videos have only 2 different ids"):
        cache(tmp_path / "cache").fill(outputs_of, [b"", b"a", b""])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e5])
def test_what_float16_cannot_hold_is_refused(tmp_path, value):
    def outputs(numbers):
        return {**outputs_of(numbers), "logits": np.full((4, 2), value)}

    with pytest.raises(InputError, match="logits are not finite in float16"):
        cache(tmp_path / "cache").fill(outputs, IDS)


def train(shards, train_dir, *more):
    return experiment.train(
        config.parse(
            "train",
            [
                f"--train_data_pattern={shards}/train*.tfrecord",
                f"--eval_data_pattern={shards}/validate*.tfrecord",
                f"--train_dir={train_dir}",
                "--num_classes=7",
                "--max_frames=12",
                "--batch_size=8",
                "--encoder=netvlad(clusters=2, representation_dim=4)",
                "--num_epochs=2",
                *more,
            ],
        )
    )


@pytest.fixture(scope="module")
def teacher_dir(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "teacher"
    train(synthetic_shards, path)
    return path


def student(shards, teacher_dir, train_dir, *more):
    return train(
        shards,
        train_dir,
        f"--teacher_dir={teacher_dir}",
        "--frame_sampler=uniform(k=3)",
        *more,
    )


def test_training_is_the_same_with_the_cache(
    synthetic_shards, teacher_dir, tmp_path, capsys
):
    without = student(synthetic_shards, teacher_dir, tmp_path / "without")
    flag = f"--teacher_cache={tmp_path}/cache"
    with_cache = student(synthetic_shards, teacher_dir, tmp_path / "with", flag)
    assert (
        "40 of them computed now; 22 bytes a video" in capsys.readouterr().out
    )
    for key in ("loss", "representation", "prediction", "cross_entropy"):
        assert with_cache[key] == pytest.approx(without[key], rel=2e-3), key
    # Another student of the same teacher
    student(synthetic_shards, teacher_dir, tmp_path / "more", flag, "--seed=3")
    assert ", 0 of them computed now" in capsys.readouterr().out


def test_a_cached_teacher_needs_the_student_s_frames_only(
    synthetic_shards, teacher_dir, tmp_path, monkeypatch
):
    read = []
    from yt8m_distill.layouts import Layout

    frames = Layout.frames

    def counted(self, block, feature, chosen):
        values = frames(self, block, feature, chosen)
        read.append(values.shape[1])
        return values

    monkeypatch.setattr(Layout, "frames", counted)
    flag = f"--teacher_cache={tmp_path}/cache"
    student(synthetic_shards, teacher_dir, tmp_path / "a", flag)
    read.clear()
    student(synthetic_shards, teacher_dir, tmp_path / "b", flag)
    assert max(read) == 3


def test_another_teacher_makes_the_cache_stale(
    synthetic_shards, teacher_dir, tmp_path
):
    flag = f"--teacher_cache={tmp_path}/cache"
    student(synthetic_shards, teacher_dir, tmp_path / "a", flag)
    train(synthetic_shards, tmp_path / "other", "--seed=5")
    with pytest.raises(InputError, match="is stale: teachers was"):
        student(synthetic_shards, tmp_path / "other", tmp_path / "b", flag)
    assert not (tmp_path / "b").exists()


def test_folds_are_taught_by_who_never_saw_them(
    synthetic_shards, teacher_dir, tmp_path, capsys
):
    flags = [f"--teacher_cache={tmp_path}/cache", "--teacher_folds=2"]
    student(
        synthetic_shards,
        teacher_dir,
        tmp_path / "student",
        *flags,
        "--student_losses=pred,ce",
    )
    from yt8m_distill import folds, model

    shards = Shards(f"{synthetic_shards}/train*.tfrecord")
    ids = shards.video_ids()
    fold_of = folds.folds(ids, 2)
    assert set(fold_of) == {0, 1}
    kept = []
    for fold in (0, 1):
        run = RunDirectory(tmp_path / "cache" / f"fold{fold}_of_2")
        seen = run.config()["data"]["num_training_videos"]
        assert seen == (fold_of != fold).sum()
        kept.append(model.load(run.checkpoint("best")))
    # Another student finds teachers and cache as they are.
    before = RunDirectory(tmp_path / "cache" / "fold0_of_2").config_file.stat()
    student(
        synthetic_shards,
        teacher_dir,
        tmp_path / "other",
        *flags,
        "--student_losses=pred",
    )
    out = capsys.readouterr().out
    assert out.count("teacher of fold") == 2 and ", 0 of them computed" in out
    after = RunDirectory(tmp_path / "cache" / "fold0_of_2").config_file.stat()
    assert before.st_mtime_ns == after.st_mtime_ns
    ours = json.loads((tmp_path / "cache" / "cache.json").read_text())
    assert len(ours["teachers"]) == 2
    from yt8m_distill.dataset import VideoDataset

    batch = VideoDataset(shards, 7, 12, kept[0].frame_sampler).read(range(40))
    logits = [np.array(one(batch)["logits"]) for one in kept]
    parts = sorted((tmp_path / "cache").glob("*-logits.npy"))
    found = np.concatenate([np.load(part) for part in parts])
    expected = np.where((fold_of == 0)[:, None], *logits)
    np.testing.assert_allclose(found, expected, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--teacher_folds=2"], "--teacher_folds needs --teacher_cache"),
        (
            ["--teacher_cache=c", "--teacher_folds=1"],
            "--teacher_folds=1; give at least 2",
        ),
        (
            ["--teacher_cache=c", "--teacher_folds=2"],
            "neither L_rep nor --teacher_weights=learned can mix",
        ),
        (
            ["--num_folds=3", "--held_out_fold=3"],
            "--held_out_fold=3 of --num_folds=3; give 0 to 2",
        ),
        (["--teacher_weights=2,1"], "needs several teachers in"),
        (["--held_out_fold=3"], "--held_out_fold needs --num_folds"),
        (["--num_folds=-2"], "--num_folds=-2; give at least 2"),
        (["--teacher_head=logistic"], "--teacher_head needs --teacher_encoder"),
        (
            ["--teacher_cache=c", "--student_losses=ce"],
            "--teacher_cache has no use without a loss that needs a teacher",
        ),
        (
            ["--num_students=2", "--initialize_from_teacher"],
            "would start all --num_students=2 alike",
        ),
        (["--num_students=2", "--share_head"], "one teacher and one student"),
        (["--student_losses=rep(weight='2')"], "weight='2'; give a number"),
        (["--student_losses=rep(weight=-1)"], "weight=-1; give a number"),
        (
            ["--student_losses=rep(first_epoch=0)"],
            "first_epoch must be a whole",
        ),
        (["--teacher_cache=file"], "cannot write a teacher cache to file"),
        (["--teacher_cache=file/c"], "cannot write a teacher cache to file/c"),
    ],
)
def test_flags_that_do_not_fit_are_refused(
    flags, message, synthetic_shards, teacher_dir, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=message):
        student(synthetic_shards, teacher_dir, tmp_path / "run", *flags)
    assert not (tmp_path / "run").exists()


def test_other_videos_with_the_same_ids_make_the_cache_stale(
    synthetic_shards, teacher_dir, tmp_path
):
    """Ids alone do not tell: composed videos are numbered."""
    compose = load_tool("compose_long_videos").compose
    pattern = f"{synthetic_shards}/train*.tfrecord"
    flags = [f"--teacher_cache={tmp_path}/cache", "--max_frames=12"]
    ids = []
    for name, num_clips, num_passes in (("a", 2, 1), ("b", 4, 2)):
        compose(pattern, tmp_path / name, "train", num_clips, num_passes, 1, 0)
        train_pattern = f"{tmp_path}/{name}/train*"
        ids.append(Shards(train_pattern).video_ids())
        arguments = (
            synthetic_shards,
            teacher_dir,
            tmp_path / f"run_{name}",
            *flags,
            f"--train_data_pattern={train_pattern}",
        )
        if name == "a":
            student(*arguments)
        else:
            with pytest.raises(InputError, match="is stale: records was"):
                student(*arguments)
    assert ids[0] == ids[1]


def test_a_refused_cache_leaves_an_earlier_run_alone(
    synthetic_shards, teacher_dir, tmp_path
):
    (tmp_path / "file").touch()
    student(synthetic_shards, teacher_dir, tmp_path / "run")
    with pytest.raises(InputError, match="cannot write a teacher cache"):
        student(
            synthetic_shards,
            teacher_dir,
            tmp_path / "run",
            f"--teacher_cache={tmp_path}/file",
            "--start_new_model",
        )
    assert len(RunDirectory(tmp_path / "run").epochs()) == 2


def test_several_students_of_a_cached_teacher_read_their_frames_only(
    synthetic_shards, teacher_dir, tmp_path
):
    from yt8m_distill import teaching

    options = config.parse(
        "train",
        [
            f"--train_dir={tmp_path}",
            f"--teacher_dir={teacher_dir}",
            f"--teacher_cache={tmp_path}/cache",
            "--encoder=netvlad(clusters=2, representation_dim=4)",
            "--frame_sampler=uniform(k=3)",
            "--num_students=2",
            "--num_classes=7",
            "--max_frames=12",
        ],
    )
    data = RunDirectory(teacher_dir).config()["data"]
    del data["num_training_videos"]
    distiller, _ = teaching.build(options, data)
    assert distiller.frame_sampler.k == 3


def test_an_ensemble_of_students_can_teach(
    synthetic_shards, teacher_dir, tmp_path
):
    student(
        synthetic_shards, teacher_dir, tmp_path / "both", "--num_students=2"
    )
    best = student(
        synthetic_shards,
        tmp_path / "both",
        tmp_path / "one",
        "--student_losses=pred,ce",
        f"--teacher_cache={tmp_path}/cache",
    )
    assert 0 <= best["val_gap"] <= 1
    with pytest.raises(InputError, match="the teacher is an ensemble"):
        student(
            synthetic_shards, tmp_path / "both", tmp_path / "x", "--share_head"
        )
