"""Every file of every family keeps its family's contract.

A new part is found by its file: nothing has to be added here.
"""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.conftest import small_spec
from yt8m_distill import model, parts
from yt8m_distill.errors import InputError
from yt8m_distill.flag_definitions import FLAGS

FEATURE_SIZES = (6, 4)
MAX_FRAMES = 12
NUM_CLASSES = 5
CONTEXT = {
    "feature_sizes": FEATURE_SIZES,
    "num_classes": NUM_CLASSES,
    "max_frames": MAX_FRAMES,
}
SMALL = {
    "k": 4,
    "stride": 3,
    "block_length": 5,
    "eigenvalues": [9, 5, 4, 3, 2, 1],
}
RANDOM = np.random.default_rng(0)
NUM_FRAMES = np.int32([12, 1, 5, 3])
BYTES = RANDOM.integers(0, 256, (4, MAX_FRAMES, sum(FEATURE_SIZES)), np.uint8)
FRAMES = RANDOM.standard_normal(BYTES.shape).astype("float32")


def build(family, name):
    return parts.get(family, small_spec(family, name, **SMALL), **CONTEXT)


def inputs_of(family):
    """Call arguments that suit every part of a family."""
    representation = RANDOM.standard_normal((4, 8)).astype("float32")
    outputs = {
        "representation": representation,
        "logits": RANDOM.standard_normal((4, NUM_CLASSES)).astype("float32"),
        "block_representations": RANDOM.standard_normal((4, 3, 8)).astype(
            "float32"
        ),
        "block_ends": np.int32([[4, 9, 11], [0, 0, 0], [4, 4, 4], [2, 2, 2]]),
        "num_blocks": np.int32([3, 1, 1, 1]),
    }
    labels = (RANDOM.random((4, NUM_CLASSES)) < 0.4).astype("float32")
    np.fill_diagonal(labels, 1)  # no video without any
    return {
        "frame_samplers": [{"frames": BYTES, "num_frames": NUM_FRAMES}],
        "input_layers": [BYTES, NUM_FRAMES],
        "encoders": [FRAMES, NUM_FRAMES],
        "heads": [representation],
        "distillation_losses": [
            {**outputs, "labels": labels},
            {
                key: value
                + np.array(0.5 * (value.dtype == "float32"), value.dtype)
                for key, value in outputs.items()
            },
        ],
    }[family]


def as_arrays(outputs):
    return tf.nest.map_structure(lambda x: ops.convert_to_numpy(x), outputs)


def assert_close(first, second, tolerance=1e-5):
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, atol=tolerance),
        as_arrays(first),
        as_arrays(second),
    )


ALL = [
    (family, name) for family in parts.FAMILIES for name in parts.names(family)
]


@pytest.mark.parametrize(("family", "name"), ALL)
class TestEveryPart:
    def test_builds_with_its_defaults_or_says_what_it_lacks(self, family, name):
        parameters = parts.constructor_parameters(parts.get_class(family, name))
        needed = [
            parameter.name
            for parameter in parameters.values()
            if parameter.default is parameter.empty
        ]
        if needed:
            with pytest.raises(InputError, match=f"lacks {needed[0]}"):
                parts.get(family, name)
        else:
            parts.get(family, name)

    def test_says_what_it_is(self, family, name):
        part = parts.get_class(family, name)
        text = inspect.getdoc(part)
        assert "Args:" in text and "Example:" in text
        for argument in parts.constructor_parameters(part):
            assert f"    {argument}" in text

    def test_is_named_in_the_help(self, family, name):
        flags = [text for *_, text in FLAGS["train"]]
        assert any(name in str(text) for text in flags)

    def test_has_a_test_of_its_own(self, family, name):
        folder = parts.pathlib.Path(__file__).parent / family
        texts = [file.read_text() for file in folder.glob("test_*.py")]
        part = parts.get_class(family, name).__name__
        assert any(part in text for text in texts)

    def test_is_the_same_in_a_graph(self, family, name):
        part, inputs = build(family, name), inputs_of(family)
        function = tf.function(lambda *arguments: part(*arguments))
        assert_close(function(*inputs), part(*inputs))

    def test_is_the_same_compiled_by_xla(self, family, name):
        part, inputs = build(family, name), inputs_of(family)
        function = tf.function(
            lambda *arguments: part(*arguments), jit_compile=True
        )
        assert_close(function(*inputs), part(*inputs))

    def test_is_rebuilt_from_its_config(self, family, name):
        part, inputs = build(family, name), inputs_of(family)
        expected = part(*inputs)
        rebuilt = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(part)
        )
        rebuilt(*inputs)
        rebuilt.set_weights(part.get_weights())
        assert_close(rebuilt(*inputs), expected)
        assert rebuilt.get_config() == part.get_config()

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_is_finite_in_mixed_precision(self, family, name, policy):
        if family == "frame_samplers":
            pytest.skip("samplers move bytes")
        part = parts.get_class(family, name)
        keras.config.set_dtype_policy(policy)
        try:
            part = build(family, name)
        finally:
            keras.config.set_dtype_policy("float32")
        inputs = inputs_of(family)
        calls = [inputs]
        if family in ("input_layers", "encoders"):
            calls.append([inputs[0], np.int32([12, 0, 0, 3])])
        for inputs in calls:
            for output in tf.nest.flatten(part(*inputs)):
                output = ops.convert_to_numpy(ops.cast(output, "float32"))
                assert np.isfinite(output).all()

    def test_takes_a_video_without_frames(self, family, name):
        if family not in ("input_layers", "encoders"):
            pytest.skip("sees no frames")
        frames, _ = inputs_of(family)
        part = build(family, name)
        outputs = part(frames, np.zeros(4, "int32"))
        for output in tf.nest.flatten(outputs):
            assert np.isfinite(ops.convert_to_numpy(output)).all()


