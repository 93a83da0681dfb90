"""Storage interface of registries.

A storage contains keys (phone numbers as integers), names of lists, and days since
1970-01-01. It contains no laws and no formats of numbers. A URL selects the storage:

=================================  ================================================
URL                                storage
=================================  ================================================
``memory:``                        process memory, lost when the process ends
``sqlite:///file.db``              an SQLite file (``sqlite:////`` + absolute path)
``postgresql://user@host/base``    PostgreSQL, with psycopg 3
``mariadb://user@host/base``       MariaDB or MySQL (``mysql://`` too), with PyMySQL
``valkey://host:6379/0``           Valkey or Redis (``redis://`` too)
=================================  ================================================

Installed packages can add schemes with entry points in the group `bloctel.storage`.
The name of an entry point is the scheme. The entry point refers to a function that
takes a URL and returns a `Storage`. `bloctel.testing` contains the tests that each
storage must pass.

All reads and writes are in transactions. A write transaction stores all its changes
and their journal lines, or nothing. Only one write transaction of a registry runs at a
time. So cursors (positions in the journal) grow in the order of the commits.

In addition to registrations, a storage contains *records*: rows that are only appended
to named streams. A write transaction can also append records, but records do not change
the cursor: a record of a call does not notify the followers of the registry.
"""

import re
import secrets
import struct
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from math import inf
from pathlib import Path
from pkgutil import resolve_name
from typing import Final, NoReturn, Protocol

from bloctel import errors
from bloctel._util import clock
from bloctel._util.optional import optional_module
from bloctel._util.raising import raise_alone
from bloctel.storage.rows import (
    Columns,
    Event,
    Found,
    NewRegistrations,
    Position,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
)

#: The highest allowed age of the data on a server that copies another server.
MAX_LAG_SECONDS: Final = 5.0


class Reader(Protocol):
    """Read transaction, which shows the storage at one moment.

    If a database has no such transactions, each call may show a later moment than the
    previous call, but never an earlier moment.
    """

    def settings(self) -> dict[str, str]:
        """Return the settings that `Storage.create` received."""

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists, sorted by id."""

    def position(self) -> Position:
        """Return the cursor and the token of the last stored change.

        Each write transaction that changes something increases the cursor, even if it
        only adds a list. Records do not change the cursor. In a write transaction, the
        result is the position before this transaction.
        """

    def token(self, cursor: int) -> int | None:
        """Return the token of the write transaction whose last cursor is *cursor*.

        The result is None if the journal does not contain such a transaction.
        """

    def lag(self) -> float | None:
        """Return the age of the data in seconds, if the server copies another server.

        The age is computed at the start of the transaction (`CopyAge`). It is None if
        the server is not a copy, and infinite if the age is not known.
        """

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order.

        Raises:
            CursorPurgedError: Journal lines after *since* were dropped, or the journal
                never had that cursor, because a backup was restored.
        """

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        """Yield a list's registrations that end from *ends_from* to *ends_before* - 1.

        None means no limit. In a registration without an end, `ends_on` is `NO_END`.
        """

    def columns(self, keys: range | None = None) -> Iterator[Columns]:
        """Yield every registration once, in batches of limited size.

        If *keys* is given, yield only the registrations of numbers in this range.
        """

    def prefixes(self) -> list[PrefixRow]:
        """Return the prefix rules of all lists."""

    def request(self, id: str) -> RequestRow | None:
        """Return the request with that id; None if there is no such request."""

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        """Return the requests of one person for a list."""

    def requests_of(
        self, list_id: int, keys: Collection[int] | None
    ) -> list[RequestRow]:
        """Return a list's requests about the numbers *keys*; all requests for None."""

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        """Return a stream's records about these numbers, in order."""

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        """Return the first *limit* records of a stream whose `seq` exceeds *after*."""

    def last_record(self, stream: str) -> RecordRow | None:
        """Return the last record of a stream; None if the stream never had a record.

        Raises:
            DamagedRecordsError: The last appended record is missing.
        """


