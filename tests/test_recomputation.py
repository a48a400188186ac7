import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import small_spec
from tests.test_distiller import BATCH
from tests.test_experiment import train
from yt8m_distill import model, parts, precision, recomputation
from yt8m_distill.distiller import Distiller
from yt8m_distill.errors import InputError
from yt8m_distill.run_directory import RunDirectory

ENCODER = "hierarchical_lstm(block_length=3)"


def steps(recompute, policy="float32", **options):
    """Losses, and all variables after some steps; dropout included."""
    keras.utils.set_random_seed(5)
    with precision.of_new_models(policy):
        built = model.build(
            "all_frames",
            small_spec("encoders", ENCODER, units=2, dropout=0.5),
            "logistic",
            num_classes=5,
            feature_sizes=(4, 2),
            max_frames=8,
        )
    if recompute:
        parts_of_batch = options.get("gradient_accumulation_steps", 1)
        assert recomputation.apply(built, 6 // parts_of_batch) > 0
    distiller = Distiller(
        {"student": built},
        parts.get_all("distillation_losses", "ce"),
        **options,
    )
    distiller.compile(keras.optimizers.SGD(0.1))
    frames = np.random.default_rng(4).integers(0, 256, (6, 8, 6), np.uint8)
    batch = {k: tf.constant(v) for k, v in {**BATCH, "frames": frames}.items()}
    step = tf.function(distiller.train_step)
    losses = [float(step(batch)["loss"]) for _ in range(3)]
    saved = [keras.ops.convert_to_numpy(v) for v in built.variables]
    return losses, saved, np.asarray(built(batch)["logits"])


def assert_same(tolerance=1e-5, **options):
    plain = steps(False, **options)
    again = steps(True, **options)
    assert again[0] == pytest.approx(plain[0], rel=tolerance)
    for one, other in zip(plain[1], again[1], strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)
    np.testing.assert_allclose(plain[2], again[2], atol=tolerance)


def test_the_same_weights_statistics_and_masks():
    assert_same()


def test_in_half_precision():
    assert_same(1e-2, policy="mixed_bfloat16")


def test_under_xla():
    assert_same(jit_compile=True, gradient_accumulation_steps=2)


def test_each_chunk_is_computed_twice():
    sizes = []
    layer = keras.layers.LSTM(2)
    layer.build((10, 8, 3))

    def counted(rows, training=False):
        sizes.append(rows.shape[0])
        return keras.layers.LSTM.call(layer, rows)

    chunked = recomputation.in_chunks(counted, layer, 5)

    @tf.function
    def gradient(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(chunked(rows, training=True))
        return tape.gradient(loss, layer.trainable_variables)

    gradient(tf.zeros((10, 8, 3)))
    assert sizes == [2, 2]  # traced once forward, once backward


def test_a_run_goes_on_with_and_without(synthetic_shards, tmp_path):
    flags = ["--encoder=lstm(cells=2)"]
    train(synthetic_shards, tmp_path, *flags, "--num_epochs=1", "--recompute")
    train(synthetic_shards, tmp_path, *flags, "--num_epochs=2")
    assert [e["step"] for e in RunDirectory(tmp_path).epochs()] == [5, 10]


def test_encoders_without_such_pieces_are_refused(synthetic_shards, tmp_path):
    with pytest.raises(InputError, match="nothing to compute again in 'mean_"):
        train(
            synthetic_shards,
            tmp_path / "run",
            "--encoder=mean_pooling",
            "--recompute",
        )
