"""What is skipped is counted; all the rest is used."""

import gzip
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.test_records import sequence_example
from yt8m_distill import config, experiment, record_writer, scoring_runs
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import MAX_MESSAGES, SkippedRecords

SIZES = {"rgb": 4, "audio": 2}
LAYOUT = [list(SIZES), list(SIZES.values())]
TRAIN = [
    "--num_classes=7",
    "--max_frames=6",
    "--encoder=mean_pooling",
    "--batch_size=4",
    "--feature_names=rgb,audio",
    "--feature_sizes=4,2",
]


def good(number, labels=(1, 2)):
    random = np.random.default_rng(number)
    return record_writer.serialize(
        f"v{number:02}",
        labels,
        {
            name: random.integers(0, 256, (5, size), np.uint8)
            for name, size in SIZES.items()
        },
    )


# Reason → a record that has it.
BAD = {
    "label outside the vocabulary": lambda: good(90, [7]),
    "missing feature": lambda: record_writer.serialize(
        "v91", [1], {"rgb": np.zeros((5, 4), np.uint8)}
    ),
    "feature size": lambda: record_writer.serialize(
        "v92",
        [1],
        {
            "rgb": np.zeros((5, 3), np.uint8),
            "audio": np.zeros((5, 2), np.uint8),
        },
    ),
    "feature kind": lambda: record_writer.serialize(
        "v93",
        [1],
        {
            "rgb": np.zeros((5, 4), np.float32),
            "audio": np.zeros((5, 2), np.uint8),
        },
    ),
    "no frames": lambda: record_writer.serialize(
        "v94",
        [1],
        {
            "rgb": np.zeros((0, 4), np.uint8),
            "audio": np.zeros((5, 2), np.uint8),
        },
    ),
    "missing id": lambda: record_writer.serialize(
        "v95", [1], {name: np.zeros((5, s), "u1") for name, s in SIZES.items()},
        id_key="name",
    ),
    "labels": lambda: record_writer.serialize(
        "v96", [b"cat"], {n: np.zeros((5, s), "u1") for n, s in SIZES.items()}
    ),
    "uneven frames": lambda: sequence_example(
        {"id": [b"v97"], "labels": [1]},
        {"rgb": [bytes(4)] * 5, "audio": [bytes(2)] * 3 + [bytes(1)] * 2},
    ),
    "not a video": lambda: b"\x0a\xff",
}  # fmt: skip


@pytest.fixture
def shards_with_bad(tmp_path):
    """12 good videos in 2 shards, and one bad one of each kind."""
    folder = tmp_path / "shards"
    folder.mkdir()
    bad = [make() for make in BAD.values()]
    for file in range(2):
        some = [good(6 * file + number) for number in range(6)]
        for place, record in enumerate(bad[file::2]):
            some.insert(2 * place, record)
        record_writer.write_shard(folder / f"train{file}", some)
    return folder


@pytest.mark.parametrize("reason", BAD)
def test_each_kind_is_refused_or_skipped_under_its_name(tmp_path, reason):
    record_writer.write_shard(tmp_path / "a", [good(0), BAD[reason](), good(1)])
    shards = Shards(f"{tmp_path}/a", *LAYOUT)
    with pytest.raises(RecordError, match="a: record 1: ") as refused:
        VideoDataset(shards, 7, 6).read(range(3))
    assert refused.value.reason == reason
    skipped = SkippedRecords()
    shards = Shards(f"{tmp_path}/a", *LAYOUT, skipped=skipped)
    batch = VideoDataset(shards, 7, 6).read(range(3))
    assert batch["video_id"].tolist() == [b"v00", b"v01"]
    assert batch["labels"].sum() == 4
    assert skipped.counts() == {reason: 1}


def test_in_training_good_videos_take_their_places(shards_with_bad):
    skipped = SkippedRecords()
    shards = Shards(f"{shards_with_bad}/train*", *LAYOUT, skipped=skipped)
    dataset = VideoDataset(shards, 7, 6)
    seen = set()
    for number in range(0, len(shards), 7):
        numbers = range(number, min(number + 7, len(shards)))
        batch = dataset.read(numbers, training=True)
        assert len(batch["num_frames"]) == len(numbers)
        seen |= set(batch["video_id"])
    assert seen == {f"v{number:02}".encode() for number in range(12)}
    assert len(skipped) == len(BAD)


