"""Do the FLOPs that a student saves become time, from records to CSV?

python benchmarks/end_to_end.py [--families=hrnn,nextvlad,netvlad] [--json=FILE]

Writes 512 synthetic videos of 300 frames with 1152 bytes and tags them as
`yt8m_distill.inference` does (its reader, batch size, graphs and CSV writer)
with the paper's models at full size and random weights: the teacher on all
frames, students with k = 30 and k = 10, by turns, five times. The claims:

* the ratio of times, teacher over student, is at least what the project
  promises, and at least 80 % of the ratio of the complete models' FLOPs;
* the teacher computes at a share of the speed of one large `tf.matmul` on the
  same cores, measured by the same turns.

Of NetVLAD, whose hidden layer does not shrink with the frames, students with
hidden layers of rank 64 and of 8-bit weights are measured too. Takes about
8 minutes on 2 cores.
"""

import json
import pathlib
import statistics
import tempfile
import time

import claims
import numpy as np
import operation_times
import paper_models
import synthetic_shards
from absl import app, flags

from yt8m_distill import quiet_start

FLAGS = flags.FLAGS
NUM_VIDEOS = 512
NUM_CLASSES = 3862
REPEATS = 5
MATRIX_SIZE = 4096
# Family → more models: number of frames and encoder.
VARIANTS = {
    "netvlad": {
        "k30_rank_64": (30, "netvlad(hidden_rank=64)"),
        "k30_int8": (30, "netvlad"),
    },
}
# Least ratio of times, and least share of the speed of tf.matmul. NetVLAD's
# complete models differ 1.4 times; of that, 80 %.
LEAST_RATIOS = {
    ("hrnn", "k30"): 6,
    ("hrnn", "k10"): 10,
    ("nextvlad", "k30"): 5,
    ("nextvlad", "k10"): 8,
}
LEAST_SHARES = {"hrnn": 0.35, "nextvlad": 0.6, "netvlad": 0.6}


