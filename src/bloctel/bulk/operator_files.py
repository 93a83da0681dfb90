"""Files that a firm exchanges with the operator, the company that runs a list."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel.bulk.row_sources import cells_of, field_columns
from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.numbers.columns import Spans
from bloctel.numbers.phone_number import keys_to_store, number_of
from bloctel.registry.registry import Registry
from bloctel.scrub.added_columns import extended_header, extended_rows
from bloctel.scrub.opposition_source import Against, files_read, open_question
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import (
    Batch,
    Progress,
    Source,
    open_records,
    source_name,
)
from bloctel.tabular.number_lists import (
    UNREAD_NUMBER,
    list_columns,
    read_list,
    refuse_hidden_numbers,
    refuse_lengths,
    refuse_row,
    rows_with_hidden_numbers,
)
from bloctel.tabular.outputs import open_output
from bloctel.tabular.phone_columns import (
    ChosenColumns,
    clean_name,
    looks_like_header,
    named_columns,
)

_LIST: Final = "fr.bloctel"
_STATUS_COLUMN: Final = 3
_STATUS: Final = "statut"
#: Words that a column of statuses contains, in lower case.
_STATUS_WORDS: Final = frozenset(("ok", "ko", "oppose", "opposé", "invalide"))
_OK: Final = b"OK"
_BLANKS: Final = b" \t"
_FIELDS: Final = "a row with number, identifier and status"


class ImportedAnswers(NamedTuple):
    """Result of an import of answers.

    Attributes:
        rows: The number of rows whose phone number cell is not empty.
        clear: The number of distinct phone numbers with the status `OK` in all their
            rows.
        opposed: The number of distinct phone numbers with another status in any row.
        contradictory: The number of distinct phone numbers with the status `OK` in a
            row and another status in another row.  They are recorded as opposed.
        unreadable: The number of rows whose cell is not a phone number.
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
    column: str | int | None = None,
    status_column: str | int | None = None,
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
) -> ImportedAnswers:
    """Record a file of answers from the operator, the company that runs a list.

    Look-ups in the registry then give three kinds of results.  Opposed phone numbers
    are blocked.  Phone numbers with the status `OK` are clear for the time that the
    list's rules allow, which is 30 days for Bloctel.  All other phone numbers are not
    known, so look-ups never report them as clear.  If a file is imported twice, the
    second import changes nothing.

    Args:
        registry: The registry.  Phone numbers in national form are read in its region.
        source: A path, or a binary stream of CSV.
        on: The day on which the operator gave the answers.
        list: The name of the operator's list.
        column: The column of phone numbers, by name or by number from 1.  If it is
            None, the file must have exactly one column that may contain phone numbers.
        status_column: The column of statuses, by name or by number from 1.  `OK` means
            that the phone number is not on the list; any other status means that it is
            on the list.  By default, it is the column named `Statut`, or the third of
            three columns without names.
        options: Known properties of the CSV file; a property that is None is detected.
        progress: Function that gets the bytes read and the size (None if unknown).

    Raises:
        InputError: The file or a column is not valid, or a row has no status or too
            many fields.  Then no answer is recorded.
        ListClosedError: The list is not open on the day *on*.
        UnknownListError: No rules are registered for the list.
    """
    where = source_name(source)

    def choose(rows: Sequence[Sequence[str]], has_header: bool | None) -> ChosenColumns:
        status = status_column or _status_column(rows, where)
        others = list_columns(column, registry.region, where, [status])
        return others(rows, has_header)

    none = np.empty(0, np.uint64)
    opposed, clear = [none], [none]
    rows = unreadable = 0
    with open_records(source, choose, options, progress) as records:
        refuse_hidden_numbers(records.head, 1, registry.region, where)
        for batch in records.batches():
            refuse_lengths(batch, where, _FIELDS, n_required=2)
            keys = read_list(batch, 1, registry.region)[0]
            _refuse_unread(keys, batch, where)
            filled = keys != _digits.EMPTY
            readable = keys >= _digits.FIRST_KEY
            statuses = (cell.strip(_BLANKS) for cell in cells_of(batch, 1))
            is_ok = np.fromiter((status == _OK for status in statuses), bool)
            clear.append(keys[readable & is_ok])
            opposed.append(keys[readable & ~is_ok])
            rows += int(filled.sum())
            unreadable += int((filled & ~readable).sum())
    if rows == 0:
        raise InputError("a row with a phone number and its status", "no rows", where)
    recorded = registry.record_answers(
        list=list, on=on, opposed=np.concatenate(opposed), clear=np.concatenate(clear)
    )
    return ImportedAnswers(
        rows, recorded.clear, recorded.opposed, recorded.contradictory, unreadable
    )


