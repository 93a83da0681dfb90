"""A log of past calls as columns, from whatever frame or rows it came in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bloctel._util import clock
from bloctel._util.instants import END, to_microseconds
from bloctel.compliance.call_inputs import check_names, check_text
from bloctel.compliance.caller_id import read_caller
from bloctel.compliance.interfaces import Outcome
from bloctel.compliance.territories import check_time_zone
from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers.phone_number import normalize_many
from bloctel.rules.law import Channel, Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
    from enum import StrEnum
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.compliance.call_inputs import CallInputs
    from bloctel.rules.law import Law

__all__ = ["COLUMNS", "Coded", "PastCalls", "read_calls"]

_FIRST_MOMENT: Final = to_microseconds(datetime(2, 1, 1, tzinfo=UTC))
#: The first one that `to_microseconds` refuses.
_END: Final = to_microseconds(END - timedelta(microseconds=1)) + 1
#: The columns that a log can have: `number` and `at`, and what is known besides.
COLUMNS: Final = (
    "number",
    "at",
    "outcome",
    "purpose",
    "sector",
    "caller",
    "automated",
    "about",
    "channel",
    "time_zone",
)
_MISSING: Final = (None, "")


class Coded(NamedTuple):
    """A column of few distinct values.

    Attributes:
        values: The distinct values.
        codes: Which of them each row has.
    """

    values: Sequence[Any]
    codes: NDArray[np.int64]

    def mapped(self, change: Callable[[Any], Any]) -> Coded:
        """Return the column with each value changed."""
        return coded_by(list(map(change, self.values)), self.codes)

    def taken(self, rows: NDArray[np.intp]) -> Coded:
        """Return some of the rows."""
        return Coded(self.values, self.codes[rows])


def coded(values: Iterable[Hashable]) -> Coded:
    """Return a column of Python values by its distinct ones.

    >>> column = coded(["sale", None, "sale"])
    >>> column.values, column.codes.tolist()
    (['sale', None], [0, 1, 0])
    """
    places: dict[Hashable, int] = {}
    codes = [places.setdefault(value, len(places)) for value in values]
    return Coded(list(places), np.array(codes, np.int64))


def _coded_column(column: Any, name: str) -> Coded:
    try:
        return coded(_plain(column))
    except TypeError:
        got = "lists or the like"
        raise InputError("single values", got, f"the column {name}") from None


def coded_by(values: Sequence[Hashable], codes: NDArray[np.int64]) -> Coded:
    """Return a column from values that may be equal, and their places."""
    distinct = coded(values)
    return Coded(distinct.values, distinct.codes[codes])


class PastCalls(NamedTuple):
    """Past calls, one a row: those that were dialled and whose number can be read.

    Attributes:
        rows: Where each stands in the log, from 0.
        keys: The numbers.
        at: When, in microseconds since 1970-01-01T00:00Z.
        columns: The other inputs of `Desk.may_call`, and `outcome`.
        n_rows: How many rows the log has.
        unreadable: The rows whose number cannot be read.
    """

    rows: NDArray[np.intp]
    keys: NDArray[np.uint64]
    at: NDArray[np.int64]
    columns: Mapping[str, Coded]
    n_rows: int
    unreadable: NDArray[np.intp]


def read_calls(
    log: Any,
    same: CallInputs,
    held: Law,
    *,
    region: str,
    log_time_zone: str | None = None,
) -> PastCalls:
    """Read a log, in the order of its numbers and of their calls.

    Args:
        log: A frame of pandas, polars or pyarrow, or a mapping from names to columns:
            `number`, `at`, and those of `CallInputs` and `outcome` that there are.
        same: What holds for the columns that the log has not.
        held: The law whose sectors there are.
        region: The region of national forms.
        log_time_zone: The time zone of moments that have none of their own.

    Raises:
        InputError: A column is missing or is not what it must be.
    """
    names = _names(log)
    for name in ("number", "at"):
        if name not in names:
            raise InputError(f"a column {name}", "none of that name", "the log")
    readers = _readers(held, region)
    check_names(same)
    keys = normalize_many(log["number"], region=region)
    named = check_time_zone(check_text(log_time_zone, "log_time_zone"))
    zone = None if named is None else clock.zone(named)
    at = _moments(log["at"], zone)
    n_rows = len(keys)
    columns = {}
    for name, read in readers.items():
        if name in names:
            column = _coded_column(log[name], name)
            _require_length(len(column.codes), n_rows, name)
        else:
            column = Coded([same.get(name)], np.zeros(n_rows, np.int64))
        columns[name] = column.mapped(read)
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
    raise InputError(expected, f"a value of the type {type(log).__name__}", "the log")


def _require_length(n: int, n_rows: int, name: str) -> None:
    if n != n_rows:
        raise InputError(f"{n_rows} rows as in the column number", str(n), name)


def _plain(column: Any) -> list[Any]:
    """Return the rows of a column as Python values, None where one is missing."""
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            column = getattr(column, method)()
            break
    return [_present(value) for value in column]


def _present(value: Any) -> Any:
    """Return a value; None for what frames write where there is none."""
    try:
        return None if value != value else value
    except (TypeError, ValueError):  # pandas.NA is neither the same nor another
        return None


def _moments(column: Any, zone: ZoneInfo | None) -> NDArray[np.int64]:
    """Return moments in microseconds; texts are read as ISO 8601 writes them.

    Raises:
        InputError: One is no moment, or has no time zone.
    """
    if zone is None and (moments := _arrow_moments(column)) is not None:
        return moments
    read: dict[object, int] = {}
    try:
        values = _plain(column)
    except OverflowError:
        raise _no_moment("one out of reach") from None
    found = np.empty(len(values), np.int64)
    for row, value in enumerate(values):
        if not isinstance(value, str | datetime):
            raise _no_moment("something else", row)
        if (known := read.get(value)) is None:
            known = read[value] = _moment(value, row, zone)
        found[row] = known
    return found


def _arrow_moments(column: Any) -> NDArray[np.int64] | None:
    """Return the moments of a column of Arrow; None if it is none of timestamps."""
    is_stream = hasattr(column, "__arrow_c_stream__")
    if not is_stream and not hasattr(column, "__arrow_c_array__"):
        return None
    try:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute  # noqa: PLC0415

        whole = column if is_stream else [pa.array(column)]
        chunks = pa.chunked_array(whole)
    except (ImportError, TypeError):
        return None
    if not pa.types.is_timestamp(chunks.type):
        return None
    if chunks.type.tz is None:
        got = "one without"
        raise InputError("moments with a time zone", got, "the column at")
    if chunks.null_count:
        raise InputError("a moment in every row", "none in some", "the column at")
    target = pa.timestamp("us", "UTC")
    try:
        moments = chunks.cast(
            options=pa.compute.CastOptions(target, allow_time_truncate=True)
        )
    except pa.ArrowInvalid:
        raise _no_moment("one out of reach") from None
    found: NDArray[np.int64] = moments.cast(pa.int64()).to_numpy()
    wrong = np.flatnonzero((found < _FIRST_MOMENT) | (found >= _END))
    if len(wrong):
        raise _no_moment("another one", int(wrong[0]))
    return found


def _no_moment(got: str, row: int | None = None) -> InputError:
    where = "the column at" if row is None else f"the column at, row {row + 1}"
    return InputError("a date and time before the year 3000", got, where)


def _moment(value: object, row: int, zone: ZoneInfo | None) -> int:
    where = f"the column at, row {row + 1}"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            got = "another text"
            raise InputError("a date and time as ISO 8601", got, where) from None
    if zone is not None and isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=zone)  # of an hour that comes twice, the first
    return to_microseconds(value, where)


def _readers(held: Law, region: str) -> dict[str, Callable[[Any], Any]]:
    """Return what reads a value of each column."""
    sectors = [sector.name for sector in held.sectors]
    return {
        "purpose": _one_of(Purpose, "purpose"),
        "sector": _among(sectors, "sector"),
        "caller": lambda value: _caller(value, region),
        "automated": _yes_or_no,
        "about": _text,
        "channel": _one_of(Channel, "channel", default=Channel.VOICE),
        "time_zone": lambda value: check_time_zone(_text(value)),
        "outcome": _one_of(Outcome, "outcome"),
    }


def _one_of(
    cls: type[StrEnum], name: str, *, default: StrEnum | None = None
) -> Callable[[Any], StrEnum | None]:
    find = _among(list(cls), name)

    def read(value: Any) -> StrEnum | None:
        found = find(value)
        return default if found is None else cls(found)

    return read


def _among(known: Sequence[str], name: str) -> Callable[[Any], str | None]:
    def read(value: Any) -> str | None:
        if value in _MISSING:
            return None
        if value not in known:
            expected = f"one of {', '.join(known)}"
            raise InputError(expected, "something else", f"the column {name}")
        return str(value)

    return read


def _text(value: Any) -> str | None:
    return None if value in _MISSING else str(value)


def _yes_or_no(value: Any) -> bool | None:
    if value in _MISSING:
        return None
    found = _WORDS.get(value)
    if found is None:
        expected = f"one of {', '.join(map(str, _WORDS))}"
        raise InputError(expected, "something else", "the column automated")
    return found


_WORDS: Final = {True: True, False: False, "true": True, "false": False}


def _caller(value: Any, region: str) -> str | None:
    """Return a caller's number; None, which is not known, where it cannot be read."""
    if value in _MISSING:
        return None
    try:
        return read_caller(value, region)
    except InvalidNumberError:
        return None
