"""Where a registry keeps its registrations, and the seam to it.

A storage stores: it knows no law, no clock and no phone number, only keys, names of
lists and days since 1970-01-01.  It is opened by URL:

=================================  ===========================================
URL                                storage
=================================  ===========================================
``memory:``                        this process's memory, gone with it
``sqlite:///file.db``              an SQLite file; ``sqlite:////`` if absolute
``postgresql://user@host/base``    PostgreSQL, by psycopg 3
``mariadb://user@host/base``       MariaDB or MySQL (``mysql://`` too), by PyMySQL
``valkey://host:6379/0``           Valkey or Redis (``redis://`` too)
=================================  ===========================================

Another scheme is looked for among the installed packages' entry points, group
`bloctel.storage`: an entry point has the scheme as its name, and loads a function from
a URL to a `Storage`.  `bloctel.testing` is what such a storage must pass.

Everything is read and written inside a transaction: a writer's changes come with their
journal or not at all, and writers of one registry come one after the other, so that
cursors grow in the order in which changes become visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from bloctel.errors import CursorPurgedError, InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "CURSOR_GAP",
    "ChangeKind",
    "Columns",
    "Event",
    "Found",
    "NewRegistrations",
    "PrefixRow",
    "Reader",
    "Registration",
    "RequestRow",
    "Storage",
    "StoredList",
    "Watcher",
    "Writer",
    "open_storage",
    "require_cursor",
    "require_driver",
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


class Reader(Protocol):
    """One moment of a storage.

    A storage that cannot hold on to a moment may answer each call as of a later one
    than the call before, never of an earlier one.
    """

    def settings(self) -> dict[str, str]:
        """Return what `Storage.create` was given."""

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists, by their ids."""

    def last_change(self) -> int:
        """Return the cursor of the last change; 0 if there is none.

        Every writing transaction that changed anything moves it, also one that
        only added a list.
        """

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order.

        Raises:
            CursorPurgedError: Lines after *since* are not in the journal any more, or
                it is none of this journal: a backup was restored.
        """

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        """Return, in parts, a list's registrations that end in [from, before).

        None stands for no bound; registrations without an end have `NO_END`.
        """

    def columns(self) -> Iterator[Columns]:
        """Return every registration, in parts of bounded size."""

    def prefixes(self) -> list[PrefixRow]:
        """Return the prefix rules of all lists."""

    def request(self, id: str) -> RequestRow | None:
        """Return the request of that id, if there is one."""

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        """Return what one person asked for on a list."""

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        """Return what was asked for these numbers on a list."""


class Writer(Reader, Protocol):
    """A transaction: all of it is kept, or nothing."""

    def add_list(self, name: str) -> StoredList:
        """Add a list that is not there yet."""

    def add(self, parts: Iterable[NewRegistrations]) -> int:
        """Add registrations, with a `REGISTERED` event each; return how many.

        One that is there stays as it is and is not counted; but one that was
        withdrawn on the day of its receipt stands again, as the new one says: an
        objection must not vanish because an older one was taken back.

        Args:
            parts: Parts of bounded size, read one after the other.
        """

    def update(self, registrations: Iterable[Registration]) -> None:
        """Replace registrations that are there."""

    def erase(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations.

        Where none of a number's is left on the list, the number leaves the journal,
        whose events stay without it, and what was asked for it goes.
        """

    def set_complete_from(self, list_id: int, day: int) -> None:
        """Note that a list's data before *day* is not complete any more."""

    def log(self, events: Iterable[Event]) -> None:
        """Append events to the journal; their cursors are given by the storage."""

    def trim(self, before: int) -> int:
        """Drop the journal's lines up to the cursor *before*; return how many.

        The state stays.  From then on `changes` since an earlier cursor is refused.
        """

    def begin_anew(self) -> None:
        """Drop the journal's lines, and give cursors from far beyond from now on.

        Every cursor that was ever given is refused then, also one that this storage
        does not know: it may be an older copy.  Nothing else is done in the same
        transaction.
        """

    def set_prefix(self, row: PrefixRow) -> None:
        """Store a prefix rule, in the place of the one of the same name.

        The journal gets a `PREFIXES` event of the rule's list, on its first day.
        """

    def drop_prefix(self, row: PrefixRow) -> None:
        """Drop the prefix rule of that name, with a `PREFIXES` event as well."""

    def save_request(self, row: RequestRow) -> None:
        """Store a request, in the place of the one of the same id."""

    def drop_requests(self, expired_before: int) -> None:
        """Drop what was never confirmed and expired before that second."""