class Tagger:
    """A model with what it reads, timed from records to CSV.

    Args:
        name: str, of the model.
        num_frames, encoder, head: of the model.
        shards: `Shards`.
    """

    def __init__(self, name, num_frames, encoder, head, shards):
        from yt8m_distill import batch_size, evaluation, model, run_data

        sampler = (
            "all_frames" if num_frames == 300 else f"uniform(k={num_frames})"
        )
        self.model = model.build(
            sampler,
            encoder,
            head,
            num_classes=NUM_CLASSES,
            feature_sizes=shards.feature_sizes,
        )
        if name.endswith("int8"):
            self.model.encoder.hidden.quantize("int8")
        self.num_frames = num_frames
        self.batch_size = batch_size.automatic(num_frames)
        self.evaluator = evaluation.Evaluator(self.model)
        self.dataset = run_data.dataset_for(
            self.model,
            {"num_classes": NUM_CLASSES, "max_frames": 300},
            shards,
            num_readers=2,
        )
        self.seconds = {"records to CSV": [], "model": [], "reading": []}

    def run(self, path):
        """Tags all videos once; keeps the seconds."""
        from yt8m_distill.prediction_files import formats

        start = time.perf_counter()
        with formats.writing(path, "csv", 20) as opened:
            for predictions, _, batch in self.evaluator.predictions(
                self.dataset,
                self.batch_size,
                with_video_id=True,
                with_labels=False,
            ):
                opened.write(batch["video_id"], predictions)
        self.seconds["records to CSV"].append(time.perf_counter() - start)
        start = time.perf_counter()
        for _ in self.dataset.batches(self.batch_size, True, False):
            pass
        self.seconds["reading"].append(time.perf_counter() - start)
        forward = self.forward()
        count = max(1, 128 // self.batch_size)
        start = time.perf_counter()
        for _ in range(count):
            forward()
        seconds = (time.perf_counter() - start) / (count * self.batch_size)
        self.seconds["model"].append(seconds * NUM_VIDEOS)

    def forward(self):
        """A function that runs the model on a batch in memory."""
        import tensorflow as tf

        shape = (self.batch_size, self.num_frames, 1152)
        frames = tf.constant(
            np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        )
        counts = tf.fill([self.batch_size], self.num_frames)
        return lambda: self.evaluator.forward(frames, counts, self.batch_size)

    def computed_flops(self):
        """FLOPs a video that the graph does.

        As counted everywhere, but NeXtVLAD multiplies its kernels first where a
        batch has many frames, which is less work; that must not count as speed.
        """
        from yt8m_distill.layers import nextvlad

        flops = self.model.count_flops()
        for layer in getattr(self.model.encoder, "aggregations", []):
            if not isinstance(layer, nextvlad.NeXtVLAD):
                continue
            size, expanded = layer.expansion_kernel.shape
            outputs = layer.groups * (layer.clusters + 1)
            rows = self.batch_size * self.num_frames
            if rows >= nextvlad.FOLDED_FROM * expanded:
                less = self.num_frames * (expanded - size) * outputs
                flops -= 2 * less
                flops += 2 * size * expanded * outputs / self.batch_size
        return flops


def matmul_seconds():
    """Seconds of one large product, and a function that measures another."""
    import tensorflow as tf

    matrix = tf.random.normal((MATRIX_SIZE, MATRIX_SIZE))
    product = tf.function(lambda: tf.matmul(matrix, matrix)[0, 0])
    product()

    def measure():
        start = time.perf_counter()
        product().numpy()
        return time.perf_counter() - start

    return measure


def measure(family, shards, folder):
    """The taggers of a family, and seconds of the large product."""
    teacher, student, head = paper_models.FAMILIES[family]
    models = {
        "teacher": (300, teacher),
        "k30": (30, student),
        **VARIANTS.get(family, {"k10": (10, student)}),
    }
    taggers = {
        name: Tagger(name, *model, head, shards)
        for name, model in models.items()
    }
    product, products = matmul_seconds(), []
    for repeat in range(REPEATS + 1):  # the first one compiles
        for tagger in taggers.values():
            tagger.run(f"{folder}/out.csv")
            if not repeat:
                for seconds in tagger.seconds.values():
                    seconds.clear()
        if repeat:
            products.append(statistics.median(product() for _ in range(3)))
    return taggers, products


def report(family, taggers, products):
    """Prints where the time goes; gives the lines of the claims."""
    teacher = taggers["teacher"]
    found = []
    for name, tagger in taggers.items():
        medians = {
            key: statistics.median(values) / NUM_VIDEOS * 1e3
            for key, values in tagger.seconds.items()
        }
        print(
            f"{family} {name}: {tagger.model.count_flops() / 1e9:.3f} GFLOPs a "
            f"video, batches of {tagger.batch_size}, ms a video: "
            + ", ".join(f"{key} {value:.2f}" for key, value in medians.items())
        )
        if tagger is teacher:
            continue
        flops_ratio = teacher.model.count_flops() / tagger.model.count_flops()
        target = max(
            LEAST_RATIOS.get((family, name), 0),
            0.8 * flops_ratio if name == "k30" else 0,
        )
        ratios = claims.quotients(
            teacher.seconds["records to CSV"],
            tagger.seconds["records to CSV"],
        )
        print(f"  FLOPs ratio {flops_ratio:.2f}")
        if target:
            found.append(claims.line(f"{family}_{name}", ratios, target))
        else:
            print(
                f"  teacher over {name}: {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f}-{max(ratios):.2f})"
            )
    flops = teacher.computed_flops() * NUM_VIDEOS
    speeds = [
        flops / seconds / (2 * MATRIX_SIZE**3 / product)
        for seconds, product in zip(teacher.seconds["model"], products)
    ]
    peak = 2 * MATRIX_SIZE**3 / statistics.median(products) / 1e9
    print(f"{family}: tf.matmul reaches {peak:.0f} GFLOP/s")
    found.append(
        claims.line(
            f"{family}_teacher_share_of_matmul", speeds, LEAST_SHARES[family]
        )
    )
    seconds = operation_times.by_operation(teacher.forward())
    share = operation_times.share_of_products(seconds)
    lost = [
        f"{name} {value / sum(seconds.values()):.1%}"
        for name, value in seconds.items()
        if not any(p in name for p in operation_times.PRODUCTS)
    ]
    print(
        f"{family} teacher: {share:.0%} of the operations' time are matrix "
        f"products; of the rest {', '.join(lost[:6])}"
    )
    return found


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    quiet_start.import_tensorflow()
    from yt8m_distill.shards import Shards

    everything, found = {}, []
    with tempfile.TemporaryDirectory() as folder:
        synthetic_shards.make(folder, NUM_VIDEOS, NUM_CLASSES)
        shards = Shards(f"{folder}/test*")
        for family in FLAGS.families:
            taggers, products = measure(family, shards, folder)
            found += report(family, taggers, products)
            everything[family] = {
                "matmul_seconds": products,
                **{
                    name: {
                        "flops": tagger.model.count_flops(),
                        "batch_size": tagger.batch_size,
                        "seconds": tagger.seconds,
                    }
                    for name, tagger in taggers.items()
                },
            }
            del taggers
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(json.dumps(everything, indent=2))
    print("\n".join(found))


if __name__ == "__main__":
    flags.DEFINE_list(
        "families", list(paper_models.FAMILIES), "which to measure"
    )
    flags.DEFINE_string("json", "", "file for the numbers")
    app.run(main)
