"""The audit judges calls by the verdicts of the lists that `Desk.reserve` stored."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import bloctel
from bloctel import Registry
from bloctel._util import clock
from bloctel.compliance import Contract, Decision, Desk, Evidence, ListState, Outcome
from bloctel.compliance.call_log import STREAM, CallLog
from bloctel.errors import InputError, NotRegisteredError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bloctel.compliance import Audit
    from bloctel.lookup.book import Book

LISTED, CLEAR, OTHER, LATER, FORGOTTEN = range(33199001234, 33199001239)
AT = datetime(2024, 6, 4, 9, 30, tzinfo=UTC)
SALE: Any = {
    "purpose": "sale",
    "sector": "travel",
    "caller": "01 62 00 00 00",
    "automated": False,
}
#: A call within an active contract can be reserved if the number is on fr.bloctel.
RELATED: Any = {**SALE, "subject": "a stay"}
CONTRACT: Final = Contract(
    starts_on=date(2020, 1, 1), ends_on=None, firm="Exemple SA", subject="a stay"
)


class Register:
    """A register with the same evidence about each number."""

    def __init__(self, evidence: Evidence) -> None:
        """Keep the evidence."""
        self._evidence = evidence

    def of(self, key: int) -> Evidence:
        """Return the evidence."""
        return self._evidence

    def of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence]:
        """Return the evidence about each number."""
        return dict.fromkeys(keys, self._evidence)


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Return lists with one number on the firm's list."""
    with Registry.create("memory:", lists=["own", "fr.bloctel"]) as created:
        created.register(LISTED, list="own", on=date(2024, 2, 1))
        created.register(OTHER, list="own", on=date(2024, 7, 1))
        yield created


@pytest.fixture
def calls(storage_url: str) -> Iterator[CallLog]:
    """Return an empty call log, in each storage."""
    with CallLog.create(storage_url) as created:
        yield created


def desk_of(
    book: Book,
    calls: CallLog | None,
    evidence: Evidence = Evidence(),  # noqa: B008
) -> Desk:
    """Return a desk of the firm, by default without consents and contracts."""
    consents = Register(evidence)
    return Desk("FR", firm="Exemple SA", book=book, consents=consents, calls=calls)


def audit(desk: Desk, *rows: tuple[int, datetime, int | None]) -> Audit:
    """Audit calls, each with its number, its time and the id of its reservation."""
    numbers, times, ids = zip(*rows, strict=True)
    log = {"number": [*numbers], "at": [*times], "reservation": [*ids]}
    return desk.audit(log, **SALE)


def decisions(found: Audit) -> list[tuple[int, str]]:
    """Return the row and the ground of each finding against a call."""
    tables = [found.table(decision) for decision in (Decision.NO, Decision.ASK)]
    return sorted(
        pair
        for table in tables
        for pair in zip(table["row"].tolist(), table["ground"].tolist(), strict=True)
    )


def test_an_audit_after_an_erasure_uses_stored_verdicts(
    registry: Registry, calls: CallLog
) -> None:
    """A call keeps its judgement if its verdict was stored; others get *ask*."""
    desk = desk_of(registry, calls)
    call = desk.reserve(CLEAR, at=AT, **SALE).call
    assert call is not None
    assert desk.reserve(LISTED, at=AT, **SALE).call is None
    before = audit(desk, (CLEAR, AT, call))
    assert (before.decisions[Decision.YES], before.n_stored) == (1, 0)

    registry.forget(LISTED)

    after = audit(desk, (CLEAR, AT + timedelta(minutes=59), call))
    assert after.decisions == before.decisions
    assert after.n_stored == 1
    unknown = audit(desk, (CLEAR, AT, None), (OTHER, AT, None))
    assert unknown.decisions[Decision.ASK] == 2
    assert unknown.n_stored == 0
    assert set(unknown.table(Decision.ASK)["note"].tolist()) == {""}


def test_a_stored_verdict_contains_the_state_of_the_registry(
    registry: Registry, calls: CallLog
) -> None:
    """The log shows the verdict, its day and the last change of the registry."""
    desk_of(registry, calls).reserve(CLEAR, at=AT, **SALE)

    [call] = calls.calls(CLEAR)

    verdicts = call.verdicts
    assert verdicts is not None
    day = AT.date()
    clear = (day, ListState.CLEAR)
    assert verdicts.lists == {"own": clear, "fr.bloctel": clear}
    provenance = registry.provenance
    assert provenance is not None
    assert verdicts.registry == provenance.registry
    assert verdicts.generation == provenance.generation == 4
    calls.conclude(call.id, Outcome.ANSWERED)
    assert calls.calls(CLEAR)[0].verdicts == verdicts


