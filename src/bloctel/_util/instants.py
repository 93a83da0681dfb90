"""Instants: parser of texts, and conversion to UTC and to microseconds since 1970."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bloctel._util import clock
from bloctel._util.raising import raise_alone
from bloctel.errors import InputError

#: Later instants are refused: calendar arithmetic on them could overflow.
END: Final = datetime(3000, 1, 1, tzinfo=UTC)
_START: Final = datetime(2, 1, 1, tzinfo=UTC)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: The form of an instant, for messages.
_EXAMPLE: Final = "a date and time with its offset, such as 2026-09-01T18:12+02:00"
_MICROSECOND: Final = timedelta(microseconds=1)
#: Largest accepted difference between the clocks of two machines.
_CLOCK_DIFFERENCE: Final = timedelta(minutes=5)


def in_utc(at: object, where: str = "at") -> datetime:
    """Convert an instant to UTC; refuse a datetime without a time zone.

    Comparisons need UTC: Python compares two datetimes in the same time zone by their
    local times, which is wrong in the hour that occurs twice when the clocks go back.
    """
    if not isinstance(at, datetime):
        raise InputError("a datetime", type(at).__name__, where)
    if at.utcoffset() is None:
        raise InputError("a datetime with a time zone", "a naive datetime", where)
    if not _START <= at < END:
        expected = f"an instant from the year {_START.year} to {END.year - 1}"
        raise InputError(expected, f"an instant in the year {at.year}", where)
    return at.astimezone(UTC)


def past_instant(at: datetime | None, where: str) -> datetime:
    """Return an instant in UTC, or now for None; refuse an instant in the future.

    A time at most five minutes ahead is accepted: clocks of two machines can differ.
    """
    now = clock.moment()
    instant = now if at is None else in_utc(at, where)
    if instant > now + _CLOCK_DIFFERENCE:
        raise InputError("an instant that is not in the future", str(instant), where)
    return instant


def past_day(
    day: date, today: date, where: str = "on", *, allow_future: bool | None = None
) -> date:
    """Return a day; refuse a day after *today*, unless *allow_future* is true.

    If *allow_future* is None, the error message does not name this option.
    """
    if day > today and not allow_future:
        option = "" if allow_future is None else ", or the option allow_future"
        expected = f"a day up to today, {today}{option}"
        raise InputError(expected, day.isoformat(), where)
    return day


def read_instant(
    value: str | datetime, where: str, *, zone: ZoneInfo | None = None
) -> datetime:
    """Return the instant of an ISO 8601 text or a datetime; refuse an ambiguous time.

    A time without an offset is a local time in *zone*; without *zone*, it is refused.
    """
    if isinstance(value, str):
        value = _read_time(value, where)
    if value.utcoffset() is None:
        if zone is None:
            expected = f"{_EXAMPLE}, or a time zone for times without an offset"
            raise InputError(expected, "a time without an offset", where)
        value = _localized(value, zone, where)
    return in_utc(value, where)


def _read_time(text: str, where: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        got = f"text of {len(text)} characters"
        raise_alone(InputError(_EXAMPLE, got, where))
    try:
        date.fromisoformat(text)
    except ValueError:
        return time
    # Python reads a day as midnight, but the text does not contain this time
    raise InputError(_EXAMPLE, "a day without a time", where)


def _localized(time: datetime, zone: ZoneInfo, where: str) -> datetime:
    """Add a time zone to a local time; raise InputError unless the time occurs once."""
    folds = [time.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    before, after = (each.utcoffset() or timedelta() for each in folds)
    if before == after:
        return folds[0]
    often = "twice" if before > after else "never"
    expected = f"a local time that occurs once, or {_EXAMPLE}"
    got = f"a time that occurs {often} in {zone.key}, because the clocks change"
    raise InputError(expected, got, where)


def to_microseconds(at: object, where: str = "at") -> int:
    """Return an instant in microseconds since 1970-01-01T00:00Z.

    >>> to_microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (in_utc(at, where) - _EPOCH) // _MICROSECOND


def from_microseconds(at: int) -> datetime:
    """Return the instant, in UTC, for a number of microseconds since 1970-01-01T00:00Z.

    >>> from_microseconds(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + at * _MICROSECOND
