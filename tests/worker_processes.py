"""Worker processes on this machine, for tests and benchmarks."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def free_addresses(count):
    """Addresses of this machine that nobody listens at, a list of str."""
    with contextlib.ExitStack() as opened:
        sockets = [
            opened.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(count)
        ]
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


class Workers:
    """Worker processes of one training, which end with the `with` block.

    Args:
        arguments: list of str, flags of the training.
        folder: path of what they print.
        count: int.
    """

    def __init__(self, arguments, folder, count=2):
        self.arguments = arguments
        self.folder = pathlib.Path(folder)
        self.addresses = free_addresses(count)
        self.processes = [None] * count

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        for index in range(len(self.processes)):
            self.start(index)
        return self

    def __exit__(self, *error):
        for process in self.processes:
            process.kill()
            process.wait()

    def start(self, index):
        """Starts one worker, anew if it is dead."""
        cluster = {"worker": self.addresses}
        task = {"type": "worker", "index": index}
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            # As a user starts it; the tests' own level shows notices.
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_CONFIG": json.dumps({"cluster": cluster, "task": task}),
        }
        with open(self._file(index), "a") as output:
            self.processes[index] = subprocess.Popen(
                [sys.executable, "-m", "yt8m_distill.train"]
                + ["--distribution=multi_worker", *self.arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=environment,
            )

    def kill(self, index):
        """Kills one worker without a warning."""
        self.processes[index].kill()
        self.processes[index].wait()

    def printed(self, index):
        """What one worker printed, in all of its lives; str."""
        return self._file(index).read_text()

    def wait(self, seconds):
        """Waits for the end of all workers.

        Raises:
            RuntimeError: one failed, or took too long.
        """
        deadline = time.monotonic() + seconds
        for index, process in enumerate(self.processes):
            try:
                code = process.wait(max(1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                code = f"none after {seconds} s"
            if code != 0:
                raise RuntimeError(
                    f"worker {index}, exit code {code}: {self.printed(index)}"
                )

    def _file(self, index):
        return self.folder / f"worker{index}.txt"


def wait_for(found, seconds):
    """Waits until a function is true; False if that takes too long."""
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
