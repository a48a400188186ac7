"""tools/features_to_shards.py: own features become official records."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT, load_tool
from yt8m_distill import label_files, record_writer
from yt8m_distill.errors import InputError
from yt8m_distill.shards import Shards

tool = load_tool("features_to_shards")
SIZES = {"visual": 6, "sound": 3}


def videos(count=5, kind="float32"):
    """dict id → dict name → frames; the sounds are shorter."""
    random = np.random.default_rng(0)
    made = {}
    for number in range(count):
        made[f"v{number}"] = {
            name: (random.standard_normal((number + 4 - short, size))).astype(
                kind
            )
            for short, (name, size) in enumerate(SIZES.items())
        }
    return made


def quantized(values):
    """The formula of the official feature extractor."""
    return np.round((np.clip(values, -2, 2) + 2) * 255 / 4).astype("uint8")


def save(folder, made, only=None):
    """Saves videos as .npz, or one feature of them as .npy."""
    folder.mkdir(exist_ok=True)
    for video_id, features in made.items():
        if only:
            np.save(folder / f"{video_id}.npy", features[only])
        else:
            np.savez(folder / f"{video_id}.npz", **features)
    return f"{folder}/*.np{'y' if only else 'z'}"


def save_parquet(path, made, **columns):
    """Saves one feature of videos as .parquet, in row groups of 3 frames."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    frames = {name: frames["visual"] for name, frames in made.items()}
    lists = [row for rows in frames.values() for row in rows]
    kind = arrow.from_numpy_dtype(lists[0].dtype)
    table = {
        "video_id": [n for n, rows in frames.items() for _ in rows],
        "visual": arrow.array(lists, arrow.list_(kind)),
        "note": ["x"] * len(lists),
        **columns,
    }
    table = {
        name: values for name, values in table.items() if values is not None
    }
    parquet.write_table(arrow.table(table), path, row_group_size=3)
    return str(path)


