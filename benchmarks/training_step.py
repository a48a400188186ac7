"""Is a teacher's training step faster than that of the original code?

python benchmarks/training_step.py [--families=hrnn,nextvlad,netvlad]
    [--batch_size=32] [--json=FILE]

Trains the paper's teachers at full size on a batch of random 300-frame videos:
the package's `Distiller` against `original_graphs.py`, a port of the original
graphs, by turns, five times. Both start from bytes in memory and end with
updated weights, with cross-entropy, clipped gradients and Adam. Batches are of
32 videos; WILLOW's and linrongc's recipes have 80. The claims: NeXtVLAD and
NetVLAD 1.3 times as fast, H-RNN twice. Takes about 3 minutes on 2 cores.
"""

import json
import pathlib
import statistics
import time

import claims
import numpy as np
from absl import app, flags

from yt8m_distill import quiet_start

FLAGS = flags.FLAGS
NUM_CLASSES = 3862
FEATURE_SIZES = (1024, 128)
REPEATS = 5
# Family → encoder, head, original graph, least ratio of times.
FAMILIES = {
    "hrnn": (
        "hierarchical_lstm(block_length=20)",
        "logistic(l2_penalty=1e-8)",
        "hierarchical_lstm",
        2,
    ),
    "nextvlad": (
        "nextvlad",
        "logistic(l2_penalty=1e-8)",
        "nextvlad",
        1.3,
    ),
    "netvlad": (
        "netvlad(input_normalization=True, hidden_normalization=False)",
        "mixture_of_experts(l2_penalty=1e-6, probability_gating=True)",
        "netvlad",
        1.3,
    ),
}


def random_batch(batch_size):
    """Videos of the batch contract, all of 300 frames."""
    import tensorflow as tf

    generator = np.random.default_rng(0)
    shape = (batch_size, 300, sum(FEATURE_SIZES))
    labels = generator.random((batch_size, NUM_CLASSES)) < 1e-3
    return {
        "frames": tf.constant(generator.integers(0, 256, shape, np.uint8)),
        "num_frames": tf.fill([batch_size], 300),
        "labels": tf.constant(labels.astype(np.float32)),
    }


def package_step(encoder, head, batch):
    """A function of no arguments that trains once, and the weights' number."""
    import tensorflow as tf

    from yt8m_distill import model, parts, training
    from yt8m_distill.distiller import Distiller

    student = model.build(
        "all_frames",
        encoder,
        head,
        num_classes=NUM_CLASSES,
        feature_sizes=FEATURE_SIZES,
    )
    distiller = Distiller(
        {"student": student}, parts.get_all("distillation_losses", "ce")
    )
    distiller.compile(
        training.optimizer(
            "AdamOptimizer", 1e-3, 0.95, 4e6, FLAGS.batch_size, 1.0
        )
    )
    step = tf.function(distiller.train_step, autograph=False)
    return lambda: step(batch)["loss"].numpy(), student.count_params()


def original_step(forward, batch):
    """As `package_step`, of an original graph."""
    import original_graphs

    graph = original_graphs.OriginalGraph(
        getattr(original_graphs, forward), NUM_CLASSES
    )

    def step():
        return graph.train_step(batch).numpy()

    step()
    return step, sum(
        int(v.shape.num_elements()) for v in graph.variables.values()
    )


def seconds_of(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    quiet_start.import_tensorflow()
    batch = random_batch(FLAGS.batch_size)
    everything, found = {}, []
    for family in FLAGS.families:
        encoder, head, forward, target = FAMILIES[family]
        steps = {
            "package": package_step(encoder, head, batch),
            "original": original_step(forward, batch),
        }
        seconds = {name: [] for name in steps}
        for repeat in range(REPEATS + 1):  # the first one compiles
            for name, (step, _) in steps.items():
                spent = seconds_of(step)
                if repeat:
                    seconds[name].append(spent)
        for name, (_, num_weights) in steps.items():
            print(
                f"{family} {name}: {statistics.median(seconds[name]):.2f} s a "
                f"step ({min(seconds[name]):.2f}-{max(seconds[name]):.2f}), "
                f"{num_weights / 1e6:.1f} million weights",
                flush=True,
            )
        everything[family] = seconds
        ratios = claims.quotients(seconds["original"], seconds["package"])
        found.append(claims.line(f"{family}_training_step", ratios, target))
        del steps
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(json.dumps(everything, indent=2))
    print("\n".join(found))


if __name__ == "__main__":
    flags.DEFINE_list("families", list(FAMILIES), "which to measure")
    flags.DEFINE_integer("batch_size", 32, "videos a step")
    flags.DEFINE_string("json", "", "file for the numbers")
    app.run(main)
