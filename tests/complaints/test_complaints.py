"""Complaints: reading, mandatory fields, decisions and status texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final

import pytest

import bloctel
from bloctel.complaints import (
    Case,
    CaseOutcome,
    CaseState,
    Complaint,
    Grounds,
    Known,
    Step,
    describe_status,
    judge,
    missing_from,
    read_complaint,
    received,
)
from bloctel.complaints.complaint import check_id, new_id
from bloctel.errors import CannotAnswerError, InputError, NotKnownError
from bloctel.rules import complaints as forms
from bloctel.rules import law
from bloctel.rules.law import Channel, Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLED: Final = bloctel.normalize("06 39 98 12 34")
NOW: Final = datetime(2026, 11, 25, 9, tzinfo=UTC)
#: A Monday, within the hours of the law.
FULL: Final = Complaint(
    called=CALLED,
    called_on=date(2026, 11, 23),
    from_time=time(10, 30),
    shown="01 99 00 56 78",
    sector="insurance",
)


# -- reading -----------------------------------------------------------------------


def test_texts_make_a_complaint() -> None:
    """Texts of a form are parsed into the types of a complaint's fields."""
    given = {
        "called": "06 39 98 12 34",
        "called_on": "2026-11-23",
        "from_time": "10:30",
        "until_time": "11:00:30",
        "time_zone": "Indian/Reunion",
        "shown": "01 99 00 56 78",
        "sector": " insurance ",
        "channel": "sms",
        "text": "",
        "caller": None,
    }

    read = read_complaint(given, where="row 2")

    assert read == Complaint(
        called=CALLED,
        called_on=date(2026, 11, 23),
        from_time=time(10, 30),
        until_time=time(11, 0, 30),
        time_zone="Indian/Reunion",
        shown="01 99 00 56 78",
        sector="insurance",
        channel=Channel.SMS,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("called_on", "23/11/2026"),
        ("called_on", "2026-11-31"),
        ("called_on", "20261123"),
        ("called_on", "2026-11-23\n2026"),
        ("from_time", "10h30"),
        ("from_time", "25:00"),
        ("from_time", "10:30+01:00"),
        ("until_time", "11:00"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", "Europe/Nowhere"),
        ("channel", "fax"),
        ("text", "a\x00b"),
        ("text", "\x1b[31m"),
        ("text", "x" * 10_001),
        ("caller", "x" * 201),
        ("caller", "\udc80"),
        ("shown", 33199001234),
        ("shown", ["01 99 00 12 34"]),
        ("called", {"number": "06 39 98 12 34"}),
        ("unreadable", "whatever"),
        ("06 39 98 12 34", "x"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, value: object) -> None:
    """The error names the field, and does not repeat its value."""
    with pytest.raises(InputError) as caught:
        read_complaint({name: value}, where="row 7")

    assert caught.value.where is not None
    assert caught.value.where.startswith("row 7")
    assert "06 39" not in str(caught.value)
    assert "199001234" not in str(caught.value)


def test_a_number_called_that_cannot_be_read_is_missing() -> None:
    """A called number that cannot be read is missing, and the reason is stored."""
    read = read_complaint({"called": "O6 39 98 12 34"}, where="row 2")

    assert read.called is None
    assert read.unreadable == "letters"


def test_no_repr_shows_a_text() -> None:
    """The `repr` of a complaint shows no texts: they may contain phone numbers."""
    filled = replace(FULL, text="0199005678", caller="0199005678", siren="0199005678")

    assert "5678" not in repr(filled)
    assert "1234" not in repr(filled)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("mon 06 39 98 12 34 sonne", "mon [number called] sonne"),
        ("0639981234", "[number called]"),
        ("+33 (0)6.39.98.12.34 !", "[number called] !"),
        ("00262639981234", "[number called]"),
        ("06   39   98   12   34", "[number called]"),
        ("\uff10\uff16\uff13\uff1998\u00a012 34", "[number called]"),
        ("06 39 98 12 34/06 39 98 12 34", "[number called]/[number called]"),
        ("06 39 98 12 35", "06 39 98 12 35"),
        ("6, 3 et 9981234", "6, 3 et 9981234"),
        ("", ""),
    ],
)
def test_texts_do_not_repeat_the_number_called(text: str, redacted: str) -> None:
    """The called number is removed from texts in any form; other numbers stay."""
    given = {"called": "06 39 98 12 34", "text": text}

    assert read_complaint(given, where="-").text == redacted


