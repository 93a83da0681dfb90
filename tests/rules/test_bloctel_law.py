"""The rules of Bloctel, sentence by sentence.

R223-x is the article of the Code de la consommation in the version in force until
2026-08-10: the numbers were used again for other rules since.
"""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from bloctel import rules
from bloctel.errors import InputError, ListClosedError, NotRegisteredError
from bloctel.periods import RegistrationPeriod, add_years
from bloctel.rules import Certainty, in_force

BLOCTEL = rules.load("fr.bloctel")
CLOSES_ON = date(2026, 8, 11)


def end_of(registered_on: date) -> date | None:
    """Return the end of a registration without renewal or withdrawal by hand."""
    return BLOCTEL.registration_period(registered_on).ends_on


def test_the_list_was_in_service_from_2016_06_01_to_2026_08_10() -> None:
    """Loi 2014-344 and loi 2025-594, art. 13 III: the first and the last day."""
    assert not BLOCTEL.is_open(date(2016, 5, 31))
    assert BLOCTEL.is_open(date(2016, 6, 1))
    assert BLOCTEL.is_open(date(2026, 8, 10))
    assert not BLOCTEL.is_open(date(2026, 8, 11))


def test_since_2026_08_11_prior_consent_is_required() -> None:
    """L223-1, version in force on 2026-08-11: the message has the new rules."""
    with pytest.raises(ListClosedError) as refused:
        BLOCTEL.require_open(date(2026, 11, 23))

    assert str(refused.value) == (
        "the list fr.bloctel is not open on 2026-11-23: expected a day from "
        "2016-06-01 to 2026-08-10; since 2026-08-11, prior consent (consentement "
        "préalable) is required: article L223-1 of the Code de la consommation, "
        "version in force on 2026-08-11"
    )


def test_before_the_opening_nothing_is_explained() -> None:
    """A day before the opening is refused without the rules since the closing."""
    with pytest.raises(ListClosedError) as refused:
        BLOCTEL.require_open(date(2016, 5, 31))

    assert refused.value.explanation == ""


@pytest.mark.parametrize("day", [date(2016, 5, 31), date(2026, 8, 11)])
def test_no_one_registers_outside_the_days_of_service(day: date) -> None:
    """A registration before the opening or after the closing is refused."""
    with pytest.raises(ListClosedError):
        BLOCTEL.registration_period(day)


def test_protection_begins_at_the_latest_30_days_after_the_receipt() -> None:
    """R223-3: the receipt (récépissé) states the day, at most 30 days later."""
    registered_on = date(2018, 5, 3)

    latest = BLOCTEL.registration_period(registered_on)
    at_once = BLOCTEL.registration_period(registered_on, delay_days=0)

    assert latest == BLOCTEL.registration_period(registered_on, delay_days=30)
    assert latest.starts_on == date(2018, 6, 2)
    assert at_once.starts_on == registered_on
    assert at_once.ends_on == latest.ends_on


@pytest.mark.parametrize("delay_days", [-1, 31])
def test_no_other_delay_is_allowed(delay_days: int) -> None:
    """R223-3: a delay of more than 30 days or of less than 0 days is refused."""
    with pytest.raises(InputError, match="a delay of 0 to 30 days"):
        BLOCTEL.registration_period(date(2018, 5, 3), delay_days=delay_days)


@pytest.mark.parametrize(
    ("registered_on", "ends_on"),
    [
        (date(2016, 6, 1), date(2019, 6, 1)),
        (date(2018, 5, 3), date(2021, 5, 3)),
        (date(2016, 7, 31), date(2019, 7, 31)),
    ],
)
def test_a_registration_lasts_three_years_per_number(
    registered_on: date, ends_on: date
) -> None:
    """R223-3: three calendar years, counted from the registration (V2)."""
    assert end_of(registered_on) == ends_on


