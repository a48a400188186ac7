"""The downloader, against a mirror on this machine that can misbehave."""

import collections
import concurrent.futures
import fcntl
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

from tests.conftest import ROOT, load_tool
from yt8m_distill.errors import InputError

FOLDER = "2/frame/train"
PLAN = "2/download_plans/frame_train.json"


def make_content(name, size=50_000):
    """Bytes that follow the name."""
    seed = hashlib.sha256(name.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


def corrupt(content):
    return content[:-1] + bytes([content[-1] ^ 1])


class Mirror(http.server.ThreadingHTTPServer):
    """Serves a plan and files, as well or badly as the attributes say.

    Attributes:
        contents: dict name → bytes.
        plan: what is served as the plan, or None for 404.
        breaks: dict name → list of bytes after which a response breaks off.
        unavailable: dict path → how often it is answered 503.
        corrupted: dict name → how often wrong bytes are served.
        stalls: dict name → how often nothing comes after the headers.
        ranges: "kept", "ignored" or "wrong".
        requests: list of (path, Range header).
        num_served: dict name → bytes served.
    """

    daemon_threads = True

    def __init__(self, contents):
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents = contents
        self.plan = {
            "files": {
                name: hashlib.md5(content).hexdigest()
                for name, content in contents.items()
            }
        }
        self.breaks = collections.defaultdict(list)
        self.unavailable = collections.Counter()
        self.corrupted = collections.Counter()
        self.stalls = collections.Counter()
        self.ranges = "kept"
        self.requests = []
        self.num_served = collections.Counter()
        self.ended = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, name):
        """The Range headers with which a file was asked for."""
        path = f"/{FOLDER}/{name}"
        return [place for asked, place in self.requests if asked == path]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        mirror, path = self.server, self.path.lstrip("/")
        folder, _, name = path.rpartition("/")
        place = self.headers.get("Range")
        mirror.requests.append((self.path, place))
        if mirror.unavailable[path]:
            mirror.unavailable[path] -= 1
            self.send_error(503)
        elif path == PLAN and mirror.plan is not None:
            plan = mirror.plan
            self.send(
                200,
                plan if isinstance(plan, bytes) else json.dumps(plan).encode(),
            )
        elif folder == FOLDER and name in mirror.contents:
            self.send_file(name, place)
        else:
            self.send_error(404)

    def send(self, status, content, stop=None, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(content[:stop])

    def send_file(self, name, place):
        mirror, content = self.server, self.server.contents[name]
        if mirror.corrupted[name]:
            mirror.corrupted[name] -= 1
            content = corrupt(content)
        start, status, headers = 0, 200, []
        if place and mirror.ranges != "ignored":
            start = int(place.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            if mirror.ranges == "wrong":
                start = 0
            end = len(content) - 1
            status = 206
            headers = [("Content-Range", f"bytes {start}-{end}/{len(content)}")]
        stop = None
        if mirror.stalls[name]:
            mirror.stalls[name] -= 1
            stop = 0
        elif mirror.breaks[name]:
            stop = mirror.breaks[name].pop(0)
        mirror.num_served[name] += len(content[start:][:stop])
        self.send(status, content[start:], stop, headers)
        if stop == 0:
            mirror.ended.wait(5)


@pytest.fixture(scope="module")
def loaded():
    return load_tool("download_yt8m")


@pytest.fixture
def tool(loaded, monkeypatch):
    """The tool, without pauses and without a proxy."""
    monkeypatch.setattr(loaded, "BACKOFF_SECONDS", 0.001)
    monkeypatch.setenv("no_proxy", "*")
    return loaded


@pytest.fixture
def mirror():
    """A mirror with five files, listed in no order."""
    names = [f"train{number:02}x.tfrecord" for number in (3, 0, 4, 2, 1)]
    mirror = Mirror({name: make_content(name) for name in names})
    thread = threading.Thread(target=mirror.serve_forever, args=(0.01,))
    thread.start()
    yield mirror
    mirror.ended.set()
    mirror.shutdown()
    mirror.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shards"


def download(tool, mirror, folder, **changes):
    arguments = {"release": "2", "level": "frame", "split": "train", **changes}
    tool.download(output_dir=folder, base_url=mirror.url, **arguments)


def visible(folder):
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }


def partials(folder):
    return sorted(path.name for path in folder.glob(".*.partial"))


def refused(tool, mirror, folder, **changes):
    """The line with which a download is refused."""
    with pytest.raises(InputError) as caught:
        download(tool, mirror, folder, **changes)
    line = str(caught.value)
    assert line and "\n" not in line
    return line


def test_a_whole_download(tool, mirror, folder, capsys):
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert partials(folder) == []
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2  # no terminal, less than 30 s
    assert printed[0] == (f"5 of 5 files of {mirror.url}/{FOLDER} to {folder}")
    assert printed[1].startswith("5 of 5 files, 250.0 kB received")


def test_a_second_start_fetches_and_reads_nothing(
    tool, mirror, folder, monkeypatch
):
    download(tool, mirror, folder)
    mirror.requests.clear()
    monkeypatch.setattr(tool, "_hash", lambda path: pytest.fail("read again"))
    download(tool, mirror, folder)
    assert [path for path, _ in mirror.requests] == [f"/{PLAN}"]


@pytest.mark.parametrize("state", [None, b"{", b"[]", b'{"train00x.tfr": 3}'])
def test_files_of_unknown_origin_are_checked(tool, mirror, folder, state):
    download(tool, mirror, folder)
    mirror.requests.clear()
    (folder / tool.STATE).unlink()
    if state:
        (folder / tool.STATE).write_bytes(state)
    (folder / "train02x.tfrecord").write_bytes(b"cut")
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert [path for path, _ in mirror.requests] == [
        f"/{PLAN}",
        f"/{FOLDER}/train02x.tfrecord",
    ]


def test_a_file_that_changed_its_size_is_fetched_again(tool, mirror, folder):
    download(tool, mirror, folder)
    (folder / "train01x.tfrecord").write_bytes(b"cut")
    (folder / "train03x.tfrecord").unlink()
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    counts = [len(mirror.asked(name)) for name in sorted(mirror.contents)]
    assert counts == [1, 2, 1, 2, 1]


def test_a_broken_connection_is_resumed(tool, mirror, folder):
    name = "train02x.tfrecord"
    mirror.breaks[name] = [20_000, 9_999]
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert mirror.asked(name) == [None, "bytes=20000-", "bytes=29999-"]
    assert mirror.num_served[name] == len(mirror.contents[name])


def test_a_stalled_connection_is_resumed(tool, mirror, folder, monkeypatch):
    name = "train02x.tfrecord"
    monkeypatch.setattr(tool, "TIMEOUT_SECONDS", 0.1)
    mirror.breaks[name] = [10_000]
    mirror.stalls[name] = 1
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents


def test_a_killed_download_is_resumed(tool, mirror, folder):
    name = "train03x.tfrecord"
    content = mirror.contents[name]
    folder.mkdir()
    (folder / f".{name}.partial").write_bytes(content[:30_000])
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert mirror.asked(name) == ["bytes=30000-"]
    assert mirror.num_served[name] == len(content) - 30_000


def test_a_complete_partial_is_not_fetched_again(tool, mirror, folder):
    name = "train03x.tfrecord"
    folder.mkdir()
    (folder / f".{name}.partial").write_bytes(mirror.contents[name])
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert mirror.asked(name) == []


@pytest.mark.parametrize("size", [30_000, 50_000, 60_000])
def test_a_wrong_partial_is_replaced(tool, mirror, folder, size):
    name = "train03x.tfrecord"
    folder.mkdir()
    (folder / f".{name}.partial").write_bytes(b"x" * size)
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert mirror.asked(name) == [f"bytes={size}-", None]


@pytest.mark.parametrize(
    "ranges, asked",
    [
        ("ignored", [None, "bytes=20000-"]),
        ("wrong", [None, "bytes=20000-", None]),
    ],
)
def test_a_mirror_without_ranges(tool, mirror, folder, ranges, asked):
    name = "train02x.tfrecord"
    mirror.ranges = ranges
    mirror.breaks[name] = [20_000]
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert mirror.asked(name) == asked


def test_an_unavailable_mirror_is_asked_again(tool, mirror, folder):
    mirror.unavailable[PLAN] = 2
    mirror.unavailable[f"{FOLDER}/train04x.tfrecord"] = 3
    download(tool, mirror, folder, num_attempts=4)
    assert visible(folder) == mirror.contents
    assert len(mirror.asked("train04x.tfrecord")) == 4


def test_the_pauses_grow(tool, monkeypatch):
    pauses = []

    class Stop:
        def wait(self, seconds):
            pauses.append(seconds)

    def fail():
        raise tool.AttemptError("no")

    monkeypatch.setattr(tool, "BACKOFF_SECONDS", 1.0)
    with pytest.raises(tool.AttemptError):
        tool.attempt(fail, 10, Stop())
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 64, 64]


