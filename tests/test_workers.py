import pytest

from tests.worker_processes import Workers, wait_for
from yt8m_distill import config, experiment
from yt8m_distill.run_directory import RunDirectory

# A slow machine that does other things too.
TIMEOUT = 400
NUM_EPOCHS = 8


def flags(shards, train_dir):
    """A parallel run, whose samplers and layers know no chance."""
    return [
        f"--train_data_pattern={shards}/train*",
        f"--eval_data_pattern={shards}/validate*",
        f"--train_dir={train_dir}",
        "--num_classes=7",
        "--max_frames=12",
        "--batch_size=8",
        f"--num_epochs={NUM_EPOCHS}",
        "--seed=3",
        "--frame_sampler=uniform(k=3)",
        "--encoder=netvlad(clusters=2, representation_dim=4, dropout=0.0)",
        "--teacher_encoder=same",
        "--student_losses=rep,ce",
    ]


def test_two_workers_that_die_learn_what_one_device_learns(
    synthetic_shards, tmp_path
):
    """First one worker is killed and started again, then the chief."""
    run = RunDirectory(tmp_path / "workers")
    with Workers(flags(synthetic_shards, run.path), tmp_path) as workers:
        for index, num_epochs in ((1, 1), (0, 3)):
            assert wait_for(
                lambda: (
                    run.resume_file.exists() and len(run.epochs()) >= num_epochs
                ),
                TIMEOUT,
            ), workers.printed(0)
            workers.kill(index)
            workers.start(index)
        workers.wait(TIMEOUT)
        printed = [workers.printed(index) for index in (0, 1)]
    told = "lost another worker"
    assert told in printed[0]
    assert f"epoch {NUM_EPOCHS}/{NUM_EPOCHS}" in printed[0]
    # The other one prints nothing else.
    lines = printed[1].splitlines()
    assert lines and all(told in line for line in lines)
    one_device = tmp_path / "one_device"
    experiment.train(config.parse("train", flags(synthetic_shards, one_device)))
    epochs, expected = run.epochs(), RunDirectory(one_device).epochs()
    assert [line["epoch"] for line in epochs] == [*range(1, NUM_EPOCHS + 1)]
    for line, other in zip(epochs, expected, strict=True):
        tolerances = {
            key: 1e-3 if key.startswith("val_") else 1e-5 for key in other
        }
        assert line.keys() == other.keys()
        for key, tolerance in tolerances.items():
            assert line[key] == pytest.approx(other[key], rel=tolerance), key
