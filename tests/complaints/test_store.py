"""Stores of complaints in every storage."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Final
from unittest.mock import ANY

import pytest

import bloctel
from bloctel._util import clock
from bloctel.complaints import (
    CaseOutcome,
    CaseState,
    Complaint,
    Complaints,
    read_file,
    received,
    write_file,
)
from bloctel.errors import (
    DamagedRecordsError,
    InputError,
    ListClosedError,
    RegistryExistsError,
    RegistryNotFoundError,
    WrongSecretError,
)
from bloctel.records.store import RecordStore
from tests.helpers.servers import STORAGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bloctel.records.transactions import WriteTransaction

CALLED: Final = bloctel.normalize("06 39 98 12 34")
NOW: Final = datetime(2026, 11, 25, 9, tzinfo=UTC)
FULL: Final = Complaint(
    called=CALLED,
    called_on=date(2026, 11, 23),
    from_time=time(10, 30),
    shown="01 99 00 56 78",
    sector="insurance",
    text="Brelovantis rang my 06 39 98 12 34",
)


def test_a_complaint_lives_in_every_storage(storage_url: str) -> None:
    """All steps of a complaint are there after the store is opened again."""
    store = Complaints.create(storage_url)
    signal = store.add(replace(FULL, called=None), at=NOW)
    complete = store.complete(signal.id, FULL, at=NOW)
    assert complete.state is CaseState.RECEIVED
    other = store.add(replace(FULL, sector="press"), at=NOW)
    store.judge(complete.id, at=NOW)
    store.forward(complete.id, at=NOW)
    store.close_case(complete.id, CaseOutcome.DONE, at=NOW)
    store.judge(other.id, at=NOW)
    if storage_url != "memory:":
        store.close()
        store = Complaints.open(storage_url)

    with store:
        assert [step.state for step in store.case(complete.id).steps] == [
            CaseState.SIGNAL,
            CaseState.RECEIVED,
            CaseState.ADMISSIBLE,
            CaseState.FORWARDED,
            CaseState.CLOSED,
        ]
        assert store.case(other.id).state is CaseState.NOT_ADMISSIBLE
        assert [case.id for case in store.cases()] == [signal.id, other.id]
        assert store.case(complete.id).complaint.called == CALLED
        assert "[number called]" in store.case(complete.id).complaint.text
        assert complete.id in store.describe_status(complete.id)
        store.verify()


def test_a_number_that_was_added_is_no_longer_unreadable() -> None:
    """The reason why an earlier text was not read is removed."""
    with Complaints.create("memory:") as store:
        signal = store.add(replace(FULL, called=None, unreadable="too_short"), at=NOW)

        assert store.complete(signal.id, FULL, at=NOW).complaint.unreadable == ""


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ({"called": "06 39 98"}, "a phone number, got .*too_short"),
        ({"called_on": "2026-11-26"}, "a call on 2026-11-25 or before"),
    ],
)
def test_a_wrong_field_does_not_complete_a_signal(
    added: dict[str, str], expected: str
) -> None:
    """A known number is not lost, and a call is not later than its complaint."""
    with Complaints.create("memory:") as store:
        signal = store.add(replace(FULL, sector="", called_on=None), at=NOW)

        with pytest.raises(InputError, match=expected):
            store.complete(signal.id, added, at=NOW + timedelta(days=3))

        assert store.case(signal.id) == signal


def test_an_erased_complaint_is_gone(storage_url: str) -> None:
    """Neither the text nor the number remains in the storage (GDPR art. 17)."""
    with Complaints.create(storage_url) as store:
        gone = store.add(FULL, at=NOW)
        stays = store.add(replace(FULL, sector="telecom"), at=NOW)
        store.judge(gone.id, at=NOW)

        store.erase(gone.id)

        assert [case.id for case in store.cases()] == [stays.id]
        for call in (store.case, store.describe_status, store.erase, store.forward):
            with pytest.raises(InputError, match="the id of a stored complaint"):
                call(gone.id)
        store.verify()


def test_all_of_a_file_is_stored_or_nothing(storage_url: str) -> None:
    """A file is refused if a complaint in it has the id of a different complaint."""
    with Complaints.create(storage_url) as store:
        first = store.add(FULL, at=NOW)
        others = [received(FULL, id="", at=NOW)] * 2
        clash = received(replace(FULL, sector="telecom"), id=first.id, at=NOW)

        with pytest.raises(InputError):
            store.import_cases([*others, clash])
        assert len(list(store.cases())) == 1

        # a complaint with the same fields is not stored twice
        done = store.import_cases([*others, store.case(first.id)])
        assert (done.added, done.known) == (0, 3)


_WITHOUT_NUMBER: Final = (
    "called,called_on,shown,text\n"
    "06 39 98 12,2026-11-20,01 99 00 00 01,one\n"
    "06 39 98 13,2026-11-20,01 99 00 00 01,one\n"
    ",2026-11-20,01 99 00 00 01,one\n"
    ",2026-11-20,01 99 00 00 01,one\n"
    "06 39 98 12 34,2026-11-20,01 99 00 00 01,one\n"
    "+262 639 98 12 34,2026-11-20,01 99 00 00 01,one\n"
)


def test_complaints_without_a_number_are_of_different_people(storage_url: str) -> None:
    """Equal rows without the number called are all stored, and once per file."""
    file = _WITHOUT_NUMBER.encode()
    longer = file + b",2026-11-20,01 99 00 00 01,one\n"
    with Complaints.create(storage_url) as store:
        for content, added, known in ((file, 5, 1), (file, 0, 6), (longer, 1, 6)):
            done = store.import_cases(read_file(io.BytesIO(content), at=NOW))
            assert (done.added, done.known) == (added, known)
        assert len(list(store.cases())) == 6


def test_a_complaint_of_a_file_is_one_of_the_store() -> None:
    """A complaint with a name and an equal one without a name are two complaints."""
    equal = replace(FULL, called=None)
    with Complaints.create("memory:") as store:
        named = store.add(equal, at=NOW)
        unnamed = received(equal, id="", at=NOW)

        for file, added in (([unnamed, named], 1), ([named, unnamed], 0)):
            assert store.import_cases(file).added == added
        assert len(list(store.cases())) == 2


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_file_can_be_imported_after_later_steps(format: str) -> None:
    """A file with fewer steps than the store changes nothing, and is no error."""
    with Complaints.create("memory:") as store:
        case = store.add(FULL, at=NOW)
        file = io.BytesIO()
        write_file(file, store.cases(), format=format)
        judged = store.judge(case.id, at=NOW)

        done = store.import_cases(read_file(io.BytesIO(file.getvalue()), at=NOW))

        assert (done.added, done.known) == (0, 1)
        assert list(store.cases()) == [judged]
        other_steps = received(FULL, id=case.id, at=NOW - timedelta(hours=1))
        with pytest.raises(InputError, match="nothing was imported"):
            store.import_cases([other_steps])


def test_a_step_follows_the_last_step_of_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A complaint is read in the transaction that changes it."""
    url = f"sqlite:///{tmp_path}/complaints.db"
    begin = RecordStore.write
    with Complaints.create(url) as store, Complaints.open(url) as other:
        signal = store.add(replace(FULL, called=None), at=NOW)
        called_first: list[Callable[[], object]] = []

        def begin_later(
            opened: RecordStore,
        ) -> AbstractContextManager[WriteTransaction]:
            if called_first:
                called_first.pop()()
            return begin(opened)

        monkeypatch.setattr(RecordStore, "write", begin_later)
        called_first.append(lambda: other.complete(signal.id, FULL, at=NOW))
        with pytest.raises(InputError, match="in the state signal"):
            store.complete(signal.id, FULL, at=NOW)

        called_first.append(lambda: other.judge(signal.id, at=NOW))
        store.erase(signal.id)

        both = store.add(replace(FULL, sector="", from_time=None), at=NOW)
        called_first.append(
            lambda: other.complete(both.id, {"sector": "insurance"}, at=NOW)
        )
        times = {"from_time": "10:30", "until_time": "11:00", "sector": ""}
        whole = store.complete(both.id, times, at=NOW)
        assert whole.complaint == replace(FULL, until_time=time(11), text=ANY)
        assert whole.state is CaseState.RECEIVED
        store.erase(both.id)
        assert list(store.cases()) == []


