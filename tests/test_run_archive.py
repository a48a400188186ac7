"""--output_model_tgz, --input_model_tgz and what they refuse."""

import io
import pathlib
import tarfile

import pytest

from tests.test_experiment import train
from yt8m_distill import config, run_archive, scoring_runs
from yt8m_distill.errors import InputError


@pytest.fixture(scope="module")
def run_dir(synthetic_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(synthetic_shards, path, "--num_epochs=1")
    return path


def infer(shards, folder, *more):
    return pathlib.Path(
        scoring_runs.infer(
            config.parse(
                "inference",
                [
                    f"--input_data_pattern={shards}/test*",
                    f"--output_file={folder}/predictions.csv",
                    *more,
                ],
            )
        )
    ).read_text()


def test_an_archive_stands_for_its_run(run_dir, synthetic_shards, tmp_path):
    archive = tmp_path / "model.tgz"
    first = infer(
        synthetic_shards,
        tmp_path,
        f"--train_dir={run_dir}",
        f"--output_model_tgz={archive}",
        "--num_readers=3",
    )
    with tarfile.open(archive) as opened:
        assert sorted(opened.getnames()) == [
            "checkpoints/best.keras",
            "config.json",
            "model_flags.json",
        ]
    unpacked = tmp_path / "unpacked"
    for _ in range(2):  # over what is there from before
        again = infer(
            synthetic_shards,
            tmp_path,
            f"--input_model_tgz={archive}",
            f"--untar_model_dir={unpacked}",
        )
        assert again == first


def test_archives_are_whole_or_not_there(run_dir, tmp_path):
    path = tmp_path / "model.tgz"
    run = run_archive.RunDirectory(run_dir)
    with pytest.raises(FileNotFoundError):
        run_archive.write(run, "teacher", path)
    assert list(tmp_path.iterdir()) == []


def make_archive(path, name, content=b"{}"):
    with tarfile.open(path, "w:gz") as archive:
        for member in (name, "config.json"):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize(
    "kind", ["outside", "text", "cut off", "missing", "other"]
)
def test_archives_that_cannot_be_used(kind, tmp_path):
    path = tmp_path / "model.tgz"
    message = "cannot unpack .*; give an archive made with --output_model_tgz"
    if kind == "outside":
        message = r"no model of this package \(no checkpoints\)"
        make_archive(path, "../outside.txt")
    elif kind == "text":
        path.write_text("no archive")
    elif kind == "cut off":
        make_archive(path, "x", bytes(9999))
        path.write_bytes(path.read_bytes()[:-30])
    elif kind == "other":
        message = "no config.json.*models of the starter code have to be"
        with tarfile.open(path, "w:gz"):
            pass
    with pytest.raises(InputError, match=message):
        run_archive.unpack(path, tmp_path / "inside" / "model")
    inside = tmp_path / "inside"
    assert not inside.exists() or list(inside.iterdir()) == []


def test_a_training_is_never_unpacked_over(run_dir, tmp_path):
    make_archive(tmp_path / "model.tgz", "x")
    before = (run_dir / "config.json").read_bytes()
    with pytest.raises(InputError, match="holds a training"):
        run_archive.unpack(tmp_path / "model.tgz", run_dir)
    assert (run_dir / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--train_dir=a", "--input_model_tgz=b"],
            "--input_model_tgz and --train_dir exclude each other",
        ),
        (
            ["--train_dir=a,b", "--output_model_tgz=c"],
            "--output_model_tgz takes the model of one run",
        ),
        (
            ["--train_dir=a", "--checkpoint_file=model.ckpt-10"],
            "give --checkpoint=best, last or teacher",
        ),
    ],
)
def test_flags_that_do_not_go_together(
    flags, message, synthetic_shards, tmp_path
):
    with pytest.raises(InputError, match=message):
        infer(synthetic_shards, tmp_path, *flags)


def test_a_run_or_an_archive_is_needed():
    options = config.parse("inference", [])
    with pytest.raises(
        InputError, match="--train_dir or --input_model_tgz is needed"
    ):
        config.require(options, *config.REQUIRED["inference"])


@pytest.mark.parametrize(
    "file", ["flags.txt", "metrics.jsonl", "checkpoints/resume.weights.h5"]
)
def test_nor_over_one_in_its_first_epoch(file, tmp_path):
    make_archive(tmp_path / "model.tgz", "checkpoints/best.keras")
    (tmp_path / "run" / file).parent.mkdir(parents=True)
    (tmp_path / "run" / file).touch()
    with pytest.raises(InputError, match="holds a training"):
        run_archive.unpack(tmp_path / "model.tgz", tmp_path / "run")


def test_another_archive_replaces_the_one_before(tmp_path):
    archive, run = tmp_path / "model.tgz", tmp_path / "run"
    make_archive(archive, "./checkpoints/best.keras", b"old")
    assert run_archive.unpack(archive, run) == ["best"]
    (run / "own.txt").touch()
    make_archive(archive, "checkpoints/last.keras", b"new")
    assert run_archive.unpack(archive, run) == ["last"]
    found = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
    assert found == {"own.txt", "config.json", "checkpoints/last.keras"}
    assert (run / "checkpoints/last.keras").read_bytes() == b"new"
    make_archive(archive, "checkpoints/last.keras")
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(InputError, match="cannot unpack"):
        run_archive.unpack(archive, run)
    assert (run / "checkpoints/last.keras").read_bytes() == b"new"
    assert {path.name for path in tmp_path.iterdir()} == {"model.tgz", "run"}


def test_the_only_model_of_an_archive_is_used(
    run_dir, synthetic_shards, tmp_path
):
    archive = tmp_path / "model.tgz"
    run_archive.write(run_archive.RunDirectory(run_dir), "last", archive)
    given = [
        f"--input_model_tgz={archive}",
        f"--untar_model_dir={tmp_path}/unpacked",
    ]
    last = [f"--train_dir={run_dir}", "--checkpoint=last"]
    found = [infer(synthetic_shards, tmp_path, *more) for more in (given, last)]
    assert found[0] == found[1]
    with pytest.raises(InputError, match="no model at .*best.keras"):
        infer(synthetic_shards, tmp_path, *given, "--checkpoint=best")


def test_no_archive_without_shards(run_dir, tmp_path):
    with pytest.raises(InputError, match="no file matches"):
        infer(
            tmp_path,
            tmp_path,
            f"--train_dir={run_dir}",
            f"--output_model_tgz={tmp_path}/model.tgz",
        )
    assert list(tmp_path.iterdir()) == []