def test_the_three_years_of_29_february_end_on_28_february() -> None:
    """Each term is counted from the registration, although the law does not say so.

    No 29 February of the list's life has a term that ends under manual renewal, so
    the arithmetic is shown on a list that never closes and never renews tacitly.
    """
    for_ever = replace(BLOCTEL.renewal[0], valid_until=None)
    manual = replace(BLOCTEL, closing=None, renewal=(for_ever,))
    day = date(2020, 2, 29)
    period = manual.registration_period(day)
    ends = [period.ends_on]
    for renewed_on in (date(2020, 3, 1), date(2023, 2, 28), date(2026, 2, 28)):
        period = manual.renewed_period(period, day, on=renewed_on)
        ends.append(period.ends_on)

    assert ends == [
        date(2023, 2, 28),
        date(2026, 2, 28),
        date(2029, 2, 28),
        date(2032, 2, 29),
    ]


def test_a_registration_of_29_february_2020_is_renewed_tacitly() -> None:
    """A registration of 29 February 2020 is renewed tacitly, until the list closed."""
    period = BLOCTEL.registration_period(date(2020, 2, 29))

    assert period == RegistrationPeriod(date(2020, 3, 30), CLOSES_ON)


def test_the_earliest_possible_lapse_is_2019_06_01() -> None:
    """The first registration can lapse three years after the first day of service."""
    first = BLOCTEL.registration_period(date(2016, 6, 1))

    assert first.covers(date(2019, 5, 31))
    assert not first.covers(date(2019, 6, 1))


def test_before_2022_a_registration_lapses_unless_renewed_by_hand() -> None:
    """Renewal was manual until 31 December 2021."""
    registered_on = date(2016, 6, 1)
    period = BLOCTEL.registration_period(registered_on)

    renewed = BLOCTEL.renewed_period(period, registered_on, on=date(2019, 5, 31))

    assert period.ends_on == date(2019, 6, 1)
    assert renewed.covers(date(2019, 6, 1))


@pytest.mark.parametrize(
    ("registered_on", "ends_on"),
    [
        (date(2018, 12, 30), date(2021, 12, 30)),
        (date(2018, 12, 31), date(2021, 12, 31)),
        (date(2019, 1, 1), date(2022, 1, 1)),
        (date(2019, 3, 30), date(2022, 3, 30)),
        (date(2019, 3, 31), date(2022, 3, 31)),
        (date(2019, 4, 1), CLOSES_ON),
        (date(2019, 4, 2), CLOSES_ON),
    ],
)
def test_tacit_renewal_spares_terms_that_end_before_2022_04_01(
    registered_on: date, ends_on: date
) -> None:
    """Décret 2021-1528: tacit from 2022, not for terms that end before April."""
    assert end_of(registered_on) == ends_on


def test_a_term_of_the_transition_can_still_be_renewed_by_hand() -> None:
    """A term that ends in early 2022 can be renewed by hand, but not tacitly."""
    registered_on = date(2019, 2, 1)
    period = BLOCTEL.registration_period(registered_on)

    renewed = BLOCTEL.renewed_period(period, registered_on, on=date(2022, 1, 31))

    assert period.ends_on == date(2022, 2, 1)
    assert renewed.ends_on == CLOSES_ON


def test_one_renewal_by_hand_leads_into_the_tacit_years() -> None:
    """Renewal is tacit at the end of the second term, so the registration continues."""
    registered_on = date(2016, 6, 1)
    period = BLOCTEL.registration_period(registered_on)

    renewed = BLOCTEL.renewed_period(period, registered_on, on=registered_on)

    assert renewed == RegistrationPeriod(date(2016, 7, 1), CLOSES_ON)


def test_the_person_is_told_three_months_before_the_end() -> None:
    """R223-3: notice is given three months before the end, for both renewal kinds."""
    assert [rule.notice_months for rule in BLOCTEL.renewal] == [3, 3]


def test_the_person_deregisters_at_any_time() -> None:
    """R223-3: a number can be withdrawn on any day of the registration."""
    registered_on = date(2018, 5, 3)
    period = BLOCTEL.registration_period(registered_on)
    days = (date(2021, 5, 3) - registered_on).days

    for day in (registered_on + timedelta(days=n) for n in range(days)):
        withdrawn = BLOCTEL.withdrawn_period(period, registered_on, on=day)
        assert withdrawn.ends_on == day
        assert withdrawn.is_empty == (day <= period.starts_on)


