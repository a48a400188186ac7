"""Files that are read at any place.

A remote or a compressed file is copied to a temporary folder first, as it is
needed, and the copies looked at longest ago are given up; for several epochs
over many remote shards download them once (`tools/download_yt8m.py`).

Bytes are read into memory, not mapped: in the first pass over a file a page
that is mapped costs more than its bytes cost to copy.
"""

import collections
import functools
import os
import shutil
import tempfile
import threading
import weakref
import zlib

import tensorflow as tf

from yt8m_distill import tfrecord
from yt8m_distill.errors import InputError, RecordError

OPEN_FILES = 64
# Copies on disk at a time: twice as many as are shuffled together.
LOCAL_COPIES = 32
# First bytes of gzip and zlib streams.
COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_BLOCK = 1 << 20


class OpenFile:
    """A local file.

    Args:
        path: str.

    Attributes:
        size: int, bytes.
        is_whole: bool, False for what was compressed and ends early.

    Raises:
        InputError: it cannot be opened.
    """

    def __init__(self, path):
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        self._finalizer = weakref.finalize(self, os.close, self._descriptor)
        self.is_whole = True
        self.size = os.fstat(self._descriptor).st_size

    def read(self, start, length):
        """Bytes from `start` on; fewer than `length` where the file ends."""
        return os.pread(self._descriptor, length, start)

    def read_into(self, memory, start):
        """Fills a memoryview from `start` on; returns the bytes read."""
        return os.preadv(self._descriptor, (memory,), start)


class OpenFiles:
    """Opens files, as many at a time as is reasonable; for several threads."""

    def __init__(self):
        self._needs_copy = functools.cache(
            lambda file: "://" in file or _is_compressed(file)
        )
        self._local = _Latest(OpenFile, OPEN_FILES)
        self._copies = _Latest(_copied, LOCAL_COPIES)

    def get(self, file):
        """An `OpenFile` with the (decompressed) bytes of a file.

        Raises:
            InputError: it cannot be read or copied.
            RecordError: it is compressed and damaged.
        """
        kept = self._copies if self._needs_copy(file) else self._local
        return kept.get(file)


class _Latest:
    """What a function returned for the latest so many keys."""

    def __init__(self, function, limit):
        self._function = function
        self._limit = limit
        self._kept = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, key):
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._function(key)
            self._kept.move_to_end(key)
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
            return self._kept[key]


def _copied(file):
    # An open file's bytes live on when the folder is gone.
    with tempfile.TemporaryDirectory(prefix="yt8m_distill_") as folder:
        path = os.path.join(folder, "copy")
        whole = True
        try:
            with tf.io.gfile.GFile(file, "rb") as source:
                with open(path, "wb") as target:
                    shutil.copyfileobj(source, target, _BLOCK)
            if _is_compressed(path):
                path, whole = _decompressed(path)
        except tf.errors.OpError as error:
            raise InputError(f"cannot read {file}: {error.message}") from None
        except zlib.error as error:
            raise RecordError(
                f"{file}: damaged compressed file ({error}); copy it anew",
                "damaged compression",
            ) from None
        opened = OpenFile(path)
        opened.is_whole = whole
        return opened


def _is_compressed(path):
    """Whether a local file is gzip or zlib around TFRecords."""
    head = OpenFile(path).read(0, tfrecord.HEADER_SIZE)
    return head.startswith(COMPRESSED) and not tfrecord.is_tfrecord(head)


def _decompressed(path):
    """Decompresses a gzip or zlib file as far as it goes.

    Returns:
        `(path, whole)` of the new file.
    """
    output = path + "_decompressed"
    with open(path, "rb") as source, open(output, "wb") as target:
        stream = zlib.decompressobj(wbits=47)
        while block := source.read(_BLOCK):
            while block:
                target.write(stream.decompress(block))
                block = stream.unused_data
                if block:  # another member follows
                    stream = zlib.decompressobj(wbits=47)
    return output, stream.eof
