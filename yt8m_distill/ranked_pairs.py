"""Many (score, class, hit) pairs in falling order of scores, in little memory.

Pairs are sorted in runs of a few millions; runs beyond a limit are kept in a
temporary file; the order of all is had by merging the runs piece by piece.
"""

import numpy as np

from yt8m_distill.temporary_arrays import TemporaryArrays

# Pairs that are sorted together, and merged together.
RUN_LENGTH = 1 << 22
# Pairs that are kept in memory, 8 bytes each; others are in a file.
PAIRS_IN_MEMORY = 1 << 26


class RankedPairs:
    """Collects pairs; gives them back ranked.

    Args:
        run_length: int, pairs a run; None: 4 million.
        pairs_in_memory: int, runs beyond are kept on disk; None: 64 million.
    """

    def __init__(self, run_length=None, pairs_in_memory=None):
        self._run_length = run_length or RUN_LENGTH
        self._pairs_in_memory = pairs_in_memory or PAIRS_IN_MEMORY
        self._pending = []
        self._num_pending = 0
        self._runs = []
        self._num_pairs = 0
        self._on_disk = TemporaryArrays()

    def __len__(self):
        return self._num_pairs + self._num_pending

    def add(self, scores, classes, hits):
        """Adds pairs.

        Args:
            scores: float32 or float64 `(pairs,)`, no NaN.
            classes: int `(pairs,)`, below 2³¹.
            hits: bool `(pairs,)`.
        """
        codes = (classes.astype(np.uint32) << 1) | hits
        self._pending.append((scores, codes))
        self._num_pending += len(scores)
        if self._num_pending >= self._run_length:
            self._close_run()

    def falling(self):
        """All pairs, highest score first, ties in the order of adding.

        Yields:
            `(classes, hits)`: uint32 and bool arrays, a piece of the ranking.
        """
        if self._num_pending:
            self._close_run()
        if len(self._runs) < 2:
            for _, codes in self._runs:
                yield _decoded(codes)
            return
        ends = [0] * len(self._runs)
        for lowest in self._cuts():
            starts = ends
            ends = [_first_below(run, lowest) for run, _ in self._runs]
            parts = [
                (scores[start:end], codes[start:end])
                for (scores, codes), start, end in zip(self._runs, starts, ends)
            ]
            scores = np.concatenate([part for part, _ in parts])
            codes = np.concatenate([part for _, part in parts])
            yield _decoded(codes[falling_order(scores)])

    def _close_run(self):
        scores = np.concatenate([scores for scores, _ in self._pending])
        codes = np.concatenate([codes for _, codes in self._pending])
        order = falling_order(scores)
        run = scores[order], codes[order]
        self._num_pairs += len(scores)
        self._pending, self._num_pending = [], 0
        if self._num_pairs > self._pairs_in_memory:
            run = tuple(map(self._on_disk.keep, run))
        self._runs.append(run)

    def _cuts(self):
        """Scores between which lie about `run_length` pairs, falling."""
        step = max(1, self._run_length // 64)
        samples = np.concatenate([run[::step] for run, _ in self._runs])
        cuts = np.sort(samples)[::-1][64::64]
        return [*np.unique(cuts)[::-1].tolist(), -np.inf]


def falling_order(scores):
    """As `np.argsort(-scores, kind="stable")`, faster for float32.

    Args:
        scores: float `(pairs,)`, no NaN; fewer than 2³² of them.
    """
    if scores.dtype != np.float32:
        return np.argsort(-scores, kind="stable")
    # One sort of integers: the score above, the position below.
    keys = falling_keys(scores)
    keys |= np.arange(len(scores))
    keys.sort()
    keys &= 0xFFFFFFFF
    return keys


def falling_keys(scores):
    """Integers that rise where float32 scores fall; the lower half is zero.

    Args:
        scores: float32, any shape, no NaN.

    Returns:
        int64, equal for equal scores.
    """
    rising = (scores + np.float32(0)).view(np.int32)  # no negative zero
    if rising.min(initial=0) < 0:
        # The bits of floats rise with their magnitude.
        rising = np.where(rising < 0, np.int32(-(2**31)) - rising, rising)
    keys = np.subtract(-1, rising, dtype=np.int64)
    keys <<= 32
    return keys


def _first_below(falling, score):
    """The first place in falling scores that is below a score."""
    if score == -np.inf:
        return len(falling)
    return len(falling) - int(np.searchsorted(falling[::-1], score, "left"))


def _decoded(codes):
    return codes >> 1, (codes & 1).astype(bool)
