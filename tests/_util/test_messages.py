"""Message catalogue: complete in each language, without unused texts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bloctel
from bloctel._util.messages import (
    LANGUAGES,
    catalogue,
    format_probability,
    format_share,
    format_value,
    message,
    placeholders,
)
from bloctel.complaints import CaseOutcome, CaseState, Grounds
from bloctel.complaints.analysis.bursts import _WINDOWS
from bloctel.compliance.consents.records import Kind
from bloctel.compliance.facts import ConsentState
from bloctel.compliance.judgement import Decision, Ground
from bloctel.errors import InputError
from bloctel.rules import complaints as forms
from bloctel.rules import law
from bloctel.rules.law import ConsentTerms

if TYPE_CHECKING:
    from collections.abc import Collection

SOURCE: Final = Path(bloctel.__file__).parent
KEYS: Final = tuple(catalogue("en"))
USES: Final = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted(SOURCE.rglob("*"))
    if path.suffix in (".py", ".j2")
)


def french_texts() -> dict[str, str]:
    """Return every French text of the catalogue and of the rules, by its place."""
    french = law.load("FR")
    facts = [fact for country in law.countries() for fact in country.facts]
    texts = {rule.id: rule.fr for rule in french.rules}
    texts |= {sector.name: sector.fr for sector in french.sectors}
    texts |= {fact.en: fact.fr for fact in facts}
    return {**catalogue("fr"), **texts}


def is_used(key: str) -> bool:
    """Return whether the source uses a key, in full or by its group and a code."""
    # the text about a message stands for the text of the same key about a call
    key = key.replace(".of_message.", ".")
    group, _, name = key.rpartition(".")
    if group == "compliance.proof":  # `proof.py` adds the group itself
        return f'"{name}"' in USES
    if group.startswith("complaints.pattern."):
        group, _, _ = group.rpartition(".")
    stem = name.partition("_")[0]  # of `columns_day`, the source has `columns_`
    starts = (
        f"{group}.{{",
        f'{group}." ~',
        f'{group}.{stem}_" ~',
        f"{group}.{stem}_{{",
    )
    return any(f'"{part}' in USES for part in (f'{key}"', f'{group}", ', *starts))


def test_languages_have_the_same_keys_in_the_same_order() -> None:
    """No text is missing in a language."""
    english, french = (list(catalogue(lang)) for lang in LANGUAGES)

    assert english == french


def test_languages_have_the_same_placeholders() -> None:
    """A text has the same placeholders in English and in French."""
    english, french = (catalogue(lang) for lang in LANGUAGES)

    differing = [
        key for key in KEYS if placeholders(english[key]) != placeholders(french[key])
    ]
    assert differing == []


def test_every_key_is_used() -> None:
    """The catalogue contains no text that is never used."""
    assert [key for key in KEYS if not is_used(key)] == []


def test_unused_keys_are_detected() -> None:
    """The check for unused keys reports an unused key."""
    assert not is_used("scrub.report.never_used")
    assert not is_used("never.used")


def test_every_key_named_in_the_source_exists() -> None:
    """No call of `message` fails because its key is missing."""
    groups = "|".join(sorted({re.escape(key.partition(".")[0]) for key in KEYS}))
    named = re.findall(rf'\b(?:message|t)\(\s*"((?:{groups})[\w.]+)"[,)]', USES)

    assert len(named) > 100
    assert set(named) <= set(KEYS)


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("complaints.state", CaseState),
        ("complaints.grounds", Grounds),
        ("complaints.outcome", CaseOutcome),
        ("complaints.field", forms.FIELDS),
        ("compliance.decision", Decision),
        ("complaints.window", _WINDOWS),
        ("compliance.ground", Ground),
        ("compliance.proof_kind", Kind),
    ],
)
def test_every_code_has_a_text(group: str, codes: Collection[str]) -> None:
    """Each group has exactly one text for each code."""
    names = {key.rpartition(".")[2] for key in KEYS if key.rpartition(".")[0] == group}

    assert names == {str(code) for code in codes}


def test_every_pattern_has_its_texts() -> None:
    """A pattern has a title, a sentence, a statistic and an assumption."""
    parts: dict[str, set[str]] = {}
    for key in KEYS:
        if (
            match := re.fullmatch(r"complaints\.pattern\.(\w+)\.(\w+)", key)
        ) is not None:
            parts.setdefault(match[1], set()).add(match[2])

    assert len(parts) == 12
    wanted = {"title", "says", "statistic", "assumption"}
    assert all(found - {"threshold"} == wanted for found in parts.values())


def test_every_notice_and_every_state_without_consent_has_a_text() -> None:
    """Notices of the law and states without a valid consent have texts."""
    rules = [rule for rule in law.load("FR").rules if isinstance(rule, ConsentTerms)]

    assert rules
    for notice in {notice for rule in rules for notice in rule.mentions}:
        assert f"compliance.notice.{notice}" in KEYS
    bad = list(ConsentState)[list(ConsentState).index(ConsentState.OUT_OF_SLOTS) :]
    for state in bad:
        assert f"compliance.consent_state.{state}" in KEYS


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_text_renders(lang: str) -> None:
    """No text is empty or shows a brace."""
    for key, text in catalogue(lang).items():
        values: dict[str, object] = dict.fromkeys(placeholders(text), "value")
        shown = message(key, lang, **values)

        assert shown.strip() == shown != ""
        assert not {"{", "}"} & {*shown}


def test_french_texts_have_no_break_spaces() -> None:
    """In French, a no-break space precedes : ; ? ! % and a closing quotation mark."""
    texts = french_texts()
    # the colon of a time such as 10:30 follows a digit
    wrong = re.compile(r"(?<!\xa0)[;!?»%]|(?<![\xa0\d]):|«(?!\xa0)")

    assert {place: text for place, text in texts.items() if wrong.search(text)} == {}
    assert len(texts) > 500
    assert wrong.search("Non : interdit") is not None


def test_mistakes_are_refused() -> None:
    """An unknown key or language and missing or unknown placeholders raise."""
    with pytest.raises(KeyError, match="nothing"):
        message("scrub.report.nothing", "en")
    with pytest.raises(KeyError, match="version"):
        message("report.written_by", "en")
    with pytest.raises(KeyError, match="version"):
        message("report.written_by", "en", version="1", day="2")
    with pytest.raises(InputError, match="one of the languages en, fr, got 'de'"):
        message("scrub.report.kind", "de")


def test_numbers_and_days_follow_the_language() -> None:
    """French has a space and a comma in numbers, and days in words."""
    day = date(2026, 8, 1)
    instant = datetime(2026, 8, 11, 9, 30, tzinfo=UTC)

    assert [format_value(12_345, lang) for lang in LANGUAGES] == [
        "12,345",
        "12\u202f345",
    ]
    assert [format_value(0.5, lang) for lang in LANGUAGES] == ["0.50", "0,50"]
    assert [format_value(day, lang) for lang in LANGUAGES] == [
        "2026-08-01",
        "1er août 2026",
    ]
    assert [format_value(instant, lang) for lang in LANGUAGES] == [
        "2026-08-11 09:30:00+00:00",
        "11 août 2026 à 09:30:00 (UTC+00:00)",
    ]


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_shares_never_round_to_none_or_all(one: int, other: int) -> None:
    """A count above 0 is never 0 %, and less than all is never 100 %."""
    text = format_share(one, one + other, "en")

    assert (text == "0 %") == (one == 0)
    assert (text == "100 %") == (one > 0 and other == 0)


def test_probabilities_are_in_words() -> None:
    """A reader who does not know exponents understands how rare something is."""
    assert format_probability(1e-6) == "1 in 1,000,000"
    assert format_probability(1e-6, "fr") == "1 sur 1\u202f000\u202f000"
    assert format_probability(0.5) == "50 %"
    assert format_probability(9.9e-10) == "less than 1 in a billion"
