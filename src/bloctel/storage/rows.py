"""Row types that storages read and write.

A day is an integer: the number of days since 1970-01-01.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from bloctel._util.private_fields import not_shown
from bloctel.errors import InputError
from bloctel.periods import RegistrationPeriod, from_epoch_day

_T = TypeVar("_T")


def day_of(epoch_day: int) -> date:
    """Return the date that is *epoch_day* days after 1970-01-01."""
    day = from_epoch_day(epoch_day)
    if day is None:
        message = "NO_END is not a day, because it means that a period has no end"
        raise InputError("a day", "NO_END", message=message)
    return day


def in_parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield the items in lists of at most *size* items."""
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part


class ChangeKind(StrEnum):
    """Kind of a change in the journal."""

    REGISTERED = "registered"
    RENEWED = "renewed"
    WITHDRAWN = "withdrawn"
    PURGED = "purged"
    """Registrations of a list were erased, as its rules require."""
    FORGOTTEN = "forgotten"
    """A person's number was erased at the person's request."""
    PREFIXES = "prefixes"
    """The prefix rules of a list changed."""


@not_shown("key")
class Registration(NamedTuple):
    """Registration of one number on one list.

    The first three fields are the primary key: a list has at most one registration of
    a number for each day of receipt.

    Attributes:
        list_id: The list, as `StoredList.id`.
        key: The number.
        registered_on: The day on which the registration was received.
        starts_on: The first protected day.
        ends_on: The first day after the protection, or `NO_END`.
        withdrawn_on: The day of the withdrawal, or None.
    """

    list_id: int
    key: int
    registered_on: int
    starts_on: int
    ends_on: int
    withdrawn_on: int | None = None

    @property
    def period(self) -> RegistrationPeriod:
        """The days on which the number is protected."""
        return RegistrationPeriod(day_of(self.starts_on), from_epoch_day(self.ends_on))

    def extended_by(self, new: Self) -> Self | None:
        """Return this registration with the end of *new*; None if *new* ends no later.

        Both registrations must have the same primary key.  The result is not withdrawn,
        even if this registration was.  All protected days stay protected.
        """
        if new.ends_on <= self.ends_on:
            return None
        if self.starts_on < self.ends_on:
            return new._replace(starts_on=min(self.starts_on, new.starts_on))
        return new


@not_shown("prefix")
class PrefixRow(NamedTuple):
    """Rule of a list for all numbers with the same first digits.

    The first three fields are the primary key.

    Attributes:
        list_id: The list of the rule.
        prefix: The first digits of keys, as an integer.
        starts_on: The first day of the rule.
        ends_on: The first day after the rule, or `NO_END`.
        blocks: True if the rule blocks the numbers, False if it exempts them.
    """

    list_id: int
    prefix: int
    starts_on: int
    ends_on: int
    blocks: bool


@not_shown("key")
class Event(NamedTuple):
    """Change of a registry, as one line of the journal.

    Attributes:
        cursor: The position of the line in the journal: each new line has a greater
            cursor than all earlier lines. Before the event is stored, `cursor` is 0.
        kind: The kind of the change.
        list_id: The list that changed.
        key: The number; None if it was erased, or if the change has no number.
        on: The day from which the change applies.
    """

    cursor: int
    kind: ChangeKind
    list_id: int
    key: int | None
    on: int

    @classmethod
    def of_prefix(cls, row: PrefixRow) -> Self:
        """Return the event for a change of a prefix rule."""
        return cls(0, ChangeKind.PREFIXES, row.list_id, None, row.starts_on)

    @classmethod
    def of_registration(cls, row: Registration) -> Self:
        """Return the event for a new registration."""
        return cls(0, ChangeKind.REGISTERED, *row[:3])


class Position(NamedTuple):
    """Position in the journal of a registry.

    Attributes:
        cursor: The cursor of the last change; 0 before the first one.
        token: A random number that the transaction of the last change stored. A
            different token at the same cursor shows that a backup was restored, or
            that this is another registry.
    """

    cursor: int
    token: int


class StoredList(NamedTuple):
    """List of a registry, as a storage stores it.

    Attributes:
        id: The number of the list in this storage: the first list has 1, the second
            list has 2, and so on.
        name: The name of the list.
        rules: The digest of the list's rules; None if the library itself defines them.
        complete_from: The first day without erased data; None if no data was erased.
    """

    id: int
    name: str
    rules: str | None
    complete_from: int | None