def read(pattern, **options):
    """dict id → (labels, features) of shards."""
    shards = Shards(pattern, **options)
    read_all = (shards.video(number) for number in range(len(shards)))
    return {name.decode(): rest for name, *rest in read_all}


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(pathlib.Path(folder).rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("num_shards", [1, 2])
def test_npz_files_become_quantised_records(tmp_path, capsys, num_shards):
    made = videos()
    pattern = save(tmp_path / "in", made)
    out = tmp_path / "out"
    written = tool.convert(pattern, out, "test", num_shards)
    assert list(contents(out)) == [
        f"test{number:05}-of-{num_shards:05}.tfrecord"
        for number in range(num_shards)
    ]
    found = read(written, feature_names=list(SIZES))
    assert sorted(found) == list(made)
    for name, (labels, features) in found.items():
        assert labels == []
        for values, feature in zip(features, SIZES):
            np.testing.assert_array_equal(
                values, quantized(made[name][feature]), strict=True
            )
    printed = capsys.readouterr().out
    assert f"5 videos in {num_shards} shards of {out}, 0.0 MB" in printed
    assert "sound (3 bytes), visual (6 bytes)" in printed
    assert "0 to 0 labels a video, mean 0.00, largest none" in printed
    assert "inspect_shard.py --input_data_pattern=" in printed


@pytest.mark.parametrize("kind", ["float16", "float64", ">f4"])
def test_npy_files_have_one_feature(tmp_path, capsys, kind):
    made = videos(kind=kind)
    pattern = save(tmp_path / "in", made, "visual")
    written = tool.convert(pattern, tmp_path, id_key="video_id")
    found = read(written, feature_sizes=[6])
    assert "--feature_sizes" in capsys.readouterr().out  # rgb, but not 1024
    for name, (_, (values,)) in found.items():
        wanted = quantized(made[name]["visual"].astype("float32"))
        np.testing.assert_array_equal(values, wanted)


def test_the_official_quantisation_bit_for_bit():
    values = np.random.default_rng(0).uniform(-3, 3, 9999).astype("float32")
    official = [  # a value at a time
        int(round(value))
        for value in (np.clip(values, -2.0, 2.0) - -2.0) * (255.0 / 4.0)
    ]
    assert record_writer.quantize(values, -2.0, 2.0).tolist() == official
    np.testing.assert_array_equal(quantized(values), official)


def test_floats_stay_floats_and_bytes_bytes(tmp_path):
    made = videos()
    pattern = save(tmp_path / "in", made)
    kept = tool.Preparer(bounds=None, max_frames=4)
    options = {"feature_names": list(SIZES)}
    floats = tool.convert(pattern, tmp_path / "floats", preparer=kept)
    for name, (_, features) in read(floats, **options).items():
        for values, feature in zip(features, SIZES):
            wanted = made[name][feature][:4]
            np.testing.assert_array_equal(values, wanted, strict=True)
    made = {
        name: {n: quantized(values) for n, values in features.items()}
        for name, features in made.items()
    }
    pattern = save(tmp_path / "in", made)
    for number, bounds in enumerate([None, (-2, 2)]):
        preparer = tool.Preparer(bounds)
        folder = tmp_path / f"bytes{number}"
        found = read(
            tool.convert(pattern, folder, preparer=preparer), **options
        )
        for name, (_, features) in found.items():
            for values, feature in zip(features, SIZES):
                np.testing.assert_array_equal(values, made[name][feature])


def test_parquet_gives_the_bytes_of_other_formats(tmp_path):
    made = videos()
    backwards = dict(reversed(made.items()))
    parquet = save_parquet(tmp_path / "a.parquet", backwards)
    pattern = save(tmp_path / "in", made, "visual")
    tool.convert(parquet, tmp_path / "one", "train", 2)
    tool.convert(pattern, tmp_path / "two", "train", 2, feature_name="visual")
    one = contents(tmp_path / "one")
    assert len(one) == 2 and one == contents(tmp_path / "two")
    tool.convert(parquet, tmp_path / "one", "again", 2)
    again = contents(tmp_path / "one")
    assert [again[name.replace("train", "again")] for name in one] == [
        *one.values()
    ]


@pytest.mark.parametrize("size", [-1, 6])
def test_parquet_rows_are_sorted_by_frame(tmp_path, size):
    arrow = pytest.importorskip("pyarrow")
    made = videos(3, kind="float64")
    frames = [row for one in made.values() for row in one["visual"][::-1]]
    counts = [len(one["visual"]) for one in made.values()]
    changed = {
        "frame": [n for count in counts for n in range(count, 0, -1)],
        "video_id": np.repeat([7, 8, 10], counts),
        "visual": arrow.array(
            [*map(list, frames)], arrow.list_(arrow.float32(), size)
        ),
    }
    parquet = save_parquet(tmp_path / "a.parquet", made, **changed)
    found = read(tool.convert(parquet, tmp_path))
    assert list(found) == ["10", "7", "8"]  # ids are text
    for name, one in zip(["7", "8", "10"], made.values()):
        values = quantized(one["visual"].astype("float32"))
        np.testing.assert_array_equal(found[name][1][0], values)


def test_formats_are_mixed_and_videos_skipped(tmp_path, capsys):
    made = videos()
    some = {name: made[name] for name in ("v3", "v1")}
    parquet = save_parquet(tmp_path / "a.parquet", some)
    rest = {name: made[name] for name in made if name not in some}
    pattern = f"{save(tmp_path / 'in', rest, 'visual')},{parquet}"
    labels = {"v0": [1], "v3": [0, 2], "v4": [], "v9": [5]}
    found = read(
        tool.convert(
            pattern,
            tmp_path,
            labels=labels,
            unlabelled="skip",
            feature_name="visual",
        )
    )
    assert {name: found[name][0] for name in found} == {
        name: labels[name] for name in ("v0", "v3", "v4")
    }
    assert (
        "2 videos have no row in --labels_csv; 1 rows there are of videos"
        in capsys.readouterr().out
    )
    kept = tool.convert(
        pattern,
        tmp_path,
        "kept",
        labels=labels,
        unlabelled="keep",
        feature_name="visual",
    )
    assert [labels for labels, _ in read(kept).values()] == [
        [1],
        [],
        [],
        [0, 2],
        [],
    ]


def test_an_array_names_the_video(tmp_path):
    rows = np.zeros((2, 6), "uint8")
    for number, name in enumerate([np.array("α"), np.array([b"b"]), 5]):
        np.savez(tmp_path / f"{number}.npz", visual=rows, id=name)
    found = read(
        tool.convert(f"{tmp_path}/*.npz", tmp_path, id_key="key"), id_key="key"
    )
    assert list(found) == ["5", "b", "α"]


OFFICIAL = (
    "Index,TrainVideoCount,KnowledgeGraphId,Name\n7,9,/m/1,A b\n3,9,x,C\n"
)
AUDIOSET = 'index,mid,display_name\n7,/m/1,A b\n3,x,C\n4,/m/2,"Speech, loud"\n'


@pytest.mark.parametrize(
    "rows, vocabulary, wanted",
    [
        ("a,5 1 5\nb,\n", "", [[1, 5], []]),
        ("a,2;1\n\nb, 3; \n", "", [[1, 2], [3]]),
        ("a,C; A b\nb,\n", OFFICIAL, [[3, 7], []]),
        ('a,A b;\nb,"Speech, loud;C"\n', AUDIOSET, [[7], [3, 4]]),
    ],
)
def test_labels_by_index_and_by_name(tmp_path, rows, vocabulary, wanted):
    (tmp_path / "l.csv").write_text("\ufeffvideo_id,labels\n" + rows, "utf-8")
    names = tmp_path / "vocabulary.csv" if vocabulary else ""
    if names:
        names.write_text(vocabulary)
    found = label_files.read_labels(
        str(tmp_path / "l.csv"), "video_id", "labels", str(names)
    )
    assert found == dict(zip("ab", wanted))


@pytest.mark.parametrize(
    "rows, vocabulary, message",
    [
        ("a,1\na,2\n", "", "l.csv: line 3 has 'a' again"),
        ("a,x\n", "", "line 2: 'x' is no label.*--vocabulary"),
        ("a,-1\n", "", "'-1' is no label"),
        ("a\n", "", "line 2 has 1 columns, expected 2"),
        ("a,D\n", OFFICIAL, "'D' is 0 classes of .*vocabulary.csv"),
        ("a,C\n", OFFICIAL + "9,9,y,C\n", "'C' is 2 classes"),
        ("a,C\n", "a,b\n", "no column index, only a, b"),
        ("a,C\n", "", "'C' is no label"),
    ],
)
def test_labels_that_mean_nothing(tmp_path, rows, vocabulary, message):
    (tmp_path / "l.csv").write_text("video_id,labels\n" + rows)
    (tmp_path / "vocabulary.csv").write_text(vocabulary)
    names = str(tmp_path / "vocabulary.csv") if vocabulary else ""
    with pytest.raises(InputError, match=message) as caught:
        label_files.read_labels(
            str(tmp_path / "l.csv"), "video_id", "labels", names
        )
    assert "\n" not in str(caught.value)


def test_a_label_file_that_is_none(tmp_path):
    (tmp_path / "l.csv").write_bytes(b"video_id,labels\n\xff\xfe,1\n")
    for name, message in (
        ("l.csv", "cannot be read: 'utf-8' codec"),
        ("no.csv", "no.csv cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            label_files.read_labels(str(tmp_path / name), "video_id", "labels")
    (tmp_path / "l.csv").write_text("video_id,labels\n")
    with pytest.raises(InputError, match="no column id, only video_id, labels"):
        label_files.read_labels(str(tmp_path / "l.csv"), "id", "labels")


GOOD = np.zeros((2, 4), "float32")


def with_value(value):
    values = GOOD.copy()
    values[1, 2] = value
    return values


@pytest.mark.parametrize(
    "bad, message",
    [
        (GOOD[0], r"z.npz: rgb has the shape \(4,\), expected \(num_frames"),
        (GOOD[None], r"the shape \(1, 2, 4\)"),
        (GOOD[:0], r"the shape \(0, 4\)"),
        (
            GOOD[:, :3],
            r"z.npz has rgb \(3 bytes\); expected rgb \(4 bytes\) as",
        ),
        (GOOD.astype(int), "rgb holds int64; expected floats, or uint8"),
        (GOOD.astype(bool), "rgb holds bool"),
        (GOOD.astype(complex), "rgb holds complex128"),
        (GOOD.astype(str), "rgb holds <U"),
        (GOOD.astype(object), "z.npz cannot be read: Object arrays"),
        (with_value(np.nan), "z.npz: frame 1 of rgb holds nan"),
        (with_value(-np.inf), "frame 1 of rgb holds -inf"),
        (with_value(0).astype("float64") + 1e300, "frame 0 of rgb holds inf"),
        ({"audio": GOOD}, r"has audio \(4 bytes\); expected rgb"),
        ({"rgb": GOOD, "audio": GOOD}, r"has audio .4 bytes., rgb"),
        ({"id": "z"}, "z.npz has no features"),
        ({"rgb": GOOD, "id": "a"}, "a.npz and .*z.npz both hold the video 'a'"),
        ({"rgb": GOOD, "id": ["b", "c"]}, r"\['b', 'c'\] is no video id"),
        ({"rgb": GOOD, "id": ""}, "'' is no video id"),
        ({"rgb": GOOD, "id": 1.5}, "1.5 is no video id"),
        (b"PK\3\4 is broken", "z.npz cannot be read"),
        (b"", "z.npz cannot be read: No data left in file"),
        (b"text", "z.npz cannot be read"),
    ],
)
def test_bad_files_are_refused_and_leave_nothing(tmp_path, bad, message):
    np.savez(tmp_path / "a.npz", rgb=GOOD)
    if isinstance(bad, bytes):
        (tmp_path / "z.npz").write_bytes(bad)
    else:
        bad = bad if isinstance(bad, dict) else {"rgb": bad}
        np.savez(tmp_path / "z.npz", **bad)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        tool.convert(f"{tmp_path}/*.npz", tmp_path, num_shards=2)
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == before
    assert not list(tmp_path.glob(".train*"))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"pattern": "none/*.npy"}, "--features=none/.*: a pattern matches no"),
        ({"pattern": __file__}, "expected .npy, .npz or .parquet files"),
        ({"num_shards": 3}, "2 videos to write into --num_shards=3"),
        ({"labels": {"b": [1]}}, "1 of 2 videos have no row .* first is 'a'"),
        ({"split": "a/b"}, "--split=a/b .*: expected a split of letters"),
        ({"id_key": "labels"}, "and a key other than labels"),
        ({"output_dir": __file__}, "cannot write in .*: .*--output_dir"),
        ({"split": "there"}, "there00000-of-00007.tfrecord is there already"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path, changes, message):
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", GOOD)
    (tmp_path / "there00000-of-00007.tfrecord").touch()
    before = contents(tmp_path)
    options = {"pattern": f"{tmp_path}/*.npy", "output_dir": tmp_path}
    with pytest.raises(InputError, match=message) as caught:
        tool.convert(**{**options, **changes})
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == before


def test_bytes_and_floats_are_not_mixed(tmp_path):
    np.savez(tmp_path / "a.npz", rgb=GOOD, audio=GOOD.astype("uint8"))
    with pytest.raises(InputError, match="all bytes or all floats"):
        tool.convert(
            f"{tmp_path}/*.npz", tmp_path, preparer=tool.Preparer(None)
        )
    assert read(
        tool.convert(f"{tmp_path}/*.npz", tmp_path), feature_sizes=[4, 4]
    )


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"video_id": list("aabba")}, "'a' comes back after other videos"),
        ({"video_id": ["a", None, *"abc"]}, "None is no video id"),
        ({"id": [1] * 5, "video_id": None}, "no column 'video_id', only"),
        ({"frame": list("01234")}, "column 'frame' holds text"),
        ({"visual": None}, "has no column of lists, only video_id, note"),
        ({"visual": [[0.5]] * 4 + [[0.5, 1]]}, r"lists of \[1, 2\] values"),
        ({"visual": [[0.5]] * 4 + [None]}, r"of \[1\] values, 1 missing"),
        ({"visual": [[0.5]] * 4 + [[None]]}, r"of \[1\] values, 1 missing"),
        ({"visual": [[1]] * 5}, "visual holds int64"),
        ({"visual": [["x"]] * 5}, "visual holds object"),
        ({"visual": [[[1.0]]] * 5}, "visual holds object"),
        ({"visual": [[]] * 5}, r"the shape \(5, 0\)"),
        ({"visual": [[0.5]] * 4 + [[np.nan]]}, "'a': frame 4 of visual"),
    ],
)
def test_bad_parquet_is_refused(tmp_path, columns, message):
    made = {"a": {"visual": np.zeros((5, 2), "float32")}}
    parquet = save_parquet(tmp_path / "a.parquet", made, **columns)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        tool.convert(parquet, tmp_path)
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == before


