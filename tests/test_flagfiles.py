"""Every flagfile runs for one step, on shards of its own feature sizes."""

import pathlib

import pytest

from tests.conftest import ROOT, load_tool
from yt8m_distill import config, experiment

FLAGFILES = sorted((ROOT / "flags").rglob("*.flags"))
# Small stand-ins for what takes long; everything else is as in the flagfile.
SMALL = ["--batch_size=8", "--num_epochs=1"]


@pytest.fixture(scope="module")
def audio_shards(tmp_path_factory, make_synthetic_shards):
    """Shards with AudioSet's one feature."""
    folder = tmp_path_factory.mktemp("audio")
    features = make_synthetic_shards.FEATURES
    make_synthetic_shards.FEATURES = {"audio_embedding": 128}
    try:
        make_synthetic_shards.make_shards(
            folder,
            {"train": 8, "validate": 8},
            1,
            7,
            min_frames=1,
            max_frames=10,
            label_noise=0.1,
            seed=0,
        )
    finally:
        make_synthetic_shards.FEATURES = features
    return folder


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_says_what_it_is_and_how_to_run_it(path):
    relative = path.relative_to(ROOT)
    comment = [
        line for line in path.read_text().splitlines() if line.startswith("#")
    ]
    assert any(f"--flagfile={relative}" in line for line in comment)
    assert any("Expect" in line for line in comment)


@pytest.mark.parametrize(
    "path", FLAGFILES, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_trains_for_a_step(
    path, synthetic_shards, audio_shards, tmp_path, monkeypatch
):
    monkeypatch.chdir(ROOT)  # flagfiles name each other from there
    shards = (
        audio_shards if path.parent.name == "audioset" else synthetic_shards
    )
    data = [
        f"--train_data_pattern={shards}/train00*",
        f"--eval_data_pattern={shards}/validate*",
    ]
    arguments = [f"--flagfile={path}", *data, *SMALL]
    teacher = []
    if config.parse("train", arguments).teacher_dir:
        teacher = [f"--teacher_dir={tmp_path}/teacher"]
        experiment.train(
            config.parse(
                "train",
                [
                    f"--flagfile={path.with_name('teacher.flags')}",
                    *data,
                    *SMALL,
                    f"--train_dir={tmp_path}/teacher",
                ],
            )
        )
    best = experiment.train(
        config.parse(
            "train", [*arguments, *teacher, f"--train_dir={tmp_path}/run"]
        )
    )
    assert best["step"] >= 1
    assert 0 <= best["val_gap"] <= 1


def test_a_teacher_is_found_through_nested_flagfiles(monkeypatch):
    monkeypatch.chdir(ROOT)
    has_teacher = load_tool("repeat_runs").has_teacher
    found = {
        path.stem: has_teacher(path)
        for path in pathlib.Path("flags/audioset").glob("*.flags")
    }
    assert found == {
        "teacher": False,
        "baseline": False,
        "student": True,
        "baseline_as_student": False,
    }