@pytest.mark.parametrize(
    "text", ["+241 06 03 12 34", "06 03 12 34", "+241 6 03 12 34", "66.03.12.34"]
)
def test_texts_do_not_repeat_an_older_number_of_the_line(text: str) -> None:
    """Gabon changed all numbers in 2019, and both numbers are of the same line."""
    given = {"called": "+241 66 03 12 34", "text": f"{text} at 10 h 30"}

    assert read_complaint(given, where="-").text == "[number called] at 10 h 30"


def test_a_caller_may_show_the_number_that_it_calls() -> None:
    """A caller may present the called number; its written form is not stored."""
    given = {"called": "06 39 98 12 34", "shown": "+33 (0)6 39 98 12 34"}

    read = read_complaint(given, where="-")

    assert read.shown == "+262639981234"
    assert read.shown_key == CALLED.key


# -- what is mandatory -------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["called", "called_on", "from_time", "shown", "sector"]
)
def test_a_complaint_without_a_mandatory_field_is_a_signal(name: str) -> None:
    """Date, time, line, presented number and sector are mandatory (V1)."""
    blank = getattr(Complaint(), name)

    case = received(replace(FULL, **{name: blank}), id="", at=NOW)

    assert case.state is CaseState.SIGNAL
    assert case.missing == (name,)


@pytest.mark.parametrize("name", ["caller", "purpose", "text", "siren", "address"])
def test_other_fields_may_be_missing(name: str) -> None:
    """Company name and object are optional (economie.gouv.fr: V1)."""
    assert getattr(FULL, name) == ""
    assert received(FULL, id="", at=NOW).state is CaseState.RECEIVED


def test_the_first_form_counts_for_earlier_calls() -> None:
    """Calls before the first form are judged by the mandatory fields of that form."""
    early = replace(FULL, called_on=date(2015, 3, 2), sector="")

    assert missing_from(early, received_on=date(2026, 11, 25)) == ("sector",)


def test_a_call_is_not_after_its_complaint() -> None:
    """A complaint about a call on a later day than the complaint is refused."""
    with pytest.raises(InputError):
        received(replace(FULL, called_on=date(2026, 11, 26)), id="", at=NOW)


_FORM: Final = """
country = "FR"
title = "A form"
time_zone = "Europe/Paris"
authority = "An authority"

[[mandatory]]
valid_from = 2016-06-01
fields = ["called"]
source = "s"
certainty = "V1"

[[professional_line]]
valid_from = 2016-06-01
is_covered = false
source = "s"
certainty = "V2"
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('fields = ["called"]', 'fields = ["telephone"]'),
        ('fields = ["called"]', 'fields = "called"'),
        ('fields = ["called"]', "fields = [[]]"),
        ("is_covered = false", "is_covered = 0"),
        ("valid_from = 2016-06-01\nf", "valid_from = 2016-06-01T00:00:00Z\nf"),
        (
            "valid_from = 2016-06-01\nf",
            "valid_from = 2016-06-01\nvalid_until = 2016-01-01\nf",
        ),
        (
            "valid_from = 2016-06-01\nf",
            "valid_from = 2016-06-01\nvalid_until = 2020-01-01\nf",
        ),
        ('certainty = "V1"', 'certainty = "V9"'),
        ('source = "s"', 'source = ""'),
        ("[[professional_line]]", "[professional_line]"),
        ('title = "A form"', 'title = "A form"\nother = 1'),
        ('country = "FR"', 'country = "France"'),
        ("title =", "title"),
    ],
)
def test_a_form_is_read_strictly(old: str, new: str) -> None:
    """A form with an unknown key or value is refused, with the location."""
    assert forms.parse(_FORM, "mine.toml").mandatory[0].fields == ("called",)
    assert old in _FORM

    with pytest.raises(InputError) as caught:
        forms.parse(_FORM.replace(old, new, 1), "mine.toml")

    assert str(caught.value.where).startswith("mine.toml")


def test_only_forms_of_countries_are_loaded() -> None:
    """Only a country's name loads a form; a path as the name is refused."""
    with pytest.raises(InputError):
        forms.load("../law/fr")


