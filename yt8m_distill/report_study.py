"""What the sections of a report look at."""

import functools
import math

from yt8m_distill import (
    files,
    label_files,
    observations,
    parts,
    reported_runs,
    run_groups,
)


class Study:
    """The runs of a report.

    Attributes:
        runs: list of `ReportedRun`.
        groups: list of `RunGroup`, as of `run_groups.group`.
        left_out: list of `(path, reason)`.
        class_names: dict index → str, of the classes whose names are known.
        options: as of `config.options("report")`.
        folder: `pathlib.Path` of the folder beside the page; a section may
            write files there, under its own name.

    Args:
        options: as of `config.options("report")`.
        folder: path.

    Raises:
        InputError: there is no run to report on, `--vocabulary` cannot be
            read, or `--eval_data_pattern` matches no file.
    """

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        # Before the sections that take minutes.
        files.check_pattern(options.eval_data_pattern, "eval_data_pattern")
        self.class_names = (
            label_files.read_class_names(options.vocabulary) or {}
        )
        self.runs, self.left_out = reported_runs.read(options.runs)
        self.groups = run_groups.group(self.runs)

    @functools.cached_property
    def observations(self):
        """What the runs' models make of videos, an `Observations`."""
        return observations.Observations(
            self.options.eval_data_pattern, self.options.max_videos
        )

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

    def scored_alike(self):
        """The groups whose scores compare, a list of lists of `RunGroup`."""
        found = {}
        for group in self.groups:
            found.setdefault(group.scored_on, []).append(group)
        return list(found.values())

    def baseline_of(self, group):
        """The best baseline with a group's encoder, frames and training videos.

        Args:
            group: a `RunGroup`.

        Returns:
            A `RunGroup`; None: there is none.
        """
        return _best(
            one
            for one in self.of_kind("baseline")
            if one.encoder == group.encoder
            and one.k == group.k
            and one.trained_on == group.trained_on
            and one.scored_on == group.scored_on
        )

    def skyline_of(self, group):
        """The best teacher that was scored as a group was; None: there is none.

        Where there are teachers with the encoder that taught the group (of
        baselines its own), the best of these; of them where some learned from
        the same videos as the group, the best of those.

        Args:
            group: a `RunGroup`.
        """
        teachers = [
            one
            for one in self.of_kind("teacher")
            if one.scored_on == group.scored_on
        ]
        encoder = self._teacher_encoder(group)
        related = [one for one in teachers if one.encoder == encoder]
        return (
            _best(one for one in related if one.trained_on == group.trained_on)
            or _best(related)
            or _best(teachers)
        )

    def teacher_of(self, group):
        """The best of the teachers that taught a group's first run.

        Args:
            group: a `RunGroup`.

        Returns:
            A `RunGroup`; None: they are not in the report, or learned beside
            it.
        """
        return _best(map(self.group_of, self.teachers_of(group.runs[0])))

    def _teacher_encoder(self, group):
        """The name of the encoder that taught a group; of others its own."""
        teacher = self.teacher_of(group)
        if teacher:
            return teacher.encoder
        beside, _ = parts.parse(group.flags["teacher_encoder"] or "same")
        return group.encoder if beside == "same" else beside


def _best(groups):
    """The group with the highest mean GAP (of segments mAP); None of none."""
    scored = [
        (one.mean(_score_of(one)), one)
        for one in groups
        if not math.isnan(one.mean(_score_of(one)))
    ]
    return max(scored, key=lambda pair: pair[0], default=(None, None))[1]


def _score_of(group):
    return group.runs[0].directory.best_by().removeprefix("val_")
