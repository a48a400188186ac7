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


def small(frame_sampler, dim=4, clusters=2, head=None):
    return model.build(
        frame_sampler,
        f"netvlad(clusters={clusters}, representation_dim={dim})",
        head or "logistic(l2_penalty=0.5)",
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
    losses, _, _, _ = built._forward_and_backward(BATCH)
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


TWO_TEACHERS = ("one", "two")


def several(losses, num_students, **options):
    return distiller(
        losses,
        {name: small("all_frames") for name in TWO_TEACHERS},
        {name: small("uniform(k=3)") for name in "abc"[:num_students]},
        regularization_penalty=0,
        **options,
    )


@pytest.mark.parametrize(
    ("num_students", "formula"),
    [
        (
            1,
            "0.5 L_rep(one) + 0.5 L_rep(two) + 1 L_pred(ensemble) + 1 L_CE",
        ),
        (
            2,
            "1 L_rep(a, one) + 1 L_pred(a, ensemble) + 1 L_CE(a) + "
            "1 L_rep(b, two) + 1 L_pred(b, ensemble) + 1 L_CE(b)",
        ),
    ],
)
def test_who_teaches_whom_where_there_are_several(num_students, formula):
    built = several("rep,pred,ce", num_students)
    assert built.objective() == f"student objective = {formula}"
    logs = fit(built)
    assert len(logs) == 1 + formula.count(" + ") + 1
    weights = [float(term.split()[0]) for term in formula.split(" + ")]
    terms = [logs[term.key] for term in built._student_terms]
    assert logs["loss"] == pytest.approx(np.dot(weights, terms), rel=1e-5)


def test_three_students_of_two_teachers_learn_from_both():
    built = several("rep", 3)
    assert built.objective().count("0.5 L_rep(") == 6


@pytest.mark.parametrize("weights", [None, [1, 3]])
def test_the_ensemble_teaches_its_weighted_logits(weights):
    built = several("pred", 1, teacher_weights=weights)
    logits = [
        teacher(BATCH)["logits"].numpy()
        for teacher in built.teachers().values()
    ]
    mixed = np.average(logits, axis=0, weights=weights)
    student = built.students["a"]
    sampled = student.frame_sampler(BATCH)
    expected = built.student_losses[0](
        {"logits": mixed}, {"logits": student(sampled, training=True)["logits"]}
    )
    key = built._student_terms[0].key
    assert fit(built)[key] == pytest.approx(float(np.mean(expected)), rel=1e-3)


def test_learned_shares_learn_from_the_labels_alone():
    built = several("pred", 1, teacher_weights="learned")
    before = values(built.ensemble)
    student = values(built.students["a"])
    logs = [fit(built, epochs=1)["ensemble_cross_entropy"] for _ in range(30)]
    assert logs[-1] < logs[0]
    assert any((a != b).any() for a, b in zip(values(built.ensemble), before))
    assert any(
        (a != b).any() for a, b in zip(values(built.students["a"]), student)
    )


def test_weights_that_do_not_suit_the_teachers_are_refused():
    for weights in ([1], [1, -1], [0, 0]):
        with pytest.raises(InputError, match="do not suit 2 teachers"):
            several("pred", 1, teacher_weights=weights)


def test_a_projection_lets_teachers_of_other_widths_teach():
    built = distiller(
        "rep(projection=True)",
        {"one": small("all_frames", dim=6), "two": small("all_frames", dim=5)},
        regularization_penalty=0,
    )
    student = built.students["student"]
    first = fit(built)["loss"]
    before = [values(loss) for loss in built.student_losses]
    last = fit(built, epochs=30)["loss"]
    assert last < first
    for loss, old in zip(built.student_losses, before):
        assert all((a != b).any() for a, b in zip(values(loss), old))
    # No part of what is exported
    projected = {id(v) for loss in built.student_losses for v in loss.variables}
    assert not projected & {id(v) for v in student.variables}


def test_losses_count_in_their_epochs_only():
    built = distiller(
        "rep(last_epoch=2),ce(first_epoch=3)",
        {"teacher": small("all_frames")},
        regularization_penalty=0,
    )
    assert built.objective() == (
        "student objective = 1 L_rep [epochs 1-2] + 1 L_CE [from epoch 3]"
    )
    head = built.students["student"].head
    # Without a loss that reaches it, the head is not even penalised: Adam would
    # make it zero.
    penalized = distiller(
        "rep(last_epoch=2),ce(first_epoch=3)", {"teacher": small("all_frames")}
    )
    assert penalized.objective().endswith("+ 1 penalty [from epoch 3]")
    assert "penalty" not in (
        distiller("rep", {"teacher": small("all_frames")}).objective()
    )
    for epoch, key in ((1, "representation"), (2, "representation")):
        built.epoch.assign(epoch)
        before = values(head)
        logs = fit(built)
        assert logs["loss"] == pytest.approx(logs[key], rel=1e-5)
        for old, new in zip(before, values(head)):
            np.testing.assert_array_equal(old, new)
    built.epoch.assign(3)
    logs = fit(built)
    assert logs["loss"] == pytest.approx(logs["cross_entropy"], rel=1e-5)
    assert any((a != b).any() for a, b in zip(values(head), before))


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (
            "rep(last_epoch=2),ce(first_epoch=4)",
            "no loss counts in epoch 3 of 5",
        ),
        ("ce,rep(first_epoch=6)", "'1 L_rep .from epoch 6.' counts in none"),
        ("ce,rep(first_epoch=3, last_epoch=2)", "counts in none of the 5"),
    ],
)
def test_epochs_without_a_loss_are_refused(losses, message):
    built = distiller(losses, {"teacher": small("all_frames")})
    with pytest.raises(InputError, match=message):
        built.check_epochs(5)