def _refuse_unread(keys: NDArray[np.uint64], batch: Batch, where: str) -> None:
    """Raise InputError if a row has a phone number in a column that is not read."""
    if len(unread := np.flatnonzero(keys == UNREAD_NUMBER)):
        row = batch.first_row + int(unread[0])
        raise refuse_row(UNREAD_NUMBER, row, "", where)


def _status_column(rows: Sequence[Sequence[str]], where: str) -> str | int:
    """Return the column of statuses: `Statut`, or the third if there is no header."""
    first = [clean_name(cell).casefold() for cell in rows[0]] if rows else []
    if _STATUS in first:
        return _STATUS
    columns = list(zip(*rows, strict=False))[: _STATUS_COLUMN - 1]
    if all(map(looks_like_header, first)):
        got = "a header without 'Statut'"
    elif len(first) != _STATUS_COLUMN:
        got = f"{len(first)} columns without names"
    elif any(map(_are_statuses, columns)):
        got = "statuses in another column"
    else:
        return _STATUS_COLUMN
    expected = "a column 'Statut', or three columns without names"
    raise InputError(expected, f"{got} (give the column of the statuses)", where)


def _are_statuses(cells: Sequence[str]) -> bool:
    """Return True if at least one cell is filled, and all filled cells are statuses."""
    words = {clean_name(cell).casefold() for cell in cells} - {""}
    return bool(words) and words <= _STATUS_WORDS


_HEADER: Final = ("Telephone", "Identifiant")
_STATUS_HEADER: Final = "Statut"

#: The statuses of a number: not on the list, on the list, not a phone number.
ANSWERS: Final = ("OK", "OPPOSE", "INVALIDE")


