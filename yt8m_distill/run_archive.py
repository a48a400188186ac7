"""A run as one file: a tar.gz of what eval and inference need."""

import os
import pathlib
import shutil
import tarfile
import tempfile
import zlib

from yt8m_distill import files
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory

CONFIG, MODEL_FLAGS, MODELS = "config.json", "model_flags.json", "checkpoints"


def write(run, checkpoint, path):
    """Writes the archive of a run, whole or not at all.

    Args:
        run: a `RunDirectory`.
        checkpoint: str, the model that goes into it.
        path: str, name of the archive.

    Raises:
        InputError: it cannot be written.
    """
    model = pathlib.Path(run.checkpoint(checkpoint)).relative_to(run.path)
    with files.written_whole(path, "wb") as opened:
        with tarfile.open(fileobj=opened, mode="w:gz") as archive:
            for name in (CONFIG, MODEL_FLAGS, model):
                archive.add(run.path / name, arcname=str(name))


def unpack(path, directory):
    """Unpacks an archive into a directory that then is a run.

    What an archive before it left there is replaced, other files stay.

    Args:
        path: str, an archive as of `write`.
        directory: str; made if needed, but a training's own is refused.

    Returns:
        list of str, the names of the models.

    Raises:
        InputError: the archive cannot be read or holds something else, or
            there is a training in the directory.
    """
    files.refuse_remote(path)
    run = RunDirectory(directory)
    _refuse_training(run)
    try:
        run.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=run.path.parent, prefix=f".{run.path.name}."
        ) as temporary:
            unpacked = pathlib.Path(temporary)
            with tarfile.open(path, "r:gz") as archive:
                for member in _members(archive):
                    _write(archive.extractfile(member), unpacked / member.name)
            models = sorted(one.stem for one in unpacked.glob("*/*.keras"))
            if not models or not (unpacked / CONFIG).exists():
                lacks = MODELS if (unpacked / CONFIG).exists() else CONFIG
                raise InputError(
                    f"{path} holds no model of this package (no {lacks}); "
                    "models of the starter code have to be trained anew"
                )
            _replace(unpacked, run.path)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise InputError(
            f"cannot unpack {path} into {directory}: {error}; give an archive "
            "made with --output_model_tgz"
        ) from None
    return models


def _refuse_training(run):
    # The first is there from the start, the others from the end of an epoch.
    for file in (run.path / "flags.txt", run.metrics_file, run.resume_file):
        if file.exists():
            raise InputError(
                f"--untar_model_dir={run.path} holds a training; give another "
                "directory, or --train_dir in place of --input_model_tgz"
            )


def _members(archive):
    """What belongs to a run, without a leading `./`."""
    for member in archive:
        member.name = member.name.removeprefix("./")
        folder, _, name = member.name.rpartition("/")
        is_model = folder == MODELS and name.endswith(".keras")
        if member.isfile() and (
            is_model or member.name in (CONFIG, MODEL_FLAGS)
        ):
            yield member


def _write(opened, path):
    """Writes a member: its bytes alone, no owner, mode or link."""
    path.parent.mkdir(exist_ok=True)
    with opened, open(path, "wb") as copy:
        shutil.copyfileobj(opened, copy)


def _replace(unpacked, target):
    """Moves a run's files; cut short, it leaves a directory without a run."""
    target.mkdir(exist_ok=True)
    for name in (CONFIG, MODEL_FLAGS):
        (target / name).unlink(missing_ok=True)
    if (target / MODELS).exists():
        shutil.rmtree(target / MODELS)
    for name in (MODELS, MODEL_FLAGS, CONFIG):
        if (unpacked / name).exists():
            os.replace(unpacked / name, target / name)
