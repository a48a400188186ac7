r"""Downloads YouTube-8M's shards from the public mirrors, and resumes.

python tools/download_yt8m.py --release=2 --level=frame --split=train \
    --fraction=0.01 --mirror=eu --output_dir=data/yt8m/frame

Every file is checked against its MD5 and takes its name only when it is whole.
Start the same command again after a break of any kind: whole files are not
fetched again, begun ones go on where they stopped. All 3,844 frame-level
training shards of release 2 are more than a terabyte.

The addresses are those of the official downloader,
http://data.yt8m.org/download.py, as its public copies and their output show
them; a mirror of one's own (--base_url) needs the same ones:

    PLANS/2/download_plans/frame_train.json  {"files": {name: MD5, ...}}
    FILES/2/frame/train/NAME

PLANS is http://data.yt8m.org and FILES http://us.data.yt8m.org (eu, asia).
Release 1 says frame_level and video_level for frame and video; that its plans
lie in the same place is an assumption, and it was to be deleted in July 2018.
Files of releases 2 and 3 are named by letters there, and here by numbers as the
official downloader does it: trainbF.tfrecord becomes train0093.tfrecord, since
names that differ in case only are one file on some disks.
"""

import concurrent.futures
import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import pathlib
import re
import string
import sys
import threading
import time
import typing
import urllib.error
import urllib.parse
import urllib.request

from absl import flags
from rich import filesize, progress

from yt8m_distill import command_line, files
from yt8m_distill.errors import InputError

FLAGS = flags.FLAGS
LEVELS = {
    "1": {"frame": "frame_level", "video": "video_level"},
    "2": {"frame": "frame", "video": "video"},
    "3": {"frame": "frame"},
}
SPLITS = {
    "1": ("train", "validate", "test"),
    "2": ("train", "validate", "test"),
    "3": ("validate", "test"),
}
MIRRORS = ("us", "eu", "asia")
LETTERS = string.ascii_letters + string.digits  # of names, in their order
STATE = ".download_state.json"
BLOCK_SIZE = 1 << 20
TIMEOUT_SECONDS = 60.0
BACKOFF_SECONDS = 1.0  # before the second attempt; doubled six times at most
SECONDS_BETWEEN_LINES = 30.0  # where there is no terminal for a bar
AGAIN = "start the same command again to go on"


class AttemptError(Exception):
    """A request that failed.

    Args:
        message: str, what was asked for and what came.
        status: int, the HTTP status that came instead, or None.
    """

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status

    @property
    def may_pass(self):
        """Whether another attempt may succeed."""
        return self.status in (None, 408, 416, 429) or self.status >= 500


class Shard(typing.NamedTuple):
    """A file to fetch: its name here, its address and its MD5."""

    name: str
    url: str
    md5: str


class Report:
    """Tells how far the download is: a bar, or a line now and then.

    Args:
        num_files: int, files there are in the end.
    """

    def __init__(self, num_files):
        self.num_files = num_files
        self.num_done = 0
        self.num_bytes = 0
        self._start = self._told = time.monotonic()
        self._lock = threading.Lock()
        self._bar = None
        if sys.stdout.isatty():
            self._bar = progress.Progress(
                progress.BarColumn(),
                progress.TextColumn("{task.description}"),
                progress.TimeElapsedColumn(),
            )
            self._task = self._bar.add_task(self.text(), total=num_files)

    def __enter__(self):
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *exception):
        if self._bar:
            self._bar.stop()

    def text(self):
        seconds = max(time.monotonic() - self._start, 1e-3)
        return (
            f"{self.num_done} of {self.num_files} files, "
            f"{filesize.decimal(self.num_bytes)} received, "
            f"{filesize.decimal(int(self.num_bytes / seconds))}/s"
        )

    def add(self, num_files=0, num_bytes=0):
        """Counts what came; threads may call it at the same time."""
        with self._lock:
            self.num_done += num_files
            self.num_bytes += num_bytes
            now = time.monotonic()
            if self._bar:
                self._bar.update(
                    self._task,
                    completed=self.num_done,
                    description=self.text(),
                )
            elif now - self._told >= SECONDS_BETWEEN_LINES:
                self._told = now
                print(self.text(), flush=True)


def partition(release, level, split):
    """The parts of a partition's address.

    Returns:
        tuple of str, e.g. `("2", "frame", "train")`.

    Raises:
        InputError: there is no such partition.
    """
    for flag, value, known in (
        ("release", release, tuple(LEVELS)),
        ("level", level, tuple(LEVELS.get(release, ()))),
        ("split", split, SPLITS.get(release, ())),
    ):
        if value not in known:
            where = "" if flag == "release" else f" in release {release}"
            raise InputError(
                f"there is no --{flag}={value}{where}; give one of "
                f"{', '.join(known)}"
            )
    return release, LEVELS[release][level], split


