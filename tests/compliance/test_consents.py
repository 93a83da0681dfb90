"""Register of consents: records, evidence, retention."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bloctel import PhoneNumber
from bloctel._util import clock
from bloctel.compliance import CallBackRequest, Contract, Desk, Slot
from bloctel.compliance.consents.records import EvidenceFile, NewConsent, rule_for
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.compliance.facts import ConsentState
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.records.store import RecordStore
from bloctel.records.transactions import WriteTransaction
from bloctel.rules import law
from bloctel.rules.law import CallBack, ConsentTerms, HoursException
from tests.helpers.law_rows import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel.records.transactions import Entry

KEY = 33199001234
NUMBER = "01 99 00 12 34"
OTHER = PhoneNumber(33199001235)
GIVEN = datetime(2026, 9, 1, 16, 12, tzinfo=UTC)
NOW = datetime(2026, 9, 2, 8, 0, tzinfo=UTC)
EVIDENCE = EvidenceFile("ab" * 32, "archive, form-4711.json")
ALL = (
    "access_to_proof",
    "identity_and_goods",
    "proposal",
    "validity_period",
    "withdrawal_right",
)
DAY = timedelta(days=1)


def consent(**changes: Any) -> NewConsent:
    """Return a complete consent."""
    whole: dict[str, Any] = {
        "given_at": GIVEN,
        "firm": "Exemple SA",
        "subject": "insurance",
        "mentions": ALL,
        "evidence": EVIDENCE,
    }
    return NewConsent(**(whole | changes))


@pytest.fixture
def store() -> RecordStore:
    """A store in memory."""
    return RecordStore.create("memory:")


@pytest.fixture
def short_call_backs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A law that keeps the proofs of call-back requests for two years."""
    text = (Path(law.__file__).parent / "fr.toml").read_text(encoding="utf-8")
    old, new = ("rest_weekdays = [7]\nproof_years = " + years for years in "32")
    assert old in text
    edited = law.parse(text.replace(old, new), "fr.toml")
    monkeypatch.setattr(law, "load", {"FR": edited}.__getitem__)
    rule_for.cache_clear()
    yield
    rule_for.cache_clear()


@pytest.fixture
def register(store: RecordStore) -> Iterator[ConsentRegister]:
    """An empty register."""
    with ConsentRegister(store) as opened:
        yield opened


def test_a_consent_is_what_was_recorded(register: ConsentRegister) -> None:
    """The evidence contains times, firm, goods, and the location of the proof."""
    slot = Slot(GIVEN + DAY, GIVEN + DAY + timedelta(hours=1))
    new = consent(slots=[slot], expires_on=date(2027, 1, 1))

    id = register.record(NUMBER, new, recorded_at=NOW)

    assert EvidenceFile("AB" * 32, "archive, form-4711.json") == EVIDENCE
    (found,) = register.of(KEY).consents
    assert (found.id, found.given_at, found.expires_on) == (id, GIVEN, date(2027, 1, 1))
    assert (found.firm, found.subject, found.slots) == (new.firm, new.subject, (slot,))
    assert found.has_all_mentions
    assert found.withdrawn_at is None
    assert found.evidence == f"archive, form-4711.json (SHA-256 {'ab' * 32})"
    assert register.of(KEY + 1).consents == []


def test_a_desk_asks_the_register() -> None:
    """A recorded consent permits a call, and its withdrawal forbids it."""
    register = ConsentRegister(RecordStore.create("memory:"))
    register.record(NUMBER, consent(), recorded_at=NOW)

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
@pytest.mark.usefixtures("in_2035")
def test_no_consent_holds_for_longer(
    register: ConsentRegister, given_at: datetime, expires_on: date, number: str
) -> None:
    """A consent of more than one year is refused; the error cites the article."""
    new = consent(given_at=given_at, expires_on=expires_on)
    with pytest.raises(InputError, match=r"at most a year .*, R223-1, .*\(version"):
        register.record(number, new, recorded_at=NOW)

    ends = consent(given_at=given_at, expires_on=expires_on - DAY)
    register.record(number, ends, recorded_at=NOW)


