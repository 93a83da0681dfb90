"""Files of complaints: CSV with the fields; JSON with the fields and the case history.

If the content is not valid, an error names the row and the field.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal

from msgspec import Meta, Struct, to_builtins
from msgspec.structs import replace

from bloctel._util import whole_files
from bloctel._util.canonical_json import parse
from bloctel._util.instants import past_instant, read_instant
from bloctel._util.raising import raise_alone
from bloctel._util.strict import convert, show
from bloctel.complaints.complaint import (
    Complaint,
    check_id,
    checked_text,
    read_complaint,
    written,
)
from bloctel.complaints.lifecycle import (
    Case,
    CaseState,
    Step,
    received,
    require_valid_detail,
)
from bloctel.errors import InputError
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.scrub.added_columns import FORMULA_MARKS
from bloctel.tabular.outputs import Target, open_output

_OF_CASES: Final = ("id", "received_at")
#: The columns of a CSV file; all are optional.
COLUMNS: Final = (*_OF_CASES, *(field.name for field in fields(Complaint)))
_VERSION: Final = 1
#: The maximum size of a file, which is read into memory.
_MOST_BYTES: Final = 512 * 1024 * 1024
_DELIMITERS: Final = ";,\t|"
_NUMBER: Final = re.compile(r"\+[0-9 ]+")


def read_file(
    source: str | Path | BinaryIO, *, at: datetime, region: str | None = DEFAULT_REGION
) -> Iterator[Case]:
    """Yield each complaint of a file as a `Case`: the complaint and its steps.

    A file that begins with a brace is JSON.  Any other file is CSV.  The header of a
    CSV file contains names from `COLUMNS`, in any order.  `write_file` writes an
    apostrophe before a text that a spreadsheet would run as a formula; `read_file`
    removes this apostrophe.

    Args:
        source: A path, or a binary stream.
        at: The instant at which complaints without `received_at` were received; a
            complaint with an `id` must have `received_at`.
        region: The region of phone numbers without a country code.

    Raises:
        InputError: The file cannot be read, a row is not a complaint, or *at* is in the
            future.
    """
    at = past_instant(at, "at")
    name = str(source) if isinstance(source, str | Path) else "standard input"
    data = whole_files.read_file(source, "a file of complaints", most=_MOST_BYTES)
    text = whole_files.in_utf8(data, name)
    if text.lstrip()[:1] == "{":
        yield from _read_json(text, name, at, region)
    else:
        yield from _read_csv(text, name, at, region)


def _read_csv(text: str, name: str, at: datetime, region: str | None) -> Iterator[Case]:
    rows = _rows(text, name)
    header = [cell.strip() for cell in next(rows, [])]
    _check_header(header, name)
    for number, row in enumerate(rows, 2):
        where = f"{name}, row {number}"
        if not row:  # many files end with an empty line
            continue
        if len(row) != len(header):
            expected = f"{len(header)} fields, as in the header"
            raise InputError(expected, f"{len(row)} fields", where)
        cells = (  # remove the apostrophe that `write_file` added
            cell[1:] if cell[:1] == "'" and _is_formula(cell) else cell for cell in row
        )
        yield _begun(dict(zip(header, cells, strict=True)), where, at, region)


def _rows(text: str, name: str) -> Iterator[list[str]]:
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        where = f"{name}, line {reader.line_num}"
        raise_alone(InputError("a CSV file", f"text that is not CSV ({error})", where))


def _check_header(header: list[str], name: str) -> None:
    where = f"{name}, row 1"
    unknown = [column for column, cell in enumerate(header, 1) if cell not in COLUMNS]
    if unknown:
        # the cell may be a phone number, so the message does not repeat it
        expected = f"only the column names {', '.join(COLUMNS)}"
        raise InputError(expected, f"an unknown name in column {unknown[0]}", where)
    if len(set(header)) < len(header):
        raise InputError("a different name for each column", "a repeated name", where)
    if not header:
        raise InputError("a header", "an empty file", name)


def _is_formula(text: str) -> bool:
    """Return True if a spreadsheet would run a text as a formula."""
    bare = text.lstrip("'")
    # a spreadsheet reads the phone number +33 1 62 ... as a number, not as a formula
    return bare.startswith(FORMULA_MARKS) and not _NUMBER.fullmatch(text)


class _File(Struct, forbid_unknown_fields=True):
    format: Literal["bloctel.complaints"]
    version: Annotated[int, Meta(ge=_VERSION, le=_VERSION, description="version 1")]
    complaints: list[dict[str, Any]]


#: The states that a complaint can have while a mandatory field is missing.
_INCOMPLETE: Final = (CaseState.SIGNAL, CaseState.CLOSED)

_Steps: Any = Annotated[list[Step], Meta(min_length=1)]


def _read_json(
    text: str, name: str, at: datetime, region: str | None
) -> Iterator[Case]:
    try:
        value = parse(text)
    except ValueError as error:
        got = f"text that is not JSON ({error})"
        raise_alone(InputError("a JSON document", got, name))
    document = convert(value, _File, name)
    for number, entry in enumerate(document.complaints):
        where = f"{name}, complaints[{number}]"
        steps = entry.pop("steps", None)
        begun = _begun(entry, where, at, region)
        yield begun if steps is None else _with_steps(begun, steps, where)


def _with_steps(begun: Case, steps: object, where: str) -> Case:
    """Return a case with the steps of a file; refuse steps in an impossible order."""
    read = convert(steps, _Steps, f"{where}, steps")
    if read[0].at != begun.received_at:
        received_at = begun.received_at.isoformat()
        expected = f"a first step at {received_at}, the time in received_at"
        raise InputError(expected, read[0].at.isoformat(), f"{where}, steps")
    case = begun
    for i, given in enumerate(read):
        at = f"{where}, steps[{i}]"
        step = replace(given, at=past_instant(given.at, f"{at}, at"))
        require_valid_detail(step, at)
        if i:
            case = case.after(step, where=at)
        elif step.state in (CaseState.SIGNAL, CaseState.RECEIVED):
            case = Case(id=begun.id, complaint=begun.complaint, steps=(step,))
        else:
            expected = "a first step with the state signal or received"
            raise InputError(expected, str(step.state), at)
    judged = [step.state for step in case.steps if step.state not in _INCOMPLETE]
    if judged and case.missing:
        steps = " and ".join(_INCOMPLETE)
        expected = f"only the steps {steps}, because a mandatory field is missing"
        raise InputError(expected, f"the step {judged[0]}", f"{where}, steps")
    return case


def _begun(
    given: Mapping[str, object], where: str, at: datetime, region: str | None
) -> Case:
    """Return a new case from the fields in a CSV row or a JSON object."""
    fields = {name: value for name, value in given.items() if name not in _OF_CASES}
    id = checked_text(given.get("id"), "id", where)
    id = check_id(id, where=f"{where}, id") if id else ""
    instant = checked_text(given.get("received_at"), "received_at", where)
    if id and not instant:
        # without this value, each import of the file would store a different time
        expected = "a value in received_at, because the complaint has an id"
        raise InputError(expected, "no received_at", where)
    where_at = f"{where}, received_at"
    return received(
        read_complaint(fields, where=where, region=region),
        id=id,
        at=past_instant(read_instant(instant, where_at), where_at) if instant else at,
        where=where,
    )


def write_file(target: Target, cases: Iterable[Case], *, format: str) -> int:
    """Write complaints to a file; the file appears only when it is complete.

    A CSV file contains the fields of the complaints.  A JSON file also contains the
    steps.  Both kinds of file contain the numbers that were called.

    Args:
        target: A path, or a binary stream.
        cases: The complaints.
        format: `csv` or `json`.

    Returns:
        The number of complaints that were written.

    Raises:
        InputError: The target cannot be written, or the format is not known.
    """
    if format not in ("csv", "json"):
        raise InputError("the format csv or json", show(format), "format")
    entries = [_entry(case) for case in cases]
    if format == "csv":
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        writer.writerow(COLUMNS)
        for entry in entries:
            texts = (entry.get(name, "") for name in COLUMNS)
            writer.writerow(f"'{text}" if _is_formula(text) else text for text in texts)
        text = buffer.getvalue()
    else:
        head = {"format": "bloctel.complaints", "version": _VERSION}
        document = {**head, "complaints": entries}
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    with open_output("the export", target) as file:
        file.write(text.encode())
    return len(entries)


def _entry(case: Case) -> dict[str, Any]:
    times = [step.at.astimezone(UTC).isoformat() for step in case.steps]
    steps = zip(case.steps, times, strict=True)
    return {
        "id": case.id,
        "received_at": times[0],
        **written(case.complaint),
        "steps": [{**to_builtins(step), "at": time} for step, time in steps],
    }