def addresses(mirror, base_url):
    """Where the plans and where the files lie.

    Args:
        mirror: str.
        base_url: str, an address for both, or empty.

    Raises:
        InputError: no HTTP address.
    """
    if not base_url:
        return "http://data.yt8m.org", f"http://{mirror}.data.yt8m.org"
    try:
        parts = urllib.parse.urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and parts.hostname
        _ = parts.port  # raises ValueError for what is no port
    except ValueError:
        usable = False
    if not usable or not base_url.isascii() or " " in base_url:
        raise InputError(
            f"--base_url={base_url} is no address; expected one such as "
            "http://example.org/yt8m"
        )
    return base_url.rstrip("/"), base_url.rstrip("/")


def local_name(name, release):
    """The name of a mirror's file on this side, numbered if by letters."""
    match = re.fullmatch(
        r"(train|validate|test)([a-zA-Z0-9])([a-zA-Z0-9])\.tfrecord", name
    )
    if release == "1" or not match:
        return name
    number = len(LETTERS) * LETTERS.index(match[2]) + LETTERS.index(match[3])
    return f"{match[1]}{number:04}.tfrecord"


def read_plan(url, num_attempts):
    """The files of a partition.

    Args:
        url: str, the plan's address.
        num_attempts: int.

    Returns:
        dict name on the mirror → MD5 in lower case.

    Raises:
        InputError: no plan is there, or one that cannot be used or trusted.
    """

    def read():
        with _opened(url) as response:
            return response.read()

    try:
        content = attempt(read, num_attempts, threading.Event())
    except AttemptError as error:
        raise InputError(
            f"{error}; expected the list of files there; check the network and "
            "--base_url, then start the same command again"
        ) from None
    try:
        plan = json.loads(content)
    except ValueError:
        plan = None
    listed = plan.get("files") if isinstance(plan, dict) else None
    if not isinstance(listed, dict) or not listed:
        raise InputError(
            f"{url} lists no files; expected JSON with names and MD5s under "
            '"files"; check --base_url'
        )
    found = {}
    for name, value in listed.items():
        md5 = value.get("md5") if isinstance(value, dict) else value
        if not isinstance(md5, str) or not re.fullmatch("[0-9a-fA-F]{32}", md5):
            raise InputError(
                f"{url} gives {name!r} the MD5 {md5!r}; expected 32 "
                "hexadecimal digits; use another mirror"
            )
        if (
            not name
            or not name.isprintable()
            or name.startswith(".")
            or set(name) & set("/\\")
        ):
            raise InputError(
                f"{url} lists the file {name!r}; expected a plain name without "
                "a folder or a leading dot; do not use this mirror"
            )
        found[name] = md5.lower()
    return found


def choose(plan, files_url, release, fraction):
    """The first shards of a plan, in the order of their names.

    Args:
        plan: dict as of `read_plan`.
        files_url: str, the folder of the files.
        release: str.
        fraction: float in (0, 1].

    Returns:
        list of `Shard`, at least one.

    Raises:
        InputError: two files would get the same name.
    """
    shards = sorted(
        Shard(
            local_name(name, release),
            f"{files_url}/{urllib.parse.quote(name)}",
            md5,
        )
        for name, md5 in plan.items()
    )
    for before, after in zip(shards, shards[1:]):
        if before.name == after.name:
            raise InputError(
                f"{before.url} and {after.url} are both {before.name} here; "
                "do not use this mirror"
            )
    return shards[: max(1, round(fraction * len(shards)))]


def attempt(function, num_attempts, stop):
    """Calls a function until it succeeds, with pauses that grow.

    Args:
        function: called without arguments.
        num_attempts: int, calls at most.
        stop: event that ends the pauses.

    Returns:
        What the function returns.

    Raises:
        AttemptError: of the last attempt.
    """
    for number in range(num_attempts):
        try:
            return function()
        except AttemptError as error:
            if number + 1 == num_attempts or not error.may_pass:
                raise
        if stop.wait(BACKOFF_SECONDS * 2 ** min(number, 6)):
            break
    raise AttemptError("the download was stopped")


