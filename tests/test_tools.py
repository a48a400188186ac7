"""The scripts in tools/, on a few small videos."""

import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import ROOT, load_tool
from yt8m_distill import files, record_writer
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory
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
    restored = record_writer.quantize(values) * (4 / 255) - 2
    assert np.abs(restored - values).max() <= 2 / 255 + 1e-9
    assert record_writer.quantize(np.array([-9.0, 9.0])).tolist() == [
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


def tool_run(name, *options):
    """Runs a script as a user does; (exit code, output, errors)."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / f"{name}.py"), *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},  # as by default
    )
    return done.returncode, done.stdout, done.stderr


def test_inspecting(synthetic_shards, tmp_path, capsys):
    tool = load_tool("inspect_shard")
    pattern = f"{synthetic_shards}/train*"
    tool.inspect(pattern, check=True, json_file=str(tmp_path / "out.json"))
    out = capsys.readouterr().out
    assert "40 videos in 2 shards, frame level, id in 'id'" in out
    assert "id (bytes) in 40, labels (integers) in 40" in out
    assert out.endswith("all 40 records are whole and can be read\n")
    shards = Shards(pattern)
    videos = [shards.video(number) for number in range(40)]
    lengths = [len(features[0]) for _, _, features in videos]
    labels = np.concatenate([labels for _, labels, _ in videos])
    summary = json.loads((tmp_path / "out.json").read_text())
    assert summary["num_frames"] == {
        "least": min(lengths),
        "median": float(np.median(lengths)),
        "most": max(lengths),
        "total": sum(lengths),
    }
    for label, count in zip(*np.unique(labels, return_counts=True)):
        assert summary["labels"]["histogram"][str(label)] == count
    rgb = np.concatenate([features[0] for _, _, features in videos])
    assert summary["values"]["rgb"]["least"] == rgb.min()
    assert summary["values"]["rgb"]["most"] == rgb.max()
    assert summary["values"]["rgb"]["mean"] == pytest.approx(rgb.mean())


def test_checking_finds_what_is_damaged(synthetic_shards, tmp_path):
    for file in synthetic_shards.glob("train*"):
        data = bytearray(file.read_bytes())
        data[500] ^= 1  # a value of record 0: only its checksum knows
        if "train01" in file.name:
            del data[-9:]
        (tmp_path / file.name).write_bytes(data)
    pattern = f"--input_data_pattern={tmp_path}/train00*"
    code, out, error = tool_run("inspect_shard", pattern)
    assert code == 0 and "20 videos" in out and not error
    code, out, error = tool_run("inspect_shard", pattern, "--check")
    assert code == 1 and not out
    assert "train00.tfrecord: record 0: its checksum" in error
    assert error.count("\n") == 1
    code, out, error = tool_run(
        "inspect_shard",
        f"--input_data_pattern={tmp_path}/train*",
        "--check",
        "--all",
    )
    assert code == 1
    assert "train00.tfrecord: record 0: its checksum" in out
    assert "train01.tfrecord: record 0: its checksum" in out
    assert "train01.tfrecord: record 19 is cut off" in out
    assert error == (
        "error: 3 bad records or breaks in 2 shards, listed above\n"
    )


def test_checking_labels_against_the_vocabulary(synthetic_shards):
    tool = load_tool("inspect_shard")
    pattern = f"{synthetic_shards}/train*"
    tool.inspect(pattern, num_classes=7)
    with pytest.raises(
        InputError, match="record .*outside the vocabulary of 2"
    ):
        tool.inspect(pattern, num_classes=2)


def ids_of(folder):
    return Shards(f"{folder}/*.tfrecord").video_ids()


def test_splitting(synthetic_shards, tmp_path):
    tool = load_tool("split_shards")
    pattern = f"{synthetic_shards}/train*"
    counts = tool.split(pattern, tmp_path, ["val=25%", "train=rest"], seed=3)
    assert counts == {"val": 10, "train": 30}
    val, train = ids_of(tmp_path / "val"), ids_of(tmp_path / "train")
    assert sorted(val + train) == sorted(Shards(pattern).video_ids())
    # Records are copied byte for byte, under the names of their shards.
    for part in ("val", "train"):
        for file in (tmp_path / part).iterdir():
            source = (synthetic_shards / file.name).read_bytes()
            for record in tf.data.TFRecordDataset(str(file)):
                assert record.numpy() in source
    # Which videos does not depend on how they are spread over shards.
    merged = tmp_path / "merged.tfrecord"
    merged.write_bytes(
        b"".join(
            file.read_bytes()
            for file in sorted(synthetic_shards.glob("train*"), reverse=True)
        )
    )
    tool.split(str(merged), tmp_path / "again", ["val=10", "train=30"], seed=3)
    assert sorted(ids_of(tmp_path / "again" / "val")) == sorted(val)
    tool.split(pattern, tmp_path / "other", ["val=10", "train=30"], seed=4)
    assert sorted(ids_of(tmp_path / "other" / "val")) != sorted(val)


def test_nested_fractions(synthetic_shards, tmp_path):
    tool = load_tool("split_shards")
    counts = tool.split(
        f"{synthetic_shards}/train*",
        tmp_path,
        ["a=10%", "b=25%", "c=50%"],
        nested=True,
    )
    assert counts == {"a": 4, "b": 10, "c": 20}
    a, b, c = (set(ids_of(tmp_path / name)) for name in "abc")
    assert a < b < c


def test_the_paper_s_split_has_its_size():
    tool = load_tool("split_shards")
    assert tool.sizes(tool.PRESETS["bhardwaj2019"], 5_786_881, False) == {
        "validate": 48_163,
        "train": 5_738_718,
    }


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["a=50%", "b=60%"], "needs 44 videos; there are 40"),
        (["a=x"], "--parts has 'a=x'; give NAME=SIZE"),
        (["a=0%"], "give NAME=SIZE"),
        (["a/b=5"], "give NAME=SIZE"),
        (["a=5", "a=6"], "has a name twice"),
        (["a=40", "b=rest"], "give NAME=SIZE"),
        (["a=inf%"], "give NAME=SIZE"),
    ],
)
def test_splits_that_make_no_sense(parts, message, synthetic_shards, tmp_path):
    tool = load_tool("split_shards")
    with pytest.raises(InputError, match=message):
        tool.split(f"{synthetic_shards}/train*", tmp_path / "out", parts)
    assert not (tmp_path / "out").exists()


def test_a_part_is_never_overwritten(synthetic_shards, tmp_path):
    tool = load_tool("split_shards")
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="b is there already"):
        tool.split(f"{synthetic_shards}/train*", tmp_path, ["a=5", "b=5"])
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_selecting_frames(synthetic_shards, tmp_path):
    output = tmp_path / "k3"
    options = [
        f"--input_data_pattern={synthetic_shards}/train*",
        f"--output_dir={output}",
        "--frame_sampler=uniform(k=3)",
    ]
    code, out, error = tool_run("select_frames", *options)
    assert (code, error) == (0, "")
    before = sum(f.stat().st_size for f in synthetic_shards.glob("train*"))
    after = sum(f.stat().st_size for f in output.glob("train*"))
    assert f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB" in out
    whole, selected = (
        Shards(f"{synthetic_shards}/train*"),
        Shards(f"{output}/t*"),
    )
    assert selected.video_ids() == whole.video_ids()
    for number in range(len(whole)):
        _, labels, features = whole.video(number)
        _, kept_labels, kept = selected.video(number)
        num_frames = len(features[0])
        chosen = (
            np.arange(num_frames)
            if num_frames < 3
            else (2 * np.arange(3) + 1) * num_frames // 6
        )
        assert kept_labels == labels
        assert (
            selected.video_and_context(number)[3]
            == whole.video_and_context(number)[3]
        )
        for values, wanted in zip(kept, features):
            np.testing.assert_array_equal(values, wanted[chosen])
    # The same command again keeps what is there; another one is refused.
    times = [file.stat().st_mtime_ns for file in sorted(output.iterdir())]
    (output / "train00.tfrecord").unlink()
    assert tool_run("select_frames", *options)[0] == 0
    assert (
        times[2:]
        == [f.stat().st_mtime_ns for f in sorted(output.iterdir())][2:]
    )
    code, _, error = tool_run(
        "select_frames", *options, "--frame_sampler=uniform(k=2)"
    )
    assert code == 1 and "holds shards made with other frame_sampler;" in error
    assert error.count("\n") == 1


def test_selecting_frames_never_overwrites(synthetic_shards, tmp_path):
    tool = load_tool("select_frames")
    pattern = f"{synthetic_shards}/train*"
    with pytest.raises(InputError, match="is where the shards lie"):
        tool.rewrite(pattern, synthetic_shards, "uniform(k=3)")
    (tmp_path / "train00.tfrecord").write_bytes(b"mine")
    with pytest.raises(InputError, match="shards of the same names already"):
        tool.rewrite(pattern, tmp_path, "uniform(k=3)")
    assert (tmp_path / "train00.tfrecord").read_bytes() == b"mine"
    with pytest.raises(InputError, match="no 'often' among the frame_samplers"):
        tool.rewrite(pattern, tmp_path / "x", "often(k=3)")
    assert not (tmp_path / "x").exists()


def test_recovered_shares():
    tool = load_tool("repeat_runs")
    results = {
        name: [{"validation": {"gap": g, "map": m}} for g, m in scores]
        for name, scores in {
            "teacher": [(0.5, 0.4), (0.6, 0.4)],
            "baseline_6": [(0.3, 0.2), (0.4, 0.2)],
            "student_6": [(0.4, 0.25), (0.45, 0.1)],
            "student_7": [(0.4, 0.25), (0.45, 0.1)],  # without a baseline
        }.items()
    }
    epochs = {
        "teacher": [[0.5], [0.6]],
        "baseline_6": [[0.2, 0.3, 0.1], [0.1, 0.2, 0.4]],
        "student_6": [[0.29, 0.3, 0.4], [0.1, 0.2, 0.39]],
        "student_7": [[0.4], [0.4]],
    }
    header, _, line = tool.shares(results, epochs, "teacher").splitlines()
    assert header.startswith("| recovered share | GAP | mAP |")
    # GAP: .1/.2 and .05/.2; mAP: .05/.2 and -.1/.2
    assert line == (
        "| student_6 | 0.38 ± 0.18 | -0.13 ± 0.53 | 2, never (2, 3 of 3) |"
    )
    del results["baseline_6"]
    assert tool.shares(results, epochs, "teacher") == ""


@pytest.mark.parametrize(
    "data, expected",
    [({}, [0.9, 0.1]), ({"segment_context_frames": 0}, [0.2, 0.8])],
    ids=["videos", "segments"],
)
def test_repeated_runs_are_told_by_what_chose_their_best(
    data, expected, tmp_path, monkeypatch
):
    tool = load_tool("repeat_runs")
    run = RunDirectory(tmp_path / "a_0")
    run.path.mkdir()
    files.write_json(run.config_file, {"data": data})
    scores = {f"val_{key}": 0.5 for key in tool.KEYS}
    run.write_epochs(
        [
            {**scores, "step": 1, "val_gap": 0.9, "val_map": 0.2},
            {**scores, "step": 2, "val_gap": 0.1, "val_map": 0.8},
        ]
    )
    assert tool.scores_by_epoch(run.path) == expected
    monkeypatch.setattr(tool, "run", lambda *command: None)
    (tmp_path / "a.flags").touch()
    result = tool.repeat(tmp_path / "a.flags", "0", tmp_path, [], "", [])
    best = expected.index(max(expected))
    assert result["validation"]["gap"] == [0.9, 0.1][best]
    assert result["validation"]["map"] == [0.2, 0.8][best]


@pytest.mark.parametrize("num_videos", [5, 15, 25, 35, 40, 1001])
def test_percentages_add_up(num_videos):
    sizes = load_tool("split_shards").sizes
    found = sizes(["train=90%", "validate=10%"], num_videos, False)
    assert sum(found.values()) == num_videos


def test_what_an_interrupted_split_left_is_not_used(synthetic_shards, tmp_path):
    tool = load_tool("split_shards")
    left = tmp_path / ".a.partial"
    left.mkdir()
    (left / "old.tfrecord").write_bytes(b"old")
    tool.split(f"{synthetic_shards}/train*", tmp_path, ["a=5", "b=rest"])
    assert len(ids_of(tmp_path / "a")) == 5
    assert not left.exists()


def test_videos_with_one_id_are_not_split(synthetic_shards, tmp_path):
    for name in "ab":
        data = (synthetic_shards / "train00.tfrecord").read_bytes()
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match="several videos of .* have the id"):
        load_tool("split_shards").split(
            f"{tmp_path}/[ab]", tmp_path / "out", ["a=5"]
        )


def test_frames_of_other_shards_are_not_mixed_in(synthetic_shards, tmp_path):
    tool = load_tool("select_frames")
    for name in "xy":
        (tmp_path / name).mkdir()
        data = synthetic_shards / f"train0{'xy'.index(name)}.tfrecord"
        (tmp_path / name / "a.gz").write_bytes(gzip.compress(data.read_bytes()))
    tool.rewrite(f"{tmp_path}/x/*", tmp_path / "out", "uniform(k=3)")
    with pytest.raises(InputError, match="made with other shards"):
        tool.rewrite(f"{tmp_path}/y/*", tmp_path / "out", "uniform(k=3)")
    # Written without compression, and so named; the note is no shard.
    assert Shards(f"{tmp_path}/out/*").files == [f"{tmp_path}/out/a"]
    with pytest.raises(InputError, match="takes short videos whole"):
        tool.rewrite(f"{tmp_path}/x/*", tmp_path / "z", "every_nth(stride=10)")
