"""How fast are exact GAP and mAP on the whole validation split of 2018?

python benchmarks/metrics.py [--json=FILE]

Scores predictions made up for 1,112,356 videos and 3,862 classes, in batches of
1,024, and measures the time beyond making them up and the memory of the whole
process; three times, each in a process of its own. Then scores the first
batches by turns with `VideoMetrics` and as the starter code does: for each
video, pairs of its 20 highest predictions go into Python heaps, one for GAP and
one a class, which are sorted and walked through at the end. Takes 3 minutes on
2 cores.
"""

import heapq
import json
import multiprocessing
import pathlib
import random
import resource
import statistics
import time

import claims
import numpy as np
from absl import app, flags

from yt8m_distill.metrics import VideoMetrics

FLAGS = flags.FLAGS
NUM_VIDEOS = 1_112_356
NUM_CLASSES = 3862
BATCH_SIZE = 1024
TOP_K = 20
RUNS = 3
# Batches that both are given, and how often.
COMPARED_BATCHES = 16
REPEATS = 7
SECONDS_CLAIM = 60
MEMORY_CLAIM = 1.5
SPEED_CLAIM = 20


def batches(num_videos):
    """Yields predictions and labels, float32 `(batch, NUM_CLASSES)`.

    Three labels a video, of which about half are among the highest predictions.
    """
    generator = np.random.default_rng(0)
    while num_videos:
        size = min(BATCH_SIZE, num_videos)
        num_videos -= size
        predictions = generator.random((size, NUM_CLASSES), np.float32)
        predictions **= 8
        videos = np.arange(size)[:, None]
        # Squared, so that some classes are frequent and some rare.
        chosen = generator.random((size, 3)) ** 2 * NUM_CLASSES
        chosen = chosen.astype(int)
        labels = np.zeros((size, NUM_CLASSES), np.float32)
        labels[videos, chosen] = 1
        predictions[videos, chosen] **= 0.05
        yield predictions, labels


class Heaps:
    """The metrics in the steps of eval_util.py of google/youtube-8m.

    Of each video the triplets of its 20 highest predictions; these sorted into
    a list a class; every pair of a list pushed onto the heap of its class and
    onto that of all; at the end each heap is shuffled, sorted and walked.
    """

    def __init__(self):
        self.pooled = []
        self.by_class = [[] for _ in range(NUM_CLASSES)]
        self.positives = [0] * NUM_CLASSES
        self.hits = self.precisions = self.num_videos = 0

    def update(self, predictions, labels):
        self.hits += labels[
            np.arange(len(labels)), np.argmax(predictions, 1)
        ].sum()
        for scores, truth in zip(predictions, labels):
            self.precisions += self.precision_at_equal_recall(scores, truth)
        lists = [[] for _ in range(NUM_CLASSES)]
        for scores, truth in zip(predictions, labels):
            for one in np.argpartition(scores, -TOP_K)[-TOP_K:]:
                lists[one].append((scores[one], truth[one]))
        for one, pairs in enumerate(lists):
            self.positives[one] += np.sum(labels[:, one])
            for pair in pairs:
                heapq.heappush(self.by_class[one], pair)
                heapq.heappush(self.pooled, pair)
        self.num_videos += len(labels)

    def result(self):
        every = [
            self.average_precision(heap, positives)
            for heap, positives in zip(self.by_class, self.positives)
            if positives
        ]
        return {
            "gap": self.average_precision(self.pooled, sum(self.positives)),
            "map": sum(every) / len(every),
            "hit_at_1": self.hits / self.num_videos,
            "perr": self.precisions / self.num_videos,
        }

    @staticmethod
    def precision_at_equal_recall(scores, truth):
        count = int(np.sum(truth))
        highest = np.argpartition(scores, -count)[-count:]
        return sum(truth[one] for one in highest if scores[one] > 0) / count

    @staticmethod
    def average_precision(heap, positives):
        order = list(range(len(heap)))
        random.Random(0).shuffle(order)
        scores = np.array([heap[place][0] for place in order])
        truths = np.array([heap[place][1] for place in order])
        ranking = sorted(
            range(len(heap)), key=lambda place: scores[place], reverse=True
        )
        hits = total = 0.0
        for rank, place in enumerate(ranking, 1):
            if truths[place] > 0:
                hits += 1
                total += hits / rank
        return total / positives


def score_all():
    """Seconds beyond making predictions up, peak GB of the process, scores."""
    metrics = VideoMetrics(NUM_CLASSES, TOP_K)
    seconds = 0.0
    for predictions, labels in batches(NUM_VIDEOS):
        start = time.perf_counter()
        metrics.update(predictions, labels)
        seconds += time.perf_counter() - start
    start = time.perf_counter()
    results = metrics.result()
    seconds += time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return seconds, peak, results


def videos_per_second(metrics, some):
    start = time.perf_counter()
    for predictions, labels in some:
        metrics.update(predictions, labels)
    results = metrics.result()
    seconds = time.perf_counter() - start
    return sum(len(labels) for _, labels in some) / seconds, results


def compare():
    """videos/s of both, by turns."""
    some = list(batches(COMPARED_BATCHES * BATCH_SIZE))
    speeds = {"arrays": [], "heaps": []}
    for _ in range(REPEATS):
        ours, results = videos_per_second(VideoMetrics(NUM_CLASSES), some)
        heaps, expected = videos_per_second(Heaps(), some)
        for key, value in expected.items():
            if abs(results[key] - value) > 1e-4:  # ties are ordered otherwise
                raise ValueError(f"{key}: {results[key]} and {value}")
        speeds["arrays"].append(ours)
        speeds["heaps"].append(heaps)
    return speeds


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    runs = []
    for _ in range(RUNS):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            runs.append(pool.apply(score_all))
    seconds, peaks, results = zip(*runs)
    speeds = compare()
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(
            json.dumps(
                {
                    "seconds": seconds,
                    "peak_gb": peaks,
                    "videos_per_second": speeds,
                    "results": results[0],
                }
            )
        )
    print(
        f"{NUM_VIDEOS:,} videos x {NUM_CLASSES:,} classes: GAP "
        f"{results[0]['gap']:.6f}, mAP {results[0]['map']:.6f}"
    )
    for name, values in speeds.items():
        print(f"{name}: {statistics.median(values):,.0f} videos/s")
    ratios = claims.quotients(speeds["arrays"], speeds["heaps"])
    for line in (
        claims.line("metrics_seconds", seconds, SECONDS_CLAIM, at_most=True),
        claims.line("metrics_gigabytes", peaks, MEMORY_CLAIM, at_most=True),
        claims.line("metrics_speed", ratios, SPEED_CLAIM),
    ):
        print(line)


if __name__ == "__main__":
    flags.DEFINE_string("json", "", "file for the numbers")
    app.run(main)