@pytest.mark.parametrize("storage_url", STORAGES, indirect=True)
def test_imports_at_the_same_time_add_each_complaint_once(storage_url: str) -> None:
    """Of two imports of a file at the same time, one finds the other's complaints."""
    cases = read_file(io.BytesIO(_WITHOUT_NUMBER.encode()), at=NOW)
    read = list(cases)
    start = Barrier(4)

    def import_file(_: int) -> int:
        start.wait()
        return store.import_cases(read).added

    with Complaints.create(storage_url) as store, ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(import_file, range(4))) == [0, 0, 0, 5]


def test_the_file_of_one_storage_fills_another(storage_url: str) -> None:
    """A JSON file gives another storage the same complaints with ids and steps."""
    with (
        Complaints.create("memory:") as before,
        Complaints.create(storage_url) as after,
    ):
        case = before.add(FULL, at=NOW)
        before.judge(case.id, at=NOW)
        before.add(replace(FULL, shown=str(CALLED), sector=""), at=NOW)
        file = io.BytesIO()
        write_file(file, before.cases(), format="json")

        done = after.import_cases(read_file(io.BytesIO(file.getvalue()), at=NOW))

        assert (done.added, done.signals) == (2, 1)
        assert list(after.cases()) == list(before.cases())


def test_complaints_share_the_storage_of_a_registry(storage_url: str) -> None:
    """A registry and complaints in one database do not affect each other."""
    if storage_url == "memory:":
        pytest.skip("a storage in memory has one user")
    with bloctel.Registry.create(storage_url, lists=["fr.bloctel"]) as registry:
        registry.register(CALLED, list="fr.bloctel", on=date(2021, 5, 3))
        with Complaints.open(storage_url) as store:
            case = store.add(replace(FULL, called_on=date(2022, 1, 5)), at=NOW)
            assert store.judge(case.id, registry, at=NOW).state is CaseState.ADMISSIBLE
        assert registry.is_blocked(CALLED, on=date(2022, 1, 5))


