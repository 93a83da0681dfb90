"""Age and withdrawal of consents, compared with the package `demarchage-consent`.

The package (PyPI, another author) implements one rule of the decree of 23 July 2026: a
consent is valid for at most a year, until it is withdrawn.  Each difference between the
package and the library has a test here, with the article that decides.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from demarchage_consent import (
    EXPIRE,
    PREUVE_MANQUANTE,
    REVOQUE,
    VALIDE,
    assess_consent,
    evaluate_consent,
)
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bloctel._util import clock
from bloctel.compliance import Answer, Consent, ConsentState, Desk, Evidence
from bloctel.compliance.consents.records import EvidenceFile, NewConsent
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.errors import InputError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.records.store import RecordStore
from tests.helpers.law_rows import FIRM, KEYS, PARIS, PlainCalls, PlainConsents, book_of

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY: Final = timedelta(days=1)
#: The states of the library that have the same meaning as a state of the package.
SAME: Final = {
    VALIDE: {ConsentState.VALID, ConsentState.OLD_FORM},
    EXPIRE: {ConsentState.EXPIRED},
    # the package looks at the withdrawal first, the library at the day of the consent
    REVOQUE: {ConsentState.WITHDRAWN, ConsentState.NOT_YET},
    PREUVE_MANQUANTE: {ConsentState.NONE, ConsentState.NOT_YET},
}


def paris(*fields: int) -> datetime:
    """Return an instant from a local time in Paris."""
    return datetime(*fields, tzinfo=PARIS)  # type: ignore[arg-type, misc]


NUMBER: Final = PhoneNumber(KEYS["FR"])
NEW: Final = NewConsent(
    given_at=paris(2026, 9, 1, 12),
    firm=FIRM,
    subject="travel",
    mentions=["all"],
    evidence=EvidenceFile("ab" * 32, "archive, form-4711.json"),
)


def new_register() -> ConsentRegister:
    """Return an empty register."""
    return ConsentRegister(RecordStore.create("memory:"))


def consent(given_at: datetime, **changes: Any) -> Consent:
    """Return a complete consent to calls about travel, by default for a year."""
    whole: dict[str, Any] = {
        "id": "1",
        "given_at": given_at,
        "expires_on": first_day_after(given_at),
        "firm": FIRM,
        "subject": "travel",
        "has_all_mentions": True,
    }
    return Consent(**whole | changes)


def answer_at(at: datetime, consents: Iterable[Consent]) -> Answer:
    """Return the answer about a call to which only a consent can matter."""
    desk = Desk(
        book=book_of(bloctel="clear", own="clear"),
        consents=PlainConsents(Evidence(consents=[*consents])),
        calls=PlainCalls(),
        firm=FIRM,
    )
    return desk.may_call(
        NUMBER, at=at, purpose="sale", sector="travel", caller="0162000000"
    )


def state_at(at: datetime, consents: Iterable[Consent]) -> ConsentState:
    """Return the state of the consents at a time."""
    facts = answer_at(at, consents).facts
    assert facts is not None
    return facts.consent


def first_day_after(given_at: datetime) -> date:
    """Return the same day of the next year, or 28 February for 29 February."""
    day = given_at.astimezone(PARIS).date()
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + 1, day=28 if leap else day.day)


call_times = st.integers(0, 1_250 * 1440).map(
    lambda minutes: paris(2026, 8, 11).astimezone(UTC) + timedelta(minutes=minutes)
)
#: Times from a consent to a call: about zero, about a year, and up to three years.
spans = st.one_of(
    st.integers(-3 * 1440, 3 * 1440),
    st.integers(0, 3 * 365 * 1440),
    st.integers(363 * 1440, 368 * 1440),
).map(lambda minutes: timedelta(minutes=minutes))


@given(call_times, spans, st.none() | spans)
@example(paris(2026, 8, 11, 12), DAY, None)
@example(paris(2026, 9, 3, 12), 2 * DAY, 2 * DAY)
def test_a_consent_has_the_state_that_the_package_gives(
    at: datetime, span: timedelta, withdrawn_after: timedelta | None
) -> None:
    """Since 11 August 2026 the states agree, except within a day of the expiry."""
    given_at = at - span
    # article R223-3: a withdrawal does not make earlier calls unlawful
    withdrawn_at = None
    if withdrawn_after is not None and given_at + withdrawn_after <= at:
        withdrawn_at = given_at + withdrawn_after
    theirs = assess_consent(given_at, now=at, revoked_at=withdrawn_at)
    assert theirs.expires_at is not None
    assume(withdrawn_at or abs(at - theirs.expires_at) > DAY + timedelta(hours=1))

    consents = [consent(given_at, withdrawn_at=withdrawn_at)]

    assert state_at(at, consents) in SAME[theirs.status]
    answer = answer_at(at, consents)
    assert ("no_consent" in answer.reasons) is not theirs.is_valid
    assert theirs.is_valid or not answer.allowed


@given(call_times, st.integers(1, 400), st.integers(0, 400))
def test_a_shorter_consent_ends_as_early_as_in_the_package(
    at: datetime, days: int, later: int
) -> None:
    """A shorter period counts, and a longer one does not exceed the year."""
    given_at = at - later * DAY
    assume(abs(later - min(days, 365)) > 1)
    ends_on = given_at.astimezone(PARIS).date() + days * DAY

    theirs = evaluate_consent(given_at, now=at, max_age_days=days)
    ours = state_at(at, [consent(given_at, expires_on=ends_on)])

    if ours is ConsentState.OVERLONG:
        # article R223-1 allows at most one year: ask if the rest of the form is valid
        assert ends_on > first_day_after(given_at)
        assert theirs == VALIDE
    else:
        assert ours in SAME[theirs]


def test_without_a_consent_no_sale_is_permitted() -> None:
    """No record: the package has no proof, and the library answers no."""
    at = paris(2026, 11, 23, 10, 30)

    assert evaluate_consent(None, now=at) == PREUVE_MANQUANTE
    assert answer_at(at, []).reasons == ("no_consent",)


@pytest.mark.parametrize("value", ["01/09/2026", "2026-02-30", "2026-09-01", None, 0])
def test_an_unreadable_time_of_a_consent_is_an_error(value: Any) -> None:
    """A consent needs a day and an hour (R223-2); a day alone is refused too."""
    at = paris(2026, 11, 23, 10, 30)

    if value != "2026-09-01":  # the package reads a day as midnight in UTC
        assert evaluate_consent(value, now=at) == PREUVE_MANQUANTE
    with pytest.raises(InputError, match="given_at"):
        answer_at(at, [replace(consent(at), given_at=value)])
    with pytest.raises(InputError, match="given_at"):
        new_register().record(NUMBER, replace(NEW, given_at=value))


@pytest.mark.parametrize("value", ["yes", True, "2026-02-30"])
def test_an_unreadable_withdrawal_never_permits_a_call(value: Any) -> None:
    """The package counts it as a withdrawal, and the library refuses the record."""
    at, given_at = paris(2026, 11, 23, 10, 30), paris(2026, 9, 1, 12)

    assert evaluate_consent(given_at, now=at, revoked_at=value) == REVOQUE
    with pytest.raises(InputError):
        answer_at(at, [consent(given_at, withdrawn_at=value)])


# -- differences -----------------------------------------------------------------------


@given(call_times, st.integers(-49 * 60, 49 * 60))
@example(paris(2027, 9, 1, 12), 0)
@example(paris(2028, 8, 31, 12), 1)
@example(paris(2029, 2, 28, 12), 0)
def test_a_year_is_a_calendar_year_and_not_365_days(at: datetime, minutes: int) -> None:
    """A consent is valid until the eve of the same day of the next year.

    R223-1 says a year, and no hour: the library does not permit calls on the last day,
    as the docs say.  The package counts 365 times 24 hours: it permits calls on the
    first hours of that day, and ends a year with a 29 February a day too early.
    """
    given_at = at - 365 * DAY - timedelta(minutes=minutes)

    is_in_time = at.astimezone(PARIS).date() < first_day_after(given_at)
    ours = state_at(at, [consent(given_at)])

    assert ours in SAME[VALIDE if is_in_time else EXPIRE]


@pytest.mark.parametrize(
    ("given_at", "at", "theirs", "ours"),
    [
        (paris(2026, 9, 1, 12), paris(2027, 9, 1, 11), VALIDE, ConsentState.EXPIRED),
        (paris(2027, 9, 1, 12), paris(2028, 8, 31, 15), EXPIRE, ConsentState.VALID),
    ],
)
def test_the_last_day_differs_from_that_of_the_package(
    given_at: datetime, at: datetime, theirs: str, ours: ConsentState
) -> None:
    """The library ends earlier on the last day, and later in a year with a leap day."""
    assert evaluate_consent(given_at, now=at) == theirs
    assert state_at(at, [consent(given_at)]) is ours


def test_a_later_withdrawal_does_not_make_a_past_call_unlawful() -> None:
    """R223-3, and GDPR article 7(3): a withdrawal has effect from its own time."""
    given_at, withdrawn_at = paris(2026, 9, 1, 12), paris(2026, 11, 24, 9)
    called_at = paris(2026, 11, 23, 10, 30)
    consents = [consent(given_at, withdrawn_at=withdrawn_at)]

    theirs = evaluate_consent(given_at, now=called_at, revoked_at=withdrawn_at)

    assert theirs == REVOQUE
    assert state_at(called_at, consents) is ConsentState.VALID
    assert state_at(withdrawn_at, consents) is ConsentState.WITHDRAWN


def test_before_11_august_2026_the_list_decides() -> None:
    """Law 2025-594, article 13 III: the package has no first day of the rule."""
    at = paris(2026, 8, 10, 10, 30)

    assert evaluate_consent(None, now=at) == PREUVE_MANQUANTE
    assert answer_at(at, []).reasons == ("not_listed",)


def test_a_proof_is_kept_for_three_calendar_years(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R223-2: three years; the package counts 1,095 days, one day less with a leap."""
    theirs = assess_consent(NEW.given_at, now=NEW.given_at).proof_retention_until
    monkeypatch.setattr(clock, "now", paris(2026, 9, 2).timestamp)
    register = new_register()
    register.record(NUMBER, NEW)
    monkeypatch.setattr(clock, "now", paris(2029, 9, 2).timestamp)

    assert theirs is not None
    assert theirs.astimezone(PARIS).date() == date(2029, 8, 31)
    assert register.purge(on=date(2029, 8, 31)) == 0
    assert register.purge(on=date(2029, 9, 1)) == 1
