"""The contract of storages: one suite, run over every one there is."""

from __future__ import annotations

import contextlib
import multiprocessing
import sqlite3
import threading
import traceback
from datetime import date
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bloctel import Registry
from bloctel.errors import (
    BloctelError,
    InputError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageError,
)
from bloctel.periods import NO_END
from bloctel.storage import ChangeKind, Event, Registration, Storage, open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = 33639981234
DAY = 19_700
ON = date(2024, 1, 2)


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a storage that is not there yet."""
    return {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path}/a b%20?.db"}[
        request.param
    ]


@pytest.fixture
def storage(url: str) -> Iterator[Storage]:
    """An empty registry with one list."""
    opened = open_storage(url)
    opened.create({"region": "FR"})
    with opened.write() as writer:
        assert writer.add_list("own").id == 1
    yield opened
    opened.close()


def row(key: int = KEY, on: int = DAY, ends_on: int = NO_END) -> Registration:
    """A registration on the first list."""
    return Registration(1, key, on, on, ends_on)


def test_creation_never_overwrites(storage: Storage) -> None:
    """What is there stays as it is when somebody creates it again."""
    with storage.write() as writer:
        writer.insert([row()])

    with pytest.raises(RegistryExistsError):
        storage.create({"region": "BE"})

    with storage.read() as reader:
        assert reader.settings()["region"] == "FR"
        assert reader.registrations_of([KEY]) == [row()]


def test_opening_never_creates(url: str, tmp_path: Path) -> None:
    """A typo in a URL is an error and leaves no file behind."""
    with pytest.raises(RegistryNotFoundError):
        Registry.open(url)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_never_made(tmp_path: Path) -> None:
    """A registry is not created in a folder that is not there."""
    with pytest.raises(RegistryNotFoundError):
        Registry.create(f"sqlite:///{tmp_path}/none/r.db")

    assert list(tmp_path.iterdir()) == []


def test_one_of_two_creators_wins(tmp_path: Path) -> None:
    """Of creators at the same moment one makes the registry, the others are told."""
    url = f"sqlite:///{tmp_path}/r.db"
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def make() -> None:
        start.wait()
        try:
            Registry.create(url).close()
            outcomes.append("made")
        except RegistryExistsError:
            outcomes.append("exists")

    run_all([threading.Thread(target=make) for _ in range(4)])

    assert sorted(outcomes) == ["exists", "exists", "exists", "made"]


def test_a_transaction_is_all_or_nothing(storage: Storage) -> None:
    """An error in a transaction undoes lists, registrations and journal alike."""

    def fail() -> None:
        with storage.write() as writer:
            writer.add_list("fr.bloctel")
            writer.insert([row()])
            writer.log([Event(0, ChangeKind.REGISTERED, 1, KEY, DAY)])
            writer.set_complete_from(1, DAY)
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    with storage.read() as reader:
        assert [held.name for held in reader.lists()] == ["own"]
        assert reader.lists()[0].complete_from is None
        assert reader.registrations_of([KEY]) == []
        assert reader.last_change() == 0


def test_an_error_of_the_storage_undoes_all(storage: Storage) -> None:
    """Also what the storage itself refuses leaves nothing half done."""

    def insert_twice() -> None:
        with storage.write() as writer:
            writer.insert([row()])
            writer.insert([row()])

    with pytest.raises(StorageError):
        insert_twice()

    with storage.read() as reader:
        assert reader.registrations_of([KEY]) == []


def test_the_journal_is_in_order_and_complete(storage: Storage) -> None:
    """Events come back as they were logged, by growing cursors, page by page."""
    logged = [Event(0, kind, 1, KEY + i, DAY + i) for i, kind in enumerate(ChangeKind)]
    for event in logged:
        with storage.write() as writer:
            writer.log([event])

    with storage.read() as reader:
        found = reader.changes(0, 100)
        last = reader.last_change()
        pages = reader.changes(0, 3) + reader.changes(found[2].cursor, 3)

    assert [event._replace(cursor=0) for event in found] == logged
    assert [event.cursor for event in found] == sorted({e.cursor for e in found})
    assert found[0].cursor > 0
    assert last == found[-1].cursor
    assert pages == found


def test_rows_come_back_as_they_went_in(storage: Storage) -> None:
    """Columns and registrations_of hold every row, `NO_END` and negative days too."""
    rows = [row(), row(KEY, DAY + 1, DAY + 9), row(KEY + 1, -3, -1), row(2**50 - 1)]
    with storage.write() as writer:
        writer.insert(rows)
        writer.update([rows[1]._replace(ends_on=DAY + 5, withdrawn_on=DAY + 5)])
    rows[1] = rows[1]._replace(ends_on=DAY + 5, withdrawn_on=DAY + 5)

    with storage.read() as reader:
        columns = [
            values
            for part in reader.columns()
            for values in zip(
                part.list_ids.tolist(),
                part.keys.tolist(),
                part.starts_on.tolist(),
                part.ends_on.tolist(),
                strict=True,
            )
        ]
        found = reader.registrations_of(range(KEY - 6_000, KEY + 6_000))
        assert reader.registrations_of([]) == []

    assert sorted(columns) == sorted((r[0], r[1], r[3], r[4]) for r in rows)
    assert sorted(found) == sorted(rows[:3])


def test_what_has_ended_by_a_day_is_found(storage: Storage) -> None:
    """Ended gives registrations that ended or were withdrawn by the day, of a list."""
    withdrawn = row(KEY + 2)._replace(withdrawn_on=DAY)
    with storage.write() as writer:
        other = writer.add_list("fr.bloctel").id
        writer.insert([row(), row(KEY + 1, ends_on=DAY + 1), withdrawn])
        writer.insert([row(KEY + 3, ends_on=DAY + 1)._replace(list_id=other)])

    with storage.read() as reader:
        by_day = {
            day: sorted(r.key - KEY for part in reader.ended(1, day) for r in part)
            for day in (DAY - 1, DAY, DAY + 1)
        }

    assert by_day == {DAY - 1: [], DAY: [2], DAY + 1: [1, 2]}


def test_erasure_reaches_the_journal(storage: Storage) -> None:
    """A number leaves the journal with its last registration on a list, not before."""
    with storage.write() as writer:
        writer.insert([row(), row(on=DAY + 1)])
        writer.log([Event(0, ChangeKind.REGISTERED, 1, KEY, DAY)] * 2)

    with storage.write() as writer:
        writer.erase([row()])
        assert {event.key for event in writer.changes(0, 9)} == {KEY}
        writer.erase([row(on=DAY + 1)])

    with storage.read() as reader:
        assert {event.key for event in reader.changes(0, 9)} == {None}
        assert reader.registrations_of([KEY]) == []


def test_registering_again_changes_nothing(url: str) -> None:
    """The same registration twice is one, and one line in the journal."""
    registry = Registry.create(url)

    first = registry.register(KEY, list="own", on=ON)
    again = registry.register(KEY, list="own", on=ON)
    added = registry.register_many([KEY, KEY], list="own", on=ON)

    assert (again, added) == (first, 0)
    assert len(list(registry.changes())) == 1
    registry.close()


def run_all(threads: list[threading.Thread]) -> None:
    """Run threads to their end."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_share_a_registry(url: str) -> None:
    """Eight threads write and read one registry: each sees its own writes at once."""
    registry = Registry.create(url, lists=["own"])
    registry.register(KEY, list="own", on=ON)
    errors: list[BaseException] = []

    def work(place: int) -> None:
        try:
            for i in range(12):
                key = KEY + 1 + place * 100 + i
                assert not registry.is_blocked(key, on=ON)
                registry.register(key, list="own", on=ON)
                assert registry.is_blocked(key, on=ON)
                assert registry.is_blocked_many([KEY, key], on=ON).all()
                if i % 4 == 3:
                    registry.withdraw(key, list="own", on=ON)
                    assert registry.check(key, on=ON).status == 0
                    registry.purge(on=date(2020, 1, 1))
        except BaseException as error:
            errors.append(error)

    run_all([threading.Thread(target=work, args=(place,)) for place in range(8)])

    assert errors == []
    blocked = registry.is_blocked_many(list(range(KEY, KEY + 900)), on=ON)
    assert blocked.sum() == 1 + 8 * 9
    registry.close()


