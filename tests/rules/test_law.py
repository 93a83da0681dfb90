"""Strict reader of laws; every figure of an answer comes from the data."""

from __future__ import annotations

import pickle
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bloctel.compliance import Desk
from bloctel.errors import InputError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.rules import Certainty, law
from tests.helpers.law_rows import (
    FIRM,
    KEYS,
    PARIS,
    PlainCalls,
    PlainConsents,
    ask,
    book_of,
    rows,
)

FOLDER = Path(law.__file__).parent
TEXT = (FOLDER / "fr.toml").read_text(encoding="utf-8")
FRENCH = law.load("FR")


def edited(*changes: tuple[str, str]) -> str:
    """Return the French law with some of its text replaced everywhere."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def refusal(text: str) -> str:
    """Return the error message with which the reader refuses *text*."""
    with pytest.raises(InputError) as refused:
        law.parse(text, "x.toml")
    assert pickle.loads(pickle.dumps(refused.value)).args == refused.value.args  # noqa: S301
    return str(refused.value)


def test_the_law_that_comes_with_the_library_is_whole() -> None:
    """Each rule has a text in both languages, an article and the article's version."""
    assert law.names() == ("FR",)
    assert law.load("FR") is FRENCH
    assert len({rule.id for rule in FRENCH.rules}) == len(FRENCH.rules)
    for rule in FRENCH.rules:
        assert rule.en != rule.fr
        assert rule.en.endswith(".")
        assert rule.fr.endswith(".")
        assert rule.citation.endswith(f"{rule.article_version.isoformat()})")
    assert {rule.certainty for rule in FRENCH.rules} <= set(Certainty)


def test_the_eras_are_every_day_once() -> None:
    """Every day since the first regime is in one version, in which no rule changes."""
    for earlier, later in zip(FRENCH.versions, FRENCH.versions[1:], strict=False):
        assert earlier.valid_until == later.valid_from
    assert FRENCH.versions[-1].valid_until is None
    for version in FRENCH.versions:
        last = (version.valid_until or date(2999, 1, 2)) - timedelta(days=1)
        for day in (version.valid_from, last):
            in_force = [rule for rule in FRENCH.rules if rule.is_in_force(on=day)]
            assert list(version.rules) == in_force
            assert FRENCH.on(day) is version


def test_a_day_before_the_first_regime_is_refused() -> None:
    """A day before the first rules of the data is refused, because no rule applies."""
    with pytest.raises(InputError, match="a day from 1970-01-01 on, got 1969-12-31"):
        FRENCH.on(date(1969, 12, 31))


@pytest.mark.parametrize(
    "country", ["", "fr", "DE", "FR\n", "../rules/own", "0639981234"]
)
def test_a_law_that_is_not_there_is_refused(country: str) -> None:
    """An unknown country or a path is refused; the error does not show the text."""
    with pytest.raises(InputError, match="one of the countries FR") as refused:
        law.load(country)

    assert "3998" not in str(refused.value)


def test_a_rule_that_is_not_there_is_refused() -> None:
    """The name of a rule that does not exist is refused."""
    with pytest.raises(InputError, match="the identifier of an existing rule"):
        FRENCH.rule("fr.hours.2023-03-02")


