"""Desk: inputs, outputs, and stores that are down."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import bloctel
from bloctel._util import clock
from bloctel.compliance import (
    MASKED,
    CallerKind,
    CallLog,
    Consent,
    ConsentRegister,
    Decision,
    Desk,
    Evidence,
    Outcome,
    Slot,
    caller_kind,
    read_caller,
    territory_of,
)
from bloctel.errors import (
    InputError,
    InvalidNumberError,
    MissingExtraError,
    StorageGoneError,
    UnknownListError,
)
from bloctel.numbers.phone_number import PhoneNumber, french_nsn
from bloctel.rules import Certainty, law
from tests.helpers.law_rows import (
    FIRM,
    KEYS,
    PARIS,
    PlainCalls,
    PlainConsents,
    ask,
    book_of,
    consent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.compliance import Attempt

FRENCH = law.load("FR")
MONDAY = datetime(2024, 6, 3, 10, 30, tzinfo=PARIS)
CALL: dict[str, Any] = {"purpose": "sale", "sector": "travel", "caller": "0162000000"}
NUMBER = "01 99 00 00 00"


def paris(year: int, month: int, day: int, hour: int) -> datetime:
    """Return a time in Paris."""
    return datetime(year, month, day, hour, tzinfo=PARIS)


def desk(**known: Any) -> Desk:
    """Return a desk without any fact against a call."""
    clear: dict[str, Any] = {
        "book": book_of(bloctel="clear", own="clear"),
        "calls": PlainCalls(),
        "consents": PlainConsents(),
        "firm": FIRM,
    }
    return Desk(**(clear | known))


# -- arguments ---------------------------------------------------------------------


@pytest.mark.parametrize("country", ["", "fr", "FRA", "FR\n", "0639981234"])
def test_a_country_is_two_letters(country: str) -> None:
    """A country must be a code of two letters; the error does not show other text."""
    with pytest.raises(InputError, match="a country code of two cap") as refused:
        Desk(country)

    assert "3998" not in str(refused.value)


@pytest.mark.parametrize("days", [-1, 10**9])
def test_a_horizon_is_a_few_years_at_most(days: int) -> None:
    """The horizon must not be negative or longer than a few years."""
    with pytest.raises(InputError, match="horizon_days"):
        Desk(horizon_days=days)


@pytest.mark.parametrize("trust", ["V4", "", "certain"])
def test_a_trust_is_a_certainty(trust: Any) -> None:
    """A value of *trust* that is not a certainty is refused."""
    with pytest.raises(InputError, match="one of V1, V2, V3, R, NF"):
        Desk(trust=trust)


@pytest.mark.parametrize(
    ("argument", "value", "sentence"),
    [
        ("at", MONDAY.replace(tzinfo=None), "a datetime with a time zone"),
        ("at", date(2024, 6, 3), "expected a datetime, got date - at at"),
        ("at", "2024-06-03", "expected a datetime, got str - at at"),
        (
            "at",
            datetime(9999, 12, 31, tzinfo=UTC),
            "an instant from the year 2 to 2999",
        ),
        ("at", datetime(1, 1, 1, tzinfo=UTC), "an instant from the year 2 to 2999"),
        ("at", datetime(1960, 1, 1, tzinfo=UTC), "a day from 1970-01-01 on"),
        ("purpose", "selling", "one of sale, survey, association, public_service"),
        ("purpose", 1, "one of sale"),
        ("sector", "0639981234", "one of energy_renovation, renewable_energy"),
        ("sector", "Press", "one of energy_renovation"),
        ("channel", "fax", "one of voice, voice_bot, recorded"),
        ("time_zone", "0639981234", "expected a time zone such as Europe/Paris"),
        ("time_zone", "../etc/passwd", "expected a time zone such as Europe/Paris"),
        ("time_zone", "", "expected a time zone such as Europe/Paris"),
        ("time_zone", "Europe/Pari", "got the unknown name 'Europe/Pari'"),
        ("region", "ZZ", "an ISO 3166-1 alpha-2 region"),
        ("region", 33, "an ISO 3166-1 alpha-2 region"),
        ("region", 0, "an ISO 3166-1 alpha-2 region"),
        ("region", "", "an ISO 3166-1 alpha-2 region"),
        ("automated", "no", "expected true or false"),
        ("automated", 1, "expected true or false"),
        ("subject", 7, "expected text"),
    ],
)
def test_a_wrong_argument_is_refused(argument: str, value: Any, sentence: str) -> None:
    """An invalid argument raises an error, and no message contains a number."""
    with pytest.raises(bloctel.BloctelError) as refused:
        desk().may_call(NUMBER, **({"at": MONDAY} | CALL | {argument: value}))

    assert sentence in str(refused.value)
    assert "3998" not in str(refused.value)


@pytest.mark.parametrize("number", ["", "O199000000", "3639", None, 12.5, "+33"])
def test_a_number_that_is_none_is_refused(number: object) -> None:
    """A called number that cannot be read is refused."""
    with pytest.raises(InvalidNumberError):
        desk().may_call(number, at=MONDAY, **CALL)


@pytest.mark.parametrize(
    "caller", ["O199000000", "hidden", 12.5, "", "01 99 00 00 00 0"]
)
def test_a_caller_that_is_none_is_refused(caller: object) -> None:
    """The message names the parameter, without the digits of the number."""
    with pytest.raises(InvalidNumberError, match="at caller") as refused:
        desk().may_call(NUMBER, at=MONDAY, **(CALL | {"caller": caller}))

    assert "990" not in str(refused.value)


def test_without_a_moment_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without *at*, the answer is for the present time of the clock module."""
    monkeypatch.setattr(clock, "moment", lambda: MONDAY.astimezone(UTC))

    answer = desk().may_call(NUMBER, **CALL)

    assert answer.allowed
    assert answer.at == MONDAY


