"""What the sections of a report look at."""

import functools

from yt8m_distill import reported_runs, run_groups


class Study:
    """The runs of a report.

    Attributes:
        runs: list of `ReportedRun`.
        groups: list of `RunGroup`, as of `run_groups.group`.
        left_out: list of `(path, reason)`.
        options: as of `config.options("report")`.
        folder: `pathlib.Path` of the folder beside the page; a section may
            write files there, under its own name.

    Args:
        options: as of `config.options("report")`.
        folder: path.

    Raises:
        InputError: there is no run to report on.
    """

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.runs, self.left_out = reported_runs.read(options.runs)
        self.groups = run_groups.group(self.runs)

    @functools.cached_property
    def _by_path(self):
        return {run.path: run for run in self.runs}

    def teachers_of(self, run):
        """The runs that taught a run, a list of `ReportedRun`.

        Those that are not in the report are not in it.
        """
        return [
            self._by_path[path]
            for path in run.teachers
            if path in self._by_path
        ]

    def group_of(self, run):
        """The `RunGroup` that a run belongs to."""
        return next(one for one in self.groups if run in one.runs)

    def of_kind(self, kind):
        """The groups of a kind, `"teacher"`, `"baseline"` or `"student"`."""
        return [one for one in self.groups if one.kind == kind]