def test_fines_are_those_of_their_day() -> None:
    """The greatest fines are those of the day: L242-16 raised them in 2020."""
    listed = FRENCH.rule("fr.regime.2016-07-01")

    fines = [
        FRENCH.sanction_of(listed, on=day)
        for day in (date(2016, 5, 31), date(2020, 7, 25), date(2020, 7, 26))
    ]

    assert fines[0] is None
    assert [(f.person_max_euros, f.company_max_euros) for f in fines[1:] if f] == [
        (15_000, 75_000),
        (75_000, 375_000),
    ]
    training = FRENCH.rule("fr.training-ban.2022-12-21")
    fine = FRENCH.sanction_of(training, on=date(2024, 5, 31))
    assert fine is not None
    assert fine.id == "fr.training-fine.2022-12-21"
    masked = FRENCH.rule("fr.masked.2016-07-01")
    assert FRENCH.sanction_of(masked, on=date(2024, 5, 31)) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the key law is missing - at x.toml"),
        (edited(("[law]", "[laws]")), "got 'laws' - at x.toml"),
        (edited(('country = "FR"', 'country = "fr"')), "x.toml, law.country"),
        (edited(("[numbering]", "[[numbering]]")), "a table, got an array of 1"),
        (
            "frequency = 4\n" + edited(("[frequency.", "[duty.")),
            "expected a table, got 4 - at x.toml, frequency",
        ),
        (
            edited(("max_attempts = 4", "max_attempts = 0")),
            "expected a whole number from 1 to 1000, got 0 - at x.toml, "
            "frequency[0].max_attempts",
        ),
        (edited(("max_attempts = 4", "max_attempts = true")), "1000, got True"),
        (
            edited(("10:00:00, 13:00:00", "13:00:00, 10:00:00")),
            "expected times in ascending order, got 10:00:00 after 13:00:00",
        ),
        (
            edited(("14:00:00, 20:00:00", "12:00:00, 20:00:00")),
            "calling_times[0].slots",
        ),
        (edited(("[14:00:00, 20:00:00]", "[14:00:00]")), "two times such as 10:00:00"),
        (edited(("14:00:00, 20:00:00", '"14", "20"')), "slots[1]"),
        (edited(("weekdays = [1, 2", "weekdays = [0, 2")), "from 1 to 7, got 0"),
        (edited(("weekdays = [1, 2", "weekdays = [2, 2")), "different values"),
        (edited(("weekdays = [1, 2, 3, 4, 5]", "weekdays = []")), "at least one"),
        (edited(("on_holidays = false", "on_holidays = 0")), "true or false, got 0"),
        (edited(('needs = "slot"', 'needs = "luck"')), "one of consent, slot"),
        (edited(('question = "consent"', 'question = "maybe"')), "regime[4].question"),
        (
            edited(('question = "consent"', 'question = "consent"\nlists = ["own"]')),
            "expected lists if the question is opposition",
        ),
        (edited(('lifted_by = ["contract"]', 'lifted_by = ["luck"]')), "lifted_by[0]"),
        (
            edited(('sectors = ["press"]', 'sectors = ["presse"]')),
            "got 'presse' - at x.toml, fr.press.2016-06-01.sectors",
        ),
        (
            edited(('territories = ["YT"]', 'territories = ["NC"]')),
            "got 'NC' - at x.toml, fr.abolition-mayotte.1970-01-01.territories",
        ),
        (
            edited(('sanction = "training"', 'sanction = "luck"')),
            "expected one of prospecting, training, got 'luck'",
        ),
        (
            edited(('kind = "masked"', 'kind = "masked"\npatterns = ["01xx"]')),
            "expected no patterns if the kind is masked, otherwise patterns",
        ),
        (edited(('"089xxxxxxx"', '"x89xxxxxxx"')), "digits and x"),
        (edited(('"3xxx"', '"3.*"')), "digits and x"),
        (edited(('day = "05-22"', 'day = "05-32"')), "month and day such as 05-22"),
        (edited(('day = "05-22"', "")), "expected one of day and before_easter_monday"),
        (edited(("asks_days = 60", "asks_days = 59")), "at least 60 days, got 59"),
        (
            edited(("slot_hours = 2\n", "")),
            "a number of hours, because the rule needs a precise date and time, got 0",
        ),
        (
            edited(('"269", "639"', '"269", "692"')),
            "expected first digits of only one territory, got '692'",
        ),
        (edited(('code = "YT"', 'code = "RE"')), "a name that occurs only once"),
        (edited(("Indian/Mayotte", "Indian/../Mayotte")), "territory[2].time_zone"),
        (edited(("times.hours.", "times.Hours.")), "such as fr.hours.2023-03-01"),
        (
            edited(("[frequency.frequency.2023", "[frequency.hours.2023")),
            "expected versions of only one rule",
        ),
        (
            edited(("[frequency.frequency.2023", "[frequency.hours.2026")),
            "expected versions of only one rule",
        ),
        (
            edited(("hours.2023-03-01", "hours.2023-03-41")),
            "expected a day such as 2023-03-01, got '2023-03-41' - at x.toml, "
            "calling_times.hours",
        ),
        (
            edited(("hours.2023-03-01", "hours.2027-03-01")),
            "expected a day after valid_from, 2027-03-01, got 2026-08-11",
        ),
        (
            edited(("[refusal.refusal.2026-08-11]", "[refusal.refusal]")),
            "expected a day such as 2023-03-01, got 'withdraws_consent'",
        ),
        (edited(('certainty = "V3"', 'certainty = "V4"')), "one of V1, V2, V3, R, NF"),
    ],
)
def test_a_faulty_law_is_refused_with_the_key(text: str, sentence: str) -> None:
    """A faulty law is refused; the error names the key and the fault."""
    assert sentence in refusal(text)


