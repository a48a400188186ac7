"""Arrays that are kept on disk while the program runs."""

import tempfile
import weakref

import numpy as np


class TemporaryArrays:
    """A file without a name, in the folder that Python's `tempfile` takes."""

    def __init__(self):
        self._file = None

    def keep(self, array):
        """Writes an array; returns it as a read-only `np.memmap`."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()
            weakref.finalize(self, self._file.close)
        start = self._file.seek(0, 2)
        array.tofile(self._file)
        self._file.flush()
        return np.memmap(self._file, array.dtype, "r", start, array.shape)
