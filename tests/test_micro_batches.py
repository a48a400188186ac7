import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.test_distiller import BATCH, assert_same, distiller
from tests.test_experiment import train
from yt8m_distill import micro_batches, model
from yt8m_distill.errors import InputError

RANDOM = np.random.default_rng(1)
WEIGHTED = {
    **BATCH,
    "label_weight": np.float32([0, 2, 0, 2, 0, 2]),
    "class_weights": (RANDOM.random((6, 5)) < 0.5).astype("float32"),
}


def small(sampler):
    return model.build(
        sampler,
        "mean_pooling",  # neither batch statistics nor dropout
        "mixture_of_experts(l2_penalty=0.1)",
        num_classes=5,
        feature_sizes=(3, 2),
        max_frames=8,
    )


def passes(kind, batch, **options):
    keras.utils.set_random_seed(3)
    count = 2 if kind == "ensembles" else 1
    teachers = {f"teacher_{i}": small("all_frames") for i in range(count)}
    built = distiller(
        "ce" if kind == "plain" else "rep,pred,ce",
        {} if kind == "plain" else teachers,
        {f"student_{i}": small("uniform(k=3)") for i in range(count)},
        train_teachers=kind == "parallel",
        **options,
    )
    return built._passes({k: tf.constant(v) for k, v in batch.items()})


@pytest.mark.parametrize(
    ("kind", "parts"),
    [("plain", 3), ("serial", 2), ("parallel", 2), ("ensembles", 3)],
)
def test_losses_and_gradients_are_those_of_the_whole_batch(kind, parts):
    batch = BATCH if kind == "serial" else WEIGHTED
    whole = passes(kind, batch)
    found = passes(kind, batch, gradient_accumulation_steps=parts)
    tf.nest.assert_same_structure(whole, found)
    assert_same(tf.nest.flatten(found), tf.nest.flatten(whole))


def test_inside_xla():
    whole = passes("parallel", WEIGHTED)
    found = passes(
        "parallel", WEIGHTED, gradient_accumulation_steps=3, jit_compile=True
    )
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(whole)):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_cached_teachers_lengths_of_chance_and_the_order_of_rows():
    sizes = []

    def function(batch):
        sizes.append(batch["frames"].shape)
        mean = tf.reduce_mean(tf.cast(batch["t/logits"], tf.float32))
        return {"mean": mean}, [batch["rows"]], [mean]

    spec = {
        "frames": tf.TensorSpec((6, None, 5), tf.uint8),
        "t/logits": tf.TensorSpec((6, 5), tf.float16),
        "rows": tf.TensorSpec((6, 1), tf.float32),
    }
    graph = tf.function(
        micro_batches.accumulated(function, 3), input_signature=[spec]
    )
    logits = np.float16(RANDOM.random((6, 5)))
    for frames in (4, 8):
        means, rows, more = graph(
            {
                "frames": np.zeros((6, frames, 5), np.uint8),
                "t/logits": logits,
                "rows": np.arange(6, dtype="float32")[:, None],
            }
        )
        np.testing.assert_array_equal(rows[0][:, 0], np.arange(6))
        expected = logits.astype("float32").mean()
        np.testing.assert_allclose(means["mean"], expected, rtol=1e-6)
        np.testing.assert_allclose(more[0], expected, rtol=1e-6)
    assert [tuple(size) for size in sizes] == [(2, None, 5)]


def test_parts_that_do_not_divide_the_batch(synthetic_shards, tmp_path):
    with pytest.raises(InputError, match="=3 does not divide the 8 videos"):
        train(
            synthetic_shards, tmp_path / "r", "--gradient_accumulation_steps=3"
        )