def test_a_stored_verdict_is_only_about_its_call(
    registry: Registry, calls: CallLog
) -> None:
    """The verdict of another number, another time or another log is not used."""
    desk = desk_of(registry, calls)
    call = desk.reserve(CLEAR, at=AT, **SALE).call
    assert call is not None
    registry.forget(LISTED)

    for row in (
        (OTHER, AT, call),
        (CLEAR, AT + timedelta(minutes=61), call),
        (CLEAR, AT - timedelta(minutes=61), call),
        (CLEAR, AT, call + 1),
        (CLEAR, AT, 0),
    ):
        found = audit(desk, row)
        assert (found.decisions[Decision.ASK], found.n_stored) == (1, 0)
    registry.close()
    assert audit(desk, (CLEAR, AT, call)).decisions[Decision.ASK] == 1


def test_an_audit_without_the_log_has_no_verdicts(
    registry: Registry, calls: CallLog
) -> None:
    """If the desk has no call log, an id is ignored."""
    call = desk_of(registry, calls).reserve(CLEAR, at=AT, **SALE).call
    registry.forget(LISTED)

    without_log = audit(desk_of(registry, None), (CLEAR, AT, call))
    assert without_log.decisions[Decision.ASK] == 1


def test_a_listed_number_stays_listed(registry: Registry, calls: CallLog) -> None:
    """A stored verdict can also forbid a call; the finding says that it was stored."""
    registry.register(LATER, list="fr.bloctel", on=date(2024, 6, 1))
    customers = desk_of(registry, calls, Evidence(contracts=(CONTRACT,)))
    call = customers.reserve(LATER, at=AT, **RELATED).call
    late = datetime(2024, 7, 2, 9, 30, tzinfo=UTC)
    late_call = customers.reserve(LATER, at=late, **RELATED).call
    assert late_call is not None
    registry.forget(LATER)

    found = audit(desk_of(registry, calls), (LATER, AT, call), (LATER, late, late_call))

    assert decisions(found) == [(2, "listed")]
    [note] = found.table()["note"].tolist()
    assert "at the time of the call" in note
    [note] = found.table(lang="fr")["note"].tolist()
    assert "au moment de l'appel" in note


def test_only_what_was_erased_is_replaced(registry: Registry, calls: CallLog) -> None:
    """A list that can answer is looked up again, although a verdict was stored."""
    desk = desk_of(registry, calls)
    call = desk.reserve(CLEAR, at=AT, **SALE).call
    registry.register(CLEAR, list="fr.bloctel", on=date(2024, 4, 1))  # found later
    assert decisions(audit(desk, (CLEAR, AT, call))) == [(1, "listed")]

    registry.forget(LISTED)

    after = audit(desk, (CLEAR, AT, call))
    assert decisions(after) == [(1, "listed")]
    assert after.n_stored == 1


@pytest.mark.parametrize("exact", ["memory", "storage"])
@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_registration_that_is_left_counts(
    tmp_path: Path, exact: Any, is_withdrawn: bool
) -> None:
    """A number that was registered late for the day of the call stays listed."""
    url = f"sqlite:///{tmp_path}/r.db"
    Registry.create(url, lists=["own", "fr.bloctel"]).close()
    with Registry.open(url, exact=exact) as book, CallLog.open(url) as calls:
        book.register(LISTED, list="own", on=date(2024, 2, 1))
        call = desk_of(book, calls).reserve(CLEAR, at=AT, **SALE).call
        book.register(CLEAR, list="own", on=date(2024, 6, 1))
        if is_withdrawn:
            book.withdraw(CLEAR, list="own", on=date(2024, 8, 1))
        before = audit(desk_of(book, calls), (CLEAR, AT, call))
        assert decisions(before) == [(1, "objected")]

        book.forget(LISTED)

        after = audit(desk_of(book, calls), (CLEAR, AT, call))
        assert decisions(after) == [(1, "objected")]
        assert after.n_stored == 0


def test_a_verdict_of_another_registry_is_not_used(
    registry: Registry, calls: CallLog
) -> None:
    """If brands share a call log, each audit uses only its own registry's verdicts."""
    with Registry.create("memory:", lists=["own", "fr.bloctel"]) as other:
        call = desk_of(other, calls).reserve(CLEAR, at=AT, **SALE).call
        registry.register(CLEAR, list="own", on=date(2024, 8, 1))
        registry.forget(LISTED)

        found = audit(desk_of(registry, calls), (CLEAR, AT, call))

    assert (found.decisions[Decision.ASK], found.n_stored) == (1, 0)