def test_before_the_law_nothing_caps_a_consent(register: ConsentRegister) -> None:
    """A consent of 2025 must state its end, and may last longer than a year."""
    given_at = datetime(2025, 3, 1, 12, tzinfo=UTC)
    register.record(
        NUMBER, consent(given_at=given_at, expires_on=date(2028, 1, 1)), recorded_at=NOW
    )
    assert register.of(KEY).consents[0].expires_on == date(2028, 1, 1)

    with pytest.raises(InputError, match="no law gives a default"):
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
    assert complete == [False] * 6 + [True]


@pytest.mark.parametrize(
    "changes",
    [
        {"firm": ""},
        {"firm": "  "},
        {"subject": "x" * 1_001},
        {"subject": None},
        {"subject": "call 01.99.00.12.34"},
        {"mentions": [*ALL, "wishes"]},
        {"evidence": EvidenceFile("ab" * 31, "archive")},
        {"evidence": EvidenceFile("ab" * 32, "")},
        {"evidence": "archive"},
        {"evidence": EvidenceFile("ab" * 32, "forms/0199001234.pdf")},
        {"given_at": datetime(2026, 9, 1)},  # noqa: DTZ001
        {"given_at": date(2026, 9, 1)},
        {"expires_on": date(2026, 9, 1)},
        {"expires_on": "2027-01-01"},
        {"slots": [Slot(GIVEN, GIVEN)]},
        {"slots": [Slot(GIVEN + DAY, GIVEN)]},
        {"slots": [Slot(GIVEN, GIVEN + DAY + timedelta(seconds=1))]},
        {"slots": [Slot(datetime(2026, 9, 1), GIVEN)]},  # noqa: DTZ001
        {"slots": [GIVEN]},
        {"firm": object()},
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


def test_a_withdrawal_ends_what_was_given_until_then(register: ConsentRegister) -> None:
    """A withdrawal is possible at any time; a later consent is a new one."""
    register.record(NUMBER, consent(), recorded_at=NOW)
    at = GIVEN + 2 * DAY
    register.withdraw(NUMBER, at=at, channel="by word in a call", recorded_at=NOW)
    register.record(NUMBER, consent(given_at=GIVEN + 3 * DAY), recorded_at=NOW)

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


@pytest.mark.parametrize("ahead", [timedelta(microseconds=1), timedelta(minutes=5)])
def test_the_order_of_records_decides_about_a_withdrawal(
    register: ConsentRegister, ahead: timedelta
) -> None:
    """A withdrawal ends consents recorded before it, even if they have a later time."""
    register.record(NUMBER, consent(given_at=GIVEN + ahead), recorded_at=NOW)
    register.withdraw(NUMBER, at=GIVEN, channel="letter", recorded_at=NOW)

    assert register.of(KEY).consents[0].withdrawn_at == GIVEN
    desk = Desk(consents=register, firm="Exemple SA")
    call = desk.may_call(
        NUMBER,
        at=GIVEN + DAY,
        purpose="sale",
        sector="insurance",
        caller="+33162001234",
        automated=False,
    )
    assert call.facts is not None
    assert call.facts.consent is ConsentState.WITHDRAWN


def test_times_are_recorded_in_microseconds(register: ConsentRegister) -> None:
    """A withdrawal directly after a consent never gets an earlier time."""
    given_at = datetime.now(UTC)
    register.record(NUMBER, consent(given_at=given_at))
    register.withdraw(NUMBER, channel="by word in a call")

    withdrawn_at = register.of(KEY).consents[0].withdrawn_at
    assert withdrawn_at is not None
    assert withdrawn_at >= given_at


def test_one_consent_of_several_is_withdrawn(register: ConsentRegister) -> None:
    """A withdrawal with an id ends only that consent; the first withdrawal counts."""
    first = register.record(NUMBER, consent(), recorded_at=NOW)
    register.record(NUMBER, consent(subject="travel"), recorded_at=NOW)
    for days in (5, 4, 6):
        at = GIVEN + days * DAY
        register.withdraw(NUMBER, at=at, of=first, channel="e-mail", recorded_at=NOW)

    ends = {one.subject: one.withdrawn_at for one in register.of(KEY).consents}
    assert ends == {"insurance": GIVEN + 4 * DAY, "travel": None}


@pytest.mark.parametrize("is_first", [True, False])
def test_all_records_of_a_consent_are_withdrawn(
    register: ConsentRegister, *, is_first: bool
) -> None:
    """An import can record a consent again, with other evidence, words or time."""
    moved = EvidenceFile(sha256="a" * 64, where="archive/moved.zip")
    other = consent(evidence=moved, subject="Insurance ", given_at=GIVEN - DAY / 24)
    first = register.record(NUMBER, consent(), recorded_at=NOW)
    again = register.record(NUMBER, other, recorded_at=NOW)
    register.record(NUMBER, consent(given_at=GIVEN + 2 * DAY), recorded_at=NOW)

    named = first if is_first else again
    register.withdraw(NUMBER, at=GIVEN + DAY, of=named, channel="e-mail")

    ends = [one.withdrawn_at for one in register.of(KEY).consents]
    assert ends == [GIVEN + DAY, GIVEN + DAY, None]


def test_only_a_consent_of_that_number_is_withdrawn(register: ConsentRegister) -> None:
    """The id of another person's consent, or an unknown id, is refused."""
    theirs = register.record(OTHER, consent(), recorded_at=NOW)
    contract = register.add_contract(
        NUMBER,
        Contract(
            starts_on=date(2024, 1, 1), ends_on=None, firm="Exemple SA", subject="x"
        ),
        recorded_at=NOW,
    )

    for id in (theirs, contract, "99", "0", "-1", "x", "", "9" * 40):
        with pytest.raises(InputError):
            register.withdraw(NUMBER, of=id, channel="letter", at=GIVEN)


def test_a_withdrawal_needs_no_consent(register: ConsentRegister) -> None:
    """A withdrawal also ends an earlier consent that is recorded afterwards."""
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
        subject="home insurance",
    )
    id = register.add_contract(NUMBER, contract, recorded_at=NOW)
    assert register.of(KEY).contracts == (contract,)

    for ends_on in (date(2027, 1, 1), date(2026, 12, 1)):
        register.end_contract(NUMBER, id, ends_on=ends_on, recorded_at=NOW)

    assert [one.ends_on for one in register.of(KEY).contracts] == [date(2026, 12, 1)]
    with pytest.raises(InputError, match="a contract of this phone number"):
        register.end_contract(OTHER, id, ends_on=date(2026, 12, 1))
    backwards = Contract(
        starts_on=date(2024, 1, 2), ends_on=date(2024, 1, 1), firm="x", subject="x"
    )
    with pytest.raises(InputError, match="ends_on"):
        register.add_contract(NUMBER, backwards)


def test_requests_to_be_called_back(register: ConsentRegister) -> None:
    """A call-back request is stored with its time and its subject."""
    request = CallBackRequest(asked_at=GIVEN, firm="Exemple SA", subject="heat pump")
    register.add_call_back(NUMBER, request, evidence=EVIDENCE, recorded_at=NOW)

    assert register.of(KEY).call_backs == (request,)


def test_contracts_and_requests_name_their_firm(register: ConsentRegister) -> None:
    """A contract or a request without a firm is refused."""
    contract = Contract(starts_on=date(2024, 1, 1), ends_on=None, firm=" ", subject="x")
    request = CallBackRequest(asked_at=GIVEN, firm="", subject="heat pump")
    wrong: Any = "Exemple SA"

    with pytest.raises(InputError, match="firm"):
        register.add_contract(NUMBER, contract, recorded_at=NOW)
    with pytest.raises(InputError, match="contract"):
        register.add_contract(NUMBER, wrong, recorded_at=NOW)
    with pytest.raises(InputError, match="firm"):
        register.add_call_back(NUMBER, request, evidence=EVIDENCE, recorded_at=NOW)
    assert register.verify().records == 0


def test_slots_are_compared_in_utc(register: ConsentRegister) -> None:
    """In the hour that occurs twice, a slot can end at an earlier local time."""
    start = datetime(2026, 10, 25, 2, 45, tzinfo=ZoneInfo("Europe/Paris"))
    end = start.replace(minute=15, fold=1)
    register.record(NUMBER, consent(slots=[Slot(start, end)]), recorded_at=NOW)

    with pytest.raises(InputError, match="a slot that ends after it starts"):
        register.record(NUMBER, consent(slots=[Slot(end, start)]), recorded_at=NOW)


# -- many at once --------------------------------------------------------------------


def test_a_region_that_is_not_text_is_refused(register: ConsentRegister) -> None:
    """No default replaces a wrong region."""
    with pytest.raises(InputError, match="an ISO 3166-1 alpha-2 region"):
        register.record(NUMBER, consent(), region=0)  # type: ignore[arg-type]


def test_many_are_recorded_once(register: ConsentRegister) -> None:
    """A second import adds nothing; a consent with a different field is added."""
    many = [(KEY + i % 3, consent(subject=f"goods {i % 4}")) for i in range(30)]

    assert register.record_many(many, recorded_at=NOW) == (12, 18)
    assert register.record_many(many, recorded_at=NOW + DAY) == (0, 30)
    more = [*many, (KEY, consent(firm="Exemple SAS"))]
    assert register.record_many(more, recorded_at=NOW) == (1, 30)
    assert register.verify().records == 13


@pytest.mark.parametrize("key", [262639981234, 639981234, 5491123456789, 0])
def test_only_keys_have_consents(register: ConsentRegister, key: int) -> None:
    """Digits that are not a key are refused, and nothing is recorded."""
    with pytest.raises(InputError, match="the key of a phone number"):
        register.record_many([(KEY, consent()), (key, consent())], recorded_at=NOW)
    for ask in (lambda: register.of(key), lambda: register.of_many([KEY, key])):
        with pytest.raises(InputError, match="the key of a phone number"):
            ask()

    assert register.verify().records == 0


def test_many_are_recorded_or_none(register: ConsentRegister) -> None:
    """If one consent is refused, none is recorded."""
    many = [(KEY, consent()), (KEY, consent(firm=""))]

    with pytest.raises(InputError):
        register.record_many(many, recorded_at=NOW)

    assert register.verify().records == 0


def test_others_can_write_while_many_are_read(
    register: ConsentRegister, store: RecordStore
) -> None:
    """A slow file of consents does not lock the storage of the dialers."""

    def consents() -> Iterator[tuple[int, NewConsent]]:
        yield KEY, consent()
        with store.write() as transaction:  # memory refuses nested transactions
            transaction.append("calls", KEY, NOW, {})
        yield KEY, consent(subject="travel")

    assert register.record_many(consents(), recorded_at=NOW) == (2, 0)
    assert store.verify("calls").records == 1


def test_others_can_write_while_many_are_recorded(
    register: ConsentRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction records few consents."""
    monkeypatch.setattr("bloctel.compliance.consents.register._BATCH", 2)
    many = [(KEY, consent(subject=f"goods {i % 4}")) for i in range(5)]
    sizes: list[int] = []
    extend = WriteTransaction.extend

    def noted(self: WriteTransaction, stream: str, entries: list[Entry]) -> object:
        sizes.append(len(entries))
        return extend(self, stream, entries)

    monkeypatch.setattr(WriteTransaction, "extend", noted)
    assert register.record_many(many, recorded_at=NOW) == (4, 1)
    assert sizes == [2, 2, 0]
    assert register.verify().records == 4


def test_nobody_adds_to_what_was_known(register: ConsentRegister) -> None:
    """A record that is added later does not change what was known at a past time."""
    register.record(OTHER, consent(), recorded_at=NOW + 30 * DAY)
    before = register.as_known_at(NOW + 20 * DAY)
    register.record(NUMBER, consent(), recorded_at=NOW)

    for known in (before, register.as_known_at(NOW + 20 * DAY)):
        assert known.of(KEY).consents == []
    assert len(register.as_known_at(NOW + 30 * DAY).of(KEY).consents) == 1


def test_a_wrong_clock_hides_no_withdrawal(register: ConsentRegister) -> None:
    """A withdrawal counts after the record of a machine whose clock was ahead."""
    id = register.record(NUMBER, consent(), recorded_at=NOW)
    register.record(OTHER, consent(), recorded_at=NOW + 2 * DAY)
    known = register.as_known_at(NOW + DAY)
    register.withdraw(NUMBER, at=NOW, of=id, channel="letter", recorded_at=NOW + DAY)

    for each in (known, register.as_known_at(NOW + DAY)):
        assert [one.withdrawn_at for one in each.of(KEY).consents] == [NOW]
    (before,) = register.as_known_at(NOW).of(KEY).consents
    assert before.withdrawn_at is None


def test_a_wrong_clock_hides_no_withdrawal_of_a_later_record(
    register: ConsentRegister,
) -> None:
    """A withdrawal can name a record of the consent that was not known yet."""
    register.record(NUMBER, consent(), recorded_at=NOW)
    register.record(OTHER, consent(), recorded_at=NOW + 2 * DAY)
    moved = consent(evidence=EvidenceFile("cd" * 32, "archive 2"))
    id = register.record(NUMBER, moved, recorded_at=NOW + DAY)
    register.withdraw(NUMBER, at=NOW, of=id, channel="letter", recorded_at=NOW + DAY)

    known = register.as_known_at(NOW + DAY)
    for found in (known.of(KEY), known.of_many([KEY])[KEY]):
        assert [one.withdrawn_at for one in found.consents] == [NOW]


def test_a_wrong_clock_hides_no_end_of_a_contract(register: ConsentRegister) -> None:
    """Later records of a contract's end can only make the contract shorter."""
    contract = Contract(
        starts_on=date(2020, 1, 1), ends_on=None, firm="Exemple SA", subject="insurance"
    )
    id = register.add_contract(NUMBER, contract, recorded_at=NOW)
    register.record(OTHER, consent(), recorded_at=NOW + 2 * DAY)
    known = register.as_known_at(NOW + DAY)

    for day in (date(2026, 8, 2), date(2026, 8, 1), date(2026, 9, 1)):
        register.end_contract(NUMBER, id, ends_on=day, recorded_at=NOW + DAY)

    assert [one.ends_on for one in known.of(KEY).contracts] == [date(2026, 8, 1)]
    assert [one.ends_on for one in register.of(KEY).contracts] == [date(2026, 9, 1)]


def test_the_future_is_not_recorded(
    register: ConsentRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times in the future are refused, but the clocks of two machines may differ."""
    monkeypatch.setattr(clock, "moment", lambda: NOW)
    soon, later = NOW + timedelta(minutes=5), NOW + timedelta(minutes=6)
    register.record(NUMBER, consent(), recorded_at=soon)

    for at, recorded_at in ((later, None), (None, later)):
        with pytest.raises(InputError, match="not in the future"):
            register.withdraw(NUMBER, at=at, channel="letter", recorded_at=recorded_at)
    request = CallBackRequest(asked_at=later, firm="Exemple SA", subject="heat pump")
    refused: list[Callable[[], object]] = [
        lambda: register.record(NUMBER, consent(), recorded_at=later),
        lambda: register.record(NUMBER, consent(given_at=later)),
        lambda: register.add_call_back(NUMBER, request, evidence=EVIDENCE),
    ]
    for act in refused:
        with pytest.raises(InputError, match="not in the future"):
            act()
    with pytest.raises(InputError, match="up to today"):
        register.purge(on=date.max)

    register.withdraw(NUMBER, at=soon, channel="letter")
    assert [one.withdrawn_at for one in register.of(KEY).consents] == [soon]


def test_many_are_known_as_each_is(register: ConsentRegister) -> None:
    """`of_many` returns for each number the evidence that `of` returns."""
    many = [(KEY + i % 3, consent(subject=f"goods {i % 4}")) for i in range(12)]
    register.record_many(many, recorded_at=NOW)
    register.withdraw(NUMBER, at=NOW + DAY, channel="letter", recorded_at=NOW + DAY)
    keys = [KEY, KEY + 1, KEY + 9]

    for known in (register, register.as_known_at(NOW)):
        found = known.of_many(keys)

        assert found == {key: known.of(key) for key in keys[:2]}
    assert register.as_known_at(NOW - DAY).of_many(keys)[KEY].consents == []


# -- what was known ------------------------------------------------------------------


def test_what_was_known_when_it_was_dialled(register: ConsentRegister) -> None:
    """A consent or a withdrawal is unknown until it was recorded, whatever its date."""
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
    """A time may be in any time zone: 9:00 in Paris is 8:00 in London."""
    paris = timezone(timedelta(hours=2))
    register.record(NUMBER, consent(given_at=GIVEN.astimezone(paris)), recorded_at=NOW)
    many = [(KEY, consent())]

    assert register.record_many(many, recorded_at=NOW) == (0, 1)


# -- how long it is kept -------------------------------------------------------------


@pytest.mark.usefixtures("in_2035")
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


def test_a_purge_uses_the_days_of_paris_and_of_the_person(
    register: ConsentRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first hours of a day in Paris, the day before continues elsewhere."""
    paris = ZoneInfo("Europe/Paris")
    martinique = PhoneNumber(KEYS["MQ"])
    for number in (NUMBER, martinique):
        register.record(number, consent(), recorded_at=NOW)
    now = datetime(2029, 9, 1, 0, 30, tzinfo=paris)
    monkeypatch.setattr(clock, "now", lambda: now.timestamp())

    assert register.purge(on=now.date()) == 1
    assert [len(register.of(key).consents) for key in (KEY, martinique.key)] == [0, 1]
    monkeypatch.setattr(clock, "now", lambda: now.timestamp() + 6 * 3600)
    assert register.purge() == 1


@pytest.mark.usefixtures("in_2035")
def test_no_purge_brings_a_consent_back_to_life(register: ConsentRegister) -> None:
    """A withdrawal is not erased before the consent that it ends."""
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


@pytest.mark.usefixtures("in_2035")
def test_a_purge_keeps_a_consent_that_a_withdrawal_names(
    register: ConsentRegister,
) -> None:
    """Without this consent, no other record of it would be withdrawn."""
    given_at = datetime(2024, 1, 1, tzinfo=UTC)
    for year in (2031, 2025):
        new = consent(given_at=given_at, expires_on=date(year, 1, 1))
        named = register.record(NUMBER, new, recorded_at=NOW)
    register.withdraw(NUMBER, at=given_at + DAY, of=named, channel="letter")

    assert register.purge(on=date(2030, 12, 31), at=NOW) == 0
    ends = [one.withdrawn_at for one in register.of(KEY).consents]
    assert ends == [given_at + DAY, given_at + DAY]
    assert register.purge(on=date(2031, 1, 1), at=NOW) == 3


@pytest.mark.usefixtures("in_2035")
def test_contracts_and_requests_are_kept_as_long(
    short_call_backs: None, register: ConsentRegister
) -> None:
    """An active contract is kept; a call-back request is kept for the legal period."""
    contract = Contract(
        starts_on=date(2020, 1, 1), ends_on=None, firm="Exemple SA", subject="insurance"
    )
    over = Contract(
        starts_on=date(2020, 1, 1),
        ends_on=date(2021, 1, 1),
        firm="Exemple SA",
        subject="x",
    )
    register.add_contract(NUMBER, over, recorded_at=NOW)
    id = register.add_contract(NUMBER, contract, recorded_at=NOW)
    request = CallBackRequest(asked_at=GIVEN, firm="Exemple SA", subject="heat pump")
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
        {"kind": "call_back", "recorded_at": NOW.isoformat(), "subject": 1},
        {"kind": "withdrawal", "of": None, "recorded_at": "2026-09-02"},
        {"kind": "withdrawal", "of": None},
    ],
)
def test_what_is_not_understood_is_an_error(
    register: ConsentRegister, store: RecordStore, fields: dict[str, object]
) -> None:
    """An unknown kind of record raises an error, because it may be a withdrawal."""
    with store.write() as transaction:
        transaction.append("consents", KEY, GIVEN, fields)

    with pytest.raises(DamagedRecordsError):
        register.as_known_at(NOW).of(KEY)


# -- the law that comes with the library ---------------------------------------------


def test_the_rules_are_those_of_the_law() -> None:
    """Since 11 August 2026: one year, three years, five mentions (R223-1, R223-2)."""
    after, before = date(2026, 8, 11), date(2026, 8, 10)
    terms = rule_for(ConsentTerms, after)

    assert (terms.max_years, terms.proof_years) == (1, 3)
    assert (rule_for(CallBack, after).proof_years, len(terms.mentions)) == (3, 5)
    assert rule_for(ConsentTerms, before) is terms
    assert rule_for(CallBack, before).proof_years == 3
    assert rule_for(HoursException, after).slot_hours == 2
    assert rule_for(HoursException, after).asks_hours == 24
    assert rule_for(HoursException, before).slot_hours == 0
