"""Complaints in and out of files: CSV of what people told, JSON of their steps too.

A reader trusts no byte: whatever a file holds that is no complaint is refused, with the
row and the field.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

from bloctel.complaints.complaint import read_complaint, written
from bloctel.complaints.lifecycle import (
    Case,
    State,
    Step,
    check_id,
    received,
    require_sense,
)
from bloctel.errors import InputError
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.scrub.added_columns import FORMULA_MARKS
from bloctel.tabular.outputs import open_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bloctel.tabular.outputs import Target

__all__ = ["COLUMNS", "read_file", "write_file"]

#: The columns of a CSV file, which may lack any of them.
COLUMNS: Final = (
    "id",
    "received_at",
    "called",
    "called_on",
    "from_time",
    "until_time",
    "time_zone",
    "shown",
    "caller",
    "sector",
    "purpose",
    "text",
    "siren",
    "address",
    "channel",
    "unreadable",
)
_FORMAT: Final = "bloctel.complaints"
_VERSION: Final = 1
#: A file of more bytes is none of complaints: it is held in memory as a whole.
_MOST_BYTES: Final = 512 * 1024 * 1024
_DELIMITERS: Final = ";,\t|"
#: A row of all fields at their longest is shorter.
_LONGEST_CELL: Final = 100_000
_NUMBER: Final = re.compile(r"\+[0-9 ]+")


def read_file(
    source: str | Path | BinaryIO, *, at: datetime, region: str | None = DEFAULT_REGION
) -> Iterator[Case]:
    """Yield the complaints of a file, each a case that begins or that went on.

    JSON begins with a brace; anything else is CSV, with a header of the names in
    `COLUMNS`, in any order, and perhaps with a byte order mark.  An apostrophe before
    a formula, which keeps spreadsheets from running it, is taken away.

    Args:
        source: A path, or a binary stream.
        at: When complaints came of which the file does not say it.
        region: The region of numbers without a country code.

    Raises:
        InputError: The file cannot be read, or a row is no complaint.
    """
    name = str(source) if isinstance(source, str | Path) else "standard input"
    text = _text_of(source, name)
    if text.lstrip()[:1] == "{":
        yield from _read_json(text, name, at, region)
    else:
        yield from _read_csv(text, name, at, region)


def _text_of(source: str | Path | BinaryIO, name: str) -> str:
    try:
        if isinstance(source, str | Path):
            with Path(source).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        else:
            data = source.read(_MOST_BYTES + 1)
    except OSError as error:
        got = f"one that cannot be read ({error.strerror})"
        raise InputError("a file of complaints", got, name) from error
    if len(data) > _MOST_BYTES:
        raise InputError(f"at most {_MOST_BYTES:,} bytes", "more", name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"other bytes, the first at {error.start:,}"
        raise InputError("text in UTF-8", got, name) from None


# -- CSV -------------------------------------------------------------------------


def _read_csv(text: str, name: str, at: datetime, region: str | None) -> Iterator[Case]:
    rows = _rows(text, name)
    header = [cell.strip() for cell in next(rows, [])]
    _check_header(header, name)
    for number, row in enumerate(rows, 2):
        where = f"{name}, row {number}"
        if not row:  # an empty line, as at the end of many files
            continue
        if len(row) != len(header):
            expected = f"{len(header)} fields, as in the header"
            raise InputError(expected, f"{len(row)}", where)
        cells = map(_without_apostrophe, row)
        yield _begun(dict(zip(header, cells, strict=True)), where, at, region)


def _rows(text: str, name: str) -> Iterator[list[str]]:
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where = f"{name}, line {reader.line_num}"
            raise InputError("CSV", f"a fault: {error}", where) from None
        if any(len(cell) > _LONGEST_CELL for cell in row):
            where = f"{name}, line {reader.line_num}"
            raise InputError("cells of a complaint", "a huge one", where)
        yield row


def _check_header(header: list[str], name: str) -> None:
    where = f"{name}, row 1"
    if not set(header) <= set(COLUMNS):
        # what is no column's name may be a number, where there is no header
        expected = f"a header of the columns {', '.join(COLUMNS)}"
        raise InputError(expected, "another column", where)
    if len(set(header)) < len(header):
        raise InputError("each column once", "one twice", where)
    if not header:
        raise InputError("a header", "an empty file", name)


def _without_apostrophe(cell: str) -> str:
    """Take away the apostrophe that `_harmless` put before a formula."""
    return cell[1:] if cell[:1] == "'" and _is_formula(cell) else cell


def _harmless(text: str) -> str:
    """Return a text that no spreadsheet runs, and that can be told from others."""
    return f"'{text}" if _is_formula(text) else text


def _is_formula(text: str) -> bool:
    bare = text.lstrip("'")
    # of +33 1 62 ... a spreadsheet makes a number, and runs nothing
    return bare.startswith(FORMULA_MARKS) and not _NUMBER.fullmatch(text)


# -- JSON ------------------------------------------------------------------------


def _read_json(
    text: str, name: str, at: datetime, region: str | None
) -> Iterator[Case]:
    document = _parsed(text, name)
    where = f"{name}, format"
    if document.get("format") != _FORMAT or document.get("version") != _VERSION:
        raise InputError(f"{_FORMAT}, version {_VERSION}", "another one", where)
    entries = document.get("complaints")
    if not isinstance(entries, list) or len(document) != 3:
        raise InputError("the keys format, version, complaints", "others", name)
    for number, entry in enumerate(entries):
        where = f"{name}, complaints[{number}]"
        if not isinstance(entry, dict):
            raise InputError("an object", f"a {type(entry).__name__}", where)
        steps = entry.pop("steps", None)
        begun = _begun(entry, where, at, region)
        yield begun if steps is None else _gone_on(begun, steps, where)


def _parsed(text: str, name: str) -> dict[str, object]:
    try:
        held = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except ValueError as error:
        fault = str(error) if isinstance(error, json.JSONDecodeError) else "a bad value"
        raise InputError("a JSON document", f"a fault: {fault}", name) from None
    except RecursionError:
        raise InputError("a JSON document", "one nested too deeply", name) from None
    if not isinstance(held, dict):  # pragma: no cover - it begins with a brace
        raise InputError("a JSON object", "another value", name)
    return held


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    held = dict(pairs)
    if len(held) < len(pairs):
        raise ValueError
    return held


def _no_number(_: str) -> NoReturn:
    raise ValueError


def _gone_on(begun: Case, steps: object, where: str) -> Case:
    """Return a case that went through the steps of a file, if they can follow."""
    if not isinstance(steps, list) or not steps:
        raise InputError("an array of steps", "something else", f"{where}, steps")
    read = [_step(step, f"{where}, steps[{i}]") for i, step in enumerate(steps)]
    if read[0].at != begun.received_at:
        raise InputError("a first step at received_at", "another", f"{where}, steps")
    case = Case(id=begun.id, complaint=begun.complaint, steps=(read[0],))
    if read[0].state not in (State.SIGNAL, State.RECEIVED):
        raise InputError("a step that begins", "another", f"{where}, steps[0]")
    for number, step in enumerate(read[1:], 1):
        case = case.after(step, where=f"{where}, steps[{number}]")
    return case


def _step(held: object, where: str) -> Step:
    if not isinstance(held, dict) or not set(held) <= {"state", "at", "detail", "rule"}:
        raise InputError("an object with state, at, detail, rule", "another", where)
    texts = {name: _as_text(held.get(name, ""), f"{where}, {name}") for name in _STEP}
    if texts["state"] not in list(State):
        expected = f"one of {', '.join(State)}"
        raise InputError(expected, "another text", f"{where}, state")
    return require_sense(
        Step(
            state=State(texts["state"]),
            at=_moment(texts["at"], f"{where}, at"),
            detail=texts["detail"],
            rule=texts["rule"],
        ),
        where,
    )


_STEP: Final = ("state", "at", "detail", "rule")


# -- both ------------------------------------------------------------------------


def _begun(
    given: Mapping[str, object], where: str, at: datetime, region: str | None
) -> Case:
    """Return the case that a row or an object begins."""
    told = {name: value for name, value in given.items() if name not in _OURS}
    id = _as_text(given.get("id"), f"{where}, id")
    moment = _as_text(given.get("received_at"), f"{where}, received_at")
    return received(
        read_complaint(told, where=where, region=region),
        id=check_id(id, where=f"{where}, id") if id else "",
        at=_moment(moment, f"{where}, received_at") if moment else at,
        where=where,
    )


_OURS: Final = ("id", "received_at")


def _as_text(value: object, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError("text", f"a {type(value).__name__}", where)
    return value


def _moment(text: str, where: str) -> datetime:
    expected = "a moment such as 2026-11-25T09:30:00+01:00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(expected, "another text", where) from None
    if moment.utcoffset() is None:
        raise InputError(expected, "one without a time zone", where)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InputError(expected, "one beyond the calendar", where) from None


def write_file(target: Target, cases: Iterable[Case], *, format: str) -> int:
    """Write complaints to a file, which appears whole or not at all.

    CSV holds what people told, JSON their steps too.  Both hold the numbers called.

    Args:
        target: A path, or a binary stream.
        cases: The complaints.
        format: `csv` or `json`.

    Returns:
        How many there are.

    Raises:
        InputError: Nothing can be written there, or the format is another one.
    """
    if format not in ("csv", "json"):
        raise InputError("one of the formats csv, json", "another text", "format")
    held = list(cases)
    text = _as_csv(held) if format == "csv" else _as_json(held)
    with open_outputs({"export": target}, source=None) as files:
        files["export"].write(text.encode())
    return len(held)


def _as_csv(cases: Iterable[Case]) -> str:
    written_to = io.StringIO(newline="")
    writer = csv.DictWriter(written_to, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for case in cases:
        cells = _fields(case)
        writer.writerow({name: _harmless(text) for name, text in cells.items()})
    return written_to.getvalue()


def _as_json(cases: Iterable[Case]) -> str:
    entries = [
        {**_fields(case), "steps": [_written(step) for step in case.steps]}
        for case in cases
    ]
    document = {"format": _FORMAT, "version": _VERSION, "complaints": entries}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _fields(case: Case) -> dict[str, str]:
    moment = case.received_at.astimezone(UTC).isoformat()
    return {"id": case.id, "received_at": moment, **written(case.complaint)}


def _written(step: Step) -> dict[str, str]:
    held = {"state": str(step.state), "at": step.at.astimezone(UTC).isoformat()}
    held |= {"detail": str(step.detail)} if step.detail else {}
    return held | ({"rule": step.rule} if step.rule else {})