def test_a_stale_snapshot_is_not_replaced(
    registry: Registry, calls: CallLog, tmp_path: Path
) -> None:
    """A new snapshot can answer, so no verdict replaces the answer of an old one."""
    path = tmp_path / "s.bloctel"
    call = desk_of(registry, calls).reserve(CLEAR, at=AT, **SALE).call
    registry.build_snapshot(path, on=date(2024, 4, 1))

    with bloctel.open(path) as book:
        found = audit(desk_of(book, calls), (CLEAR, AT, call))

    assert (found.decisions[Decision.ASK], found.n_stored) == (1, 0)


def test_a_verdict_about_a_later_call_is_not_stored(
    registry: Registry, calls: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An objection can arrive between the reservation and the call."""
    monkeypatch.setattr(clock, "moment", lambda: AT - timedelta(seconds=1))

    assert desk_of(registry, calls).reserve(CLEAR, at=AT, **SALE).call is not None

    assert calls.calls(CLEAR)[0].verdicts is None


def test_an_erased_call_has_no_verdict(registry: Registry, calls: CallLog) -> None:
    """The verdict is erased with its call, and the call can no longer be judged."""
    desk = desk_of(registry, calls)
    call = desk.reserve(CLEAR, at=AT, **SALE).call
    registry.forget(LISTED)
    assert audit(desk, (CLEAR, AT, call)).n_stored == 1

    calls.forget(CLEAR)

    assert calls.calls_of_many([CLEAR]) == {CLEAR: {}}
    with calls._store.read() as transaction:
        assert [record.fields for record in transaction.all(STREAM)] == [None]
    assert audit(desk, (CLEAR, AT, call)).decisions[Decision.ASK] == 1
    assert calls.verify().erased == 1


@pytest.mark.parametrize("id", ["x", " 1", "1.5", 1.5, True, "9" * 19])
def test_an_id_is_an_integer(id: object, registry: Registry) -> None:
    """A value that is not an integer is refused with the name of its column."""
    log = {"number": [CLEAR], "at": [AT], "reservation": [id]}

    with pytest.raises(InputError, match=r"whole number, got .* the column reserv"):
        desk_of(registry, None).audit(log, **SALE)


days = st.dates(date(2022, 5, 30), date(2022, 6, 17))
numbers = st.sampled_from([LISTED, CLEAR, OTHER])


@settings(max_examples=settings().max_examples // 2)
@given(
    st.lists(st.tuples(numbers, days, st.sampled_from(["own", "fr.bloctel"]))),
    st.lists(st.tuples(numbers, days), min_size=1),
    st.lists(st.tuples(numbers, st.booleans()), max_size=3),
)
def test_erasures_change_no_judgement_of_reserved_calls(
    registrations: list[tuple[int, date, str]],
    called: list[tuple[int, date]],
    erasures: list[tuple[int, bool]],
) -> None:
    """The audit before any erasures equals the audit after them."""
    lists = ["own", "fr.bloctel"]
    registry, calls = Registry.create("memory:", lists=lists), CallLog.create("memory:")
    for number, day, name in registrations:
        registry.register(number, list=name, on=day, delay_days=0)
    for name in lists:
        registry.register(FORGOTTEN, list=name, on=date(2020, 1, 1))
    customers = desk_of(registry, calls, Evidence(contracts=(CONTRACT,)))
    times = [
        datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC) for _, day in called
    ]
    ids = [
        customers.reserve(number, at=at, **RELATED).call
        for (number, _), at in zip(called, times, strict=True)
    ]
    # a number on `own` is not reserved, so no verdict about its list is stored
    rows = [
        (number, at, id)
        for (number, _), at, id in zip(called, times, ids, strict=True)
        if id is not None
    ]
    assume(rows)
    desk = desk_of(registry, calls)
    before = audit(desk, *rows)
    assert before.n_stored == 0

    for number, is_forgotten in erasures:
        if is_forgotten:
            registry.forget(number)
        else:
            for name in {row.list for row in registry.history(number)}:
                with suppress(NotRegisteredError):
                    registry.withdraw(number, list=name, on=date(2022, 7, 1))
            registry.purge()
    registry.forget(FORGOTTEN)

    after = audit(desk, *rows)
    assert after.decisions == before.decisions
    assert decisions(after) == decisions(before)
    assert after.n_stored == len(rows)


def test_a_registry_with_a_filter_only(tmp_path: Path) -> None:
    """Stored verdicts are also used if the registrations are only in the storage."""
    url = f"sqlite:///{tmp_path}/r.db"
    Registry.create(url, lists=["own", "fr.bloctel"]).close()
    with Registry.open(url, exact="storage") as book, CallLog.open(url) as calls:
        book.register(LISTED, list="own", on=date(2024, 2, 1))
        call = desk_of(book, calls).reserve(CLEAR, at=AT, **SALE).call
        book.forget(LISTED)

        found = audit(desk_of(book, calls), (CLEAR, AT, call))

    assert (found.decisions[Decision.YES], found.n_stored) == (1, 1)
