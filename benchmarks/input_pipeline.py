"""How fast are records read, and what does a tenth of the frames save?

python benchmarks/input_pipeline.py [--batch_size=512] [--json=FILE]

2,000 synthetic 300-frame videos (1024 rgb + 128 audio bytes) in 8 shards, in
the system's cache, are read into batches by turns, several times (three epochs
each time):

* reference: as the starter code and tensorflow/models read, written anew here:
  one example at a time, all frames decoded, dequantised to float32, padded to
  300 and joined; files interleaved, parsing parallel;
* ours: all frames; k = 30 of them; k = 30 of shards that
  `tools/select_frames.py` wrote.

Then it reads ten times as many videos in a fresh process and compares the peak
memory. Takes about two minutes on 2 cores.
"""

import json
import multiprocessing
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import claims
import numpy as np
from absl import app, flags

from yt8m_distill import quiet_start, record_writer

FLAGS = flags.FLAGS
ROOT = pathlib.Path(__file__).resolve().parent.parent
NUM_VIDEOS = 2000
NUM_SHARDS = 8
NUM_FRAMES = 300
NUM_CLASSES = 3862
FEATURES = {"rgb": 1024, "audio": 128}
MEMORY_BATCH_SIZE = 128
REPEATS = 9
EPOCHS = 3
# name → (videos/s over the reference's that are claimed)
CLAIMS = {"all_frames": 3, "k30": 6, "k30_selected_shards": 20}
MEMORY_CLAIM = 1.1


def make_shards(folder, num_videos, num_shards):
    """Videos of random bytes: for reading they are like any."""
    random = np.random.default_rng(0)

    def example(number):
        features = {
            name: random.integers(0, 256, (NUM_FRAMES, size), np.uint8)
            for name, size in FEATURES.items()
        }
        labels = sorted(set(random.integers(0, NUM_CLASSES, 3).tolist()))
        return record_writer.serialize(f"{number:04x}", labels, features)

    for shard in range(num_shards):
        record_writer.write_shard(
            pathlib.Path(folder) / f"train{shard:02}.tfrecord",
            map(example, range(shard, num_videos, num_shards)),
        )


def reference(pattern, batch_size):
    """The reader of the starter code, in today's `tf.data`."""
    import tensorflow as tf

    def parse(record):
        context, lists = tf.io.parse_single_sequence_example(
            record,
            {
                "id": tf.io.FixedLenFeature([], tf.string),
                "labels": tf.io.VarLenFeature(tf.int64),
            },
            {
                name: tf.io.FixedLenSequenceFeature([], tf.string)
                for name in FEATURES
            },
        )
        frames = []
        for name, size in FEATURES.items():
            values = tf.io.decode_raw(lists[name], tf.uint8)
            values = tf.reshape(tf.cast(values, tf.float32), [-1, size])
            values = values * (4 / 255) + (4 / 512 - 2)
            num_frames = tf.minimum(tf.shape(values)[0], NUM_FRAMES)
            values = tf.pad(
                values[:NUM_FRAMES], [[0, NUM_FRAMES - num_frames], [0, 0]]
            )
            frames.append(tf.ensure_shape(values, [NUM_FRAMES, size]))
        labels = tf.scatter_nd(
            context["labels"].values[:, None],
            tf.ones_like(context["labels"].values, tf.float32),
            [NUM_CLASSES],
        )
        return {
            "frames": tf.concat(frames, 1),
            "num_frames": num_frames,
            "labels": labels,
            "video_id": context["id"],
        }

    files = tf.data.Dataset.list_files(pattern, shuffle=False)
    return (
        files.interleave(
            tf.data.TFRecordDataset,
            cycle_length=NUM_SHARDS,
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(batch_size)
        .prefetch(2)
    )


def ours(pattern, frame_sampler, batch_size):
    """The batches that training, evaluation and inference get."""
    from yt8m_distill import parts
    from yt8m_distill.dataset import VideoDataset
    from yt8m_distill.shards import Shards

    return VideoDataset(
        Shards(pattern),
        NUM_CLASSES,
        NUM_FRAMES,
        parts.get("frame_samplers", frame_sampler),
    ).batches(batch_size, with_video_id=True)


def videos_per_second(batches):
    """Reads all, `EPOCHS` times."""
    start = time.perf_counter()
    num_videos = 0
    for batch in batches.repeat(EPOCHS):
        num_videos += len(batch["num_frames"])
    return num_videos / (time.perf_counter() - start)


def peak_memory(pattern):
    """MiB that reading all frames takes at most in this process."""
    quiet_start.import_tensorflow()
    videos_per_second(ours(pattern, "all_frames", MEMORY_BATCH_SIZE))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_memory(folder):
    """Peak memory for the shards and for ten times the shards."""
    small = pathlib.Path(folder) / "small"
    large = pathlib.Path(folder) / "large"
    for path, copies in ((small, 1), (large, 10)):
        path.mkdir()
        for file in sorted(pathlib.Path(folder).glob("train*")):
            for copy in range(copies):
                (path / f"{copy}_{file.name}").symlink_to(file)
    peaks = []
    for path in (small, large):
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            peaks.append(pool.apply(peak_memory, [f"{path}/*"]))
    return peaks


def measure():
    """videos/s of each reader, and the two peaks in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        make_shards(folder, NUM_VIDEOS, NUM_SHARDS)
        selected = pathlib.Path(folder) / "selected"
        subprocess.run(
            [
                sys.executable,
                ROOT / "tools" / "select_frames.py",
                f"--input_data_pattern={folder}/train*",
                f"--output_dir={selected}",
                "--frame_sampler=uniform(k=30)",
            ],
            check=True,
        )
        readers = {
            "reference": reference(f"{folder}/train*", FLAGS.batch_size),
            "all_frames": ours(
                f"{folder}/train*", "all_frames", FLAGS.batch_size
            ),
            "k30": ours(f"{folder}/train*", "uniform(k=30)", FLAGS.batch_size),
            "k30_selected_shards": ours(
                f"{selected}/train*", "uniform(k=30)", FLAGS.batch_size
            ),
        }
        speeds = {name: [] for name in readers}
        for repeat in range(REPEATS + 1):  # the first one fills the cache
            for name, batches in readers.items():
                speed = videos_per_second(batches)
                if repeat:
                    speeds[name].append(speed)
        return speeds, measure_memory(folder)


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    quiet_start.import_tensorflow()
    speeds, peaks = measure()
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(
            json.dumps({"videos_per_second": speeds, "peak_mib": peaks})
        )
    for name, values in speeds.items():
        print(f"{name}: {statistics.median(values):,.0f} videos/s")
    for name, target in CLAIMS.items():
        ratios = claims.quotients(speeds[name], speeds["reference"])
        print(claims.line(f"input_pipeline_{name}", ratios, target))
    small, large = peaks
    print(
        f"memory: {small:.0f} MiB for {NUM_VIDEOS:,} videos, {large:.0f} MiB "
        f"for {10 * NUM_VIDEOS:,}"
    )
    print(
        claims.line(
            "input_pipeline_memory", [large / small], MEMORY_CLAIM, at_most=True
        )
    )


if __name__ == "__main__":
    flags.DEFINE_integer("batch_size", 512, "videos a batch", 1)
    flags.DEFINE_string("json", "", "file for the numbers")
    app.run(main)