class Watcher(Protocol):
    """Waits for changes, so that a follower need not ask all the time."""

    def wait(self, seconds: float) -> None:
        """Return when something may have changed, after *seconds* at the latest.

        Raises:
            StorageError: The storage cannot be watched.
        """

    def close(self) -> None:
        """Stop waiting, and release the connection."""


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
            OlderRegistryError: An earlier version made it; `migrate` it.
            NewerRegistryError: A later version made it.
            StorageError: It cannot be read.
        """

    def migrate(self) -> None:
        """Bring a registry that an earlier version made to the form of this one.

        Raises:
            RegistryNotFoundError: There is none.
            NewerRegistryError: A later version made it.
            StorageError: It cannot be read or written.
        """

    def read(self) -> AbstractContextManager[Reader]:
        """Open a reading transaction."""

    def write(self) -> AbstractContextManager[Writer]:
        """Open a writing transaction: committed at its end, undone on an error.

        It waits for other writers of the same registry, in whatever process.

        Raises:
            StorageBusyError: Another writer took too long.
        """

    def lookup(self, keys: Collection[int]) -> Found:
        """Return all registrations of these numbers, in one round trip."""

    def watch(self) -> Watcher:
        """Return what waits for changes."""

    def close(self) -> None:
        """Release connections and files."""


#: Scheme of a URL to module and class.  Drivers are imported there, and only then.
_BUILT_IN: Final[dict[str, tuple[str, str]]] = {
    "memory": ("bloctel.storage.memory", "MemoryStorage"),
    "sqlite": ("bloctel.storage.sqlite", "SqliteStorage"),
    "postgresql": ("bloctel.storage.postgresql", "PostgresqlStorage"),
    "postgres": ("bloctel.storage.postgresql", "PostgresqlStorage"),
    "mariadb": ("bloctel.storage.mariadb", "MariadbStorage"),
    "mysql": ("bloctel.storage.mariadb", "MariadbStorage"),
    "valkey": ("bloctel.storage.valkey", "ValkeyStorage"),
    "valkeys": ("bloctel.storage.valkey", "ValkeyStorage"),
    "redis": ("bloctel.storage.valkey", "ValkeyStorage"),
    "rediss": ("bloctel.storage.valkey", "ValkeyStorage"),
}


#: So far beyond cursors go on when a journal begins anew: no copy of a registry had
#: more changes than that before it was restored.
CURSOR_GAP: Final = 1 << 32


def open_storage(url: str) -> Storage:
    """Return the storage that *url* names, without touching it yet.

    Raises:
        InputError: No storage is known for its scheme, or the URL is not what that
            storage takes.  The message never shows the URL, which can hold a
            password.
        MissingExtraError: The driver is not installed.
    """
    scheme, colon, _ = url.partition(":")
    if not colon:
        raise _unknown("text without a scheme")
    family = scheme.partition("+")[0]  # postgresql+psycopg: means the same
    if family in _BUILT_IN:
        module, name = _BUILT_IN[family]
        make: Callable[[str], Storage] = getattr(import_module(module), name)
        return make(url)
    if "@" in url:  # it may be no scheme but the beginning of "name:password@host"
        scheme = ""
    return _installed(scheme)(url)


def _installed(scheme: str) -> Callable[[str], Storage]:
    """Return what an installed package opens URLs of that scheme with."""
    # scanning all installed packages takes long, and is needed here alone
    from importlib.metadata import entry_points  # noqa: PLC0415

    for point in entry_points(group="bloctel.storage", name=scheme):
        make: Callable[[str], Storage] = point.load()
        return make
    shown = f"the scheme {scheme!r}" if scheme.isalnum() else "text without a scheme"
    raise _unknown(shown)


def _unknown(got: str) -> InputError:
    known = ", ".join(f"{name}:" for name in _BUILT_IN)
    return InputError(f"a registry's URL that starts with one of {known}", got)


def require_cursor(since: int, trimmed_to: int, last: int) -> None:
    """Make sure that a journal can tell what came after a cursor.

    Raises:
        CursorPurgedError: Lines after it have been dropped, or it is of no line.
    """
    if since < trimmed_to:
        raise CursorPurgedError(
            f"a cursor from {trimmed_to} on (earlier lines have been dropped)",
            str(since),
        )
    if since > last:
        raise CursorPurgedError(
            f"a cursor of this journal, up to {last}",
            f"{since}, which it has not come to (was a backup restored?)",
        )


def require_driver(module: str, extra: str) -> None:
    """Make sure that a driver can be imported.

    Raises:
        MissingExtraError: It cannot; the message names the extra.
    """
    try:
        import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"a registry in {extra}", extra) from error