def test_the_same_line_gets_the_same_answer() -> None:
    """All written forms of one phone number get the same answer."""
    for number in ("0199000000", "+33 1 99 00 00 00", 199000000, 33199000000):
        assert desk().may_call(number, at=MONDAY, **CALL).allowed


# -- what stores say, or do not -----------------------------------------------------


class Down:
    """Stores that are down."""

    region = "FR"

    @property
    def lists(self) -> tuple[str, ...]:
        """Raise an error: the store is down."""
        raise StorageGoneError("a storage", "none")

    def attempts(self, key: int) -> Sequence[Attempt]:
        """Raise an error: the store is down."""
        raise StorageGoneError("a storage", "none")

    def of(self, key: int) -> Evidence:
        """Raise an error: the store is down."""
        raise StorageGoneError("a storage", "none")


def test_a_store_that_is_down_never_permits() -> None:
    """If a call log, a consent register or a book is down, the answer is ask."""
    down: Any = Down()
    later = datetime(2026, 11, 23, 15, tzinfo=PARIS)
    given = PlainConsents(Evidence(consents=[consent({})]))
    assert desk(consents=given).may_call(NUMBER, at=later, **CALL).allowed

    for known, reason in (
        ({"calls": down}, "calls_missing"),
        ({"consents": down}, "consents_missing"),
        ({"book": down}, "list_unanswered"),
    ):
        a_desk = desk(**({"consents": given} | known))
        answer = a_desk.may_call(NUMBER, at=later, **CALL)
        assert (answer.decision, answer.reasons) == (Decision.ASK, (reason,))


def test_a_real_registry_is_asked_about_the_day_of_the_call() -> None:
    """The number is listed from the day on which protection begins."""
    registry = bloctel.Registry.create("memory:", lists=["fr.bloctel", "own"])
    registry.register(NUMBER, list="fr.bloctel", on=date(2024, 5, 4))
    a_desk = desk(book=registry)

    friday = a_desk.may_call(NUMBER, at=MONDAY - timedelta(days=3), **CALL)
    monday = a_desk.may_call(NUMBER, at=MONDAY, **CALL)

    assert (friday.decision, friday.reasons) == ("yes", ("not_listed",))
    assert (monday.decision, monday.reasons) == ("no", ("listed",))
    assert monday.sources == (
        "Code de la consommation, L223-1, al. 1 (version in force on 2020-07-26)",
    )


