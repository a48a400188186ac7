"""Flags of training: data, models, teachers and the course of learning.

Nothing here imports TensorFlow, so that `--help` is instant.
"""

from absl import flags

from yt8m_distill import parts

# Each flag: (definer, name, default, help).
TRAIN = [
    (
        flags.DEFINE_string,
        "train_data_pattern",
        "",
        "file name pattern of the training shards, e.g. 'data/train*.tfrecord'",
    ),
    (
        flags.DEFINE_string,
        "unlabelled_data_pattern",
        "",
        "more shards, whose labels are not looked at: the student learns from "
        "the teacher on them",
    ),
    (
        flags.DEFINE_float,
        "train_fraction",
        1.0,
        "share of the training videos that are trained on; a smaller share is "
        "part of a larger one",
    ),
    (
        flags.DEFINE_integer,
        "num_folds",
        0,
        "train without one of so many parts of the videos; 0: on all",
    ),
    (
        flags.DEFINE_integer,
        "held_out_fold",
        0,
        "the part that is left out, from 0 on",
    ),
    (flags.DEFINE_integer, "num_classes", 3862, "size of the vocabulary"),
    (
        flags.DEFINE_integer,
        "max_frames",
        300,
        "longer videos are cut to their first so many frames",
    ),
    (
        flags.DEFINE_bool,
        "segment_labels",
        False,
        "learn from the rated segments of the 2019 release, five frames each, "
        "instead of whole videos; classes that were not rated do not count",
    ),
    (
        flags.DEFINE_integer,
        "segment_context_frames",
        0,
        "frames before and after a segment that the model may see too",
    ),
    (
        flags.DEFINE_string,
        "initialize_from",
        "",
        "run with whose best model's weights to start where path and shape "
        "agree, for instance to go on with segments after whole videos",
    ),
    (
        flags.DEFINE_integer,
        "num_length_buckets",
        1,
        "with more than 1, training batches hold videos of like lengths, "
        "padded to the next of so many bounds up to --max_frames (teachers)",
    ),
    (
        flags.DEFINE_string,
        "frame_sampler",
        "all_frames",
        "which frames the model sees, e.g. 'uniform(k=30)'; one of "
        + ", ".join(parts.names("frame_samplers")),
    ),
    (
        flags.DEFINE_string,
        "input_layer",
        "l2",
        "normalisation of frames; one of "
        + ", ".join(parts.names("input_layers")),
    ),
    (
        flags.DEFINE_string,
        "encoder",
        "netvlad",
        "frames to representation, e.g. 'netvlad(clusters=128)'; one of "
        + ", ".join(parts.names("encoders")),
    ),
    (
        flags.DEFINE_string,
        "head",
        "logistic",
        "representation to logits; one of " + ", ".join(parts.names("heads")),
    ),
    (
        flags.DEFINE_string,
        "teacher_dir",
        "",
        "run whose best model teaches, frozen (serial training); several "
        "separated by commas: an ensemble teaches predictions, each its own "
        "representation",
    ),
    (
        flags.DEFINE_string,
        "teacher_cache",
        "",
        "directory in which the frozen teachers' outputs for each training "
        "video are kept, computed once",
    ),
    (
        flags.DEFINE_integer,
        "teacher_folds",
        0,
        "fill the cache out of fold: train so many teachers with the flags of "
        "--teacher_dir, each without one part of the videos, which it teaches",
    ),
    (
        flags.DEFINE_list,
        "teacher_weights",
        [],
        "shares of several teachers in the ensemble, e.g. 2,1,1, or 'learned' "
        "for each video; empty: equal",
    ),
    (
        flags.DEFINE_integer,
        "num_students",
        1,
        "students that are trained together; as many as teachers: each has "
        "its own; their ensemble is saved",
    ),
    (
        flags.DEFINE_bool,
        "share_head",
        False,
        "the student's head is the teacher's: at the start (serial) or the "
        "very same, learned by the teacher alone (parallel)",
    ),
    (
        flags.DEFINE_bool,
        "initialize_from_teacher",
        False,
        "the student's weights start as the teacher's where shapes agree",
    ),
    (
        flags.DEFINE_string,
        "teacher_encoder",
        "",
        "encoder of a teacher that is trained beside the student (parallel "
        "training); 'same' is the student's",
    ),
    (
        flags.DEFINE_string,
        "teacher_frame_sampler",
        "all_frames",
        "which frames the teacher of parallel training sees",
    ),
    (
        flags.DEFINE_string,
        "teacher_head",
        "same",
        "head of the teacher of parallel training; 'same' is the student's",
    ),
    (
        flags.DEFINE_string,
        "student_losses",
        "",
        "what the model learns from, e.g. 'rep,pred(weight=0.5),ce'; empty: "
        "rep,pred,ce with a teacher, ce without; of "
        + ", ".join(parts.names("distillation_losses")),
    ),
    (flags.DEFINE_float, "base_learning_rate", 0.001, "learning rate at first"),
    (
        flags.DEFINE_float,
        "learning_rate_decay",
        0.95,
        "factor of the learning rate every --learning_rate_decay_examples",
    ),
    (
        flags.DEFINE_integer,
        "learning_rate_decay_examples",
        4_000_000,
        "videos seen between two decays",
    ),
    (
        flags.DEFINE_float,
        "regularization_penalty",
        1.0,
        "factor of the layers' weight penalties",
    ),
    (
        flags.DEFINE_float,
        "clip_gradient_norm",
        1.0,
        "largest norm of each variable's gradient; 0: no clipping",
    ),
    (flags.DEFINE_integer, "num_epochs", 5, "passes over the training videos"),
    (
        flags.DEFINE_integer,
        "seed",
        0,
        "of initial weights, order of videos and chance in training",
    ),
    (
        flags.DEFINE_bool,
        "start_new_model",
        False,
        "replace a run that is in --train_dir instead of going on with it",
    ),
    (
        flags.DEFINE_enum,
        "distribution",
        "auto",
        ["auto", "one_device", "mirrored", "multi_worker"],
        "mirrored: a replica on every GPU (or, without GPUs, every logical "
        "CPU); multi_worker: the same on each of the machines that the "
        "environment variable TF_CONFIG names; auto: mirrored with several "
        "GPUs",
    ),
]
