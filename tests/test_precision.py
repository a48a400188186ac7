import keras
import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill import model, parts, precision
from yt8m_distill.video_ensemble import VideoEnsemble

from .conftest import small_spec

POLICIES = ["mixed_bfloat16", "mixed_float16"]
FRAMES = 12


def batch(seed=0):
    """Videos of full length, of one frame and of frames that are all alike."""
    frames = np.random.default_rng(seed).integers(
        0, 256, (6, FRAMES, 12), np.uint8
    )
    frames[2] = 128
    num_frames = np.int32([FRAMES, 1, FRAMES, 5, 7, 3])
    for video, count in enumerate(num_frames):
        frames[video, count:] = 0
    return {"frames": frames, "num_frames": num_frames}


def build(encoder, head="logistic", policy="float32"):
    keras.utils.set_random_seed(1)
    with precision.of_new_models(policy):
        return model.build(
            "all_frames",
            small_spec("encoders", encoder, dropout=0.0),
            head,
            num_classes=9,
            feature_sizes=(8, 4),
            max_frames=FRAMES,
        )


def layers(one):
    return [layer for layer in one._flatten_layers() if layer.weights]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("encoder", parts.names("encoders"))
def test_near_float32_in_training_and_inference(encoder, policy):
    head = "mixture_of_experts(probability_gating=True)"
    exact, mixed = build(encoder, head), build(encoder, head, policy)
    labels = np.random.default_rng(2).integers(0, 2, (6, 9)).astype("float32")
    outputs, gradients = [], []
    for one in (exact, mixed):
        with tf.GradientTape() as tape:
            trained = one(batch(), training=True)
            # As small as the share of a class of many.
            loss = 1e-3 * tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(
                    labels, trained["logits"]
                )
            )
            scaled = loss * 2.0**10
        found = tape.gradient(scaled, one.trainable_variables)
        gradients.append([tf.convert_to_tensor(g).numpy() for g in found])
        outputs.append([trained, one(batch())])
    for float32, half in zip(*outputs):
        for key in float32:
            assert half[key].dtype == float32[key].dtype
        for key in ("representation", "logits"):
            np.testing.assert_allclose(half[key], float32[key], atol=0.1)
    assert {v.dtype for v in mixed.weights} <= {"float32"}
    squares = 0.0
    for float32, half in zip(*gradients):
        assert np.isfinite(half).all()
        squares += np.sum((half - float32) ** 2)
    total = sum(np.sum(one**2) for one in gradients[0])
    assert squares < 0.05 * total


@pytest.mark.parametrize("policy", POLICIES)
def test_a_loaded_model_computes_in_the_policy_that_is_applied(
    policy, tmp_path
):
    built = build("hierarchical_lstm(block_length=3)", policy=policy)
    expected = built(batch())["logits"]
    path = str(tmp_path / "model.keras")
    model.save(built, path)
    loaded = model.load(path)
    assert precision.of(loaded) == policy
    np.testing.assert_array_equal(loaded(batch())["logits"], expected)
    precision.apply(loaded, "float32")
    assert {layer.compute_dtype for layer in layers(loaded)} == {"float32"}
    exact = loaded(batch())["logits"]
    np.testing.assert_array_equal(
        exact, build("hierarchical_lstm(block_length=3)")(batch())["logits"]
    )
    assert not np.array_equal(exact, expected)
    precision.apply(loaded, policy)
    np.testing.assert_array_equal(loaded(batch())["logits"], expected)
    precision.apply(loaded, None)
    assert precision.of(loaded) == policy


def test_all_members_of_an_ensemble_change():
    ensemble = VideoEnsemble([build("nextvlad"), build("netvlad")], FRAMES)
    before = ensemble(batch())["logits"]
    precision.apply(ensemble, "mixed_bfloat16")
    assert precision.of(ensemble) == "mixed_bfloat16"
    assert {layer.compute_dtype for layer in layers(ensemble)} == {"bfloat16"}
    assert {weight.dtype for weight in ensemble.weights} == {"float32"}
    np.testing.assert_allclose(ensemble(batch())["logits"], before, atol=0.1)


def test_nothing_is_left_behind():
    before = keras.config.dtype_policy().name
    with pytest.raises(ZeroDivisionError):
        with precision.of_new_models("mixed_float16"):
            assert keras.config.dtype_policy().name == "mixed_float16"
            raise ZeroDivisionError
    assert keras.config.dtype_policy().name == before
