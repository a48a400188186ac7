"""Do several devices and several machines learn what one device learns?

python benchmarks/devices.py [--json=FILE]

Trains small models for a few steps on one device and on two logical CPUs with
the same global batches: plain, serial and parallel runs, with and without XLA,
with and without batch normalisation. Then a parallel run by two processes on
this machine, with and without XLA, and once with a process that is killed after
the first epoch and started again. A claim's number is the largest relative
difference of any loss of any step (of processes: of any epoch), its spread that
over the models. Without dropout, whose chance is each device's own. Takes about
8 minutes on 2 cores.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import claims
import loading
from absl import app, flags

FLAGS = flags.FLAGS
TOLERANCE = 1e-5
TIMEOUT = 400
ENCODERS = ("netvlad", "hierarchical_lstm")


def two_devices(folder):
    """dict claim → differences of each model, and the ratios of seconds."""
    names = {
        f"two_devices_{kind}_{xla}": [
            f"{encoder}/{kind}/{xla}" for encoder in ENCODERS
        ]
        for kind in ("plain", "serial", "parallel")
        for xla in ("no_xla", "xla")
    }
    names["two_devices_parallel_no_xla"].append("nextvlad/parallel/no_xla")
    results = {}
    for claim, cases in names.items():
        path = folder / "differences.json"
        subprocess.run(
            [sys.executable, "-m", "tests.replica_losses", path, *cases],
            cwd=loading.ROOT,
            check=True,
            stderr=subprocess.DEVNULL,
        )
        found = json.loads(path.read_text())
        results[claim] = [found[case]["loss"] for case in cases]
        tell(claim, results[claim])
    return results


def train_flags(folder, name, *more):
    return [
        f"--train_data_pattern={folder}/train*",
        f"--train_dir={folder}/{name}",
        "--num_classes=7",
        "--max_frames=12",
        "--batch_size=8",
        "--num_epochs=6",
        "--frame_sampler=uniform(k=3)",
        "--encoder=netvlad(clusters=2, representation_dim=4, dropout=0.0)",
        "--teacher_encoder=same",
        "--student_losses=rep,ce",
        *more,
    ]


def two_processes(folder):
    """dict claim → differences of each epoch."""
    loading.load("tools/make_synthetic_shards.py").make_shards(
        folder,
        {"train": 40},
        2,
        7,
        min_frames=3,
        max_frames=12,
        label_noise=0.1,
        seed=0,
    )
    processes = loading.load("tests/worker_processes.py")
    subprocess.run(
        [sys.executable, "-m", "yt8m_distill.train"]
        + train_flags(folder, "one_device"),
        cwd=loading.ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    results = {}
    for name, more, killed, other in (
        ("two_workers_no_xla", [], None, "one_device"),
        ("two_workers_xla", ["--jit_compile=true"], None, "one_device"),
        ("killed_worker", [], 1, "two_workers_no_xla"),
        ("killed_chief", [], 0, "two_workers_no_xla"),
    ):
        given = train_flags(folder, name, *more)
        with processes.Workers(given, folder / f"{name}_output") as workers:
            if killed is not None:
                resume = folder / name / "checkpoints" / "resume.weights.h5"
                processes.wait_for(resume.exists, TIMEOUT)
                workers.kill(killed)
                workers.start(killed)
            workers.wait(TIMEOUT)
            if killed is not None and (
                "lost another" not in workers.printed(1 - killed)
            ):
                raise RuntimeError("it was killed too late")
        results[name] = [
            difference
            for one, two in zip(
                epochs(folder / name), epochs(folder / other), strict=True
            )
            for difference in [
                max(abs(one[key] / two[key] - 1) for key in one if two[key])
            ]
        ]
        tell(name, results[name])
    return results


def epochs(train_dir):
    lines = (train_dir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def tell(claim, differences):
    print(
        claims.line(claim, differences, TOLERANCE, at_most=True, statistic=max),
        flush=True,
    )


def step_times(folder):
    """Seconds of a step on one device and on two that share its cores."""
    path = folder / "times.json"
    subprocess.run(
        [sys.executable, "-m", "tests.replica_losses", path, "step_times"],
        cwd=loading.ROOT,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return json.loads(path.read_text())["step_times"]


def main(arguments):
    if arguments[1:]:
        raise app.UsageError(f"stray argument {arguments[1]!r}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        times = step_times(folder)
        one, two = (statistics.median(some) for some in times)
        print(
            f"for information: a step takes {one:.3f} s on one device, "
            f"{two / one:.2f} times as long on two that share its cores"
        )
        results = two_devices(folder) | two_processes(folder)
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(
            json.dumps({**results, "step_seconds": times}, indent=2)
        )


if __name__ == "__main__":
    flags.DEFINE_string("json", "", "file for the numbers")
    app.run(main)
