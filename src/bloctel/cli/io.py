"""Input, output and progress of commands.

Data goes to standard output: a table for people, JSON or CSV for programs.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from io import StringIO
from typing import TYPE_CHECKING, BinaryIO

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from bloctel._util.atomic_files import named_errors
from bloctel.cli.options.common import Format
from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TextIO

    from _typeshed import DataclassInstance

__all__ = [
    "print_entries",
    "print_record",
    "print_rows",
    "print_text",
    "progress_bar",
    "read_numbers",
    "source",
]

#: Width of a table in a pipe: rows are never wrapped.
_UNLIMITED = 100_000


def source(file: str) -> str | BinaryIO:
    """Return the path, or the bytes of standard input for `-`.

    Raises:
        InputError: Standard input is closed.
    """
    if file != "-":
        return file
    if sys.stdin is None:
        text = "standard input is closed"
        raise InputError("an open standard input", "a closed one", message=text)
    return sys.stdin.buffer


def read_numbers(arguments: Iterable[str]) -> list[str]:
    """Return the numbers of the command line; for `-`, the lines of standard input.

    Raises:
        InputError: Standard input is closed, or has no line: then the command that
            feeds it has probably failed, and "nothing is blocked" would hide that.
    """
    return [number for text in arguments for number in _numbers(text)]


def _numbers(argument: str) -> list[str]:
    stream = source(argument)
    if isinstance(stream, str):
        return [stream]
    # bytes that are not UTF-8 become a character that no phone number has
    text = stream.read().decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        expected, got = "phone numbers, one per line", "no line with text"
        raise InputError(expected, got, "standard input")
    return lines


@contextmanager
def progress_bar(task_name: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show a progress bar if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(task_name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_text(text: str, to: TextIO | None = None) -> None:
    """Write a text to a stream, by default standard output."""
    stream = to or sys.stdout
    with named_errors(stream.name):
        stream.write(text)
        stream.flush()


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[object]], format: Format
) -> None:
    """Print rows below the names of their columns."""
    if format is Format.JSON:
        records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
        print_text(_json(records))
    elif format is Format.CSV:
        print_text(_csv([columns, *rows]))
    else:
        print_text(_table(columns, rows))


def print_entries(
    kind: type[DataclassInstance], entries: Iterable[DataclassInstance], format: Format
) -> None:
    """Print dataclasses of one kind: a column for each field, a row for each."""
    rows = [tuple(asdict(entry).values()) for entry in entries]
    print_rows([field.name for field in fields(kind)], rows, format)


def print_record(
    record: Mapping[str, object], format: Format, *, to: TextIO | None = None
) -> None:
    """Print one record; as a table, each field on a line."""
    if format is Format.JSON:
        text = _json({name: _plain(value) for name, value in record.items()})
    elif format is Format.CSV:
        text = _csv([tuple(record), tuple(record.values())])
    else:
        text = "".join(f"{line}\n" for line in _aligned(record))
    print_text(text, to)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _csv(rows: Iterable[Sequence[object]]) -> str:
    file = StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return file.getvalue()


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    table = Table(*columns, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(*(_for_people(value) for value in row))
    width = None if sys.stdout.isatty() else _UNLIMITED
    console = Console(file=sys.stdout, width=width, highlight=False, markup=False)
    # the end of a capture flushes the stream, which can fail
    with named_errors(sys.stdout.name), console.capture() as capture:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _aligned(record: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each field; the parts of a sum are indented below it."""
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
    """Return a value for programs, without thousands separators."""
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
