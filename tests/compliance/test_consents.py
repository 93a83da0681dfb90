"""Register of consents: records, evidence, retention."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from bloctel import PhoneNumber
from bloctel.compliance import CallBackRequest, Contract, Desk, Slot
from bloctel.compliance.consents.legal_terms import Figures, french_figures
from bloctel.compliance.consents.register import (
    ConsentRegister,
    EvidenceFile,
    NewConsent,
)
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.records.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = 33199001234
NUMBER = "01 99 00 12 34"
OTHER = PhoneNumber(33199001235)
GIVEN = datetime(2026, 9, 1, 16, 12, tzinfo=UTC)
NOW = datetime(2026, 9, 2, 8, 0, tzinfo=UTC)
EVIDENCE = EvidenceFile("ab" * 32, "archive, form-4711.json")
ALL = ("identity_and_goods", "proposal", "validity_period", "withdrawal_right")
DAY = timedelta(days=1)


def figures(day: date) -> Figures:
    """Return figures for the tests: a law of 2026, and no earlier law."""
    cap = 1 if day >= date(2026, 8, 11) else None
    return Figures(cap, 3, 2, ALL, "the law of the tests", 24)


def consent(**changes: Any) -> NewConsent:
    """Return a complete consent."""
    whole: dict[str, Any] = {
        "given_at": GIVEN,
        "firm": "Exemple SA",
        "goods": "insurance",
        "mentions": ALL,
        "evidence": EVIDENCE,
    }
    return NewConsent(**(whole | changes))


@pytest.fixture
def store() -> RecordStore:
    """A store in memory."""
    return RecordStore.create("memory:")


@pytest.fixture
def register(store: RecordStore) -> Iterator[ConsentRegister]:
    """An empty register."""
    with ConsentRegister(store, figures) as opened:
        yield opened


def test_a_consent_is_what_was_recorded(register: ConsentRegister) -> None:
    """The evidence contains times, firm, goods, and the location of the proof."""
    slot = Slot(GIVEN + DAY, GIVEN + DAY + timedelta(hours=1))
    new = consent(slots=[slot], expires_on=date(2027, 1, 1))

    id = register.record(NUMBER, new, recorded_at=NOW)

    (found,) = register.of(KEY).consents
    assert (found.id, found.given_at, found.expires_on) == (id, GIVEN, date(2027, 1, 1))
    assert (found.firm, found.goods, found.slots) == (new.firm, new.goods, (slot,))
    assert found.has_all_mentions
    assert found.withdrawn_at is None
    assert found.evidence == f"archive, form-4711.json (SHA-256 {'ab' * 32})"
    assert register.of(KEY + 1).consents == []


def test_a_desk_asks_the_register() -> None:
    """A recorded consent permits a call, and its withdrawal forbids it."""
    register = ConsentRegister(RecordStore.create("memory:"))
    mentions = french_figures(GIVEN.date()).mentions
    register.record(NUMBER, consent(mentions=mentions), recorded_at=NOW)

    def decision(at: datetime) -> str:
        desk = Desk(consents=register, calls=_NoCalls(), firm="Exemple SA")
        answer = desk.may_call(
            OTHER if at is NOW else NUMBER,
            at=at,
            purpose="sale",
            sector="insurance",
            caller="01 62 00 00 00",
        )
        return answer.decision.value

    tuesday = datetime(2026, 9, 8, 9, 0, tzinfo=UTC)
    before = decision(tuesday), decision(NOW)
    register.withdraw(NUMBER, at=tuesday, channel="by word in a call")

    assert before[0] != "no"
    assert before[1] == "no"
    assert decision(tuesday) == "no"


class _NoCalls:
    def attempts(self, key: int) -> list[Any]:
        del key
        return []


# -- how long a consent holds --------------------------------------------------------


def test_a_consent_holds_for_as_long_as_the_law_allows(
    register: ConsentRegister,
) -> None:
    """A consent without an end lasts one year from its collection (R223-1)."""
    register.record(NUMBER, consent(), recorded_at=NOW)

    assert register.of(KEY).consents[0].expires_on == date(2027, 9, 1)


@pytest.mark.parametrize(
    ("given_at", "expires_on", "number"),
    [
        (GIVEN, date(2027, 9, 2), NUMBER),
        (datetime(2026, 8, 11, tzinfo=UTC), date(2027, 8, 12), NUMBER),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), date(2029, 3, 1), NUMBER),
        # in Mayotte it is already the next day
        (datetime(2026, 9, 1, 21, tzinfo=UTC), date(2027, 9, 3), "06 39 98 12 34"),
    ],
)
def test_no_consent_holds_for_longer(
    register: ConsentRegister, given_at: datetime, expires_on: date, number: str
) -> None:
    """A longer validity than one year is refused, with the article."""
    new = consent(given_at=given_at, expires_on=expires_on)
    with pytest.raises(InputError, match=r"at most a year .*\(the law of the tests"):
        register.record(number, new, recorded_at=NOW)

    ends = consent(given_at=given_at, expires_on=expires_on - DAY)
    register.record(number, ends, recorded_at=NOW)


def test_before_the_law_nothing_caps_a_consent(register: ConsentRegister) -> None:
    """A consent of 2025 needs its own end, and keeps it."""
    given_at = datetime(2025, 3, 1, 12, tzinfo=UTC)
    register.record(
        NUMBER, consent(given_at=given_at, expires_on=date(2028, 1, 1)), recorded_at=NOW
    )
    assert register.of(KEY).consents[0].expires_on == date(2028, 1, 1)

    with pytest.raises(InputError, match="an end of the consent"):
        register.record(NUMBER, consent(given_at=given_at), recorded_at=NOW)


def test_without_all_mentions_a_consent_is_kept_and_permits_nothing(
    register: ConsentRegister,
) -> None:
    """A consent without one of the mentions is incomplete (R223-1)."""
    for missing in ALL:
        told = [mention for mention in ALL if mention != missing]
        register.record(NUMBER, consent(mentions=told), recorded_at=NOW)
    register.record(NUMBER, consent(mentions=()), recorded_at=NOW)
    register.record(NUMBER, consent(), recorded_at=NOW)

    complete = [one.has_all_mentions for one in register.of(KEY).consents]
    assert complete == [False] * 5 + [True]


@pytest.mark.parametrize(
    "changes",
    [
        {"firm": ""},
        {"firm": "  "},
        {"goods": "x" * 1_001},
        {"goods": None},
        {"goods": "call 01.99.00.12.34"},
        {"mentions": [*ALL, "wishes"]},
        {"evidence": EvidenceFile("ab" * 31, "archive")},
        {"evidence": EvidenceFile("ab" * 32, "")},
        {"evidence": EvidenceFile("ab" * 32, "forms/0199001234.pdf")},
        {"given_at": datetime(2026, 9, 1)},  # noqa: DTZ001
        {"given_at": date(2026, 9, 1)},
        {"expires_on": date(2026, 9, 1)},
        {"expires_on": "2027-01-01"},
        {"slots": [Slot(GIVEN, GIVEN)]},
        {"slots": [Slot(GIVEN + DAY, GIVEN)]},
        {"slots": [Slot(GIVEN, GIVEN + DAY + timedelta(seconds=1))]},
        {"slots": [Slot(datetime(2026, 9, 1), GIVEN)]},  # noqa: DTZ001
    ],
)
def test_what_proves_nothing_is_refused(
    register: ConsentRegister, changes: dict[str, Any]
) -> None:
    """A consent without time, firm or evidence is refused."""
    with pytest.raises(InputError) as caught:
        register.record(NUMBER, consent(**changes), recorded_at=NOW)

    assert "0199001234" not in str(caught.value)
    assert register.verify().records == 0


# -- withdrawal ----------------------------------------------------------------------


def test_a_withdrawal_ends_what_was_given_until_then(
    register: ConsentRegister,
) -> None:
    """A withdrawal is possible at any time; a later consent is a new one."""
    register.record(NUMBER, consent(), recorded_at=NOW)
    register.record(NUMBER, consent(given_at=GIVEN + 3 * DAY), recorded_at=NOW)
    at = GIVEN + 2 * DAY
    register.withdraw(NUMBER, at=at, channel="by word in a call", recorded_at=NOW)

    withdrawn = [one.withdrawn_at for one in register.of(KEY).consents]
    assert withdrawn == [at, None]
    assert register.of(OTHER.key).consents == []


def test_a_withdrawal_at_the_moment_of_the_consent_ends_it(
    register: ConsentRegister,
) -> None:
    """A withdrawal at the same instant ends the consent."""
    register.withdraw(NUMBER, at=GIVEN, channel="letter", recorded_at=NOW)
    register.record(NUMBER, consent(), recorded_at=NOW + DAY)

    assert register.of(KEY).consents[0].withdrawn_at == GIVEN


def test_one_consent_of_several_is_withdrawn(register: ConsentRegister) -> None:
    """A withdrawal with an id ends only that consent; the first withdrawal counts."""
    first = register.record(NUMBER, consent(), recorded_at=NOW)
    register.record(NUMBER, consent(goods="travel"), recorded_at=NOW)
    for days in (5, 4, 6):
        at = GIVEN + days * DAY
        register.withdraw(NUMBER, at=at, of=first, channel="e-mail", recorded_at=NOW)

    ends = {one.goods: one.withdrawn_at for one in register.of(KEY).consents}
    assert ends == {"insurance": GIVEN + 4 * DAY, "travel": None}


def test_only_a_consent_of_that_number_is_withdrawn(register: ConsentRegister) -> None:
    """The id of another person's consent, or an unknown id, is refused."""
    theirs = register.record(OTHER, consent(), recorded_at=NOW)
    contract = register.add_contract(
        NUMBER,
        Contract(
            starts_on=date(2024, 1, 1), ends_on=None, firm="Exemple SA", object="x"
        ),
        recorded_at=NOW,
    )

    for id in (theirs, contract, "99", "0", "-1", "x", "", "9" * 40):
        with pytest.raises(InputError):
            register.withdraw(NUMBER, of=id, channel="letter", at=GIVEN)


