"""Plans the runs of tables, runs those that are missing, fills the tables."""

import itertools
import json
import math
import pathlib
import shlex
import sys
import time

from yt8m_distill import (
    durations,
    file_locks,
    files,
    parts,
    table_results,
)
from yt8m_distill.errors import InputError
from yt8m_distill.run_queue import RunQueue, in_order
from yt8m_distill.study import Study
from yt8m_distill.table_results import TableResults


def fill(options, write=print):
    """Fills tables with what their runs reached.

    Writes `NAME.json`, `NAME.md` and `NAME.csv` into the output directory,
    whenever a run has ended.

    Args:
        options: as of `config.options("tables")`.
        write: function that prints a line.

    Returns:
        int, the number of runs that failed.

    Raises:
        InputError: a flag makes no sense, a table cannot be planned or written,
            or a run that is missing has no shards.
    """
    study = Study(options)
    tables = {
        name: parts.get_class("paper_tables", name)() for name in options.tables
    }
    rows = {name: table.rows(study) for name, table in tables.items()}
    tasks = _repeat_by_repeat(rows)
    if options.plan_only:
        _write_plan(in_order(tasks), write)
        return 0
    start = time.monotonic()

    def keep(queue):
        # Another study may fill tables of this directory at the same time.
        try:
            with file_locks.held(
                study.output_dir / ".lock",
                f"waiting for who writes into {study.output_dir}",
            ):
                for name, table in tables.items():
                    _keep(study, name, table, rows[name], queue)
        except OSError as error:
            raise InputError(
                f"the tables in {study.output_dir} cannot be written: {error}; "
                "make room there, or give another --output_dir"
            ) from None

    queue = RunQueue(tasks, options.num_processes, write, keep)
    _check_shards(queue.look(), options.test_data_pattern)
    queue.run()
    keep(queue)
    for name in tables:
        text = (study.output_dir / f"{name}.md").read_text(encoding="utf-8")
        write(f"\n{text}")
    took = durations.text(time.monotonic() - start)
    total = durations.text(sum(queue.seconds.values()))
    write(
        f"{len(queue.results)} runs of {total} in all, in this start {took}; "
        f"tables in {study.output_dir}"
    )
    for task, reason in queue.failures.items():
        write(f"failed: {task.name}: {reason}")
    return len(queue.failures)


def results_of(name, kept):
    """The numbers of a kept table.

    Args:
        name: str, the table's.
        kept: path of its JSON file, or what it holds.

    Returns:
        `(table, results)`: `PaperTable` and `TableResults`.
    """
    if isinstance(kept, (str, pathlib.Path)):
        kept = json.loads(pathlib.Path(kept).read_text())
    table = parts.get_class("paper_tables", name)()
    return table, TableResults(kept["columns"], kept["rows"])


def markdown(table, results, statements, command, setting=""):
    """A filled table, the paper's own, and what is said of both.

    Args:
        table: `PaperTable`.
        results: `TableResults`.
        statements: list of `Statement`.
        command: str, that fills it.
        setting: str, a line about what fills it.
    """
    lines = [
        f"## {table.title}",
        "",
        f"After {table.source}.{f' {table.note}' if table.note else ''}",
        "",
        f"    {command}",
        "",
        *([setting, ""] if setting else []),
        table_results.markdown(
            results, table.metrics, table.metrics_are_rows, table.row_heading
        ),
        "",
    ]
    if statements:
        lines += ["| what the paper found | here | |", "|---|---|---|"]
        lines += [
            f"| {one.claim} | {'holds' if one.holds else 'does not hold'} | "
            f"{one.evidence} |"
            for one in statements
        ]
        lines.append("")
    paper = table.paper()
    if paper:
        lines += [
            "Paper, full YouTube-8M (other data, other sizes: only the order "
            "can be compared):",
            "",
            table_results.markdown(
                paper,
                [
                    metric._replace(digits=min(metric.digits, 3))
                    for metric in table.paper_metrics or table.metrics
                ],
                table.metrics_are_rows,
                table.row_heading,
            ),
            "",
        ]
    return "\n".join(lines)


