"""Call log: attempts and their outcomes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bloctel import InvalidNumberError, PhoneNumber, Registry
from bloctel._util import clock
from bloctel.compliance import Desk
from bloctel.compliance.call_log import Attempt, CallLog, Outcome
from bloctel.errors import CannotAnswerError, DamagedRecordsError, InputError
from bloctel.records.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


KEY = 33639981234
NUMBER = "06 39 98 12 34"
AT = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store() -> RecordStore:
    """A store in memory."""
    return RecordStore.create("memory:")


@pytest.fixture
def calls(store: RecordStore) -> Iterator[CallLog]:
    """An empty log."""
    with CallLog(store) as log:
        yield log


def always(attempts: Sequence[Attempt]) -> bool:
    """Allow the attempt."""
    del attempts
    return True


def outcomes(calls: CallLog) -> list[str]:
    """Return the outcomes of the attempts to call the number."""
    return [attempt.outcome.value for attempt in calls.attempts(KEY)]


@pytest.mark.parametrize("key", [262639981234, 639981234, 5491123456789, 0, "1", True])
def test_only_keys_have_attempts(calls: CallLog, key: Any) -> None:
    """Digits that are not a key reserve no attempt, so that no limit is avoided."""
    for ask in (lambda: calls.reserve_if(key, AT, always), lambda: calls.attempts(key)):
        with pytest.raises(InputError, match="the key of a phone number"):
            ask()

    assert calls.verify().records == 0


def test_an_objection_reaches_the_list_of_the_firm(calls: CallLog) -> None:
    """With a registry, scrubs block the number from the day of the objection."""
    call = calls.add(NUMBER, Outcome.ANSWERED, at=AT).call
    with Registry.create("memory:", lists=["own"]) as registry:
        Desk(book=registry, calls=calls)

        assert calls.conclude(call, Outcome.DECLINED, at=AT) == (call, False)
        assert not registry.is_blocked(NUMBER)
        assert calls.conclude(call, Outcome.OBJECTED, at=AT) == (call, False)
        assert registry.is_blocked(NUMBER, on=AT.date())
        assert not registry.is_blocked(NUMBER, on=AT.date() - 24 * HOUR)
        other = calls.add("01 99 00 12 34", Outcome.OBJECTED, at=AT)
        assert not other.must_register
        assert registry.is_blocked("01 99 00 12 34", on=AT.date())


def test_an_objection_is_never_lost_silently(calls: CallLog) -> None:
    """Without a registry with the list `own`, the result says what to do."""
    assert calls.add(NUMBER, Outcome.OBJECTED, at=AT).must_register
    with Registry.create("memory:", lists=["fr.bloctel"]) as registry:
        calls.registry = registry
        call = calls.add(NUMBER, Outcome.ANSWERED, at=AT).call

        assert calls.conclude(call, Outcome.OBJECTED, at=AT).must_register
    with Registry.create("memory:", lists=["own"]) as registry:
        calls.registry = registry
        with pytest.raises(InputError):
            calls.conclude(call, Outcome.DECLINED, at=AT)

        # a second attempt after an error still registers the number
        assert not calls.conclude(call, Outcome.OBJECTED, at=AT).must_register
        assert registry.is_blocked(NUMBER, on=AT.date())
    with pytest.raises(CannotAnswerError):  # the registry is closed
        calls.add("01 99 00 12 34", Outcome.OBJECTED, at=AT)
    assert [one.outcome for one in calls.calls("01 99 00 12 34")] == ["objected"]


def test_an_objection_before_the_list_existed_counts(calls: CallLog) -> None:
    """The list then blocks the number from its first day."""
    at = datetime(2015, 1, 1, tzinfo=UTC)
    with Registry.create("memory:", lists=["own"]) as registry:
        calls.registry = registry

        assert not calls.add(NUMBER, Outcome.OBJECTED, at=at).must_register
        assert registry.is_blocked(NUMBER, on=date(2016, 6, 1))


def test_attempts_come_back_by_their_time(calls: CallLog) -> None:
    """Attempts that are logged late are sorted by their time."""
    calls.add(NUMBER, Outcome.ANSWERED, at=AT)
    calls.add("+262 639 98 12 34", Outcome.UNANSWERED, at=AT - HOUR)
    calls.add("01 99 00 12 34", Outcome.DECLINED, at=AT)

    assert calls.attempts(KEY) == [
        Attempt(AT - HOUR, Outcome.UNANSWERED),
        Attempt(AT, Outcome.ANSWERED),
    ]
    assert calls.attempts(KEY + 1) == []


def test_details_are_kept(calls: CallLog) -> None:
    """Details are returned with the call, and are not in its representation."""
    details = {"caller": "+33162000000", "campaign": "autumn"}
    first = calls.add(NUMBER, Outcome.ANSWERED, at=AT, details=details).call
    second = calls.reserve_if(KEY, AT + HOUR, always)

    found = calls.calls(NUMBER)

    assert [call.id for call in found] == [first, second]
    assert [call.details for call in found] == [details, {}]
    assert "33162000000" not in repr(found)


@pytest.mark.parametrize("details", [{"a": 1}, {"to": NUMBER}, {1: "a"}])
def test_details_are_texts_without_the_number(
    calls: CallLog, details: dict[str, str]
) -> None:
    """The called number is stored only where it can be erased."""
    with pytest.raises(InputError):
        calls.add(NUMBER, Outcome.ANSWERED, at=AT, details=details)

    assert calls.verify().records == 0


def test_a_reservation_counts_until_it_is_released(calls: CallLog) -> None:
    """A reservation counts as an attempt until it is released."""
    call = calls.reserve_if(KEY, AT, always)
    assert call is not None
    assert outcomes(calls) == ["reserved"]

    calls.conclude(call, Outcome.RELEASED, at=AT + HOUR)

    assert calls.attempts(KEY) == [Attempt(AT, Outcome.RELEASED)]


def test_a_refused_reservation_leaves_nothing(calls: CallLog) -> None:
    """A refused attempt is not logged."""
    seen: list[int] = []

    def never(attempts: Sequence[Attempt]) -> bool:
        seen.append(len(attempts))
        return False

    calls.add(NUMBER, Outcome.ANSWERED, at=AT)

    assert calls.reserve_if(KEY, AT, never) is None
    assert seen == [1]
    assert calls.verify().records == 1


def test_an_error_while_deciding_reserves_nothing(calls: CallLog) -> None:
    """If the decision fails, nothing is reserved."""

    def broken(attempts: Sequence[Attempt]) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        calls.reserve_if(KEY, AT, broken)

    assert calls.attempts(KEY) == []


POSSIBLE = {
    ("reserved", "answered"),
    ("reserved", "unanswered"),
    ("reserved", "declined"),
    ("reserved", "released"),
    ("released", "answered"),
    ("released", "unanswered"),
    ("released", "declined"),
    ("answered", "unanswered"),
    ("answered", "declined"),
    ("unanswered", "answered"),
    ("unanswered", "declined"),
    ("declined", "objected"),
    ("reserved", "objected"),
    ("released", "objected"),
    ("answered", "objected"),
    ("unanswered", "objected"),
}


@pytest.mark.parametrize("known", Outcome)
@pytest.mark.parametrize("wanted", Outcome)
def test_outcomes_that_can_follow(
    calls: CallLog, known: Outcome, wanted: Outcome
) -> None:
    """No later outcome makes a released attempt count again or cancels a refusal."""
    call = calls.add(NUMBER, known, at=AT).call
    if known is wanted:
        calls.conclude(call, wanted, at=AT)
        assert calls.verify().records == 1
    elif (known.value, wanted.value) in POSSIBLE:
        calls.conclude(call, wanted, at=AT + HOUR)
        assert outcomes(calls) == [wanted.value]
    else:
        with pytest.raises(InputError, match=f"{wanted.value} after {known.value}"):
            calls.conclude(call, wanted, at=AT)
        assert outcomes(calls) == [known.value]


def test_only_a_call_of_the_log_is_concluded(calls: CallLog) -> None:
    """Neither an unknown number nor the record of an outcome is a call."""
    call = calls.add(NUMBER, Outcome.UNANSWERED, at=AT).call
    calls.conclude(call, Outcome.ANSWERED, at=AT)

    for id in (0, -1, call // 10**6, call + 1, call + 10**6, 10**9):
        with pytest.raises(InputError, match="the id of a call in this log"):
            calls.conclude(id, Outcome.DECLINED, at=AT)


def test_the_id_of_a_lost_attempt_is_not_the_id_of_another(tmp_path: Path) -> None:
    """After a restore, the outcome of a lost call is not stored for a later call."""
    path, other_key = tmp_path / "calls.db", KEY + 1
    url = f"sqlite:///{path}"
    with Registry.create(url, lists=["own"]) as registry:
        registry.backup(tmp_path / "backup.db")
    with CallLog.open(url) as calls:
        lost = calls.reserve_if(KEY, AT, always)
    (tmp_path / "backup.db").replace(path)
    Registry.mark_restored(url)

    with CallLog.open(url) as calls:
        assert calls.reserve_if(other_key, AT, always) is not None
        assert lost is not None
        with pytest.raises(InputError, match="an id that the log does not contain"):
            calls.conclude(lost, Outcome.OBJECTED, at=AT)
        assert calls.attempts(other_key) == [Attempt(AT, Outcome.RESERVED)]


def test_old_attempts_are_purged_with_their_outcomes(calls: CallLog) -> None:
    """Older attempts of every number are erased; all others remain."""
    old = calls.reserve_if(KEY, AT - HOUR, always)
    young = calls.reserve_if(KEY, AT, always)
    assert old is not None
    assert young is not None
    for call in (old, young):
        calls.conclude(call, Outcome.ANSWERED, at=AT + HOUR)

    assert calls.purge(before=AT, at=AT) == 2
    assert calls.purge(before=AT, at=AT) == 0

    assert calls.attempts(KEY) == [Attempt(AT, Outcome.ANSWERED)]
    assert calls.verify()[:2] == (4, 2)
    with pytest.raises(InputError, match="the id of a call"):
        calls.conclude(old, Outcome.DECLINED, at=AT)
    with pytest.raises(InputError, match="time zone"):
        calls.purge(before=datetime(2026, 10, 5))  # noqa: DTZ001


def test_attempts_that_count_are_not_purged(
    calls: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The law limits the attempts of 30 days, so these attempts are kept."""
    monkeypatch.setattr(clock, "moment", lambda: AT)
    days, minute = timedelta(days=30), timedelta(minutes=1)
    calls.add(NUMBER, Outcome.UNANSWERED, at=AT - days)

    with pytest.raises(InputError, match=r"a time not after 2026-09-05T08:30Z \(30"):
        calls.purge(before=AT - days + minute)
    assert calls.purge(before=AT - days) == 0
    assert len(calls.attempts(KEY)) == 1