def test_a_withdrawal_needs_no_consent(register: ConsentRegister) -> None:
    """A withdrawal counts for a consent that is recorded afterwards."""
    register.withdraw(NUMBER, at=GIVEN + DAY, channel="in a shop", recorded_at=NOW)
    register.record(NUMBER, consent(), recorded_at=NOW + 9 * DAY)

    assert register.of(KEY).consents[0].withdrawn_at == GIVEN + DAY


# -- contracts, requests -------------------------------------------------------------


def test_contracts_and_their_ends(register: ConsentRegister) -> None:
    """A contract is active until its recorded end; the last record counts."""
    contract = Contract(
        starts_on=date(2024, 1, 1),
        ends_on=None,
        firm="Exemple SA",
        object="home insurance",
    )
    id = register.add_contract(NUMBER, contract, recorded_at=NOW)
    assert register.of(KEY).contracts == (contract,)

    for ends_on in (date(2027, 1, 1), date(2026, 12, 1)):
        register.end_contract(NUMBER, id, ends_on=ends_on, recorded_at=NOW)

    assert [one.ends_on for one in register.of(KEY).contracts] == [date(2026, 12, 1)]
    with pytest.raises(InputError, match="a contract of that number"):
        register.end_contract(OTHER, id, ends_on=date(2026, 12, 1))
    backwards = Contract(
        starts_on=date(2024, 1, 2), ends_on=date(2024, 1, 1), firm="x", object="x"
    )
    with pytest.raises(InputError, match="ends_on"):
        register.add_contract(NUMBER, backwards)


