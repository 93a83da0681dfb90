"""Lists of the library, and the strict reader of their rules."""

import pickle
import re
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from bloctel import rules
from bloctel.errors import (
    InputError,
    ListClosedError,
    NotRegisteredError,
    UnknownListError,
)
from bloctel.periods import RegistrationPeriod, add_years
from bloctel.rules import Certainty, RenewalKind

OWN = rules.load("own")
DAY = date(2024, 5, 3)
PACKAGED = ("be.dncm", "ca.dncl", "fr.bloctel", "gb.tps", "own", "us.dnc")

SOURCED = 'source = "a text"\ncertainty = "R"\n'
PARTS = {
    "list": '[list]\nname = "xx.test"\ntitle = "A list"\ntime_zone = "Europe/Paris"\n',
    "opening": f"[opening]\nopens_on = 2020-01-01\n{SOURCED}",
    "closing": f'[closing]\ncloses_on = 2030-01-01\nsince = "nothing"\n{SOURCED}',
    "delay": f"[[protection_delay]]\nvalid_from = 2020-01-01\nmax_days = 5\n{SOURCED}",
    "term": f"[[term]]\nvalid_from = 2020-01-01\nyears = 2\n{SOURCED}",
    "manual": (
        "[[renewal]]\nvalid_from = 2020-01-01\nvalid_until = 2024-01-01\n"
        f'kind = "manual"\nnotice_months = 3\n{SOURCED}'
    ),
    "tacit": (
        '[[renewal]]\nvalid_from = 2024-01-01\nkind = "tacit"\n'
        f"terms_ending_from = 2024-06-01\nnotice_months = 3\n{SOURCED}"
    ),
    "retention": (
        "[[retention]]\nvalid_from = 2020-01-01\nwithdrawn_days = 2\n"
        f"lapsed_years = 1\n{SOURCED}"
    ),
    "answer": f"[[answer_validity]]\nvalid_from = 2020-01-01\ndays = 30\n{SOURCED}",
}


def document(**changed: str) -> str:
    """Return a complete document with some of its parts replaced."""
    return "\n".join((PARTS | changed).values())


def edited(part: str, old: str, new: str) -> str:
    """Return a complete document with a replacement inside one part."""
    assert old in PARTS[part]
    return document(**{part: PARTS[part].replace(old, new, 1)})


def refusal(text: str) -> str:
    """Return the error message with which the reader refuses *text*."""
    with pytest.raises(InputError) as refused:
        rules.parse(text, "x.toml")
    assert pickle.loads(pickle.dumps(refused.value)).args == refused.value.args  # noqa: S301
    return str(refused.value)


def test_every_packaged_list_is_named_as_its_file() -> None:
    """The name in the file is the name that loads it."""
    assert rules.names() == PACKAGED
    assert [rules.load(name).name for name in rules.names()] == list(rules.names())


def test_every_packaged_list_counts_days_in_a_zone_that_exists() -> None:
    """Each packaged list has a time zone that exists."""
    for name in rules.names():
        assert ZoneInfo(rules.load(name).time_zone)


def test_rules_are_read_once() -> None:
    """Loading a list twice gives the same object."""
    assert rules.load("own") is rules.load("own")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "fr.blocte",
        "FR.bloctel",
        "fr.bloctel\n",
        "fr.bloctel.toml",
        "../rules/own",
        "/etc/passwd",
        "own\x00",
        ".",
    ],
)
def test_an_unknown_list_is_refused_by_name(name: str) -> None:
    """No name leads out of the package; the message has the known names."""
    with pytest.raises(UnknownListError, match=r"the known lists are be\.dncm, ca"):
        rules.load(name)


def test_a_number_in_the_place_of_a_name_is_not_shown() -> None:
    """If a phone number is passed as a list's name, the error does not show it."""
    with pytest.raises(UnknownListError) as refused:
        rules.load("+33639981234")

    assert "3998" not in str(refused.value)


def test_a_firms_own_list_protects_at_once_and_for_ever() -> None:
    """The protection has no delay and no end (GDPR, art. 21(3))."""
    assert OWN.registration_period(DAY) == RegistrationPeriod(DAY, None)
    assert OWN.erase_on(None) is None
    assert OWN.is_open(date(2016, 6, 1))
    assert OWN.is_open(date.max)
    assert not OWN.is_open(date(2016, 5, 31))


