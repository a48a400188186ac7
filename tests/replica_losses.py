"""Losses of trainings on one device and on two, for tests and benchmarks.

python -m tests.replica_losses OUT.json CASE ...

A case is ENCODER/KIND/XLA: a key of `ENCODERS`; plain, serial or parallel;
xla or no_xla; or a function of `CHECKS`. Starts two logical CPUs. OUT gets, by
case, the largest relative difference of any loss of any step, that of the first
loss to the last, and the seconds of both; or what the function returns.
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


def losses(strategy, encoder, kind, jit_compile):
    """Losses of each step of a training.

    Args:
        strategy: `tf.distribute.Strategy`.
        encoder: str, a spec.
        kind: str, `"plain"`, `"serial"` or `"parallel"`.
        jit_compile: bool.

    Returns:
        A list of dicts.
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
    return found


def compare(mirrored, one_device, case):
    """How far two devices are from one; dict as written by `main`."""
    encoder, kind, xla = case.split("/")
    results, seconds = [], []
    for strategy in (one_device, mirrored):
        start = time.perf_counter()
        results.append(losses(strategy, ENCODERS[encoder], kind, xla == "xla"))
        seconds.append(time.perf_counter() - start)
    return {
        "loss": max(
            abs(one[key] - two[key]) / max(abs(one[key]), 1e-6)
            for one, two in zip(*results, strict=True)
            for key in one
        ),
        "moved": abs(results[0][0]["loss"] / results[0][-1]["loss"] - 1),
        "seconds": seconds,
    }


def masked_moments(mirrored, one_device):
    """Batch normalisation of values far from 0, with masks that differ.

    Returns:
        list of lists: outputs, gradients and moving statistics on one device,
        and the same on two.
    """
    import tensorflow as tf

    from yt8m_distill.layers import BatchNormalization

    random = np.random.default_rng(0)
    values = random.normal(1e3, 1, (4, 5, 3)).astype(np.float32)
    lengths = np.array([1, 2, 5, 4])
    mask = np.arange(5) < lengths[:, None]
    values[~mask] = -5e4
    factors = random.normal(size=values.shape).astype(np.float32)
    given = tf.data.Dataset.from_tensors((values, mask, factors)).unbatch()

    def passes(layer, batch):
        inputs, mask, factors = batch
        kept = tf.expand_dims(mask, -1)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True, mask=mask)
            outputs = tf.where(kept, outputs, 0.0)
            loss = tf.reduce_sum(outputs * factors)
        gradients = tape.gradient(loss, inputs)
        return outputs, tf.where(kept, gradients, 0.0)

    found = []
    for strategy in (one_device, mirrored):
        with strategy.scope():
            layer = BatchNormalization()
            layer.build(values.shape)
        batch = next(
            iter(strategy.experimental_distribute_dataset(given.batch(4)))
        )
        results = tf.function(
            lambda batch: strategy.run(passes, (layer, batch)), autograph=False
        )(batch)
        found.append(
            [
                np.concatenate(
                    [v.numpy() for v in strategy.experimental_local_results(r)]
                ).tolist()
                for r in results
            ]
            + [w.numpy().tolist() for w in layer.non_trainable_weights]
        )
    return found


def chance(mirrored, one_device):
    """Which elements dropout keeps in a step.

    Returns:
        list of lists of bool: on one device, and on each of two.
    """
    import keras
    import tensorflow as tf

    from yt8m_distill.callbacks import EpochSeeds

    found = []
    for strategy in (one_device, mirrored):
        with strategy.scope():
            model = keras.Sequential([keras.layers.Dropout(0.5)])
            model.build((1, 40))
        EpochSeeds([model], seed=2).on_epoch_begin(3)
        results = strategy.run(
            lambda: model(tf.ones((1, 40)), training=True) > 0
        )
        found += [
            value.numpy()[0].tolist()
            for value in strategy.experimental_local_results(results)
        ]
    return found


def step_times(mirrored, one_device):
    """Seconds of some steps of a larger model, on one device and on two."""
    import keras
    import tensorflow as tf

    from yt8m_distill import model, parts, training
    from yt8m_distill.distiller import Distiller

    random = np.random.default_rng(0)
    data = {
        "frames": random.integers(0, 256, (64, 30, 1152), np.uint8),
        "num_frames": np.full(64, 30, np.int32),
        "labels": (random.random((64, 500)) < 0.01).astype(np.float32),
    }
    data = tf.data.Dataset.from_tensors(data).unbatch().batch(64, True)
    seconds = []
    for strategy in (one_device, mirrored):
        with strategy.scope():
            student = model.build(
                "uniform(k=30)",
                "netvlad(clusters=32, representation_dim=256)",
                "logistic",
                num_classes=500,
                feature_sizes=(1024, 128),
            )
            distiller = Distiller(
                {"student": student}, parts.get_all("distillation_losses", "ce")
            )
            distiller.compile(training.optimizer("Adam", 0.01, 1, 64, 64, 1.0))
        times = []
        distiller.fit(
            data.repeat(8 * 3),
            epochs=8,
            steps_per_epoch=3,
            callbacks=[
                keras.callbacks.LambdaCallback(
                    on_epoch_end=lambda *_: times.append(time.perf_counter())
                )
            ],
            shuffle=False,
            verbose=0,
        )
        seconds.append((np.diff(times) / 3).tolist())
    return seconds


CHECKS = {
    "masked_moments": masked_moments,
    "chance": chance,
    "step_times": step_times,
}


def main(path, *cases):
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one_device = tf.distribute.get_strategy()
    found = {}
    for case in cases:
        if case in CHECKS:
            found[case] = CHECKS[case](mirrored, one_device)
        else:
            found[case] = compare(mirrored, one_device, case)
    with open(path, "w") as opened:
        json.dump(found, opened)


if __name__ == "__main__":
    main(*sys.argv[1:])