def test_a_closed_registry_never_permits() -> None:
    """If the registry object was closed, the answer is never yes."""
    registry = bloctel.Registry.create("memory:", lists=["fr.bloctel", "own"])
    registry.close()

    answer = desk(book=registry).may_call(NUMBER, at=MONDAY, **CALL)

    assert (answer.decision, answer.reasons) == ("ask", ("list_unanswered",))


def test_a_stale_snapshot_never_permits(tmp_path: Any) -> None:
    """A stale snapshot never allows a call, neither now nor as `next_allowed_at`."""
    registry = bloctel.Registry.create("memory:", lists=["fr.bloctel", "own"])
    registry.build_snapshot(tmp_path / "s.bloctel", on=date(2024, 5, 3))

    with bloctel.Snapshot.open(tmp_path / "s.bloctel") as snapshot:
        a_desk = desk(book=snapshot)
        fresh = a_desk.may_call(
            NUMBER, at=datetime(2024, 5, 31, 20, tzinfo=PARIS), **CALL
        )
        stale = a_desk.may_call(NUMBER, at=MONDAY, **CALL)
        assert fresh.next_allowed_at is None

    assert (stale.decision, stale.reasons) == ("ask", ("list_unanswered",))


@pytest.mark.parametrize("name", ["fr.bloctel", "own"])
@pytest.mark.parametrize("digits", ["465711234", 465711234])
def test_digits_that_name_two_lines(digits: object, name: str) -> None:
    """Digits are ambiguous if only the foreign line that they name is listed."""
    french, swedish = "+33 4 65 71 12 34", "+46 5711234"
    registry = bloctel.Registry.create("memory:", lists=["fr.bloctel", "own"])
    a_desk = desk(book=registry)
    assert a_desk.may_call(digits, at=MONDAY, **CALL).allowed
    registry.register(swedish, list=name, on=date(2024, 4, 2))

    with pytest.raises(InvalidNumberError, match="ambiguous"):
        a_desk.may_call(digits, at=MONDAY, **CALL)
    assert a_desk.may_call(french, at=MONDAY, **CALL).allowed

    registry.register(french, list=name, on=date(2024, 4, 2))
    assert a_desk.may_call(digits, at=MONDAY, **CALL).decision == "no"


