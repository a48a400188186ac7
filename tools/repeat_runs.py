"""Trains flagfiles with several seeds and prints mean ± spread of their scores.

F=flags/audioset
python tools/repeat_runs.py --output_dir=runs/audioset --seeds=0,1,2 \\
    --flagfiles=$F/teacher.flags,$F/baseline.flags,$F/student.flags \\
    --test_data_pattern='../shared/data/audioset/unbal_train-*'

Each run lies in OUTPUT_DIR/NAME_SEED. A run that is there already is not
trained again, one that was interrupted goes on. A flagfile with a teacher gets
the run of the first flagfile with the same seed; with --ensemble those of all
seeds together, through a cache in OUTPUT_DIR/teacher_cache.
"""

import json
import pathlib
import shlex
import statistics
import subprocess
import sys
import time

from absl import app, flags

from yt8m_distill.run_directory import RunDirectory

FLAGS = flags.FLAGS
KEYS = ("gap", "map", "hit_at_1", "perr")
HEADINGS = ("GAP", "mAP", "Hit@1", "PERR")


def run(*command):
    """Prints a command and runs it; raises SystemExit where it fails."""
    print("$", shlex.join(["python", *command]), flush=True)
    done = subprocess.run([sys.executable, *command], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def has_teacher(flagfile):
    """Whether a flagfile, or one it builds on, names a teacher in the end."""
    found = False
    for line in pathlib.Path(flagfile).read_text().splitlines():
        if line.startswith("--flagfile="):
            found = has_teacher(line.partition("=")[2])
        elif line.startswith("--teacher_dir="):
            found = bool(line.partition("=")[2])
    return found


def repeat(flagfile, seed, output_dir, teachers, test_data_pattern, options):
    """Trains and scores one run, unless that was done.

    Returns:
        dict `validation` → scores of the best epoch, `test` → scores or None,
        `seconds` the training took.
    """
    path = pathlib.Path(output_dir) / f"{pathlib.Path(flagfile).stem}_{seed}"
    summary = path / "summary.json"
    if summary.exists():
        return json.loads(summary.read_text())
    taught = []
    if has_teacher(flagfile):
        taught.append(f"--teacher_dir={','.join(map(str, teachers))}")
        if len(teachers) > 1:
            cache = pathlib.Path(output_dir) / "teacher_cache"
            taught.append(f"--teacher_cache={cache}")
    start = time.monotonic()
    run(
        "-m",
        "yt8m_distill.train",
        f"--flagfile={flagfile}",
        f"--train_dir={path}",
        f"--seed={seed}",
        *taught,
        *options,
    )
    seconds = time.monotonic() - start
    best = RunDirectory(path).best_epoch()
    test = None
    if test_data_pattern:
        run(
            "-m",
            "yt8m_distill.eval",
            f"--train_dir={path}",
            f"--eval_data_pattern={test_data_pattern}",
        )
        test = json.loads((path / "evaluation" / "best.json").read_text())
    result = {
        "validation": {key: best[f"val_{key}"] for key in KEYS},
        "test": test and {key: test[key] for key in KEYS},
        "seconds": seconds,
    }
    summary.write_text(json.dumps(result, indent=2) + "\n")
    return result


def mean_and_spread(values, digits=4):
    """`mean ± sample standard deviation`, as text."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.{digits}f} ± {spread:.{digits}f}"


def table(results, split):
    """The scores of a split as Markdown.

    Args:
        results: dict name → list of dicts as of `repeat`, one a seed.
        split: `"validation"` or `"test"`.
    """
    lines = [
        f"| {split} | {' | '.join(HEADINGS)} | seconds a run |",
        "|---" * (len(HEADINGS) + 2) + "|",
    ]
    for name, runs in results.items():
        cells = [
            mean_and_spread([run[split][key] for run in runs]) for key in KEYS
        ]
        cells.append(mean_and_spread([run["seconds"] for run in runs], 0))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    names = list(results)
    for name in names[1:-1]:
        cells = [
            mean_and_spread(
                [
                    last[split][key] - run[split][key]
                    for last, run in zip(results[names[-1]], results[name])
                ]
            )
            for key in KEYS
        ]
        lines.append(f"| {names[-1]} − {name} | {' | '.join(cells)} | |")
    return "\n".join(lines)


def shares(results, epochs, teacher):
    """How much of the way from baseline to teacher students go, as Markdown.

    Args:
        results: as of `table`; a student is compared with the baseline whose
            name ends as its own does (`student_6`, `baseline_6`).
        epochs: dict name → list over seeds of lists as of `scores_by_epoch`.
        teacher: str, the teachers' name.

    Returns:
        A table, empty without such pairs. A share is (student − baseline) /
        (teacher − baseline), the best epoch of each on the validation videos,
        seed by seed. The last column is the student's first epoch with a score
        (GAP; of segments mAP) of at least the baseline's best.
    """
    lines = []
    for name, students in results.items():
        baseline = name.replace("student", "baseline", 1)
        if baseline == name or baseline not in results:
            continue
        cells = []
        for key in ("gap", "map"):
            cells.append(
                mean_and_spread(
                    [
                        (student[key] - lower[key]) / (upper[key] - lower[key])
                        for student, lower, upper in (
                            [one["validation"] for one in runs]
                            for runs in zip(
                                students, results[baseline], results[teacher]
                            )
                        )
                    ],
                    2,
                )
            )
        reached = []
        for student, lower in zip(epochs[name], epochs[baseline]):
            above = [n for n, one in enumerate(student, 1) if one >= max(lower)]
            reached.append(str(above[0]) if above else "never")
        lower = [own.index(max(own)) + 1 for own in epochs[baseline]]
        cells.append(
            f"{', '.join(reached)} ({', '.join(map(str, lower))} of "
            f"{len(epochs[baseline][0])})"
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    if not lines:
        return ""
    return "\n".join(
        [
            "| recovered share | GAP | mAP | epochs to the baseline's best "
            "(the baseline's own) |",
            "|---|---|---|---|",
            *lines,
        ]
    )


def scores_by_epoch(path):
    """What a run's best epoch is chosen by, of each of its epochs, a list."""
    run = RunDirectory(path)
    best_by = run.best_by()
    return [epoch[best_by] for epoch in run.epochs()]


def define_flags():
    flags.DEFINE_string("output_dir", None, "directory of the runs")
    flags.DEFINE_list("flagfiles", None, "flagfiles, the teacher's first")
    flags.DEFINE_list("seeds", ["0", "1", "2"], "one run a seed and flagfile")
    flags.DEFINE_bool(
        "ensemble", False, "the teachers of all seeds teach together"
    )
    flags.DEFINE_string("test_data_pattern", "", "shards to score in the end")
    flags.DEFINE_list(
        "options", [], "more flags for every run, e.g. --num_epochs=1"
    )
    flags.mark_flags_as_required(["output_dir", "flagfiles"])


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    results = {pathlib.Path(file).stem: [] for file in FLAGS.flagfiles}
    first = pathlib.Path(FLAGS.flagfiles[0]).stem
    teachers = {
        seed: pathlib.Path(FLAGS.output_dir) / f"{first}_{seed}"
        for seed in FLAGS.seeds
    }
    for flagfile in FLAGS.flagfiles:
        for seed in FLAGS.seeds:
            results[pathlib.Path(flagfile).stem].append(
                repeat(
                    flagfile,
                    seed,
                    FLAGS.output_dir,
                    [*teachers.values()]
                    if FLAGS.ensemble
                    else [teachers[seed]],
                    FLAGS.test_data_pattern,
                    FLAGS.options,
                )
            )
    print(f"\n{len(FLAGS.seeds)} seeds, mean ± standard deviation\n")
    print(table(results, "validation"))
    if FLAGS.test_data_pattern:
        print("\n" + table(results, "test"))
    epochs = {
        name: [
            scores_by_epoch(f"{FLAGS.output_dir}/{name}_{seed}")
            for seed in FLAGS.seeds
        ]
        for name in results
    }
    print("\n" + shares(results, epochs, first))


if __name__ == "__main__":
    define_flags()
    app.run(main)
