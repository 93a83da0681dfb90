"""Facts about other countries, with days and certainty; never a permission."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bloctel.errors import InputError
from bloctel.rules import Certainty, law

HELD = {country.code: country for country in law.countries()}
TEXT = (Path(law.__file__).parent / "countries.toml").read_text(encoding="utf-8")

ONE = """
[[country]]
code = "XX"
en = "Example"
fr = "Exemple"
list = "none"

[[country.fact]]
topic = "validity"
since = "2008-02"
until = "2010"
en = "5 years"
fr = "5 ans"
source = "a text"
certainty = "V1"
"""


def validity(code: str, on: date) -> list[str]:
    """Return the known facts about the duration of a registration on a day."""
    facts = HELD[code].facts_on(on)
    return [fact.en for fact in facts if fact.topic == "validity"]


def test_only_what_was_read_is_there() -> None:
    """Each fact was read in a source: no fact has the certainty R or NF."""
    certainties = {
        fact.certainty for country in HELD.values() for fact in country.facts
    }

    assert certainties == {Certainty.V1, Certainty.V2}
    assert set(HELD) == {
        *("AU", "BE", "CA", "CH", "DE", "ES", "FR", "GB", "IE", "IN", "IT"),
        *("NL", "PT", "US"),
    }


def test_each_country_has_its_rules_in_two_languages() -> None:
    """Each fact has a text in English and in French."""
    for country in HELD.values():
        topics = [fact.topic for fact in country.facts]
        assert {"source", "principle"} & set(topics)
        assert all(fact.en and fact.fr and fact.source for fact in country.facts)


def test_unknown_facts_are_not_there() -> None:
    """Unknown facts are left out, such as the calling hours of Belgium."""
    for code in ("BE", "GB", "AU"):
        assert "hours" not in {fact.topic for fact in HELD[code].facts}
    assert "size" not in {fact.topic for fact in HELD["IE"].facts}


@pytest.mark.parametrize(
    ("code", "on", "known"),
    [
        ("US", date(2008, 1, 31), ["a registration lasts 5 years"]),
        (
            "US",
            date(2008, 2, 15),
            ["a registration lasts 5 years", "a registration is permanent"],
        ),
        ("US", date(2008, 3, 1), ["a registration is permanent"]),
        ("AU", date(2015, 4, 27), ["a registration is permanent, existing ones too"]),
        ("FR", date(2021, 12, 31), ["3 years, renewed by hand"]),
        ("FR", date(2022, 1, 1), ["3 years, renewed tacitly"]),
        ("FR", date(2026, 8, 11), []),
    ],
)
def test_versions_follow_one_another(code: str, on: date, known: list[str]) -> None:
    """If a source gives only the month of a change, both versions are valid in it."""
    found = validity(code, on)

    assert found[-len(known) :] == known if known else not found
    # if no source gives the days of a version, it may be valid on any day
    untold = {fact.en for fact in HELD[code].facts if "?" in (fact.since, fact.until)}
    assert set(found) - set(known) <= untold


def test_a_version_without_known_days_may_hold_on_any_day() -> None:
    """Canada went from 3 years to 5, to 6 and to no limit; no source says when."""
    for on in (date(2008, 1, 1), date(2026, 1, 1)):
        assert len(validity("CA", on)) == 4


def test_facts_have_the_source_of_their_country_by_default() -> None:
    """A fact without a source has the source and the certainty of its country."""
    sourced = 'list = "none"\nsource = "its list"\ncertainty = "V2"'
    text = ONE.replace('list = "none"', sourced)
    default = text.replace('source = "a text"\ncertainty = "V1"\n', "")

    [own] = law.parse_countries(text, "x.toml")[0].facts
    [common] = law.parse_countries(default, "x.toml")[0].facts

    assert (own.source, own.certainty) == ("a text", Certainty.V1)
    assert (common.source, common.certainty) == ("its list", Certainty.V2)
    with pytest.raises(InputError, match="the key certainty is missing"):
        law.parse_countries(text.replace('certainty = "V1"\n', ""), "x.toml")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('code = "XX"', 'code = "xx"', "x.toml, country[0].code"),
        ('"validity"', '"Validity 2"', "country[0].fact[0].topic"),
        ('"2008-02"', '"2008-13"', "a year, a month or a day such as 2008-02"),
        ('"2008-02"', '"2008-02-30"', "a day that exists"),
        ('"2010"', '"2007"', "a day after 2008-02, got 2007"),
        ('"2010"', "2010", "country[0].fact[0].until"),
        ('"V1"', '"V3"', "expected one of V1, V2, got 'V3'"),
        ('"V1"', '"R"', "expected one of V1, V2, got 'R'"),
        ('en = "5 years"\n', "", "the key en is missing"),
        ('topic = "validity"\n', "", "the key topic is missing"),
        ("[[country.fact]]", "fact = [1]\n[x]", "a table, got 1"),
        ("[[country.fact]]", "[[country.facts]]", "got 'facts'"),
        ("[[country]]", "[[land]]", "one of the keys country"),
        ('list = "none"', 'list = "none"\nsize = 3', "got 'size'"),
        (ONE, ONE + ONE, "expected countries sorted by code"),
        (ONE, "country = 1", "an array of tables, at least one, got 1"),
        (ONE, "country = []", "an array of tables, at least one, got an array of 0"),
        (ONE, "country = [1]", "a table, got 1"),
        (ONE, "", "the key country is missing"),
        (ONE, "\x00", "expected a TOML document"),
    ],
)
def test_a_faulty_document_is_refused_with_the_key(
    old: str, new: str, sentence: str
) -> None:
    """A faulty document is refused; the error names the key and the fault."""
    assert old in ONE
    with pytest.raises(InputError) as refused:
        law.parse_countries(ONE.replace(old, new), "x.toml")

    assert sentence in str(refused.value)