@pytest.mark.parametrize("day", [date(2018, 5, 2), date(2021, 5, 3)])
def test_only_a_registered_number_is_withdrawn(day: date) -> None:
    """Before the registration and after its end, nothing can be withdrawn."""
    period = BLOCTEL.registration_period(date(2018, 5, 3))

    with pytest.raises(NotRegisteredError, match="from 2018-05-03 until 2021-05-03"):
        BLOCTEL.withdrawn_period(period, date(2018, 5, 3), on=day)
    with pytest.raises(NotRegisteredError, match=r"list fr\.bloctel"):
        BLOCTEL.renewed_period(period, date(2018, 5, 3), on=day)


@pytest.mark.parametrize(
    ("ends_on", "erase_on"),
    [
        (date(2019, 6, 1), date(2022, 6, 1)),
        (date(2021, 12, 31), date(2024, 12, 31)),
        (date(2022, 3, 31), date(2025, 3, 31)),
    ],
)
def test_data_of_a_lapsed_registration_goes_three_years_later(
    ends_on: date, erase_on: date
) -> None:
    """R223-7: three years counted from the expiry."""
    assert BLOCTEL.erase_on(ends_on) == erase_on


def test_data_of_a_withdrawn_registration_goes_at_once() -> None:
    """R223-7 does not keep the data of consumers who deregistered."""
    day = date(2020, 1, 2)

    assert BLOCTEL.erase_on(day, withdrawn_on=day) == day


def test_the_end_of_the_list_ends_every_registration() -> None:
    """Loi 2025-594: nothing is protected by the list from 2026-08-11."""
    assert end_of(date(2024, 1, 1)) == CLOSES_ON
    assert end_of(date(2023, 8, 10)) == CLOSES_ON


def test_after_the_closing_data_goes_by_the_rule_of_its_last_day() -> None:
    """R223-7 still sets the day of erasure, although it was repealed on 2026-08-11."""
    assert BLOCTEL.erase_on(CLOSES_ON) == add_years(CLOSES_ON, 3)


def test_a_registration_that_ends_on_the_first_day_is_erased() -> None:
    """A corrected file of the first day can end a registration without a day."""
    opens_on = BLOCTEL.opens_on
    assert BLOCTEL.erase_on(opens_on) == add_years(opens_on, 3)


def test_a_registration_of_the_last_day_protects_no_day() -> None:
    """A registration of the last day protects no day if protection begins later."""
    period = BLOCTEL.registration_period(date(2026, 8, 10))

    assert period == RegistrationPeriod(CLOSES_ON, CLOSES_ON)
    assert period.is_empty


def test_a_registration_of_the_last_day_can_protect_that_day() -> None:
    """A registration of the last day protects it if protection begins at once."""
    period = BLOCTEL.registration_period(date(2026, 8, 10), delay_days=0)

    assert period == RegistrationPeriod(date(2026, 8, 10), CLOSES_ON)


def test_protection_in_the_last_30_days_depends_on_the_delay() -> None:
    """A registration with the latest delay must be early enough to protect a day."""
    last = BLOCTEL.registration_period(date(2026, 7, 11))

    assert last == RegistrationPeriod(date(2026, 8, 10), CLOSES_ON)
    assert BLOCTEL.registration_period(date(2026, 7, 12)).is_empty


def test_an_answer_is_valid_for_30_days() -> None:
    """The 30 days come from a statement of the operator, not from an article."""
    rule = in_force(BLOCTEL.answer_validity, on=date(2025, 1, 1))

    assert (rule.days, rule.certainty) == (30, Certainty.V2)


def test_a_registration_is_confirmed_through_an_e_mail() -> None:
    """The e-mail is sent within 48 hours, and its link works for 10 days."""
    rule = in_force(BLOCTEL.confirmation, on=date(2016, 6, 1))

    assert (rule.mail_within_hours, rule.link_valid_days) == (48, 10)


@pytest.mark.parametrize(
    ("day", "numbers"),
    [(date(2016, 6, 1), 8), (date(2021, 12, 31), 8), (date(2022, 1, 1), 10)],
)
def test_a_person_registers_8_numbers_then_10(day: date, numbers: int) -> None:
    """The limit comes from the operators' sites; no article sets it."""
    rule = in_force(BLOCTEL.numbers_per_person, on=day)

    assert (rule.max, rule.certainty) == (numbers, Certainty.V2)
