"""Words of answers: each reason says what is wrong, in the words of people."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, Final

import pytest

from bloctel._util.messages import LANGUAGES, catalogue
from bloctel.compliance import (
    Answer,
    CallBackState,
    CallInputs,
    ConsentState,
    ContractState,
    Desk,
    Facts,
    ListState,
    SilenceState,
    TerritoryState,
    TimeState,
    judge,
)
from bloctel.rules import Certainty, law
from bloctel.rules.law import CallerKind, Channel, Purpose
from tests.helpers.law_rows import KEYS, PARIS, ask

FRENCH: Final = law.load("FR")
MESSAGES: Final = [channel for channel in Channel if channel.is_message]
MONDAY: Final = datetime(2026, 11, 23, 15, tzinfo=PARIS)
#: A sale in 2026, which nothing but the lack of a consent forbids.
SALE: Final = Facts(
    version_index=FRENCH.version_index_on(date(2026, 11, 23)),
    territory=TerritoryState.KNOWN,
    channel=Channel.VOICE,
    purpose=Purpose.SALE,
    sector="travel",
    caller=CallerKind.VERIFIED,
    automated=False,
    time=TimeState.OPEN,
    national=ListState.NOT_HELD,
    own=ListState.CLEAR,
    consent=ConsentState.NONE,
    contract=ContractState.NONE,
    call_back=CallBackState.NONE,
    attempts=0,
    silence=SilenceState.NONE,
    refusal_version_index=None,
    objected=False,
)
#: The developers' names of inputs; as English words, most are also in English texts.
INPUTS: Final = {*CallInputs.__annotations__, "book", "consents", "calls", "firm"}


def text_of(facts: Facts, lang: str = "en") -> str:
    """Return the explanation of the answer to a call with these facts."""
    return Answer(judge(facts, FRENCH), facts, MONDAY).explain(lang)


def words_of(text: str) -> set[str]:
    """Return the words of a text, without its placeholders."""
    return set(re.findall(r"\w+", re.sub(r"\{\w+\}", "", text)))


def test_texts_about_a_message_name_no_call_in_french() -> None:
    """Whatever is known about a message, the French text does not say "appel"."""
    all_facts = [
        replace(
            SALE,
            version_index=version,
            channel=channel,
            sector=sector,
            contract=contract,
            business=business,
            territory=territory,
        )
        for version, channel, sector, contract, business, territory in product(
            range(len(FRENCH.versions)),
            MESSAGES,
            ("energy_renovation", "cpf_training", "travel", None),
            ContractState,
            (None, True),
            (TerritoryState.KNOWN, TerritoryState.FOREIGN),
        )
    ]

    # the same judgement has the same text
    distinct = {judge(facts, FRENCH): facts for facts in all_facts}
    texts = [text_of(facts, "fr") for facts in distinct.values()]

    assert len(texts) > 30
    assert [text for text in texts if re.search(r"appel", text, re.IGNORECASE)] == []


def test_the_consequences_of_a_message_are_not_those_of_a_call() -> None:
    """For a forbidden message, the text names the fine and says "message"."""
    answer = ask({"at": MONDAY, "sector": "cpf_training", "channel": "sms"})
    text = answer.explain("fr")

    assert answer.decision == "no"
    assert "Non\xa0: ce message est interdit." in text
    assert "Si le message est envoyé\xa0: Une amende" in text
    assert "appel" not in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_sentences_contain_no_names_of_inputs(lang: str) -> None:
    """People read what is missing, and not the name of an argument."""
    texts = {k: t for k, t in catalogue(lang).items() if k.startswith("compliance.")}
    foreign = INPUTS if lang == "fr" else {"time_zone", "business_line"}

    assert {k: t for k, t in texts.items() if words_of(t) & foreign} == {}
    assert [t for t in texts.values() if re.search(r"give \w+$|the input", t)] == []
    nothing = Desk().may_call(f"+{KEYS['09']}", at=MONDAY)
    assert {*nothing.missing} >= {"book", "calls", "consents", "time_zone", "purpose"}
    assert not words_of(nothing.explain(lang)) & foreign


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("consent", [*ConsentState][[*ConsentState].index(ConsentState.OVERLONG) :]),
        ("contract", [s for s in ContractState if s is not ContractState.UNKNOWN]),
        ("call_back", [s for s in CallBackState if s is not CallBackState.UNKNOWN]),
    ],
)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_state_has_its_own_reason(name: str, states: list[Any], lang: str) -> None:
    """No two states of the evidence lead to the same explanation."""
    changes: list[dict[str, Any]] = [{name: state} for state in states]
    texts = {text_of(replace(SALE, **change), lang) for change in changes}

    assert len(texts) == len(states) > 5


def test_an_ended_contract_and_an_old_request_are_named() -> None:
    """The answer says that a contract or a request exists and no longer counts."""
    facts = replace(SALE, contract=ContractState.ENDED, call_back=CallBackState.TOO_OLD)
    text = text_of(facts)

    assert "the contract has ended" in text
    assert "the request is too old" in text
    assert "none was given" not in text
    other = text_of(replace(SALE, consent=ConsentState.OTHER_SUBJECT))
    assert "its words differ" in other


def test_what_depends_on_uncertain_rules_is_not_certain() -> None:
    """A call within hours that only a public file quotes has their certainty."""
    consented = replace(SALE, consent=ConsentState.VALID)
    answer = Answer(judge(consented, FRENCH), consented, MONDAY)

    assert (answer.allowed, answer.certainty) == (True, Certainty.V3)
    assert "It also depends on: Code de la consommation, D223-9" in answer.explain()
    listed = {"bloctel": "clear", "at": datetime(2024, 5, 31, 15, tzinfo=PARIS)}
    assert ask(listed).certainty is Certainty.V1
    assert "It also depends" not in ask(listed).explain()


@pytest.mark.parametrize("hours", [None, 2, 12, 24])
def test_an_old_form_warns_with_and_without_a_slot(hours: int | None) -> None:
    """A consent that is older than the decree permits the call, with a warning."""
    start = MONDAY - timedelta(hours=1)
    slots = [] if hours is None else [[start, start + timedelta(hours=hours)]]
    given_at = datetime(2026, 7, 23, 9, tzinfo=PARIS)

    answer = ask({"at": MONDAY, "consents": [{"given_at": given_at, "slots": slots}]})

    assert answer.decision == "yes"
    assert answer.reasons == ("consent", "consent_old_form")
    assert "warning: the consent is older than the decree" in answer.explain()
    assert "attention\xa0: le consentement est antérieur" in answer.explain("fr")


def test_no_day_is_named_for_the_end_of_a_doubt() -> None:
    """Within the 60 days that may be abolished, no text gives the next lawful day."""
    row = {
        "at": datetime(2026, 8, 17, 15, tzinfo=PARIS),
        "subject": "travel",
        "contracts": [{"subject": "travel"}],
        "refused": [datetime(2026, 8, 3, 11, tzinfo=PARIS)],
    }
    answer = ask(row)

    assert (answer.decision, answer.reasons) == ("ask", ("silence_doubtful",))
    assert answer.next_allowed_at is None