def test_a_training_batch_without_a_good_video(tmp_path):
    bad = BAD["missing feature"]()
    record_writer.write_shard(tmp_path / "a", [good(0), bad, bad])
    shards = Shards(f"{tmp_path}/a", *LAYOUT, skipped=SkippedRecords())
    dataset = VideoDataset(shards, 7, 6)
    assert not len(dataset.read([1, 2])["num_frames"])
    with pytest.raises(InputError, match="2 records in a row .*record"):
        dataset.read([1, 2], training=True)
    batch = dataset.read([1, 2], training=True, others=[0])
    assert batch["video_id"].tolist() == [b"v00", b"v00"]


def test_what_is_before_a_break_is_kept(tmp_path):
    path = tmp_path / "a"
    record_writer.write_shard(path, [good(number) for number in range(4)])
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="a: record 3 is cut off"):
        Shards(str(path), *LAYOUT)
    skipped = SkippedRecords()
    shards = Shards(str(path), *LAYOUT, skipped=skipped)
    assert shards.video_ids() == [b"v00", b"v01", b"v02"]
    assert skipped.counts() == {"cut off": 1}


def test_a_record_is_counted_once_and_messages_are_bounded():
    skipped = SkippedRecords()
    assert skipped.summary() == ""
    for number in range(3 * MAX_MESSAGES):
        for _ in range(2):
            skipped.add(number, RecordError(f"r{number}", "ab"[number % 3 > 0]))
    assert len(skipped) == 3 * MAX_MESSAGES
    assert skipped.counts() == {"b": 2 * MAX_MESSAGES, "a": MAX_MESSAGES}
    assert skipped.summary() == "skipped 300 bad records: 200 b, 100 a"


def test_a_run_goes_on_and_says_what_it_skipped(
    shards_with_bad, tmp_path, capsys
):
    pattern = f"{shards_with_bad}/train*"
    run = tmp_path / "run"
    flags = [
        f"--train_data_pattern={pattern}",
        f"--eval_data_pattern={pattern}",
        f"--train_dir={run}",
        "--num_epochs=2",
        *TRAIN,
    ]
    with pytest.raises(InputError, match="record"):
        experiment.train(config.parse("train", flags))
    flags += ["--on_bad_record=skip", "--start_new_model"]
    experiment.train(config.parse("train", flags))
    out = capsys.readouterr().out
    assert f"skipped {len(BAD)} bad records: 1 " in out
    kept = json.loads((run / "skipped_records_train.json").read_text())
    assert kept["num_skipped"] == len(BAD)
    assert kept["by_reason"] == dict.fromkeys(BAD, 1)
    assert len(kept["first_messages"]) == len(BAD)

    evaluated = scoring_runs.evaluate(
        config.parse(
            "eval",
            [
                f"--train_dir={run}",
                f"--eval_data_pattern={pattern}",
                "--on_bad_record=skip",
                "--batch_size=3",
            ],
        )
    )
    assert evaluated["num_videos"] == 12
    output = scoring_runs.infer(
        config.parse(
            "inference",
            [
                f"--train_dir={run}",
                f"--input_data_pattern={pattern}",
                "--on_bad_record=skip",
                f"--output_file={tmp_path}/out.csv",
            ],
        )
    )
    with open(output, encoding="utf-8") as opened:
        ids = [line.split(",")[0] for line in opened]
    # Inference does not look at labels, but their vocabulary is the model's.
    assert sorted(ids[1:]) == [f"v{number:02}" for number in range(12)]
    assert "12 videos in" in capsys.readouterr().out


