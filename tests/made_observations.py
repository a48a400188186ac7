"""What models say, made up: for sections that run models, without any."""

import zlib

import numpy as np

from yt8m_distill.observations import Observation, Observations

NUM_CLASSES = 7
# Of training videos: class 6 is the rarest, class 2 the most frequent.
TRAINING_VIDEOS = np.array([5, 8, 90, 30, 8, 12, 1])


class MadeObservations(Observations):
    """Labels of which every model knows something, the teacher most.

    Args:
        num_videos: int.
        widths: dict name of a run → width of its representation, else 8.
    """

    def __init__(self, num_videos=90, widths=None):
        super().__init__("", num_videos)
        self._count = num_videos
        self._widths = widths or {}

    def training_videos(self, run):
        return TRAINING_VIDEOS

    def _observe(self, run, checkpoint):
        labels = labels_of(self._count)
        random = np.random.default_rng(
            zlib.crc32(f"{run.name} {checkpoint}".encode())
        )
        noise = 2 if "teacher" in (checkpoint, run.kind) else 3
        logits = 3 * labels - 2 + noise * random.standard_normal(labels.shape)
        mixing = np.random.default_rng(0).standard_normal((NUM_CLASSES, 8))
        representation = logits @ mixing
        width = self._widths.get(run.name, 8)
        representation = np.resize(representation, (self._count, width))
        return Observation(
            [f"v{number}".encode() for number in range(self._count)],
            labels,
            logits.astype(np.float32),
            representation.astype(np.float32),
        )


def labels_of(num_videos):
    """Labels of made-up videos; a video has up to four, class 6 few."""
    random = np.random.default_rng(7)
    share = np.array([0.2, 0.2, 0.5, 0.3, 0.2, 0.2, 0.05])
    return random.random((num_videos, NUM_CLASSES)) < share


def with_observations(study, **arguments):
    """A study whose models say what is made up."""
    study.observations = MadeObservations(**arguments)
    return study
