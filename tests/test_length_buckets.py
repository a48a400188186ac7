"""Batches of videos of like lengths."""

import numpy as np
import pytest
import tensorflow as tf

from tests.test_experiment import train
from yt8m_distill import length_buckets, model, parts, record_writer
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.evaluation import Evaluator
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import SkippedRecords

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


def planned(shards, num_buckets, batch_size=16):
    dataset = VideoDataset(shards, 3, 40, num_length_buckets=num_buckets)
    return dataset, dataset.plan(batch_size)


@pytest.fixture
def few_are_enough(monkeypatch):
    monkeypatch.setattr(length_buckets, "ENOUGH_BATCHES", 1)


def test_few_videos_are_padded_alike(shards):
    _, plan = planned(shards, 4)
    assert {batch.most_frames for batch in plan} == {40}
    numbers = np.concatenate([batch.numbers for batch in plan])
    assert numbers.tolist() == list(range(NUM_VIDEOS))


def test_a_plan_has_every_video_once_and_few_shapes(shards, few_are_enough):
    dataset, plan = planned(shards, 4)
    numbers = np.concatenate([batch.numbers for batch in plan])
    assert sorted(numbers) == list(range(NUM_VIDEOS))
    assert {batch.most_frames for batch in plan} == {10, 20, 30, 40}
    # Of each bound at most one batch is not full: there is time to wait.
    assert sum(len(batch.numbers) < 16 for batch in plan) <= 4
    total = 0
    for batch, read in zip(plan, dataset.batches(16, plan=plan)):
        assert read["frames"].shape[1] == batch.most_frames
        assert (read["number"] == batch.numbers).numpy().all()
        # Rounded up: at most to the bound after the next.
        assert (read["num_frames"] > batch.most_frames - 20).numpy().all()
        assert (read["num_frames"] <= batch.most_frames).numpy().all()
        total += int(tf.reduce_sum(read["num_frames"]))
    assert total == sum(VideoDataset(shards, 3, 40)._total(range(NUM_VIDEOS)))


def test_videos_wait_for_a_limited_time():
    bounds = [1] + [2] * 400 + [1] * 3
    plan = length_buckets.planned(np.array(bounds), 2, 2, np.zeros(404, int), 4)
    place = [batch.numbers[0] for batch in plan].index(0)
    assert plan[place].numbers.tolist() == [0]
    assert place == 16
    assert plan[-1].numbers.tolist() == [401, 402, 403]


def test_results_come_in_the_order_of_the_videos(few_are_enough):
    random = np.random.default_rng(0)
    plan = length_buckets.planned(
        random.integers(1, 5, 200), 4, 4, np.zeros(200, int), 8
    )
    missing = {0, 3, 77, 199, *plan[2].numbers.tolist()}
    asked = []

    def results():
        for batch in plan:
            asked.append(1)
            numbers = [one for one in batch.numbers if one not in missing]
            yield {
                "number": np.array(numbers, int),
                "square": np.array(numbers, float)[:, None] ** 2,
            }

    found = []
    for result in length_buckets.in_order(results(), plan):
        assert (result["square"][:, 0] == result["number"] ** 2).all()
        found += result["number"].tolist()
        # They do not wait for all the others.
        assert len(asked) < len(found) / 8 + 16
    assert found == [one for one in range(200) if one not in missing]


@pytest.mark.parametrize("skips", [False, True])
def test_the_same_predictions_in_the_same_order(
    shards, skips, monkeypatch, few_are_enough
):
    one = model.build(
        "all_frames",
        "netvlad(clusters=3, representation_dim=4)",
        "logistic",
        num_classes=3,
        feature_sizes=[16],
        max_frames=40,
    )
    if skips:
        monkeypatch.setattr(shards, "skipped", SkippedRecords())
        damaged = {5, 6, 7, 150}
        original = VideoDataset._set_labels

        def set_labels(self, rows, group, numbers):
            original(self, rows, group, numbers)
            for place in group.places:
                if numbers[place] in damaged:
                    raise shards.error(numbers[place], RecordError("bad"))

        monkeypatch.setattr(VideoDataset, "_set_labels", set_labels)
    results = []
    for num_buckets in (1, 4):
        dataset = VideoDataset(shards, 3, 40, num_length_buckets=num_buckets)
        evaluator = Evaluator(one)
        found = list(evaluator.predictions(dataset, 16, with_video_id=True))
        assert evaluator.forward.num_graphs == num_buckets
        results.append(
            [
                np.concatenate(arrays)
                for arrays in zip(
                    *(
                        (p, logits, b["video_id"], b["labels"])
                        for p, logits, b in found
                    )
                )
            ]
        )
    (p, logits, ids, labels), bucketed = results
    assert len(ids) == NUM_VIDEOS - 4 * skips
    np.testing.assert_allclose(bucketed[0], p, atol=1e-6)
    np.testing.assert_allclose(bucketed[1], logits, atol=1e-5)
    assert (bucketed[2] == ids).all() and (bucketed[3] == labels).all()


def test_a_record_that_is_longer_than_its_bytes_let_expect(shards):
    dataset = VideoDataset(shards, 3, 40, num_length_buckets=4)
    batch = dataset.read(range(16), most_frames=10)
    plain = dataset.read(range(16))
    assert batch["num_frames"].max() > 10
    assert (batch["frames"] == plain["frames"]).all()


def test_part_of_the_files_has_the_batches_of_all(monkeypatch):
    monkeypatch.setattr(length_buckets, "ENOUGH_BATCHES", 3)
    random = np.random.default_rng(0)
    # Large, large, small, small, large, small; in batches of 4.
    sizes = [33, 40, 5, 6, 50, 7]
    file_of = np.repeat(np.arange(6), sizes)
    bounds = random.integers(1, 4, len(file_of))
    batches = [
        set(batch.numbers.tolist())
        for batch in length_buckets.planned(bounds, 3, 1, file_of, 4)
    ]
    assert sorted(sum(map(sorted, batches), [])) == list(range(len(file_of)))
    for start, stop in [(0, 1), (0, 2), (1, 4), (2, 4), (4, 6), (5, 6)]:
        own = np.flatnonzero((file_of >= start) & (file_of < stop))
        plan = length_buckets.planned(bounds[own], 3, 1, file_of[own], 4)
        assert [set((b.numbers + own[0]).tolist()) for b in plan] == [
            batch for batch in batches if min(batch) in own
        ]
    # Small files share batches.
    assert any(min(batch) < 78 <= max(batch) for batch in batches)
