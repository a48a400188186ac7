import numpy as np
import pytest

from yt8m_distill import config, experiment, folds
from yt8m_distill.errors import InputError
from yt8m_distill.shards import Shards


@pytest.fixture
def shards(synthetic_shards):
    return Shards(f"{synthetic_shards}/train*")


def ids(shards):
    return {*shards.video_ids()}


def test_a_smaller_share_lies_within_a_larger_one(shards):
    parts = [folds.fraction(shards, share) for share in (0.1, 0.25, 0.5, 1)]
    assert [len(part) for part in parts] == [4, 10, 20, 40]
    for smaller, larger in zip(parts, parts[1:]):
        assert ids(smaller) < ids(larger)


def test_a_share_is_the_same_however_the_videos_are_ordered(shards):
    backwards = shards.select(np.arange(len(shards))[::-1])
    assert ids(folds.fraction(shards, 0.3)) == ids(
        folds.fraction(backwards, 0.3)
    )


def test_a_share_has_a_video_at_least(shards):
    assert len(folds.fraction(shards, 1e-6)) == 1


@pytest.mark.parametrize("share", [0, -0.5, 1.5, float("nan")])
def test_refuses_what_is_no_share(shards, share):
    with pytest.raises(InputError, match="above 0, at most 1"):
        folds.fraction(shards, share)


def test_training_sees_that_share_alone(synthetic_shards, tmp_path, capsys):
    arguments = [
        f"--train_data_pattern={synthetic_shards}/train*",
        "--encoder=mean_pooling",
        "--num_classes=7",
        "--max_frames=12",
        "--batch_size=5",
        "--num_epochs=1",
        "--train_fraction=0.25",
        f"--train_dir={tmp_path}/run",
    ]
    best = experiment.train(config.parse("train", arguments))
    assert best["step"] == 2  # 10 of 40 videos
