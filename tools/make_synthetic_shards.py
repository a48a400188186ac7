"""Writes synthetic shards in the frame-level format of YouTube-8M.

python tools/make_synthetic_shards.py --output_dir=demo/shards

Each video has 60 to 300 frames of 1024 rgb and 128 audio bytes and one or more
labels, drawn from a Zipf distribution over the classes. The first and last
eighth of a video are dull: titles and credits that look alike in all videos.
Between them scenes follow each other; about a third show one of the video's
labels, the others are of kinds that say nothing. So the evidence for a label is
spread over the video, and a few frames see only part of it. Labels are noisy:
some are missing, some are wrong.

With --num_rated_segments the validation and test shards are like those of the
2019 release: for so many segments of five seconds each record says whether one
of the video's labels is to be seen in it.
"""

import multiprocessing
import os
import pathlib

import numpy as np
from absl import flags

from yt8m_distill import command_line, quiet_start, record_writer

FLAGS = flags.FLAGS
FEATURES = {"rgb": 1024, "audio": 128}
# What a frame shows is a point in a space of this size.
LATENT_SIZE = 48
EVIDENCE_SHARE = 0.35
# Kinds of scenes that say nothing about the labels.
NUM_SCENES = 40
# Seconds of a segment, and how many of them have to show a class.
SEGMENT_FRAMES = 5
SHOWN_FRAMES = 3
DULL_SHARE = 1 / 8


class World:
    """What all videos share: classes, titles, and how content looks.

    Args:
        num_classes: int.
        seed: int.
    """

    def __init__(self, num_classes, seed):
        random = np.random.default_rng((seed, 0))
        self.num_classes = num_classes
        self.classes = random.standard_normal((num_classes, LATENT_SIZE))
        self.scenes = random.standard_normal((NUM_SCENES, LATENT_SIZE))
        self.dull = random.standard_normal((2, LATENT_SIZE))
        self.looks = {
            name: random.standard_normal((LATENT_SIZE, size)).astype("float32")
            * (0.5 / LATENT_SIZE**0.5)
            for name, size in FEATURES.items()
        }
        weights = 1 / np.arange(1, num_classes + 1)
        self.class_shares = weights / weights.sum()


def make_video(world, random, min_frames, max_frames, label_noise):
    """One video.

    Args:
        world: a `World`.
        random: a NumPy `Generator`.
        min_frames, max_frames: ints, bounds of its length.
        label_noise: float in [0, 1].

    Returns:
        `(labels, features, shown)`: sorted list of int; dict name → uint8
        `(num_frames, size)`; int `(num_frames,)`, the class that each frame
        shows, -1 where it shows none.
    """
    num_frames = int(random.integers(min_frames, max_frames + 1))
    num_labels = min(1 + random.poisson(1.5), world.num_classes)
    shown = random.choice(
        world.num_classes, num_labels, replace=False, p=world.class_shares
    )
    background = 0.3 * random.standard_normal(LATENT_SIZE)
    content = np.empty((num_frames, LATENT_SIZE))
    shown_in = np.full(num_frames, -1)
    dull = int(num_frames * DULL_SHARE)
    content[:dull], content[num_frames - dull :] = world.dull
    start = dull
    while start < num_frames - dull:
        stop = min(start + int(random.integers(4, 16)), num_frames - dull)
        if random.random() < EVIDENCE_SHARE:
            shown_in[start:stop] = random.choice(shown)
            scene = world.classes[shown_in[start]]
        else:
            scene = world.scenes[random.integers(NUM_SCENES)]
        content[start:stop] = scene + background
        start = stop
    content += 0.5 * random.standard_normal(content.shape)
    features = {
        name: record_writer.quantize(
            content.astype("float32") @ look
            + 0.3
            * random.standard_normal((num_frames, look.shape[1]), "float32")
        )
        for name, look in world.looks.items()
    }
    labels = {int(c) for c in shown if random.random() >= label_noise}
    if random.random() < label_noise or not labels:
        labels.add(int(random.choice(world.num_classes, p=world.class_shares)))
    return sorted(labels), features, shown_in


