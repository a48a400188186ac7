import json
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT
from tests.fake_run import FakeTask
from yt8m_distill import file_locks
from yt8m_distill.errors import InputError
from yt8m_distill.run_queue import RunQueue, in_order


@pytest.fixture
def lines():
    return []


@pytest.fixture
def run(monkeypatch, lines):
    """Function of tasks and processes → the queue that ran them."""
    monkeypatch.chdir(ROOT)

    def run(tasks, num_processes=1):
        queue = RunQueue(tasks, num_processes, lines.append)
        queue.run()
        return queue

    return run


def test_what_is_needed_comes_first_and_once(tmp_path):
    first = FakeTask("first", tmp_path / "first")
    second, third = (
        FakeTask(name, tmp_path / name, needs=(first,))
        for name in ("second", "third")
    )
    alone = FakeTask("alone", tmp_path / "alone", alone=True)
    assert in_order([alone, second, third]) == [first, second, third, alone]


def test_runs_everything_and_tells(run, tmp_path, lines):
    teacher = FakeTask("teacher", tmp_path / "teacher")
    student = FakeTask("student", tmp_path / "student", needs=(teacher,))
    queue = run([student])
    assert not queue.failures
    assert queue.results == dict.fromkeys(
        [teacher, student], {"gap": 0.25, "map": 0.5}
    )
    assert teacher.starts()[0][1] <= student.starts()[0][0]
    assert lines[0].startswith("[1/2] teacher: GAP 0.2500, mAP 0.5000 | 0:0")
    assert lines[-1].endswith("| 0:00 left")


def test_second_start_only_looks(run, tmp_path, lines):
    tasks = [FakeTask(name, tmp_path / name) for name in "ab"]
    first = run(tasks)
    times = [task.starts() for task in tasks]
    lines.clear()
    second = run(tasks)
    assert second.results == first.results
    assert second.seconds == first.seconds
    assert [task.starts() for task in tasks] == times
    assert lines == ["2 of 2 runs are there"]


def test_a_failure_keeps_its_reason_and_the_others_go_on(run, tmp_path, lines):
    bad = FakeTask("bad", tmp_path / "bad", how="fail")
    needs_bad = FakeTask("needs_bad", tmp_path / "needs_bad", needs=(bad,))
    early = FakeTask("early", tmp_path / "early", how="forget")
    good = FakeTask("good", tmp_path / "good")
    queue = run([needs_bad, early, good], 2)
    assert [*queue.results] == [good]
    assert queue.failures == {
        bad: f"--it=1 cannot be; give 2 (see {bad.log})",
        needs_bad: "bad failed",
        early: f"it ended early; see {early.log}",
    }
    assert any("bad: failed: --it=1 cannot be" in line for line in lines)
    # What failed is tried again another time.
    again = run([bad._replace(how="")])
    assert not again.failures


def test_the_reason_is_of_the_last_start(run, tmp_path):
    task = FakeTask("bad", tmp_path / "bad", how="fail")
    run([task])
    task = task._replace(how="crash")
    assert run([task]).failures == {task: f"its own last word (see {task.log})"}


class Damaged(FakeTask):
    """A task whose files are not what they should be."""

    def result(self):
        if self.how == "unreadable":
            json.loads("{")
        if self.how == "damaged" and super().result():
            raise InputError("it is damaged; restore it")
        return super().result()

    def finish(self):
        if self.how == "unwritable":
            raise InputError("scores cannot be written; make room")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("unreadable", "Expecting property name"),
        ("damaged", "it is damaged; restore it"),
        ("unwritable", "scores cannot be written; make room"),
    ],
)
def test_damaged_files_are_one_failure(how, reason, run, tmp_path, lines):
    bad = Damaged("bad", tmp_path / "bad", how=how)
    good = FakeTask("good", tmp_path / "good")
    queue = run([bad, good])
    assert reason in queue.failures[bad] and [*queue.results] == [good]
    # Each is told once.
    assert sum("bad: failed" in line for line in lines) == 1


def test_what_cannot_be_written_is_one_failure(run, tmp_path):
    (tmp_path / "file").write_text("")
    bad = FakeTask("bad", tmp_path / "file" / "bad")
    log = FakeTask("log", tmp_path / "log")
    log.log.mkdir(parents=True)  # where a file should be
    good = FakeTask("good", tmp_path / "good")
    queue = run([bad, log, good])
    assert "it cannot be written: " in queue.failures[bad]
    assert "it cannot be started: " in queue.failures[log]
    assert [*queue.results] == [good]
    # Nobody has its lock any more.
    assert file_locks.acquire(log.lock_file) is not None


def test_an_unwritable_time_leaves_no_process_behind(run, tmp_path):
    task = FakeTask("task", tmp_path / "task")
    task.seconds_file.mkdir(parents=True)
    queue = run([task])
    assert [*queue.results] == [task] and not queue.seconds


