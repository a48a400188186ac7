"""A task that takes no time and says what happened: `python -m tests.fake_run`.

Arguments: folder, seconds, and `fail` to end with an error line, `crash` to end
with another one, `forget` to leave no result.
"""

import json
import pathlib
import sys
import time
from typing import NamedTuple


class FakeTask(NamedTuple):
    """A task as of `study_tasks`, for the queue."""

    name: str
    path: pathlib.Path
    seconds: float = 0.1
    needs: tuple = ()
    kind: str = "fake"
    alone: bool = False
    how: str = ""

    module = "tests.fake_run"
    goes_on = True

    @property
    def arguments(self):
        return (str(self.path), str(self.seconds), self.how)

    @property
    def lock_file(self):
        return self.path / "lock"

    @property
    def log(self):
        return self.path / "log"

    @property
    def seconds_file(self):
        return self.path / "seconds.json"

    def result(self):
        if not (self.path / "result").exists():
            return None
        return {"gap": float((self.path / "result").read_text()), "map": 0.5}

    def start(self):
        pass

    def finish(self):
        pass

    def starts(self):
        """Times at which its processes started and ended."""
        lines = (self.path / "times").read_text().splitlines()
        return [json.loads(line) for line in lines]


def main(folder, seconds, how):
    folder = pathlib.Path(folder)
    start = time.monotonic()
    if how == "crash":
        sys.exit("its own last word")
    if how == "fail":
        print("something\nerror: --it=1 cannot be; give 2\nmore", flush=True)
        sys.exit(1)
    time.sleep(float(seconds))
    with open(folder / "times", "a") as opened:
        opened.write(json.dumps([start, time.monotonic()]) + "\n")
    if how != "forget":
        (folder / "result").write_text("0.25")


if __name__ == "__main__":
    main(*sys.argv[1:])