def test_broken_parquet_is_refused(tmp_path):
    made = videos(2)
    whole = pathlib.Path(save_parquet(tmp_path / "a.parquet", made))
    whole.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(InputError, match="a.parquet cannot be read"):
        tool.convert(str(whole), tmp_path)


def test_without_pyarrow_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        InputError, match=r"pip install yt8m_distill\[parquet\]"
    ):
        tool.convert(f"{tmp_path}/a.parquet", tmp_path)


def test_shards_are_moved_together(tmp_path, monkeypatch):
    pattern = save(tmp_path / "in", videos())
    rename, moved = tool.os.rename, []

    def break_down(source, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(target)
        rename(source, target)

    monkeypatch.setattr(tool.os, "rename", break_down)
    with pytest.raises(KeyboardInterrupt):
        tool.convert(pattern, tmp_path / "out", num_shards=2)
    assert moved and not list((tmp_path / "out").iterdir())


def test_the_clipped_share_is_printed(tmp_path, capsys):
    values = np.zeros((10, 10), "float32")
    values[0, :3] = [2, -2, 2.001]
    np.save(tmp_path / "a.npy", values)
    tool.convert(f"{tmp_path}/a.npy", tmp_path, "a")
    printed = capsys.readouterr().out
    assert "rgb: 1.000% of the values were outside [-2, 2] and clip" in printed
    assert "warning" not in printed
    preparer = tool.Preparer((-1.0, 2.5))
    written = tool.convert(
        f"{tmp_path}/a.npy", tmp_path, "b", preparer=preparer
    )
    printed = capsys.readouterr().out
    assert "outside [-1, 2.5]" in printed and "warning" not in printed
    ((_, (found,)),) = read(written, feature_sizes=[10]).values()
    assert found[0, :4].tolist() == [219, 0, 219, 73]
    values[0, 3] = -9
    np.save(tmp_path / "a.npy", values)
    tool.convert(f"{tmp_path}/a.npy", tmp_path, "c")
    assert "warning: more than 1% of rgb was clip" in capsys.readouterr().out


@pytest.mark.parametrize(
    "values", [["1"], ["2", "-2"], ["a", "b"], ["0", "inf"]]
)
def test_a_range_is_two_rising_values(values):
    assert tool.parse_bounds(["-2", "2"]) == (-2.0, 2.0)
    with pytest.raises(InputError, match="--quantize_range=.*such as -2,2"):
        tool.parse_bounds(values)


def test_the_program(tmp_path):
    made = videos()
    save(tmp_path / "in", made, "visual")
    labels = [f"{name},C" for name in made]
    (tmp_path / "l.csv").write_text("\n".join(["name,classes", *labels]))
    (tmp_path / "vocabulary.csv").write_text(AUDIOSET)
    arguments = [
        *(sys.executable, "tools/features_to_shards.py"),
        f"--features={tmp_path}/in/*.npy",
        *(f"--output_dir={tmp_path}", "--quantize=False", "--num_shards=2"),
        *(f"--labels_csv={tmp_path}/l.csv", "--labels_column=classes"),
        *("--feature_name=visual", "--id_column=name"),
    ]
    runs = [  # at the same time
        subprocess.Popen(
            [*arguments, *more],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for more in ([f"--vocabulary={tmp_path}/vocabulary.csv"], [])
    ]
    (out, err), (_, refused) = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 1], err
    assert "5 videos in 2 shards" in out and not err
    assert refused.startswith("error: ") and refused.count("\n") == 1
    found = read(f"{tmp_path}/train?????-of-00002.tfrecord")
    assert {
        name: labels for name, (labels, _) in found.items()
    } == dict.fromkeys(made, [3])