def test_requests_to_be_called_back(register: ConsentRegister) -> None:
    """A request has its time and its subject."""
    request = CallBackRequest(asked_at=GIVEN, firm="Exemple SA", object="heat pump")
    register.add_call_back(NUMBER, request, evidence=EVIDENCE, recorded_at=NOW)

    assert register.of(KEY).call_backs == (request,)


def test_contracts_and_requests_name_their_firm(register: ConsentRegister) -> None:
    """A contract or a request without a firm is refused."""
    contract = Contract(starts_on=date(2024, 1, 1), ends_on=None, firm=" ", object="x")
    request = CallBackRequest(asked_at=GIVEN, firm="", object="heat pump")

    with pytest.raises(InputError, match="firm"):
        register.add_contract(NUMBER, contract, recorded_at=NOW)
    with pytest.raises(InputError, match="firm"):
        register.add_call_back(NUMBER, request, evidence=EVIDENCE, recorded_at=NOW)
    assert register.verify().records == 0


# -- many at once --------------------------------------------------------------------


def test_many_are_recorded_once(register: ConsentRegister) -> None:
    """A second import changes nothing; one other word makes another consent."""
    many = [(KEY + i % 3, consent(goods=f"goods {i % 4}")) for i in range(30)]

    assert register.record_many(many, recorded_at=NOW) == (12, 18)
    assert register.record_many(many, recorded_at=NOW + DAY) == (0, 30)
    more = [*many, (KEY, consent(firm="Exemple SAS"))]
    assert register.record_many(more, recorded_at=NOW) == (1, 30)
    assert register.verify().records == 13


