"""The whole story in minutes: teacher, baseline, student, scores, CSV.

python tools/demo.py                                     # synthetic shards
python tools/demo.py --data_dir=DIR --num_classes=3862   # your shards

Runs the commands a user would type, prints each, and ends with one table.
"""

import json
import pathlib
import shlex
import subprocess
import sys
import time

from absl import app, flags

FLAGS = flags.FLAGS
ROOT = pathlib.Path(__file__).resolve().parent.parent
RUNS = {
    "teacher": "sees all frames",
    "baseline": "sees few, no teacher",
    "student": "sees few, taught",
}
COLUMNS = (
    # heading, key in the scores, format
    ("frames", "frames", "{:d}"),
    ("GAP", "gap", "{:.4f}"),
    ("mAP", "map", "{:.4f}"),
    ("Hit@1", "hit_at_1", "{:.4f}"),
    ("PERR", "perr", "{:.4f}"),
    ("GFLOPs/video", "gflops", "{:.4f}"),
    ("videos/s", "videos_per_second", "{:,.0f}"),
)


def run(*command):
    """Prints a command as a user would type it, and runs it.

    Raises:
        SystemExit: it failed; with its exit code.
    """
    typed = ["python", *map(str, command)]
    print(f"\n$ {shlex.join(typed)}", flush=True)
    done = subprocess.run([sys.executable, *map(str, command)], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def table(scores):
    """The results as aligned text.

    Args:
        scores: dict run → dict of scores.
    """
    rows = [["", *(heading for heading, *_ in COLUMNS)]]
    for name, results in scores.items():
        cells = [
            "–" if results[key] is None else form.format(results[key])
            for _, key, form in COLUMNS
        ]
        rows.append([f"{name} ({RUNS[name]})", *cells])
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if position else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    )


def demo(output_dir, data_dir, num_classes, num_epochs):
    """Makes shards unless given, trains the three models, scores them.

    Args:
        output_dir: path for shards and runs.
        data_dir: path of shards, or empty.
        num_classes: int.
        num_epochs: int.

    Returns:
        dict run → dict of scores.
    """
    shards = pathlib.Path(data_dir or output_dir / "shards")
    if not data_dir:
        run(
            "tools/make_synthetic_shards.py",
            f"--output_dir={shards}",
            f"--num_classes={num_classes}",
        )
    runs = {name: output_dir / "runs" / name for name in RUNS}
    scores = {}
    for name, train_dir in runs.items():
        teacher = [f"--teacher_dir={runs['teacher']}"] * (name == "student")
        run(
            "-m",
            "yt8m_distill.train",
            f"--flagfile=flags/demo/{name}.flags",
            f"--train_dir={train_dir}",
            f"--train_data_pattern={shards}/train*",
            f"--eval_data_pattern={shards}/validate*",
            f"--num_classes={num_classes}",
            f"--num_epochs={num_epochs}",
            *teacher,
            "--start_new_model",
        )
    for name, train_dir in runs.items():
        run(
            "-m",
            "yt8m_distill.eval",
            f"--train_dir={train_dir}",
            f"--eval_data_pattern={shards}/test*",
            "--batch_size=32",
        )
        scores[name] = json.loads(
            (train_dir / "evaluation" / "best.json").read_text()
        )
    run(
        "-m",
        "yt8m_distill.inference",
        f"--train_dir={runs['student']}",
        f"--input_data_pattern={shards}/test*",
        f"--output_file={output_dir}/predictions.csv",
    )
    return scores


def define_flags():
    flags.DEFINE_string("output_dir", "demo", "directory for shards and runs")
    flags.DEFINE_string(
        "data_dir", "", "your shards train*, validate*, test*; empty: synthetic"
    )
    flags.DEFINE_integer("num_classes", 60, "size of the vocabulary")
    flags.DEFINE_integer("num_epochs", 10, "passes over the training videos")


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    start = time.monotonic()
    output_dir = pathlib.Path(FLAGS.output_dir)
    scores = demo(
        output_dir, FLAGS.data_dir, FLAGS.num_classes, FLAGS.num_epochs
    )
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    print(f"\nOn the test videos, {minutes}:{seconds:02} minutes in all:\n")
    print(table(scores))
    print(
        f"\nThe student's tags are in {output_dir}/predictions.csv; look at "
        f"the curves with: tensorboard --logdir={output_dir}/runs"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
