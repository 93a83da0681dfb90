"""Input, output and progress of commands.

Commands write data to standard output: a table for people, JSON or CSV for programs.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import date
from io import StringIO
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TextIO, TypeVar

from rich import box, progress
from rich.console import Console
from rich.table import Table

from bloctel._util.atomic_files import named_errors
from bloctel.cli.options import Format, usage_error
from bloctel.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_P = TypeVar("_P", str, str | None)

#: Width of a table that is not printed on a terminal: large, so that no row is wrapped.
_UNLIMITED = 100_000


def source(file: str) -> str | BinaryIO:
    """Return the path of a file; for `-`, return standard input."""
    if file != "-":
        return file
    if sys.stdin is None:
        raise usage_error("standard input is closed; give a file instead of -")
    return sys.stdin.buffer


def target(file: _P) -> _P | BinaryIO:
    """Return the path of a file to write; for `-`, return standard output."""
    return sys.stdout.buffer if file == "-" else file


def read_numbers(arguments: Iterable[str]) -> list[str]:
    """Return the phone numbers in *arguments*; for `-`, the lines of standard input.

    Empty input raises InputError.  It probably means that the command before the pipe
    failed, and the answer "nothing is blocked" would hide this failure.
    """
    return [number for text in arguments for number in _numbers(text)]


def _numbers(argument: str) -> list[str]:
    stream = source(argument)
    if isinstance(stream, str):
        return [stream]
    # replace a byte that is not UTF-8 by a character that makes the number invalid
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
        *(progress.BarColumn(), progress.DownloadColumn()),
        *(progress.TransferSpeedColumn(), progress.TimeRemainingColumn()),
    )
    console = Console(stderr=True)
    with progress.Progress(*columns, console=console, transient=True) as bar:
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
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        print_text(_json(records))
    elif format is Format.CSV:
        print_text(_csv([columns, *rows]))
    else:
        print_text(_table(columns, rows))


class Rows(NamedTuple):
    """Rows of a table, with the names of its columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def entries(kind: type["DataclassInstance"], found: Iterable[Any]) -> Rows:
    """Return a table of instances of a dataclass, with a column for each field."""
    rows = [tuple(asdict(entry).values()) for entry in found]
    return Rows([field.name for field in fields(kind)], rows)


def print_record(
    record: Mapping[str, object], format: Format, *, to: TextIO | None = None
) -> None:
    """Print one record; in a table for people, each field is on one line."""
    if format is Format.JSON:
        text = _json(record)
    elif format is Format.CSV:
        text = _csv([tuple(record), tuple(record.values())])
    else:
        text = "".join(f"{line}\n" for line in _aligned(record))
    print_text(text, to)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_text) + "\n"


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
    # the end of `console.capture` flushes standard output, which can raise an error
    with named_errors(sys.stdout.name), console.capture() as capture:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _aligned(record: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each field, or for each item of a field that is a mapping."""
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


def _cell(value: object) -> str:
    """Return a value as a text for programs, without thousands separators."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_cell(part)}" for name, part in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(_cell, value))
    return _text(value)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _for_people(value: object) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else _cell(value)