def test_many_are_recorded_or_none(register: ConsentRegister) -> None:
    """If one consent is refused, none is recorded."""
    many = [(KEY, consent()), (KEY, consent(firm=""))]

    with pytest.raises(InputError):
        register.record_many(many, recorded_at=NOW)

    assert register.verify().records == 0


def test_nobody_adds_to_what_was_known(register: ConsentRegister) -> None:
    """A later record with an earlier date was not known before."""
    register.record(OTHER, consent(), recorded_at=NOW + 90 * DAY)
    before = register.as_known_at(NOW + 60 * DAY)
    register.record(NUMBER, consent(), recorded_at=NOW)

    for known in (before, register.as_known_at(NOW + 60 * DAY)):
        assert known.of(KEY).consents == []
    assert len(register.as_known_at(NOW + 90 * DAY).of(KEY).consents) == 1


def test_many_are_known_as_each_is(register: ConsentRegister) -> None:
    """`of_many` returns the same evidence as `of`, at any time."""
    many = [(KEY + i % 3, consent(goods=f"goods {i % 4}")) for i in range(12)]
    register.record_many(many, recorded_at=NOW)
    register.withdraw(NUMBER, at=NOW + DAY, channel="letter", recorded_at=NOW + DAY)
    keys = [KEY, KEY + 1, KEY + 9]

    for known in (register, register.as_known_at(NOW)):
        found = known.of_many(keys)

        assert found == {key: known.of(key) for key in keys[:2]}
    assert register.as_known_at(NOW - DAY).of_many(keys)[KEY].consents == []


# -- what was known ------------------------------------------------------------------


def test_what_was_known_when_it_was_dialled(register: ConsentRegister) -> None:
    """A consent or a withdrawal that was recorded late was not known before."""
    register.record(NUMBER, consent(), recorded_at=NOW)
    register.withdraw(
        NUMBER, at=GIVEN + DAY, channel="letter", recorded_at=NOW + 5 * DAY
    )

    before = register.as_known_at(NOW - timedelta(seconds=1)).of(KEY)
    between = register.as_known_at(NOW + 5 * DAY - timedelta(seconds=1)).of(KEY)
    after = register.as_known_at(NOW + 5 * DAY).of(KEY)
    assert before.consents == []
    assert [one.withdrawn_at for one in between.consents] == [None]
    assert [one.withdrawn_at for one in after.consents] == [GIVEN + DAY]
    with pytest.raises(InputError, match="time zone"):
        register.as_known_at(datetime(2026, 9, 2))  # noqa: DTZ001


def test_a_moment_in_any_time_zone(register: ConsentRegister) -> None:
    """Nine in Paris and eight in London are the same instant."""
    paris = timezone(timedelta(hours=2))
    register.record(NUMBER, consent(given_at=GIVEN.astimezone(paris)), recorded_at=NOW)
    many = [(KEY, consent())]

    assert register.record_many(many, recorded_at=NOW) == (0, 1)


# -- how long it is kept -------------------------------------------------------------


def test_proofs_are_kept_for_three_years_and_not_longer(
    register: ConsentRegister,
) -> None:
    """A consent is erased three years after its collection (R223-2)."""
    register.record(NUMBER, consent(), recorded_at=NOW)
    register.withdraw(NUMBER, at=GIVEN + DAY, channel="letter", recorded_at=NOW)
    at = datetime(2029, 9, 1, tzinfo=UTC)

    assert register.purge(on=date(2029, 8, 31), at=at) == 0
    assert register.purge(on=date(2029, 9, 1), at=at) == 1
    assert register.of(KEY).consents == []
    assert register.purge(on=date(2029, 9, 2), at=at) == 1
    assert register.purge(on=date(2030, 1, 1), at=at) == 0
    assert register.verify()[:2] == (2, 2)


