import numpy as np
import pytest

from tests.worker_processes import Workers, wait_for
from yt8m_distill import config, experiment
from yt8m_distill.run_directory import RunDirectory

# A slow machine that does other things too.
TIMEOUT = 400


@pytest.fixture(scope="module")
def flags(synthetic_shards):
    """A parallel run, whose samplers and layers know no chance."""
    return [
        f"--train_data_pattern={synthetic_shards}/train*",
        f"--eval_data_pattern={synthetic_shards}/validate*",
        "--num_classes=7",
        "--max_frames=12",
        "--batch_size=8",
        "--num_epochs=6",
        "--seed=3",
        "--frame_sampler=uniform(k=3)",
        "--encoder=netvlad(clusters=2, representation_dim=4, dropout=0.0)",
        "--teacher_encoder=same",
        "--student_losses=rep,ce",
    ]


@pytest.fixture(scope="module")
def undisturbed(flags, tmp_path_factory):
    """What two workers wrote, and what each printed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with Workers([*flags, f"--train_dir={folder}/run"], folder) as workers:
        workers.wait(TIMEOUT)
        return folder / "run", [workers.printed(0), workers.printed(1)]


def losses(train_dir):
    return [
        {k: v for k, v in line.items() if not k.startswith("val_")}
        for line in RunDirectory(train_dir).epochs()
    ]


def assert_same_losses(train_dir, other):
    lines = losses(train_dir)
    assert [line["step"] for line in lines] == [5, 10, 15, 20, 25, 30]
    for one, two in zip(lines, losses(other), strict=True):
        assert one == pytest.approx(two, rel=1e-5)


def test_two_workers_learn_what_one_device_learns(undisturbed, flags, tmp_path):
    train_dir, _ = undisturbed
    experiment.train(config.parse("train", [*flags, f"--train_dir={tmp_path}"]))
    assert_same_losses(train_dir, tmp_path)
    for one, two in zip(
        RunDirectory(train_dir).epochs(),
        RunDirectory(tmp_path).epochs(),
        strict=True,
    ):
        assert one["val_cross_entropy"] == pytest.approx(
            two["val_cross_entropy"], rel=1e-3
        )


def test_one_worker_alone_tells_and_writes(undisturbed):
    train_dir, printed = undisturbed
    assert printed[0].count("epoch ") >= 6
    assert printed[1] == ""
    config_file = RunDirectory(train_dir).config()
    assert config_file["flags"]["distribution"] == "multi_worker"


@pytest.mark.parametrize("index", [0, 1])
def test_a_worker_that_is_killed_and_started_again(
    index, undisturbed, flags, tmp_path
):
    run = RunDirectory(tmp_path / "run")
    arguments = [*flags, f"--train_dir={run.path}"]
    with Workers(arguments, tmp_path) as workers:
        assert wait_for(run.resume_file.exists, TIMEOUT), workers.printed(0)
        workers.kill(index)
        workers.start(index)
        workers.wait(TIMEOUT)
        assert "lost another worker" in workers.printed(1 - index)
    assert_same_losses(run.path, undisturbed[0])
    scores = [
        [line["val_gap"] for line in RunDirectory(path).epochs()]
        for path in (run.path, undisturbed[0])
    ]
    np.testing.assert_allclose(*scores, rtol=1e-3)
