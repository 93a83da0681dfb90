"""Files exchanged with the operator of a closed list: requests and answers."""

from __future__ import annotations

import csv
import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np

from bloctel._util.atomic_files import is_same_file, replacing
from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.numbers.columns import Spans
from bloctel.numbers.phone_number import PhoneNumber, read_block
from bloctel.scrub.added_columns import extended_header, suffix
from bloctel.scrub.opposition_source import refuse_surplus, with_surplus
from bloctel.tabular._csv_scan import MISSING, gather_extended, pack
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.phone_columns import named_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from bloctel.lookup.question import Question
    from bloctel.registry.registry import Registry
    from bloctel.tabular.csv_reader import Batch, Progress, RecordFile, Source
    from bloctel.tabular.phone_columns import ChosenColumns, ColumnChooser

__all__ = [
    "ANSWERS",
    "ImportedAnswers",
    "Requested",
    "answer_request",
    "import_answers",
    "write_request",
]

_LIST: Final = "fr.bloctel"
_NUMBER_COLUMN: Final = 1
_STATUS_COLUMN: Final = 3
_STATUS: Final = "statut"
_CALLABLE: Final = b"OK"
_BLANKS: Final = b" \t"


class ImportedAnswers(NamedTuple):
    """What came of a file of answers.

    Attributes:
        rows: Rows with a number, or with what should be one.
        clear: Distinct numbers that were answered as callable.
        opposed: Distinct numbers that were answered as opposed.
        contradictory: Those that were answered as both; they count as opposed.
        unreadable: Rows whose number cannot be read, about which nothing is known.
    """

    rows: int
    clear: int
    opposed: int
    contradictory: int
    unreadable: int


def import_answers(  # noqa: PLR0913 - each is an option of the command
    registry: Registry,
    source: Source,
    *,
    on: date,
    list: str = _LIST,
    column: str | int = _NUMBER_COLUMN,
    status_column: str | int = _STATUS_COLUMN,
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
) -> ImportedAnswers:
    """Record the answers of a list's operator, all or none.

    From then on the registry tells numbers that are opposed, those that were answered
    as clear a short time ago (30 days for Bloctel, from the list's rules), and those of
    which nobody knows: those are never clear.  Importing a file again changes nothing.

    Args:
        registry: Where to record them; its region reads national forms.
        source: A path, or a binary stream of CSV.
        on: The day of the answers.
        list: The list that was asked.
        column: The column of numbers.
        status_column: The column of statuses: `OK` is callable, all else opposed.
        options: What need not be found out about the file.
        progress: Told how much has been read, and of how much.

    Raises:
        InputError: The file or a column is not what it must be, a row ends before its
            status or has a field too many, or the header calls another column
            `Statut`; nothing is recorded then.
        ListClosedError: The list is not open on that day.
        UnknownListError: No rules are known for the list.
    """
    where = source_name(source)
    choose = with_surplus(named_columns([column, status_column], where=where))
    opposed, clear = _Keys(), _Keys()
    rows = unreadable = 0
    with open_records(source, choose, options, progress) as records:
        _refuse_other_status(records)
        for batch in records.batches():
            keys = read_block(Spans(*batch.cells(0)), registry.region)
            filled = keys != _digits.EMPTY
            _require_statuses(batch, filled, records.name)
            refuse_surplus(batch, records.name)
            readable = keys >= _digits.FIRST_KEY
            callable_ = _is_callable(batch)
            clear.add(keys[readable & callable_])
            opposed.add(keys[readable & ~callable_])
            rows += int(filled.sum())
            unreadable += int((filled & ~readable).sum())
    if rows == 0:
        raise InputError("answers about phone numbers", "none", where)
    recorded = registry.record_answers(
        list=list, on=on, opposed=opposed.all(), clear=clear.all()
    )
    return ImportedAnswers(
        rows, recorded.clear, recorded.opposed, recorded.contradictory, unreadable
    )


