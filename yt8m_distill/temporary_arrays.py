"""Arrays that are kept on disk while the program runs."""

import tempfile
import weakref

import numpy as np

from yt8m_distill.errors import InputError


class TemporaryArrays:
    """A file without a name, in the folder that Python's `tempfile` takes."""

    def __init__(self):
        self._file = None

    def keep(self, array):
        """Writes an array; returns it as a read-only `np.memmap`.

        Raises:
            InputError: the disk is full.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile()
            weakref.finalize(self, self._file.close)
        start = self._file.seek(0, 2)
        try:
            array.tofile(self._file)
            self._file.flush()
        except OSError as error:
            raise InputError(
                f"cannot keep {(start + array.nbytes) / 1e9:.1f} GB in "
                f"{tempfile.gettempdir()} ({error}); set TMPDIR to a folder "
                "with more room, or look at fewer videos"
            ) from None
        return np.memmap(self._file, array.dtype, "r", start, array.shape)