@pytest.mark.parametrize(
    "chain",
    ["regime", "contract", "hours", "frequency", "silence", "energy-ban", "fine"],
)
@pytest.mark.parametrize("shift", [-1, 1])
def test_versions_that_overlap_or_leave_a_gap_are_refused(
    chain: str, shift: int
) -> None:
    """Each day has one version of each rule."""
    versions = [rule for rule in FRENCH.rules if rule.chain == f"fr.{chain}"]
    old = versions[0].valid_until
    assert old is not None
    moved = (old + timedelta(days=shift)).isoformat()
    header = f".{versions[0].id.removeprefix('fr.')}]\n"
    text = edited((header, f"{header}valid_until = {moved}\n"))

    assert f"begins, {old.isoformat()}, got {moved}" in refusal(text)


def test_the_last_regime_has_no_end() -> None:
    """The last regime must not have an end, because later days would have no rules."""
    marker = "[regime.regime.2026-08-11]\n"
    text = edited((marker, f"{marker}valid_until = 2030-01-01\n"))

    expected = "expected a last version without an end, got 2030-01-01"
    assert f"{expected} - at x.toml, fr.regime[4].valid_until" in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "a = " + "[" * 100_000,
        "a = " + "{b=" * 100_000,
        edited(("max_attempts = 4", "max_attempts = 0x" + "f" * 10_000)),
        edited(("max_attempts = 4", "max_attempts = nan")),
        edited(('day = "05-22"', 'day = "' + "9" * 100_000 + '"')),
        edited(("weekdays = [1, 2, 3, 4, 5]", "weekdays = " + "[" * 90 + "]" * 90)),
        "[law]\n[law]",
    ],
)
def test_a_hostile_document_gets_a_short_sentence(text: str) -> None:
    """The reader raises our error only, and the message stays readable."""
    assert len(refusal(text)) < 500


# -- every figure comes from the data ------------------------------------------

MONDAY = datetime(2024, 6, 3, 10, 30, tzinfo=PARIS)


def answer(text: str, at: datetime = MONDAY, **call: Any) -> tuple[str, ...]:
    """Return the decision and the reasons of a call under a modified law."""
    says = {"bloctel": "clear", "own": "clear"} | call.pop("says", {})
    desk = Desk(
        book=book_of(**says),
        calls=call.pop("calls", PlainCalls()),
        consents=call.pop("consents", PlainConsents()),
        firm=FIRM,
        local_holidays=call.pop("local_holidays", False),
    )
    desk.law = law.parse(text, "x.toml")
    called = PhoneNumber(KEYS[call.pop("called", "FR")])
    facts = {"purpose": "sale", "sector": "travel", "caller": "0162000000"}
    given = desk.may_call(called, at=at, **(facts | call))
    return (given.decision, *given.reasons)


@pytest.mark.parametrize(
    ("change", "call", "before", "after"),
    [
        (("10:00:00, 13:00:00", "11:00:00, 13:00:00"), {}, "not_listed", "hour"),
        (("weekdays = [1, 2", "weekdays = [2"), {}, "not_listed", "day"),
        (("max_attempts = 4", "max_attempts = 3"), {"n": 3}, "not_listed", "attempts"),
        (("within_days = 30", "within_days = 31"), {"n": 4}, "not_listed", "attempts"),
        (
            ("\ndays = 60\nasks_days = 60", "\ndays = 61\nasks_days = 61"),
            {"r": 61},
            "not_listed",
            "silence",
        ),
        (("max_years = 1", "max_years = 2"), {"c": 400}, "no_consent", "consent"),
        (
            ("on_holidays = false", "on_holidays = true"),
            {"at": datetime(2024, 5, 1, 15, tzinfo=PARIS)},
            "holiday",
            "not_listed",
        ),
        (
            ('day = "05-22"', 'day = "05-23"'),
            {"at": datetime(2024, 5, 22, 18, tzinfo=PARIS), "called": "MQ", "p": 1},
            "holiday",
            "not_listed",
        ),
        (
            ("before_easter_monday = 3", "before_easter_monday = 4"),
            {"at": datetime(2024, 3, 29, 15, tzinfo=PARIS), "p": 1},
            "holiday",
            "not_listed",
        ),
        (
            ('"0162xxxxxx"', '"0161xxxxxx"'),
            {"automated": True},
            "not_listed",
            "caller_not_verified",
        ),
        (
            ('"089xxxxxxx"', '"088xxxxxxx"'),
            {"caller": "0899000000", "automated": False},
            "caller_forbidden",
            "not_listed",
        ),
        (
            (
                'sectors = ["energy_renovation", "renewable_energy"]',
                'sectors = ["telecom"]',
            ),
            {"sector": "telecom"},
            "not_listed",
            "sector",
        ),
        (
            ('sectors = ["press"]', 'sectors = ["travel"]'),
            {"says": {"bloctel": "listed"}},
            "listed",
            "press",
        ),
        (
            ('purposes = ["survey"]', 'purposes = ["association", "survey"]'),
            {"purpose": "survey"},
            "nothing_sold",
            "nothing_sold",
        ),
        (
            ("America/Martinique", "Europe/Paris"),
            {"called": "MQ"},
            "hour",
            "not_listed",
        ),
        (
            ('lists = ["fr.bloctel"]', 'lists = ["own"]'),
            {"says": {"bloctel": "absent"}},
            "list_not_held",
            "not_listed",
        ),
        (
            ('relation = "in_course"', 'relation = "preexisting"'),
            {"says": {"bloctel": "listed"}, "k": "car", "subject": "home"},
            "contract_unrelated",
            "contract",
        ),
        (
            ('needs = "slot"', 'needs = "consent"'),
            {"at": datetime(2026, 11, 22, 21, tzinfo=PARIS), "c": 30},
            "day",
            "consent",
        ),
        (
            ("withdraws_consent = true", "withdraws_consent = false"),
            {"at": datetime(2026, 10, 20, 15, tzinfo=PARIS), "c": 100, "r": 75},
            "refusal_doubtful",
            "consent",
        ),
        (
            ("asks_days = 60", "asks_days = 71"),
            {
                "at": datetime(2026, 10, 15, 15, tzinfo=PARIS),
                "k": "home",
                "subject": "home",
                "r": 70,
            },
            "contract",
            "silence_doubtful",
        ),
    ],
)
def test_another_figure_in_the_data_gives_another_answer(
    change: tuple[str, str], call: dict[str, Any], before: str, after: str
) -> None:
    """A changed figure in the data changes the answer: code has no legal constants."""
    row = dict(call)
    if "c" in row and "at" not in row:
        row["at"] = datetime(2027, 12, 6, 15, tzinfo=PARIS)
    given = _given(row)

    assert before in answer(TEXT, **given)
    assert after in answer(edited(change), **given)