def test_a_file_corrupted_once_is_right_in_the_end(tool, mirror, folder):
    name = "train00x.tfrecord"
    mirror.corrupted[name] = 1
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert mirror.asked(name) == [None, None]


def test_a_file_corrupted_for_ever_is_not_kept(tool, mirror, folder, capsys):
    name = "train00x.tfrecord"
    mirror.corrupted[name] = 1000
    line = refused(tool, mirror, folder, num_attempts=3)
    good = mirror.plan["files"][name]
    bad = hashlib.md5(corrupt(mirror.contents[name])).hexdigest()
    assert line == (
        f"1 of 5 files could not be fetched, one because {mirror.url}/{FOLDER}/"
        f"{name} has the MD5 {bad}, expected {good}; 4 of 5 files are there; "
        "start the same command again to go on"
    )
    assert f"failed: {name}: " in capsys.readouterr().out
    assert len(mirror.asked(name)) == 3
    others = {k: v for k, v in mirror.contents.items() if k != name}
    assert visible(folder) == others
    assert partials(folder) == []
    mirror.corrupted.clear()
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents


def test_a_missing_file_is_asked_for_once(tool, mirror, folder):
    mirror.plan["files"]["train05x.tfrecord"] = "0" * 32
    line = refused(tool, mirror, folder)
    assert "train05x.tfrecord answered 404 Not Found; 5 of 6" in line
    assert len(mirror.asked("train05x.tfrecord")) == 1
    assert visible(folder) == mirror.contents