@pytest.mark.parametrize("losses", ["rep,pred,ce", "pred", "ce"])
def test_a_shared_head_is_learned_by_its_teacher_alone(losses):
    def parallel(share):
        keras.utils.set_random_seed(0)
        teacher = small("all_frames")
        student = small("uniform(k=3)", head=share and teacher.head)
        assert (student.head is teacher.head) == share
        built = distiller(
            losses,
            {"teacher": teacher},
            {"student": student},
            train_teachers=True,
            regularization_penalty=0,
        )
        fit(built, steps=5)
        return built

    shared, apart = parallel(True), parallel(False)
    # The teacher's head is as if there were no student.
    for first, second in zip(
        values(shared.teachers()["teacher"]),
        values(apart.teachers()["teacher"]),
    ):
        np.testing.assert_allclose(first, second, atol=1e-6)
    taken = {id(v) for v in shared._teacher_variables()}
    assert not taken & {id(v) for v in shared._student_variables()}


def test_videos_without_labels_count_for_the_teacher_alone():
    teachers = {"teacher": small("all_frames")}
    labelled = np.float32([1, 1, 0, 1, 0, 0])
    batch = {**BATCH, "label_weight": labelled * 2}  # their mean is 1
    logs = []
    for some in (
        batch,
        {**batch, "labels": BATCH["labels"] * labelled[:, None]},
    ):
        keras.utils.set_random_seed(0)
        built = distiller("pred,ce", teachers, regularization_penalty=0)
        logs.append(fit(built, some))
    assert logs[0] == pytest.approx(logs[1])  # their labels are never looked at
    keras.utils.set_random_seed(0)
    built = distiller("pred,ce", teachers, regularization_penalty=0)
    student = built.students["student"]
    outputs = student(student.frame_sampler(BATCH), training=True)
    z, y = (
        outputs["logits"].numpy()[labelled > 0],
        BATCH["labels"][labelled > 0],
    )
    expected = (np.logaddexp(0, z) - y * z).sum(-1).mean()
    assert logs[0]["cross_entropy"] == pytest.approx(expected, rel=1e-4)


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


@pytest.mark.parametrize("loss", ["ce", "ce(epsilon=1e-5)", "hinge", "softmax"])
def test_classes_without_weight_count_for_the_teacher_alone(loss):
    teachers = {"teacher": small("all_frames")}
    rated = np.float32(RANDOM.random((6, 5)) < 0.5)
    name, _ = parts.parse(loss)
    logs = []
    for more in ({}, {"class_weights": rated}, {"class_weights": 0 * rated}):
        keras.utils.set_random_seed(0)
        built = distiller(f"pred,{loss}", teachers, regularization_penalty=0)
        student = built.students["student"]
        outputs = student(student.frame_sampler(BATCH), training=True)
        expected = built.student_losses[1]({**BATCH, **more}, outputs)
        logs.append(fit(built, {**BATCH, **more}))
        assert logs[-1][name] == pytest.approx(
            np.mean(expected), rel=1e-4, abs=1e-6
        )
    assert logs[0][name] > logs[1][name] > logs[2][name] == 0
    assert logs[0]["prediction"] == logs[1]["prediction"] > 0


def test_classes_without_weight_do_not_teach_the_shares_of_teachers():
    teachers = {name: small("all_frames") for name in ("one", "two")}
    logs = []
    for more in ({}, {"class_weights": np.zeros((6, 5), "float32")}):
        built = distiller("pred", teachers, teacher_weights="learned")
        logs.append(fit(built, {**BATCH, **more})["ensemble_cross_entropy"])
    assert logs[0] > logs[1] == 0
