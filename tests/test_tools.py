"""The scripts in tools/, on a few small videos."""

import numpy as np
import pytest

from tests.conftest import load_tool
from yt8m_distill.errors import InputError
from yt8m_distill.shards import Shards

SIZES = {"min_frames": 5, "max_frames": 30, "label_noise": 0.1}


def make(tool, folder, **options):
    tool.make_shards(
        folder, {"train": 6, "test": 3}, 2, 9, **SIZES, **{"seed": 0, **options}
    )
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_synthetic_shards_follow_the_seed(tmp_path, make_synthetic_shards):
    first = make(make_synthetic_shards, tmp_path / "a")
    again = make(make_synthetic_shards, tmp_path / "b")
    other = make(make_synthetic_shards, tmp_path / "c", seed=1)
    assert list(first) == [
        f"{split}0{shard}.tfrecord"
        for split in ("test", "train")
        for shard in (0, 1)
    ]
    assert first == again != other


def test_synthetic_shards_are_official_records(tmp_path, make_synthetic_shards):
    make(make_synthetic_shards, tmp_path)
    shards = Shards(f"{tmp_path}/*.tfrecord")
    assert (len(shards), shards.id_key) == (9, "id")
    assert shards.feature_sizes == (1024, 128)
    ids = set()
    for number in range(len(shards)):
        video_id, labels, (rgb, audio) = shards.video(number)
        ids.add(video_id)
        assert (
            labels == sorted(set(labels)) and 0 <= labels[0] <= labels[-1] < 9
        )
        assert 5 <= len(rgb) == len(audio) <= 30
    assert len(ids) == 9


def test_evidence_is_between_dull_ends(make_synthetic_shards):
    world = make_synthetic_shards.World(9, 0)
    videos = [
        make_synthetic_shards.make_video(
            world, np.random.default_rng(number), 80, 80, 0.0
        )[1]["rgb"].astype(float)
        for number in range(20)
    ]
    first, middle = (
        np.std([video[at] for video in videos], axis=0).mean() for at in (0, 40)
    )
    assert first < 0.75 * middle  # beginnings look alike


def test_quantize_is_undone_by_dequantizing(make_synthetic_shards):
    values = np.linspace(-2, 2, 1001)
    restored = make_synthetic_shards.quantize(values) * (4 / 255) - 2
    assert np.abs(restored - values).max() <= 2 / 255 + 1e-9
    assert make_synthetic_shards.quantize(np.array([-9.0, 9.0])).tolist() == [
        0,
        255,
    ]


def test_repeated_runs_are_averaged():
    tool = load_tool("repeat_runs")
    assert tool.mean_and_spread([0.1, 0.2, 0.3]) == "0.2000 ± 0.1000"
    results = {
        name: [
            {
                "validation": dict.fromkeys(tool.KEYS, score + noise),
                "test": None,
                "seconds": 60,
            }
            for noise in (0.0, 0.1)
        ]
        for name, score in (
            ("teacher", 0.5),
            ("baseline", 0.3),
            ("student", 0.4),
        )
    }
    lines = tool.table(results, "validation").splitlines()
    assert lines[3].startswith("| baseline | 0.3500 ± 0.0707 |")
    assert lines[5].startswith("| student − baseline | 0.1000 ± 0.0000 |")


def test_the_demo_table():
    tool = load_tool("demo")
    scores = {key: 0.5 for _, key, _ in tool.COLUMNS} | {"frames": 15}
    text = tool.table(
        {"teacher": scores, "student": {**scores, "videos_per_second": None}}
    )
    heading, teacher, student = text.splitlines()
    assert "GFLOPs/video" in heading
    assert len(heading) == len(teacher) == len(student)
    assert "0.5000" in teacher and student.rstrip().endswith("–")


@pytest.mark.parametrize(
    "name",
    ["make_synthetic_shards", "repeat_runs", "demo", "compose_long_videos"],
)
def test_every_tool_says_how_to_run_it(name):
    assert f"python tools/{name}.py" in load_tool(name).__doc__


def compose(tmp_path, pattern, name="a", **changes):
    tool = load_tool("compose_long_videos")
    options = {
        "split": "train",
        "num_clips": 3,
        "num_passes": 1,
        "num_shards": 2,
        "seed": 0,
        **changes,
    }
    return tool.compose(pattern, tmp_path / name, **options)


def test_joined_videos_have_the_frames_and_labels_of_their_clips(
    synthetic_shards, tmp_path
):
    pattern = f"{synthetic_shards}/train*.tfrecord"
    clips, joined = (
        Shards(pattern),
        Shards(",".join(map(str, compose(tmp_path, pattern)))),
    )
    assert len(joined) == 40 // 3
    assert joined.feature_names == clips.feature_names
    by_frames = {
        clips.video(n)[2][0].tobytes(): clips.video(n) for n in range(40)
    }
    used = []
    for number in range(len(joined)):
        _, labels, features = joined.video(number)
        start, found, wanted = 0, [], set()
        while start < len(features[0]):
            stop = next(
                stop
                for stop in range(start + 1, len(features[0]) + 1)
                if features[0][start:stop].tobytes() in by_frames
            )
            clip = by_frames[features[0][start:stop].tobytes()]
            np.testing.assert_array_equal(features[1][start:stop], clip[2][1])
            found.append(clip[0])
            wanted |= set(clip[1])
            start = stop
        assert len(found) == 3 and labels == sorted(wanted)
        used += found
    assert len(set(used)) == len(used)  # each clip once
    assert len(set(joined.video_ids())) == len(joined)


def test_joined_videos_follow_the_seed(synthetic_shards, tmp_path):
    pattern = f"{synthetic_shards}/train*.tfrecord"
    first, again, other = (
        [path.read_bytes() for path in compose(tmp_path, pattern, name, seed=n)]
        for name, n in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again != other


def test_each_pass_uses_every_clip_once():
    groups = load_tool("compose_long_videos").groups(20, 6, 3, seed=0)
    assert groups.shape == (9, 6)
    for rows in np.split(groups, 3):
        assert len(set(rows.ravel())) == 18


def test_what_cannot_be_joined_is_refused(synthetic_shards, tmp_path):
    pattern = f"{synthetic_shards}/train*.tfrecord"
    with pytest.raises(InputError, match="make 1 videos of 30 clips, fewer"):
        compose(tmp_path, pattern, num_clips=30)
    compose(tmp_path, pattern)
    with pytest.raises(InputError, match="is there already; remove it first"):
        compose(tmp_path, pattern)


def test_a_clip_with_less_audio_does_not_shift_the_next(tmp_path):
    from yt8m_distill import record_writer

    rgb = np.arange(12, dtype=np.uint8).reshape(6, 2)
    audio = np.arange(100, 104, dtype=np.uint8).reshape(4, 1)
    record_writer.write_shard(
        tmp_path / "clips.tfrecord",
        [
            record_writer.serialize(name, [0], {"a": frames, "b": audio})
            for name, frames in (("x", rgb), ("y", rgb[:4]))
        ],
    )
    (path,) = compose(tmp_path, f"{tmp_path}/clips*", num_clips=2, num_shards=1)
    _, _, (first, second) = Shards(str(path)).video(0)
    assert len(first) == len(second) == 10
    starts = [row for row in range(10) if second[row, 0] == 100]
    assert [first[row].tolist() for row in starts] == [[0, 1], [0, 1]]
