"""Columns of a log of past calls, from a frame or a mapping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bloctel._util import clock
from bloctel._util.instants import END, to_microseconds
from bloctel._util.strict import show
from bloctel.compliance.call_inputs import (
    CallInputs,
    check_member,
    check_names,
    check_time_zone,
    one_of,
)
from bloctel.compliance.caller_id import read_caller
from bloctel.compliance.interfaces import Outcome
from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers.phone_number import normalize_many
from bloctel.rules.law import Channel, Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.rules.law import Law

__all__ = [
    "COLUMNS",
    "DictionaryColumn",
    "PastCalls",
    "dictionary_encoded",
    "read_calls",
]

_FIRST: Final = to_microseconds(datetime(2, 1, 1, tzinfo=UTC))
#: The first instant that `to_microseconds` refuses.
_END: Final = to_microseconds(END - timedelta(microseconds=1)) + 1
#: The columns of a log; `number` and `at` are required.
COLUMNS: Final = (
    "number",
    "at",
    "outcome",
    *(name for name in CallInputs.__annotations__ if name != "region"),
)
#: Values of missing cells.
_MISSING: Final = (None, "")
_IF_MISSING: Final = {"channel": Channel.VOICE}


class DictionaryColumn(NamedTuple):
    """Dictionary-encoded column: distinct values, and the index of one for each row."""

    values: Sequence[Any]
    codes: NDArray[np.int64]

    def mapped(self, change: Callable[[Any], Any]) -> DictionaryColumn:
        """Return the column with a function applied to each value."""
        distinct = dictionary_encoded(map(change, self.values))
        return DictionaryColumn(distinct.values, distinct.codes[self.codes])

    def taken(self, rows: NDArray[np.intp]) -> DictionaryColumn:
        """Return a column of some of the rows."""
        return DictionaryColumn(self.values, self.codes[rows])


def dictionary_encoded(values: Iterable[Hashable]) -> DictionaryColumn:
    """Return a dictionary-encoded column of Python values.

    >>> column = dictionary_encoded(["sale", None, "sale"])
    >>> column.values, column.codes.tolist()
    (['sale', None], [0, 1, 0])
    """
    indexes: dict[Hashable, int] = {}
    codes = [indexes.setdefault(value, len(indexes)) for value in values]
    return DictionaryColumn(list(indexes), np.array(codes, np.int64))


def _encoded(column: Any, name: str) -> DictionaryColumn:
    try:
        return dictionary_encoded(_python_values(column))
    except TypeError:
        got = "lists or other compound values"
        raise InputError("single values", got, f"the column {name}") from None


class PastCalls(NamedTuple):
    """Past calls that were dialled, with numbers that can be read; one row per call.

    Attributes:
        rows: Their indexes in the log.
        keys: The numbers.
        at: The times, in microseconds since 1970-01-01T00:00Z.
        columns: The other inputs of `Desk.may_call`, and `outcome`.
        n_rows: The number of rows of the log.
        unreadable: The indexes of the rows whose number cannot be read.
    """

    rows: NDArray[np.intp]
    keys: NDArray[np.uint64]
    at: NDArray[np.int64]
    columns: Mapping[str, DictionaryColumn]
    n_rows: int
    unreadable: NDArray[np.intp]


def read_calls(
    log: Any,
    defaults: CallInputs,
    law: Law,
    *,
    region: str,
    log_time_zone: str | None = None,
) -> PastCalls:
    """Read a log; return its calls ordered by number, then by time.

    Args:
        log: A frame of pandas, polars or pyarrow, or a mapping from names to columns:
            `number`, `at`, and optionally `outcome` and those of `CallInputs`.
        defaults: Values of the columns that the log does not have.
        law: The law, with its sectors.
        region: The region of national forms.
        log_time_zone: The time zone of times without one.

    Raises:
        InputError: A column is missing or not valid.
    """
    names = _names(log)
    for name in ("number", "at"):
        if name not in names:
            got = f"{len(names)} columns without it"
            raise InputError(f"a column {name}", got, "the log")
    readers = _cell_readers(law, region)
    check_names(defaults)
    keys = normalize_many(log["number"], region=region)
    named = check_time_zone(log_time_zone, "log_time_zone")
    zone = None if named is None else clock.zone(named)
    at = _instants(log["at"], zone)
    n_rows = len(keys)
    columns = {}
    for name, read in readers.items():
        if name in names:
            column = _encoded(log[name], name)
            _require_length(len(column.codes), n_rows, name)
        else:
            column = DictionaryColumn([defaults.get(name)], np.zeros(n_rows, np.int64))
        columns[name] = column.mapped(partial(_read_cell, name, read))
    _require_length(len(at), n_rows, "at")
    dialled = np.array([v is not Outcome.RELEASED for v in columns["outcome"].values])
    wanted = np.flatnonzero(dialled[columns["outcome"].codes] & (keys != 0))
    rows = wanted[np.lexsort((at[wanted], keys[wanted]))]
    return PastCalls(
        rows,
        keys[rows],
        at[rows],
        {name: column.taken(rows) for name, column in columns.items()},
        n_rows,
        np.flatnonzero(keys == 0),
    )


def _names(log: Any) -> list[str]:
    for attribute in ("column_names", "columns", "keys"):
        found = getattr(log, attribute, None)
        if found is not None:
            return [str(name) for name in (found() if callable(found) else found)]
    expected = "a frame, or a mapping from names to columns"
    raise InputError(expected, f"a value of type {type(log).__name__}", "the log")


def _require_length(n: int, n_rows: int, name: str) -> None:
    if n != n_rows:
        raise InputError(f"{n_rows} rows as in the column number", str(n), name)


def _python_values(column: Any) -> list[Any]:
    """Return the rows of a column as Python values, None for missing ones."""
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            column = getattr(column, method)()
            break
    return [_none_if_missing(value) for value in column]


def _none_if_missing(value: Any) -> Any:
    """Return a value; None for the missing values of frames, such as NaN and NaT."""
    try:
        return None if value != value else value
    except (TypeError, ValueError):  # pandas.NA compares as NA
        return None


def _instants(column: Any, zone: ZoneInfo | None) -> NDArray[np.int64]:
    """Return instants in microseconds; text is read as ISO 8601.

    Raises:
        InputError: A cell is not an instant, or has no time zone.
    """
    if zone is None and (instants := _arrow_instants(column)) is not None:
        return instants
    read: dict[object, int] = {}
    try:
        values = _python_values(column)
    except OverflowError:
        raise _not_an_instant("a time out of range") from None
    found = np.empty(len(values), np.int64)
    for row, value in enumerate(values):
        if not isinstance(value, str | datetime):
            raise _not_an_instant(show(value), row)
        if (known := read.get(value)) is None:
            known = read[value] = _instant(value, row, zone)
        found[row] = known
    return found


def _arrow_instants(column: Any) -> NDArray[np.int64] | None:
    """Return the instants of an Arrow column of timestamps; None for other columns."""
    is_stream = hasattr(column, "__arrow_c_stream__")
    if not is_stream and not hasattr(column, "__arrow_c_array__"):
        return None
    try:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute  # noqa: PLC0415

        chunks = pa.chunked_array(column if is_stream else [pa.array(column)])
    except (ImportError, TypeError):
        return None
    if not pa.types.is_timestamp(chunks.type):
        return None
    if chunks.type.tz is None:
        got = "timestamps without a time zone"
        raise InputError("timestamps with a time zone", got, "the column at")
    if chunks.null_count:
        got = f"{chunks.null_count} empty cells"
        raise InputError("a time in every row", got, "the column at")
    target = pa.timestamp("us", "UTC")
    try:
        instants = chunks.cast(
            options=pa.compute.CastOptions(target, allow_time_truncate=True)
        )
    except pa.ArrowInvalid:
        raise _not_an_instant("a time out of range") from None
    found: NDArray[np.int64] = instants.cast(pa.int64()).to_numpy()
    wrong = np.flatnonzero((found < _FIRST) | (found >= _END))
    if len(wrong):
        raise _not_an_instant("a time out of range", int(wrong[0]))
    return found


def _not_an_instant(got: str, row: int | None = None) -> InputError:
    where = "the column at" if row is None else f"the column at, row {row + 1}"
    return InputError("a date and time before the year 3000", got, where)


def _instant(value: object, row: int, zone: ZoneInfo | None) -> int:
    where = f"the column at, row {row + 1}"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            got = show(value)
            raise InputError("a date and time as ISO 8601", got, where) from None
    if zone is not None and isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=zone)  # of an hour that occurs twice, the first
    return to_microseconds(value, where)


def _read_cell(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    return _IF_MISSING.get(name) if value in _MISSING else read(value)


def _cell_readers(law: Law, region: str) -> dict[str, Callable[[Any], Any]]:
    """Return a function per column that reads its cells that are not missing."""
    sectors = [sector.name for sector in law.sectors]
    return {
        "purpose": lambda value: one_of(Purpose, value, "the column purpose"),
        "sector": lambda value: check_member(value, sectors, "the column sector"),
        "caller": lambda value: _presented_number(value, region),
        "automated": _flag,
        "about": str,
        "channel": lambda value: one_of(Channel, value, "the column channel"),
        "time_zone": lambda value: check_time_zone(str(value), "the column time_zone"),
        "outcome": lambda value: one_of(Outcome, value, "the column outcome"),
    }


_FLAGS: Final = {True: True, False: False, "true": True, "false": False}


def _flag(value: Any) -> bool:
    if value not in _FLAGS:
        expected = f"one of {', '.join(map(str, _FLAGS))}"
        raise InputError(expected, show(value), "the column automated")
    return _FLAGS[value]


def _presented_number(value: Any, region: str) -> str | None:
    """Return a presented number; None, for not known, if it cannot be read."""
    try:
        return read_caller(value, region)
    except InvalidNumberError:
        return None