@contextlib.contextmanager
def _opened(url, offset=0):
    """A response to read; what goes wrong on the way is an AttemptError."""
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(
            request, timeout=TIMEOUT_SECONDS
        ) as response:
            yield response
    except urllib.error.HTTPError as error:
        error.close()
        raise AttemptError(
            f"{url} answered {error.code} {error.reason}", error.code
        ) from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        reason = getattr(error, "reason", error)
        raise AttemptError(
            f"{url} cannot be read: {reason or type(reason).__name__}"
        ) from None


@contextlib.contextmanager
def _on_disk(path):
    """What goes wrong with a file here is an InputError, which ends it all."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; free the disk or give "
            f"another --output_dir, then {AGAIN}"
        ) from None


def _hash(path):
    """The MD5 of a file, open for more; of nothing if it is not there."""
    md5 = hashlib.md5(usedforsecurity=False)
    if path.exists():
        with open(path, "rb") as opened:
            while block := opened.read(BLOCK_SIZE):
                md5.update(block)
    return md5


def transfer(shard, partial, stop, report):
    """One attempt to complete a partial file.

    Args:
        shard: `Shard`.
        partial: path; what it holds is not fetched again.
        stop: event that ends the transfer.
        report: `Report`.

    Raises:
        AttemptError: it is not complete (and stays for the next attempt), or it
            is wrong (and is removed).
        InputError: the file cannot be written.
    """
    with _on_disk(partial):
        md5 = _hash(partial)
        offset = partial.stat().st_size if partial.exists() else 0
    if offset and md5.hexdigest() == shard.md5:
        return
    try:
        with _opened(shard.url, offset) as response:
            resumed = response.status == 206
            place = response.headers.get("Content-Range", "")
            if resumed and not place.startswith(f"bytes {offset}-"):
                raise AttemptError(
                    f"{shard.url} sent {place!r}, expected bytes from {offset}",
                    416,
                )
            if not resumed:
                md5 = hashlib.md5(usedforsecurity=False)
            with _on_disk(partial):
                opened = open(partial, "ab" if resumed else "wb")
            with opened:
                received = 0
                while block := response.read1(BLOCK_SIZE):
                    if stop.is_set():
                        raise AttemptError("the download was stopped")
                    with _on_disk(partial):
                        opened.write(block)
                        opened.flush()
                    md5.update(block)
                    received += len(block)
                    report.add(num_bytes=len(block))
    except AttemptError as error:
        if error.status == 416:  # no such range: begin anew
            partial.unlink(missing_ok=True)
        raise
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and received < int(length):
        raise AttemptError(
            f"{shard.url} broke off after {received} of {length} bytes"
        )
    if md5.hexdigest() != shard.md5:
        partial.unlink()
        raise AttemptError(
            f"{shard.url} has the MD5 {md5.hexdigest()}, expected {shard.md5}"
        )


def fetch(shard, folder, record, num_attempts, stop, report):
    """Fetches a file, unless it is there already.

    Args:
        shard: `Shard`.
        folder: path.
        record: dict `size`, `md5` of the file when it was last checked, or
            None.
        num_attempts: int.
        stop: event that ends the transfer.
        report: `Report`.

    Returns:
        dict `size`, `md5` of the file.

    Raises:
        AttemptError: it could not be fetched.
        InputError: it cannot be written.
    """
    path = folder / shard.name
    with _on_disk(path):
        if path.exists():
            there = {"size": path.stat().st_size, "md5": shard.md5}
            if record == there or _hash(path).hexdigest() == shard.md5:
                return there
    partial = folder / f".{shard.name}.partial"
    attempt(lambda: transfer(shard, partial, stop, report), num_attempts, stop)
    with _on_disk(path):
        os.replace(partial, path)
        return {"size": path.stat().st_size, "md5": shard.md5}


def read_state(folder, shards):
    """The records of the files that were checked before.

    Args:
        folder: path.
        shards: list of `Shard` that are to be fetched.

    Returns:
        dict name → dict `size`, `md5`; empty if there is none or it is
        damaged, for then the files are read and checked again.

    Raises:
        InputError: the folder holds whole files of another partition.
    """
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict):
        return {}
    for shard in shards:
        path, record = folder / shard.name, state.get(shard.name)
        if (
            isinstance(record, dict)
            and record.get("md5") != shard.md5
            and path.is_file()
            and path.stat().st_size == record.get("size")
        ):
            raise InputError(
                f"{path} is a whole file of another partition (MD5 "
                f"{record.get('md5')}, expected {shard.md5}); give another "
                "--output_dir, or remove it"
            )
    return state


def fetch_all(shards, folder, num_parallel, num_attempts):
    """Fetches files, several at a time.

    Args:
        shards: list of `Shard`.
        folder: path.
        num_parallel: int, files at a time.
        num_attempts: int, for each file.

    Raises:
        InputError: the disk cannot be written, or, after all the others were
            fetched, some files could not be.
    """
    state = read_state(folder, shards)
    stop = threading.Event()
    failures = []
    executor = concurrent.futures.ThreadPoolExecutor(num_parallel)
    with Report(len(shards)) as report:
        try:
            futures = {
                executor.submit(
                    fetch,
                    shard,
                    folder,
                    state.get(shard.name),
                    num_attempts,
                    stop,
                    report,
                ): shard.name
                for shard in shards
            }
            for future in concurrent.futures.as_completed(futures):
                name = futures[future]
                try:
                    record = future.result()
                except AttemptError as error:
                    failures.append(str(error))
                    print(f"failed: {name}: {error}", flush=True)
                    continue
                if state.get(name) != record:
                    state[name] = record
                    with _on_disk(folder / STATE):
                        files.write_json(folder / STATE, state)
                report.add(num_files=1)
        except KeyboardInterrupt:
            print(f"{report.text()}; {AGAIN}", flush=True)
            raise
        finally:
            stop.set()
            executor.shutdown(wait=False, cancel_futures=True)
    print(f"{report.text()}, in {folder}", flush=True)
    if failures:
        raise InputError(
            f"{len(failures)} of {len(shards)} files could not be fetched, one "
            f"because {failures[0]}; {report.num_done} of {len(shards)} files "
            f"are there; {AGAIN}"
        )


@contextlib.contextmanager
def _alone_in(folder):
    """Keeps a second download out of a folder; raises InputError there."""
    with _on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another download writes to {folder}; wait for its end or "
                "give another --output_dir"
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(descriptor)


def download(
    release,
    level,
    split,
    output_dir,
    fraction=1.0,
    mirror="us",
    num_parallel=4,
    num_attempts=8,
    base_url="",
):
    """Downloads a partition, or the first part of it.

    Args:
        release: str, `"1"`, `"2"` or `"3"`.
        level: str, `"frame"` or `"video"`.
        split: str, `"train"`, `"validate"` or `"test"`.
        output_dir: str or path.
        fraction: float in (0, 1], how much of the sorted shards.
        mirror: str, one of `MIRRORS`.
        num_parallel: int, files at a time.
        num_attempts: int, for each file.
        base_url: str, another address for plan and files, or empty.

    Raises:
        InputError: there is no such partition, or not everything could be
            fetched.
    """
    if not 0 < fraction <= 1:
        raise InputError(
            f"--fraction={fraction} is no part of the shards; give a number "
            "above 0 and up to 1"
        )
    parts = partition(release, level, split)
    plans, base = addresses(mirror, base_url)
    plan_url = f"{plans}/{parts[0]}/download_plans/{parts[1]}_{parts[2]}.json"
    files_url = f"{base}/{'/'.join(parts)}"
    folder = pathlib.Path(output_dir)
    with _alone_in(folder):
        plan = read_plan(plan_url, num_attempts)
        shards = choose(plan, files_url, release, fraction)
        print(
            f"{len(shards)} of {len(plan)} files of {files_url} to {folder}",
            flush=True,
        )
        fetch_all(shards, folder, num_parallel, num_attempts)


def define_flags():
    flags.DEFINE_enum("release", "2", list(LEVELS), "2017, 2018, segments")
    flags.DEFINE_enum("level", "frame", ["frame", "video"], "of the features")
    flags.DEFINE_enum("split", "train", SPLITS["2"], "release 3: no train")
    flags.DEFINE_float("fraction", 1.0, "first part of the shards, up to 1")
    flags.DEFINE_enum("mirror", "us", MIRRORS, "the nearest one")
    flags.DEFINE_string("output_dir", None, "directory for the shards")
    flags.DEFINE_integer("num_parallel", 4, "files at a time", 1)
    flags.DEFINE_integer("num_attempts", 8, "for each file", 1)
    flags.DEFINE_string("base_url", "", "address of another mirror")
    flags.mark_flags_as_required(["output_dir"])


def main():
    download(
        FLAGS.release,
        FLAGS.level,
        FLAGS.split,
        FLAGS.output_dir,
        FLAGS.fraction,
        FLAGS.mirror,
        FLAGS.num_parallel,
        FLAGS.num_attempts,
        FLAGS.base_url,
    )


if __name__ == "__main__":
    define_flags()
    command_line.run(main)  # run_tool would start TensorFlow first
