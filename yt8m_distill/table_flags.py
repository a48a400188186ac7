"""Flags of the tables.

Nothing here imports TensorFlow, so that `--help` is instant.
"""

from absl import flags

TABLES = [
    (
        flags.DEFINE_list,
        "tables",
        ["table1"],
        "tables to fill: table1 to table6, ensembles, rare_classes; runs that "
        "several want are run once",
    ),
    (
        flags.DEFINE_string,
        "output_dir",
        "",
        "directory of the tables, and of their runs below it, in a folder "
        "named after the encoder",
    ),
    (
        flags.DEFINE_string,
        "teacher_flagfile",
        "",
        "flags of training for the teacher, which sees all frames",
    ),
    (
        flags.DEFINE_string,
        "baseline_flagfile",
        "",
        "flags of training for models of k frames; their --frame_sampler, "
        "--teacher_dir and --student_losses follow from the table",
    ),
    (
        flags.DEFINE_string,
        "student_flagfile",
        "",
        "the same for students; empty: --baseline_flagfile",
    ),
    (
        flags.DEFINE_list,
        "k",
        ["6", "10", "15", "20", "30"],
        "numbers of frames; tables of one number take the largest",
    ),
    (
        flags.DEFINE_list,
        "seeds",
        ["0", "1", "2"],
        "a run each; an ensemble has a member a seed",
    ),
    (
        flags.DEFINE_list,
        "fractions",
        ["0.1", "0.25", "0.5", "1"],
        "table2: shares of the training videos",
    ),
    (
        flags.DEFINE_list,
        "class_groups",
        ["100", "200", "500", "1000", "2000"],
        "rare_classes: how many of the rarest and most frequent classes; at "
        "most the vocabulary",
    ),
    (
        flags.DEFINE_integer,
        "num_repeats",
        5,
        "table3: evaluations of each model, to measure their time",
    ),
    (
        flags.DEFINE_string,
        "uniform_sampler",
        "uniform",
        "sampler of the row Uniform-k and of all students, without its k: "
        "uniform, or with other frames in each epoch of training "
        "jittered_uniform, stratified or stratified(parts=1)",
    ),
    (
        flags.DEFINE_string,
        "rep_loss",
        "rep",
        "L_rep with its weight, e.g. 'rep(weight=0.1)'",
    ),
    (
        flags.DEFINE_string,
        "block_rep_loss",
        "block_rep",
        "table4: the loss of intermediate representations",
    ),
    (flags.DEFINE_string, "pred_loss", "pred", "L_pred with its weight"),
    (flags.DEFINE_string, "ce_loss", "ce", "L_CE with its weight"),
    (
        flags.DEFINE_integer,
        "rep_epochs",
        0,
        "epochs in which a student of L_rep alone mimics before it learns from "
        "labels; 0: half of --num_epochs",
    ),
    (
        flags.DEFINE_multi_string,
        "options_if",
        [],
        "a flag for some of the runs: 'kind=student,k=6:--num_epochs=9'; keys: "
        "kind (teacher, baseline, student, ensemble), mode (serial, parallel), "
        "row (e.g. serial_rep_ce, first), k, fraction (1: all videos), seed; "
        "'k=3|6' is either; may be given several times, later ones win",
    ),
    (
        flags.DEFINE_multi_string,
        "options",
        [],
        "a flag for every run, e.g. --options=--num_epochs=2; may be given "
        "several times",
    ),
    (
        flags.DEFINE_string,
        "train_data_pattern",
        "",
        "training shards; empty: those of the flagfiles",
    ),
    (
        flags.DEFINE_string,
        "eval_data_pattern",
        "",
        "validation shards, which choose the best epoch; empty: those of the "
        "flagfiles",
    ),
    (
        flags.DEFINE_string,
        "test_data_pattern",
        "",
        "shards whose scores fill the tables; empty: the validation scores of "
        "the best epoch",
    ),
    (
        flags.DEFINE_bool,
        "cache_teachers",
        True,
        "compute the outputs of frozen teachers once and keep them on disk",
    ),
    (
        flags.DEFINE_integer,
        "num_processes",
        1,
        "runs at a time; they share the processor's cores",
    ),
    (
        flags.DEFINE_bool,
        "plan_only",
        False,
        "print the command of every run, and whether it is there, and end",
    ),
]
