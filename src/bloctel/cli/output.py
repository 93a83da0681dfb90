"""Data to standard output: a table for people, JSON or CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from bloctel.cli.options import Format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

__all__ = ["print_record", "print_rows"]


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[object]], format: Format
) -> None:
    """Print rows under their column names."""
    if format == Format.JSON:
        records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
        sys.stdout.write(json.dumps(records, indent=2, ensure_ascii=False) + "\n")
    elif format == Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(value) for value in row] for row in rows)
    else:
        table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            table.add_row(*(_text(value) for value in row))
        _console(sys.stdout).print(table)


def print_record(
    record: Mapping[str, object], format: Format, *, to: TextIO | None = None
) -> None:
    """Print one thing, its fields one under the other."""
    stream = sys.stdout if to is None else to
    if format == Format.JSON:
        plain = {name: _plain(value) for name, value in record.items()}
        stream.write(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
    elif format == Format.CSV:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(record)
        writer.writerow(_text(value) for value in record.values())
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, value in record.items():
            table.add_row(name, _text(value))
        _console(stream).print(table)


def _console(stream: TextIO) -> Console:
    # a pipe gets whole lines, not lines folded at 80 columns
    width = None if stream.isatty() else 200
    return Console(file=stream, width=width, highlight=False, markup=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if value is None or type(value) in (str, int, float, bool):
        return value
    return str(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(part)}" for name, part in value.items())
    if isinstance(value, (tuple, list)):
        return ", ".join(_text(part) for part in value)
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if value >= 10_000 else str(value)
    return str(value)