def test_a_step_follows_a_step_of_a_clock_that_is_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step gets no earlier time than the last step, even from a slow clock."""
    with Complaints.create("memory:") as store:
        case = store.add(FULL, at=NOW)
        monkeypatch.setattr(clock, "moment", lambda: NOW - timedelta(minutes=5))

        assert store.judge(case.id).steps[-1].at == NOW


def test_times_in_the_future_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A complaint or a step with a time in the future is not stored."""
    monkeypatch.setattr(clock, "moment", lambda: NOW)
    later = NOW + timedelta(minutes=6)
    text = f"received_at,sector\n{later.isoformat()},press\n"
    with Complaints.create("memory:") as store:
        case = store.add(FULL, at=NOW)
        refused: list[Callable[[], object]] = [
            lambda: store.add(FULL, at=later),
            lambda: store.judge(case.id, at=later),
            lambda: store.import_cases(read_file(io.BytesIO(text.encode()), at=NOW)),
            lambda: list(read_file(io.BytesIO(b"sector\npress\n"), at=later)),
        ]
        for act in refused:
            with pytest.raises(InputError, match="not in the future"):
                act()

        assert list(store.cases()) == [case]


def test_a_failed_decision_is_not_a_step() -> None:
    """If a complaint cannot be judged, no step is stored."""
    with (
        bloctel.Registry.create("memory:", lists=["own"]) as registry,
        Complaints.create("memory:") as store,
    ):
        case = store.add(replace(FULL, called_on=date(2022, 1, 5)), at=NOW)

        with pytest.raises((InputError, ListClosedError)):
            store.judge(case.id, registry, at=NOW)

        assert store.case(case.id) == case


def test_a_storage_is_not_overwritten_nor_created_by_a_typo(storage_url: str) -> None:
    """`create` does not overwrite a storage, and `open` does not create a storage."""
    if storage_url == "memory:":
        pytest.skip("a storage in memory is always new")
    with pytest.raises(RegistryNotFoundError):
        Complaints.open(storage_url)
    Complaints.create(storage_url).close()
    with pytest.raises(RegistryExistsError):
        Complaints.create(storage_url)


def test_a_secret_hides_numbers_and_texts(tmp_path: object) -> None:
    """Neither numbers nor texts can be read from the database file."""
    url, secret = f"sqlite:///{tmp_path}/complaints.db", b"0123456789abcdef"
    with Complaints.create(url, secret=secret) as store:
        case = store.add(FULL, at=NOW)

    with Complaints.open(url, secret=secret) as store:
        assert store.case(case.id).complaint.called == CALLED
    with pytest.raises(WrongSecretError):
        Complaints.open(url)
    with open(f"{tmp_path}/complaints.db", "rb") as file:
        content = file.read()
    assert b"Brelovantis" not in content
    assert b"insurance" not in content


def test_other_records_are_not_complaints(tmp_path: object) -> None:
    """Records that are not complaints raise an error that names the record."""
    url = f"sqlite:///{tmp_path}/records.db"
    with RecordStore.create(url) as store, store.write() as transaction:
        transaction.append(
            "complaints", CALLED.key, NOW, {"id": "x", "state": "flying"}
        )

    with (
        Complaints.open(url) as complaints,
        pytest.raises(DamagedRecordsError) as caught,
    ):
        list(complaints.cases())

    assert caught.value.where == "record 1 of complaints"