def _register_some(url: str, first: int) -> None:
    with Registry.open(url) as registry:
        for key in range(first, first + 15):
            registry.register(key, list="own", on=ON)


def test_processes_share_a_file(tmp_path: Path) -> None:
    """No write of two processes on one file is lost, and a third one sees them all."""
    url = f"sqlite:///{tmp_path}/r.db"
    spawn = multiprocessing.get_context("spawn")
    with (
        Registry.create(url) as registry,
        Registry.open(url, refresh_seconds=0) as reader,
    ):
        registry.register(KEY, list="own", on=ON)
        assert reader.is_blocked(KEY, on=ON)
        workers = [
            spawn.Process(target=_register_some, args=(url, KEY + 100 * place))
            for place in (1, 2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert [worker.exitcode for worker in workers] == [0, 0]
        assert reader.is_blocked_many(range(KEY, KEY + 300), on=ON).sum() == 31
        assert len(list(reader.changes())) == 31


def test_a_list_added_elsewhere_is_seen(tmp_path: Path) -> None:
    """A list that another process adds is asked too, even while it is empty."""
    url = f"sqlite:///{tmp_path}/r.db"
    with (
        Registry.create(url, lists=["own"]) as one,
        Registry.open(url, refresh_seconds=0) as other,
    ):
        assert list(other.lists) == ["own"]

        one.register_many([], list="fr.bloctel", on=ON)

        both = ("own", "fr.bloctel")
        assert [one.lists, other.lists] == [both, both]
        one.register(KEY, list="fr.bloctel", on=ON, delay_days=0)
        assert other.check(KEY, on=ON).list == "fr.bloctel"


def told(error: BaseException) -> str:
    """Return everything that an error and its causes show."""
    shown = "".join(traceback.format_exception(error))
    return f"{shown} {error!r} {error.args}"


def test_errors_hold_no_number(storage: Storage) -> None:
    """What the driver says of a failure shows no phone number, to the last cause."""
    with pytest.raises(StorageError) as caught, storage.write() as writer:
        writer.insert([row(), row()])

    assert str(KEY) not in told(caught.value)
    assert str(KEY)[2:] not in told(caught.value)
    assert "IntegrityError" in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        sa.exc.InvalidRequestError("x"),
        sa.exc.TimeoutError("x"),
        sqlite3.OperationalError("database is locked"),
        sa.exc.OperationalError("select 1", {}, sqlite3.OperationalError("disk")),
    ],
)
def test_every_error_of_the_driver_is_ours(storage: Storage, error: Exception) -> None:
    """Whatever SQLAlchemy or SQLite raise becomes a StorageError with its cause."""
    with pytest.raises(StorageError) as caught, storage.read():
        raise error

    assert caught.value.__cause__ is error


