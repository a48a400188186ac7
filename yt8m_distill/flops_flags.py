"""Flags of the FLOPs that a model takes.

Nothing here imports TensorFlow, so that `--help` is instant.
"""

from absl import flags

from yt8m_distill import parts

# Each flag: (definer, name, default, help).
FLOPS = [
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
