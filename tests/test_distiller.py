import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import small_spec
from yt8m_distill import model, parts
from yt8m_distill.distiller import Distiller
from yt8m_distill.errors import InputError

RANDOM = np.random.default_rng(0)
BATCH = {
    "frames": RANDOM.integers(0, 256, (6, 8, 5), np.uint8),
    "num_frames": np.int32([8, 3, 1, 8, 5, 7]),
    "labels": (RANDOM.random((6, 5)) < 0.4).astype("float32"),
}


def small(frame_sampler, dim=4, clusters=2):
    return model.build(
        frame_sampler,
        f"netvlad(clusters={clusters}, representation_dim={dim})",
        "logistic(l2_penalty=0.5)",
        num_classes=5,
        feature_sizes=(3, 2),
        max_frames=8,
    )


def distiller(losses, teachers=None, students=None, **options):
    if options.get("train_teachers"):
        options["teacher_losses"] = parts.get_all("distillation_losses", "ce")
    built = Distiller(
        students or {"student": small("uniform(k=3)")},
        parts.get_all("distillation_losses", losses),
        teachers,
        **options,
    )
    built.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return built


def dataset(batch=BATCH, repeats=1):
    return tf.data.Dataset.from_tensors(batch).repeat(repeats)


def fit(built, batch=BATCH, epochs=1, steps=1):
    history = built.fit(
        dataset(batch, epochs * steps),
        epochs=epochs,
        steps_per_epoch=steps,
        verbose=0,
        shuffle=False,
    ).history
    return {key: values[-1] for key, values in history.items()}


def values(layer):
    return [keras.ops.convert_to_numpy(v) for v in layer.variables]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


class Recorder:
    """Wraps a model's call to keep the outputs of a training step."""

    def __init__(self, wrapped):
        self.outputs = None
        call = wrapped.call

        def recorded(batch, training=False):
            outputs = call(batch, training=training)
            self.outputs = outputs
            return outputs

        wrapped.call = recorded


def test_the_objective_is_the_weighted_sum_of_its_terms():
    teacher, student = small("all_frames"), small("uniform(k=3)")
    recorded = {m: Recorder(m) for m in (teacher, student)}
    built = distiller(
        "rep(weight=0.5),pred(weight=2, temperature=3),ce(weight=4)",
        {"teacher": teacher},
        {"student": student},
        regularization_penalty=0.25,
    )
    assert built.objective() == (
        "student objective = 0.5 L_rep + 2 L_pred + 4 L_CE + 0.25 penalty"
    )
    kernel = keras.ops.convert_to_numpy(student.head.output_layer.kernel)
    losses, _, _ = built._forward_and_backward(BATCH)
    t, s = (
        {k: np.float64(v) for k, v in recorded[m].outputs.items()}
        for m in (teacher, student)
    )
    p, q = sigmoid(t["logits"] / 3), sigmoid(s["logits"] / 3)
    kl = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    y, z = BATCH["labels"], sigmoid(s["logits"])
    expected = {
        "representation": np.square(t["representation"] - s["representation"])
        .sum(1)
        .mean(),
        "prediction": 9 * kl.sum(1).mean(),
        "cross_entropy": -(y * np.log(z) + (1 - y) * np.log(1 - z))
        .sum(1)
        .mean(),
        "penalty": 0.5 * np.square(kernel).sum() / 2,
    }
    weights = {
        "representation": 0.5,
        "prediction": 2,
        "cross_entropy": 4,
        "penalty": 0.25,
    }
    expected["loss"] = sum(weights[k] * expected[k] for k in weights)
    assert {k: float(v) for k, v in losses.items()} == pytest.approx(
        expected, rel=1e-4
    )


def test_every_term_is_logged_and_counted_once():
    built = distiller("rep,pred,ce", {"teacher": small("all_frames")})
    assert built.objective() == (
        "student objective = 1 L_rep + 1 L_pred + 1 L_CE + 1 penalty"
    )
    logs = fit(built)
    assert set(logs) == {
        "loss",
        "representation",
        "prediction",
        "cross_entropy",
        "penalty",
    }
    terms = sum(value for key, value in logs.items() if key != "loss")
    assert logs["loss"] == pytest.approx(terms, rel=1e-5)


@pytest.mark.parametrize("losses", ["rep", "pred", "rep,pred,ce"])
def test_a_frozen_teacher_never_changes(losses):
    teacher = small("all_frames")
    before = values(teacher)
    built = distiller(losses, {"teacher": teacher})
    student_before = values(built.students["student"])
    fit(built, epochs=2, steps=3)
    assert_same(values(teacher), before)  # batch statistics included
    assert any(
        np.abs(a - b).max() > 1e-4
        for a, b in zip(values(built.students["student"]), student_before)
    )
    with pytest.raises(AssertionError):
        assert_same(values(built.students["student"]), student_before)
    student_variables = {id(v) for v in built._student_variables()}
    assert not student_variables & {id(v) for v in teacher.variables}


def test_a_frozen_teacher_is_not_saved_with_the_student(tmp_path):
    sizes = []
    for losses, teachers in (
        ("ce", {}),
        ("rep", {"teacher": small("all_frames", clusters=50)}),
    ):
        path = tmp_path / f"{losses}.weights.h5"
        distiller(losses, teachers).save_weights(path)
        found = []
        with h5py.File(path) as file:
            file.visititems(
                lambda _, item: found.append(getattr(item, "size", 0))
            )
        sizes.append(sum(found))
    assert sizes[0] == sizes[1] > 0


