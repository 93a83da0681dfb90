"""Properties of periods, compared with counting days one by one."""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from bloctel import rules
from bloctel.errors import InputError, NotRegisteredError
from bloctel.periods import (
    RegistrationPeriod,
    add_years,
    from_epoch_day,
    merge,
    to_epoch_day,
)
from bloctel.rules import ListRules

BLOCTEL = rules.load("fr.bloctel")
# In this copy of the list, renewal stays manual, so that renewals add up.
MANUAL = replace(BLOCTEL, renewal=(replace(BLOCTEL.renewal[0], valid_until=None),))
OPENS_ON = date(2016, 6, 1)
CLOSES_ON = date(2026, 8, 11)
ONE_DAY = timedelta(days=1)
HORIZON = 60

EDGES = [
    OPENS_ON,
    date(2018, 12, 31),
    date(2019, 1, 1),
    date(2019, 3, 31),
    date(2019, 4, 1),
    date(2020, 2, 29),
    date(2022, 3, 31),
    date(2022, 4, 1),
    date(2026, 7, 12),
    date(2026, 8, 10),
]
days_of_service = st.sampled_from(EDGES) | st.dates(OPENS_ON, CLOSES_ON - ONE_DAY)
list_rules = st.sampled_from([BLOCTEL, MANUAL, rules.load("own")])
# Each list has terms; the day is the first end of a term that is renewed tacitly.
lists_with_terms = st.sampled_from([(BLOCTEL, date(2022, 4, 1)), (MANUAL, date.max)])


@st.composite
def short_periods(draw: st.DrawFn) -> RegistrationPeriod:
    """Return a period in early 2020, with or without an end."""
    start = draw(st.integers(0, HORIZON - 1))
    end = draw(st.none() | st.integers(start, HORIZON - 1))
    first = date(2020, 1, 1)
    return RegistrationPeriod(
        first + timedelta(days=start),
        None if end is None else first + timedelta(days=end),
    )


def days_of(period: RegistrationPeriod, until: date) -> set[date]:
    """Count the days of a period one by one, up to a horizon."""
    days = set()
    day = period.starts_on
    while day != until and day != period.ends_on:
        days.add(day)
        day += ONE_DAY
    return days


def walked_end(registered_on: date, renewed_on: set[date], tacit_from: date) -> date:
    """Return the end of a registration, found by counting its days one by one."""
    day, anniversaries, renewed = registered_on, 0, False
    while day < CLOSES_ON:
        renewed = renewed or day in renewed_on
        day += ONE_DAY
        anniversary = (registered_on.month, registered_on.day)
        if anniversary == (2, 29) and day.year % 4 != 0:
            anniversary = (2, 28)
        if (day.month, day.day) != anniversary:
            continue
        anniversaries += 1
        if anniversaries % 3 == 0:
            if day < tacit_from and not renewed:
                return day
            renewed = False
    return day


@given(short_periods())
def test_covers_agrees_with_counting(period: RegistrationPeriod) -> None:
    """`covers` is true for exactly the days counted from start to end."""
    until = date(2020, 1, 1) + timedelta(days=2 * HORIZON)
    counted = days_of(period, until)

    asked = (date(2019, 12, 1) + timedelta(days=n) for n in range(2 * HORIZON + 31))

    assert {day for day in asked if period.covers(day)} == counted
    assert period.is_empty == (not counted)


@given(st.lists(short_periods(), max_size=8))
@example([])
def test_merge_covers_the_union_of_the_days(periods: list[RegistrationPeriod]) -> None:
    """Merged periods cover exactly the days that the original periods cover."""
    until = date(2020, 1, 1) + timedelta(days=2 * HORIZON)

    merged = merge(periods)

    union = set[date]().union(*(days_of(period, until) for period in periods))
    assert set[date]().union(*(days_of(period, until) for period in merged)) == union


@given(st.lists(short_periods(), max_size=8), st.randoms(use_true_random=False))
def test_merge_gives_the_fewest_periods_in_order(
    periods: list[RegistrationPeriod], random: Random
) -> None:
    """Between two merged periods there is a gap, for any order of the input."""
    merged = merge(periods)

    for earlier, later in pairwise(merged):
        assert earlier.ends_on is not None
        assert earlier.ends_on < later.starts_on
    random.shuffle(periods)
    assert merge(periods) == merged
    assert merge(merged) == merged
    assert not any(period.is_empty for period in merged)


@given(st.dates())
def test_epoch_days_round_trip(day: date) -> None:
    """A day can be converted to an integer and back; the next day is one more."""
    assert from_epoch_day(to_epoch_day(day)) == day
    if day != date.min:
        assert to_epoch_day(day) == to_epoch_day(day - ONE_DAY) + 1


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 12))
@example(date(2020, 2, 29), 3)
@example(date(1896, 2, 29), 4)
def test_add_years_agrees_with_counting(day: date, years: int) -> None:
    """`add_years` gives the day that counting finds; 29 February may become 28."""
    walked = date(day.year + years, 1, 1)
    while walked.month < day.month or (
        walked.day < day.day and (walked + ONE_DAY).month == day.month
    ):
        walked += ONE_DAY

    assert add_years(day, years) == walked