@pytest.mark.parametrize("fraction, count", [(0.4, 2), (0.001, 1), (1.0, 5)])
def test_a_fraction_is_the_first_shards(tool, mirror, folder, fraction, count):
    download(tool, mirror, folder, fraction=fraction)
    assert sorted(visible(folder)) == sorted(mirror.contents)[:count]


@pytest.mark.parametrize("fraction", [0.0, -1.0, 1.01, float("nan")])
def test_no_fraction(tool, mirror, folder, fraction):
    line = refused(tool, mirror, folder, fraction=fraction)
    assert line.startswith(f"--fraction={fraction} is no part")


def test_partitions(tool):
    assert tool.partition("1", "video", "test") == ("1", "video_level", "test")
    assert tool.partition("1", "frame", "train")[1] == "frame_level"
    assert tool.partition("2", "video", "train") == ("2", "video", "train")
    assert tool.partition("3", "frame", "test") == ("3", "frame", "test")
    assert tool.addresses("eu", "") == (
        "http://data.yt8m.org",
        "http://eu.data.yt8m.org",
    )


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"release": "4"}, "no --release=4; give one of 1, 2, 3"),
        ({"level": "clip"}, "no --level=clip in release 2; give one of frame,"),
        ({"split": "dev"}, "no --split=dev in release 2; give one of train,"),
        (
            {"release": "3", "level": "video", "split": "test"},
            "no --level=video in release 3; give one of frame",
        ),
        (
            {"release": "3"},
            "no --split=train in release 3; give one of validate, test",
        ),
    ],
)
def test_unknown_partitions_are_refused(
    tool, mirror, folder, changes, expected
):
    assert expected in refused(tool, mirror, folder, **changes)
    assert mirror.requests == []
    assert not folder.exists()


