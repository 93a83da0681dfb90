"""Threads share transactions: each change succeeds or fails alone."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry, rules
from bloctel.errors import (
    DamagedRecordsError,
    NotRegisteredError,
    StorageBusyError,
    StorageError,
)
from bloctel.registry.registrations import add_rows, new_row
from bloctel.storage.group_commit import GroupCommit
from bloctel.storage.memory import MemoryStorage
from bloctel.testing import run_all
from bloctel.testing.base import look_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel.periods import RegistrationPeriod
    from bloctel.registry.registrations import NewRow
    from bloctel.storage.interface import Writer
    from bloctel.storage.memory import MemoryWriter

KEY = 33639981234
ON = date(2024, 1, 2)


class Slow(MemoryStorage):
    """A storage whose first transaction waits for an event."""

    def __init__(self) -> None:
        super().__init__()
        self.create({})
        self.n_transactions = 0
        self.began = threading.Event()
        self.go_on = threading.Event()

    @contextmanager
    def write(self) -> Iterator[MemoryWriter]:
        """Open a write transaction."""
        self.n_transactions += 1
        if self.n_transactions == 1:
            self.began.set()
            self.go_on.wait()
        with super().write() as writer:
            yield writer


def row(key: int) -> NewRow:
    """Return a registration on the list `own`."""
    return new_row(rules.load("own"), key, ON, None)


def add(commits: GroupCommit, new: NewRow) -> RegistrationPeriod:
    """Add a registration, as `Registry.register` does."""
    return commits.run_batched(add_rows, new)


def waiting(commits: GroupCommit, n: int) -> None:
    """Return when *n* changes are waiting."""
    while len(commits._waiting) < n:
        threading.Event().wait(0.001)


@pytest.fixture
def slow() -> Slow:
    """Return a storage whose first transaction is slow."""
    created = Slow()
    with MemoryStorage.write(created) as writer:
        writer.add_list("own", None)
    return created


def test_waiting_changes_share_a_transaction(slow: Slow) -> None:
    """Nine changes that arrive during a commit share the next transaction."""
    calls: list[int] = []
    commits = GroupCommit(slow, lambda: calls.append(slow.n_transactions))
    works = [lambda i=i: add(commits, row(KEY + i)) for i in range(10)]

    def release() -> None:
        slow.began.wait()
        waiting(commits, 9)
        slow.go_on.set()

    run_all([*works, release])

    assert slow.n_transactions == 2
    assert calls == [1, 2]
    assert len(look_up(slow, range(KEY, KEY + 10)).registrations) == 10


def test_only_the_failing_change_fails(slow: Slow) -> None:
    """A failing change gets its error, and the others are stored."""
    commits = GroupCommit(slow, lambda: None)
    failed: list[BaseException] = []

    def fail(writer: Writer) -> None:
        writer.add_list("fr.bloctel", None)
        raise NotRegisteredError("a registration", "no registration")

    def failing() -> None:
        try:
            commits.run(fail)
        except NotRegisteredError as error:
            failed.append(error)

    def release() -> None:
        slow.began.wait()
        waiting(commits, 6)
        slow.go_on.set()

    works = [lambda i=i: add(commits, row(KEY + i)) for i in range(5)]
    run_all([*works, failing, failing, release])

    assert len(failed) == 2
    assert len(look_up(slow, range(KEY, KEY + 5)).registrations) == 5
    with slow.read() as reader:
        assert [stored.name for stored in reader.lists()] == ["own"]


def test_damage_that_one_change_finds_fails_only_that_change(slow: Slow) -> None:
    """A change that reads a damaged stored row fails; the others are stored."""
    commits = GroupCommit(slow, lambda: None)

    def find_damage(_: Writer) -> None:
        raise DamagedRecordsError("a record", "an altered record")

    def failing() -> None:
        with pytest.raises(DamagedRecordsError):
            commits.run(find_damage)

    def release() -> None:
        slow.began.wait()
        waiting(commits, 5)
        slow.go_on.set()

    works = [lambda i=i: add(commits, row(KEY + i)) for i in range(5)]
    run_all([*works, failing, release])

    assert len(look_up(slow, range(KEY, KEY + 5)).registrations) == 5


def test_a_storage_that_fails_fails_all() -> None:
    """If the storage fails, each change in the transaction raises an error."""
    storage = MemoryStorage()
    storage.create({})
    commits = GroupCommit(storage, lambda: None)
    storage.close()

    for _ in range(2):
        with pytest.raises(StorageError):
            add(commits, row(KEY))


def test_a_separate_change_is_alone(slow: Slow) -> None:
    """`run_alone` calls a change once, in a transaction without other changes."""
    commits = GroupCommit(slow, lambda: None)
    sizes: list[int] = []

    def alone(writer: Writer) -> None:
        sizes.append(len(writer.registrations_of(range(KEY, KEY + 3))))

    def release() -> None:
        slow.began.wait()
        waiting(commits, 3)
        slow.go_on.set()

    run_all(
        [
            *(lambda i=i: add(commits, row(KEY + i)) for i in range(3)),
            lambda: commits.run_alone(alone),
            release,
        ]
    )

    assert len(sizes) == 1
    assert slow.n_transactions >= 3


def test_an_interrupted_leader_loses_no_other_change(slow: Slow) -> None:
    """Ctrl-C in the leading thread undoes only its own change."""
    commits = GroupCommit(slow, lambda: None)

    def interrupted() -> None:
        with suppress(KeyboardInterrupt):
            commits.run(lambda _: (_ for _ in ()).throw(KeyboardInterrupt))

    def release() -> None:
        slow.began.wait()
        waiting(commits, 4)
        slow.go_on.set()

    first = threading.Thread(target=interrupted)
    first.start()
    slow.began.wait()
    works = [lambda i=i: add(commits, row(KEY + i)) for i in range(4)]
    run_all([*works, release])
    first.join()

    assert len(look_up(slow, range(KEY, KEY + 4)).registrations) == 4


def test_a_change_inside_a_change_is_refused() -> None:
    """A nested change is refused: it would wait for itself."""
    registry = Registry.create("memory:")

    def numbers() -> Iterator[int]:
        yield KEY
        registry.register(KEY + 1, list="own", on=ON)

    with pytest.raises(StorageError, match="nested write"):
        registry.register_many(numbers(), list="own", on=ON)
    assert not list(registry.changes())


def test_a_change_does_not_wait_for_a_long_one_of_another_thread() -> None:
    """A change that waits too long raises, is not stored, and can be repeated."""
    storage = MemoryStorage()
    storage.create({})
    storage.busy_seconds = 0.1
    commits = GroupCommit(storage, lambda: None)
    begun, end = threading.Event(), threading.Event()

    def long_change(writer: Writer) -> None:
        writer.add_list("own", None)
        begun.set()
        end.wait()

    thread = threading.Thread(target=commits.run_alone, args=(long_change,))
    thread.start()
    begun.wait()
    with pytest.raises(StorageBusyError):
        commits.run(lambda writer: writer.add_list("fr.bloctel", None))
    end.set()
    thread.join()

    assert commits.run(lambda writer: len(writer.lists())) == 1