class Requested(NamedTuple):
    """Result of `write_request`.

    Attributes:
        rows: The number of rows in the call file.
        written: The number of rows in the file for the operator.
        foreign: The number of rows with a foreign phone number.  These rows are not
            written, because no French list contains foreign phone numbers.
        unreadable: The number of rows whose cell is not a phone number, or in which a
            cell contains the next rows because it has no closing quote.
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
    """Write the phone numbers of a call file to a file for the operator of a list.

    Args:
        source: A CSV file: a path, or a binary stream.
        target: The path of the new file; it appears completely, or not at all.
        column: The column of phone numbers, by name or by number from 1.
        id_column: The column of identifiers.  The operator returns each identifier, so
            that you find the row of each answer.
        region: The region of phone numbers without a country code.
        options: Known properties of the CSV file; a property that is None is detected.
        progress: Function that gets the bytes read and the size (None if unknown).

    Raises:
        InputError: The file or a column is not valid, or the target cannot be written.
    """
    columns = {"number": column, "identifier": id_column}
    choose = field_columns(columns, columns, (), source_name(source))
    inputs = [("the input", source)]
    rows = foreign = unreadable = 0
    with (
        open_records(source, choose, options, progress) as records,
        open_output("the file for the operator", target, inputs) as file,
    ):
        refuse_hidden_numbers(records.head, 1, region, records.name)
        file.write((";".join(_HEADER) + "\r\n").encode())
        for batch in records.batches():
            keys = keys_to_store(Spans(*batch.cells(0)), region)
            keys[rows_with_hidden_numbers(batch, 1, region)] = UNREAD_NUMBER
            # French numbers have +33 and 9 digits, or +508 and 6 digits
            french = (keys // 10**9 == 33) | (keys // 10**6 == 508)
            rows += len(batch)
            unreadable += int((keys < _digits.FIRST_KEY).sum())
            foreign += int(((keys >= _digits.FIRST_KEY) & ~french).sum())
            file.write(_lines(batch, keys, np.flatnonzero(french).tolist()))
    return Requested(rows, rows - foreign - unreadable, foreign, unreadable)


def answer_request(
    source: Source,
    against: Against,
    target: str | Path,
    *,
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Add a status to each row of a file of phone numbers, as a list's operator does.

    The original bytes of each row are kept.  The status `OK` means that the phone
    number is not on the requested lists; it never means that the law permits a call.
    `OPPOSE` means that the phone number is on a list, or that there is no valid answer.
    `INVALIDE` means that the text is not a phone number.

    Args:
        source: The request, which contains the phone numbers in its first column.
        against: A book, for today and all lists of the book; or the result of
            `book.question(on=..., lists=..., region=...)`.
        target: The path of the new file with the answers, such as `retour_2024.csv`.
        options: Known properties of the CSV file; a property that is None is detected.
        progress: Function that gets the bytes read and the size (None if unknown).

    Returns:
        The number of rows with each status in `ANSWERS`.

    Raises:
        InputError: *against* is not a book or `Question`, the file is not valid, or the
            target cannot be written.  All rows must have the same number of fields, and
            only the first column and `Identifiant` may contain phone numbers.
    """
    counts = np.zeros(len(ANSWERS), np.int64)
    inputs = [("the input", source), *files_read(against)]
    with (
        open_question(against) as question,
        open_records(source, _request_columns, options, progress) as records,
        open_output("the answer", target, inputs) as file,
    ):
        refuse_hidden_numbers(records.head, 1, question.region, records.name)
        file.write(records.preamble)
        file.write(records.encode(extended_header(records, _STATUS_HEADER)))
        for batch in records.batches():
            refuse_lengths(batch, records.name, n_required=2)
            keys = read_list(batch, 1, question.region)[0]
            _refuse_unread(keys, batch, records.name)
            keys, matches = question.match_block(Spans(*batch.cells(0)))
            answers = (matches >= 0).astype(np.int32)
            answers[keys < _digits.FIRST_KEY] = 2
            counts += np.bincount(answers, minlength=len(ANSWERS))
            file.write(extended_rows(batch, records, ANSWERS, answers))
    return dict(zip(ANSWERS, counts.tolist(), strict=True))


def _request_columns(
    rows: Sequence[Sequence[str]], has_header: bool | None
) -> ChosenColumns:
    """Choose the first column, which contains the phone numbers, and the last column.

    The last column is chosen so that a row with fewer fields is refused.  Only the
    first column and the column `Identifiant` may contain phone numbers.
    """
    width = max(1, len(rows[0]) if rows else 0)
    chosen = named_columns([1], where="the file")(rows, has_header)
    unread = [*range(1, width), width]
    if chosen.has_header:
        names = dict(enumerate(map(str.casefold, chosen.first)))
        unread = [i for i in unread if names.get(i) != _HEADER[1].casefold()]
    return replace(chosen, indexes=(0, width - 1), unread=tuple(unread))


def _lines(batch: Batch, keys: NDArray[np.uint64], rows: list[int]) -> bytes:
    ids, text = cells_of(batch, 1), io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(
        (
            number_of(int(keys[row])).national.replace(" ", ""),
            ids[row].decode(errors="replace"),
        )
        for row in rows
    )
    return text.getvalue().encode()