def overlaps(tasks):
    """The largest number of tasks that ran at one time."""
    spans = [span for task in tasks for span in task.starts()]
    return max(
        sum(start <= moment < end for start, end in spans)
        for moment, _ in spans
    )


def test_several_at_a_time_but_not_what_wants_to_be_alone(run, tmp_path):
    tasks = [FakeTask(name, tmp_path / name, 1.0) for name in "abcd"]
    alone = [FakeTask(name, tmp_path / name, 0.3, alone=True) for name in "xy"]
    queue = run([*alone, *tasks], 2)
    assert not queue.failures
    assert overlaps(tasks) == 2
    for task in alone:
        others = [one for one in [*tasks, *alone] if one != task]
        ((start, end),) = task.starts()
        assert not any(
            start < other_end and other_start < end
            for other in others
            for other_start, other_end in other.starts()
        )


def started_study(task):
    """A process whose study runs a task, once the task has started."""
    study = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib\n"
            "from tests.fake_run import FakeTask\n"
            "from yt8m_distill.run_queue import RunQueue\n"
            f"path = pathlib.Path({str(task.path)!r})\n"
            f"task = FakeTask({task.name!r}, path, {task.seconds})\n"
            "RunQueue([task], 1).run()\n",
        ],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    while not task.log.exists():
        time.sleep(0.05)
    return study


def test_waits_for_a_process_that_outlived_its_study(tmp_path, run, lines):
    task = FakeTask("long", tmp_path / "long", 3.0)
    study = started_study(task)
    study.send_signal(signal.SIGKILL)
    study.wait()
    queue = run([task])
    assert queue.results[task]["gap"] == 0.25
    assert len(task.starts()) == 1
    assert "long: another process is at it" in lines
    # What another study has finished is told as well, without a time.
    assert lines[-1] == "[1/1] long: GAP 0.2500, mAP 0.5000"


def test_stopped_study_stops_its_processes(tmp_path):
    task = FakeTask("long", tmp_path / "long", 60.0)
    study = started_study(task)
    time.sleep(0.3)
    study.send_signal(signal.SIGTERM)
    assert study.wait() != 0
    lock = file_locks.acquire(task.lock_file)
    assert lock is not None  # nobody has it any more
    assert task.result() is None
    # What it took counts when it goes on.
    assert json.loads(task.seconds_file.read_text()) > 0


def test_time_left_goes_by_kind(tmp_path):
    tasks = [
        FakeTask(f"{kind}{number}", tmp_path / f"{kind}{number}", kind=kind)
        for kind in ("slow", "fast", "unknown")
        for number in range(2)
    ]
    queue = RunQueue(tasks, 2)
    assert queue.time_left() is None
    for task, seconds in ((tasks[0], 100.0), (tasks[2], 10.0)):
        queue.results[task] = {}
        queue.seconds[task] = seconds
    # One slow, one fast, two of the mean of what is known; two at a time.
    assert queue.time_left() == (100 + 10 + 2 * 55) / 2
    queue.failures[tasks[1]] = "reason"
    assert queue.time_left() == (10 + 2 * 55) / 2


def test_time_left_goes_by_what_is_known(tmp_path):
    """Of a run from elsewhere nobody knows the time; one may be half done."""
    tasks = [FakeTask(name, tmp_path / name) for name in "abcd"]
    for task in tasks[:2]:
        task.path.mkdir()
        (task.path / "result").write_text("0.5")
    tasks[0].seconds_file.write_text("100")
    tasks[2].path.mkdir()
    tasks[2].seconds_file.write_text("30")
    queue = RunQueue(tasks, 1)
    for task in tasks:
        queue._find(task)
    assert queue.seconds == {tasks[0]: 100}
    assert queue.time_left() == 70 + 100


def test_what_does_not_go_on_starts_its_time_anew(run, tmp_path):
    class Anew(FakeTask):
        goes_on = False

    task = Anew("anew", tmp_path / "anew", 0.0)
    task.path.mkdir()
    task.seconds_file.write_text("1000")
    assert run([task]).seconds[task] < 1000


def test_locks_are_handed_on_where_there_are_any(tmp_path, monkeypatch):
    descriptor = file_locks.acquire(tmp_path / "lock")
    assert file_locks.inherited(descriptor) == [descriptor]
    monkeypatch.setattr(file_locks, "fcntl", None)
    assert file_locks.inherited(descriptor) == []


def test_a_lock_ends_with_its_holder(tmp_path):
    path = tmp_path / "folder" / "lock"
    with file_locks.held(path, "waiting"):
        assert file_locks.acquire(path) is None
    again = file_locks.acquire(path)
    assert again is not None