def test_a_password_is_never_shown() -> None:
    """A URL that is refused is not shown: it can hold a password."""
    for url in ("postgresql://me:s3cret@host/db", "sqlite://me:s3cret@host", "s3cret"):
        with pytest.raises(InputError) as caught:
            Registry.create(url)
        assert "s3cret" not in str(caught.value) + repr(caught.value)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Text, a folder, a cut file: errors of ours from open and create alike."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("06 39 98 12 34\n" * 200)
    for name in ("folder", "text"):
        for opens in (Registry.open, Registry.create):
            with pytest.raises(StorageError):
                opens(f"sqlite:///{tmp_path}/{name}")
    assert (tmp_path / "text").read_text().startswith("06 39")


def test_a_file_without_registry_is_none(tmp_path: Path) -> None:
    """An empty file, or a database of something else, is no empty registry."""
    (tmp_path / "empty.db").touch()
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE t (x)")
    for name in ("empty.db", "other.db"):
        with pytest.raises(RegistryNotFoundError):
            Registry.open(f"sqlite:///{tmp_path}/{name}")


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    """A registry whose pages are lost never answers."""
    path = tmp_path / "r.db"
    with Registry.create(f"sqlite:///{path}") as registry:
        registry.register_many(range(KEY, KEY + 999), list="own", on=ON)
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))

    with pytest.raises(BloctelError), Registry.open(f"sqlite:///{path}") as registry:
        registry.is_blocked(KEY, on=ON)


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    """A registry that a later version made is not read by guesswork."""
    path = tmp_path / "r.db"
    Registry.create(f"sqlite:///{path}").close()
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE bloctel_setting SET value='2' WHERE name='schema_version'")

    with pytest.raises(StorageError, match="schema version 1, got version 2"):
        Registry.open(f"sqlite:///{path}")


def test_a_look_up_inside_a_change_undoes_nothing() -> None:
    """In memory, asking in the middle of a change is refused, the change unharmed."""
    registry = Registry.create("memory:", lists=["own"])
    refused: list[bool] = []

    def numbers() -> Iterator[int]:
        for key in range(KEY, KEY + 3):
            with contextlib.suppress(StorageError):
                registry.is_blocked(key, on=ON)
                refused.append(False)
            yield key
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.register_many(numbers(), list="own", on=ON)

    assert not registry.is_blocked_many(range(KEY, KEY + 3), on=ON).any()
    assert refused == []
