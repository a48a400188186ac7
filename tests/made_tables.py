"""Filled tables, made of numbers."""

from yt8m_distill.table_results import TableResults


def table_of(columns, numbers):
    """A filled table without sections.

    Args:
        columns: list of str.
        numbers: dict row → list over columns of lists over seeds of dicts,
            metric → number.

    Returns:
        `TableResults`.
    """
    return TableResults(
        columns,
        [
            {
                "name": name,
                "section": "",
                "cells": {
                    column: {"values": values}
                    for column, values in zip(columns, cells)
                },
            }
            for name, cells in numbers.items()
        ],
    )