def test_no_purge_brings_a_consent_back_to_life(register: ConsentRegister) -> None:
    """A withdrawal remains as long as a consent that it ends."""
    given_at = datetime(2024, 1, 1, tzinfo=UTC)
    long = consent(given_at=given_at, expires_on=date(2031, 1, 1))
    register.record(NUMBER, long, recorded_at=NOW)
    register.withdraw(NUMBER, at=given_at + DAY, channel="letter", recorded_at=NOW)

    for year in range(2026, 2031):
        assert register.purge(on=date(year, 12, 31), at=NOW) == 0
        assert [one.withdrawn_at for one in register.of(KEY).consents] == [
            given_at + DAY
        ]
    assert register.purge(on=date(2031, 1, 1), at=NOW) == 2


def test_contracts_and_requests_are_kept_as_long(register: ConsentRegister) -> None:
    """A contract remains while it is active; a request for the legal period."""
    contract = Contract(
        starts_on=date(2020, 1, 1), ends_on=None, firm="Exemple SA", object="insurance"
    )
    over = Contract(
        starts_on=date(2020, 1, 1),
        ends_on=date(2021, 1, 1),
        firm="Exemple SA",
        object="x",
    )
    register.add_contract(NUMBER, over, recorded_at=NOW)
    id = register.add_contract(NUMBER, contract, recorded_at=NOW)
    request = CallBackRequest(asked_at=GIVEN, firm="Exemple SA", object="heat pump")
    register.add_call_back(NUMBER, request, evidence=EVIDENCE, recorded_at=NOW)

    assert register.purge(on=date(2023, 12, 31), at=NOW) == 0
    assert register.purge(on=date(2024, 1, 1), at=NOW) == 1
    assert register.purge(on=date(2028, 8, 31), at=NOW) == 0
    assert register.purge(on=date(2028, 9, 1), at=NOW) == 1
    assert register.of(KEY).contracts == (contract,)
    register.end_contract(NUMBER, id, ends_on=date(2029, 1, 1), recorded_at=NOW)
    assert register.purge(on=date(2031, 12, 31), at=NOW) == 0
    assert register.purge(on=date(2032, 1, 1), at=NOW) == 2
    assert register.verify()[:2] == (4, 4)


def test_a_number_is_forgotten(register: ConsentRegister) -> None:
    """All records of one person are erased, and the hash chain stays intact."""
    register.record(NUMBER, consent(), recorded_at=NOW)
    register.withdraw(NUMBER, at=NOW, channel="letter", recorded_at=NOW)
    register.record(OTHER, consent(), recorded_at=NOW)

    assert register.forget(NUMBER, at=NOW) == 2

    assert register.of(KEY).consents == []
    assert len(register.of(OTHER.key).consents) == 1
    assert register.proof(NUMBER, at=NOW).entries == ()
    assert register.verify()[:2] == (3, 2)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"kind": "wish"},
        {"kind": "consent", "recorded_at": NOW.isoformat()},
        {"kind": "withdrawal", "recorded_at": NOW.isoformat()},
        {"kind": "contract", "recorded_at": NOW.isoformat(), "ends_on": "x"},
        {"kind": "contract_end", "recorded_at": NOW.isoformat(), "of": []},
        {"kind": "call_back", "recorded_at": NOW.isoformat(), "object": 1},
        {"kind": "withdrawal", "of": None, "recorded_at": "2026-09-02"},
        {"kind": "withdrawal", "of": None},
    ],
)
def test_what_is_not_understood_is_an_error(
    register: ConsentRegister, store: RecordStore, fields: dict[str, object]
) -> None:
    """A record of a later version may be a withdrawal, so it raises an error."""
    with store.write() as transaction:
        transaction.append("consents", KEY, GIVEN, fields)

    with pytest.raises(DamagedRecordsError):
        register.as_known_at(NOW).of(KEY)


# -- the law that comes with the library ---------------------------------------------


def test_the_figures_are_those_of_the_law() -> None:
    """One year, three years and five mentions since 11 August 2026 (R223-1, R223-2)."""
    after = french_figures(date(2026, 8, 11))
    before = french_figures(date(2026, 8, 10))

    assert (after.max_years, after.proof_years) == (1, 3)
    assert (after.call_back_proof_years, len(after.mentions)) == (3, 5)
    assert "version in force on 2026-08-11" in after.citation
    assert before == after._replace(max_years=None, slot_hours=None)
