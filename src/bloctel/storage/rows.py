"""The rows that storages keep, give and take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ChangeKind",
    "Columns",
    "Event",
    "Found",
    "NewRegistrations",
    "PrefixRow",
    "RecordRow",
    "Registration",
    "RequestRow",
    "StoredList",
]


class ChangeKind(StrEnum):
    """What happened."""

    REGISTERED = "registered"
    RENEWED = "renewed"
    WITHDRAWN = "withdrawn"
    PURGED = "purged"
    """Registrations of a list were erased, as its rules say."""
    FORGOTTEN = "forgotten"
    """A person's number was erased, as the person asked."""
    PREFIXES = "prefixes"
    """The prefix rules of a list changed."""


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
        key: The number; None where it has been erased, or where there is none.
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
        id: Its number in this storage: 1, 2, 3, in the order of their coming.
        name: Its name.
        complete_from: The first day of which nothing was erased, in days since
            1970-01-01; None if nothing ever was.
    """

    id: int
    name: str
    complete_from: int | None


class PrefixRow(NamedTuple):
    """A rule for all numbers that begin alike.

    A list, a prefix and a first day name it.

    Attributes:
        list_id: The list it belongs to.
        prefix: The first digits of keys, as an integer.
        starts_on: Its first day.
        ends_on: The first day after it, or `NO_END`.
        blocks: Whether such numbers are blocked; else they are let through.
    """

    list_id: int
    prefix: int
    starts_on: int
    ends_on: int
    blocks: bool


class RequestRow(NamedTuple):
    """What a person asked for, and how to reach the person.

    Attributes:
        id: What its token names, as hexadecimal text.
        kind: What is asked: to register, to renew, to withdraw.
        list_id: The list.
        key: The number.
        person: What stands for the person, the same whenever the same one asks.
        contact: Where the person is reached.
        expires_at: Until when it can be confirmed, in seconds since 1970-01-01.
        used_at: When it was confirmed, or None.
    """

    id: str
    kind: ChangeKind
    list_id: int
    key: int
    person: str
    contact: str
    expires_at: int
    used_at: int | None = None


class RecordRow(NamedTuple):
    """One line of a stream of records, which only grows.

    A stream and a place name it.  What it says is not the storage's business, except
    that it can be erased and the line stays.

    Attributes:
        stream: The name of the stream.
        seq: Its place in it: 1, 2, 3, as they come.
        key: The number it is about; None if there is none, or it was erased.
        at: When what it tells of happened, in microseconds since 1970-01-01T00:00Z.
        body: What it says, as text; None once erased.
        content: The digest of `key`, `at` and `body`, which stays when they are erased.
        digest: The digest that ties it to the line before it.
    """

    stream: str
    seq: int
    key: int | None
    at: int
    body: str | None
    content: str
    digest: str


class Found(NamedTuple):
    """What a look-up in a storage found, at one moment.

    Attributes:
        registrations: All registrations of the numbers that were asked.
        complete_from: Of each list, by its id, the first day of which nothing was
            erased; lists of which nothing ever was are left out.
    """

    registrations: list[Registration]
    complete_from: dict[int, int]


@dataclass(frozen=True, slots=True)
class Columns:
    """Registrations as columns of equal length, int64 but for the keys (uint64)."""

    list_ids: NDArray[np.int64]
    keys: NDArray[np.uint64]
    starts_on: NDArray[np.int64]
    ends_on: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NewRegistrations:
    """Registrations of one list as columns of equal length, ready to be added.

    Attributes:
        list_id: The list.
        keys: The numbers, uint64.
        registered_on: The days of the receipts, int64, as the next two.
        starts_on: The first days of the protection.
        ends_on: The first days after it, or `NO_END`.
    """

    list_id: int
    keys: NDArray[np.uint64]
    registered_on: NDArray[np.int64]
    starts_on: NDArray[np.int64]
    ends_on: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self) -> list[Registration]:
        """Return them one by one."""
        columns = (self.keys, self.registered_on, self.starts_on, self.ends_on)
        return [
            Registration(self.list_id, *row)
            for row in zip(*(column.tolist() for column in columns), strict=True)
        ]
