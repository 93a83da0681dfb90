"""Complaints are kept alike in every storage."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Final

import pytest

import bloctel
from bloctel.complaints import (
    Complaint,
    Complaints,
    Outcome,
    State,
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
    """Kept, completed, judged, forwarded, closed; and it is there when opened again."""
    kept = Complaints.create(storage_url)
    signal = kept.add(replace(FULL, called=None), at=NOW)
    whole = kept.complete(signal.id, FULL, at=NOW)
    assert whole.state is State.RECEIVED
    other = kept.add(replace(FULL, sector="press"), at=NOW)
    kept.judge(whole.id, at=NOW)
    kept.forward(whole.id, at=NOW)
    kept.close_case(whole.id, Outcome.DONE, at=NOW)
    kept.judge(other.id, at=NOW)
    if storage_url != "memory:":
        kept.close()
        kept = Complaints.open(storage_url)

    with kept:
        assert [step.state for step in kept.case(whole.id).steps] == [
            State.SIGNAL,
            State.RECEIVED,
            State.ADMISSIBLE,
            State.FORWARDED,
            State.CLOSED,
        ]
        assert kept.case(other.id).state is State.NOT_ADMISSIBLE
        assert [case.id for case in kept.cases()] == [signal.id, other.id]
        assert kept.case(whole.id).complaint.called == CALLED
        assert "[number called]" in kept.case(whole.id).complaint.text
        assert whole.id in kept.where(whole.id)
        kept.verify()


def test_an_erased_complaint_is_gone(storage_url: str) -> None:
    """GDPR art. 17: what was told, and the number, are nowhere in the storage."""
    with Complaints.create(storage_url) as kept:
        gone = kept.add(FULL, at=NOW)
        stays = kept.add(replace(FULL, sector="telecom"), at=NOW)
        kept.judge(gone.id, at=NOW)

        kept.erase(gone.id)

        assert [case.id for case in kept.cases()] == [stays.id]
        for ask in (kept.case, kept.where, kept.erase, kept.forward):
            with pytest.raises(InputError):
                ask(gone.id)
        kept.verify()


def test_all_of_a_file_is_kept_or_nothing(storage_url: str) -> None:
    """A complaint whose name is taken by another refuses the whole file."""
    with Complaints.create(storage_url) as kept:
        first = kept.add(FULL, at=NOW)
        others = [received(FULL, id="", at=NOW)] * 2
        clash = received(replace(FULL, sector="telecom"), id=first.id, at=NOW)

        with pytest.raises(InputError):
            kept.take([*others, clash])
        assert len(list(kept.cases())) == 1

        # what is there already, with the same words, is not kept twice
        done = kept.take([*others, kept.case(first.id)])
        assert (done.added, done.known) == (0, 3)


def test_the_file_of_one_storage_fills_another(storage_url: str) -> None:
    """With the steps that were taken, and with names that people were given."""
    with (
        Complaints.create("memory:") as before,
        Complaints.create(storage_url) as after,
    ):
        case = before.add(FULL, at=NOW)
        before.judge(case.id, at=NOW)
        before.add(replace(FULL, shown=str(CALLED), sector=""), at=NOW)
        file = io.BytesIO()
        write_file(file, before.cases(), format="json")

        done = after.take(read_file(io.BytesIO(file.getvalue()), at=NOW))

        assert (done.added, done.signals) == (2, 1)
        assert list(after.cases()) == list(before.cases())


def test_complaints_share_the_storage_of_a_registry(storage_url: str) -> None:
    """One database for lists and complaints, each of which leaves the other alone."""
    if storage_url == "memory:":
        pytest.skip("what is in memory is nobody else's")
    with bloctel.Registry.create(storage_url, lists=["fr.bloctel"]) as registry:
        registry.register(CALLED, list="fr.bloctel", on=date(2021, 5, 3))
        with Complaints.open(storage_url) as kept:
            told = replace(FULL, called_on=date(2022, 1, 5))
            case = kept.add(told, at=NOW)
            assert kept.judge(case.id, registry, at=NOW).state is State.ADMISSIBLE
        assert registry.is_blocked(CALLED, on=date(2022, 1, 5))


def test_a_judgement_that_fails_is_no_step() -> None:
    """A closed list, or a day without one, leaves the complaint where it was."""
    with (
        bloctel.Registry.create("memory:", lists=["own"]) as registry,
        Complaints.create("memory:") as kept,
    ):
        case = kept.add(replace(FULL, called_on=date(2022, 1, 5)), at=NOW)

        with pytest.raises((InputError, ListClosedError)):
            kept.judge(case.id, registry, at=NOW)

        assert kept.case(case.id) == case


def test_storages_are_neither_overwritten_nor_made_by_a_typo(storage_url: str) -> None:
    """As registries are not."""
    if storage_url == "memory:":
        pytest.skip("what is in memory is always new")
    with pytest.raises(RegistryNotFoundError):
        Complaints.open(storage_url)
    Complaints.create(storage_url).close()
    with pytest.raises(RegistryExistsError):
        Complaints.create(storage_url)


def test_a_secret_hides_numbers_and_words(tmp_path: object) -> None:
    """Who has the file alone reads neither."""
    url, secret = f"sqlite:///{tmp_path}/complaints.db", b"0123456789abcdef"
    with Complaints.create(url, secret=secret) as kept:
        case = kept.add(FULL, at=NOW)

    with Complaints.open(url, secret=secret) as kept:
        assert kept.case(case.id).complaint.called == CALLED
    with pytest.raises(WrongSecretError):
        Complaints.open(url)
    with open(f"{tmp_path}/complaints.db", "rb") as file:
        held = file.read()
    assert b"Brelovantis" not in held
    assert b"insurance" not in held


def test_a_stream_of_something_else_is_no_complaints(tmp_path: object) -> None:
    """It is said which record is none."""
    url = f"sqlite:///{tmp_path}/records.db"
    with RecordStore.create(url) as store, store.write() as transaction:
        transaction.append(
            "complaints", CALLED.key, NOW, {"id": "x", "state": "flying"}
        )

    with Complaints.open(url) as kept, pytest.raises(DamagedRecordsError) as caught:
        list(kept.cases())

    assert caught.value.where == "record 1 of complaints"