def test_a_firms_own_list_says_from_when_it_answers() -> None:
    """The error for a day before the list opened names only the first day."""
    with pytest.raises(ListClosedError) as refused:
        OWN.require_open(date(2016, 5, 31))

    assert str(refused.value) == (
        "the list own is not open on 2016-05-31: expected a day from 2016-06-01 on"
    )


def test_a_firms_own_list_has_nothing_to_renew() -> None:
    """Renewing an objection changes nothing, and is refused before the objection."""
    period = OWN.registration_period(DAY)

    assert OWN.renewed_period(period, DAY, on=date(2031, 1, 1)) == period
    with pytest.raises(NotRegisteredError, match="from 2024-05-03, got 2024-05-02"):
        OWN.renewed_period(period, DAY, on=date(2024, 5, 2))


def test_a_withdrawn_objection_is_kept_for_three_years() -> None:
    """The day of the withdrawal is not protected; the data is erased 3 years later."""
    day = date(2025, 1, 2)
    withdrawn = OWN.withdrawn_period(OWN.registration_period(DAY), DAY, on=day)

    assert withdrawn == RegistrationPeriod(DAY, day)
    for year in (2025, 2026, 2027, 2028):
        day = date(year, 1, 2)
        erase_on = OWN.erase_on(day, withdrawn_on=day)
        assert erase_on is not None
        # one of the three years may have a 29 February
        assert erase_on - add_years(day, 3) in (timedelta(0), timedelta(1))
    # no rule gives a day of erasure for an objection that ends without withdrawal
    assert OWN.erase_on(day) is None


def test_third_parties_can_write_rules() -> None:
    """Rules in a document of your own work like the rules of packaged lists."""
    own = rules.parse(document(), "x.toml")

    assert (own.name, own.opens_on, own.closes_on) == (
        "xx.test",
        date(2020, 1, 1),
        date(2030, 1, 1),
    )
    assert own.renewal[1].kind is RenewalKind.TACIT
    assert own.renewal[1].certainty is Certainty.R
    # Terms that end by 2024-05-02 are renewed by hand, later terms tacitly.
    period = own.registration_period(date(2020, 5, 2))
    assert period == RegistrationPeriod(date(2020, 5, 7), date(2022, 5, 2))
    renewed = own.renewed_period(period, date(2020, 5, 2), on=date(2021, 1, 1))
    assert renewed.ends_on == date(2024, 5, 2)
    again = own.renewed_period(renewed, date(2020, 5, 2), on=date(2023, 1, 1))
    assert again.ends_on == date(2030, 1, 1)
    assert own.erase_on(period.ends_on) == date(2023, 5, 2)
    day = date(2021, 1, 1)
    assert own.erase_on(day, withdrawn_on=day) == date(2021, 1, 3)


def test_tacit_renewal_can_itself_end() -> None:
    """A term that ends after the years of tacit renewal is renewed by hand."""
    tacit = PARTS["tacit"].replace(
        "2024-01-01\n", "2024-01-01\nvalid_until = 2028-01-01\n"
    )
    manual = PARTS["manual"].replace("2020-01-01", "2028-01-01")
    manual = manual.replace("valid_until = 2024-01-01\n", "")
    own = rules.parse(document(tacit=tacit + manual), "x.toml")

    assert own.registration_period(date(2022, 7, 1)).ends_on == date(2028, 7, 1)
    assert own.registration_period(date(2024, 7, 1)).ends_on == date(2028, 7, 1)


def test_tacit_renewal_of_a_list_without_end_has_no_end() -> None:
    """On a list without a closing day, tacit renewal gives a period without an end."""
    own = rules.parse(document(closing=""), "x.toml")

    assert own.registration_period(date(2023, 1, 1)).ends_on is None


def test_versions_need_not_outlive_the_list() -> None:
    """The last version of a rule may end on the day on which the list closes."""
    own = rules.parse(edited("term", "years", "valid_until = 2030-01-01\nyears"), "x")

    assert own.term[-1].valid_until == own.closes_on