@pytest.mark.parametrize("name", parts.names("frame_samplers"))
class TestFrameSamplers:
    @pytest.mark.parametrize("training", [False, True])
    def test_chooses_real_frames_only(self, name, training):
        sampler = build("frame_samplers", name)
        lengths = np.arange(1, MAX_FRAMES + 1)
        indices = np.asarray(sampler.indices(lengths, training, 3))
        assert indices.shape == (MAX_FRAMES, sampler.k)
        assert indices.dtype == np.int32
        counts = np.asarray(sampler.num_chosen(lengths))
        for length, count, row in zip(lengths, counts, indices):
            valid = row[:count]
            assert 1 <= count <= min(length, sampler.k)
            assert 0 <= valid.min() and valid.max() < length
            assert (np.diff(valid) > 0).all()  # rising, no repeats
            if sampler.takes_short_videos_whole:
                assert count == min(length, sampler.k)
                if length <= sampler.k:
                    assert valid.tolist() == list(range(length))

    def test_says_which_frames_they_are(self, name):
        sampler = build("frame_samplers", name)
        batch = {"frames": BYTES, "num_frames": NUM_FRAMES}
        sampled = as_arrays(sampler(batch))
        if "frame_positions" not in sampled:  # all frames, as they were
            np.testing.assert_array_equal(sampled["frames"], BYTES)
            return
        for row, count in enumerate(sampled["num_frames"]):
            positions = sampled["frame_positions"][row, :count]
            np.testing.assert_array_equal(
                sampled["frames"][row, :count], BYTES[row, positions]
            )

    def test_has_no_chance_unless_training(self, name):
        sampler = build("frame_samplers", name)
        lengths = np.full(50, 12)
        first, again = (np.asarray(sampler.indices(lengths)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert (first == first[0]).all()
        in_training = np.asarray(sampler.indices(lengths, True, 1))
        changed = (in_training != first).any()
        assert changed == sampler.random_in_training

    def test_is_the_same_in_a_dataset(self, name):
        sampler = build("frame_samplers", name)
        batch = {"frames": BYTES, "num_frames": NUM_FRAMES}
        (mapped,) = tf.data.Dataset.from_tensors(batch).map(sampler)
        assert_close(mapped, sampler(batch))

    def test_padding_of_a_sampled_batch_is_zero(self, name):
        sampler = build("frame_samplers", name)
        real = np.arange(MAX_FRAMES) < NUM_FRAMES[:, None]
        padded = BYTES * real[..., None]  # as the reader gives it
        sampled = sampler({"frames": padded, "num_frames": NUM_FRAMES})
        for frames, length in zip(sampled["frames"], sampled["num_frames"]):
            assert not np.asarray(frames)[int(length) :].any()


@pytest.mark.parametrize("name", parts.names("input_layers"))
def test_input_layers_ignore_bytes_of_the_padding(name):
    layer = build("input_layers", name)
    other = BYTES.copy()
    other[np.arange(MAX_FRAMES) >= NUM_FRAMES[:, None]] ^= 255
    np.testing.assert_array_equal(
        layer(BYTES, NUM_FRAMES), layer(other, NUM_FRAMES)
    )


@pytest.mark.parametrize("name", parts.names("encoders"))
class TestEncoders:
    @pytest.mark.parametrize("training", [False, True])
    def test_ignores_the_padding(self, name, training):
        encoder = build("encoders", name)
        encoder(FRAMES, NUM_FRAMES)
        # Seeds of dropout included.
        before = [np.array(variable) for variable in encoder.variables]
        other = FRAMES.copy()
        other[np.arange(MAX_FRAMES) >= NUM_FRAMES[:, None]] = 1e3
        outputs, states = [], []
        for frames in (FRAMES, other):
            for variable, value in zip(encoder.variables, before):
                variable.assign(value)
            outputs.append(
                as_arrays(encoder(frames, NUM_FRAMES, training=training))
            )
            states.append(encoder.get_weights())
        assert_close(*outputs)
        assert_close(*states)  # batch statistics included

    def test_more_padding_changes_nothing(self, name):
        encoder = build("encoders", name)
        longer = np.pad(FRAMES, ((0, 0), (0, 3), (0, 0)))
        assert_close(encoder(longer, NUM_FRAMES), encoder(FRAMES, NUM_FRAMES))

    def test_gives_one_representation_a_video(self, name):
        encoder = build("encoders", name)
        representation = encoder(FRAMES, NUM_FRAMES)["representation"]
        assert representation.shape == (4, encoder.representation_dim)

    def test_gradients_reach_every_weight(self, name):
        encoder = build("encoders", name)
        encoder(FRAMES, NUM_FRAMES)
        with tf.GradientTape() as tape:
            outputs = encoder(FRAMES, NUM_FRAMES, training=True)
            total = ops.sum(ops.sin(3 * outputs["representation"]))
        gradients = tape.gradient(total, encoder.trainable_variables)
        for variable, gradient in zip(encoder.trainable_variables, gradients):
            assert np.abs(gradient).max() > 0, variable.path

    def test_every_feature_matters(self, name):
        encoder = build("encoders", name)
        first = as_arrays(encoder(FRAMES, NUM_FRAMES))["representation"]
        for start, stop in ((0, 6), (6, 10)):
            other = FRAMES.copy()
            other[..., start:stop] *= -1
            second = as_arrays(encoder(other, NUM_FRAMES))["representation"]
            assert np.abs(first - second).max() > 1e-4

    def test_counts_its_flops(self, name):
        encoder = build("encoders", name)
        encoder.build(FRAMES.shape)
        if encoder.weights:
            assert 0 < encoder.count_flops(5) < encoder.count_flops(12)
        else:
            assert encoder.count_flops(12) == 0

    def test_names_each_product_once(self, name):
        encoder = build("encoders", name)
        encoder.build(FRAMES.shape)
        products = encoder.products(12)
        assert len({product.name for product in products}) == len(products)
        for product in products:
            assert product.feature in (None, 0, 1)
            assert product.per_frame or product.feature is None

    @pytest.mark.parametrize("feature_sizes", [(6,), (6, 4, 2)])
    def test_takes_any_list_of_features(self, name, feature_sizes):
        encoder = parts.get(
            "encoders",
            small_spec("encoders", name, **SMALL),
            feature_sizes=feature_sizes,
        )
        frames = RANDOM.standard_normal((4, 12, sum(feature_sizes)))
        outputs = encoder(frames.astype("float32"), NUM_FRAMES)
        assert outputs["representation"].shape == (
            4,
            encoder.representation_dim,
        )


@pytest.mark.parametrize("name", parts.names("heads"))
class TestHeads:
    def test_gives_logits(self, name):
        head = build("heads", name)
        (representation,) = inputs_of("heads")
        logits = np.asarray(head(representation * 1e4))
        assert logits.shape == (4, NUM_CLASSES)
        assert logits.min() < -1 and logits.max() > 1

    def test_gradients_reach_every_weight(self, name):
        head = build("heads", name)
        (representation,) = inputs_of("heads")
        head(representation)
        with tf.GradientTape() as tape:
            total = ops.sum(ops.square(head(representation, training=True)))
        gradients = tape.gradient(total, head.trainable_variables)
        for variable, gradient in zip(head.trainable_variables, gradients):
            assert np.abs(gradient).max() > 0, variable.path

    def test_counts_its_flops(self, name):
        head = build("heads", name)
        head.build((None, 8))
        assert head.count_flops() >= 2 * 8 * NUM_CLASSES


MODEL_PARTS = [
    (family, name)
    for family in ("input_layers", "encoders", "heads")
    for name in parts.names(family)
]


@pytest.mark.parametrize(("family", "name"), MODEL_PARTS)
def test_a_saved_model_is_the_same_when_loaded(family, name, tmp_path):
    specs = {"input_layers": "l2", "encoders": "netvlad", "heads": "logistic"}
    specs[family] = name
    small = {f: small_spec(f, spec, **SMALL) for f, spec in specs.items()}
    built = model.build(
        "uniform(k=4)",
        small["encoders"],
        small["heads"],
        small["input_layers"],
        **CONTEXT,
    )
    batch = {"frames": BYTES[:, :4], "num_frames": np.minimum(NUM_FRAMES, 4)}
    built(batch, training=True)  # moving statistics that are not the initial
    path = str(tmp_path / "model.keras")
    model.save(built, path)
    loaded = model.load(path)
    assert_close(loaded(batch), built(batch), tolerance=1e-6)
    assert loaded.count_flops() == built.count_flops()


@pytest.mark.parametrize("name", parts.names("distillation_losses"))
class TestDistillationLosses:
    def test_is_one_finite_number_a_video(self, name):
        loss = build("distillation_losses", name)
        values = np.asarray(loss(*inputs_of("distillation_losses")))
        assert values.shape == (4,)
        assert np.isfinite(values).all() and (values > 0).all()

    def test_is_least_where_student_equals_teacher(self, name):
        loss = build("distillation_losses", name)
        teacher, _ = inputs_of("distillation_losses")
        # Labels that the teacher's logits say as clearly as they can.
        teacher["logits"] = 30 * (2 * teacher["labels"] - 1)
        student = {k: v for k, v in teacher.items() if k != "labels"}
        least = np.asarray(loss(teacher, student))
        if loss.needs_teacher:
            np.testing.assert_allclose(least, 0, atol=1e-4)
        for _ in range(10):
            other = {
                key: value + 20 * RANDOM.standard_normal(value.shape)
                for key, value in student.items()
            }
            other = {k: v.astype(student[k].dtype) for k, v in other.items()}
            assert (np.asarray(loss(teacher, other)) > least - 1e-4).all()

    def test_weighs_classes_where_its_teacher_is_the_labels(self, name):
        loss = build("distillation_losses", name)
        if loss.needs_teacher:
            pytest.skip("teachers rate every class")
        labels, student = inputs_of("distillation_losses")
        weights = RANDOM.random((4, NUM_CLASSES)).astype("float32")
        terms = [
            np.asarray(loss({**labels, "class_weights": one_class}, student))
            for one_class in np.eye(NUM_CLASSES, dtype="float32")
        ]
        np.testing.assert_allclose(
            loss(labels, student), sum(terms), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            loss({**labels, "class_weights": weights}, student),
            (weights * np.transpose(terms)).sum(-1),
            rtol=1e-5,
            atol=1e-6,
        )

    def test_gradient_vanishes_where_student_equals_teacher(self, name):
        loss = build("distillation_losses", name)
        if not loss.needs_teacher:
            pytest.skip("its teacher is the labels")
        teacher, _ = inputs_of("distillation_losses")
        student = {
            k: tf.Variable(v) for k, v in teacher.items() if k != "labels"
        }
        learned = [v for v in student.values() if v.dtype.is_floating]
        with tf.GradientTape() as tape:
            total = ops.sum(loss(teacher, student))
        for gradient in tape.gradient(total, learned):
            if gradient is not None:
                np.testing.assert_allclose(gradient, 0, atol=1e-5)

    def test_videos_do_not_mix(self, name):
        loss = build("distillation_losses", name)
        teacher, student = inputs_of("distillation_losses")
        values = np.asarray(loss(teacher, student))
        turned = (
            {key: value[::-1] for key, value in outputs.items()}
            for outputs in (teacher, student)
        )
        np.testing.assert_allclose(loss(*turned), values[::-1], rtol=1e-5)