class Writer(Reader, Protocol):
    """Write transaction: all its changes are stored, or none."""

    def add_list(self, name: str, rules: str | None) -> StoredList:
        """Add a list that does not exist yet; *rules* is the digest of its rules."""

    def update_list(self, stored: StoredList) -> None:
        """Replace the list that has the id of *stored*; its name does not change."""

    def add_registrations(self, parts: Iterable[NewRegistrations]) -> int:
        """Add registrations and their `REGISTERED` events; return how many were added.

        If a stored registration has the same primary key and ends earlier, the stored
        registration is extended (`Registration.extended_by`) and counted. If it does
        not end earlier, nothing changes.

        Args:
            parts: Batches of limited size, which are read one after the other.
        """

    def update_registrations(self, registrations: Iterable[Registration]) -> None:
        """Replace each stored registration whose primary key is in *registrations*."""

    def erase_registrations(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations, which are found by their primary keys.

        If a number has no registration left on the list, the number is also removed
        from the journal's events, and the number's requests for the list are erased.
        """

    def append_events(self, events: Iterable[Event]) -> None:
        """Append events to the journal; the storage assigns their cursors."""

    def trim_journal(self, before: int) -> int:
        """Drop journal lines up to the cursor *before*; return how many were dropped.

        Registrations stay. Afterwards, `changes` refuses a cursor below *before*.
        """

    def set_prefix(self, row: PrefixRow) -> None:
        """Store a prefix rule; it replaces the rule with the same primary key.

        The journal gets a `PREFIXES` event for the list, with the rule's first day.
        """

    def drop_prefix(self, row: PrefixRow) -> None:
        """Drop the rule with *row*'s primary key, and append a `PREFIXES` event."""

    def save_request(self, row: RequestRow) -> None:
        """Store a request; it replaces the request with the same id."""

    def drop_expired_requests(self, expired_before: int) -> None:
        """Drop unconfirmed requests that expired before a time (seconds since 1970)."""

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        """Append records, which must have the next sequence numbers of their stream.

        Raises:
            DamagedRecordsError: A sequence number is not the next one.
        """

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        """Erase the phone numbers and bodies of records; all other fields stay."""


class Watcher(Protocol):
    """Object that waits for changes of a storage, so that a follower need not poll."""

    def wait_for_change(self, seconds: float) -> None:
        """Return when something may have changed, after *seconds* at the latest.

        Raises:
            StorageError: The storage cannot be watched.
        """

    def close(self) -> None:
        """Stop waiting, and release the connection."""


class PollingWatcher:
    """Watcher for storages that send no notifications: the follower polls them."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def wait_for_change(self, seconds: float) -> None:
        """Wait for the time between two polls, or for *seconds* if this is less."""
        self._closed.wait(min(seconds, _POLL_SECONDS))

    def close(self) -> None:
        """Stop waiting."""
        self._closed.set()


class Storage(Protocol):
    """Storage of one registry.

    Attributes:
        busy_seconds: The longest wait for another writer or for a free connection, in
            seconds. It must be set before the first transaction.
        files: The files of the registry on this machine; empty for a server.
    """

    busy_seconds: float
    files: tuple[Path, ...]

    def create(self, settings: Mapping[str, str]) -> None:
        """Create an empty registry.

        Raises:
            RegistryExistsError: A registry exists already.
            StorageError: The registry cannot be created.
        """

    def check(self, *, restored: bool = False) -> None:
        """Check that there is a registry that this version of the library can read.

        Args:
            restored: True also accepts a backup, which may lack the last changes. The
                next write transaction makes the backup a normal registry.

        Raises:
            RegistryNotFoundError: There is no registry.
            NewerRegistryError: A later version of the library made the registry.
            StorageError: The registry cannot be read, or its version is unknown.
        """

    def read(
        self, *, max_lag_seconds: float = MAX_LAG_SECONDS
    ) -> AbstractContextManager[Reader]:
        """Open a read transaction.

        Args:
            max_lag_seconds: The highest allowed `Reader.lag`. Use a higher limit than
                the default only for data that never changes, or if the caller also
                checks `Reader.lag`.

        Raises:
            StorageUnreachableError: The server is a copy whose `Reader.lag` is higher.
        """

    def write(self) -> AbstractContextManager[Writer]:
        """Open a write transaction; an error in the `with` block rolls it back.

        The method first waits until no other thread or process has a write transaction.

        Raises:
            StorageBusyError: Another writer took too long.
            RegistryReplacedError: Another registry has replaced the registry.
            StorageReadOnlyError: The server is a copy of another server.
        """

    def write_heartbeat(self) -> None:
        """Store the current time, from which copies compute the age of their data.

        A heartbeat changes neither the cursor nor the journal. On a server, this method
        does not wait for write transactions, which can take minutes.

        Raises:
            RegistryReplacedError: Another registry has replaced the registry.
            StorageReadOnlyError: The server is a copy of another server.
        """

    def lookup(self, keys: Collection[int], position: Position) -> Found:
        """Return all registrations of these numbers, in one round trip.

        Args:
            keys: The numbers.
            position: The last position that the caller has read, perhaps from another
                server with the same URL.

        Raises:
            StorageUnreachableError: The server does not have the change at *position*
                (see `require_position`), or a prefix rule was changed later.
            StorageError: No answer for `LOOKUP_SECONDS`, or tables that can hide rows.
        """

    def watch(self) -> Watcher:
        """Return a watcher, which waits for changes of the storage."""

    def backup(self, path: Path) -> None:
        """Write a consistent copy of the registry to a file.

        Raises:
            InputError: The storage has its own tools for backups, or the file cannot
                be written.
        """

    def close(self) -> None:
        """Release connections and files."""


#: The class for each URL scheme; `open_storage` imports the class when it is needed.
_CLASSES: Final = {
    "memory": "bloctel.storage.memory:MemoryStorage",
    "sqlite": "bloctel.storage.sql.sqlite:SqliteStorage",
    "postgresql postgres": "bloctel.storage.sql.postgresql:PostgresqlStorage",
    "mariadb mysql": "bloctel.storage.sql.mariadb:MariadbStorage",
    "valkey valkeys redis rediss": "bloctel.storage.valkey.storage:ValkeyStorage",
}
_BUILT_IN: Final = {
    scheme: name for schemes, name in _CLASSES.items() for scheme in schemes.split()
}

#: The default of `Storage.busy_seconds`, the longest wait for another writer.
BUSY_SECONDS: Final = 5.0

#: The longest wait for the answer to a look-up, which must not delay a call for long.
LOOKUP_SECONDS: Final = 5

#: Seconds between two polls of a follower, which must see changes within one second.
_POLL_SECONDS: Final = 0.2


def open_storage(url: str) -> Storage:
    """Return the storage for *url*, without connecting to it yet.

    Raises:
        InputError: The scheme of the URL is unknown, or the storage does not accept
            the URL. The message never contains the URL, which can hold a password.
        MissingExtraError: The driver is not installed.
    """
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()  # RFC 3986: schemes are case-insensitive
    url = f"{scheme}{colon}{rest}"
    family = scheme.partition("+")[0]  # postgresql+psycopg is the same as postgresql
    storage: Storage
    if colon and family in _BUILT_IN:
        storage = resolve_name(_BUILT_IN[family])(url)
        return storage
    if "@" in url or not colon:  # in "user:password@host", the user is not a scheme
        scheme = ""
    from importlib.metadata import entry_points  # noqa: PLC0415

    for point in entry_points(group="bloctel.storage", name=scheme):
        storage = point.load()(url)
        return storage
    shown = f"the scheme {scheme!r}" if scheme.isalnum() else "text without a scheme"
    known = ", ".join(f"{name}:" for name in _BUILT_IN)
    raise errors.InputError(f"a registry URL that starts with one of {known}", shown)


# -- checks and errors that storages share -----------------------------------------


def closed_error(where: str) -> errors.StorageError:
    """Return the error for an operation on a closed storage."""
    return errors.StorageError(
        "an open registry", "a closed registry", where, message="the registry is closed"
    )


#: Function such as `closed_error`, which gets a storage's name and returns an error.
Refusal = Callable[[str], errors.StorageError]


def forked_error(where: str | None = None) -> errors.ForkedError:
    """Return the error for the use of a storage of the parent process after a fork."""
    expected = "a registry that this process opened"
    got = "a registry that was opened before a fork"
    message = (
        "the registry was opened before this process was forked from its parent "
        "process; open it in this process"
    )
    return errors.ForkedError(expected, got, where, message=message)


def require_same(identity: object, known: object, where: str | None = None) -> None:
    """Raise RegistryReplacedError if a registry has another identity than *known*."""
    if identity != known:
        message = "another registry replaced the registry; open the registry again"
        expected, got = "the registry that was opened", "another registry"
        raise errors.RegistryReplacedError(expected, got, where, message=message)


def exists_error(where: str) -> errors.RegistryExistsError:
    """Return the error for creating a registry where a registry exists."""
    expected, got = "no registry yet", "an existing registry"
    message = "a registry exists already; open it, or choose another URL"
    return errors.RegistryExistsError(expected, got, where, message=message)


def busy_error(where: str | None = None) -> errors.StorageBusyError:
    """Return the error that is raised after waiting too long for another writer."""
    expected, got = "the lock of the registry", "a lock that another writer holds"
    message = (
        "another program writes to the registry, and the wait took too long; try "
        "again (busy_seconds= sets the longest wait)"
    )
    return errors.StorageBusyError(expected, got, where, message=message)


def no_backup_error(where: str, advice: str) -> errors.InputError:
    """Return the error for a storage that has its own tools for backups."""
    expected, got = "a registry in an SQLite file", "another storage"
    message = f"bloctel backs up only SQLite files; {advice}"
    return errors.InputError(expected, got, where, message=message)


def not_found_error(where: str) -> errors.RegistryNotFoundError:
    """Return the error for opening a registry that does not exist."""
    expected, got = "an existing registry", "no registry"
    message = (
        "there is no registry; create it first (Registry.create, or bloctel registry "
        "create)"
    )
    return errors.RegistryNotFoundError(expected, got, where, message=message)


def new_token() -> int:
    """Return a random token for a write transaction, from 1 to 2^62."""
    return secrets.randbits(62) + 1


_DIGITS: Final = re.compile(r"\d{5,}")


def without_digits(text: str) -> str:
    """Return the text of a driver's error without digits of possible phone numbers."""
    return _DIGITS.sub("(digits)", text)


def driver_error(
    kind: type[errors.StorageError], got: str, where: str
) -> errors.StorageError:
    """Return an error of class *kind* for the error *got* of a database driver."""
    return kind("a storage that answers", got, where, message=f"storage error: {got}")


def copy_error(where: str) -> errors.StorageReadOnlyError:
    """Return the error for a change on a server that copies another server."""
    expected, got = "the primary server", "a server that copies another server"
    message = (
        "the server is a copy of another server (a standby or replica), where a "
        "change would be lost; use the URL of the primary server"
    )
    return errors.StorageReadOnlyError(expected, got, where, message=message)


def heartbeat_time() -> int:
    """Return the current time for a heartbeat, in milliseconds since 1970-01-01."""
    return int(1000 * clock.now())


class CopyAge:
    """Age of the data on a server that copies another server.

    A heartbeat is the time at which the primary server stored it. Servers copy changes
    in the order of the commits. So if a copy has a heartbeat, it has all changes that
    were committed before that time. This is also true for a copy of a copy.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._newest = 0, 0.0  # the last heartbeat, and when it was first read

    def seconds(self, heartbeat: int) -> float:
        """Return the age of the data in seconds, computed from a heartbeat.

        Args:
            heartbeat: The copy's heartbeat (from `heartbeat_time`); 0 if it has none.
        """
        if not heartbeat:
            return inf
        if heartbeat != self._newest[0]:
            self._newest = heartbeat, clock.elapsed()
        age = clock.now() - heartbeat / 1000
        if age < -MAX_LAG_SECONDS:
            raise errors.StorageUnreachableError(
                "a heartbeat in the past",
                f"a heartbeat {-age:.0f} seconds in the future",
                self._where,
                message=f"the clock of this machine is {-age:.0f} seconds behind the "
                "clock of the machine that runs bloctel registry heartbeat, so the age "
                "of the data is not known; synchronise the two clocks",
            )
        # if a clock is wrong, use at least the time since the heartbeat was first read
        return max(age, clock.elapsed() - self._newest[1])


def require_recent(age: float | None, limit: float = MAX_LAG_SECONDS) -> None:
    """Check that the age of data does not exceed a limit, both in seconds."""
    if age is not None and age > limit:
        shown = "of unknown age" if age == inf else f"{age:.0f} seconds old"
        expected = f"data that is at most {limit:g} seconds old"
        message = (
            f"the data is {shown}, but the limit is {limit:g} seconds: the storage "
            "does not answer, or its server is a copy. For a copy, run bloctel "
            "registry heartbeat with the URL of the primary server"
        )
        got = f"data that is {shown}"
        raise errors.StorageUnreachableError(expected, got, message=message)


def require_position(token: int | None, position: Position, where: str) -> None:
    """Check that a server has the change at a position: its *token* must be equal."""
    if token != position.token:
        expected = "a server with all changes that were read before"
        got = "a server without the last changes"
        message = (
            "the server lacks changes that were read before: it is a copy that does "
            "not have the last changes yet (try again later), or it lost them"
        )
        raise errors.StorageUnreachableError(expected, got, where, message=message)


def require_same_rules(n_changes: int, where: str | None) -> None:
    """Check that no prefix rule was changed after the position of a look-up."""
    if n_changes:
        expected, got = "the prefix rules that were read", "other prefix rules"
        message = "the prefix rules or the lists of the registry have changed since it "
        message += "was read; look the number up again"
        raise errors.StorageUnreachableError(expected, got, where, message=message)


#: Python's own exceptions, which drivers raise for data that they do not expect.
UNEXPECTED: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)


def raise_driver_error(
    kind: type[errors.StorageError], error: BaseException, text: str, where: str
) -> NoReturn:
    """Raise an error of class *kind* for an error of a database driver.

    The cause of the raised error is a copy of the driver's error with only *text*: the
    driver's error itself can contain phone numbers (the parameters of statements).
    """
    text = without_digits(text)
    cause: BaseException
    codes = [part for part in error.args if isinstance(part, int) and part < 10_000]
    try:
        cause = type(error)(*codes, text)
    except TypeError:  # the constructor of some errors takes other arguments
        cause = errors.StorageError("a storage that answers", type(error).__name__)
    got = f"{type(error).__name__}: {text}"
    raise_alone(driver_error(kind, got, where), cause)


def require_version(text: str | None, version: int, where: str) -> None:
    """Check that a registry has the schema version of this library."""
    if text is None:
        raise not_found_error(where)
    if text == str(version):
        return
    expected = f"a registry of schema version {version}"
    if text.isdecimal() and int(text) > version:
        message = (
            f"the registry has schema version {int(text)}, but this version of bloctel "
            f"reads only {version}; update bloctel"
        )
        got = f"version {int(text)}"
        raise errors.NewerRegistryError(expected, got, where, message=message)
    message = (
        "the registry has an unknown schema version: it is damaged, or another "
        "program made it; check the URL, or restore a backup"
    )
    got = f"a version of {len(text)} characters"
    raise errors.StorageError(expected, got, where, message=message)


def require_cursor(since: int, trimmed_to: int, last: int) -> None:
    """Check that a journal has all lines after a cursor.

    Raises:
        CursorPurgedError: Lines were dropped, or the journal never had that cursor.
    """
    if since < trimmed_to:
        raise errors.CursorPurgedError(
            f"cursor {trimmed_to} or a later one",
            f"cursor {since} (the lines after it were dropped: read all lists again)",
        )
    if since > last:
        raise errors.CursorPurgedError(
            f"a cursor of this journal, up to {last}",
            f"cursor {since} (a backup was restored: read all lists again)",
        )


def require_following(rows: Sequence[RecordRow], last_seq: int) -> None:
    """Check that the sequence numbers of records follow *last_seq* without a gap.

    Raises:
        DamagedRecordsError: A sequence number is not the next one.
    """
    for wanted, row in enumerate(rows, last_seq + 1):
        if row.seq != wanted:
            raise errors.DamagedRecordsError(
                f"sequence number {wanted}", f"{row.seq}", f"stream {row.stream}"
            )


def require_record(record: object | None, stream: str, seq: int) -> None:
    """Check that the record with sequence number *seq*, which must exist, was found.

    Raises:
        DamagedRecordsError: *record* is None.
    """
    if record is None:
        expected, got = "a stored record", "a missing record"
        message = "the record is missing: the storage is damaged; restore a backup"
        where = f"record {seq} of {stream}"
        raise errors.DamagedRecordsError(expected, got, where, message=message)


def require_driver(module: str, extra: str) -> None:
    """Check that a driver can be imported.

    Raises:
        MissingExtraError: The driver is not installed; the message names its extra.
    """
    optional_module(module, f"a registry in {extra}", extra)
