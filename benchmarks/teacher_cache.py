"""What does an epoch of serial training cost with a teacher cache?

python benchmarks/teacher_cache.py [--json=FILE]

Joins six AudioSet clips each into videos of 60 frames (or, where AudioSet is
not there, makes as many synthetic ones) and trains a k = 6 baseline and
students of a frozen teacher, with and without a cache of its outputs, by turns,
an epoch each time, for NetVLAD and H-RNN. The claim for each: an epoch with the
cache takes at most 1.3 times the baseline's. Takes 2 minutes on 2 cores.
"""

import json
import pathlib
import statistics
import tempfile
import time

import claims
import loading
from absl import app, flags

from yt8m_distill import quiet_start

FLAGS = flags.FLAGS
AUDIOSET = loading.ROOT.parent / "shared/data/audioset"
REPEATS = 11
TARGET = 1.3
ENCODERS = {
    "netvlad": "netvlad(clusters=32, representation_dim=256)",
    "hrnn": "hierarchical_lstm(units=128, block_length={length})",
}


def make_shards(folder):
    """Videos of 60 frames; returns the number of classes."""
    if AUDIOSET.is_dir():
        loading.load("tools/compose_long_videos.py").compose(
            f"{AUDIOSET}/bal_train-0000[0-6]-*", folder, "train", 6, 1, 4, 0
        )
        return 527
    print(f"no AudioSet at {AUDIOSET}: synthetic videos instead")
    tool = loading.load("tools/make_synthetic_shards.py")
    tool.FEATURES = {"audio_embedding": 128}
    tool.make_shards(
        folder,
        {"train": 3200},
        4,
        527,
        min_frames=60,
        max_frames=60,
        label_noise=0.1,
        seed=0,
    )
    return 527


class Run:
    """A distiller and its data, trained an epoch at a time."""

    def __init__(self, pattern, num_classes, train_dir, *more):
        import keras

        from yt8m_distill import caching, config, experiment, teaching
        from yt8m_distill.dataset import VideoDataset
        from yt8m_distill.shards import Shards

        options = config.parse(
            "train",
            [
                f"--train_data_pattern={pattern}",
                f"--train_dir={train_dir}",
                f"--num_classes={num_classes}",
                "--max_frames=60",
                "--batch_size=64",
                *more,
            ],
        )
        keras.utils.set_random_seed(0)
        shards = Shards(pattern)
        data = {
            "feature_names": list(shards.feature_names),
            "feature_sizes": list(shards.feature_sizes),
            "num_classes": num_classes,
            "max_frames": 60,
        }
        self.distiller, cached = teaching.build(options, data)
        self.distiller.compile(keras.optimizers.Adam(1e-3))
        self.data = VideoDataset(
            shards,
            num_classes,
            60,
            self.distiller.frame_sampler,
            caching.fill(options, shards, cached, experiment.train),
        )
        self.steps = self.data.steps_per_epoch(64)
        self.seconds = []

    def epoch(self, number):
        """Trains one epoch and keeps its seconds, but for the first."""
        batches = self.data.training_batches(
            64, 0, number + 1, number * self.steps
        )
        start = time.perf_counter()
        self.distiller.fit(
            batches, steps_per_epoch=self.steps, shuffle=False, verbose=0
        )
        if number:  # the first one compiles
            self.seconds.append(time.perf_counter() - start)


def measure(encoder, pattern, num_classes, folder):
    """Seconds of the epochs of baseline and students, by name."""
    from yt8m_distill import config, experiment

    teacher = f"{folder}/teacher"
    common = [pattern, num_classes]
    experiment.train(
        config.parse(
            "train",
            [
                f"--train_data_pattern={pattern}",
                f"--train_dir={teacher}",
                f"--num_classes={num_classes}",
                "--max_frames=60",
                "--batch_size=64",
                "--num_epochs=1",
                f"--encoder={encoder.format(length=12)}",
            ],
        )
    )
    student = [
        "--frame_sampler=uniform(k=6)",
        f"--encoder={encoder.format(length=3)}",
    ]
    taught = [*student, f"--teacher_dir={teacher}"]
    runs = {
        "baseline": Run(*common, f"{folder}/baseline", *student),
        "with_cache": Run(
            *common,
            f"{folder}/with",
            *taught,
            f"--teacher_cache={folder}/cache",
        ),
        "without_cache": Run(*common, f"{folder}/without", *taught),
    }
    for number in range(REPEATS + 1):
        for run in runs.values():
            run.epoch(number)
    return {name: run.seconds for name, run in runs.items()}


def ratios(results, name):
    """Seconds of a run over the baseline's, turn by turn."""
    return claims.quotients(results[name], results["baseline"])


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    quiet_start.import_tensorflow()
    everything, lines = {}, []
    with tempfile.TemporaryDirectory() as folder:
        num_classes = make_shards(folder)
        for family, encoder in ENCODERS.items():
            results = everything[family] = measure(
                encoder,
                f"{folder}/train*",
                num_classes,
                f"{folder}/{family}",
            )
            for name, seconds in results.items():
                print(
                    f"{family} {name}: {statistics.median(seconds):.2f} s an "
                    "epoch"
                )
            without = ratios(results, "without_cache")
            print(
                f"{family} without the cache: "
                f"{statistics.median(without):.2f} × the baseline"
            )
            found = ratios(results, "with_cache")
            lines.append(
                claims.line(
                    f"teacher_cache_{family}", found, TARGET, at_most=True
                )
            )
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(json.dumps(everything, indent=2))
    print("\n".join(lines))


if __name__ == "__main__":
    flags.DEFINE_string("json", "", "file for the numbers")
    app.run(main)
