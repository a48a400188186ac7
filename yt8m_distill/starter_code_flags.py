"""Flags of google/youtube-8m that tell what this package tells otherwise.

They keep its names and meanings; docs/starter_code.md says where defaults
differ, and why. Each flag: (definer, name, default, help).
"""

from absl import flags

# What --model reads, with the starter code's defaults. As flags they have none,
# so that a flag without --model is noticed.
MODEL_DEFAULTS = {
    "iterations": 30,
    "sample_random_frames": True,
    "dbof_add_batch_norm": True,
    "dbof_cluster_size": 8192,
    "dbof_hidden_size": 1024,
    "dbof_pooling_method": "max",
    "dbof_activation": "sigmoid",
    "video_level_classifier_model": "MoeModel",
    "lstm_cells": 1024,
    "lstm_layers": 2,
    "moe_num_mixtures": 2,
}
_MODEL_HELP = {
    "iterations": "frames a video that DbofModel sees",
    "sample_random_frames": "whether they are drawn one by one, not as a "
    "sequence",
    "dbof_add_batch_norm": "whether DbofModel has batch normalisation",
    "dbof_cluster_size": "codes of DbofModel",
    "dbof_hidden_size": "size of DbofModel's hidden layer",
    "dbof_pooling_method": "how DbofModel pools frames, max or average",
    "dbof_activation": "sigmoid or, as in 2017 and 2018, relu6",
    "video_level_classifier_model": "head of DbofModel and LstmModel, MoeModel "
    "or LogisticModel",
    "lstm_cells": "cells of each layer of LstmModel",
    "lstm_layers": "layers of LstmModel",
    "moe_num_mixtures": "experts a class of MoeModel",
}
_DEFINERS = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    str: flags.DEFINE_string,
}
_MODEL = [
    (
        flags.DEFINE_string,
        "model",
        None,
        "a model of the starter code in place of --encoder and --head: "
        "FrameLevelLogisticModel, DbofModel, LstmModel, or of video-level "
        "records LogisticModel, MoeModel",
    ),
    *(
        (
            _DEFINERS[type(default)],
            name,
            None,
            f"with --model: {_MODEL_HELP[name]}; {default} unless given",
        )
        for name, default in MODEL_DEFAULTS.items()
    ),
]
_FRAME_FEATURES = (
    flags.DEFINE_bool,
    "frame_features",
    None,
    "whether the records are frame-level; found in the records, and refused "
    "if they are not what is said here",
)
_LABEL_LOSS = (
    flags.DEFINE_string,
    "label_loss",
    "",
    "loss of the labels as the starter code computes it: CrossEntropyLoss, "
    "HingeLoss or SoftmaxLoss; empty: cross-entropy computed from logits",
)
READERS = [
    (
        flags.DEFINE_integer,
        "num_readers",
        2,
        "batches that are read at a time",
    ),
]
TRAIN = [
    *_MODEL,
    _FRAME_FEATURES,
    _LABEL_LOSS,
    (
        flags.DEFINE_string,
        "optimizer",
        "Adam",
        "an optimizer of Keras (AdamW, SGD, Lion …) or of tf.train "
        "(AdamOptimizer …)",
    ),
    (
        flags.DEFINE_integer,
        "max_steps",
        0,
        "training ends after so many steps in all, be it amid an epoch; 0: "
        "after --num_epochs",
    ),
    (
        flags.DEFINE_integer,
        "export_model_steps",
        1000,
        "steps after which the model is saved as checkpoints/last.keras, "
        "besides the end of each epoch; 0: then alone",
    ),
    (
        flags.DEFINE_integer,
        "log_steps",
        100,
        "steps after which a line tells loss, speed and the scores of a "
        "training batch; 0: no such lines",
    ),
    *READERS,
    (
        flags.DEFINE_integer,
        "num_gpu",
        0,
        "GPUs to train on, the first so many; 0: all",
    ),
    (
        flags.DEFINE_bool,
        "log_device_placement",
        False,
        "print which device computes what",
    ),
]
# Of 2017, when eval and inference were told the model again.
_RUN_AGAIN = [
    *(
        (definer, name, None, "what the run was trained with, if given")
        for definer, name, *_ in (*_MODEL, _FRAME_FEATURES, _LABEL_LOSS)
    ),
    *(
        (
            flags.DEFINE_list,
            name,
            None,
            "what the run was trained with, if given",
        )
        for name in ("feature_names", "feature_sizes")
    ),
]
EVAL = [
    *READERS,
    (
        flags.DEFINE_bool,
        "run_once",
        True,
        "score once and end; --norun_once: score each new model of the run as "
        "it comes, until its training ends",
    ),
    *_RUN_AGAIN,
]
INFERENCE = [
    *READERS,
    (
        flags.DEFINE_string,
        "input_model_tgz",
        "",
        "archive to take the model from, in place of --train_dir",
    ),
    (
        flags.DEFINE_string,
        "untar_model_dir",
        "/tmp/yt8m-model",
        "directory in which --input_model_tgz is unpacked",
    ),
    (
        flags.DEFINE_string,
        "output_model_tgz",
        "",
        "archive to write with what eval and inference need of the run",
    ),
    (
        flags.DEFINE_string,
        "checkpoint_file",
        "",
        "of 2017; refused: --checkpoint tells which model of the run",
    ),
    *_RUN_AGAIN,
]