def rate_segments(random, shown_in, num_rated):
    """Segments of a video and whether they show one of its classes.

    Args:
        random: a NumPy `Generator`.
        shown_in: int `(num_frames,)`, as of `make_video`.
        num_rated: int, segments that are rated; fewer if there are not as many.

    Returns:
        dict of the four `segment_*` lists of the 2019 release; half of the
        segments show the class, where there are enough.
    """
    label = (
        random.choice(shown_in[shown_in >= 0]) if (shown_in >= 0).any() else 0
    )
    starts = np.arange(0, len(shown_in) - SEGMENT_FRAMES + 1, SEGMENT_FRAMES)
    counts = (
        shown_in[starts[:, None] + np.arange(SEGMENT_FRAMES)] == label
    ).sum(1)
    there = random.permutation(starts[counts >= SHOWN_FRAMES])
    others = random.permutation(starts[counts < SHOWN_FRAMES])
    there = there[: max(num_rated - len(others), num_rated // 2)]
    others = others[: num_rated - len(there)]
    scores = {**dict.fromkeys(there, 1.0), **dict.fromkeys(others, 0.0)}
    rated = sorted(map(int, scores))
    return {
        "segment_start_times": rated,
        "segment_end_times": [start + SEGMENT_FRAMES for start in rated],
        "segment_labels": [int(label)] * len(rated),
        "segment_scores": np.array([scores[s] for s in rated], "float32"),
    }


def write_shard(path, split, numbers, num_classes, options):
    """Writes one shard.

    Args:
        path: path of the shard.
        split: str, decides the videos' ids and chance.
        numbers: range of the videos' numbers in the split.
        num_classes: int.
        options: dict with `min_frames`, `max_frames`, `label_noise`, `seed`,
            `num_rated_segments`.

    Returns:
        int, bytes written.
    """
    quiet_start.import_tensorflow()
    world = World(num_classes, options["seed"])

    def example(number):
        random = np.random.default_rng(
            (options["seed"], 1, *split.encode(), number)
        )
        labels, features, shown_in = make_video(
            world,
            random,
            options["min_frames"],
            options["max_frames"],
            options["label_noise"],
        )
        segments = {}
        if options.get("num_rated_segments") and split != "train":
            num_rated = options["num_rated_segments"]
            segments = rate_segments(random, shown_in, num_rated)
        return record_writer.serialize(
            f"{split[:2]}{number:04x}", labels, features, **segments
        )

    return record_writer.write_shard(path, map(example, numbers))


def make_shards(
    output_dir, splits, num_shards, num_classes, num_processes=1, **options
):
    """Writes all splits; the same bytes whatever `num_processes` is.

    Args:
        output_dir: str; made if missing.
        splits: dict name → number of videos.
        num_shards: int, files a split.
        num_classes: int.
        num_processes: int, shards written at the same time.
        **options: `min_frames`, `max_frames`, `label_noise`, `seed`,
            `num_rated_segments`.

    Returns:
        int, bytes written.
    """
    os.makedirs(output_dir, exist_ok=True)
    jobs = []
    for split, num_videos in splits.items():
        bounds = np.linspace(0, num_videos, num_shards + 1).astype(int).tolist()
        for shard, numbers in enumerate(zip(bounds, bounds[1:])):
            path = pathlib.Path(output_dir) / f"{split}{shard:02}.tfrecord"
            jobs.append((path, split, range(*numbers), num_classes, options))
    if num_processes == 1:
        return sum(write_shard(*job) for job in jobs)
    # Fresh processes: a forked TensorFlow may hang.
    context = multiprocessing.get_context("spawn")
    with context.Pool(num_processes) as pool:
        return sum(pool.starmap(write_shard, jobs))


def define_flags():
    flags.DEFINE_string("output_dir", None, "directory for the shards")
    flags.DEFINE_integer("num_train_videos", 2000, "videos in train*.tfrecord")
    flags.DEFINE_integer("num_validate_videos", 500, "in validate*.tfrecord")
    flags.DEFINE_integer(
        "num_test_videos", 500, "in test*.tfrecord, labelled too"
    )
    flags.DEFINE_integer("num_shards", 4, "shards of each split")
    flags.DEFINE_integer("num_classes", 60, "size of the vocabulary")
    flags.DEFINE_integer("min_frames", 60, "frames of the shortest video")
    flags.DEFINE_integer("max_frames", 300, "frames of the longest video")
    flags.DEFINE_float(
        "label_noise", 0.1, "share of missing and of wrong labels"
    )
    flags.DEFINE_integer(
        "num_rated_segments", 0, "rated segments a validation or test video", 0
    )
    flags.DEFINE_integer("seed", 0, "the same seed gives the same bytes")
    flags.mark_flag_as_required("output_dir")


def main():
    splits = {
        "train": FLAGS.num_train_videos,
        "validate": FLAGS.num_validate_videos,
        "test": FLAGS.num_test_videos,
    }
    written = make_shards(
        FLAGS.output_dir,
        splits,
        FLAGS.num_shards,
        FLAGS.num_classes,
        os.cpu_count(),
        min_frames=FLAGS.min_frames,
        max_frames=FLAGS.max_frames,
        label_noise=FLAGS.label_noise,
        seed=FLAGS.seed,
        num_rated_segments=FLAGS.num_rated_segments,
    )
    print(
        f"{sum(splits.values()):,} videos in {FLAGS.output_dir}, "
        f"{written / 1e6:,.0f} MB"
    )


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
