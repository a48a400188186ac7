"""--model: the parts it stands for, and what it refuses."""

import types

import pytest

from yt8m_distill import config, model, starter_code_models
from yt8m_distill.errors import InputError

CONTEXT = {"num_classes": 5, "feature_sizes": (6, 4), "max_frames": 12}


def flags(*arguments):
    return vars(config.parse("train", arguments))


def translate(*arguments):
    return starter_code_models.translate(flags(*arguments))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model=LogisticModel"], ("first(k=1)", "mean_pooling", "logistic")),
        (
            ["--model=MoeModel", "--moe_num_mixtures=4"],
            (
                "first(k=1)",
                "mean_pooling",
                "mixture_of_experts(num_mixtures=4)",
            ),
        ),
        (
            ["--model=FrameLevelLogisticModel"],
            ("all_frames", "mean_pooling", "logistic"),
        ),
        (
            ["--model=DbofModel"],
            (
                "random(k=30)",
                "dbof(representation_dim=1024, clusters=8192, "
                "batch_normalization=True, pooling='max', "
                "activation='sigmoid')",
                "mixture_of_experts(num_mixtures=2)",
            ),
        ),
        (
            [
                "--model=DbofModel",
                "--iterations=5",
                "--nosample_random_frames",
                "--nodbof_add_batch_norm",
                "--dbof_cluster_size=8",
                "--dbof_hidden_size=4",
                "--dbof_pooling_method=average",
                "--dbof_activation=relu6",
                "--video_level_classifier_model=LogisticModel",
            ],
            (
                "random_sequence(k=5)",
                "dbof(representation_dim=4, clusters=8, "
                "batch_normalization=False, pooling='average', "
                "activation='relu6')",
                "logistic",
            ),
        ),
        (
            ["--model=LstmModel", "--lstm_cells=8", "--lstm_layers=1"],
            (
                "all_frames",
                "lstm(cells=8, layers=1)",
                "mixture_of_experts(num_mixtures=2)",
            ),
        ),
        (
            [
                "--model=DbofModel",
                "--segment_labels",
                "--dbof_cluster_size=8",
                "--video_level_classifier_model=LogisticModel",
            ],
            (
                "all_frames",
                "dbof(representation_dim=1024, clusters=8, "
                "batch_normalization=True, pooling='max', "
                "activation='sigmoid')",
                "logistic",
            ),
        ),
        (
            ["--model=LstmModel", "--frame_sampler=uniform(k=3)"],
            (
                "uniform(k=3)",
                "lstm(cells=1024, layers=2)",
                "mixture_of_experts(num_mixtures=2)",
            ),
        ),
    ],
)
def test_models_are_parts(arguments, expected):
    parts = translate(*arguments)
    assert (parts["frame_sampler"], parts["encoder"], parts["head"]) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model=LogisticModel"],
        ["--model=MoeModel"],
        ["--model=FrameLevelLogisticModel"],
        ["--model=DbofModel", "--iterations=3", "--dbof_cluster_size=4"],
        ["--model=DbofModel", "--iterations=3", "--nosample_random_frames"],
        ["--model=LstmModel", "--lstm_cells=4"],
    ],
)
def test_the_parts_make_a_model(arguments):
    built = model.build(**translate(*arguments), **CONTEXT)
    assert built.output_shapes["logits"] == (None, 5)


def test_without_model_nothing_changes():
    assert translate("--encoder=lstm", "--frame_sampler=uniform(k=2)") == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model=NetVLADModel"], "--model=NetVLADModel: .* are Frame"),
        (["--iterations=30"], "--iterations needs --model; .*dbof"),
        (["--nodbof_add_batch_norm"], "--dbof_add_batch_norm needs --model"),
        (
            ["--model=DbofModel", "--encoder=lstm"],
            "--model=DbofModel and --encoder=lstm exclude each other",
        ),
        (
            ["--model=DbofModel", "--head=mixture_of_experts"],
            "--model=DbofModel and --head=mix.* exclude each other",
        ),
        (
            [
                "--model=DbofModel",
                "--iterations=3",
                "--frame_sampler=uniform(k=3)",
            ],
            "--iterations and --frame_sampler exclude each other",
        ),
        (
            ["--model=MoeModel", "--frame_sampler=uniform(k=3)"],
            "--model=MoeModel and --frame_sampler exclude each other",
        ),
        (
            ["--model=DbofModel", "--dbof_pooling_method=none"],
            "predictions for frames, .*give max or average",
        ),
        (
            ["--model=LstmModel", "--video_level_classifier_model=X"],
            "--video_level_classifier_model=X; give MoeModel or Logistic",
        ),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(InputError, match=message) as refused:
        translate(*arguments)
    assert "\n" not in str(refused.value)


def test_a_line_says_what_it_is_and_what_has_no_effect():
    given = flags("--model=LstmModel", "--lstm_cells=8", "--iterations=9")
    assert starter_code_models.describe(given) == (
        "--model=LstmModel is --frame_sampler='all_frames' "
        "--encoder='lstm(cells=8, layers=2)' "
        "--head='mixture_of_experts(num_mixtures=2)' "
        "(without effect on it: --iterations)"
    )


@pytest.mark.parametrize(
    ("arguments", "is_video_level", "message"),
    [
        ([], False, None),
        (["--frame_features"], False, None),
        (["--noframe_features"], True, None),
        (["--model=DbofModel"], False, None),
        (["--model=MoeModel"], True, None),
        (["--noframe_features"], False, "says video-level .* frame-level ones"),
        (["--frame_features"], True, "says frame-level .* video-level ones"),
        (["--model=MoeModel"], False, "give FrameLevelLogisticModel or Dbof"),
        (["--model=LstmModel"], True, "give LogisticModel or MoeModel"),
    ],
)
def test_the_level_of_the_records(arguments, is_video_level, message):
    shards = types.SimpleNamespace(
        is_video_level=is_video_level, files=["train0.tfrecord"]
    )
    given = flags(*arguments)
    if message is None:
        starter_code_models.check_level(given, shards)
    else:
        with pytest.raises(InputError, match=message):
            starter_code_models.check_level(given, shards)


@pytest.mark.parametrize(
    ("arguments", "ignored"),
    [
        (
            ["--segment_labels", "--iterations=5", "--nosample_random_frames"],
            "(without effect on it: --iterations, --sample_random_frames)",
        ),
        (
            [
                "--moe_num_mixtures=4",
                "--video_level_classifier_model=LogisticModel",
            ],
            "(without effect on it: --moe_num_mixtures)",
        ),
        (["--iterations=5", "--moe_num_mixtures=4"], None),
    ],
)
def test_flags_without_effect_are_named(arguments, ignored):
    given = flags("--model=DbofModel", *arguments)
    line = starter_code_models.describe(given)
    assert line.endswith(ignored) if ignored else "effect" not in line
