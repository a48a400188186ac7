"""Memory for batches, used again when nobody looks at a batch any more.

Fresh memory of a batch's size costs the system more time than its bytes cost
the reader. TensorFlow takes over an array whose address suits it, without a
copy, and holds a reference to it as long as any tensor uses it; so an array
nobody else refers to can be filled again.
"""

import sys
import threading

import numpy as np

# TensorFlow takes over arrays at such addresses, others it copies.
ALIGNMENT = 64
# Blocks of each size that are kept: those of the batches in preparation, and
# one in use.
KEPT_BLOCKS = 6
# Sizes of which blocks are kept; batches of videos have two or three.
KEPT_SIZES = 32


class BatchMemory:
    """Arrays for batches; usable from several threads."""

    def __init__(self):
        self._blocks = {}
        self._lock = threading.Lock()

    def array(self, shape, dtype):
        """An array with any content.

        Args:
            shape: tuple of int.
            dtype: NumPy dtype.

        Returns:
            An array whose bytes nobody else uses as long as it, a view of it,
            or a tensor made of it, exists.
        """
        dtype = np.dtype(dtype)
        size = int(np.prod(shape)) * dtype.itemsize
        with self._lock:
            block = self._free_block(size)
            start = -block.ctypes.data % ALIGNMENT
            return block[start : start + size].view(dtype).reshape(shape)

    def _free_block(self, size):
        if size not in self._blocks and len(self._blocks) >= KEPT_SIZES:
            self._blocks.clear()
        blocks = self._blocks.setdefault(size, [])
        for place in range(len(blocks)):
            # The list's reference and that of the call itself.
            if sys.getrefcount(blocks[place]) == 2:
                return blocks[place]
        block = np.empty(size + ALIGNMENT, np.uint8)
        if len(blocks) < KEPT_BLOCKS:
            blocks.append(block)
        return block
