import pathlib
import tempfile

import numpy as np
import pytest

from yt8m_distill.errors import InputError
from yt8m_distill.temporary_arrays import TemporaryArrays


def test_arrays_come_back_as_they_were():
    kept = TemporaryArrays()
    arrays = [np.arange(6.0).reshape(2, 3), np.array([True, False, True])]
    found = [kept.keep(array) for array in arrays]
    for array, same in zip(arrays, found):
        assert same.dtype == array.dtype and not same.flags.writeable
        np.testing.assert_array_equal(same, array)


@pytest.mark.skipif(
    not pathlib.Path("/dev/full").exists(), reason="no disk that is full"
)
def test_a_full_disk_is_told_in_a_line(monkeypatch):
    monkeypatch.setattr(
        tempfile, "TemporaryFile", lambda: open("/dev/full", "r+b")
    )
    with pytest.raises(InputError, match="TMPDIR"):
        TemporaryArrays().keep(np.zeros(1 << 20))
