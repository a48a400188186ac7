"""Every flag of google/youtube-8m is known, and means what it meant."""

import re

import pytest

from tests.conftest import ROOT
from yt8m_distill import config
from yt8m_distill.errors import InputError
from yt8m_distill.flag_definitions import FLAGS

# Those of its last version and, in eval and inference, of 2017.
MODEL = [
    "iterations",
    "sample_random_frames",
    "dbof_add_batch_norm",
    "dbof_cluster_size",
    "dbof_hidden_size",
    "dbof_pooling_method",
    "dbof_activation",
    "video_level_classifier_model",
    "lstm_cells",
    "lstm_layers",
    "moe_num_mixtures",
]
OF_2017 = ["model", "feature_names", "feature_sizes", "frame_features", *MODEL]
STARTER_CODE = {
    "train": [
        "train_dir",
        "train_data_pattern",
        "feature_names",
        "feature_sizes",
        "frame_features",
        "segment_labels",
        "model",
        "start_new_model",
        "num_gpu",
        "batch_size",
        "label_loss",
        "regularization_penalty",
        "base_learning_rate",
        "learning_rate_decay",
        "learning_rate_decay_examples",
        "num_epochs",
        "max_steps",
        "export_model_steps",
        "num_readers",
        "optimizer",
        "clip_gradient_norm",
        "log_device_placement",
        *MODEL,
    ],
    "eval": [
        "train_dir",
        "eval_data_pattern",
        "segment_labels",
        "batch_size",
        "num_readers",
        "run_once",
        "top_k",
        "label_loss",
        *OF_2017,
    ],
    "inference": [
        "train_dir",
        "input_data_pattern",
        "segment_labels",
        "segment_max_pred",
        "segment_label_ids_file",
        "input_model_tgz",
        "untar_model_dir",
        "output_file",
        "output_model_tgz",
        "top_k",
        "batch_size",
        "num_readers",
        "checkpoint_file",
        *OF_2017,
    ],
}


@pytest.mark.parametrize("entry_point", STARTER_CODE)
def test_every_flag_is_defined(entry_point):
    defined = {name for _, name, *_ in FLAGS[entry_point]}
    assert set(STARTER_CODE[entry_point]) <= defined


def test_a_command_of_the_starter_code_is_understood():
    options = config.parse(
        "train",
        [
            "--train_data_pattern=train*.tfrecord",
            "--model=DbofModel",
            "--feature_names=rgb,audio",
            "--feature_sizes=1024,128",
            "--frame_features",
            "--train_dir=run",
            "--batch_size=1024",
            "--base_learning_rate=0.01",
            "--label_loss=CrossEntropyLoss",
            "--optimizer=AdamOptimizer",
            "--nosample_random_frames",
            "--num_gpu=1",
            "--num_readers=8",
            "--max_steps=700000",
            "--start_new_model",
        ],
    )
    assert options.frame_features is True
    assert options.sample_random_frames is False
    assert options.iterations is None
    assert options.feature_sizes == [1024, 128]
    assert (options.max_steps, options.num_readers) == (700000, 8)


@pytest.mark.parametrize(
    "flag",
    [
        "--max_steps=-1",
        "--export_model_steps=-1",
        "--log_steps=-1",
        "--num_gpu=-1",
        "--num_readers=0",
    ],
)
def test_numbers_that_make_no_sense(flag):
    with pytest.raises(ValueError, match=rf"^{flag}; give at least [01]$"):
        config.parse("train", [flag])


def test_what_was_given_is_replayed():
    given = ["--model=LstmModel", "--lstm_cells=8", "--noframe_features"]
    options = config.parse("train", given)
    values = dict(vars(options))
    text = values.pop("flags_text")
    replayed = config.parse("train", text.split())
    again = config.from_values("train", values)
    assert vars(replayed) == vars(again) == vars(options)
    assert options.frame_features is False


def test_the_documentation_tells_of_every_flag():
    text = (ROOT / "docs" / "starter_code.md").read_text()
    told = set(re.findall(r"[a-z_0-9]+", text))
    for names in STARTER_CODE.values():
        assert set(names) <= told
    table = text.partition("\n| their flag ")[2].partition("\n\n")[0]
    assert table.count("\n") < 30  # it is copied into the README


@pytest.mark.parametrize(
    ("flag", "advice"),
    [
        ("--learning_rate_decay_examples=0", "at least 1"),
        ("--num_epochs=0", "at least 1"),
        ("--base_learning_rate=-0.1", "a number of at least 0"),
        ("--base_learning_rate=inf", "a number of at least 0"),
        ("--base_learning_rate=nan", "a number of at least 0"),
        ("--clip_gradient_norm=-1.0", "a number of at least 0"),
        ("--regularization_penalty=-1.0", "a number of at least 0"),
        ("--learning_rate_decay=0.0", "a number above 0"),
        ("--learning_rate_decay=nan", "a number above 0"),
        ("--train_dir=,", "a directory"),
    ],
)
def test_rates_that_make_no_sense(flag, advice):
    with pytest.raises(InputError, match=f"^{flag}; give {advice}$"):
        config.parse("train", [flag])


def test_no_rate_and_no_clipping_make_sense():
    flags = ["--base_learning_rate=0", "--clip_gradient_norm=0"]
    assert config.parse("train", flags).clip_gradient_norm == 0


def test_the_classes_of_segments_are_downloaded_once():
    url = "https://storage.googleapis.com/youtube8m-lists/segment_label_ids.csv"
    with pytest.raises(InputError, match="download it once and give the local"):
        config.parse("inference", [f"--segment_label_ids_file={url}"])