def test_a_teacher_cache_is_filled_without_bad_records(
    shards_with_bad, tmp_path
):
    pattern = f"{shards_with_bad}/train*"
    flags = [
        f"--train_data_pattern={pattern}",
        f"--eval_data_pattern={pattern}",
        "--on_bad_record=skip",
        *TRAIN,
    ]
    experiment.train(
        config.parse(
            "train", [*flags, f"--train_dir={tmp_path}/a", "--num_epochs=1"]
        )
    )
    experiment.train(
        config.parse(
            "train",
            [
                *flags,
                f"--train_dir={tmp_path}/b",
                f"--teacher_dir={tmp_path}/a",
                f"--teacher_cache={tmp_path}/cache",
                "--num_epochs=1",
            ],
        )
    )
    assert (tmp_path / "b" / "skipped_records_train.json").exists()


def test_both_graph_and_eager_skip(shards_with_bad):
    shards = Shards(
        f"{shards_with_bad}/train*", *LAYOUT, skipped=SkippedRecords()
    )
    batches = VideoDataset(shards, 7, 6).batches(4, with_video_id=True)
    ids = [i for batch in batches for i in batch["video_id"].numpy()]
    assert sorted(ids) == [f"v{number:02}".encode() for number in range(12)]
    count = batches.reduce(
        tf.constant(0), lambda total, batch: total + len(batch["num_frames"])
    )
    assert int(count) == 12


def test_a_shard_without_a_record_is_skipped_among_others(tmp_path):
    record_writer.write_shard(tmp_path / "b", [good(0)])
    (tmp_path / "a").write_bytes(b"")
    whole = (tmp_path / "b").read_bytes()
    (tmp_path / "c").write_bytes(whole[:30])
    (tmp_path / "d.gz").write_bytes(gzip.compress(whole)[:14] + bytes(20))
    (tmp_path / ".e.partial").write_bytes(b"not whole yet")
    with pytest.raises(InputError, match="a: holds no record"):
        Shards(f"{tmp_path}/*", *LAYOUT)
    skipped = SkippedRecords()
    shards = Shards(f"{tmp_path}/*", *LAYOUT, skipped=skipped)
    assert shards.video_ids() == [b"v00"]
    assert sum(skipped.counts().values()) == 3
    (tmp_path / "b").unlink()
    with pytest.raises(InputError, match="no shard of .* has a record"):
        Shards(f"{tmp_path}/*", *LAYOUT, skipped=SkippedRecords())
    # What is no TFRecord file is a wrong pattern, not a bad record.
    (tmp_path / "f").write_bytes(b"some text that is long enough")
    with pytest.raises(InputError, match="f: not a TFRecord file"):
        Shards(f"{tmp_path}/f", *LAYOUT, skipped=SkippedRecords())


def test_keys_are_those_of_the_first_good_record(tmp_path):
    def record(**context):
        return record_writer.serialize(
            "a",
            [1],
            {name: np.zeros((5, s), "u1") for name, s in SIZES.items()},
            id_key="name",
            **context,
        )

    record_writer.write_shard(tmp_path / "a", [b"\x0a\xff", record(id=b"no")])
    shards = Shards(
        f"{tmp_path}/a", *LAYOUT, id_key="name", skipped=SkippedRecords()
    )
    assert shards.video(1)[0] == b"a"


def test_nothing_that_can_be_scored(tmp_path, shards_with_bad):
    experiment.train(
        config.parse(
            "train",
            [
                f"--train_data_pattern={shards_with_bad}/train*",
                f"--train_dir={tmp_path}/run",
                "--on_bad_record=skip",
                "--num_epochs=1",
                *TRAIN,
            ],
        )
    )
    (tmp_path / "none").mkdir()
    # The first has no fault but for its label.
    record_writer.write_shard(
        tmp_path / "none" / "a",
        [BAD["label outside the vocabulary"](), BAD["missing feature"]()],
    )
    options = [f"--train_dir={tmp_path}/run", "--on_bad_record=skip"]
    with pytest.raises(InputError, match="no video of .* can be read"):
        scoring_runs.evaluate(
            config.parse(
                "eval",
                [
                    *options,
                    f"--eval_data_pattern={tmp_path}/none/a",
                    "--checkpoint=last",
                ],
            )
        )
