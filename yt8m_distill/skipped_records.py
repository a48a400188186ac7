"""Records that a run could not read and went on without."""

import collections
import threading

from yt8m_distill import files

# Messages that are kept, so that millions of bad records fit in memory.
MAX_MESSAGES = 100


class SkippedRecords:
    """Counts bad records by reason, each once, however often it is met."""

    def __init__(self):
        self._places = set()
        self._counts = collections.Counter()
        self._messages = []
        self._lock = threading.Lock()

    def __len__(self):
        """Number of records that were skipped."""
        return len(self._places)

    def add(self, place, error):
        """Notes a bad record.

        Args:
            place: hashable, which record it is.
            error: `RecordError`, whose message names file and record.
        """
        with self._lock:
            if place in self._places:
                return
            self._places.add(place)
            self._counts[error.reason] += 1
            if len(self._messages) < MAX_MESSAGES:
                self._messages.append(str(error))

    def counts(self):
        """dict reason → number of records, the most frequent first."""
        return dict(self._counts.most_common())

    def summary(self):
        """One line for people; empty if nothing was skipped."""
        if not self._places:
            return ""
        reasons = ", ".join(
            f"{n:,} {name}" for name, n in self.counts().items()
        )
        return f"skipped {len(self):,} bad records: {reasons}"

    def write(self, path):
        """Writes counts and the first messages as JSON."""
        files.write_json(
            path,
            {
                "num_skipped": len(self),
                "by_reason": self.counts(),
                "first_messages": self._messages,
            },
        )
