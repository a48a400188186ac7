"""A run as one file: a tar.gz of what eval and inference need."""

import pathlib
import tarfile
import zlib

from yt8m_distill import files
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory

CONTENTS = ("config.json", "model_flags.json")


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
            for name in (*CONTENTS, model):
                archive.add(run.path / name, arcname=str(name))


def unpack(path, directory):
    """Unpacks an archive into a directory that then is a run.

    Args:
        path: str, an archive as of `write`.
        directory: str; made if needed, but a training's own is refused.

    Raises:
        InputError: the archive cannot be read or holds something else, or
            there is a training in the directory.
    """
    files.refuse_remote(path)
    run = RunDirectory(directory)
    if run.metrics_file.exists() or run.resume_file.exists():
        raise InputError(
            f"--untar_model_dir={directory} holds a training; give another "
            "directory, or --train_dir in place of --input_model_tgz"
        )
    try:
        with tarfile.open(path, "r:gz") as archive:
            if run.config_file.name not in archive.getnames():
                raise InputError(
                    f"{path} holds no model of this package (no config.json); "
                    "models of the starter code have to be trained anew"
                )
            archive.extractall(directory, filter="data")
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise InputError(
            f"cannot unpack {path} into {directory}: {error}; give an archive "
            "made with --output_model_tgz"
        ) from None
