"""Log of past calls in columns, read from a data frame or a mapping."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bloctel._util import clock
from bloctel._util.instants import END, read_instant, to_microseconds
from bloctel._util.private_fields import not_shown
from bloctel._util.raising import raise_alone
from bloctel._util.strict import convert, show
from bloctel.compliance import call_inputs
from bloctel.compliance.call_log import Outcome
from bloctel.compliance.caller_id import read_caller
from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers.phone_number import check_region, read_all
from bloctel.numbers.readings import Readings
from bloctel.rules.law import Channel, Law, Purpose

_FIRST: Final = to_microseconds(datetime(2, 1, 1, tzinfo=UTC))
#: The first instant that `to_microseconds` refuses.
_END: Final = to_microseconds(END - timedelta(microseconds=1)) + 1
#: The columns of a log; `number` and `at` are required.
COLUMNS: Final = (
    "number",
    "at",
    "outcome",
    "reservation",
    *(name for name in call_inputs.CallInputs.__annotations__ if name != "region"),
)


class DictionaryColumn(NamedTuple):
    """Column in two parts: the distinct values, and the index of each row's value."""

    values: Sequence[Any]
    codes: NDArray[np.int64]

    def mapped(self, change: Callable[[Any], Any]) -> "DictionaryColumn":
        """Return a column with `change(value)` in place of each value."""
        distinct = dictionary_encoded(map(change, self.values))
        return DictionaryColumn(distinct.values, distinct.codes[self.codes])

    def taken(self, rows: NDArray[np.intp]) -> "DictionaryColumn":
        """Return a column that contains only the given rows."""
        return DictionaryColumn(self.values, self.codes[rows])


def dictionary_encoded(values: Iterable[Hashable]) -> "DictionaryColumn":
    """Return a `DictionaryColumn` that contains *values*."""
    indexes: dict[tuple[type, Hashable], int] = {}  # with types, because True == 1
    codes = [indexes.setdefault((type(v), v), len(indexes)) for v in values]
    return DictionaryColumn([value for _, value in indexes], np.array(codes, np.int64))


@not_shown("keys", "others")
class PastCalls(NamedTuple):
    """Past calls that were dialled and whose phone numbers can be read.

    `rows` and `unreadable` contain row numbers of the log, from 0.  The phone numbers
    in the `unreadable` rows cannot be read.  `at` contains microseconds since
    1970-01-01T00:00Z.  `others` contains, by row, other numbers that the same digits
    can mean.  `columns` contains the other inputs of `Desk.may_call`, and `outcome`.
    """

    rows: NDArray[np.intp]
    keys: NDArray[np.uint64]
    at: NDArray[np.int64]
    columns: Mapping[str, DictionaryColumn]
    n_rows: int
    unreadable: NDArray[np.intp]
    others: Mapping[int, Readings]

    def taken(self, calls: NDArray[np.intp]) -> "PastCalls":
        """Return a copy with only the calls at these indexes of `rows`."""
        columns = {name: each.taken(calls) for name, each in self.columns.items()}
        return self._replace(
            rows=self.rows[calls],
            keys=self.keys[calls],
            at=self.at[calls],
            columns=columns,
        )


def read_calls(
    log: Any,
    defaults: call_inputs.CallInputs,
    law: Law,
    *,
    region: str,
    log_time_zone: str | None = None,
) -> PastCalls:
    """Read a log of calls; return the calls sorted by phone number and time.

    `Desk.audit` explains the arguments and the columns.
    """
    names = _names(log)
    for name in ("number", "at"):
        if name not in names:
            got = f"{len(names)} columns with other names"
            raise InputError(f"a column {name}", got, "the log")
    call_inputs.check_names(defaults)
    keys, others = read_all(log["number"], check_region(region))
    zone = None
    if log_time_zone is not None:
        zone = clock.zone(convert(log_time_zone, call_inputs.ZoneName, "log_time_zone"))
    at = _instants(log["at"], zone)
    n_rows = len(keys)
    columns = {}
    sectors = [sector.name for sector in law.sectors]
    for name in COLUMNS[2:]:
        if name in names:
            try:
                column = dictionary_encoded(_python_values(log[name]))
            except TypeError:
                got = "cells that contain lists or other containers"
                raise_alone(InputError("one value per cell", got, f"the column {name}"))
        else:
            column = DictionaryColumn([defaults.get(name)], np.zeros(n_rows, np.int64))
        columns[name] = column.mapped(partial(_read_cell, name, sectors, region))
    lengths = {name: len(column.codes) for name, column in columns.items()}
    for name, n in {**lengths, "at": len(at)}.items():
        if n != n_rows:
            expected = f"{n_rows} rows, as in the column of numbers"
            raise InputError(expected, f"{n} rows", name)
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
        others,
    )