class _Keys:
    """Keys that come in parts: eight bytes each."""

    def __init__(self) -> None:
        self._parts = [np.empty(0, np.uint64)]

    def add(self, keys: NDArray[np.uint64]) -> None:
        self._parts.append(keys)

    def all(self) -> NDArray[np.uint64]:
        return np.concatenate(self._parts)


def _refuse_other_status(records: RecordFile) -> None:
    """Refuse a column by its place if the header calls another one the status."""
    columns = records.dialect.columns
    if not columns.has_header:
        return
    names = [name.casefold() for name in columns.first]
    chosen = columns.indexes[1]
    if _STATUS in names and names[chosen] != _STATUS:
        place = names.index(_STATUS) + 1
        got = f"'Statut' as column {place}: give the column by its name"
        raise InputError(f"the status as column {chosen + 1}", got, records.name)


def _require_statuses(batch: Batch, filled: NDArray[np.bool_], name: str) -> None:
    """Raise InputError, with the row, if a number has no column for its status."""
    missing = np.flatnonzero(filled & (batch.records.flags[1] & MISSING != 0))
    if len(missing):
        where = f"{name}, row {batch.first_row + int(missing[0])}"
        raise InputError("number, identifier and status", "a shorter row", where)


def _is_callable(batch: Batch) -> NDArray[np.bool_]:
    """Tell which rows have the status that lets call, blanks around it aside."""
    data, starts, ends = batch.cells(1)
    lengths = ends - starts
    is_callable = np.zeros(len(starts), bool)
    plain = np.flatnonzero(lengths == len(_CALLABLE))
    at = starts[plain]
    is_callable[plain] = (data[at] == _CALLABLE[0]) & (data[at + 1] == _CALLABLE[1])
    # blanks are rare: whoever writes them writes few rows by hand
    longer = np.flatnonzero((lengths > len(_CALLABLE)) & (lengths < len(_CALLABLE) + 8))
    for row in longer.tolist():
        text = data[starts[row] : ends[row]].tobytes()
        is_callable[row] = text.strip(_BLANKS) == _CALLABLE
    return is_callable


_HEADER: Final = ("Telephone", "Identifiant")
_STATUS_HEADER: Final = "Statut"

#: What stands in the third column: callable, opposed, no number.
ANSWERS: Final = ("OK", "OPPOSE", "INVALIDE")

#: Keys of the French plan: 33 and nine digits; 508 and six.
_METROPOLE: Final = (33_000_000_000, 34_000_000_000)
_ST_PIERRE: Final = (508_000_000, 509_000_000)


class Requested(NamedTuple):
    """What was written for the operator.

    Attributes:
        rows: Rows read.
        written: Those that went into the file.
        foreign: Those whose number is no French one, and on no French list.
        unreadable: Those without a number that can be read.
    """

    rows: int
    written: int
    foreign: int
    unreadable: int


def write_request(  # noqa: PLR0913 - each is an option of the command
    source: Source,
    target: str | Path,
    *,
    column: str | int,
    id_column: str | int,
    region: str | None = "FR",
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
) -> Requested:
    """Write the file for the operator from a call file: `Telephone;Identifiant`.

    Args:
        source: A CSV file: a path, or a binary stream.
        target: Where the file goes; it appears whole, or not at all.
        column: The column of numbers.
        id_column: The column of the marks by which the rows are found again.
        region: The region of numbers without a country code.
        options: What need not be found out about the source.
        progress: Told how much has been read, and of how much.

    Raises:
        InputError: The file or a column is not what it must be, or the target cannot
            be written.
    """
    choose = named_columns([column, id_column], where=source_name(source))
    rows = foreign = unreadable = 0
    with (
        open_records(source, choose, options, progress) as records,
        _written(target, source) as file,
    ):
        file.write((";".join(_HEADER) + "\r\n").encode())
        for batch in records.batches():
            keys = read_block(Spans(*batch.cells(0)), region)
            french = _is_french(keys)
            rows += len(batch)
            unreadable += int((keys < _digits.FIRST_KEY).sum())
            foreign += int(((keys >= _digits.FIRST_KEY) & ~french).sum())
            file.write(_lines(batch, keys, np.flatnonzero(french).tolist()))
    return Requested(rows, rows - foreign - unreadable, foreign, unreadable)


