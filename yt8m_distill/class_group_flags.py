"""Flags of the scores of rare and of frequent classes.

Nothing here imports TensorFlow, so that `--help` is instant.
"""

from absl import flags

# Each flag: (definer, name, default, help).
EVAL = [
    (
        flags.DEFINE_list,
        "class_groups",
        [],
        "numbers of classes, e.g. 100,200,500,1000,2000: scores also the so "
        "many rarest and most frequent ones in the run's training shards; "
        "empty: no such groups",
    ),
    (
        flags.DEFINE_string,
        "train_data_pattern",
        "",
        "with --class_groups: shards whose labels are counted; empty: those "
        "that the run was trained on",
    ),
]