@not_shown("key", "person", "contact")
class RequestRow(NamedTuple):
    """Request of a person to change a registration, with the person's contact.

    Attributes:
        id: The id in the request's token, as hexadecimal text.
        kind: The requested change: registered, renewed or withdrawn.
        list_id: The list.
        key: The number.
        person: A digest that identifies the person (`confirmations.person_of`).
        contact: The contact of the person, such as an e-mail address.
        expires_at: The expiry of the token, in seconds since 1970-01-01.
        used_at: The moment of the confirmation in seconds since 1970-01-01, or None.
        made_on: The day of receipt of the registration that this request made. Only
            this registration may be withdrawn by the person. None if the number was
            already registered, or if another person later changed the registration.
    """

    id: str
    kind: ChangeKind
    list_id: int
    key: int
    person: str
    contact: str
    expires_at: int
    used_at: int | None = None
    made_on: int | None = None


@not_shown("key", "body")
class RecordRow(NamedTuple):
    """One record of a stream, such as the calls; new records are added at its end.

    The first two fields are the primary key. A storage does not interpret the body. An
    erasure removes `key` and `body`, and keeps all other fields.

    Attributes:
        stream: The name of the stream.
        seq: The sequence number in the stream; the first record has 1.
        key: The phone number that the record is about; None if it was erased, or if
            the record is not about a number.
        at: The moment that the record describes, in microseconds since
            1970-01-01T00:00Z.
        body: The content, as text; None after its erasure.
        content: The digest of `key`, `at` and `body`; an erasure keeps this digest.
        digest: The digest that links the record to the previous record.
    """

    stream: str
    seq: int
    key: int | None
    at: int
    body: str | None
    content: str
    digest: str

    def erased(self) -> Self:
        """Return the record without its number and its body."""
        return self._replace(key=None, body=None)


class Found(NamedTuple):
    """Result of a look-up in a storage at one moment.

    Attributes:
        registrations: All registrations of the requested numbers.
        complete_from: For each list with erased data, by its id: the first day without
            erased data.
    """

    registrations: list[Registration]
    complete_from: dict[int, int]

    @classmethod
    def of(cls, rows: list[Registration], lists: Iterable[StoredList]) -> Self:
        """Return the result of a look-up that found *rows*."""
        days = ((stored.id, stored.complete_from) for stored in lists)
        return cls(rows, {id: day for id, day in days if day is not None})


@dataclass(frozen=True, slots=True)
class Columns:
    """Registrations as columns of equal length; `keys` is uint64, the others int64."""

    list_ids: NDArray[np.int64]
    keys: NDArray[np.uint64] = field(repr=False)
    starts_on: NDArray[np.int64]
    ends_on: NDArray[np.int64]

    @classmethod
    def of(cls, list_ids: Any, keys: Any, starts_on: Any, ends_on: Any) -> Self:
        """Return the columns, converted from arrays of any integer types."""
        ids, starts, ends = (
            column.astype("int64") for column in (list_ids, starts_on, ends_on)
        )
        return cls(ids, keys.astype("uint64"), starts, ends)

    def within(self, keys: range | None) -> Self:
        """Return the registrations of the numbers in a range; None means all."""
        if keys is None:
            return self
        rows = (self.keys >= keys.start) & (self.keys < keys.stop)
        return type(self)(
            self.list_ids[rows],
            self.keys[rows],
            self.starts_on[rows],
            self.ends_on[rows],
        )


@dataclass(frozen=True, slots=True)
class NewRegistrations:
    """Registrations to add to one list, as columns of equal length.

    Attributes:
        list_id: The list.
        keys: The numbers, uint64.
        registered_on: The days of receipt, int64, like `starts_on` and `ends_on`.
        starts_on: The first protected days.
        ends_on: The first days after the protection, or `NO_END`.
    """

    list_id: int
    keys: NDArray[np.uint64] = field(repr=False)
    registered_on: NDArray[np.int64]
    starts_on: NDArray[np.int64]
    ends_on: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self) -> list[Registration]:
        """Return the registrations as rows."""
        columns = (self.keys, self.registered_on, self.starts_on, self.ends_on)
        return [
            Registration(self.list_id, *row)
            for row in zip(*(column.tolist() for column in columns), strict=True)
        ]