def answer_request(
    source: Source,
    question: Question,
    target: str | Path,
    *,
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Answer a file as an operator does: every row as it came, and a status.

    Callable is `OK`: on none of the lists asked.  It never means that the law lets
    call.  `OPPOSE` is on one of them, or not known; `INVALIDE` is no number.

    Args:
        source: The file, with the numbers in its first column.
        question: `book.question(on=..., lists=..., region=...)`.
        target: Where the answer goes, such as `retour_2024.csv`.
        options: What need not be found out about the source.
        progress: Told how much has been read, and of how much.

    Returns:
        How many rows have each of the `ANSWERS`.

    Raises:
        InputError: The file is not what it must be, a row has not as many fields as
            the first, behind which the status stands, or the target cannot be written.
    """
    counts = np.zeros(len(ANSWERS), np.int64)
    choose = with_surplus(
        _first_and_last(named_columns([1], where=source_name(source)))
    )
    with (
        open_records(source, choose, options, progress) as records,
        _written(target, source) as file,
    ):
        file.write(records.dialect.encoding.bom)
        file.write(records.encode(extended_header(records, _STATUS_HEADER)))
        for batch in records.batches():
            _refuse_shorter(batch, records.name)
            refuse_surplus(batch, records.name)
            answers = _answers(batch, question)
            counts += np.bincount(answers, minlength=len(ANSWERS))
            file.write(_answered(records, batch, answers))
    return dict(zip(ANSWERS, counts.tolist(), strict=True))


def _first_and_last(choose: ColumnChooser) -> ColumnChooser:
    """Choose the last column too, which every row must have."""

    def choose_both(
        rows: Sequence[Sequence[str]], has_header: bool | None
    ) -> ChosenColumns:
        return choose(rows, has_header).with_one_more(len(rows[0]) - 1)

    return choose_both


def _refuse_shorter(batch: Batch, where: str) -> None:
    """Raise InputError if a row that is no empty line has fields too few."""
    is_line = batch.records.content_ends > batch.records.starts
    is_short = (batch.records.flags[1] & MISSING != 0) & is_line
    if is_short.any():
        where = f"{where}, row {batch.first_row + int(is_short.argmax())}"
        raise InputError("as many fields as in the first row", "a shorter row", where)


@contextmanager
def _written(target: str | Path, source: Source) -> Iterator[BinaryIO]:
    """Open the target, which must not be the source."""
    if isinstance(source, str | Path) and is_same_file(source, target):
        raise InputError("a file of its own", "the same as the input", str(target))
    try:
        with replacing(target) as file:
            yield file
    except OSError as error:
        got = f"one that cannot be written to ({os.strerror(error.errno or 0)})"
        raise InputError("a place for the file", got, str(target)) from error


def _is_french(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    french = np.zeros(len(keys), bool)
    for first, end in (_METROPOLE, _ST_PIERRE):
        french |= (keys >= first) & (keys < end)
    return french


def _lines(batch: Batch, keys: NDArray[np.uint64], rows: list[int]) -> bytes:
    data, starts, ends = batch.cells(1)
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(
        (
            PhoneNumber(int(keys[row])).national.replace(" ", ""),
            data[starts[row] : ends[row]].tobytes().decode(errors="replace"),
        )
        for row in rows
    )
    return text.getvalue().encode()


def _answers(batch: Batch, question: Question) -> NDArray[np.int32]:
    keys, matches = question.match_block(Spans(*batch.cells(0)))
    answers = np.where(matches >= 0, 1, 0)
    answers[keys < _digits.FIRST_KEY] = 2
    return answers.astype(np.int32)


def _answered(
    records: RecordFile, batch: Batch, answers: NDArray[np.int32]
) -> bytes | memoryview:
    suffixes = pack([suffix(answer, records) for answer in ANSWERS])
    everything = np.zeros(len(batch), np.uint8)
    return records.encode(
        gather_extended(batch.data, batch.records, everything, 0, answers, suffixes)
    )
