"""Every flag, defined once.

Names, meanings and defaults are those of google/youtube-8m where it has the
flag.
"""

from absl import flags

from yt8m_distill import (
    class_group_flags,
    flops_flags,
    inference_flags,
    report_flags,
    speed_flags,
    starter_code_flags,
    table_flags,
    train_flags,
)

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
# Entry point → its flags, in the order of --help.
FLAGS = {
    "train": [
        *_RUN,
        *train_flags.TRAIN,
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
        *inference_flags.INFERENCE,
        *_SEGMENT_LABELS,
        *_SEGMENT_LABEL_IDS,
        *_READER,
        *_TOP_K,
        *speed_flags.INFERENCE,
        *starter_code_flags.INFERENCE,
    ],
    "flops": [*_RUN, *flops_flags.FLOPS],
    "tables": table_flags.TABLES,
    "report": [*report_flags.REPORT, *_VOCABULARY],
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