@pytest.mark.parametrize("outcome", [Outcome.DECLINED, Outcome.OBJECTED])
def test_a_refusal_counts_before_the_planned_time(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal by a person who was called early counts at once."""
    minute = timedelta(minutes=1)
    monkeypatch.setattr(clock, "moment", lambda: MONDAY)
    with CallLog.create("memory:") as calls:
        a_desk = desk(calls=calls)
        call = a_desk.reserve(NUMBER, at=MONDAY + 15 * minute, **CALL).call
        assert call is not None
        calls.conclude(call, outcome)

        for n in range(20):
            answer = a_desk.may_call(NUMBER, at=MONDAY + n * minute, **CALL)
            assert answer.decision == "no"
        assert a_desk.may_call(NUMBER, at=MONDAY - minute, **CALL).allowed


@pytest.mark.parametrize("record", ["withdrawal", "refusal"])
@pytest.mark.parametrize("digits", ["465711234", 465711234])
def test_digits_that_name_another_line_with_records(
    digits: object, record: str
) -> None:
    """A record about the foreign line makes its digits ambiguous, not the two lines."""
    french, swedish = "+33 4 65 71 12 34", "+46 5711234"
    consents, calls = ConsentRegister.create("memory:"), CallLog.create("memory:")
    registry = bloctel.Registry.create("memory:", lists=["fr.bloctel", "own"])
    a_desk = desk(book=registry, consents=consents, calls=calls)
    log = {"number": [digits], "at": [MONDAY]}
    assert a_desk.may_call(digits, at=MONDAY, **CALL).allowed
    assert a_desk.audit(log, **CALL).n_calls == 1
    if record == "withdrawal":
        consents.withdraw(swedish, channel="letter", at=MONDAY)
    else:
        calls.add(swedish, Outcome.DECLINED, at=MONDAY)
        log = {"number": [digits, swedish], "at": [MONDAY] * 2}

    for ask_desk in (a_desk.may_call, a_desk.reserve):
        with pytest.raises(InvalidNumberError, match="ambiguous"):
            ask_desk(digits, at=MONDAY, **CALL)
        ask_desk(french, at=MONDAY, **CALL)
    assert a_desk.audit(log, **CALL).unreadable.tolist() == [1]


def test_lists_can_be_asked_alone() -> None:
    """A desk for one brand ignores objections to another brand."""
    registry = bloctel.Registry.create(
        "memory:", lists=["fr.bloctel", "own", "own:brand-a", "own:brand-b"]
    )
    registry.register(NUMBER, list="own:brand-a", on=date(2024, 1, 2))
    both = desk(book=registry)
    other = desk(book=registry, lists=["fr.bloctel", "own", "own:brand-b"])

    assert both.may_call(NUMBER, at=MONDAY, **CALL).reasons == ("objected",)
    assert other.may_call(NUMBER, at=MONDAY, **CALL).allowed
    with pytest.raises(UnknownListError, match="no list own:brand-c"):
        desk(book=registry, lists=["own:brand-c"]).may_call(NUMBER, at=MONDAY, **CALL)


def test_answers_instead_of_a_list_are_asked_like_one() -> None:
    """Without an answer of the operator, or with an old one, a call is not allowed."""
    registry = bloctel.Registry.create(
        "memory:", lists=["fr.bloctel", "fr.bloctel.cleared", "own"]
    )
    a_desk = desk(book=registry)
    before = a_desk.may_call(NUMBER, at=MONDAY, **CALL)

    registry.record_answers(
        list="fr.bloctel",
        on=date(2024, 5, 20),
        opposed=np.empty(0, np.uint64),
        clear=np.array([bloctel.normalize(NUMBER).key], np.uint64),
    )

    assert before.reasons == ("list_not_known",)
    assert a_desk.may_call(NUMBER, at=MONDAY, **CALL).allowed
    later = a_desk.may_call(NUMBER, at=MONDAY + timedelta(days=28), **CALL)
    assert later.reasons == ("list_not_known",)


def test_naive_moments_of_a_store_are_refused() -> None:
    """Times without a time zone are refused: an hour can turn no into yes."""
    naive = MONDAY.replace(tzinfo=None)
    given = Consent(
        id="1", given_at=naive, expires_on=date(2025, 1, 1), firm=FIRM, subject="x"
    )
    with pytest.raises(InputError, match=r"at consent\.given_at"):
        desk(consents=PlainConsents(Evidence(consents=[given]))).may_call(
            NUMBER, at=MONDAY, **CALL
        )


# -- the next lawful time ---------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "at"),
    [
        ({"at": paris(2024, 5, 31, 13)}, "2024-05-31T14:00:00+02:00"),
        ({"at": paris(2024, 5, 31, 20)}, "2024-06-03T10:00:00+02:00"),
        ({"at": paris(2024, 5, 8, 15)}, "2024-05-10T10:00:00+02:00"),
        ({"at": paris(2024, 5, 17, 20)}, "2024-05-21T10:00:00+02:00"),
        ({"at": paris(2025, 10, 24, 20)}, "2025-10-27T10:00:00+01:00"),
        ({"at": paris(2026, 3, 27, 20)}, "2026-03-30T10:00:00+02:00"),
        (
            {"at": datetime(2024, 5, 31, 14, tzinfo=UTC), "called": "RE"},
            "2024-05-31T18:00:00+04:00",
        ),
        (
            {"at": datetime(2024, 5, 31, 17, tzinfo=UTC), "called": "RE"},
            "2024-06-03T10:00:00+04:00",
        ),
        (
            {"at": datetime(2025, 10, 31, 23, tzinfo=UTC), "called": "PM"},
            "2025-11-03T10:00:00-03:00",
        ),
        # the fifth attempt is lawful thirty days after the first one, at the same hour
        (
            {
                "at": paris(2024, 6, 3, 15),
                "attempts": [paris(2024, 5, d, 15) for d in (8, 9, 10, 13)],
            },
            "2024-06-07T15:00:00+02:00",
        ),
        (
            {"at": paris(2024, 6, 3, 15), "refused": [paris(2024, 5, 8, 15)]},
            "2024-07-08T10:00:00+02:00",
        ),
        ({"at": paris(2024, 6, 3, 15), "bloctel": "listed"}, None),
        ({"at": paris(2024, 6, 3, 15), "sector": ""}, None),
        (
            {
                "at": paris(2026, 11, 23, 15),
                "consents": [
                    {"slots": [(paris(2026, 12, 25, 21), paris(2026, 12, 25, 22))]}
                ],
            },
            "2026-12-25T21:00:00+01:00",
        ),
        (
            {
                "at": paris(2026, 11, 23, 15),
                "consents": [
                    {"given_at": datetime(2026, 11, 23, 15, 20, tzinfo=PARIS)}
                ],
            },
            "2026-11-23T15:20:00+01:00",
        ),
        (
            {
                "at": paris(2026, 11, 23, 15),
                "sector": "home_adaptation",
                "subject": "lift",
                "trust": "V3",
                "call_backs": [
                    {
                        "asked_at": datetime(2026, 11, 23, 15, 20, tzinfo=PARIS),
                        "subject": "lift",
                    }
                ],
            },
            "2026-11-23T15:20:00+01:00",
        ),
        # after a change of the law, consent permits a call that the list forbade
        (
            {
                "at": paris(2026, 8, 7, 15),
                "bloctel": "listed",
                "consents": [{"given_at": paris(2026, 8, 1, 9)}],
            },
            "2026-08-11T10:00:00+02:00",
        ),
    ],
)
def test_the_next_moment_is_where_the_law_puts_it(
    row: dict[str, Any], at: str | None
) -> None:
    """The search for a lawful time passes weekends, holidays and changes of the law."""
    found = ask(row).next_allowed_at

    assert (found and found.isoformat()) == at


def test_a_contract_begins_at_midnight_where_the_person_is() -> None:
    """A contract begins at midnight in Martinique, which is 06:00 in Paris."""
    found = ask(
        {
            "at": paris(2022, 5, 30, 15),
            "called": "MQ",
            "bloctel": "listed",
            "subject": "home",
            "contracts": [{"subject": "home", "starts_on": date(2022, 5, 31)}],
        }
    ).next_allowed_at

    assert found is not None
    assert found.isoformat() == "2022-05-31T00:00:00-04:00"


def test_a_list_lets_go_at_midnight_in_paris() -> None:
    """A list's day begins at midnight in Paris, which is 02:00 in La Réunion."""
    registry = bloctel.Registry.create("memory:", lists=["fr.bloctel", "own"])
    called = PhoneNumber(KEYS["RE"])
    registry.register(called, list="own", on=date(2022, 1, 3))
    registry.withdraw(called, list="own", on=date(2022, 5, 31))
    a_desk = desk(book=registry)

    found = a_desk.may_call(called, at=paris(2022, 5, 30, 15), **CALL).next_allowed_at

    assert found is not None
    assert found.isoformat() == "2022-05-31T02:00:00+04:00"


def test_a_call_that_is_lawful_is_so_at_once() -> None:
    """The next lawful time is the time of the call, including its seconds."""
    at = datetime(2024, 6, 3, 10, 30, 15, 7, tzinfo=ZoneInfo("America/New_York"))
    assert desk().may_call(NUMBER, at=at, **CALL).next_allowed_at == at


def test_beyond_the_horizon_nothing_is_looked_for() -> None:
    """A short horizon gives None where a longer one finds a time."""
    friday = datetime(2024, 5, 31, 20, tzinfo=PARIS)

    short = desk(horizon_days=1).may_call(NUMBER, at=friday, **CALL)

    assert short.next_allowed_at is None
    assert desk(horizon_days=3).may_call(NUMBER, at=friday, **CALL).next_allowed_at


# -- what is shown --------------------------------------------------------------------


def test_no_repr_shows_a_number() -> None:
    """The representation of an answer does not contain the called number."""
    answer = desk().may_call(NUMBER, at=MONDAY, **CALL)

    for shown in (repr(answer), repr(desk()), repr(answer.facts), answer.explain()):
        assert "99000000" not in shown.replace(" ", "")
    seek = answer._seek.__closure__ or ()
    for cell in seek:
        assert "99000000" not in repr(cell.cell_contents)


def test_an_explanation_is_in_one_of_two_languages() -> None:
    """An explanation in a language other than French and English is refused."""
    answer = ask({"at": paris(2026, 11, 22, 15)})

    assert answer.explain() == answer.explain(lang="en")
    assert answer.explain("fr").startswith("Non\xa0: cet appel est interdit.")
    assert "version en vigueur au 11 août 2026" in answer.explain("fr")
    assert "This is not legal advice." in answer.explain("en")
    with pytest.raises(InputError, match="one of the languages en, fr"):
        answer.explain("de")


@pytest.mark.parametrize("sector", ["insurance", "energy_renovation"])
@pytest.mark.parametrize("called", ["FR", "abroad"])
def test_other_channels_name_33700(called: str, sector: str) -> None:
    """Spam by SMS or ping calls is reported to the service that the answer names."""
    call = {"at": paris(2026, 11, 23, 15), "called": called, "sector": sector}
    for channel in ("sms", "voice_spam"):
        answer = ask({**call, "channel": channel})
        assert "33700" in answer.explain("en")
        assert "33700" in answer.explain("fr")


def test_the_certainty_is_that_of_the_least_sure_rule() -> None:
    """An answer has the certainty of the least certain rule that decided it."""
    assert ask({"at": paris(2024, 6, 2, 15)}).certainty == "V1"
    assert ask({"at": paris(2026, 11, 22, 15)}).certainty == "V3"
    assert ask({"at": paris(2024, 6, 3, 15), "sector": ""}).certainty == "NF"


# -- numbers and places ----------------------------------------------------------------


@pytest.mark.parametrize("code", ["FR", "YT", "RE", "MQ", "GP", "GF", "PM"])
def test_each_territory_is_told_by_its_first_digits(code: str) -> None:
    """Every prefix in the data has its own territory and time zone."""
    for prefix in next(t for t in FRENCH.territories if t.code == code).prefixes:
        nsn = prefix.ljust(9, "0")
        key = int("33" + nsn) if not nsn.startswith("508") else int(nsn)
        found = territory_of(key, FRENCH)
        longest = max(
            (p for t in FRENCH.territories for p in t.prefixes if nsn.startswith(p)),
            key=len,
        )
        if longest == prefix and prefix not in FRENCH.numbering.undecided:
            assert found is not None
            assert found.code == code


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        ("070904", "GP"),
        ("070905", None),
        ("070913", "MQ"),
        ("070914", None),
        ("070923", "RE"),
        ("070924", None),
        ("070933", "GF"),
        ("070934", None),
        ("070935", "YT"),
        ("070937", "YT"),
        ("070938", None),
        ("070839", "FR"),
        ("070840", "PM"),
        ("070850", "PM"),
        ("094780", None),
        ("094750", "GP"),
        ("026890", "YT"),
        ("026200", "RE"),
        ("019900", "FR"),
        ("081000", None),
        ("090000", None),
        ("094760", "GF"),
        ("097622", None),
        ("093950", None),
        ("026880", None),
    ],
)
def test_the_blocks_of_07090_to_07093_are_told_by_six_digits(
    digits: str, code: str | None
) -> None:
    """Prefixes that are not assigned to one territory have no territory."""
    found = territory_of(int("33" + digits[1:].ljust(9, "0")), FRENCH)

    assert (found and found.code) == code