def _given(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row's inputs of the desk: attempts, a consent and a contract."""
    from bloctel.compliance import Attempt, Contract, Evidence, Outcome
    from tests.helpers.law_rows import consent

    at = row.get("at", MONDAY)
    n, refused, ago = row.pop("n", 0), row.pop("r", None), row.pop("c", None)
    attempts = [
        Attempt(at - timedelta(days=30 if n > 3 else 2, hours=i), Outcome.UNANSWERED)
        for i in range(n)
    ]
    if refused is not None:
        attempts.append(Attempt(at - timedelta(days=refused), Outcome.DECLINED))
    consents = []
    if ago is not None:
        given_at = at - timedelta(days=ago)
        far = (at + timedelta(days=30)).date()
        consents = [consent({"given_at": given_at, "expires_on": far})]
    contracts = []
    if "k" in row:
        first = at.date() - timedelta(days=9)
        contracts = [
            Contract(starts_on=first, ends_on=None, firm=FIRM, subject=row.pop("k"))
        ]
    row["calls"] = PlainCalls(attempts)
    row["consents"] = PlainConsents(Evidence(consents=consents, contracts=contracts))
    row["local_holidays"] = bool(row.pop("p", 0))
    return row


def test_days_of_a_call_back_are_read() -> None:
    """The count of working days and the weekly days of rest come from the data."""
    row = next(r for r in rows() if r["name"] == "called back on the sixth day")
    assert ask(row).decision == "no"

    version = law.parse(edited(("working_days = 5", "working_days = 6")), "x").on(
        date(2026, 10, 9)
    )
    rule = version.one(law.CallBack)
    assert rule is not None

    from bloctel.compliance.calling_hours import last_working_day

    asked_on = date(2026, 10, 2)
    last = last_working_day(asked_on, rule.working_days, rule.rest_weekdays, version)
    assert last == date(2026, 10, 9)
    assert last_working_day(asked_on, rule.working_days, (6, 7), version) == date(
        2026, 10, 12
    )


def test_the_library_of_holidays_says_what_the_law_says() -> None:
    """The holidays library gives the eleven days of L3133-1, eight on fixed dates."""
    from bloctel.compliance.calling_hours import is_holiday

    fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
    for year in range(2016, 2036):
        days = [
            date(year, 1, 1) + timedelta(days=i)
            for i in range(366)
            if (date(year, 1, 1) + timedelta(days=i)).year == year
        ]
        found = {day for day in days if is_holiday(day, FRENCH.on(day))}
        moving = {day for day in found if (day.month, day.day) not in fixed}
        assert len(found - moving) == len(fixed)
        # Ascension is 38 days after Easter Monday, and Whit Monday is 49 days after it
        easter = min(moving)
        ascension = easter + timedelta(days=38)
        expected = {easter, ascension, easter + timedelta(days=49)}
        assert easter.isoweekday() == 1
        assert moving == expected - {d for d in expected if (d.month, d.day) in fixed}
