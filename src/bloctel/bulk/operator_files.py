"""The files that go to the French operator, and those that come back.

A firm sends `Telephone;Identifiant`: French numbers in national form, each with a mark
of its own to find the row again.  `retour_*.csv` brings back number, mark and status:
`OK` is callable, anything else is opposed.  That is what programs of 2021 wrote and
read; no specification was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.numbers.columns import Spans
from bloctel.numbers.phone_number import read_block
from bloctel.scrub.plain import refuse_surplus, with_surplus
from bloctel.tabular._csv_scan import MISSING
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.phone_columns import named_columns

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from bloctel.registry.registrar import Registrar
    from bloctel.tabular.csv_reader import Batch, Progress, RecordFile, Source

__all__ = ["ImportedAnswers", "import_answers"]

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
    registry: Registrar,
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