def test_no_purge_makes_a_refused_consent_valid(calls: CallLog) -> None:
    """A refusal is kept without its attempt."""
    calls.add(NUMBER, Outcome.DECLINED, at=AT - 2 * HOUR)
    call = calls.add(NUMBER, Outcome.ANSWERED, at=AT - HOUR).call
    calls.conclude(call, Outcome.DECLINED, at=AT)
    refused = [attempt.refused_at for attempt in calls.attempts(KEY)]

    assert calls.purge(before=AT + HOUR, at=AT) == 1
    assert calls.purge(before=AT + HOUR, at=AT) == 0

    assert [attempt.refused_at for attempt in calls.attempts(KEY)] == refused
    assert outcomes(calls) == ["declined", "declined"]


def test_the_future_is_neither_logged_nor_purged(
    calls: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal with a time in the future would not count until that time."""
    monkeypatch.setattr(clock, "moment", lambda: AT)
    later = AT + timedelta(minutes=6)
    call = calls.add(NUMBER, Outcome.ANSWERED).call

    with pytest.raises(InputError, match="a time not after"):
        calls.purge(before=later)
    with pytest.raises(InputError, match="not in the future"):
        calls.add(NUMBER, Outcome.DECLINED, at=later)
    with pytest.raises(InputError, match="not in the future"):
        calls.conclude(call, Outcome.DECLINED, at=later)

    assert calls.attempts(KEY) == [Attempt(AT, Outcome.ANSWERED)]


def test_an_outcome_without_its_attempt_is_purged(
    calls: CallLog, store: RecordStore
) -> None:
    """An outcome without its attempt is ignored, and the next purge erases it."""
    calls.add(NUMBER, Outcome.UNANSWERED, at=AT)
    fields = {"of": 1, "outcome": "answered"}
    with store.write() as transaction:
        transaction.erase("calls", [1], at=AT)
        transaction.append("calls", KEY, AT + HOUR, fields)

    assert calls.attempts(KEY) == []
    assert calls.purge(before=AT, at=AT) == 1
    assert calls.verify()[:2] == (2, 2)


def test_a_number_is_forgotten(calls: CallLog) -> None:
    """All records of one person are erased, and no others."""
    call = calls.add(NUMBER, Outcome.ANSWERED, at=AT).call
    calls.conclude(call, Outcome.DECLINED, at=AT)
    calls.add(PhoneNumber(KEY + 1), Outcome.ANSWERED, at=AT)

    assert calls.forget(NUMBER, at=AT) == 2
    assert calls.forget(NUMBER, at=AT) == 0

    assert calls.attempts(KEY) == []
    assert len(calls.attempts(KEY + 1)) == 1
    assert calls.verify()[:2] == (3, 2)


def test_no_number_no_log(calls: CallLog) -> None:
    """An invalid number is refused, and the message does not show it."""
    with pytest.raises(InvalidNumberError) as caught:
        calls.add("06 39 98 12", Outcome.ANSWERED, at=AT)

    assert "39" not in str(caught.value)


def test_a_log_lives_in_a_registry(tmp_path: Path) -> None:
    """One database can contain objections and calls, or calls alone."""
    url = f"sqlite:///{tmp_path}/r.db"
    Registry.create(url, region="BE").close()

    with CallLog.open(url) as calls:
        calls.add("+33 6 39 98 12 34", Outcome.ANSWERED, at=AT)
        assert len(calls.attempts(KEY)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"outcome": "later", "details": {}},
        {"outcome": "answered", "details": 1},
        {"outcome": "answered", "details": {"line": 1}},
        {"outcome": "answered", "kind": "transfer"},
        {"of": 1},
        {"outcome": "answered", "of": [1]},
    ],
)
def test_what_is_not_understood_is_no_free_attempt(
    calls: CallLog, store: RecordStore, fields: dict[str, object]
) -> None:
    """A record that the library does not know raises an error."""
    with store.write() as transaction:
        transaction.append("calls", KEY, AT, fields)

    with pytest.raises(DamagedRecordsError, match="a record of calls"):
        calls.reserve_if(KEY, AT, always)
