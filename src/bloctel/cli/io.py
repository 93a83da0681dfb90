"""Data to standard output: a table for people, JSON or CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from bloctel.cli.options.common import Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

__all__ = ["print_record", "print_rows"]

#: A pipe gets whole lines, however long, not lines folded at 80 columns.
_UNFOLDED = 100_000


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[object]], format: Format
) -> None:
    """Print rows under their column names."""
    if format == Format.JSON:
        records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
        _write_json(records, sys.stdout)
    elif format == Format.CSV:
        _write_csv([columns, *rows], sys.stdout)
    else:
        _write_table(columns, rows, sys.stdout)
    sys.stdout.flush()


def print_record(
    record: Mapping[str, object], format: Format, *, to: TextIO | None = None
) -> None:
    """Print one thing; as a table, its fields one under the other."""
    stream = sys.stdout if to is None else to
    if format == Format.JSON:
        _write_json({name: _plain(value) for name, value in record.items()}, stream)
    elif format == Format.CSV:
        _write_csv([tuple(record), tuple(record.values())], stream)
    else:
        stream.writelines(f"{line}\n" for line in _aligned(record))
    stream.flush()


def _write_json(value: object, stream: TextIO) -> None:
    stream.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _write_csv(rows: Iterable[Sequence[object]], stream: TextIO) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)


def _write_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], stream: TextIO
) -> None:
    table = Table(*columns, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(*(_for_people(value) for value in row))
    width = None if stream.isatty() else _UNFOLDED
    console = Console(file=stream, width=width, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(table)
    stream.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _aligned(record: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each field; its parts stand below what they sum to."""
    fields: list[tuple[str, object]] = []
    for name, value in record.items():
        if isinstance(value, Mapping):
            fields += [(f"  {part}", value[part]) for part in value]
        else:
            fields.append((name, value))
    names = max((len(name) for name, _ in fields), default=0)
    texts = [_for_people(value) for _, value in fields]
    numbers = all(isinstance(value, int | float) for _, value in fields)
    width = max(map(len, texts), default=0) if numbers else 0
    for (name, _), text in zip(fields, texts, strict=True):
        yield f"{name:{names}}  {text:>{width}}".rstrip()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if value is None or type(value) in (str, int, float, bool):
        return value
    return str(value)


def _cell(value: object) -> str:
    """Return a value as programs read it: no thousands separators."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_cell(part)}" for name, part in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(_cell, value))
    return str(value)


def _for_people(value: object) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else _cell(value)
