"""Does each family's student compute what its FLOPs promise?

python benchmarks/families.py [--json=FILE]

Runs the paper's H-RNN, NetVLAD and NeXtVLAD at full size on a batch of random
videos, with all 300 frames and with k = 30, by turns, several times: the model
alone, from bytes in memory to logits. The claim for each: the ratio of times
reaches 80 % of the ratio of the complete models' FLOPs. Takes about 1.5 minutes
on 2 cores.
"""

import json
import pathlib
import statistics
import time

import numpy as np
from absl import app, flags

from yt8m_distill import quiet_start

FLAGS = flags.FLAGS
BATCH_SIZE = 32
REPEATS = 7
FEATURE_SIZES = (1024, 128)
# Family → encoder of the teacher, of the student, and the head of both.
FAMILIES = {
    "hrnn": (
        "hierarchical_lstm(block_length=20)",
        "hierarchical_lstm(block_length=5)",
        "logistic",
    ),
    "nextvlad": ("nextvlad", "nextvlad", "logistic"),
    "netvlad": (
        "netvlad",
        "netvlad",
        "mixture_of_experts(probability_gating=True)",
    ),
}


def forward_pass(encoder, head, k):
    """A function of no arguments that tags a batch, and FLOPs a video."""
    import tensorflow as tf

    from yt8m_distill import model

    built = model.build(
        f"uniform(k={k})",
        encoder,
        head,
        num_classes=3862,
        feature_sizes=FEATURE_SIZES,
    )
    shape = (BATCH_SIZE, k, sum(FEATURE_SIZES))
    batch = {
        "frames": tf.constant(
            np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        ),
        "num_frames": tf.fill([BATCH_SIZE], k),
    }
    function = tf.function(lambda batch: built(batch)["logits"])
    return lambda: function(batch).numpy(), built.count_flops()


def measure(teacher_encoder, student_encoder, head):
    """FLOPs a video and seconds of each repeat, of teacher and student."""
    functions, results = {}, {}
    for name, encoder, k in (
        ("teacher", teacher_encoder, 300),
        ("student", student_encoder, 30),
    ):
        functions[name], flops = forward_pass(encoder, head, k)
        results[name] = {"flops": flops, "seconds": []}
    for repeat in range(REPEATS + 1):  # the first one compiles
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if repeat:
                seconds = time.perf_counter() - start
                results[name]["seconds"].append(seconds)
    return results


def claim(family, results):
    """The line that says whether the family keeps its promise."""
    teacher, student = results["teacher"], results["student"]
    ratios = [
        slow / fast
        for slow, fast in zip(teacher["seconds"], student["seconds"])
    ]
    flops_ratio = teacher["flops"] / student["flops"]
    ratio, target = statistics.median(ratios), 0.8 * flops_ratio
    return (
        f"claim={family}_k30 ratio={ratio:.2f} "
        f"spread={min(ratios):.2f}-{max(ratios):.2f} target={target:.2f} "
        + ("holds" if ratio >= target else "falls short")
    )


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    quiet_start.import_tensorflow()
    everything, claims = {}, []
    for family, specs in FAMILIES.items():
        results = everything[family] = measure(*specs)
        for name, result in results.items():
            median = statistics.median(result["seconds"])
            print(
                f"{family} {name}: {BATCH_SIZE / median:,.0f} videos/s, "
                f"{result['flops'] / 1e9:.3f} GFLOPs a video"
            )
        claims.append(claim(family, results))
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(json.dumps(everything, indent=2))
    print("\n".join(claims))


if __name__ == "__main__":
    flags.DEFINE_string("json", "", "file for the numbers")
    app.run(main)
