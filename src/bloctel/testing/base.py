"""Fixtures and sample rows for the contract tests of storages."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import pytest

from bloctel.periods import NO_END
from bloctel.storage.interface import Storage, Writer, open_storage
from bloctel.storage.rows import (
    ChangeKind,
    Event,
    Found,
    NewRegistrations,
    Registration,
    RequestRow,
    StoredList,
)

KEY = 33639981234  # 06 39 98 12 34, in a range reserved for fiction
DAY = 19_700
#: The list that the fixture `storage` adds; its id is 1.
OWN = StoredList(1, "own", None, None)


def row(key: int = KEY, on: int = DAY, ends_on: int = NO_END) -> Registration:
    """Return a registration on the list with the id 1."""
    return Registration(1, key, on, on, ends_on)


def new_rows(rows: Sequence[Registration]) -> NewRegistrations:
    """Convert registrations on one list to columns."""
    columns = np.array([r[1:5] for r in rows], np.int64).reshape(-1, 4).T
    list_id = rows[0].list_id if rows else 1
    return NewRegistrations(list_id, columns[0].astype(np.uint64), *columns[1:])


def add(storage: Storage, *rows: Registration) -> int:
    """Add registrations on one list; return the count of those that are new."""
    with storage.write() as writer:
        return writer.add_registrations([new_rows(rows)])


def last_cursor(storage: Storage) -> int:
    """Return the cursor of the last change in the journal."""
    with storage.read() as reader:
        return reader.position().cursor


def look_up(storage: Storage, keys: Collection[int]) -> Found:
    """Look up keys in the storage, as of the last change in its journal."""
    with storage.read() as reader:
        position = reader.position()
    return storage.lookup(keys, position)


@contextmanager
def failing(storage: Storage) -> Iterator[Writer]:
    """Open a write transaction that an error rolls back at the end of the block."""
    try:
        with storage.write() as writer:
            yield writer
            raise KeyError
    except KeyError:
        return
    pytest.fail("the storage suppressed the error")


def changes(storage: Storage, since: int = 0) -> list[Event]:
    """Return all events of the journal after the cursor *since*."""
    with storage.read() as reader:
        return reader.changes(since, 10**6)


def run_all(works: Sequence[Callable[[], object]]) -> None:
    """Run each function in its own thread; raise the first error, if there is one."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def request(**changes: Any) -> RequestRow:
    """Return a sample request; *changes* are values of fields."""
    kind = ChangeKind.REGISTERED
    default = RequestRow("ab" * 16, kind, 1, KEY, "person", "a@b.example", 5_000)
    return default._replace(**changes)


class ContractBase:
    """Base class of the contract tests, with the fixtures that open a storage."""

    #: True if a second storage that is opened at the same URL has the same content.
    is_shared = True

    @pytest.fixture
    def url(self) -> str:
        """Return a URL at which there is no registry yet."""
        raise NotImplementedError("override the fixture `url` in your test class")

    def open(self, url: str) -> Storage:
        """Open the storage at *url*."""
        return open_storage(url)

    @pytest.fixture
    def storage(self, url: str) -> Iterator[Storage]:
        """Return an empty registry with one list."""
        opened = self.open(url)
        opened.create({"region": "FR", "identity": "0" * 32})
        with opened.write() as writer:
            assert writer.add_list("own", None) == OWN
        yield opened
        opened.close()

    @pytest.fixture
    def shared_url(self, url: str, storage: Storage) -> str:
        """Return the URL of `storage`; if the storage is not shared, skip the test."""
        if not self.is_shared:
            pytest.skip("this storage is not shared")
        return url

    def columns_of(
        self, storage: Storage, keys: range | None = None
    ) -> list[tuple[int, ...]]:
        """Return all rows of `Reader.columns` as tuples, in ascending order."""
        with storage.read() as reader:
            parts = [
                (part.list_ids, part.keys, part.starts_on, part.ends_on)
                for part in reader.columns(keys)
            ]
        rows = (zip(*(c.tolist() for c in part), strict=True) for part in parts)
        return sorted(chain.from_iterable(rows))
