"""Files exchanged with the operator of a closed list: requests and answers."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bloctel.bulk.row_sources import cells_of, new_file
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
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

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
    """Result of an import of answers.

    Attributes:
        rows: The number of rows whose number cell is not empty.
        clear: The number of distinct callable numbers.
        opposed: The number of distinct opposed numbers.
        contradictory: The number of those that are also callable in another row; they
            count as opposed.
        unreadable: The number of rows whose number cannot be read.
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

    The registry then distinguishes opposed numbers, numbers that were answered as clear
    a short time ago (30 days for Bloctel, from the list's rules), and all others, which
    are not known and never clear.  A second import of a file changes nothing.

    Args:
        registry: The registry; its region applies to national forms.
        source: A path, or a binary stream of CSV.
        on: The day of the answers.
        list: The list of the operator.
        column: The column of numbers.
        status_column: The column of statuses: `OK` is callable, any other is opposed.
        options: CSV options; None in an option means detection.
        progress: Called with the amount read, and the total if known.

    Raises:
        InputError: The file or a column is not valid, a row ends before its status or
            has too many fields, or the header names another column `Statut`; nothing
            is recorded then.
        ListClosedError: The list is not open on that day.
        UnknownListError: No rules are known for the list.
    """
    where = source_name(source)
    choose = with_surplus(named_columns([column, status_column], where=where))
    none = np.empty(0, np.uint64)
    opposed, clear = [none], [none]
    rows = unreadable = 0
    with open_records(source, choose, options, progress) as records:
        _refuse_other_status(records)
        for batch in records.batches():
            keys = read_block(Spans(*batch.cells(0)), registry.region)
            filled = keys != _digits.EMPTY
            expected = "number, identifier and status"
            _refuse_short(batch, filled, expected, records.name)
            refuse_surplus(batch, records.name)
            readable = keys >= _digits.FIRST_KEY
            callable_ = _is_callable(batch)
            clear.append(keys[readable & callable_])
            opposed.append(keys[readable & ~callable_])
            rows += int(filled.sum())
            unreadable += int((filled & ~readable).sum())
    if rows == 0:
        raise InputError("answers about phone numbers", "no rows", where)
    recorded = registry.record_answers(
        list=list, on=on, opposed=np.concatenate(opposed), clear=np.concatenate(clear)
    )
    return ImportedAnswers(
        rows, recorded.clear, recorded.opposed, recorded.contradictory, unreadable
    )


def _refuse_other_status(records: RecordFile) -> None:
    """Refuse a column number if the header names another column `Statut`."""
    columns = records.dialect.columns
    if not columns.has_header:
        return
    names = [name.casefold() for name in columns.first]
    chosen = columns.indexes[1]
    if _STATUS in names and names[chosen] != _STATUS:
        number = names.index(_STATUS) + 1
        got = f"'Statut' as column {number}: give the column by its name"
        raise InputError(f"the status as column {chosen + 1}", got, records.name)


def _refuse_short(
    batch: Batch, is_checked: NDArray[np.bool_], expected: str, name: str
) -> None:
    """Raise InputError, with the row number, if a checked row has too few fields."""
    is_short = is_checked & (batch.records.flags[1] & MISSING != 0)
    if is_short.any():
        where = f"{name}, row {batch.first_row + int(is_short.argmax())}"
        raise InputError(expected, "a shorter row", where)


def _is_callable(batch: Batch) -> NDArray[np.bool_]:
    """Return True for rows with the status `OK`; blanks around it are ignored."""
    statuses = (cell.strip(_BLANKS) for cell in cells_of(batch, 1))
    return np.fromiter((status == _CALLABLE for status in statuses), bool)


_HEADER: Final = ("Telephone", "Identifiant")
_STATUS_HEADER: Final = "Statut"

#: Values of the third column: callable, opposed, not a number.
ANSWERS: Final = ("OK", "OPPOSE", "INVALIDE")


class Requested(NamedTuple):
    """Result of `write_request`.

    Attributes:
        rows: The number of rows read.
        written: The number of rows written.
        foreign: The number of rows with foreign numbers, which no French list contains.
        unreadable: The number of rows whose number cannot be read.
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
        target: The path of the new file; it appears completely, or not at all.
        column: The column of numbers.
        id_column: The column of identifiers, which link answers to rows.
        region: The region of numbers without a country code.
        options: CSV options; None in an option means detection.
        progress: Called with the amount read, and the total if known.

    Raises:
        InputError: The file or a column is not valid, or the target cannot be written.
    """
    choose = named_columns([column, id_column], where=source_name(source))
    rows = foreign = unreadable = 0
    with (
        open_records(source, choose, options, progress) as records,
        new_file(target, "the file for the operator", source) as file,
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
    """Answer a file like an operator: every row with its original bytes, and a status.

    `OK` means that the number is not on the requested lists.  It never means that the
    law permits a call.  `OPPOSE` means on a list, or not known.  `INVALIDE` means not a
    number.

    Args:
        source: The file, with the numbers in its first column.
        question: `book.question(on=..., lists=..., region=...)`.
        target: The path of the answer, such as `retour_2024.csv`.
        options: CSV options; None in an option means detection.
        progress: Called with the amount read, and the total if known.

    Returns:
        The number of rows with each of the `ANSWERS`.

    Raises:
        InputError: The file is not valid, a row does not have as many fields as the
            first, after which the status is added, or the target cannot be written.
    """
    counts = np.zeros(len(ANSWERS), np.int64)
    choose = with_surplus(
        _first_and_last(named_columns([1], where=source_name(source)))
    )
    with (
        open_records(source, choose, options, progress) as records,
        new_file(target, "the answer", source) as file,
    ):
        file.write(records.dialect.encoding.bom)
        file.write(records.encode(extended_header(records, _STATUS_HEADER)))
        for batch in records.batches():
            is_line = batch.records.content_ends > batch.records.starts
            expected = "as many fields as in the first row"
            _refuse_short(batch, is_line, expected, records.name)
            refuse_surplus(batch, records.name)
            answers = _answers(batch, question)
            counts += np.bincount(answers, minlength=len(ANSWERS))
            file.write(_answered(records, batch, answers))
    return dict(zip(ANSWERS, counts.tolist(), strict=True))


def _first_and_last(choose: ColumnChooser) -> ColumnChooser:
    """Return a chooser that adds the last column, which every row must have."""

    def choose_both(
        rows: Sequence[Sequence[str]], has_header: bool | None
    ) -> ChosenColumns:
        return choose(rows, has_header).with_one_more(len(rows[0]) - 1)

    return choose_both


def _is_french(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return True for numbers of the French plan: 33 and nine digits, 508 and six."""
    french: NDArray[np.bool_] = (keys // 10**9 == 33) | (keys // 10**6 == 508)
    return french


def _lines(batch: Batch, keys: NDArray[np.uint64], rows: list[int]) -> bytes:
    ids, text = cells_of(batch, 1), io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(
        (
            PhoneNumber(int(keys[row])).national.replace(" ", ""),
            ids[row].decode(errors="replace"),
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
    all_rows = np.zeros(len(batch), np.uint8)
    return records.encode(
        gather_extended(batch.data, batch.records, all_rows, 0, answers, suffixes)
    )