def _names(log: Any) -> list[str]:
    for attribute in ("column_names", "columns", "keys"):
        found = getattr(log, attribute, None)
        if found is not None:
            return [str(name) for name in (found() if callable(found) else found)]
    expected = "a frame, or a mapping from names to columns"
    raise InputError(expected, f"a value of type {type(log).__name__}", "the log")


def _python_values(column: Any) -> list[Any]:
    """Return the rows of a column as Python values, with None for missing values."""
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            column = getattr(column, method)()
            break
    return [_none_if_missing(value) for value in column]


def _none_if_missing(value: Any) -> Any:
    """Return None for a missing value such as NaN or NaT; otherwise return *value*."""
    try:
        return None if value != value else value
    except (TypeError, ValueError):  # comparing pandas.NA returns NA, not a bool
        return None


def _instants(column: Any, zone: ZoneInfo | None) -> NDArray[np.int64]:
    """Return the instants of a column in microseconds; read text as ISO 8601."""
    if zone is None and (instants := _arrow_instants(column)) is not None:
        return instants
    read: dict[tuple[object, int], int] = {}
    try:
        values = _python_values(column)
    except OverflowError:
        raise_alone(_not_an_instant("a time out of range"))
    found = np.empty(len(values), np.int64)
    for row, value in enumerate(values):
        if not isinstance(value, str | datetime):
            raise _not_an_instant(show(value), row)
        # when clocks go back, two instants can differ only in `fold`, and `==` ignores
        # `fold`
        distinct = (value, getattr(value, "fold", 0))
        if (known := read.get(distinct)) is None:
            where = f"the column at, row {row + 1}"
            instant = read_instant(value, where, zone=zone)
            known = read[distinct] = to_microseconds(instant)
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
        expected = "timestamps with a time zone, or the argument log_time_zone"
        raise InputError(expected, got, "the column at")
    if chunks.null_count:
        got = f"{chunks.null_count} empty cells"
        raise InputError("a time in every row", got, "the column at")
    target = pa.timestamp("us", "UTC")
    try:
        instants = chunks.cast(
            options=pa.compute.CastOptions(target, allow_time_truncate=True)
        )
    except pa.ArrowInvalid:
        raise_alone(_not_an_instant("a time out of range"))
    found: NDArray[np.int64] = instants.cast(pa.int64()).to_numpy()
    wrong = np.flatnonzero((found < _FIRST) | (found >= _END))
    if len(wrong):
        raise _not_an_instant("a time out of range", int(wrong[0]))
    return found


def _not_an_instant(got: str, row: int | None = None) -> InputError:
    where = "the column at" if row is None else f"the column at, row {row + 1}"
    return InputError("a date and time from the year 2 to 2999", got, where)


def _id_of(value: Any) -> Any:
    """Convert an id to an integer: a CSV file has texts, and pandas may use floats."""
    is_text = isinstance(value, str) and value.isdecimal() and len(value) <= _ID_DIGITS
    is_float = isinstance(value, float) and value.is_integer()
    return int(value) if is_text or is_float else value


_ID_DIGITS: Final = 18
_TYPES: Final = {"purpose": Purpose, "channel": Channel, "outcome": Outcome}
_FLAGS: Final = {True: True, False: False, "true": True, "false": False}


def _read_cell(name: str, sectors: Sequence[str], region: str, value: Any) -> Any:
    """Return the value of a cell, in the form that `may_call` needs."""
    where = f"the column {name}"
    if value in (None, ""):
        return Channel.VOICE if name == "channel" else None
    if name in _TYPES:
        return convert(value, _TYPES[name], where)
    if name == "reservation":
        return convert(_id_of(value), int, where)
    if name == "sector":
        return call_inputs.check_sector(value, sectors, where)
    if name == "time_zone":
        return convert(str(value), call_inputs.ZoneName, where)
    if name == "caller":
        with suppress(InvalidNumberError):
            return read_caller(value, region)
        return None  # the presented number is not known
    if name in ("automated", "business_line"):
        if value not in _FLAGS:
            expected = f"one of {', '.join(map(str, _FLAGS))}"
            raise InputError(expected, show(value), where)
        return _FLAGS[value]
    return str(value)
