"""Registration periods: ranges of calendar days, and calculations with days.

A period has a first protected day, `starts_on`, and a first day after the protection,
`ends_on`. If `ends_on` is `None`, no end is known. The functions of this module
only calculate with days. `bloctel.rules` computes the period of a registration.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from bloctel._util.raising import raise_alone
from bloctel.errors import InputError

NO_END: Final = 2**31 - 1
"""The day number that means "no end" in arrays.  It is the greatest int32, so that
`starts_on <= day < ends_on` is correct without a special case."""

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


def add_years(day: date, years: int) -> date:
    """Return the day with the same date in the calendar, *years* later.

    For 29 February, the result in a year without this day is 28 February. The French
    law counts in years and does not define this case. The function returns 28 February
    and not 1 March, so that no registration is kept longer than the legal term.

    >>> add_years(date(2021, 5, 3), 3)
    datetime.date(2024, 5, 3)
    >>> add_years(date(2020, 2, 29), 3)
    datetime.date(2023, 2, 28)
    >>> add_years(date(2020, 2, 29), 4)
    datetime.date(2024, 2, 29)
    """
    year = day.year + years
    if not date.min.year <= year <= date.max.year:
        raise _out_of_calendar(f"{years} years from {day.isoformat()}")
    if (day.month, day.day) == (2, 29):
        # in every year, the day before 1 March is the last day of February
        return date(year, 3, 1) - timedelta(days=1)
    return day.replace(year=year)


def add_days(day: date, days: int) -> date:
    """Return the day that is *days* days after *day*.

    >>> add_days(date(2021, 5, 3), 30)
    datetime.date(2021, 6, 2)
    """
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise_alone(_out_of_calendar(f"too many days from {day.isoformat()}"))


def to_epoch_day(day: date | None) -> int:
    """Return the number of days from 1970-01-01 to *day*; `NO_END` for None.

    >>> to_epoch_day(date(2016, 6, 1))
    16953
    >>> to_epoch_day(None) == NO_END
    True
    """
    return NO_END if day is None else day.toordinal() - _EPOCH_ORDINAL


def from_epoch_day(epoch_day: int) -> date | None:
    """Return the day that is *epoch_day* days after 1970-01-01; None for `NO_END`.

    >>> from_epoch_day(16953)
    datetime.date(2016, 6, 1)
    >>> from_epoch_day(NO_END) is None
    True
    """
    if epoch_day == NO_END:
        return None
    try:
        return date.fromordinal(_EPOCH_ORDINAL + epoch_day)
    except (OverflowError, ValueError):
        raise_alone(_out_of_calendar("too many days from 1970-01-01"))


@dataclass(frozen=True, slots=True)
class RegistrationPeriod:
    """Period in which a registration protects a phone number.

    Attributes:
        starts_on: The first day of protection.
        ends_on: The first day after the protection; None if no end is known.

    Raises:
        InputError: `ends_on` lies before `starts_on`.

    >>> RegistrationPeriod(date(2021, 6, 2), date(2024, 5, 3)).covers(date(2024, 5, 2))
    True
    """

    starts_on: date
    ends_on: date | None

    def __post_init__(self) -> None:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            expected = f"an end on or after the start, {self.starts_on.isoformat()}"
            raise InputError(expected, self.ends_on.isoformat(), "ends_on")

    @property
    def is_empty(self) -> bool:
        """True if the period contains no day.

        >>> RegistrationPeriod(date(2021, 6, 2), date(2021, 6, 2)).is_empty
        True
        """
        return self.starts_on == self.ends_on

    def covers(self, day: date) -> bool:
        """Return True if the period contains *day*.

        >>> RegistrationPeriod(date(2021, 6, 2), None).covers(date(2021, 6, 1))
        False
        """
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)


def merge(periods: Iterable[RegistrationPeriod]) -> tuple[RegistrationPeriod, ...]:
    """Return the fewest periods that cover the same days, sorted by their first day.

    Overlapping and adjacent periods are merged, and empty periods are removed.

    >>> merge([
    ...     RegistrationPeriod(date(2022, 1, 1), None),
    ...     RegistrationPeriod(date(2019, 1, 1), date(2022, 1, 1)),
    ...     RegistrationPeriod(date(2017, 1, 1), date(2018, 1, 1)),
    ... ])  # doctest: +NORMALIZE_WHITESPACE
    (RegistrationPeriod(starts_on=datetime.date(2017, 1, 1),
                        ends_on=datetime.date(2018, 1, 1)),
     RegistrationPeriod(starts_on=datetime.date(2019, 1, 1), ends_on=None))
    """
    merged: list[RegistrationPeriod] = []
    for period in sorted(periods, key=lambda period: period.starts_on):
        if period.is_empty:
            continue
        last = merged[-1] if merged else None
        if last and (last.ends_on is None or period.starts_on <= last.ends_on):
            end = max(last.ends_on, period.ends_on, key=to_epoch_day)
            merged[-1] = RegistrationPeriod(last.starts_on, end)
        else:
            merged.append(period)
    return tuple(merged)


def _out_of_calendar(got: str) -> InputError:
    return InputError("a day in the years 1 to 9999", got)


def plain_day(on: object) -> date:
    """Return *on* if it is a date; refuse a datetime, whose day depends on a time zone.

    >>> plain_day(date(2021, 5, 3))
    datetime.date(2021, 5, 3)
    """
    if type(on) is not date:
        got = f"a value of type {type(on).__name__}"
        raise InputError("a datetime.date", got, "on")
    return on
