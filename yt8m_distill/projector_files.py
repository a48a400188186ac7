"""Vectors as TensorBoard's projector reads them."""

import pathlib
import re
from typing import NamedTuple

import numpy as np

from yt8m_distill import files

# The folder of vectors beside the projector's configuration, which has to lie
# where TensorBoard is pointed at.
FOLDER = "representations"


class Vectors(NamedTuple):
    """Vectors that are looked at together.

    Attributes:
        name: str, unique.
        values: float `(count, dim)`.
        columns: dict name → list of `count` str, what is known of each.
    """

    name: str
    values: np.ndarray
    columns: dict


def write(folder, all_vectors):
    """Writes `projector_config.pbtxt` and what it names.

    Args:
        folder: path, what `tensorboard --logdir` is given.
        all_vectors: list of `Vectors`.

    Raises:
        InputError: the files cannot be written.
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig, metadata

    folder = pathlib.Path(folder)
    config = ProjectorConfig()
    for number, vectors in enumerate(all_vectors):
        name = f"{number}_{re.sub(r'[^A-Za-z0-9_.-]+', '_', vectors.name)}"
        entry = config.embeddings.add()
        entry.tensor_name = vectors.name
        entry.tensor_path = f"{FOLDER}/{name}_embeddings.tsv"
        entry.metadata_path = f"{FOLDER}/{name}_metadata.tsv"
        with files.written_whole(folder / entry.tensor_path) as opened:
            np.savetxt(opened, vectors.values, "%.6g", delimiter="\t")
        with files.written_whole(folder / entry.metadata_path) as opened:
            opened.write("\t".join(vectors.columns) + "\n")
            for row in zip(*vectors.columns.values()):
                opened.write("\t".join(map(_one_field, row)) + "\n")
    with files.written_whole(folder / metadata.PROJECTOR_FILENAME) as opened:
        opened.write(text_format.MessageToString(config))


def _one_field(text):
    """A text without what ends a field or a line; never empty."""
    return re.sub(r"\s+", " ", text).strip() or "-"
