"""Lists of phone numbers in files: choice of the phone columns, and checks of all rows.

If the library overlooked a number in the file, it would not block this number.  So a
list is refused if there is a phone number in a cell outside the phone columns, unless
the caller named the phone columns.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bloctel.errors import InputError
from bloctel.numbers import _digits, phone_number
from bloctel.numbers.columns import Block, Objects, Spans
from bloctel.numbers.readings import is_national_form
from bloctel.tabular._csv_scan import MISSING
from bloctel.tabular.csv_reader import Batch
from bloctel.tabular.phone_columns import (
    ChosenColumns,
    ColumnChooser,
    SeveralColumnsError,
    clean_name,
    looks_like_header,
    named_columns,
    requested_columns,
    shown,
)

#: The reason of a row with a phone number in a cell outside the phone columns.
UNREAD_NUMBER: Final = _digits.FIRST_KEY - 4
#: The name of the reason `UNREAD_NUMBER` in reports.
UNREAD_REASON: Final = "unread_number"

#: The reasons of cells with several phone numbers, or with an uncertain phone number.
_UNCLEAR: Final = (_digits.SEVERAL_NUMBERS, _digits.AMBIGUOUS, _digits.ROUNDED)
#: The reasons of cells with letters or signs, which may also contain a phone number.
_WORDS: Final = (_digits.LETTERS, _digits.UNEXPECTED)
_BASE: Final = 10
_FEWEST_DIGITS: Final = 8
#: Maximum count of digit groups in a phone number: +33 6 39 98 12 34 has six groups.
_MOST_GROUPS: Final = 8
_DIGITS: Final = re.compile(r"(?:\+|\d)(?:[\s().\-/]*\d){7,}")
_GROUP: Final = re.compile(r"\+?\d+")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]?|\d\d?([./-])\d\d?\1\d{4}")
#: Pattern of numbers that identify French firms: a SIREN (9 digits), a SIRET (14).
_IDENTIFIER: Final = re.compile(r"\d{9}|\d{14}")
_IDENTIFIER_NAME: Final = re.compile(r"siren|siret|(?<![a-z])(?:id|code)(?![a-z])")
#: Pattern of the names of phone columns, in lower case and without accents.
_PHONE_NAME: Final = re.compile(
    r"phone|mobile|portable|msisdn|e\.?164|gsm|(?<![a-z])(?:num)?tel|(?<![a-z])cell"
)
#: Pattern of column names that can mean phone numbers or other numbers.
_VAGUE_NAME: Final = re.compile(r"\W*(?:numero|number|num)\W*")
_BLANKS: Final = ' \t"'

#: Columns of a list that the library exported: an E.164 number, and four days.
EXPORT_COLUMNS: Final = (
    *("number", "registered_on", "starts_on"),
    *("ends_on", "withdrawn_on"),
)
#: Phone column or columns, each as a name or as a position (from 1); None to detect it.
ListColumns = str | int | Sequence[str | int] | None


def region_of_list(header: Sequence[str], region: str | None) -> str | None:
    """Return the region in which to read the numbers of a list.

    The result is None for a list that the library exported, because its numbers are
    certainly in E.164.  Other lists need the region, even for numbers with a plus.
    """
    return None if tuple(header) == EXPORT_COLUMNS else region


def list_columns(
    columns: ListColumns,
    region: str | None,
    where: str,
    others: Sequence[str | int] = (),
) -> ColumnChooser:
    """Return a function that chooses the phone columns, and then the columns *others*.

    `ChosenColumns.unread` contains the columns that must not contain phone numbers:
    additional cells after the last column, and if *columns* is None, all columns that
    are not chosen.
    """
    named = None
    if columns is not None:
        named = named_columns(requested_columns(columns), where=where)
    choose_others = named_columns(others, where=where) if others else None

    def choose(rows: Sequence[Sequence[str]], has_header: bool | None) -> ChosenColumns:
        if has_header is None and any(isinstance(each, str) for each in others):
            has_header = True
        known = choose_others(rows, has_header).indexes if choose_others else ()
        if named is not None:
            chosen = named(rows, has_header)
        else:
            chosen = _detected(rows, has_header, region, where, known)
        width = len(rows[0]) if rows else 0
        indexes = (*chosen.indexes, *known)
        unread = set(range(width)) - set(indexes) if named is None else set()
        return replace(chosen, indexes=indexes, unread=(*sorted(unread), width))

    return choose


def with_surplus(choose: ColumnChooser) -> ColumnChooser:
    """Extend *choose*, so that a phone number after the last column is refused."""

    def choose_more(
        rows: Sequence[Sequence[str]], has_header: bool | None
    ) -> ChosenColumns:
        width = len(rows[0]) if rows else 0
        return replace(choose(rows, has_header), unread=(width,))

    return choose_more


def _detected(
    rows: Sequence[Sequence[str]],
    has_header: bool | None,
    region: str | None,
    where: str,
    known: Sequence[int],
) -> ChosenColumns:
    """Find the only phone column by its name or content, or raise an error."""
    first = [clean_name(cell) for cell in (rows[0] if rows else ())]
    columns = list(zip_longest(*rows, fillvalue=""))[: len(first)]
    found = {
        i
        for i, cells in enumerate(columns)
        if any(
            phone_number.is_valid(cell, region=region) for cell in cells if cell.strip()
        )
    }
    if has_header is not False:
        plain = [_plain(name) for name in first]
        by_name = {i for i, name in enumerate(plain) if _PHONE_NAME.search(name)}
        if by_name:
            found -= {i for i in found - by_name if _are_codes(plain[i], columns[i])}
        vague = {i for i, name in enumerate(plain) if _VAGUE_NAME.fullmatch(name)}
        found |= by_name or vague
    candidates = sorted(found - set(known))
    names = [first[i] for i in candidates]
    is_name = has_header is not False and all(map(looks_like_header, names))
    if len(candidates) != 1:
        numbers = [str(i + 1) for i in candidates]
        labels = ", ".join(map(shown, names) if is_name else numbers)
        labels = f" ({labels})" if labels else ""
        error = SeveralColumnsError if candidates else InputError
        expected = "one column of phone numbers"
        got = f"{len(candidates)} possible columns"
        message = (
            f"{len(candidates)} columns may contain the phone numbers{labels}: give "
            "the columns to read, by name or by number"
        )
        raise error(expected, got, where, message=message)
    index = candidates[0]
    if has_header is None:
        has_header = is_name
    name = first[index] if has_header else str(index + 1)
    return ChosenColumns((index,), (name,), has_header, tuple(first))


def _is_code_name(name: str) -> bool:
    return bool(_IDENTIFIER_NAME.search(name)) and not _PHONE_NAME.search(name)


def _are_codes(name: str, cells: Sequence[str]) -> bool:
    filled = [_cell(cell) for cell in cells[1:] if cell.strip()]
    return _is_code_name(name) and all(map(_IDENTIFIER.fullmatch, filled))


def _cell(value: object) -> str:
    return re.sub(r'[\s"]', "", str(value))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in letters if not unicodedata.combining(char))


def read_list(batch: Batch, n_columns: int, region: str | None) -> NDArray[np.uint64]:
    """Return the key or error code of each phone cell (an array of columns and rows).

    If a cell outside the phone columns contains a phone number, all phone cells of its
    row get the error code `UNREAD_NUMBER`.
    """
    keys = _keys(batch, range(n_columns), region)
    columns = batch.dialect.columns
    unread = np.zeros(len(batch), bool)
    for column in range(len(columns.indexes), len(batch.records.flags) - 1):
        index = columns.unread[column - len(columns.indexes)]
        block = Spans(*batch.cells(column))
        unread |= has_unread_numbers(block, keys, region, columns, index)
    unread[longer_rows(batch)] = True
    is_short = (batch.records.flags[:n_columns] & MISSING != 0).any(axis=0)
    pieces = _all_pieces(batch, np.flatnonzero(is_short))
    unread[_rows_of_others(pieces, keys, region)] = True
    unread[rows_with_hidden_numbers(batch, n_columns, region)] = True
    keys[:, unread] = UNREAD_NUMBER
    return keys


def has_unread_numbers(
    block: Block,
    own: NDArray[np.uint64],
    region: str | None,
    columns: ChosenColumns,
    index: int,
) -> NDArray[np.bool_]:
    """Return True for each cell with a number that is not in a phone cell of its row.

    *block* contains the cells of another column, which has the index *index*.  *own*
    contains the keys of the phone cells, by column and row.
    """
    found, codes = _others(block, own, region)
    words = np.flatnonzero(np.isin(codes, _WORDS))
    if isinstance(block, Spans) and len(words):
        is_digit = np.append(block.data - ord("0") < _BASE, False)
        spans = np.column_stack([block.starts[words], block.ends[words]]).ravel()
        n_digits = np.add.reduceat(is_digit, spans, dtype=np.int32)[::2]
        words = words[n_digits >= _FEWEST_DIGITS]
    for row in words.tolist():
        text = str(block.value(row))
        found[row] = bool(_keys_in(text, region) - {*own[:, row].tolist()})
    # in a column named `siren` or `id`, 9 or 14 digits are not a phone number
    if (
        columns.has_header
        and _PHONE_NAME.search(_plain(columns.names[0]))
        and _is_code_name(_plain("".join(columns.first[index : index + 1])))
    ):
        for row in np.flatnonzero(found).tolist():
            found[row] = not _IDENTIFIER.fullmatch(_cell(block.value(row)))
    return found


def _others(
    block: Block, own: NDArray[np.uint64], region: str | None
) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
    """Return the cells with a number that is not in *own*, and the key of each cell."""
    keys = phone_number.keys_to_store(block, region)
    found = (keys >= _digits.FIRST_KEY) & (keys != own).all(axis=0)
    return found | np.isin(keys, _UNCLEAR), keys


def _keys_in(text: str, region: str | None) -> set[int]:
    """Return the keys of the phone numbers in a text, such as `Tel. 0639981234 (home)`.

    People write a number as one or several groups of digits.  So all sequences of
    adjacent groups are read as phone numbers.
    """
    found = set()
    code = phone_number.home_code(region)
    for match in _DIGITS.finditer(_DATE.sub("|", text)):
        groups = _GROUP.findall(match[0])
        for first, group in enumerate(groups):
            for last in range(first, min(first + _MOST_GROUPS, len(groups))):
                number = "".join(groups[first : last + 1])
                key = phone_number.read(number, region)
                if key < _digits.FIRST_KEY or len(number) < _FEWEST_DIGITS:
                    continue
                # without + or 0, digits may be a price or another number of a firm
                is_home = number == str(key) and number.startswith(code)
                is_national = region is not None and is_national_form(number, region)
                if group.startswith(("+", "0")) or is_home or is_national:
                    found.add(key)
    return found


def longer_rows(batch: Batch) -> NDArray[np.int64]:
    """Return the rows with text after the last column of the first row."""
    records = batch.records
    longer = np.flatnonzero((records.flags[-1] & MISSING) == 0)
    starts = records.field_starts[-1]
    longer = longer[starts[longer] < records.content_ends[longer]]
    blanks = f"{_BLANKS}{batch.dialect.delimiter}".encode()
    ends = records.content_ends
    rests = (batch.data[starts[row] : ends[row]].tobytes() for row in longer.tolist())
    has_text = np.fromiter((bool(rest.strip(blanks)) for rest in rests), bool)
    found: NDArray[np.int64] = longer[has_text]
    return found


def _all_pieces(batch: Batch, rows: NDArray[np.int64]) -> list[tuple[int, str]]:
    """Return (row, text) pairs: the texts between delimiters, even inside quotes."""
    return [
        (row, piece)
        for row in rows.tolist()
        for line in batch.lines(row)
        for piece in line
    ]


def rows_with_hidden_numbers(
    batch: Batch, n_columns: int, region: str | None
) -> NDArray[np.int64]:
    """Return the rows with a quoted cell in which other rows of the file seem to be.

    This happens if a closing quote is missing.  A line inside a quoted cell seems to be
    a row if it has a phone number in a phone column.  If the line ends before a phone
    column, or if columns are `unread`, a number in any column is enough.  Numbers that
    are also in a phone cell of the row do not count.
    """
    rows = batch.rows_of_several_lines()
    if not len(rows):
        return rows
    columns = batch.dialect.columns
    indexes = columns.indexes[:n_columns]
    pieces = _all_pieces(batch, rows) if len(columns.unread) > 1 else []
    for row in rows.tolist():
        lines = batch.lines(row)
        full = [(line, index) for line in lines for index in indexes]
        pieces += [(row, line[index]) for line, index in full if index < len(line)]
        short = [line for line in lines[1:] if len(line) <= max(indexes)]
        pieces += [(row, piece) for line in short for piece in _quoted(line)]
    return _rows_of_others(pieces, _keys(batch, range(n_columns), region), region)


def _quoted(line: Sequence[str]) -> Sequence[str]:
    """Return the cells before the closing quote of a line that begins inside quotes."""
    closing = (i for i, piece in enumerate(line) if piece.count('"') % 2)
    return line[: next(closing, len(line)) + 1]


def _keys(
    batch: Batch, columns: Sequence[int], region: str | None
) -> NDArray[np.uint64]:
    keys = np.zeros((len(columns), len(batch)), np.uint64)
    for row, column in zip(keys, columns, strict=True):
        row[:] = phone_number.keys_to_store(Spans(*batch.cells(column)), region)
    return keys


def _rows_of_others(
    pieces: Sequence[tuple[int, str]], keys: NDArray[np.uint64], region: str | None
) -> NDArray[np.int64]:
    """Return the rows whose *pieces* contain a number that is not in the phone cells.

    *pieces* are pairs of a row and a text.  *keys* are the keys of the phone cells.
    """
    rows = np.array([row for row, _ in pieces], np.int64)
    block = Objects.of_all([piece.strip(_BLANKS) for _, piece in pieces])
    return np.unique(rows[_others(block, keys[:, rows], region)[0]])


def refuse_lengths(
    batch: Batch,
    where: str,
    expected: str = "a row with as many fields as the first row",
    *,
    n_required: int = 0,
) -> None:
    """Raise InputError if a row has text after the last column, or too few columns.

    If a field without quotes contains a delimiter, later fields are in wrong columns.
    Every row must have the first *n_required* columns, which *expected* describes.
    """
    records = batch.records
    is_short = (records.flags[:n_required] & MISSING != 0).any(axis=0)
    is_short &= records.content_ends > records.starts
    rows = np.union1d(np.flatnonzero(is_short), longer_rows(batch))
    if len(rows):
        row = int(rows[0])
        at = f"{where}, row {batch.first_row + row}"
        if is_short[row]:
            raise InputError(expected, "a shorter row", at)
        expected = "a row with as many fields as the first row"
        raise InputError(expected, "a longer row", at)


def list_reason(code: int) -> str:
    """Return the name of an error code, such as `too_short`."""
    return UNREAD_REASON if code == UNREAD_NUMBER else phone_number.reason_of(code)


def refuse_row(code: int, row: int, column: str, where: str) -> InputError:
    """Return the error about a row with the error code *code*."""
    if code != UNREAD_NUMBER:
        reason, at = list_reason(code), f"{where}, row {row}, column {column!r}"
        text = f"the value is not a phone number (reason: {reason})"
        return InputError("a phone number", reason, at, message=text)
    expected = "phone numbers in the phone columns only"
    got = "a phone number in a cell that is not read"
    message = (
        "a cell that is not read may contain a phone number: give all phone columns, "
        "or correct the row"
    )
    return InputError(expected, got, f"{where}, row {row}", message=message)


def refuse_header(names: Sequence[str], region: str | None, where: str) -> None:
    """Raise InputError if the name of a phone column is itself a phone number.

    The number would not be looked up, and every output contains the header.
    """
    keys = phone_number.keys_to_store(Objects.of_all([*names]), region)
    if ((keys >= _digits.FIRST_KEY) | np.isin(keys, _UNCLEAR)).any():
        expected = "a header without phone numbers"
        got = "a phone number as the name of a phone column"
        message = (
            "the name of a phone column is a phone number, so the first row is not a "
            "header: read the file, or make the table, without a header"
        )
        raise InputError(expected, got, where, message=message)


def refuse_hidden_numbers(
    batch: Batch | None, n_columns: int, region: str | None, where: str
) -> None:
    """Raise InputError if the header or a quoted cell hides a phone number."""
    if batch is None:
        return
    if batch.first_row == batch.dialect.n_blank + 1:
        columns = batch.dialect.columns
        if columns.has_header:
            names = [columns.first[i] for i in columns.indexes[:n_columns]]
            refuse_header(names, region, where)
    rows = rows_with_hidden_numbers(batch, n_columns, region)
    if len(rows):
        raise refuse_row(UNREAD_NUMBER, batch.first_row + int(rows[0]), "", where)
