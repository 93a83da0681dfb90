"""Scrubs of a call file against a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.results import Table
    from benchmarks.suite import Scale

__all__ = ["tables"]


def tables(scale: Scale, folder: Path) -> Iterator[Table]:
    """Yield the tables of `python -m benchmarks scrub`, at the scale of a suite."""
    size = scrub.Size(scale.call_list, scale.call_rows, scale.few_calls, scale.rounds)
    yield from scrub.tables(size, folder)