def test_nothing_of_the_student_reaches_a_parallel_teacher():
    states = []
    for losses in ("rep(weight=100),pred(weight=100),ce", "ce"):
        keras.utils.set_random_seed(0)
        teacher = small("all_frames")
        built = distiller(losses, {"teacher": teacher}, train_teachers=True)
        assert "teacher objective = 1 L_CE(teacher) + 1 penalty(teacher)" in (
            built.objective()
        )
        before = values(teacher)
        logs = fit(built, steps=3)
        assert logs["teacher_cross_entropy"] > 0
        states.append(values(teacher))
        assert np.abs(states[-1][0] - before[0]).max() > 1e-5
    assert_same(*states)


def test_a_parallel_teacher_learns_as_if_it_were_alone():
    keras.utils.set_random_seed(0)
    teacher = small("all_frames")
    start = values(teacher)
    fit(distiller("rep,pred,ce", {"t": teacher}, train_teachers=True), steps=3)
    together = values(teacher)
    for variable, value in zip(teacher.variables, start):
        variable.assign(value)
    alone = distiller("ce", students={"student": teacher})
    fit(alone, steps=3)
    assert_same(values(teacher), together)


def test_the_reader_is_told_which_frames_to_choose():
    alone = distiller("ce")
    assert alone.frame_sampler is alone.students["student"].frame_sampler
    taught = distiller("rep", {"teacher": small("all_frames")})
    assert taught.frame_sampler is None


def test_a_student_without_teacher_takes_sampled_batches():
    built = distiller("ce")
    sampled = built.frame_sampler(BATCH)
    assert fit(built, sampled)["cross_entropy"] > 0


def test_steps_are_counted_once():
    built = distiller("ce")
    sampled = {k: np.asarray(v) for k, v in built.frame_sampler(BATCH).items()}
    fit(built, sampled, epochs=3, steps=4)
    assert int(built.optimizer.iterations.numpy()) == 12


def test_several_teachers_and_students_have_terms_of_their_own():
    built = distiller(
        "rep,ce",
        {"one": small("all_frames"), "two": small("all_frames")},
        {"a": small("uniform(k=3)"), "b": small("uniform(k=2)")},
        regularization_penalty=0,
    )
    assert built.objective() == (
        "student objective = 0.5 L_rep(a, one) + 0.5 L_rep(a, two) + "
        "1 L_CE(a) + 0.5 L_rep(b, one) + 0.5 L_rep(b, two) + 1 L_CE(b)"
    )
    logs = fit(built)
    assert set(logs) == {
        "loss",
        *(f"{s}_{t}_representation" for s in "ab" for t in ("one", "two")),
        "a_cross_entropy",
        "b_cross_entropy",
    }


@pytest.mark.parametrize("train_teachers", [False, True])
def test_xla_gives_the_same_losses(train_teachers):
    logs = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        built = distiller(
            "rep,pred,ce",
            {"teacher": small("all_frames")},
            train_teachers=train_teachers,
            jit_compile=jit_compile,
        )
        logs.append(fit(built, steps=3))
    assert logs[0] == pytest.approx(logs[1], rel=1e-4)


def test_eager_gives_the_same_losses():
    logs = []
    for eager in (False, True):
        keras.utils.set_random_seed(0)
        built = distiller("rep,pred,ce", {"teacher": small("all_frames")})
        tf.config.run_functions_eagerly(eager)
        try:
            logs.append(fit(built, steps=2))
        finally:
            tf.config.run_functions_eagerly(False)
    assert logs[0] == pytest.approx(logs[1], rel=1e-4)


def test_a_loss_without_its_teacher_is_refused():
    with pytest.raises(ValueError, match="'representation' needs a teacher"):
        distiller("rep,ce")


def test_representations_of_other_widths_are_refused_at_once():
    with pytest.raises(InputError, match="has 6 values, the student's 4"):
        distiller("rep", {"teacher": small("all_frames", dim=6)})


def test_a_layer_that_xla_cannot_compile_is_refused_by_name():
    student = small("uniform(k=3)")
    student.encoder.hidden.supports_jit = False  # as an LSTM on a GPU
    distiller("ce", students={"student": student})
    with pytest.raises(InputError, match="--jit_compile cannot compile hidden"):
        distiller("ce", students={"student": student}, jit_compile=True)


def encoder_model(encoder, frame_sampler):
    return model.build(
        frame_sampler,
        small_spec("encoders", encoder, dropout=0.0),
        small_spec("heads", "mixture_of_experts", probability_gating=True),
        num_classes=5,
        feature_sizes=(3, 2),
        max_frames=8,
    )


@pytest.mark.parametrize("encoder", parts.names("encoders"))
def test_every_encoder_teaches_itself_in_every_way(encoder):
    """Serial and parallel, with and without XLA: finite and going down."""
    for train_teachers in (False, True):
        logs = []
        for jit_compile in (False, True):
            keras.utils.set_random_seed(0)
            built = distiller(
                "rep,pred,ce",
                {"teacher": encoder_model(encoder, "all_frames")},
                {"student": encoder_model(encoder, "uniform(k=3)")},
                train_teachers=train_teachers,
                jit_compile=jit_compile,
            )
            logs.append([fit(built)["loss"], fit(built, epochs=20)["loss"]])
        np.testing.assert_allclose(*logs, rtol=2e-2)
        first, last = logs[0]
        assert last < first
