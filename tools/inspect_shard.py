"""Says what is in shards, and whether all of it can be read.

    python tools/inspect_shard.py --input_data_pattern='data/train*.tfrecord'
    python tools/inspect_shard.py --check --input_data_pattern='data/train*'

The first prints records, keys, frames a video, labels and ranges of values.
`--check` compares the checksum of every record and reads it whole, and ends
with exit code 1 at the first bad one, naming file and record; `--check --all`
lists all of them. `--num_classes` has labels checked against the vocabulary.
"""

import collections

import numpy as np
from absl import flags

from yt8m_distill import command_line, config
from yt8m_distill.errors import InputError, RecordError

FLAGS = flags.FLAGS


class _Printed:
    """Takes the place of `SkippedRecords`: prints what is bad at once."""

    def __init__(self):
        self._places = set()

    def __len__(self):
        return len(self._places)

    def add(self, place, error):
        if place not in self._places:
            self._places.add(place)
            print(error)


class Contents:
    """What was found in videos, counted one video at a time.

    Args:
        feature_names: tuple of str.
    """

    def __init__(self, feature_names):
        self.num_frames = []
        self.labels = collections.Counter()
        self.num_labels = []
        self.keys = collections.Counter()
        self.num_segments = 0
        self.ranges = {
            name: [np.inf, -np.inf, 0.0, 0] for name in feature_names
        }

    def add(self, context, labels, features):
        """Counts a video; arguments as of `video_and_context`."""
        self.keys.update(
            f"{name} ({_kind(values)})" for name, values in context.items()
        )
        self.num_frames.append(len(features[0]))
        self.num_labels.append(len(labels))
        self.labels.update(labels)
        self.num_segments += len(context.get("segment_labels", ()))
        for found, values in zip(self.ranges.values(), features):
            found[0] = min(found[0], values.min().item())
            found[1] = max(found[1], values.max().item())
            found[2] += float(values.sum(dtype=np.float64))
            found[3] += values.size

    def summary(self):
        """All of it as a dict of numbers and names."""
        frames, labels = map(np.array, (self.num_frames, self.num_labels))
        return {
            "num_videos": len(frames),
            "keys": dict(sorted(self.keys.items())),
            "num_frames": {
                "least": int(frames.min()),
                "median": float(np.median(frames)),
                "most": int(frames.max()),
                "total": int(frames.sum()),
            },
            "labels": {
                "num_labels": int(labels.sum()),
                "num_classes": len(self.labels),
                "least_a_video": int(labels.min()),
                "mean_a_video": float(labels.mean()),
                "most_a_video": int(labels.max()),
                "largest_label": max(self.labels, default=None),
                "histogram": dict(self.labels.most_common()),
            },
            "num_segments": self.num_segments,
            "values": {
                name: {"least": low, "mean": total / count, "most": high}
                for name, (low, high, total, count) in self.ranges.items()
            },
        }


def read_all(shards, num_classes):
    """Reads every video whole.

    Args:
        shards: `Shards`.
        num_classes: int, labels have to be below; 0: any.

    Returns:
        `Contents`.

    Raises:
        RecordError: the first bad record, where `shards` skip none.
    """
    contents = Contents(shards.feature_names)
    for number in range(len(shards)):
        try:
            _, labels, features, context = shards.video_and_context(number)
            if num_classes:
                shards.check_labels(number, labels, num_classes)
            contents.add(context, labels, features)
        except RecordError as error:
            shards.skip(number, error)
    return contents


def text(shards, summary, num_rows=10):
    """The summary for people."""
    frames, labels = summary["num_frames"], summary["labels"]
    lines = [
        shards.describe(),
        "context: "
        + ", ".join(
            f"{name} in {count:,}" for name, count in summary["keys"].items()
        ),
        f"frames: {frames['least']} to {frames['most']} a video, median "
        f"{frames['median']:g}, {frames['total']:,} in all",
        f"labels: {labels['num_labels']:,} of {labels['num_classes']:,} "
        f"classes, {labels['least_a_video']} to {labels['most_a_video']} a "
        f"video, mean {labels['mean_a_video']:.2f}; largest "
        f"{labels['largest_label']}",
    ]
    if summary["num_segments"]:
        lines.append(f"segments: {summary['num_segments']:,} rated")
    for name, found in summary["values"].items():
        lines.append(
            f"values of {name}: {found['least']:g} to {found['most']:g}, mean "
            f"{found['mean']:.4g}"
        )
    most_common = list(labels["histogram"].items())[:num_rows]
    if most_common:
        lines.append(f"most frequent labels of {labels['num_classes']:,}:")
        largest = most_common[0][1]
        for label, count in most_common:
            bar = "▇" * max(1, round(30 * count / largest))
            lines.append(f"  {label:>6} {count:>9,} {bar}")
    return "\n".join(lines)


def inspect(
    pattern, check=False, all_bad=False, num_classes=0, json_file="", **keys
):
    """Prints what is in shards.

    Args:
        pattern: str, as `Shards` takes it.
        check: whether to compare checksums.
        all_bad: whether to go on after a bad record.
        num_classes: int, labels have to be below; 0: any.
        json_file: file for the summary, label histogram in full; "": none.
        **keys: more arguments of `Shards`.

    Raises:
        InputError: there is a bad record.
    """
    from yt8m_distill import files
    from yt8m_distill.shards import Shards

    bad = _Printed() if all_bad else None
    shards = Shards(pattern, verify_checksums=check, skipped=bad, **keys)
    contents = read_all(shards, num_classes)
    if contents.num_frames:
        summary = contents.summary()
        print(text(shards, summary))
        if json_file:
            files.write_json(json_file, summary)
    if bad:
        raise InputError(
            f"{len(bad):,} bad records or breaks in {len(shards.files)} "
            "shards, listed above"
        )
    if check:
        print(f"all {len(shards):,} records are whole and can be read")


def _kind(values):
    if isinstance(values, np.ndarray):
        return "floats"
    if not values:
        return "empty"
    return "bytes" if isinstance(values[0], bytes) else "integers"


def define_flags():
    flags.DEFINE_string("input_data_pattern", None, "shards to inspect")
    flags.DEFINE_bool("check", False, "compare the checksum of every record")
    flags.DEFINE_bool("all", False, "list all bad records, not just the first")
    flags.DEFINE_integer("num_classes", 0, "labels have to be below; 0: any", 0)
    flags.DEFINE_string("json", "", "file for the summary")
    config.define("tools")
    flags.mark_flag_as_required("input_data_pattern")


def main():
    inspect(
        FLAGS.input_data_pattern,
        FLAGS.check,
        FLAGS.all,
        FLAGS.num_classes,
        FLAGS.json,
        **config.shard_options(),
    )


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