# -- judging -----------------------------------------------------------------------


@pytest.fixture
def book() -> Iterator[bloctel.Registry]:
    """A registry in which the number is on Bloctel from 2 June 2021 to 1 March 2023."""
    with bloctel.Registry.create("memory:", lists=["fr.bloctel"]) as registry:
        registry.register(CALLED, list="fr.bloctel", on=date(2021, 5, 3))
        registry.withdraw(CALLED, list="fr.bloctel", on=date(2023, 3, 1))
        yield registry


_CALLS: Final = [
    # each row has the day, time, sector, channel, known facts and grounds of a call
    ("2016-05-31", "10:30", "insurance", "voice", {}, Grounds.NO_RULE_THEN),
    ("2016-06-01", "10:30", "insurance", "voice", {}, Grounds.NOT_REGISTERED),
    ("2021-05-02", "10:30", "insurance", "voice", {}, Grounds.NOT_REGISTERED),
    ("2021-05-03", "10:30", "insurance", "voice", {}, Grounds.WITHIN_DELAY),
    ("2021-06-01", "10:30", "insurance", "voice", {}, Grounds.WITHIN_DELAY),
    ("2021-06-02", "10:30", "insurance", "voice", {}, Grounds.LISTED),
    ("2023-02-28", "10:30", "insurance", "voice", {}, Grounds.LISTED),
    ("2023-03-01", "10:30", "insurance", "voice", {}, Grounds.PERIOD_ENDED),
    ("2026-08-10", "10:30", "insurance", "voice", {}, Grounds.PERIOD_ENDED),
    ("2026-08-11", "10:30", "insurance", "voice", {}, Grounds.NO_CONSENT),
    ("2026-08-11", "10:30", "insurance", "voice", {"consent": True}, Grounds.CONSENT),
    ("2022-01-05", "10:30", "insurance", "sms", {}, Grounds.NOT_VOICE),
    ("2022-01-05", "10:30", "insurance", "voice_spam", {}, Grounds.NOT_VOICE),
    ("2022-01-05", "10:30", "press", "voice", {}, Grounds.PRESS),
    ("2022-01-05", "10:30", "insurance", "voice", {"contract": True}, Grounds.CONTRACT),
    ("2026-11-23", "10:30", "insurance", "voice", {"contract": True}, Grounds.CONTRACT),
    (
        "2022-01-05",
        "10:30",
        "insurance",
        "voice",
        {"professional_line": True},
        Grounds.PROFESSIONAL_LINE,
    ),
    (
        "2022-01-05",
        "10:30",
        "insurance",
        "voice",
        {"purpose": Purpose.SURVEY},
        Grounds.NOTHING_SOLD,
    ),
    # calls about energy renovation before and after the ban begins, and exceptions
    ("2020-07-24", "10:30", "energy_renovation", "voice", {}, Grounds.NOT_REGISTERED),
    ("2020-07-27", "10:30", "energy_renovation", "voice", {}, Grounds.BANNED_SECTOR),
    (
        "2026-11-23",
        "10:30",
        "energy_renovation",
        "voice",
        {"consent": True},
        Grounds.BANNED_SECTOR,
    ),
    (
        "2026-11-23",
        "10:30",
        "energy_renovation",
        "voice",
        {"contract": True},
        Grounds.CONTRACT,
    ),
    (
        "2026-11-23",
        "10:30",
        "energy_renovation",
        "voice",
        {"call_back": True},
        Grounds.CALL_BACK,
    ),
    # hours of calls have a rule since 2023-03-01; before that day there was no rule
    ("2022-01-09", "10:30", "insurance", "voice", {"contract": True}, Grounds.CONTRACT),
    (
        "2024-01-07",
        "10:30",
        "insurance",
        "voice",
        {"contract": True},
        Grounds.OUT_OF_HOURS,
    ),
    ("2024-05-01", "10:30", "insurance", "voice", {}, Grounds.OUT_OF_HOURS),
    ("2024-01-08", "09:59", "insurance", "voice", {}, Grounds.OUT_OF_HOURS),
    ("2024-01-08", "10:00", "insurance", "voice", {}, Grounds.PERIOD_ENDED),
    ("2024-01-08", "13:00", "insurance", "voice", {}, Grounds.OUT_OF_HOURS),
    ("2024-01-08", "19:59", "press", "voice", {}, Grounds.PRESS),
    ("2024-01-08", "20:00", "press", "voice", {}, Grounds.OUT_OF_HOURS),
    (
        "2024-01-08",
        "20:00",
        "insurance",
        "voice",
        {"consent": True},
        Grounds.PERIOD_ENDED,
    ),
    # since 2026-08-11, only consent to the precise date and time lifts the hours
    *(
        ("2026-11-22", "22:00", "insurance", "voice", known, grounds)
        for known, grounds in (
            ({"consent": True}, Grounds.OUT_OF_HOURS),
            ({"consent": True, "outside_hours": True}, Grounds.OUT_OF_HOURS),
            ({"consent": True, "outside_hours": False}, Grounds.CONSENT),
        )
    ),
    ("2025-05-05", "10:30", "Energy renovation", "voice", {}, Grounds.BANNED_SECTOR),
    (
        "2024-01-08",
        "10:30",
        "Journaux, périodiques, magazines",
        "voice",
        {},
        Grounds.PRESS,
    ),
    (
        "2024-01-08",
        "20:00",
        "insurance",
        "voice",
        {"outside_hours": False},
        Grounds.PERIOD_ENDED,
    ),
    (
        "2024-01-08",
        "10:30",
        "insurance",
        "voice",
        {"outside_hours": True},
        Grounds.OUT_OF_HOURS,
    ),
]


