"""Where a registry keeps its registrations, and the seam to it.

A storage stores: it knows no law, no clock and no phone number, only keys, names of
lists and days since 1970-01-01.  It is opened by URL:

========================  ====================================================
URL                       storage
========================  ====================================================
``memory:``               this process's memory, gone with it
``sqlite:///file.db``     an SQLite file; ``sqlite:////`` for an absolute path
========================  ====================================================

Everything is read and written inside a transaction, so that a reader sees one
moment and a writer's changes come with their journal or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ChangeKind",
    "Columns",
    "Event",
    "Reader",
    "Registration",
    "Storage",
    "StoredList",
    "Writer",
    "open_storage",
]

_SCHEMES: Final = ("memory", "sqlite")


class ChangeKind(StrEnum):
    """What happened to a registration."""

    REGISTERED = "registered"
    RENEWED = "renewed"
    WITHDRAWN = "withdrawn"
    PURGED = "purged"


class Registration(NamedTuple):
    """One registration of one number on one list; days since 1970-01-01.

    A list, a key and a day of registration name it: registering the same number
    again on the same day is the same registration.

    Attributes:
        list_id: The list, as `StoredList.id`.
        key: The number.
        registered_on: The day of the receipt.
        starts_on: The first day of the protection.
        ends_on: The first day after it, or `NO_END`.
        withdrawn_on: The day of the withdrawal, or None.
    """

    list_id: int
    key: int
    registered_on: int
    starts_on: int
    ends_on: int
    withdrawn_on: int | None = None


class Event(NamedTuple):
    """One line of the journal.

    Attributes:
        cursor: Its place; later events have greater ones.  0 when not yet stored.
        kind: What happened.
        list_id: The list it happened on.
        key: The number; None where it has been erased.
        on: The day it took effect, in days since 1970-01-01.
    """

    cursor: int
    kind: ChangeKind
    list_id: int
    key: int | None
    on: int


class StoredList(NamedTuple):
    """A list that a registry holds.

    Attributes:
        id: Its number in this storage.
        name: Its name.
        complete_from: The first day of which nothing was erased, in days since
            1970-01-01; None if nothing ever was.
    """

    id: int
    name: str
    complete_from: int | None


@dataclass(frozen=True, slots=True)
class Columns:
    """Registrations as columns of equal length, int64 but for the keys (uint64)."""

    list_ids: NDArray[np.int64]
    keys: NDArray[np.uint64]
    starts_on: NDArray[np.int64]
    ends_on: NDArray[np.int64]


class Reader(Protocol):
    """One moment of a storage."""

    def settings(self) -> dict[str, str]:
        """Return what `Storage.create` was given."""

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists in the order in which they were added."""

    def last_change(self) -> int:
        """Return the cursor of the last event; 0 if there is none."""

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order."""

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""

    def ended(self, list_id: int, before: int) -> Iterator[list[Registration]]:
        """Return, in parts, a list's registrations that end on *before* or earlier."""

    def columns(self) -> Iterator[Columns]:
        """Return every registration, in parts of bounded size."""


class Writer(Reader, Protocol):
    """A transaction: all of it is kept, or nothing."""

    def add_list(self, name: str) -> StoredList:
        """Add a list that is not there yet."""

    def insert(self, registrations: Iterable[Registration]) -> None:
        """Add registrations that are not there yet."""

    def update(self, registrations: Iterable[Registration]) -> None:
        """Replace registrations that are there."""

    def erase(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations, and from the journal numbers left without any."""

    def set_complete_from(self, list_id: int, day: int) -> None:
        """Note that a list's data before *day* is not complete any more."""

    def log(self, events: Iterable[Event]) -> None:
        """Append events to the journal; their cursors are given by the storage."""


class Storage(Protocol):
    """A place that keeps registrations."""

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry.

        Raises:
            RegistryExistsError: There is one already.
            StorageError: It cannot be made.
        """

    def check(self) -> None:
        """Make sure that there is a registry that this version can read.

        Raises:
            RegistryNotFoundError: There is none.
            StorageError: It cannot be read.
        """

    def read(self) -> AbstractContextManager[Reader]:
        """Open a reading transaction."""

    def write(self) -> AbstractContextManager[Writer]:
        """Open a writing transaction: committed at its end, undone on an error."""

    def close(self) -> None:
        """Release connections and files."""


def open_storage(url: str) -> Storage:
    """Return the storage that *url* names, without touching it yet.

    Raises:
        InputError: No storage is known for its scheme.  The message names the scheme
            alone, since a URL can hold a password.
    """
    scheme = url.partition(":")[0]
    if ":" not in url or scheme not in _SCHEMES:
        got = f"the scheme {scheme!r}" if "://" in url else "text without a scheme"
        known = " or ".join(f"{name}:" for name in _SCHEMES)
        raise InputError(f"a registry's URL that starts with {known}", got)
    from bloctel.storage.sql import SqlStorage  # noqa: PLC0415 - SQLAlchemy is heavy

    return SqlStorage(url)
