import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from yt8m_distill import model
from yt8m_distill.errors import InputError


def small(frame_sampler="uniform(k=3)", **options):
    return model.build(
        frame_sampler,
        "netvlad(clusters=2, representation_dim=4)",
        "logistic",
        **{
            "num_classes": 5,
            "feature_sizes": (3, 2),
            "max_frames": 6,
            **options,
        },
    )


def batch(frames=3, videos=4):
    random = np.random.default_rng(0)
    return {
        "frames": random.integers(0, 256, (videos, frames, 5), np.uint8),
        "num_frames": np.arange(videos, dtype="int32") % frames + 1,
    }


def test_outputs():
    outputs = small()(batch())
    assert outputs["representation"].shape == (4, 4)
    assert outputs["logits"].shape == (4, 5)


@pytest.mark.parametrize("input_layer", ["l2", "none"])
def test_a_saved_model_carries_everything(tmp_path, input_layer):
    saved = small(input_layer=input_layer)
    path = str(tmp_path / "model.keras")
    model.save(saved, path)
    loaded = model.load(path)
    np.testing.assert_allclose(
        loaded(batch())["logits"], saved(batch())["logits"], atol=1e-6
    )
    assert loaded.frame_sampler.get_config() == saved.frame_sampler.get_config()
    assert type(loaded.input_layer) is type(saved.input_layer)
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]


def test_a_loaded_model_can_be_trained(tmp_path):
    path = str(tmp_path / "model.keras")
    model.save(small(), path)
    loaded = model.load(path)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loaded(batch(), training=True)["logits"] ** 2)
    gradients = tape.gradient(total, loaded.trainable_variables)
    assert all(gradient is not None for gradient in gradients)


def test_loading_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="no model at"):
        model.load(str(tmp_path / "missing.keras"))
    path = tmp_path / "text.keras"
    path.write_text("no archive")
    with pytest.raises(InputError, match="is no Keras model"):
        model.load(str(path))
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(InputError, match="holds a Sequential"):
        model.load(str(tmp_path / "other.keras"))


def test_a_part_that_is_not_installed_is_named(tmp_path):
    path = tmp_path / "model.keras"
    model.save(small(), str(path))
    changed = tmp_path / "changed.keras"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(
                name, data.replace(b"encoders.netvlad", b"encoders.gone")
            )
    with pytest.raises(InputError, match="yt8m_distill.encoders.gone"):
        model.load(str(changed))


def test_number_of_parameters_and_flops():
    built = small()
    vlad = 3 * 2 * 2 + 2 * 4 + 2 * 2 * 2 + 2 * 4
    hidden = (3 * 2 + 2 * 2) * 4 + 4 * 4
    gate = 4 * 4 + 4 * 4
    assert built.count_params() == vlad + hidden + gate + 4 * 5 + 5
    per_frame = 4 * (3 * 2 + 2 * 2)
    fixed = 2 * (10 * 4 + 4 * 4 + 4 * 5)
    assert built.count_flops() == 3 * per_frame + fixed
    assert built.count_flops(300) == 3 * per_frame + fixed
    assert built.count_flops(2) == 2 * per_frame + fixed
    assert small("all_frames").count_flops() == 6 * per_frame + fixed


def test_weights_are_copied_where_name_and_shape_agree():
    source, target = small(), small()
    copied, count = model.copy_weights(source.encoder, target.encoder)
    assert copied == count == len(target.encoder.weights)
    for mine, theirs in zip(target.encoder.weights, source.encoder.weights):
        np.testing.assert_array_equal(mine, theirs)
    other = model.build(
        "uniform(k=3)",
        "netvlad(clusters=2, representation_dim=6)",
        "logistic",
        num_classes=5,
        feature_sizes=(3, 2),
    )
    copied, count = model.copy_weights(source.encoder, other.encoder)
    assert 0 < copied < count


def test_a_shared_head_of_another_width_is_refused():
    with pytest.raises(InputError, match="for 4 values and 5 classes cannot"):
        model.build(
            "uniform(k=3)",
            "netvlad(clusters=2, representation_dim=6)",
            small().head,
            num_classes=5,
            feature_sizes=(3, 2),
        )
