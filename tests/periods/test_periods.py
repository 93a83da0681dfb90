"""Calendar arithmetic and half-open periods, by example."""

import pickle
from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from bloctel.errors import InputError
from bloctel.periods import (
    NO_END,
    RegistrationPeriod,
    add_days,
    add_years,
    from_epoch_day,
    merge,
    to_epoch_day,
)

MAY = RegistrationPeriod(date(2024, 5, 1), date(2024, 6, 1))
JUNE = RegistrationPeriod(date(2024, 6, 1), date(2024, 7, 1))
JULY = RegistrationPeriod(date(2024, 7, 1), date(2024, 8, 1))


@pytest.mark.parametrize(
    ("day", "years", "expected"),
    [
        (date(2021, 5, 3), 3, date(2024, 5, 3)),
        (date(2020, 2, 29), 3, date(2023, 2, 28)),
        (date(2020, 2, 29), 4, date(2024, 2, 29)),
        (date(2021, 2, 28), 3, date(2024, 2, 28)),
        (date(2020, 2, 29), -1, date(2019, 2, 28)),
        (date(1896, 2, 29), 4, date(1900, 2, 28)),
        (date(2020, 12, 31), 0, date(2020, 12, 31)),
        (date(9996, 12, 31), 3, date(9999, 12, 31)),
    ],
)
def test_add_years_keeps_the_day_of_the_month(
    day: date, years: int, expected: date
) -> None:
    """The day of the month stays; 29 February becomes 28 in a year without it."""
    assert add_years(day, years) == expected


@pytest.mark.parametrize(
    ("day", "years"),
    [(date(9997, 1, 1), 3), (date(3, 1, 1), -3), (date(2024, 2, 29), 10**9)],
)
def test_add_years_refuses_to_leave_the_calendar(day: date, years: int) -> None:
    """A result outside of the calendar raises InputError."""
    with pytest.raises(InputError, match="years 1 to 9999"):
        add_years(day, years)


@pytest.mark.parametrize("days", [1, 10**12])
def test_add_days_refuses_to_leave_the_calendar(days: int) -> None:
    """A result outside of the calendar raises InputError."""
    with pytest.raises(InputError, match="too many days from 9999-12-31"):
        add_days(date(9999, 12, 31), days)


@pytest.mark.parametrize(
    ("day", "epoch_day"),
    [
        (date(1970, 1, 1), 0),
        (date(1969, 12, 31), -1),
        (date(2016, 6, 1), 16953),
        (date(2026, 8, 11), 20676),
        (None, NO_END),
    ],
)
def test_epoch_days_count_from_1970(day: date | None, epoch_day: int) -> None:
    """Days are counted from 1970-01-01, and the greatest int32 is not a day."""
    assert to_epoch_day(day) == epoch_day
    assert from_epoch_day(epoch_day) == day


@pytest.mark.parametrize("epoch_day", [NO_END - 1, 2**31, -(2**31), 2**63, -(10**30)])
def test_an_epoch_day_outside_the_calendar_is_refused(epoch_day: int) -> None:
    """A damaged count of days raises InputError, not an error of Python."""
    with pytest.raises(InputError, match="years 1 to 9999"):
        from_epoch_day(epoch_day)


def test_a_period_is_half_open() -> None:
    """A period covers its first day, but not the day on which it ends."""
    assert not MAY.covers(date(2024, 4, 30))
    assert MAY.covers(date(2024, 5, 1))
    assert MAY.covers(date(2024, 5, 31))
    assert not MAY.covers(date(2024, 6, 1))


def test_a_period_without_end_covers_the_last_day_there_is() -> None:
    """A period without an end covers even the last day of the calendar."""
    assert RegistrationPeriod(date(2024, 5, 1), None).covers(date.max)


def test_an_empty_period_covers_no_day() -> None:
    """A period that ends when it starts protects nothing."""
    empty = RegistrationPeriod(date(2024, 5, 1), date(2024, 5, 1))

    assert empty.is_empty
    assert not empty.covers(date(2024, 5, 1))
    assert not MAY.is_empty


def test_a_period_cannot_end_before_it_starts() -> None:
    """A period that ends before it starts is refused; the error names both days."""
    with pytest.raises(InputError, match=r"2024-05-02.*2024-05-01 - at ends_on"):
        RegistrationPeriod(date(2024, 5, 2), date(2024, 5, 1))


def test_a_period_is_a_value() -> None:
    """Periods compare, hash and pickle by their days, and do not change."""
    again = pickle.loads(pickle.dumps(MAY))  # noqa: S301 - our own bytes

    assert again == MAY
    assert {again, MAY} == {MAY}
    with pytest.raises(FrozenInstanceError):
        again.ends_on = None


def test_merge_joins_what_touches_and_keeps_gaps() -> None:
    """May and June become one period; July remains separate from May."""
    assert merge([JUNE, MAY]) == (RegistrationPeriod(date(2024, 5, 1), JUNE.ends_on),)
    assert merge([JULY, MAY]) == (MAY, JULY)


def test_merge_keeps_the_later_end_of_a_period_inside_another() -> None:
    """A short period inside a long one does not cut it."""
    long = RegistrationPeriod(date(2024, 1, 1), date(2025, 1, 1))
    endless = RegistrationPeriod(date(2024, 1, 1), None)

    assert merge([MAY, long]) == (long,)
    assert merge([MAY, endless, JULY]) == (endless,)


def test_merge_drops_empty_periods() -> None:
    """Merging drops empty periods, even if they lie in a gap between two others."""
    bridge = RegistrationPeriod(date(2024, 6, 15), date(2024, 6, 15))

    assert merge([]) == ()
    assert merge([bridge]) == ()
    assert merge([MAY, bridge, JULY]) == (MAY, JULY)