@pytest.mark.parametrize("abroad", [447700900123, 37712345678, 687123456, 689123456])
def test_a_number_outside_the_plan_has_no_territory(abroad: int) -> None:
    """Monaco, New Caledonia and Polynesia are outside the French plan."""
    assert french_nsn(abroad) is None
    assert territory_of(abroad, FRENCH) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("+33 1 62 00 00 00", "0162000000"),
        ("0162000000", "0162000000"),
        ("36 39", "3639"),
        ("118 000", "118000"),
        (MASKED, "masked"),
        ("+44 7700 900000", "+447700900000"),
    ],
)
def test_a_caller_is_read_as_it_is_written(text: str, read: str) -> None:
    """Presented numbers of all forms are read, including short numbers."""
    assert read_caller(text, "FR") == read


def test_what_a_caller_shows_depends_on_the_day() -> None:
    """A number in `01 62` is ordinary until the decision that reserves the range."""
    before, since = (FRENCH.on(date(year, 6, 1)) for year in (2022, 2023))

    assert caller_kind("0162000000", before) is CallerKind.ORDINARY
    assert caller_kind("0162000000", since) is CallerKind.VERIFIED


# -- other countries -------------------------------------------------------------------


_ONLY_KNOWN = [entry for entry in law.countries() if entry.code not in law.names()]