def _keep(study, name, table, rows, queue):
    """Writes what is known of a table."""
    results = TableResults(
        table.columns(study),
        [
            {
                "name": row.name,
                "section": row.section,
                "cells": {
                    column: _cell(cell, queue)
                    for column, cell in row.cells.items()
                },
            }
            for row in rows
        ],
    )
    is_whole = not any(
        cell["failures"] or cell["pending"]
        for row in results.rows
        for cell in row["cells"].values()
    )
    statements = table.statements(results) if is_whole else []
    command = shlex.join(["python", "-m", "yt8m_distill.tables", *sys.argv[1:]])
    folder = study.output_dir
    files.write_json(
        folder / f"{name}.json",
        {
            "title": table.title,
            "source": table.source,
            "command": command,
            "encoder": study.encoder,
            "seeds": study.seeds,
            "columns": results.columns,
            "rows": results.rows,
            "statements": [one._asdict() for one in statements],
        },
    )
    with files.written_whole(folder / f"{name}.md") as opened:
        opened.write(
            markdown(
                table,
                results,
                statements,
                command,
                f"Encoder `{study.encoder}`, seeds "
                f"{', '.join(map(str, study.seeds))}.",
            )
        )
    with files.written_whole(folder / f"{name}.csv") as opened:
        table_results.write_csv(opened, name, results, table.metrics)


def _cell(cell, queue):
    """The numbers of a cell, as far as they are known.

    Each value says as `repeat` which of the cell's runs it is of.
    """
    values, failures = [], []
    for repeat, task in enumerate(cell.tasks):
        if task in queue.failures:
            failures.append(f"{task.name}: {queue.failures[task]}")
        elif task in queue.results:
            # Of an evaluation, how long its first run had learned.
            before = queue.results[task.needs[0]] if task.needs else {}
            steps = {"step": before["step"]} if "step" in before else {}
            found = steps | cell.read(queue.results[task])
            values.append({"repeat": repeat, **_without_nan(found)})
    return {
        "values": values,
        "failures": failures,
        "pending": len(cell.tasks) - len(values) - len(failures),
        "seconds": [
            queue.seconds[task] for task in cell.tasks if task in queue.seconds
        ],
        "runs": [task.name for task in cell.tasks],
    }


def _without_nan(numbers):
    """A dict with None in place of NaN, which JSON does not have."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in numbers.items()
    }


def _repeat_by_repeat(rows):
    """The tasks of all cells: the first of each, then the second of each.

    So rows are there with one seed before they are with two, and what changes
    with time on a machine, its speed, meets all rows alike.

    Args:
        rows: dict name → list of `Row`.
    """
    cells = [
        cell.tasks
        for planned in rows.values()
        for row in planned
        for cell in row.cells.values()
    ]
    return [
        task
        for repeat in itertools.zip_longest(*cells)
        for task in repeat
        if task is not None
    ]


def _check_shards(tasks, test_pattern):
    """Refuses a pattern that each run would find wrong, some of them late.

    Args:
        tasks: list of `TrainingRun` and `Scoring` that are to run.
        test_pattern: str, of `--test_data_pattern`.

    Raises:
        InputError: a part of one, on this machine, matches no file.
    """
    patterns = {
        pattern: name
        for task in tasks
        for name, pattern in task.shards().items()
    }
    if test_pattern in patterns:
        patterns[test_pattern] = "test_data_pattern"
    for pattern, name in patterns.items():
        files.check_pattern(pattern, name)


def _write_plan(tasks, write):
    there = set()
    for task in tasks:
        state = "to run"
        try:
            if {*task.needs} <= there and task.result() is not None:
                there.add(task)
                state = "there"
        except InputError as error:
            state = f"cannot be used: {error}"
        write(
            f"{task.name} ({state}): "
            + shlex.join(["python", "-m", task.module, *task.arguments])
        )
    write(f"{len(tasks)} runs, {len(there)} of them there")
