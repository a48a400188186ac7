"""Runs the tasks of a study in processes, whatever happens to them."""

import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

from yt8m_distill import durations, file_locks, files
from yt8m_distill.errors import InputError

SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_LOCKS = 2.0


class RunQueue:
    """Runs what is not finished, several processes at a time.

    A task that fails keeps its reason and takes those that need it with it; the
    others go on. What another process is at, be it one whose study was killed,
    is waited for. If the study is stopped, its processes are; started again, it
    goes on where each of them was.

    Args:
        tasks: list of `TrainingRun` and `Scoring`, in the order in which they
            are wanted; what they need is added.
        num_processes: int, how many run at a time.
        write: function that prints a line.
        keep: called with the queue whenever a task has ended.
    """

    def __init__(
        self, tasks, num_processes, write=print, keep=lambda queue: None
    ):
        self.tasks = in_order(tasks)
        self.num_processes = num_processes
        self.write = write
        self.keep = keep
        self.results = {}
        self.failures = {}
        self.seconds = {}
        self._running = {}
        self._next_look = {}

    def run(self):
        """Runs everything.

        Returns:
            `(results, failures)`: dict task → its result, and dict task → str,
            the reason why it has none.
        """
        pending = self.look()
        for task in [*self.failures]:
            self._tell(task)
        if self.results:
            self.write(
                f"{len(self.results)} of {len(self.tasks)} runs are there"
            )
        # Looked at between steps: an exception amid the start of a process
        # would leave it behind.
        stops = []
        before = signal.signal(signal.SIGTERM, lambda *_: stops.append(True))
        try:
            while pending or self._running:
                if stops:
                    raise KeyboardInterrupt
                pending = [task for task in pending if not self._settle(task)]
                self._collect()
                time.sleep(SECONDS_BETWEEN_LOOKS)
        finally:
            signal.signal(signal.SIGTERM, before)
            self._end()
        return self.results, self.failures

    def look(self):
        """Looks for what is finished, or cannot be.

        Returns:
            list of the other tasks.
        """
        return [task for task in self.tasks if not self._find(task)]

    def time_left(self):
        """Seconds until everything is done, estimated; None if unknown."""
        known = {}
        for task, seconds in self.seconds.items():
            known.setdefault(task.kind, []).append(seconds)
        if not known:
            return None
        usual = statistics.fmean(
            seconds for times in known.values() for seconds in times
        )
        left = 0.0
        now = time.monotonic()
        for task in self.tasks:
            if task in self.results or task in self.failures:
                continue
            expected = statistics.fmean(known.get(task.kind, [usual]))
            spent = _before(task)
            if task in self._running:
                spent += now - self._running[task].start
            expected = max(expected - spent, 0.0)
            left += expected / (1 if task.alone else self.num_processes)
        return left

    def _find(self, task):
        """Whether it is finished, or cannot be; what is known is kept then."""
        if task in self.results or task in self.failures:
            return True
        if any(need not in self.results for need in task.needs):
            return False
        try:
            result = task.result()
        except (InputError, OSError, ValueError) as error:
            self.failures[task] = str(error)
            return True
        if result is None:
            return False
        self.results[task] = result
        seconds = _kept_seconds(task)
        if seconds is not None:  # of a run from elsewhere nobody knows
            self.seconds[task] = seconds
        return True

    def _settle(self, task):
        """Whether a task no longer waits: it was started or cannot be."""
        for need in task.needs:
            if need in self.failures:
                return self._fail(task, f"{need.name} failed")
        if any(need not in self.results for need in task.needs):
            return False
        alone = task.alone or any(other.alone for other in self._running)
        room = 1 if alone else self.num_processes
        if len(self._running) >= room:
            return False
        if time.monotonic() < self._next_look.get(task, 0):
            return False
        try:
            lock = file_locks.acquire(task.lock_file)
        except OSError as error:
            return self._fail(task, f"it cannot be written: {error}")
        if lock is None:
            if task not in self._next_look and not any(
                other.lock_file == task.lock_file for other in self._running
            ):
                self.write(f"{task.name}: another process is at it")
            self._next_look[task] = time.monotonic() + SECONDS_BETWEEN_LOCKS
            return False
        # Another study may just have finished it.
        if self._find(task):
            os.close(lock)
            self._tell(task)
            return True
        try:
            task.start()
            self._running[task] = _Process(task, lock, self.num_processes)
        except (InputError, OSError) as error:
            os.close(lock)
            return self._fail(task, f"it cannot be started: {error}")
        return True

    def _collect(self):
        """Looks for processes that have ended."""
        for task, process in [*self._running.items()]:
            if process.popen.poll() is None:
                continue
            self._keep_seconds(task, process)
            reason = None
            if process.popen.returncode:
                reason = _reason(task, process)
            else:
                try:
                    task.finish()
                except (InputError, OSError, ValueError) as error:
                    reason = str(error)
            os.close(process.lock)
            del self._running[task]
            if reason:
                self._fail(task, reason)
            elif self._find(task):
                self._tell(task)
            else:
                self._fail(task, f"it ended early; see {task.log}")

    def _fail(self, task, reason):
        self.failures[task] = reason
        self._tell(task)
        return True

    def _tell(self, task):
        done = len(self.results) + len(self.failures)
        line = f"[{done}/{len(self.tasks)}] {task.name}: "
        if task in self.failures:
            line += f"failed: {self.failures[task]}"
        else:
            line += _scores(self.results[task])
            if task in self.seconds:
                line += f" | {durations.text(self.seconds[task])}"
        left = self.time_left()
        if left is not None:
            line += f" | {durations.text(left)} left"
        self.write(line)
        self.keep(self)

    def _keep_seconds(self, task, process):
        seconds = _before(task) + time.monotonic() - process.start
        # An estimate less is no reason to leave processes behind.
        with contextlib.suppress(InputError, OSError):
            files.write_json(task.seconds_file, round(seconds, 3))

    def _end(self):
        """Stops what still runs; each goes on where it was another time."""
        for process in self._running.values():
            process.popen.terminate()
        for task, process in self._running.items():
            process.popen.wait()
            self._keep_seconds(task, process)
            os.close(process.lock)
        self._running.clear()


