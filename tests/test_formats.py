"""Every release's records, written with TensorFlow, are found and read."""

import numpy as np
import pytest
import tensorflow as tf

from tests.test_records import feature, sequence_example
from tests.test_shards import write
from yt8m_distill import config, experiment, scoring_runs
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError
from yt8m_distill.shards import Shards

BYTES = {"rgb": [bytes(range(4))] * 3, "audio": [bytes(2)] * 3}
FLOATS = np.linspace(-2, 2, 12, dtype="float32").reshape(3, 4)


def example(values):
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: feature(
                    value.tolist() if isinstance(value, np.ndarray) else value
                )
                for name, value in values.items()
            }
        )
    ).SerializeToString()


# Name → (record, options, id key, features, level, labels)
FORMATS = {
    "2017 frame level": (
        lambda: sequence_example(
            {"video_id": [b"x"], "labels": [1, 4715]}, BYTES
        ),
        {"feature_sizes": (4, 2)},
        ("video_id", ("rgb", "audio"), False, [1, 4715]),
    ),
    "2018 frame level": (
        lambda: sequence_example({"id": [b"x"], "labels": [3861]}, BYTES),
        {"feature_sizes": (4, 2)},
        ("id", ("rgb", "audio"), False, [3861]),
    ),
    "2018 test split": (
        lambda: sequence_example({"id": [b"x"]}, BYTES),
        {"feature_sizes": (4, 2)},
        ("id", ("rgb", "audio"), False, []),
    ),
    "2019 segments": (
        lambda: sequence_example(
            {
                "id": [b"x"],
                "labels": [7],
                "segment_labels": [7, 9],
                "segment_start_times": [0, 5],
                "segment_end_times": [5, 10],
                "segment_scores": [1.0, 0.0],
            },
            BYTES,
        ),
        {"feature_sizes": (4, 2)},
        ("id", ("rgb", "audio"), False, [7]),
    ),
    "AudioSet": (
        lambda: sequence_example(
            {
                "video_id": [b"x"],
                "labels": [0, 526],
                "start_time_seconds": [30.0],
                "end_time_seconds": [40.0],
            },
            {"audio_embedding": [bytes(128)] * 3},
        ),
        {},
        ("video_id", ("audio_embedding",), False, [0, 526]),
    ),
    "MediaPipe": (
        lambda: sequence_example(
            {"clip/data_path": [b"x"], "clip/label/index": [5]},
            {
                "RGB/feature/floats": FLOATS,
                "AUDIO/feature/floats": FLOATS[:, :2],
                "RGB/feature/timestamp": [0, 1_000_000, 2_000_000],
            },
        ),
        {"labels_key": "clip/label/index"},
        (
            "clip/data_path",
            ("RGB/feature/floats", "AUDIO/feature/floats"),
            False,
            [5],
        ),
    ),
    "rgb alone": (
        lambda: sequence_example(
            {"id": [b"x"], "labels": [1]}, {"rgb": BYTES["rgb"]}
        ),
        {"feature_sizes": [4]},
        ("id", ("rgb",), False, [1]),
    ),
    "audio of both": (
        lambda: sequence_example({"id": [b"x"], "labels": [1]}, BYTES),
        {"feature_names": ["audio"], "feature_sizes": [2]},
        ("id", ("audio",), False, [1]),
    ),
    "other names": (
        lambda: sequence_example(
            {"name": [b"x"], "tags": [1]}, {"flow": [bytes(6)] * 3}
        ),
        {"id_key": "name", "labels_key": "tags"},
        ("name", ("flow",), False, [1]),
    ),
    "2018 video level": (
        lambda: example(
            {
                "id": [b"x"],
                "labels": [1, 300],
                "mean_rgb": np.linspace(-1, 1, 1024),
                "mean_audio": np.linspace(-1, 1, 128),
            }
        ),
        {},
        ("id", ("mean_rgb", "mean_audio"), True, [1, 300]),
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_is_found_and_read(name, tmp_path):
    make, options, expected = FORMATS[name]
    write(tmp_path / "a", make(), make())
    shards = Shards(f"{tmp_path}/a", **options)
    id_key, features, is_video_level, labels = expected
    assert shards.id_key == id_key
    assert shards.feature_names == features
    assert shards.is_video_level == is_video_level
    assert all(text in shards.describe() for text in (id_key, *features))
    video_id, found, _ = shards.video(1)
    assert (video_id, found) == (b"x", labels)
    batch = VideoDataset(shards, 4716, 300).read([0, 1])
    assert np.flatnonzero(batch["labels"][1]).tolist() == labels
    assert batch["num_frames"].tolist() == [1 if is_video_level else 3] * 2
    wanted = np.concatenate(shards.video(0)[2], 1)
    for frames in batch["frames"]:
        np.testing.assert_array_equal(frames[: len(wanted)], wanted)
        assert not frames[len(wanted) :].any()


def test_segments_are_in_the_context(tmp_path):
    write(tmp_path / "a", FORMATS["2019 segments"][0]())
    context = Shards(f"{tmp_path}/a", feature_sizes=(4, 2)).video_and_context(
        0
    )[3]
    assert context["segment_labels"] == [7, 9]
    assert context["segment_start_times"] == [0, 5]
    assert context["segment_scores"].tolist() == [1.0, 0.0]


def test_mean_features_are_read_as_they_are(tmp_path):
    write(tmp_path / "a", FORMATS["2018 video level"][0]())
    rgb, audio = Shards(f"{tmp_path}/a").video(0)[2]
    np.testing.assert_array_equal(
        rgb, np.linspace(-1, 1, 1024).astype("float32")[None]
    )
    assert audio.shape == (1, 128)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id_key": "name"}, "no video id \\('name'\\) in the context"),
        ({"labels_key": "id"}, "'id' holds no integers; .*--labels_key"),
    ],
)
def test_wrong_keys(options, message, tmp_path):
    write(tmp_path / "a", FORMATS["2018 frame level"][0]())
    with pytest.raises(InputError, match=message):
        Shards(f"{tmp_path}/a", feature_sizes=(4, 2), **options).video(0)


@pytest.mark.parametrize(
    "name", ["2018 video level", "MediaPipe", "other names"]
)
def test_from_records_to_csv(name, tmp_path):
    make, options, _ = FORMATS[name]
    write(tmp_path / "a", *[make()] * 4)
    keys = [
        f"--{key}={value}" for key, value in options.items() if "key" in key
    ]
    experiment.train(
        config.parse(
            "train",
            [
                f"--train_data_pattern={tmp_path}/a",
                f"--train_dir={tmp_path}/run",
                "--num_classes=301",
                "--max_frames=6",
                "--encoder=mean_pooling",
                "--batch_size=2",
                "--num_epochs=1",
                *keys,
            ],
        )
    )
    output = scoring_runs.infer(
        config.parse(
            "inference",
            [
                f"--train_dir={tmp_path}/run",
                f"--input_data_pattern={tmp_path}/a",
                "--checkpoint=last",
                f"--output_file={tmp_path}/out.csv",
                *keys,
            ],
        )
    )
    with open(output, encoding="utf-8") as opened:
        assert len(opened.readlines()) == 5