@pytest.mark.parametrize(
    ("day", "clock", "sector", "channel", "known", "grounds"), _CALLS
)
def test_a_complaint_is_judged_by_the_law_of_the_day(
    book: bloctel.Registry,
    day: str,
    clock: str,
    sector: str,
    channel: str,
    known: dict[str, object],
    grounds: Grounds,
) -> None:
    """Until 2026-08-10 the list decides, then consent (L223-1), and hours (D223-9)."""
    complaint = replace(
        FULL,
        called_on=date.fromisoformat(day),
        from_time=time.fromisoformat(clock),
        sector=sector,
        channel=Channel(channel),
    )

    decision = judge(complaint, book, known=Known(**known))  # type: ignore[arg-type]

    assert decision.grounds is grounds
    if decision.rule:
        rule = law.load("FR").rule(decision.rule)
        assert rule.is_in_force(on=date.fromisoformat(day))


@pytest.mark.parametrize(
    ("since", "until", "is_outside"),
    [
        ("13:00", "14:00", True),
        ("12:30", "13:30", False),
        ("13:30", "14:30", False),
        ("08:00", "10:00", True),
        ("08:00", "10:01", False),
        ("20:00", "23:00", True),
    ],
)
def test_every_part_of_a_slot_must_be_outside_the_hours(
    since: str, until: str, is_outside: bool
) -> None:
    """If the person is not sure of the time, every possible time must be a breach."""
    complaint = replace(
        FULL, from_time=time.fromisoformat(since), until_time=time.fromisoformat(until)
    )

    grounds = judge(complaint).grounds

    assert grounds is (Grounds.OUT_OF_HOURS if is_outside else Grounds.NO_CONSENT)


