"""Inference in parts, and the file that its parts make."""

import gzip
import json
import pathlib
import shutil

import pytest

from tests.conftest import load_tool
from tests.test_experiment import train
from yt8m_distill import config, length_buckets, output_parts, scoring_runs
from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import formats


@pytest.fixture(scope="module")
def run(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(synthetic_shards, path, "--num_epochs=1")
    return path


@pytest.fixture(scope="module")
def segment_run(rated_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "segments"
    train(
        rated_shards,
        path,
        f"--train_data_pattern={rated_shards}/validate*",
        f"--eval_data_pattern={rated_shards}/test*",
        "--segment_labels",
        "--num_epochs=1",
    )
    return path


def infer(run, shards, output, *more, part=None):
    flags = [
        f"--train_dir={run}",
        f"--input_data_pattern={shards}",
        f"--output_file={output}",
        *more,
    ]
    if part:
        flags += [f"--shard_index={part[0]}", f"--num_shards={part[1]}"]
    return pathlib.Path(scoring_runs.infer(config.parse("inference", flags)))


def test_names_of_parts():
    for path, expected in {
        "a/out.csv": "a/out-00001-of-00004.csv",
        "out.csv.gz": "out-00001-of-00004.csv.gz",
        "out.v2.jsonl": "out.v2-00001-of-00004.jsonl",
        "out.v2": "out.v2-00001-of-00004",
        "out": "out-00001-of-00004",
    }.items():
        assert output_parts.name(path, 1, 4) == expected


@pytest.fixture(scope="module")
def large_shards(tmp_path_factory, make_synthetic_shards):
    """Two files of 36 videos of many lengths."""
    folder = tmp_path_factory.mktemp("large")
    make_synthetic_shards.make_shards(
        folder,
        {"test": 72},
        2,
        7,
        min_frames=3,
        max_frames=12,
        label_noise=0.1,
        seed=0,
    )
    return f"{folder}/test*"


# Parts of whole files, whose batches are those of all, and of records, which
# are alone so that their batches are the same too.
@pytest.mark.parametrize(
    "name, count, batch_size",
    [
        ("out.csv", 2, 4),
        ("out.csv", 3, 1),
        ("out.csv.gz", 2, 4),
        ("out.jsonl", 2, 4),
        ("out.parquet", 2, 4),
    ],
)
def test_the_joined_file_is_that_of_one_process(
    name, count, batch_size, run, large_shards, tmp_path, monkeypatch
):
    monkeypatch.setattr(length_buckets, "ENOUGH_BATCHES", 2)
    if "parquet" in name:
        pytest.importorskip("pyarrow")
    shards = large_shards
    flags = [
        f"--output_format={formats.of(name)}",
        "--top_k=3",
        f"--batch_size={batch_size}",
    ]
    whole = infer(run, shards, tmp_path / "whole" / name, *flags)
    for index in range(count):
        part = infer(run, shards, tmp_path / name, *flags, part=(index, count))
        assert f"-0000{index}-of-0000{count}" in part.name
    assert load_tool("join_predictions").join(str(tmp_path / name)) == 72
    if name == "out.csv.gz":
        assert gzip.decompress((tmp_path / name).read_bytes()) == (
            gzip.decompress(whole.read_bytes())
        )
    elif name == "out.parquet":
        import pyarrow.parquet

        assert pyarrow.parquet.read_table(tmp_path / name).equals(
            pyarrow.parquet.read_table(whole)
        )
    else:
        assert (tmp_path / name).read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_segments_are_ranked_over_all_parts(
    name, segment_run, rated_shards, tmp_path
):
    (tmp_path / "names.csv").write_text(
        "index,name\n" + "".join(f"{n},class {n}\n" for n in range(7))
    )
    flags = [
        f"--output_format={formats.of(name)}",
        "--segment_max_pred=20",
        f"--vocabulary={tmp_path}/names.csv",
    ]
    shards = f"{rated_shards}/test*"
    whole = infer(segment_run, shards, tmp_path / "whole" / name, *flags)
    for index in range(2):
        infer(segment_run, shards, tmp_path / name, *flags, part=(index, 2))
    count = load_tool("join_predictions").join(str(tmp_path / name))
    assert count > 24 * 3
    assert (tmp_path / name).read_bytes() == whole.read_bytes()


@pytest.fixture(scope="module")
def written(run, synthetic_shards, tmp_path_factory):
    """Two parts of one file."""
    folder = tmp_path_factory.mktemp("parts")
    for index in range(2):
        infer(
            run,
            f"{synthetic_shards}/test*",
            folder / "out.csv",
            part=(index, 2),
        )
    return folder


PART = "out-00001-of-00002.csv"


def _change(folder, **values):
    path = folder / f"{PART}.json"
    manifest = json.loads(path.read_text())
    manifest["shared"].update(values)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "breaks, message",
    [
        (lambda f: (f / PART).unlink(), "part 1 of 2 .* is missing"),
        (lambda f: (f / f"{PART}.json").unlink(), "1 of 2 .*--shard_index=1"),
        (lambda f: (f / PART).write_bytes(b"VideoId"), "not what inference"),
        (lambda f: (f / f"{PART}.json").write_text("{"), "is no manifest"),
        (lambda f: _change(f, top_k=3), "has top_k 3, .* has 20"),
        (lambda f: _change(f, models=["x"]), "has models"),
        (lambda f: _change(f, file_names="x"), "has file_names"),
        (
            lambda f: [
                shutil.copy(f / f"out-00000-of-00002.csv{e}", f / f"{PART}{e}")
                for e in ("", ".json")
            ],
            "was written as part 0 of 2",
        ),
        (
            lambda f: [
                shutil.copy(f / f"{PART}{e}", f / f"{PART}.jsonl{e}")
                for e in ("", ".json")
            ],
            "are both part 1",
        ),
        (lambda f: [one.unlink() for one in f.iterdir()], "has no parts"),
    ],
)
def test_parts_that_do_not_make_a_whole(written, tmp_path, breaks, message):
    folder = tmp_path / "parts"
    shutil.copytree(written, folder)
    breaks(folder)
    with pytest.raises(InputError, match=message):
        load_tool("join_predictions").join(str(folder / "out.csv"))
    assert not (folder / "out.csv").exists()


def test_parts_of_different_numbers(written, tmp_path, run, synthetic_shards):
    folder = tmp_path / "parts"
    shutil.copytree(written, folder)
    infer(run, f"{synthetic_shards}/test*", folder / "out.csv", part=(2, 3))
    with pytest.raises(InputError, match="has parts of 2 and of 3"):
        load_tool("join_predictions").join(str(folder / "out.csv"))


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--shard_index=0"], "give both"),
        (["--num_shards=2"], "give both"),
        (["--shard_index=2", "--num_shards=2"], "give one from 0 to 1"),
        (["--shard_index=-1", "--num_shards=2"], "give one from 0 to 1"),
        (["--shard_index=0", "--num_shards=0"], "num_shards=0; give at least"),
    ],
)
def test_parts_that_are_none(flags, message):
    with pytest.raises(InputError, match=message):
        config.parse(
            "inference", ["--train_dir=x", "--input_data_pattern=y", *flags]
        )
