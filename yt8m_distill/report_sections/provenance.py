"""How the runs were made, and how to make them again."""

import json
import shlex

from yt8m_distill.report_elements import Code, Paragraph, Table
from yt8m_distill.report_sections.report_section import ReportSection
from yt8m_distill.reported_runs import DEFAULTS
from yt8m_distill.run_groups import SEED_FLAGS


class ProvenanceSection(ReportSection):
    """Versions, commits, flags in which groups differ, commands."""

    title = "How this was made"
    order = 90

    def elements(self, study):
        return [
            Paragraph(
                "Flags that all of these runs share, if not the default:"
            ),
            Code(_shared(study) or "none"),
            _flags(study),
            _versions(study),
            Paragraph(
                "Every run again, as it was (paths in its flags are relative "
                "to where it was started; its teacher is the one it had):"
            ),
            Code(_commands(study)),
            Paragraph("This page again:"),
            Code(_own_command(study.options)),
        ]


def _flag(name, value):
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return f"--{name}={'' if value is None else value}"


def _names(study):
    """Flags that are told: `(shared, differing)`, lists of str."""
    shared, differing = [], []
    for name in study.groups[0].flags:
        if name in SEED_FLAGS:
            continue
        values = {json.dumps(one.flags.get(name)) for one in study.groups}
        if len(values) > 1:
            differing.append(name)
        elif study.groups[0].flags[name] != DEFAULTS.get(name):
            shared.append(name)
    return shared, differing


def _shared(study):
    flags = study.groups[0].flags
    return "\n".join(_flag(name, flags[name]) for name in _names(study)[0])


def _flags(study):
    _, differing = _names(study)
    rows = []
    for group in study.groups:
        own = [
            f"`{_flag(name, group.flags[name])}`"
            for name in differing
            if group.flags.get(name) != DEFAULTS.get(name)
        ]
        taught_by = study.teacher_of(group)
        if taught_by:
            own.append(f"taught by `{taught_by.label}`")
        elif group.mode == "serial":
            own.append(f"`{_flag('teacher_dir', group.flags['teacher_dir'])}`")
        rows.append([group.label, " ".join(own) or "the defaults"])
    return Table(
        "flags",
        ["run", "flags in which groups differ, if not the default"],
        rows,
        "Seeds and directories apart.",
    )


def _versions(study):
    found = {}
    for run in study.runs:
        key = json.dumps(
            [run.config.get("versions") or {}, run.config.get("git_commit")]
        )
        found.setdefault(key, []).append(run.name)
    rows = []
    for key, names in found.items():
        versions, commit = json.loads(key)
        rows.append(
            [
                ", ".join(names) if len(found) > 1 else "all",
                ", ".join(f"{name} {v}" for name, v in versions.items()),
                f"`{commit}`" if commit else "not known",
            ]
        )
    return Table("versions", ["runs", "versions", "commit"], rows)


def _commands(study):
    lines = []
    for run in sorted(study.runs, key=lambda run: run.kind != "teacher"):
        flagfile = shlex.quote(str(run.path / "flags.txt"))
        lines.append(
            f"python -m yt8m_distill.train --flagfile={flagfile} "
            f"--train_dir={shlex.quote(f'again/{run.name}')}"
        )
    return "\n".join(lines)


def _own_command(options):
    flags = [line for line in options.flags_text.splitlines() if line]
    return shlex.join(["python", "-m", "yt8m_distill.report", *flags])
