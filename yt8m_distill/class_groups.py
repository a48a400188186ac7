"""Scores of the rare and of the frequent classes.

As in table 2 of the supplement of Bhardwaj et al., "Efficient Video
Classification Using Fewer Frames" (CVPR 2019).
"""

from typing import NamedTuple

import numpy as np

from yt8m_distill import ranked_pairs
from yt8m_distill.metrics import VideoMetrics

# Classes a group in the paper.
SIZES = (100, 200, 500, 1000, 2000)


class ClassGroup(NamedTuple):
    """The rarest or the most frequent classes.

    Attributes:
        which: str, `"rare"` or `"frequent"`.
        classes: int64 `(group_size,)`, rising.
        training_videos: int64 `(group_size,)`, training videos of each.
    """

    which: str
    classes: np.ndarray
    training_videos: np.ndarray


def rare_and_frequent(training_videos, sizes=SIZES):
    """The r rarest and the r most frequent classes, for each r.

    Of equally frequent classes the first count as the rarer and as the more
    frequent ones. Classes without a training video are the rarest of all: a
    model is asked for them as for any other. The paper ranks by "the available
    training data" and says no more.

    Args:
        training_videos: int `(num_classes,)`, as of `label_counts`.
        sizes: r, ints; larger ones count as the whole vocabulary, once.

    Returns:
        list of `ClassGroup`, rare and frequent in turn, r rising.
    """
    training_videos = np.asarray(training_videos)
    rising = np.argsort(training_videos, kind="stable")
    falling = np.argsort(-training_videos, kind="stable")
    groups = []
    for size in sorted({min(size, len(rising)) for size in sizes}):
        for which, order in (("rare", rising), ("frequent", falling)):
            classes = np.sort(order[:size])
            groups.append(ClassGroup(which, classes, training_videos[classes]))
    return groups


class ClassGroupMetrics:
    """Scores groups of classes beside the whole vocabulary.

    A group is scored as if there were no other classes: its GAP ranks the
    `top_k` highest of the group's own predictions of each video, and so does
    its mAP, but for `map_convention="full_ranking"`.

    Takes the place of the `VideoMetrics` that it feeds.

    Args:
        whole: `VideoMetrics` of the whole vocabulary, to which nothing was
            added yet.
        groups: list of `ClassGroup`.
    """

    def __init__(self, whole, groups):
        self._whole = whole
        self._groups = groups
        # Full rankings of a class are the same in every group, and large.
        convention = whole.map_convention
        self._is_full = convention == "full_ranking"
        self._of_groups = [
            VideoMetrics(
                len(group.classes),
                whole.top_k,
                "present_classes" if self._is_full else convention,
                ranked_pairs.PAIRS_IN_MEMORY // len(groups),
            )
            for group in groups
        ]

    def update(self, predictions, labels):
        """Adds a batch, as `VideoMetrics.update`."""
        predictions, labels = np.asarray(predictions), np.asarray(labels)
        self._whole.update(predictions, labels)
        for group, metrics in zip(self._groups, self._of_groups):
            metrics.update(
                np.take(predictions, group.classes, axis=1),
                np.take(labels, group.classes, axis=1),
            )

    def average_precisions(self):
        """As `VideoMetrics.average_precisions`, of the whole vocabulary."""
        return self._whole.average_precisions()

    def result(self):
        """As `VideoMetrics.result`, with scores of the groups.

        Returns:
            dict with `class_groups` besides: a list of dicts, one a group, of
            `which`, `num_classes` (its size), `training_videos` (of its rarest
            and of its most frequent class), `num_untrained_classes` (without a
            training video), `num_empty_classes` (without a positive video
            here), `num_positives`, `gap`, `map` and `map_of_all`; the three
            scores are None without a positive video.

            `map` is the mean over the group. `map_of_all` is the sum of its APs
            divided by all classes of the vocabulary, which the paper must have
            printed: its .018 for the 100 most frequent of 4716 classes is a
            mean AP of .85 (their GAP is .918), and its .132 and .232 for the
            2000 rarest and most frequent add up to less than the .414 of all.

        Raises:
            ValueError: nothing was added.
        """
        results = self._whole.result()
        results["class_groups"] = [
            self._of_group(group, metrics)
            for group, metrics in zip(self._groups, self._of_groups)
        ]
        return results

    def _of_group(self, group, metrics):
        average_precisions, positives = metrics.average_precisions()
        results = metrics.result()
        if self._is_full:
            average_precisions = self._whole.average_precisions()[0]
            average_precisions = average_precisions[group.classes]
            results["map"] = None
            if positives.any():
                results["map"] = float(np.nanmean(average_precisions))
        has_positives = bool(positives.any())
        scores = {
            "gap": results["gap"],
            "map": results["map"],
            "map_of_all": float(np.nansum(average_precisions))
            / self._whole.num_classes,
        }
        return {
            "which": group.which,
            "num_classes": len(group.classes),
            "training_videos": [
                int(group.training_videos.min()),
                int(group.training_videos.max()),
            ],
            "num_untrained_classes": int((group.training_videos == 0).sum()),
            "num_empty_classes": results["num_empty_classes"],
            "num_positives": int(positives.sum()),
            **{
                name: score if has_positives else None
                for name, score in scores.items()
            },
        }


def table(groups):
    """Scores of groups as a Markdown table, the rare beside the frequent.

    Args:
        groups: list of dicts, `class_groups` of `ClassGroupMetrics.result`.

    Returns:
        str, a line a group size.
    """
    header = ["classes"]
    for which in ("rarest", "most frequent"):
        header += [f"{which}: training videos", "GAP", "mAP", "mAP of all"]
    lines = [header, ["---"] * len(header)]
    for rare, frequent in zip(groups[::2], groups[1::2]):
        line = [f"{rare['num_classes']:,}"]
        for group in (rare, frequent):
            line.append("{:,} to {:,}".format(*group["training_videos"]))
            for name in ("gap", "map", "map_of_all"):
                score = group[name]
                line.append("-" if score is None else f"{score:.4f}")
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
