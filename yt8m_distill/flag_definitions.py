"""Every flag, defined once.

Names, meanings and defaults are those of google/youtube-8m where it has the
flag.
"""

from absl import flags

from yt8m_distill import (
    class_group_flags,
    parts,
    speed_flags,
    starter_code_flags,
    table_flags,
)
from yt8m_distill.prediction_files import formats

# Each flag: (definer, name, default, help).
_RUN = [
    (
        flags.DEFINE_string,
        "train_dir",
        "",
        "directory of the run; in eval and inference several, separated by "
        "commas, are an ensemble",
    ),
]
_BATCH = [
    (
        flags.DEFINE_integer,
        "batch_size",
        128,
        "videos a batch, over all devices together",
    ),
]
_TOP_K = [
    (
        flags.DEFINE_integer,
        "top_k",
        20,
        "predictions a video that are scored or written",
    ),
]
_CHECKPOINT = [
    (
        flags.DEFINE_string,
        "checkpoint",
        "best",
        "which model of the run: best (by validation GAP), last, or teacher "
        "(of a parallel run)",
    ),
]
_SEGMENT_LABELS = [
    (
        flags.DEFINE_bool,
        "segment_labels",
        None,
        "look at segments of five frames instead of whole videos: in eval the "
        "rated ones, in inference all; empty: if the run was trained so",
    ),
    (
        flags.DEFINE_integer,
        "segment_context_frames",
        None,
        "frames before and after a segment that count as part of it; empty: as "
        "the run was trained",
    ),
]
_SEGMENT_LABEL_IDS = [
    (
        flags.DEFINE_string,
        "segment_label_ids_file",
        "",
        "CSV with a column Index: the classes of segments (1,000 in the 2019 "
        "release); empty: all",
    ),
]
_MAP_CONVENTION = [
    (
        flags.DEFINE_enum,
        "map_convention",
        "present_classes",
        ["present_classes", "all_classes", "full_ranking"],
        "mAP is the mean over present_classes: those with a positive video, in "
        "the --top_k of each video (the starter code now); all_classes: others "
        "count as 0 (until 2019, and Bhardwaj et al.); full_ranking: those "
        "with a positive video, over all videos (scikit-learn, AudioSet)",
    ),
]
_VOCABULARY = [
    (
        flags.DEFINE_string,
        "vocabulary",
        "",
        "CSV with the names of classes, columns index and name (or "
        "display_name), which are written too",
    ),
]
_EVAL_DATA = [
    (
        flags.DEFINE_string,
        "eval_data_pattern",
        "",
        "file name pattern of the validation shards, e.g. "
        "'data/validate*.tfrecord'",
    ),
]
_FEATURES = [
    (
        flags.DEFINE_list,
        "feature_names",
        [],
        "frame features to read, joined in this order; empty: all that the "
        "first record has",
    ),
    (
        flags.DEFINE_list,
        "feature_sizes",
        [],
        "values a frame of each feature; empty: as in the first record",
    ),
]
_KEYS = [
    (
        flags.DEFINE_string,
        "id_key",
        "",
        "name of the video id in the records; empty: id, video_id or "
        "MediaPipe's, whichever the first record has",
    ),
    (flags.DEFINE_string, "labels_key", "labels", "name of the labels"),
]
_READER = [
    *_KEYS,
    (
        flags.DEFINE_enum,
        "on_bad_record",
        "fail",
        ["fail", "skip"],
        "fail: stop at the first record that cannot be read; skip: go on "
        "without, count them by reason and keep the counts in --train_dir",
    ),
    (
        flags.DEFINE_bool,
        "verify_checksums",
        False,
        "compare the checksum of each record that is read (slower); "
        "tools/inspect_shard.py --check does it once",
    ),
]
_TRAIN = [
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
_INFERENCE = [
    (
        flags.DEFINE_string,
        "input_data_pattern",
        "",
        "file name pattern of the shards to tag",
    ),
    (
        flags.DEFINE_string,
        "output_file",
        "",
        "file to write, packed by gzip if it ends in .gz; empty: "
        "predictions/predictions.csv (.jsonl, .parquet) in --train_dir",
    ),
    (
        flags.DEFINE_enum,
        "output_format",
        "csv",
        formats.names(),
        "csv: the Kaggle submission; jsonl: a JSON object a video; parquet: a "
        "row a video (needs pyarrow)",
    ),
    (
        flags.DEFINE_string,
        "vocabulary",
        "",
        "CSV with the names of classes, columns index and name (or "
        "display_name), that are written too; --output_format=csv then has a "
        "row a name",
    ),
    (
        flags.DEFINE_integer,
        "segment_max_pred",
        100_000,
        "with --segment_labels: segments of each class that are written",
    ),
    (
        flags.DEFINE_string,
        "checkpoint",
        None,
        "which model of the run: best (by validation GAP), last, or teacher "
        "(of a parallel run); empty: best, or the only one in "
        "--input_model_tgz",
    ),
]
_FLOPS = [
    (
        flags.DEFINE_string,
        "encoder",
        "",
        "without --train_dir: encoder to count, e.g. 'nextvlad(clusters=128)'; "
        "one of " + ", ".join(parts.names("encoders")),
    ),
    (
        flags.DEFINE_string,
        "head",
        "logistic",
        "without --train_dir: its head; one of "
        + ", ".join(parts.names("heads")),
    ),
    (
        flags.DEFINE_integer,
        "num_classes",
        3862,
        "without --train_dir: size of the vocabulary",
    ),
    (
        flags.DEFINE_list,
        "feature_sizes",
        ["1024", "128"],
        "without --train_dir: values a frame of each feature",
    ),
    (
        flags.DEFINE_list,
        "num_frames",
        ["300", "30", "20", "15", "10", "6"],
        "numbers of frames to look at, one row each",
    ),
    (
        flags.DEFINE_enum,
        "convention",
        "complete",
        ["complete", "paper"],
        "complete: 2 FLOPs a multiply-add of every matrix product; paper: as "
        "the tables of Bhardwaj et al. (CVPR 2019), multiply-adds of the large "
        "frame-level products on the first feature alone",
    ),
]
_REPORT = [
    (
        flags.DEFINE_list,
        "runs",
        [],
        "directories of runs, or patterns of them, separated by commas; of a "
        "directory that is none, all runs below it",
    ),
    (
        flags.DEFINE_string,
        "output",
        "report.html",
        "page to write; Markdown (.md) and a folder with pictures and tables "
        "(_files) are written beside it",
    ),
    (
        flags.DEFINE_list,
        "sections",
        [],
        "what the page shows; empty: all of "
        + ", ".join(parts.names("report_sections")),
    ),
    (
        flags.DEFINE_string,
        "eval_data_pattern",
        "",
        "shards for the sections that run models; empty: those that each run "
        "was validated on",
    ),
    (
        flags.DEFINE_integer,
        "max_videos",
        5000,
        "videos that the sections look at which run models",
    ),
    (
        flags.DEFINE_string,
        "tensorboard_dir",
        "",
        "where to write what TensorBoard's tabs HParams and Projector show; "
        "empty: folder tensorboard among the page's files",
    ),
    *_VOCABULARY,
]
# Entry point → its flags, in the order of --help.
FLAGS = {
    "train": [
        *_RUN,
        *_TRAIN,
        *_FEATURES,
        *_EVAL_DATA,
        *_READER,
        *_BATCH,
        *_TOP_K,
        *_MAP_CONVENTION,
        *speed_flags.TRAIN,
        *starter_code_flags.TRAIN,
    ],
    "eval": [
        *_RUN,
        *_EVAL_DATA,
        *_READER,
        *_CHECKPOINT,
        *_TOP_K,
        *_MAP_CONVENTION,
        *_SEGMENT_LABELS,
        *_SEGMENT_LABEL_IDS,
        *_VOCABULARY,
        *class_group_flags.EVAL,
        *speed_flags.SCORING,
        *starter_code_flags.EVAL,
    ],
    "inference": [
        *_RUN,
        *_INFERENCE,
        *_SEGMENT_LABELS,
        *_SEGMENT_LABEL_IDS,
        *_READER,
        *_TOP_K,
        *speed_flags.INFERENCE,
        *starter_code_flags.INFERENCE,
    ],
    "flops": [*_RUN, *_FLOPS],
    "tables": table_flags.TABLES,
    "report": _REPORT,
    # Not a program: what the scripts in tools/ share that read shards.
    "tools": [*_FEATURES, *_KEYS],
}
# Entry point → the flags that have to be given; of a tuple, one of them.
REQUIRED = {
    "train": ["train_dir", "train_data_pattern"],
    "eval": ["train_dir", "eval_data_pattern"],
    "inference": [
        ("train_dir", "input_model_tgz"),
        "input_data_pattern",
    ],
    "flops": [],
    "tables": [
        "tables",
        "output_dir",
        "teacher_flagfile",
        "baseline_flagfile",
    ],
    "report": ["runs", "output"],
}
