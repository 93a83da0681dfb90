"""Conversion of aware datetimes to UTC and to microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from bloctel.errors import InputError

__all__ = ["END", "from_microseconds", "in_utc", "to_microseconds"]

#: Later instants are refused: calendar arithmetic on them could overflow.
END: Final = datetime(3000, 1, 1, tzinfo=UTC)
_START: Final = datetime(2, 1, 1, tzinfo=UTC)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def in_utc(at: object, where: str = "at") -> datetime:
    """Return an instant in UTC.

    Datetimes in one time zone compare by local time, and one hour in October occurs
    twice.  In UTC they compare in the order of time.

    Raises:
        InputError: It is not a datetime with a time zone, or its year is not from 2 to
            2999.
    """
    if not isinstance(at, datetime):
        raise InputError("a datetime", type(at).__name__, where)
    if at.utcoffset() is None:
        raise InputError("a datetime with a time zone", "a naive datetime", where)
    if not _START <= at < END:
        expected = f"an instant from the year {_START.year} to {END.year - 1}"
        raise InputError(expected, f"year {at.year}", where)
    return at.astimezone(UTC)


def to_microseconds(at: object, where: str = "at") -> int:
    """Return an instant in microseconds since 1970-01-01T00:00Z.

    Raises:
        InputError: As for `in_utc`.

    >>> to_microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (in_utc(at, where) - _EPOCH) // _MICROSECOND


def from_microseconds(at: int) -> datetime:
    """Return an instant in UTC.

    Raises:
        OverflowError: No datetime can represent it.

    >>> from_microseconds(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + at * _MICROSECOND