class _Process:
    """A process that runs a task, and the lock that it keeps while it lives."""

    def __init__(self, task, lock, num_processes):
        self.lock = lock
        self.start = time.monotonic()
        task.log.parent.mkdir(parents=True, exist_ok=True)
        threads = str(max(1, (os.cpu_count() or 1) // num_processes))
        environment = {"TF_NUM_INTRAOP_THREADS": threads, **os.environ}
        with open(task.log, "a") as log:
            # What is before was said by an earlier start.
            self.log_start = log.tell()
            self.popen = subprocess.Popen(
                [sys.executable, "-m", task.module, *task.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=file_locks.inherited(lock),
                env=None if task.alone else environment,
            )


def in_order(tasks):
    """Tasks with what they need, each once and after what it needs.

    What has to run alone comes last.
    """
    found = {}

    def add(task):
        for need in task.needs:
            add(need)
        found[task] = None

    for task in tasks:
        add(task)
    return sorted(found, key=lambda task: task.alone)


def _kept_seconds(task):
    """Seconds that the processes of a task took; None if nobody knows."""
    try:
        return json.loads(task.seconds_file.read_text())
    except (OSError, ValueError):
        return None


def _before(task):
    """Seconds of its processes that a task goes on from."""
    return (task.goes_on and _kept_seconds(task)) or 0.0


def _reason(task, process):
    """What a process said last, in a line."""
    returncode = process.popen.returncode
    if returncode < 0:
        return f"ended by signal {-returncode}; see {task.log}"
    with open(task.log, "rb") as log:
        log.seek(process.log_start)
        text = log.read().decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"error: ", line)]
    last = errors[-1] if errors else (lines or ["no word"])[-1]
    return f"{last.removeprefix('error: ')} (see {task.log})"


def _scores(result):
    line = f"GAP {result['gap']:.4f}, mAP {result['map']:.4f}"
    if "epoch" in result:
        line += f", best epoch {result['epoch']}"
    return line
