"""Where do XLA and bfloat16 pay on this machine?

python benchmarks/compilation.py [--json=FILE] [--families=netvlad,nextvlad]

Times the paper's H-RNN, NetVLAD and NeXtVLAD at full size (batches of 32,
k = 300 and 30 frames), in training (forward and backward pass) and inference,
with and without XLA by turns, in float32 and mixed_bfloat16. The medians go
into yt8m_distill/compilation.json, which --jit_compile=auto follows; rows of
other kinds of devices stay there. What Keras cannot compile on this device is
left out. Takes about 8 minutes on 2 cores that do nothing else.
"""

import datetime
import gc
import json
import pathlib
import statistics
import time

from absl import app, flags
from paper_models import FAMILIES, FEATURE_SIZES

from yt8m_distill import quiet_start

FLAGS = flags.FLAGS
BATCH_SIZE = 32
REPEATS = 5
NUM_CLASSES = 3862
PRECISIONS = ("float32", "mixed_bfloat16")


def functions(encoder, head, k, policy):
    """Pass → whether with XLA → a function of no arguments that runs it."""
    import keras
    import numpy as np
    import tensorflow as tf

    from yt8m_distill import model, parts, precision
    from yt8m_distill.distiller import Distiller

    with precision.of_new_models(policy):
        built = model.build(
            f"uniform(k={k})",
            encoder,
            head,
            num_classes=NUM_CLASSES,
            feature_sizes=FEATURE_SIZES,
        )
    random = np.random.default_rng(0)
    shape = (BATCH_SIZE, k, sum(FEATURE_SIZES))
    batch = {
        "frames": tf.constant(random.integers(0, 256, shape, np.uint8)),
        "num_frames": tf.fill([BATCH_SIZE], k),
        "labels": tf.constant(
            (random.random((BATCH_SIZE, NUM_CLASSES)) < 1e-3).astype("float32")
        ),
    }

    def training(with_xla):
        distiller = Distiller(
            {"student": built},
            parts.get_all("distillation_losses", "ce"),
            jit_compile=with_xla,
        )
        distiller.compile(keras.optimizers.SGD())
        return lambda: distiller._passes(batch)[0]["loss"].numpy()

    def inference(with_xla):
        predict = tf.function(
            lambda batch: built(batch)["logits"],
            jit_compile=with_xla or None,
        )
        return lambda: predict(batch).numpy()

    return built, {
        "training": {xla: training(xla) for xla in (False, True)},
        "inference": {xla: inference(xla) for xla in (False, True)},
    }


def times(by_xla):
    """Seconds of each repeat, by turns: dict of lists."""
    seconds = {xla: [] for xla in by_xla}
    for repeat in range(REPEATS + 1):  # the first one compiles
        for xla, function in by_xla.items():
            start = time.perf_counter()
            function()
            if repeat:
                seconds[xla].append(time.perf_counter() - start)
    return seconds


def measure(family, encoder, head, k, policy):
    """Rows of the table."""
    import keras
    import tensorflow as tf

    from yt8m_distill import compilation
    from yt8m_distill.errors import InputError

    try:
        built, passes = functions(encoder, head, k, policy)
    except InputError as error:
        print(f"{family}: {error}")
        return []
    rows = []
    for which_pass, by_xla in passes.items():
        seconds = times(by_xla)
        medians = {
            xla: statistics.median(all_) for xla, all_ in seconds.items()
        }
        rows.append(
            {
                "device": compilation.device_kind(),
                "family": compilation.family(built),
                "pass": which_pass,
                "precision": policy,
                "num_frames": k,
                "seconds": round(medians[False], 4),
                "seconds_with_xla": round(medians[True], 4),
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "date": datetime.date.today().isoformat(),
            }
        )
        ratios = [a / b for a, b in zip(seconds[False], seconds[True])]
        print(
            f"{family} {which_pass} k={k} {policy}: {medians[False]:.3f} s, "
            f"with XLA {medians[True]:.3f} s; XLA is "
            f"{statistics.median(ratios):.2f} times as fast "
            f"({min(ratios):.2f}-{max(ratios):.2f})",
            flush=True,
        )
    del built, passes
    keras.backend.clear_session()
    gc.collect()
    return rows


def write(rows):
    """Puts rows into the table, in place of those of the same measurement."""
    from yt8m_distill import compilation

    def key(row):
        return tuple(
            row[name]
            for name in ("device", "family", "pass", "precision", "num_frames")
        )

    table = {key(row): row for row in [*compilation.measurements(), *rows]}
    lines = ",\n".join(f"  {json.dumps(table[one])}" for one in sorted(table))
    compilation.TABLE.write_text(f"[\n{lines}\n]\n")


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    quiet_start.import_tensorflow()
    rows = []
    for family in FLAGS.families:
        teacher, student, head = FAMILIES[family]
        for encoder, k in ((student, 30), (teacher, 300)):
            for policy in PRECISIONS:
                rows += measure(family, encoder, head, k, policy)
    write(rows)
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(json.dumps(rows, indent=2))
    seconds = {
        (row["family"], row["pass"], row["num_frames"], row["precision"]): row[
            "seconds"
        ]
        for row in rows
    }
    for (family, which_pass, k, policy), value in seconds.items():
        if policy != "float32":
            ratio = seconds[family, which_pass, k, "float32"] / value
            print(
                f"{policy} {family} {which_pass} k={k}: {ratio:.2f} times as "
                "fast as float32"
            )


if __name__ == "__main__":
    flags.DEFINE_string("json", "", "file for the numbers")
    flags.DEFINE_list("families", list(FAMILIES), "which to measure")
    app.run(main)
