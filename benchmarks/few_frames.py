"""Does a student that sees a tenth of the frames cost less, records to CSV?

python benchmarks/few_frames.py [--json=FILE]

Writes 512 synthetic videos of 300 frames and tags them with the demo's network
on all frames and on k = 30, by turns, several times: reading, decoding, model,
CSV lines. The claim: the ratio of times reaches 80 % of the ratio of the
complete models' FLOPs. Takes about a minute on 2 cores.
"""

import importlib.util
import json
import pathlib
import statistics
import tempfile
import time

from absl import app, flags

from yt8m_distill import quiet_start

FLAGS = flags.FLAGS
ROOT = pathlib.Path(__file__).resolve().parent.parent
NUM_CLASSES = 60
NUM_VIDEOS = 512
REPEATS = 7
BATCH_SIZE = 32
ENCODER = "netvlad(clusters=16, representation_dim=128)"


def make_shards(folder):
    """Synthetic 300-frame videos in 4 shards."""
    spec = importlib.util.spec_from_file_location(
        "make_synthetic_shards", ROOT / "tools" / "make_synthetic_shards.py"
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.make_shards(
        folder,
        {"test": NUM_VIDEOS},
        4,
        NUM_CLASSES,
        min_frames=300,
        max_frames=300,
        label_noise=0.0,
        seed=0,
    )


def seconds_to_csv(evaluator, dataset, path):
    """Time from records to a written CSV."""
    from yt8m_distill.prediction_files import formats

    start = time.perf_counter()
    with formats.writing(path, "csv", 20) as opened:
        for predictions, _, batch in evaluator.predictions(
            dataset, BATCH_SIZE, with_video_id=True
        ):
            opened.write(batch["video_id"], predictions)
    return time.perf_counter() - start


def measure():
    """Seconds of each repeat and FLOPs a video, for teacher and student."""
    from yt8m_distill import model
    from yt8m_distill.dataset import VideoDataset
    from yt8m_distill.evaluation import Evaluator
    from yt8m_distill.shards import Shards

    with tempfile.TemporaryDirectory() as folder:
        make_shards(folder)
        shards = Shards(f"{folder}/test*")
        pairs, results = {}, {}
        for name, sampler in (
            ("teacher", "all_frames"),
            ("student", "uniform(k=30)"),
        ):
            built = model.build(
                sampler,
                ENCODER,
                "logistic",
                num_classes=NUM_CLASSES,
                feature_sizes=shards.feature_sizes,
            )
            dataset = VideoDataset(
                shards, NUM_CLASSES, 300, built.frame_sampler
            )
            pairs[name] = Evaluator(built), dataset
            results[name] = {"flops": built.count_flops(), "seconds": []}
        for repeat in range(REPEATS + 1):  # the first one compiles
            for name, pair in pairs.items():
                seconds = seconds_to_csv(*pair, f"{folder}/out.csv")
                if repeat:
                    results[name]["seconds"].append(seconds)
    return results


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    quiet_start.import_tensorflow()
    results = measure()
    teacher, student = results["teacher"], results["student"]
    ratios = [
        slow / fast
        for slow, fast in zip(teacher["seconds"], student["seconds"])
    ]
    flops_ratio = teacher["flops"] / student["flops"]
    for name, result in results.items():
        median = statistics.median(result["seconds"])
        print(
            f"{name}: {NUM_VIDEOS / median:,.0f} videos/s, "
            f"{result['flops'] / 1e9:.4f} GFLOPs a video"
        )
    print(f"FLOPs ratio {flops_ratio:.2f}")
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(json.dumps(results, indent=2))
    ratio, target = statistics.median(ratios), 0.8 * flops_ratio
    print(
        f"claim=few_frames_netvlad_k30 ratio={ratio:.2f} "
        f"spread={min(ratios):.2f}-{max(ratios):.2f} target={target:.2f} "
        + ("holds" if ratio >= target else "falls short")
    )


if __name__ == "__main__":
    flags.DEFINE_string("json", "", "file for the numbers")
    app.run(main)