def test_a_day_outside_all_versions_has_no_rule() -> None:
    """A day that no version covers is refused, not guessed."""
    with pytest.raises(InputError, match="got 2019-12-30"):
        rules.parse(document(), "x.toml").erase_on(date(2019, 12, 31))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the key opening is missing - at x.toml"),
        (document(opening=""), "the key opening is missing - at x.toml"),
        (
            document(manual="", tacit=""),
            "the section renewal is missing; a term in years needs it - at x.toml",
        ),
        (document(list="list = 1"), "expected a table, got 1 - at x.toml, list"),
        (
            document(list="term = 3\n" + PARTS["list"], term=""),
            "expected an array of tables, at least one, got 3 - at x.toml, term",
        ),
        (
            document(list="term = []\n" + PARTS["list"], term=""),
            "expected an array of tables, at least one, got an array of 0 - at x.toml, "
            "term",
        ),
        (
            document(list="term = [3]\n" + PARTS["list"], term=""),
            "expected a table, got 3 - at x.toml, term[0]",
        ),
        (document(extra="[rule]"), "got 'rule' - at x.toml"),
        (edited("term", "years", "year"), "got 'year' - at x.toml, term[0]"),
        (
            edited("term", 'source = "a text"\n', ""),
            "the key source is missing - at x.toml, term[0]",
        ),
        (
            edited("term", '"a text"', '" "'),
            "expected a sentence of 1 to 1024 characters, got ' ' - at x.toml, "
            "term[0].source",
        ),
        (
            edited("delay", "max_days = 5\n", ""),
            "the key max_days is missing - at x.toml, protection_delay[0]",
        ),
        (
            edited("term", '"R"', '"V9"'),
            "expected one of V1, V2, V3, R, NF, got 'V9' - at x.toml, "
            "term[0].certainty",
        ),
        (
            edited("manual", '"manual"', "[]"),
            "expected one of manual, tacit, got an array of 0 - at x.toml, "
            "renewal[0].kind",
        ),
        (edited("term", "2020-01-01", "2020-02-30"), "expected a TOML document"),
        (
            edited("term", "2020-01-01", "2020-01-01T00:00:00Z"),
            "got 2020-01-01T00:00:00+00:00 - at x.toml, term[0].valid_from",
        ),
        (
            edited("term", "2020-01-01", '"2020-01-01"'),
            "expected a date such as 2016-06-01, got '2020-01-01' - at x.toml, "
            "term[0].valid_from",
        ),
        (
            edited("delay", "= 5", "= true"),
            "expected a whole number from 0 to 3650, got True - at x.toml, "
            "protection_delay[0].max_days",
        ),
        (edited("delay", "= 5", "= -1"), "from 0 to 3650, got -1"),
        (edited("delay", "= 5", "= 5.0"), "from 0 to 3650, got 5.0"),
        (edited("term", "= 2\n", "= 0\n"), "from 1 to 100, got 0"),
        (
            edited("list", "xx.test", "../own"),
            "expected a name such as fr.bloctel, got '../own' - at x.toml, list.name",
        ),
        (edited("list", "Europe/Paris", "../etc/passwd"), "x.toml, list.time_zone"),
        (edited("list", "Europe/Paris", "Europe/Paris\\n"), "list.time_zone"),
        (
            edited("closing", "2030-01-01", "2020-01-01"),
            "expected a day after 2020-01-01 (the day on which the list opens), got "
            "2020-01-01 - at x.toml, closing.closes_on",
        ),
    ],
)
def test_a_faulty_document_is_refused_with_the_key(text: str, sentence: str) -> None:
    """A faulty document of rules is refused; the error names the file and the key."""
    assert sentence in refusal(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            edited("manual", "valid_until = 2024-01-01", "valid_until = 2023-12-31"),
            "expected the day on which the next version begins, 2024-01-01, got "
            "2023-12-31 - at x.toml, renewal[0].valid_until",
        ),
        (
            edited("manual", "valid_until = 2024-01-01", "valid_until = 2024-01-02"),
            "begins, 2024-01-01, got 2024-01-02 - at x.toml, renewal[0].valid_until",
        ),
        (
            edited("manual", "valid_until = 2024-01-01\n", ""),
            "begins, 2024-01-01, got a version without an end - at x.toml, "
            "renewal[0].valid_until",
        ),
        (
            edited("manual", "valid_until = 2024-01-01", "valid_until = 2020-01-01"),
            "expected a day after valid_from, 2020-01-01, got 2020-01-01 - at x.toml, "
            "renewal[0].valid_until",
        ),
        (
            edited("term", "2020-01-01", "2020-01-02"),
            "expected 2020-01-01 (the day on which the list opens), or an earlier day, "
            "got 2020-01-02 - at x.toml, term[0].valid_from",
        ),
        (
            edited("term", "years", "valid_until = 2029-12-31\nyears"),
            "expected 2030-01-01 (the day on which the list closes), a later day, or "
            "no end, got 2029-12-31 - at x.toml, term[0].valid_until",
        ),
        (
            document(closing="", term=PARTS["term"] + "valid_until = 2999-01-01\n"),
            "expected no end, got 2999-01-01 - at x.toml, term[0].valid_until",
        ),
        (
            edited("manual", "notice", "terms_ending_from = 2021-01-01\nnotice"),
            "expected no such key in a manual renewal, got 2021-01-01 - at x.toml, "
            "renewal[0].terms_ending_from",
        ),
        (
            edited("tacit", "2024-06-01", "2023-06-01"),
            "expected a day on which this version applies, got 2023-06-01 - at x.toml, "
            "renewal[1].terms_ending_from",
        ),
    ],
)
def test_versions_that_overlap_or_leave_a_gap_are_refused(
    text: str, sentence: str
) -> None:
    """Every day of the list's life has exactly one version of each rule."""
    assert sentence in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "a = " + "[" * 100_000,
        "a = " + "{b=" * 100_000,
        "a = " + "9" * 10_000,
        edited("delay", "= 5", "= 0x" + "f" * 10_000),
        edited("delay", "= 5", "= " + "[" * 200 + "]" * 200),
        document(list="term" + ".a" * 5_000 + " = 1\n" + PARTS["list"], term=""),
        document(term="[[term]]\nsource" + ".a" * 5_000 + " = 1"),
        document(extra='"' + "x" * 100_000 + '" = 1'),
        edited("delay", "= 5", '= "' + "x" * 100_000 + '"'),
        edited("delay", "= 5", "= nan"),
        edited("delay", "= 5", "= 25:00:00"),
        edited("delay", "= 5", "= 12:00:00"),
        "a = 1\na = 2",
        "[list]\n[list]",
        '"x` - at `$.term[9]" = 1',
        '"x` - at `$.list.name" = 1',
        '"a\\nb" = 1',
        edited("term", "years", '"x` - at `$.term[9]" = 1\nyears'),
        edited("term", "years", "'x\"' = 1\nyears"),
    ],
)
def test_a_hostile_document_gets_a_short_sentence(text: str) -> None:
    """The reader raises our error only, and the message stays readable."""
    assert len(refusal(text)) < 300


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("list", "xx.test", "0639981234"),
        ("list", "xx.test", "06 39 98 12 34"),
        ("term", '"R"', '"+33639981234"'),
        ("term", "= 2\n", "= 639981234\n"),
        ("term", "= 2\n", "= 639981234.0\n"),
        ("term", "years", '"06.39.98.12.34" = 1\nyears'),
    ],
)
def test_no_message_has_a_phone_number(part: str, old: str, new: str) -> None:
    """An error about a wrong value shows its type and length, not a phone number."""
    sentence = refusal(edited(part, old, new))

    assert "3998" not in re.sub(r"\W", "", sentence)