@given(lists_with_terms, days_of_service)
@example((BLOCTEL, date(2022, 4, 1)), date(2019, 3, 31))
@example((BLOCTEL, date(2022, 4, 1)), date(2019, 4, 1))
def test_a_period_ends_where_walking_ends(
    of: tuple[ListRules, date], registered_on: date
) -> None:
    """Without renewals, a period ends on the day that counting its days finds."""
    known, tacit_from = of

    period = known.registration_period(registered_on)

    assert period.ends_on == walked_end(registered_on, set(), tacit_from)


@given(lists_with_terms, days_of_service, st.lists(st.integers(0, 3720), max_size=5))
@example((MANUAL, date.max), date(2020, 2, 29), [0, 1094, 1095])
def test_a_renewed_period_ends_where_walking_ends(
    of: tuple[ListRules, date], registered_on: date, offsets: list[int]
) -> None:
    """Renewals count while the registration is active; later renewals are refused."""
    known, tacit_from = of
    period = known.registration_period(registered_on)
    accepted = set()
    for offset in sorted(offsets):
        on = registered_on + timedelta(days=offset)
        if period.ends_on is not None and on < period.ends_on:
            period = known.renewed_period(period, registered_on, on=on)
            accepted.add(on)
        else:
            with pytest.raises(NotRegisteredError):
                known.renewed_period(period, registered_on, on=on)

    assert period.ends_on == walked_end(registered_on, accepted, tacit_from)


@given(list_rules, days_of_service, days_of_service)
def test_a_later_registration_never_ends_earlier(
    of: ListRules, one: date, other: date
) -> None:
    """Of two registrations, the later never ends before the earlier."""
    earlier = of.registration_period(min(one, other)).ends_on
    later = of.registration_period(max(one, other)).ends_on

    assert later is None or (earlier is not None and earlier <= later)


@given(list_rules, days_of_service, st.lists(st.integers(0, 3720), max_size=4))
@example(MANUAL, date(2016, 6, 1), [1000, 2000, 10])
def test_a_renewal_never_shortens(
    of: ListRules, registered_on: date, offsets: list[int]
) -> None:
    """A renewal keeps the start of a period, and never makes the end earlier."""
    period = of.registration_period(registered_on)
    for on in (registered_on + timedelta(days=offset) for offset in offsets):
        if period.ends_on is not None and on >= period.ends_on:
            continue
        renewed = of.renewed_period(period, registered_on, on=on)
        assert merge([period, renewed]) == merge([renewed])
        assert renewed.starts_on == period.starts_on
        period = renewed


@given(list_rules, days_of_service, st.integers(0, 1094), st.integers(0, 1094))
def test_renewing_twice_in_a_term_is_renewing_once(
    of: ListRules, registered_on: date, one: int, other: int
) -> None:
    """A second renewal in the same term adds nothing."""
    current = of.registration_period(registered_on)
    days = [registered_on + timedelta(days=n) for n in (one, other)]
    assume(current.ends_on is None or max(days) < current.ends_on)

    once = of.renewed_period(current, registered_on, on=days[0])

    assert of.renewed_period(once, registered_on, on=days[1]) == once


@given(list_rules, days_of_service, st.integers(0, 4000), st.integers(0, 30))
def test_a_withdrawal_ends_protection_on_its_day(
    of: ListRules, registered_on: date, offset: int, delay: int
) -> None:
    """After a withdrawal, days from its day on are not protected; earlier days are."""
    most = of.protection_delay[0].max_days
    current = of.registration_period(registered_on, delay_days=min(delay, most))
    on = registered_on + timedelta(days=offset)
    assume(current.ends_on is None or on < current.ends_on)

    withdrawn = of.withdrawn_period(current, registered_on, on=on)

    until = registered_on + timedelta(days=4100)
    protected = {day for day in days_of(current, until) if day < on}
    assert days_of(withdrawn, until) == protected
    kept_days = of.retention[0].withdrawn_days
    erase_on = of.erase_on(withdrawn.ends_on, withdrawn_on=on)
    assert erase_on == on + timedelta(days=kept_days)


PACKAGED = [
    file.read_text(encoding="utf-8")
    for file in Path(rules.__file__).parent.glob("*.toml")
]
fragments = st.sampled_from(
    ["=", "[", "]", '"', "\n", "2016-06-01", "9999-12-31", "-1", "true", "years", "{}"]
)


@given(
    st.sampled_from(PACKAGED),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), fragments | st.text(max_size=5)),
        max_size=4,
    ),
)
def test_an_altered_document_is_read_or_refused(
    text: str, edits: list[tuple[float, int, str]]
) -> None:
    """For any text, the reader returns rules or raises our error."""
    for position, cut, put in edits:
        start = int(position * len(text))
        text = text[:start] + put + text[start + cut :]

    try:
        read = rules.parse(text, "x.toml")
    except InputError:
        return
    read.registration_period(read.opens_on)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """The reader of rules raises InputError for any text that is not TOML rules."""
    with pytest.raises(InputError):
        rules.parse(text, "x.toml")
