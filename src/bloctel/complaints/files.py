"""Files of complaints: CSV with the fields, JSON with the fields and the steps.

Readers refuse invalid content; the error names the row and the field.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, Literal, NoReturn

from msgspec import Meta, Struct
from msgspec.structs import replace

from bloctel._util.instants import in_utc
from bloctel._util.strict import convert
from bloctel.complaints.complaint import (
    Complaint,
    checked_text,
    read_complaint,
    written,
)
from bloctel.complaints.lifecycle import (
    Case,
    CaseState,
    Step,
    check_id,
    received,
    require_valid_detail,
)
from bloctel.errors import InputError
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.scrub.added_columns import FORMULA_MARKS
from bloctel.tabular.outputs import open_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bloctel.tabular.outputs import Target

__all__ = ["COLUMNS", "read_file", "write_file"]

_OF_CASES: Final = ("id", "received_at")
#: The columns of a CSV file; all are optional.
COLUMNS: Final = (*_OF_CASES, *(field.name for field in fields(Complaint)))
_FORMAT: Final = "bloctel.complaints"
_VERSION: Final = 1
#: The maximum size of a file, which is read into memory.
_MOST_BYTES: Final = 512 * 1024 * 1024
_DELIMITERS: Final = ";,\t|"
#: The maximum length of a cell; it is greater than the length limits of all fields.
_LONGEST_CELL: Final = 100_000
_NUMBER: Final = re.compile(r"\+[0-9 ]+")


def read_file(
    source: str | Path | BinaryIO, *, at: datetime, region: str | None = DEFAULT_REGION
) -> Iterator[Case]:
    """Yield the complaints of a file, each as a case with its steps.

    A file that begins with a brace is JSON.  Any other file is CSV: its header has
    names from `COLUMNS` in any order.  An apostrophe before a formula is removed; it
    prevents spreadsheets from running the formula.

    Args:
        source: A path, or a binary stream.
        at: The instant of receipt of complaints that do not contain `received_at`.
        region: The region of numbers without a country code.

    Raises:
        InputError: The file cannot be read, or a row is not a complaint.
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
        got = f"an I/O error: {error.strerror}"
        raise InputError("a file of complaints", got, name) from error
    if len(data) > _MOST_BYTES:
        raise InputError(f"at most {_MOST_BYTES:,} bytes", "a larger file", name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"a byte that is not UTF-8 at offset {error.start:,}"
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
            raise InputError(expected, f"{len(row)} fields", where)
        cells = map(_without_apostrophe, row)
        yield _begun(dict(zip(header, cells, strict=True)), where, at, region)


def _rows(text: str, name: str) -> Iterator[list[str]]:
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            longest = max(map(len, row), default=0)
            if longest > _LONGEST_CELL:
                where = f"{name}, line {reader.line_num}"
                expected = f"cells of at most {_LONGEST_CELL:,} characters"
                raise InputError(expected, f"{longest:,} characters", where)
            yield row
    except csv.Error as error:
        where = f"{name}, line {reader.line_num}"
        raise InputError("valid CSV", f"an error: {error}", where) from None


def _check_header(header: list[str], name: str) -> None:
    where = f"{name}, row 1"
    unknown = [column for column, cell in enumerate(header, 1) if cell not in COLUMNS]
    if unknown:
        # the cell may be a phone number, so the message does not repeat it
        expected = f"a header of the columns {', '.join(COLUMNS)}"
        raise InputError(expected, f"an unknown name in column {unknown[0]}", where)
    for cell in header:
        if header.count(cell) > 1:
            raise InputError("each column once", f"{cell} twice", where)
    if not header:
        raise InputError("a header", "an empty file", name)


def _without_apostrophe(cell: str) -> str:
    """Remove the apostrophe that `_without_formula` added before a formula."""
    return cell[1:] if cell[:1] == "'" and _is_formula(cell) else cell


def _without_formula(text: str) -> str:
    """Return a text that spreadsheets do not run as a formula."""
    return f"'{text}" if _is_formula(text) else text


def _is_formula(text: str) -> bool:
    bare = text.lstrip("'")
    # a spreadsheet reads +33 1 62 ... as a number
    return bare.startswith(FORMULA_MARKS) and not _NUMBER.fullmatch(text)


# -- JSON ------------------------------------------------------------------------


class _File(Struct, forbid_unknown_fields=True):
    format: Literal["bloctel.complaints"]
    version: Annotated[int, Meta(ge=_VERSION, le=_VERSION, description="version 1")]
    complaints: list[dict[str, Any]]


_Steps: Any = Annotated[list[Step], Meta(min_length=1)]


def _read_json(
    text: str, name: str, at: datetime, region: str | None
) -> Iterator[Case]:
    document = convert(_parsed(text, name), _File, name)
    for number, entry in enumerate(document.complaints):
        where = f"{name}, complaints[{number}]"
        steps = entry.pop("steps", None)
        begun = _begun(entry, where, at, region)
        yield begun if steps is None else _with_steps(begun, steps, where)


def _parsed(text: str, name: str) -> dict[str, object]:
    try:
        value: dict[str, object] = json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise InputError("a JSON document", "too deep nesting", name) from None
    except ValueError as error:
        got = f"text that is not JSON ({error})"
        raise InputError("a JSON document", got, name) from None
    return value  # the text begins with a brace, so the value is an object


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key that occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the constant {name}")


def _with_steps(begun: Case, steps: object, where: str) -> Case:
    """Return a new case after the steps of a file; refuse a wrong order of steps."""
    read = convert(steps, _Steps, f"{where}, steps")
    if read[0].at != begun.received_at:
        expected = f"a first step at received_at, {begun.received_at.isoformat()}"
        raise InputError(expected, read[0].at.isoformat(), f"{where}, steps")
    first, *others = (
        _checked(step, f"{where}, steps[{i}]") for i, step in enumerate(read)
    )
    if first.state not in (CaseState.SIGNAL, CaseState.RECEIVED):
        expected = "a first step with the state signal or received"
        raise InputError(expected, str(first.state), f"{where}, steps[0]")
    case = Case(id=begun.id, complaint=begun.complaint, steps=(first,))
    for number, step in enumerate(others, 1):
        case = case.after(step, where=f"{where}, steps[{number}]")
    return case


def _checked(step: Step, where: str) -> Step:
    instant = in_utc(step.at, f"{where}, at")
    return require_valid_detail(replace(step, at=instant), where)


# -- both ------------------------------------------------------------------------


def _begun(
    given: Mapping[str, object], where: str, at: datetime, region: str | None
) -> Case:
    """Return the new case of a CSV row or a JSON object."""
    fields = {name: value for name, value in given.items() if name not in _OF_CASES}
    id = checked_text(given.get("id"), "id", where)
    instant = checked_text(given.get("received_at"), "received_at", where)
    return received(
        read_complaint(fields, where=where, region=region),
        id=check_id(id, where=f"{where}, id") if id else "",
        at=_instant(instant, f"{where}, received_at") if instant else at,
        where=where,
    )


def _instant(text: str, where: str) -> datetime:
    expected = "an instant such as 2026-11-25T09:30:00+01:00"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        got = f"text of {len(text)} characters"
        raise InputError(expected, got, where) from None
    if instant.utcoffset() is None:
        raise InputError(expected, "an instant without a time zone", where)
    return in_utc(instant, where)


def write_file(target: Target, cases: Iterable[Case], *, format: str) -> int:
    """Write complaints to a file, which appears complete or not at all.

    CSV contains the fields of the complaints, JSON also the steps.  Both contain the
    numbers called.

    Args:
        target: A path, or a binary stream.
        cases: The complaints.
        format: `csv` or `json`.

    Returns:
        The number of complaints written.

    Raises:
        InputError: The target cannot be written, or the format is not known.
    """
    if format not in ("csv", "json"):
        raise InputError("one of the formats csv, json", f"{format[:20]!r}", "format")
    all_cases = list(cases)
    text = _as_csv(all_cases) if format == "csv" else _as_json(all_cases)
    with open_outputs({"export": target}, source=None) as files:
        files["export"].write(text.encode())
    return len(all_cases)


def _as_csv(cases: Iterable[Case]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for case in cases:
        cells = _fields(case)
        writer.writerow({name: _without_formula(text) for name, text in cells.items()})
    return buffer.getvalue()


def _as_json(cases: Iterable[Case]) -> str:
    entries = [
        {**_fields(case), "steps": [_step(step) for step in case.steps]}
        for case in cases
    ]
    document = {"format": _FORMAT, "version": _VERSION, "complaints": entries}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _fields(case: Case) -> dict[str, str]:
    instant = case.received_at.astimezone(UTC).isoformat()
    return {"id": case.id, "received_at": instant, **written(case.complaint)}


def _step(step: Step) -> dict[str, str]:
    return {**step.texts, "at": step.at.astimezone(UTC).isoformat()}