def test_calls_under_the_list_need_a_book_of_it(book: bloctel.Registry) -> None:
    """Without a book that answers for the day of the call, there is no decision."""
    complaint = replace(FULL, called_on=date(2022, 1, 5))

    with pytest.raises(InputError, match=r"fr\.bloctel"):
        judge(complaint)
    with (
        bloctel.Registry.create("memory:", lists=["own"]) as other,
        pytest.raises((CannotAnswerError, InputError)),
    ):
        judge(complaint, other)


def test_a_missing_answer_is_not_a_decision() -> None:
    """Without the operator's answer about a number, a complaint cannot be judged."""
    names = ["fr.bloctel", "fr.bloctel.cleared"]
    with bloctel.Registry.create("memory:", lists=names) as answers:
        complaint = replace(FULL, called_on=date(2022, 1, 5))

        with pytest.raises(NotKnownError):
            judge(complaint, answers)


def test_a_decision_needs_a_number_and_a_day() -> None:
    """There is no decision on the admissibility of a signal."""
    with pytest.raises(InputError, match=r"a complaint without called$"):
        judge(replace(FULL, called=None))
    with pytest.raises(InputError, match=r"a complaint without called_on$"):
        judge(replace(FULL, called_on=None))


# -- steps and status texts --------------------------------------------------------


def _closed() -> Case:
    case = received(FULL, id="BCDF-GHJK-LMNP", at=NOW)
    found = judge(FULL)
    for state, detail, rule in (
        (CaseState.ADMISSIBLE, found.grounds, found.rule),
        (CaseState.FORWARDED, "DGCCRF", ""),
        (CaseState.CLOSED, CaseOutcome.DONE, ""),
    ):
        case = case.after(Step(state=state, at=NOW, detail=detail, rule=rule))
    return case


def test_the_status_text_has_all_steps() -> None:
    """In both languages, the text has the day and the article of each step."""
    english, french = (describe_status(_closed(), lang=lang) for lang in ("en", "fr"))

    assert english.splitlines()[0] == "Complaint BCDF-GHJK-LMNP: closed."
    assert french.splitlines()[0] == "Réclamation BCDF-GHJK-LMNP\xa0: clôturée."
    assert english.count("2026-11-25") == 4
    assert french.count("25 novembre 2026") == 4
    assert "version in force on 2026-08-11" in english
    assert "version en vigueur au 11 août 2026" in french
    for text in (english, french):
        assert "L223-1" in text
        assert "DGCCRF" in text
        assert "39 98" not in text
        assert "99 00" not in text


def test_the_status_text_has_the_missing_fields() -> None:
    """The status text of a signal lists the missing fields, so they can be added."""
    case = received(replace(FULL, sector="", shown=""), id="", at=NOW)

    assert "the number shown, the sector" in describe_status(case, lang="en")
    assert "le numéro affiché, le secteur d'activité" in describe_status(
        case, lang="fr"
    )


def test_the_days_of_steps_are_those_where_the_person_is() -> None:
    """In Réunion a step at 22:00 UTC is on the next day."""
    complaint = replace(FULL, time_zone="Indian/Reunion")
    case = received(complaint, id="", at=datetime(2026, 11, 24, 22, tzinfo=UTC))

    assert "2026-11-25: received" in describe_status(case, lang="en")


def test_another_language_is_refused() -> None:
    """The error about an unknown language lists the known languages."""
    with pytest.raises(InputError, match="one of the languages en, fr"):
        describe_status(_closed(), lang="de")  # type: ignore[arg-type]


def test_names_of_complaints_cannot_be_numbers() -> None:
    """Ids of complaints have no digits or vowels, and may be typed in lower case."""
    names = {new_id() for _ in range(100)}

    assert len(names) == 100
    for name in names:
        assert not any(letter.isdigit() or letter in "AEIOUY" for letter in name)
        assert check_id(f" {name.lower()} ") == name
    with pytest.raises(InputError) as caught:
        check_id("06 39 98 12 34")
    assert "39 98" not in str(caught.value)