@pytest.mark.parametrize("entry", _ONLY_KNOWN, ids=lambda entry: entry.code)
def test_a_country_that_is_only_known_is_never_a_yes(entry: law.Country) -> None:
    """For a country with facts but no rules, the answer is ask, and has the facts."""
    answer = Desk(entry.code).may_call("+447700900123", at=MONDAY, **CALL)

    assert (answer.decision, answer.reasons) == ("ask", ("country_not_judged",))
    assert answer.next_allowed_at is None
    assert answer.known
    assert {fact.certainty for fact in answer.known} <= {Certainty.V1, Certainty.V2}
    last = entry.facts_on(MONDAY.date())[-1]
    assert last.en in answer.explain()
    assert last.fr in answer.explain("fr")


def test_an_unknown_country_is_never_a_yes() -> None:
    """An unknown country gets the answer ask."""
    answer = Desk("XX").may_call("+447700900123", at=MONDAY)

    assert (answer.decision, answer.reasons) == ("ask", ("country_unknown",))
    assert answer.sources == answer.rule_ids == ()
    assert answer.known == ()


def test_numbers_of_a_known_country_are_read_its_way() -> None:
    """National forms of phone numbers are read as numbers of the desk's country."""
    assert Desk("GB").may_call("07700 900123", at=MONDAY).decision == "ask"
    with pytest.raises(InvalidNumberError, match="no_country"):
        Desk("XX").may_call("07700 900123", at=MONDAY)