@pytest.mark.parametrize(
    "url",
    ["example.org", "file:///data", "http://", "http://a:b", "http://a b"],
)
def test_no_address(tool, folder, url):
    with pytest.raises(InputError, match="is no address; expected one such as"):
        tool.download("2", "frame", "train", folder, base_url=url)


def test_files_named_by_letters_are_numbered(tool):
    assert tool.local_name("trainaa.tfrecord", "2") == "train0000.tfrecord"
    assert tool.local_name("trainbF.tfrecord", "2") == "train0093.tfrecord"
    assert tool.local_name("test99.tfrecord", "3") == "test3843.tfrecord"
    for name, release in (
        ("trainaa.tfrecord", "1"),
        ("train-0.tfrecord", "2"),
        ("train0000.tfrecord", "2"),
    ):
        assert tool.local_name(name, release) == name
    files = {"trainAa.tfrecord": "0" * 32, "trainab.tfrecord": "1" * 32}
    first, second = tool.choose(files, "http://a", "2", 1.0)
    assert first == (
        "train0001.tfrecord",
        "http://a/trainab.tfrecord",
        "1" * 32,
    )
    assert second.name == "train1612.tfrecord"
    files["train0001.tfrecord"] = "2" * 32
    with pytest.raises(InputError, match="are both train0001.tfrecord here"):
        tool.choose(files, "http://a", "2", 1.0)


def test_md5s_in_objects_and_in_capitals(tool, mirror, folder):
    mirror.plan = {
        "files": {
            name: {"md5": md5.upper()}
            for name, md5 in mirror.plan["files"].items()
        }
    }
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents


def test_a_missing_plan_is_refused(tool, mirror, folder):
    mirror.plan = None
    assert refused(tool, mirror, folder) == (
        f"{mirror.url}/{PLAN} answered 404 Not Found; expected the list of "
        "files there; check the network and --base_url, then start the same "
        "command again"
    )
    assert len(mirror.requests) == 1


def test_nobody_there(tool, mirror, folder):
    mirror.shutdown()
    mirror.server_close()
    line = refused(tool, mirror, folder, num_attempts=2)
    assert "cannot be read: " in line and "refused" in line


@pytest.mark.parametrize(
    "plan", [b"<html>", b"\xff", b"[]", {}, {"files": []}, {"files": {}}]
)
def test_a_plan_without_files_is_refused(tool, mirror, folder, plan):
    mirror.plan = plan
    assert "lists no files; expected JSON" in refused(tool, mirror, folder)


@pytest.mark.parametrize("md5", [None, 3, "", "0" * 31, "g" * 32, {}])
def test_a_plan_without_md5s_is_refused(tool, mirror, folder, md5):
    mirror.plan["files"]["train02x.tfrecord"] = md5
    line = refused(tool, mirror, folder)
    assert "expected 32 hexadecimal digits" in line
    assert visible(folder) == {}


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "a/b", "a\\b", ".hidden", "..", "", "a\nb", "a\0"],
)
def test_malicious_names_are_refused(tool, mirror, folder, name):
    mirror.plan["files"][name] = "0" * 32
    line = refused(tool, mirror, folder)
    assert f"lists the file {name!r}; expected a plain name" in line
    assert len(mirror.requests) == 1
    assert list(folder.iterdir()) == []


