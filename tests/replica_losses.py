"""Losses of trainings on one device and on two, for tests and benchmarks.

python -m tests.replica_losses OUT.json CASE ...

A case is ENCODER/KIND/XLA: a key of `ENCODERS`; plain, serial or parallel;
xla or no_xla. Starts two logical CPUs. OUT gets, by case, the largest relative
difference of any loss of any step, the largest absolute one of any weight, and
the seconds of both.
"""

import json
import sys
import time

import numpy as np

STEPS, BATCH_SIZE, MAX_FRAMES, NUM_CLASSES = 5, 8, 9, 6
ENCODERS = {
    "netvlad": "netvlad(clusters=3, representation_dim=6)",
    "netvlad_plain": "netvlad(clusters=3, representation_dim=6, "
    "batch_normalization=False)",
    "nextvlad": "nextvlad(clusters=3, groups=2, representation_dim=6, "
    "reduction=2, dropout=0.0)",
    "hierarchical_lstm": "hierarchical_lstm(block_length=2, units=4, "
    "dropout=0.0)",
    "mean_pooling": "mean_pooling",
}


def batches():
    """Videos of `STEPS` batches; the first replica's are shorter."""
    random = np.random.default_rng(0)
    videos = STEPS * BATCH_SIZE
    num_frames = random.integers(1, MAX_FRAMES + 1, videos).astype(np.int32)
    halves = num_frames.reshape(STEPS, 2, -1)
    halves[:, 0] = (halves[:, 0] + 1) // 2
    is_padding = np.arange(MAX_FRAMES) >= num_frames[:, None]
    frames = random.integers(0, 256, (videos, MAX_FRAMES, 10), np.uint8)
    frames[is_padding] = 0
    labels = random.random((videos, NUM_CLASSES)) < 0.4
    weights = random.random(videos).astype(np.float32)
    weights /= weights.reshape(STEPS, -1).mean(1).repeat(BATCH_SIZE)
    return {
        "frames": frames,
        "num_frames": num_frames,
        "labels": labels.astype(np.float32),
        "label_weight": weights,
    }


def losses_and_weights(strategy, encoder, kind, jit_compile):
    """Losses by step and the last weights of a training.

    Args:
        strategy: `tf.distribute.Strategy`.
        encoder: str, a spec.
        kind: str, `"plain"`, `"serial"` or `"parallel"`.
        jit_compile: bool.

    Returns:
        A list of dicts and a list of arrays.
    """
    import keras
    import tensorflow as tf

    from yt8m_distill import model, parts, training
    from yt8m_distill.distiller import Distiller

    def build(sampler):
        return model.build(
            sampler,
            encoder,
            "logistic(l2_penalty=0.01)",
            num_classes=NUM_CLASSES,
            feature_sizes=(6, 4),
            max_frames=MAX_FRAMES,
        )

    keras.utils.set_random_seed(1)
    with strategy.scope():
        # A plain one is given all frames, as a teacher is.
        sampler = "all_frames" if kind == "plain" else "uniform(k=4)"
        models = {"student": build(sampler)}
        teachers = {} if kind == "plain" else {"teacher": build("all_frames")}
        distiller = Distiller(
            models,
            parts.get_all(
                "distillation_losses", "ce" if kind == "plain" else "rep,ce"
            ),
            teachers,
            train_teachers=kind == "parallel",
            teacher_losses=parts.get_all("distillation_losses", "ce"),
            jit_compile=jit_compile,
        )
        # Most gradients are longer than the norm.
        optimizers = [
            training.optimizer("Adam", 0.01, 0.9, 16, BATCH_SIZE, 0.02)
            for _ in range(2)
        ]
        distiller.compile(*optimizers)
    found = []
    data = tf.data.Dataset.from_tensor_slices(batches())
    history = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: found.append(dict(logs))
    )
    distiller.fit(
        data.batch(BATCH_SIZE, drop_remainder=True),
        epochs=STEPS,
        steps_per_epoch=1,
        callbacks=[history],
        shuffle=False,
        verbose=0,
    )
    if kind == "parallel":
        models |= teachers
    weights = [w.numpy() for one in models.values() for w in one.weights]
    return found, weights


def compare(mirrored, one_device, case):
    """How far two devices are from one; dict as written by `main`."""
    encoder, kind, xla = case.split("/")
    results, seconds = [], []
    for strategy in (one_device, mirrored):
        start = time.perf_counter()
        results.append(
            losses_and_weights(strategy, ENCODERS[encoder], kind, xla == "xla")
        )
        seconds.append(time.perf_counter() - start)
    (losses, weights), (other_losses, other_weights) = results
    return {
        "loss": max(
            abs(one[key] - other[key]) / abs(one[key])
            for one, other in zip(losses, other_losses, strict=True)
            for key in one
        ),
        "weight": max(
            float(np.abs(one - other).max())
            for one, other in zip(weights, other_weights, strict=True)
        ),
        "steps": len(losses),
        "moved": abs(losses[0]["loss"] / losses[-1]["loss"] - 1),
        "seconds": seconds,
    }


def main(path, *cases):
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one_device = tf.distribute.get_strategy()
    found = {case: compare(mirrored, one_device, case) for case in cases}
    with open(path, "w") as opened:
        json.dump(found, opened)


if __name__ == "__main__":
    main(*sys.argv[1:])
