"""What a frozen teacher gives for each training video, computed once.

A cache is a directory: `cache.json` with the fingerprint of what it was made
from, and parts of `PART_SIZE` videos, each of three arrays: `…-video_id.npy`,
`…-representation.npy` and `…-logits.npy` in float16. A part is written when it
is complete, the ids last, so that an interrupted filling goes on where it was.
"""

import hashlib
import json
import os
import pathlib

import numpy as np
import tensorflow as tf

from yt8m_distill import files
from yt8m_distill.errors import InputError

PART_SIZE = 4096
OUTPUTS = ("representation", "logits")


class CachedTeacher:
    """Stands for a teacher whose outputs come with the batch.

    Args:
        name: str, the teacher's name.
        representation_dim: int.
        num_classes: int.
    """

    def __init__(self, name, representation_dim, num_classes):
        self.name = name
        self.output_shapes = {
            "representation": (None, representation_dim),
            "logits": (None, num_classes),
        }

    def keys(self):
        """Output → its key in the batch."""
        return {output: f"{self.name}/{output}" for output in OUTPUTS}

    def outputs(self, batch):
        """The teacher's outputs, a dict of float32 tensors."""
        return {
            output: tf.cast(batch[key], tf.float32)
            for output, key in self.keys().items()
        }


class TeacherCache:
    """The directory of one teacher's outputs.

    Args:
        path: str, the directory.
        teacher: `CachedTeacher`, for names and sizes.
        fingerprint: dict of JSON values, what the outputs depend on. A value
            that is not known yet is None and not compared.

    Raises:
        InputError: the directory holds the outputs of something else, or
            cannot be written.
    """

    def __init__(self, path, teacher, fingerprint):
        files.refuse_remote(path)
        self.path = pathlib.Path(path)
        self.teacher = teacher
        self.fingerprint = json.loads(json.dumps(fingerprint))
        self._rows = None
        self._arrays = []
        self._check()
        self._check_writable()

    @property
    def bytes_per_video(self):
        """Size of what is kept for a video, without its id."""
        return 2 * sum(
            shape[-1] for shape in self.teacher.output_shapes.values()
        )

    def fill(self, outputs_of, video_ids):
        """Computes what is not there yet.

        Args:
            outputs_of: function of a range of video numbers to a dict of
                arrays `(videos, …)`, by output's name.
            video_ids: list of bytes, the id of every video.

        Returns:
            int, the number of videos that were computed now.

        Raises:
            InputError: two videos have the same id, or the disk is full.
        """
        check_ids(video_ids)
        self.path.mkdir(parents=True, exist_ok=True)
        files.write_json(self.path / "cache.json", self.fingerprint)
        computed = 0
        for part, start in enumerate(range(0, len(video_ids), PART_SIZE)):
            if self._is_complete(part):
                continue
            numbers = range(start, min(start + PART_SIZE, len(video_ids)))
            outputs = outputs_of(numbers)
            for name in OUTPUTS:
                values = np.asarray(outputs[name])
                largest = np.finfo(np.float16).max
                if not (np.abs(values) <= largest).all():
                    raise InputError(
                        f"the teacher's {name} are not finite in float16; "
                        "train without --teacher_cache"
                    )
                self._save(part, name, values.astype(np.float16))
            ids = np.array([video_ids[number] for number in numbers], object)
            self._save(part, "video_id", ids.astype("S"))
            computed += len(numbers)
        self._open()
        return computed

    def read(self, video_ids):
        """The outputs for some videos.

        Args:
            video_ids: iterable of bytes.

        Returns:
            dict key in the batch → float16 array `(videos, …)`.
        """
        rows = [self._rows[video_id.rstrip(b"\0")] for video_id in video_ids]
        return {
            key: np.stack(
                [self._arrays[part][output][row] for part, row in rows]
            )
            for output, key in self.teacher.keys().items()
        }

    def _open(self):
        self._rows, self._arrays = {}, []
        part = 0
        while self._is_complete(part):
            ids = np.load(self._file(part, "video_id"))
            self._rows.update(
                (video_id, (part, row))
                for row, video_id in enumerate(ids.tolist())
            )
            self._arrays.append(
                {
                    output: np.load(self._file(part, output), mmap_mode="r")
                    for output in OUTPUTS
                }
            )
            part += 1

    def _is_complete(self, part):
        return all(
            self._file(part, name).exists() for name in (*OUTPUTS, "video_id")
        )

    def _check_writable(self):
        there = self.path
        while not there.exists() and there != there.parent:
            there = there.parent
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise InputError(
                f"cannot write a teacher cache to {self.path}; give another "
                "--teacher_cache"
            )

    def _check(self):
        try:
            found = json.loads((self.path / "cache.json").read_text())
            # Caches of earlier versions do not say so.
            found.setdefault("precision", "float32")
        except (FileNotFoundError, NotADirectoryError):
            return
        except json.JSONDecodeError:
            found = {}
        wanted = self.fingerprint
        for key in {**wanted, **found}:
            if wanted.get(key) is not None and found.get(key) != wanted[key]:
                raise InputError(
                    f"the teacher cache in {self.path} is stale: {key} was "
                    f"{found.get(key)} and is {wanted.get(key)}; remove the "
                    "directory or give another --teacher_cache"
                )

    def _file(self, part, name):
        return self.path / f"part{part:05}-{name}.npy"

    def _save(self, part, name, array):
        path = self._file(part, name)
        # Two runs may fill one cache at the same time.
        temporary = path.with_suffix(f".partial{os.getpid()}.npy")
        try:
            np.save(temporary, array)
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise InputError(
                f"cannot write {path}: {error.strerror}; give another "
                "--teacher_cache"
            ) from None


def check_ids(video_ids):
    """Refuses videos that a cache could not tell apart.

    Raises:
        InputError: two videos have the same id.
    """
    different = len({video_id.rstrip(b"\0") for video_id in video_ids})
    if different < len(video_ids):
        raise InputError(
            f"{len(video_ids):,} videos have only {different:,} different ids, "
            "so a cache cannot tell them apart; train without --teacher_cache"
        )


def file_hash(path):
    """A short SHA-256 of a file, as text."""
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]