def test_an_output_directory_that_is_a_file_is_refused(tool, mirror, folder):
    folder.write_text("mine")
    line = refused(tool, mirror, folder)
    assert line.startswith(f"cannot write {folder}: ")
    assert folder.read_text() == "mine"
    assert mirror.requests == []


def test_a_disk_that_cannot_be_written_ends_it_all(tool, mirror, folder):
    partial = folder / ".train00x.tfrecord.partial"
    partial.mkdir(parents=True)
    line = refused(tool, mirror, folder, num_parallel=1)
    assert line.startswith(f"cannot write {partial}: Is a directory; free the")


def test_another_partition_is_not_overwritten(tool, mirror, folder):
    download(tool, mirror, folder)
    before = visible(folder)
    mirror.plan["files"]["train02x.tfrecord"] = "0" * 32
    line = refused(tool, mirror, folder)
    assert "train02x.tfrecord is a whole file of another partition" in line
    assert visible(folder) == before


def test_two_downloads_do_not_write_to_one_folder(tool, mirror, folder):
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert "another download writes to" in refused(tool, mirror, folder)
    os.close(descriptor)
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents


def test_an_interrupted_download_keeps_what_it_has(
    tool, mirror, folder, monkeypatch, capsys
):
    name = "train04x.tfrecord"
    mirror.breaks[name] = [20_000]

    def interrupted(futures):
        for future in concurrent.futures.wait(futures).done:
            if future.exception() is None:
                yield future
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(concurrent.futures, "as_completed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            download(tool, mirror, folder, num_attempts=1)
    printed = capsys.readouterr().out
    assert "4 of 5 files, 220.0 kB received" in printed
    assert "; start the same command again to go on" in printed
    assert partials(folder) == [f".{name}.partial"]
    download(tool, mirror, folder)
    assert visible(folder) == mirror.contents
    assert mirror.asked(name) == [None, "bytes=20000-"]


def test_a_stopped_transfer_leaves_its_partial(tool, mirror, folder):
    folder.mkdir()
    name = "train04x.tfrecord"
    shard = tool.Shard(name, f"{mirror.url}/{FOLDER}/{name}", "0" * 32)
    stop = threading.Event()
    stop.set()
    with pytest.raises(tool.AttemptError, match="stopped"):
        tool.fetch(shard, folder, None, 8, stop, tool.Report(1))
    assert len(mirror.asked(name)) == 1
    assert partials(folder) == [f".{name}.partial"]


def test_lines_now_and_then(tool, mirror, folder, monkeypatch, capsys):
    monkeypatch.setattr(tool, "SECONDS_BETWEEN_LINES", 0.0)
    download(tool, mirror, folder)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) > 5
    assert all(" of 5 files" in line for line in printed)


def test_a_bar_on_a_terminal(tool, mirror, folder, monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    mirror.corrupted["train00x.tfrecord"] = 1000
    refused(tool, mirror, folder, num_attempts=1)
    printed = capsys.readouterr().out
    assert "━" in printed and "failed: train00x.tfrecord" in printed


def command(mirror, folder, *options):
    return subprocess.run(
        [
            sys.executable,
            ROOT / "tools" / "download_yt8m.py",
            f"--base_url={mirror.url}",
            f"--output_dir={folder}",
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command(tool, mirror, folder):
    done = command(mirror, folder, "--fraction=0.5", "--num_parallel=1")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(visible(folder)) == sorted(mirror.contents)[:2]
    assert done.stdout.splitlines()[-1].startswith("2 of 2 files, 100.0 kB")


def test_the_command_fails_with_one_line(tool, mirror, folder):
    mirror.corrupted["train00x.tfrecord"] = 1000
    done = command(mirror, folder, "--num_attempts=1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: 1 of 5 files could not be fetched")
    assert done.stderr.count("\n") == 1
    assert len(visible(folder)) == 4


def test_the_tool_says_how_to_run_it(tool):
    assert "python tools/download_yt8m.py" in tool.__doc__
