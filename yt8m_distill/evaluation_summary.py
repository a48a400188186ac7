"""Scores for TensorBoard, under the tags of google/youtube-8m's eval.py."""

import tensorflow as tf

# Key of `Evaluator.evaluate` → its name after `Epoch/Eval_` and, where a batch
# has such a score, after `GlobalStep/Eval_`.
TAGS = {
    "hit_at_1": ("Avg_Hit@1", "Hit@1"),
    "perr": ("Avg_Perr", "Perr"),
    "cross_entropy": ("Avg_Loss", "Loss"),
    "map": ("MAP", None),
    "gap": ("GAP", None),
    "videos_per_second": (None, "Example_Second"),
}


def write(folder, results, step, scope="Eval"):
    """Adds the scores of a model.

    Args:
        folder: path for TensorBoard's events.
        results: dict as of `Evaluator.evaluate`.
        step: int, training steps that the model has behind it.
        scope: str, `Eval`, or `SegEval` for the scores of segments.
    """
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=step):
        for key, (of_epoch, of_step) in TAGS.items():
            value = results.get(key)
            if value is None:
                continue
            if of_epoch:
                tf.summary.scalar(f"Epoch/{scope}_{of_epoch}", value)
            if of_step:
                tf.summary.scalar(f"GlobalStep/{scope}_{of_step}", value)
    writer.close()


def step_of(run, checkpoint, saved_step):
    """Training steps that a model of a run has behind it.

    Args:
        run: a `RunDirectory`.
        checkpoint: str, `best`, `last` or `teacher`.
        saved_step: int, what the model's file says; None: nothing, as in files
            of version 0.1. Then `metrics.jsonl` knows it.

    Returns:
        int; 0 if nobody knows.

    Raises:
        InputError: there is no run.
    """
    if saved_step is not None:
        return saved_step
    epochs = run.epochs()
    if not epochs:
        return 0
    epoch = epochs[-1] if checkpoint == "last" else run.best_epoch()
    return epoch["step"]