def test_rules_are_values() -> None:
    """Rules compare, hash, pickle and print by their content, and do not change."""
    one, other = (rules.parse(document(), "x.toml") for _ in range(2))

    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301
    assert repr(one.opening) == (
        "Opening(source='a text', certainty=<Certainty.R: 'R'>, note='', "
        "opens_on=datetime.date(2020, 1, 1))"
    )
    with pytest.raises(AttributeError):
        one.name = "xx.other"  # type: ignore[misc]


def test_versions_check_themselves() -> None:
    """Versions made in Python are as consistent as those of a document."""
    own = rules.parse(document(), "x.toml")

    with pytest.raises(InputError, match="a day after valid_from"):
        replace(own.term[0], valid_until=date(2019, 1, 1))
    with pytest.raises(InputError, match="the section renewal is missing"):
        replace(own, renewal=())


def test_the_folder_of_rules_contains_lists_only() -> None:
    """Every TOML file in the folder is complete rules of one list."""
    files = sorted(Path(rules.__file__).parent.glob("*.toml"))

    parsed = [rules.parse(file.read_text("utf-8"), file.name) for file in files]

    assert tuple(one.name for one in parsed) == rules.names()


@pytest.mark.parametrize(
    ("name", "days", "region"),
    [
        ("us.dnc", 31, "US"),
        ("ca.dncl", 31, "CA"),
        ("gb.tps", 28, "GB"),
        ("be.dncm", 5, "BE"),
    ],
)
def test_lists_that_are_handed_out(name: str, days: int, region: str) -> None:
    """These lists have no term; their files are valid for a number of days."""
    rule = rules.load(name)

    assert (rule.answers_until(DAY) - DAY).days == days
    assert rule.distribution is not None
    assert region in rule.distribution.regions
    assert rule.registration_period(DAY) == RegistrationPeriod(DAY, None)
    assert rule.clearances().distribution is None
    assert rule.clearances().opposition_list == name
