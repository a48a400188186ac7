"""What the models of runs make of the same videos."""

import gc
import types
from typing import NamedTuple

import numpy as np

from yt8m_distill import (
    batch_size,
    class_group_runs,
    dataset,
    model,
    run_data,
    shards,
)
from yt8m_distill.errors import InputError
from yt8m_distill.evaluation import Evaluator
from yt8m_distill.metrics import VideoMetrics
from yt8m_distill.temporary_arrays import TemporaryArrays

# Videos that are scored together.
VIDEOS_AT_A_TIME = 1024


class Observation(NamedTuple):
    """What one model makes of videos.

    Attributes:
        video_ids: list of bytes.
        labels: bool `(videos, num_classes)`.
        logits: float32 `(videos, num_classes)`.
        representation: float32 `(videos, representation_dim)`.
    """

    video_ids: list
    labels: np.ndarray
    logits: np.ndarray
    representation: np.ndarray


class Observations:
    """Runs models over the first videos of shards, each model once.

    What they say is kept on disk while the program runs.

    Args:
        pattern: str, of the shards; "": those that each run was validated on.
        max_videos: int, the first so many videos.
    """

    def __init__(self, pattern, max_videos):
        self._pattern = pattern
        self._max_videos = max_videos
        self._found = {}
        self._failed = {}
        self._training_videos = {}
        self._average_precisions = {}
        self._on_disk = TemporaryArrays()

    @property
    def num_videos(self):
        """Videos that a model was run on, at most so far."""
        return max((len(one.labels) for one in self._found.values()), default=0)

    def pattern(self, run):
        """The pattern of the shards that a run's models look at.

        Args:
            run: a `ReportedRun`.

        Raises:
            InputError: there is none, or no file is there.
        """
        if self._pattern:
            shards.match(self._pattern)
            return self._pattern
        pattern = run.flags["eval_data_pattern"]
        if not pattern:
            raise InputError(
                f"`{run.name}` was trained without validation videos; give "
                "--eval_data_pattern"
            )
        _refuse_absent(pattern, f"validation shards of `{run.name}`")
        return pattern

    def of(self, run, checkpoint="best"):
        """What the model of a run makes of the videos.

        Args:
            run: a `ReportedRun` of whole videos.
            checkpoint: str, `best`, `last` or `teacher`.

        Returns:
            An `Observation`; its arrays are read-only.

        Raises:
            InputError: there is no such model, it cannot look at whole videos,
                or the shards cannot be read.
        """
        key = run.path, checkpoint
        if key in self._failed:
            raise InputError(self._failed[key])
        if key not in self._found:
            try:
                self._found[key] = self._observe(run, checkpoint)
            except InputError as error:
                self._failed[key] = str(error)
                raise
        return self._found[key]

    def average_precisions(self, run):
        """The AP of each class by the best model of a run.

        Args:
            run: a `ReportedRun`.

        Returns:
            `(average_precisions, positives)` as of `VideoMetrics`, each AP over
            all videos: where only the highest predictions of a video count, the
            hard classes all have nearly 0.

        Raises:
            InputError: as of `of`.
        """
        if run.path not in self._average_precisions:
            metrics = VideoMetrics(
                run.data["num_classes"], map_convention="full_ranking"
            )
            self.score(run, metrics)
            found = metrics.average_precisions()
            self._average_precisions[run.path] = found
        return self._average_precisions[run.path]

    def score(self, run, metrics):
        """Adds what the best model of a run predicts to metrics.

        Args:
            run: a `ReportedRun`.
            metrics: `VideoMetrics`, or what takes their place.

        Raises:
            InputError: as of `of`.
        """
        observed = self.of(run)
        for start in range(0, len(observed.labels), VIDEOS_AT_A_TIME):
            rows = slice(start, start + VIDEOS_AT_A_TIME)
            metrics.update(
                predictions_of(observed.logits[rows]), observed.labels[rows]
            )

    def training_videos(self, run):
        """Videos that have each label in a run's training shards.

        Args:
            run: a `ReportedRun`.

        Returns:
            int64 `(num_classes,)`.

        Raises:
            InputError: the shards cannot be read.
        """
        pattern = run.flags["train_data_pattern"]
        key = pattern, run.data["num_classes"]
        if key not in self._training_videos:
            _refuse_absent(pattern, f"training shards of `{run.name}`")
            self._training_videos[key] = class_group_runs.training_videos(
                _reading(run), run.data, pattern
            )
        return self._training_videos[key]

    def _observe(self, run, checkpoint):
        print(f"  {run.name}: {checkpoint} model", flush=True)
        try:
            return self._run_model(run, checkpoint)
        finally:
            gc.collect()  # the model refers to itself, and is large

    def _run_model(self, run, checkpoint):
        if run.data.get("segment_context_frames") is not None:
            raise InputError(
                f"`{run.name}` was trained on segments; only models of whole "
                "videos are compared"
            )
        one = model.load(run.directory.checkpoint(checkpoint))
        videos = run_data.shards_of(
            run.data,
            self.pattern(run),
            run_data.reader_arguments(_reading(run)),
            None,
        )
        videos = videos.select(range(min(len(videos), self._max_videos)))
        data = run_data.dataset_for(
            one, run.data, videos, dataset.PARALLEL_BATCHES
        )
        predicted = Evaluator(one, with_representation=True).predictions(
            data,
            batch_size.automatic(data.padded_frames),
            with_video_id=True,
        )
        pieces = [
            (
                batch["video_id"],
                batch["labels"] > 0,
                logits,
                batch["representation"],
            )
            for _, logits, batch in predicted
        ]
        if not pieces:
            raise InputError(f"{self.pattern(run)}: no video can be read")
        video_ids, *arrays = map(np.concatenate, zip(*pieces))
        if not all(np.isfinite(array).all() for array in arrays[1:]):
            raise InputError(f"`{run.name}` has diverged: what it says is NaN")
        return Observation(video_ids.tolist(), *map(self._on_disk.keep, arrays))


def _refuse_absent(pattern, whose):
    """Refuses shards that a run was given and that are not there now."""
    try:
        shards.match(pattern)
    except InputError:
        raise InputError(
            f"the {whose}, `{pattern}`, are not there; start the report in the "
            "directory in which the training was started"
            + ", or give --eval_data_pattern"
            * whose.startswith("validation")
        ) from None


def predictions_of(logits):
    """Sigmoid of logits, in their dtype; it keeps their order."""
    # Neither overflows; below 0 all digits of small predictions are kept.
    small = np.exp(-np.abs(logits))
    return np.where(logits < 0, small, 1) / (1 + small)


def _reading(run):
    """How the records of a run are read, for `run_data.reader_arguments`."""
    names = ("id_key", "labels_key", "verify_checksums", "on_bad_record")
    return types.SimpleNamespace(**{name: run.flags[name] for name in names})