@pytest.mark.parametrize(
    ("subject", "reasons"),
    [
        ("Autre", ("no_consent",)),
        ("anything else", ("no_consent",)),
        ("Rénovation énergétique des logements", ("sector",)),
    ],
)
def test_a_sector_has_the_same_meaning_in_each_language(
    subject: str, reasons: tuple[str, ...]
) -> None:
    """A French name of a banned or general sector permits no more than its code."""
    given = consent({"subject": subject})
    a_desk = desk(consents=PlainConsents(Evidence(consents=[given])))
    at = paris(2026, 11, 23, 11)

    answer = a_desk.may_call(
        NUMBER, at=at, subject=subject, **CALL | {"sector": "other"}
    )

    assert (answer.decision, answer.reasons) == ("no", reasons)


# -- the extra --------------------------------------------------------------------


def test_without_the_library_of_holidays_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the library of holidays is missing, the error names the extra to install."""
    from bloctel.compliance import calling_hours

    calling_hours._holidays.cache_clear()
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(MissingExtraError, match=r"bloctel\[compliance\]"):
        desk().may_call(NUMBER, at=MONDAY, **CALL)
    calling_hours._holidays.cache_clear()


def test_a_consented_slot_is_half_open_and_in_any_zone() -> None:
    """A slot includes its start and not its end, in any time zone."""
    start = datetime(2026, 12, 25, 20, tzinfo=UTC)
    given = consent({"slots": [(start, start + timedelta(minutes=30))]})
    assert given.slots == (Slot(start, start + timedelta(minutes=30)),)
    a_desk = desk(consents=PlainConsents(Evidence(consents=[given])))

    for minutes, allowed in ((-1, False), (0, True), (29, True), (30, False)):
        at = (start + timedelta(minutes=minutes)).astimezone(PARIS)
        number = PhoneNumber(KEYS["MQ"])
        assert a_desk.may_call(number, at=at, **CALL).allowed is allowed


@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": "bogus"},
        {"sector": 5},
        {"automated": "yes"},
        {"subject": 5},
        {"channel": "pigeon"},
        {"time_zone": 7},
        {"region": 0},
        {"time_zone": "Nowhere 7"},
    ],
)
def test_inputs_are_checked_where_no_law_is_known(wrong: dict[str, Any]) -> None:
    """A misspelt input raises an error for every country."""
    desk, at = Desk("BE"), paris(2026, 11, 23, 15)
    assert desk.may_call("+32 2 000 00 00", at=at).decision == "ask"

    with pytest.raises(InputError):
        desk.may_call("+32 2 000 00 00", at=at, **wrong)
