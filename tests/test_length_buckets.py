"""Batches of videos of like lengths."""

import numpy as np
import pytest

from tests.test_experiment import train
from yt8m_distill import parts, record_writer
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.shards import Shards

NUM_VIDEOS = 300


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lengths")
    random = np.random.default_rng(0)
    record_writer.write_shard(
        folder / "a",
        [
            record_writer.serialize(
                f"{number:04}",
                [number % 3],
                {"rgb": random.integers(1, 9, (length, 16), np.uint8)},
            )
            for number, length in enumerate(
                random.integers(1, 41, NUM_VIDEOS).tolist()
            )
        ],
    )
    return Shards(f"{folder}/a", feature_sizes=[16])


def batches(shards, num_buckets, seed=0, first=0):
    dataset = VideoDataset(shards, 3, 40, num_length_buckets=num_buckets)
    return [
        {key: value.numpy() for key, value in batch.items()}
        for batch in dataset.training_batches(16, seed, 2, first)
    ]


def test_batches_are_padded_to_the_next_bound(shards):
    lengths = []
    for batch in batches(shards, 4):
        _, padded, _ = batch["frames"].shape
        assert padded in (10, 20, 30, 40)
        assert padded - 10 < batch["num_frames"].max() <= padded
        for frames, num_frames in zip(batch["frames"], batch["num_frames"]):
            assert frames[:num_frames].any(1).all()
            assert not frames[num_frames:].any()
        lengths.append(padded)
    assert np.mean(lengths) < 30  # at random nearly all would be 40
    assert sorted(lengths) != lengths  # in an order of chance


def test_an_epoch_has_every_video_at_most_once(shards):
    per_epoch = NUM_VIDEOS // 16
    for epoch in (0, 1):
        seen = np.concatenate(
            [
                b["frames"].reshape(16, -1).astype(int).sum(1)
                for b in batches(shards, 4)[epoch * per_epoch :][:per_epoch]
            ]
        )
        all_sums = [
            int(shards.video(number)[2][0].astype(int).sum())
            for number in range(NUM_VIDEOS)
        ]
        left = list(all_sums)
        for one in seen.tolist():
            left.remove(one)  # raises if it was there too often
        assert len(left) == NUM_VIDEOS % 16


def test_any_step_can_be_the_first(shards):
    every = batches(shards, 4)
    later = batches(shards, 4, first=5)
    assert len(later) == len(every) - 5
    for one, other in zip(every[5:], later):
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key])


def test_one_bucket_changes_nothing(shards):
    plain = VideoDataset(shards, 3, 40).training_batches(16, 0, 2)
    for one, other in zip(batches(shards, 1), plain):
        np.testing.assert_array_equal(one["frames"], other["frames"].numpy())


@pytest.mark.parametrize("encoder", parts.names("encoders"))
def test_every_encoder_trains_in_buckets(encoder, synthetic_shards, tmp_path):
    from tests.conftest import small_spec

    best = train(
        synthetic_shards,
        tmp_path / "run",
        f"--encoder={small_spec('encoders', encoder)}",
        "--num_length_buckets=3",
        "--num_epochs=1",
    )
    assert np.isfinite(best["loss"])


def test_a_student_and_its_teacher_train_in_buckets(synthetic_shards, tmp_path):
    best = train(
        synthetic_shards,
        tmp_path / "run",
        "--teacher_encoder=same",
        "--frame_sampler=uniform(k=3)",
        "--num_length_buckets=3",
        "--num_epochs=1",
    )
    assert np.isfinite(best["loss"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--encoder=hierarchical_lstm(num_blocks=2, units=4)"],
            "num_length_buckets=3 does not go with .*block_length",
        ),
        (
            ["--unlabelled_data_pattern=SHARDS/test*"],
            "does not go with --unlabelled_data_pattern",
        ),
        (["--num_length_buckets=0"], "--num_length_buckets=0; give at least 1"),
    ],
)
def test_refusals(options, message, synthetic_shards, tmp_path):
    with pytest.raises(InputError, match=message):
        train(
            synthetic_shards,
            tmp_path / "run",
            "--num_length_buckets=3",
            "--teacher_encoder=same",
            *(one.replace("SHARDS", str(synthetic_shards)) for one in options),
        )
    assert not (tmp_path / "run").exists()
