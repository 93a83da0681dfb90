"""Proofs for one person: complete, readable, and verifiable by anyone."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.compliance import CallBackRequest, Contract, Slot
from bloctel.compliance.consents.proof import check_proof
from bloctel.compliance.consents.records import EvidenceFile, NewConsent
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.errors import BloctelError, DamagedRecordsError, InputError
from bloctel.records.store import RecordStore

NUMBER = "06 39 98 12 34"
GIVEN = datetime(2026, 9, 1, 16, 12, tzinfo=UTC)
NOW = datetime(2026, 9, 2, 8, 0, tzinfo=UTC)
EVIDENCE = EvidenceFile("ab" * 32, "archive, form-4711.json")


def filled() -> ConsentRegister:
    """Return a register with records of each kind about one number, and of others."""
    register = ConsentRegister(RecordStore.create("memory:"))
    new = NewConsent(
        given_at=GIVEN,
        firm="Exemple & Fils",
        subject="assurances",
        mentions=["all"],
        evidence=EVIDENCE,
        slots=[Slot(NOW, NOW.replace(hour=9))],
    )
    register.record("01 99 00 12 34", new, recorded_at=NOW)
    id = register.record(NUMBER, new, recorded_at=NOW)
    register.withdraw(NUMBER, at=NOW, channel="by word in a call", recorded_at=NOW)
    register.withdraw(NUMBER, at=NOW, of=id, channel="courriel", recorded_at=NOW)
    home_contract = Contract(
        starts_on=date(2024, 1, 1),
        ends_on=None,
        firm="Exemple SA",
        subject="habitation",
    )
    contract = register.add_contract(NUMBER, home_contract, recorded_at=NOW)
    register.end_contract(NUMBER, contract, ends_on=date(2027, 1, 1), recorded_at=NOW)
    request = CallBackRequest(
        asked_at=NOW, firm="Exemple SA", subject="pompe à chaleur"
    )
    register.add_call_back(NUMBER, request, evidence=EVIDENCE, recorded_at=NOW)
    return register


def proof() -> dict[str, Any]:
    """Return the JSON of a proof as a value."""
    value: dict[str, Any] = json.loads(filled().proof(NUMBER, at=NOW).json())
    return value


def check(value: object) -> int:
    """Check a proof that is given as a value."""
    return check_proof(json.dumps(value, ensure_ascii=False).encode(), "proof.json")


def test_a_proof_holds_all_of_one_number_and_nothing_else() -> None:
    """The proof contains each record of the number, with its evidence."""
    value = proof()

    assert value["number"] == "+262639981234"
    assert value["made_at"] == NOW.isoformat()
    kinds = [entry["kind"] for entry in value["entries"]]
    assert kinds == [
        "consent",
        "withdrawal",
        "withdrawal",
        "contract",
        "contract_end",
        "call_back",
    ]
    first = value["entries"][0]
    assert first["evidence"] == {
        "sha256": "ab" * 32,
        "where": "archive, form-4711.json",
    }
    assert len(first["mentions"]) == 5
    assert check(value) == 6


INSTANTS = {
    "en": (
        "2026-09-01 19:12:00+03:00",  # in Mayotte
        "2026-09-02 11:00:00+03:00 / 2026-09-02 12:00:00+03:00",
        "First day on which it is no longer valid: 2027-09-01",
        "for how long the consent is valid",
    ),
    "fr": (
        "1er septembre 2026 à 19:12:00 (UTC+03:00)",
        "2 septembre 2026 à 11:00:00 (UTC+03:00) / "
        "2 septembre 2026 à 12:00:00 (UTC+03:00)",
        "Premier jour où il ne vaut plus\xa0: 1er septembre 2027",
        "durée de validité",
    ),
}


@pytest.mark.parametrize("lang", INSTANTS)
def test_a_proof_is_read_by_people(lang: str) -> None:
    """The text contains all content of the records, in French or in English."""
    page = filled().proof(NUMBER, at=NOW).text(lang=lang)

    for text in (
        "06 39 98 12 34 (+262639981234)",
        *INSTANTS[lang],
        "Exemple & Fils",
        "assurances",
        "archive, form-4711.json",
        "ab" * 32,
        "by word in a call",
        "courriel",
        "habitation",
        "pompe à chaleur",
    ):
        assert text in page
    assert max(map(len, page.splitlines())) <= 110
    assert "identity_and_goods" not in page


def test_nothing_on_record_is_said_to_be_nothing() -> None:
    """The text of a proof without records says that there are no records."""
    empty = filled().proof("01 99 00 12 99", at=NOW)

    assert "Rien n'est enregistré." in empty.text()
    assert check_proof(empty.json().encode(), "proof.json") == 0
    with pytest.raises(InputError, match="one of the languages en, fr"):
        empty.text(lang="de")


def test_a_proof_shows_no_number_in_a_log() -> None:
    """The number is in the proof, and not in its representation."""
    made = filled().proof(NUMBER, at=NOW)

    assert "639981234" not in repr(made)


ALTERATIONS: dict[str, Any] = {
    "firm": lambda value: value["entries"][0].update(firm="Autre"),
    "at": lambda value: value["entries"][0].update(at=NOW.isoformat()),
    "more": lambda value: value["entries"][0].update(more="x"),
    "less": lambda value: value["entries"][0].pop("mentions"),
    "id": lambda value: value["entries"][0].update(id="7"),
    "body": lambda value: value["entries"][0]["record"].update(body="{}"),
    "digest": lambda value: value["entries"][0]["record"].update(digest="0" * 64),
    "previous": lambda value: value["entries"][1]["record"].update(previous=None),
    "seq": lambda value: value["entries"][1]["record"].update(seq=9),
    "record": lambda value: value["entries"][1].update(record=None),
    "entry": lambda value: value["entries"].append(1),
    "number": lambda value: value.update(number="+33199001234"),
    "key": lambda value: value.update(key=33199001234, number="+33199001234"),
    "member": lambda value: value.update(more=1),
    "made_at": lambda value: value.update(made_at="yesterday"),
    "offset": lambda value: value.update(made_at="2026-09-02T10:00:00+02:00"),
    "no time zone": lambda value: value.update(made_at="2026-09-02T10:00:00"),
    "repeated": lambda value: value["entries"].append(value["entries"][-1]),
    "order": lambda value: value["entries"].reverse(),
    "true": lambda value: value["entries"][0]["record"].update(seq=True),
    "another digest": lambda value: value["entries"][1]["record"].update(
        previous="0" * 64
    ),
}


@pytest.mark.parametrize("how", ALTERATIONS)
def test_an_altered_proof_is_found(how: str) -> None:
    """An entry that differs from its stored record is refused."""
    value = proof()
    ALTERATIONS[how](value)

    with pytest.raises(DamagedRecordsError):
        check(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"format":"bloctel.consent-proof","version":2,"key":1,"entries":[]}',
        b'{"format":"bloctel.consent-proof","version":1,"key":"1","entries":[]}',
        b'{"format":"bloctel.consent-proof","version":1,"key":true,"entries":[]}',
        b'{"format":"bloctel.consent-proof","version":1,"key":33199001234}',
        b'{"format":"bloctel.consent-proof","version":1,"key":33199001234,"entries":1}',
        json.dumps(["a proof in UTF-16"]).encode("utf-16"),
    ],
)
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    """Bytes that are not a proof raise an error that names the file."""
    with pytest.raises(InputError, match=r"proof of consent.*proof\.json"):
        check_proof(data, "proof.json")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq": 2', b'"seq": 2.0'),
        (b'"seq": 2', b'"seq": 2, "seq": 2'),
        (b'"version": 1', b'"version": true'),
        (b'"made_at"', b'"made_at": "", "made_at"'),
    ],
)
def test_numbers_and_names_are_strict(old: bytes, new: bytes) -> None:
    """A fraction, a truth value and a repeated name are refused."""
    data = filled().proof(NUMBER, at=NOW).json().encode()
    assert check_proof(data, "proof.json") == 6
    assert data.count(old) == 1

    with pytest.raises(InputError, match=r"proof of consent.*proof\.json"):
        check_proof(data.replace(old, new), "proof.json")


@given(st.data())
def test_no_alteration_of_a_byte_goes_unseen(data: st.DataObject) -> None:
    """An altered byte is refused, unless the content that is proved stays the same."""
    whole = json.dumps(proof(), ensure_ascii=False).encode()
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != whole[place]))
    altered = whole[:place] + bytes([byte]) + whole[place + 1 :]

    try:
        check_proof(altered, "proof.json")
    except BloctelError:
        return
    assert _meant(json.loads(altered)) == _meant(json.loads(whole))


def _meant(value: dict[str, Any]) -> object:
    """Return a proof without the parts that it cannot prove."""
    return {**value, "made_at": None}
