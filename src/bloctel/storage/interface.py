"""Storage interface of registries.

A storage knows no law, no clock and no phone number: only keys, names of lists and
days since 1970-01-01. It is opened by URL:

=================================  ===========================================
URL                                storage
=================================  ===========================================
``memory:``                        memory of this process, lost when it ends
``sqlite:///file.db``              an SQLite file; ``sqlite:////`` if absolute
``postgresql://user@host/base``    PostgreSQL, with psycopg 3
``mariadb://user@host/base``       MariaDB or MySQL (``mysql://`` too), with PyMySQL
``valkey://host:6379/0``           Valkey or Redis (``redis://`` too)
=================================  ===========================================

Other schemes are looked up among the installed packages' entry points, group
`bloctel.storage`: the name of an entry point is the scheme, and it loads a function
from a URL to a `Storage`. `bloctel.testing` contains the tests that such a storage
must pass.

All reads and writes are in transactions. A write transaction stores its changes and
their journal lines, or nothing. Writers of one registry are serialised, so that
cursors grow in the order in which changes become visible.

Besides registrations a storage contains *records*: rows in named streams that only
grow. They are written in the same transactions, but do not move the cursor: a logged
call does not wake the followers of a list.
"""

from __future__ import annotations

import re
import threading
from importlib import import_module
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final, Protocol

from bloctel import errors

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from contextlib import AbstractContextManager

    from bloctel.storage.rows import (
        Columns,
        Event,
        Found,
        NewRegistrations,
        PrefixRow,
        RecordRow,
        Registration,
        RequestRow,
        StoredList,
    )


class Reader(Protocol):
    """Read transaction: the storage as of one moment.

    A storage without such transactions may answer each call as of a later moment than
    the call before, never as of an earlier one.
    """

    def settings(self) -> dict[str, str]:
        """Return the settings that `Storage.create` received."""

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists, sorted by id."""

    def last_change(self) -> int:
        """Return the cursor of the last change; 0 before the first one.

        Each write transaction that changes something moves it, even one that only
        adds a list. Records do not move it.
        """

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order.

        Raises:
            CursorPurgedError: The journal no longer has all lines after *since*, or
                never had that cursor because a backup was restored.
        """

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        """Yield, in parts, a list's registrations that end in [from, before).

        None means unbounded; registrations without an end have `NO_END`.
        """

    def columns(self) -> Iterator[Columns]:
        """Yield every registration once, in parts of bounded size."""

    def prefixes(self) -> list[PrefixRow]:
        """Return the prefix rules of all lists."""

    def request(self, id: str) -> RequestRow | None:
        """Return the request with that id, or None."""

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        """Return the requests of one person for a list."""

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        """Return the requests for these numbers and this list."""

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        """Return a stream's records about these numbers, in order."""

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        """Return the first *limit* records of a stream after a sequence number."""

    def last_record(self, stream: str) -> RecordRow | None:
        """Return the last record of a stream; None if it never had one.

        Raises:
            DamagedRecordsError: The last appended record is missing.
        """


class Writer(Reader, Protocol):
    """Write transaction: all of it is stored, or nothing."""

    def add_list(self, name: str) -> StoredList:
        """Add a list that does not exist yet."""

    def add_registrations(self, parts: Iterable[NewRegistrations]) -> int:
        """Add registrations, with a `REGISTERED` event each; return the number added.

        An existing registration stays as it is and is not counted. The exception is
        one that was withdrawn on the day of its receipt: the new one replaces it,
        because an objection must not vanish when an older one was withdrawn.

        Args:
            parts: Parts of bounded size, read one after the other.
        """

    def update_registrations(self, registrations: Iterable[Registration]) -> None:
        """Replace registrations that exist."""

    def erase_registrations(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations.

        When a number has no registration left on the list, its journal events lose
        the number but stay, and its requests are erased.
        """

    def set_complete_from(self, list_id: int, day: int) -> None:
        """Set the first day from which a list's data is complete."""

    def append_events(self, events: Iterable[Event]) -> None:
        """Append events to the journal; the storage assigns their cursors."""

    def trim_journal(self, before: int) -> int:
        """Drop journal lines up to the cursor *before*; return their number.

        Registrations stay. Afterwards `changes` refuses an earlier cursor.
        """

    def restart_journal(self) -> None:
        """Drop all journal lines, and skip `CURSOR_GAP` cursors.

        Afterwards every cursor given before is refused, even one that this storage
        does not know because it is an older copy. Nothing else may be done in the
        same transaction.
        """

    def set_prefix(self, row: PrefixRow) -> None:
        """Store a prefix rule; it replaces the one with the same primary key.

        The journal gets a `PREFIXES` event of the rule's list, on its first day.
        """

    def drop_prefix(self, row: PrefixRow) -> None:
        """Drop the prefix rule with that primary key, with a `PREFIXES` event."""

    def save_request(self, row: RequestRow) -> None:
        """Store a request; it replaces the one with the same id."""

    def drop_expired_requests(self, expired_before: int) -> None:
        """Drop unconfirmed requests that expired before that second."""

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        """Append records of one stream, whose sequence numbers continue it.

        Raises:
            DamagedRecordsError: The sequence numbers do not continue the stream.
        """

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        """Erase number and body of records; sequence numbers and digests stay."""


class Watcher(Protocol):
    """Waits for changes, so that a follower need not poll all the time."""

    def wait_for_change(self, seconds: float) -> None:
        """Return when something may have changed, after *seconds* at the latest.

        Raises:
            StorageError: The storage cannot be watched.
        """

    def close(self) -> None:
        """Stop waiting, and release the connection."""


class PollingWatcher:
    """Watcher for storages without notifications: the follower polls."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the next poll."""
        self._closed.wait(min(seconds, _POLL_SECONDS))

    def close(self) -> None:
        """Stop waiting."""
        self._closed.set()


class Storage(Protocol):
    """Storage of one registry."""

    def create(self, settings: Mapping[str, str]) -> None:
        """Create an empty registry.

        Raises:
            RegistryExistsError: A registry exists already.
            StorageError: The registry cannot be created.
        """

    def check(self) -> None:
        """Check that there is a registry that this version can read.

        Raises:
            RegistryNotFoundError: There is no registry.
            NewerRegistryError: A later version made it.
            StorageError: The registry cannot be read, or its version is unknown.
        """

    def read(self) -> AbstractContextManager[Reader]:
        """Open a read transaction."""

    def write(self) -> AbstractContextManager[Writer]:
        """Open a write transaction: committed at its end, rolled back on an error.

        It waits for other writers of the same registry, in any process.

        Raises:
            StorageBusyError: Another writer took too long.
        """

    def lookup(self, keys: Collection[int]) -> Found:
        """Return all registrations of these numbers, in one round trip."""

    def watch(self) -> Watcher:
        """Return a watcher of changes."""

    def close(self) -> None:
        """Release connections and files."""


#: Schemes of a URL to the class, whose module imports the driver only when needed.
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

#: Seconds between two polls of a follower, well within the one second it promises.
_POLL_SECONDS: Final = 0.2

#: Cursors that `Writer.restart_journal` skips: more changes than any copy of a
#: registry had before it was restored.
CURSOR_GAP: Final = 1 << 32


def open_storage(url: str) -> Storage:
    """Return the storage for *url*, without connecting to it yet.

    Raises:
        InputError: The scheme of the URL is unknown, or the storage does not accept
            the URL. The message never contains the URL, which can hold a password.
        MissingExtraError: The driver is not installed.
    """
    scheme, colon, _ = url.partition(":")
    if not colon:
        raise _unknown("text without a scheme")
    family = scheme.partition("+")[0]  # postgresql+psycopg is the same as postgresql
    if family in _BUILT_IN:
        make: Callable[[str], Storage] = resolve_name(_BUILT_IN[family])
        return make(url)
    if "@" in url:  # perhaps not a scheme but the start of "name:password@host"
        scheme = ""
    return _installed(scheme)(url)


def _installed(scheme: str) -> Callable[[str], Storage]:
    """Return the function with which an installed package opens that scheme."""
    # scanning all installed packages is slow, and only this function needs it
    from importlib.metadata import entry_points  # noqa: PLC0415

    for point in entry_points(group="bloctel.storage", name=scheme):
        make: Callable[[str], Storage] = point.load()
        return make
    shown = f"the scheme {scheme!r}" if scheme.isalnum() else "text without a scheme"
    raise _unknown(shown)


def _unknown(got: str) -> errors.InputError:
    known = ", ".join(f"{name}:" for name in _BUILT_IN)
    return errors.InputError(f"a registry URL that starts with one of {known}", got)


# -- checks and errors that storages share -----------------------------------------


def closed_error(where: str) -> errors.StorageError:
    """Return the error for an operation on a closed storage."""
    return errors.StorageError(
        "an open registry", "a closed one", where, message="the registry is closed"
    )


def exists_error(where: str) -> errors.RegistryExistsError:
    """Return the error for creating a registry over an existing one."""
    return errors.RegistryExistsError(
        "no registry yet",
        "an existing registry",
        where,
        message="a registry exists already; open it, or choose another URL",
    )


def not_found_error(where: str) -> errors.RegistryNotFoundError:
    """Return the error for opening a registry that does not exist."""
    return errors.RegistryNotFoundError(
        "an existing registry",
        "no registry",
        where,
        message="there is no registry; create it first (Registry.create, or "
        "bloctel registry create)",
    )


#: Digits that may be a phone number or a part of one.
_DIGITS: Final = re.compile(r"\d{5,}")


def without_digits(text: str) -> str:
    """Return the text of a driver's error without digits that may be a number."""
    return _DIGITS.sub("(digits)", text)


def driver_error(
    kind: type[errors.StorageError], got: str, where: str
) -> errors.StorageError:
    """Return the error of a kind for an error of a driver."""
    return kind("a storage that answers", got, where, message=f"storage error: {got}")


def require_version(text: str | None, version: int, where: str) -> None:
    """Check that a registry has the schema version of this library.

    Args:
        text: The version as it is stored, or None if there is no registry.
        version: The schema version of this library.
        where: The name of the registry in messages.

    Raises:
        RegistryNotFoundError: There is no registry.
        NewerRegistryError: A later version of the library made it.
        StorageError: Its version is unknown.
    """
    if text is None:
        raise not_found_error(where)
    if text == str(version):
        return
    expected = f"a registry of schema version {version}"
    if text.isdecimal() and int(text) > version:
        raise errors.NewerRegistryError(
            expected,
            f"version {int(text)}",
            where,
            message=f"the registry has schema version {int(text)}, but this version of "
            f"bloctel reads only {version}; update bloctel",
        )
    raise errors.StorageError(
        expected,
        f"a version of {len(text)} characters",
        where,
        message="the registry has an unknown schema version: it is damaged, or another "
        "program made it",
    )


def require_cursor(since: int, trimmed_to: int, last: int) -> None:
    """Check that a journal has all lines after a cursor.

    Raises:
        CursorPurgedError: Some were dropped, or the journal never had that cursor.
    """
    if since < trimmed_to:
        raise errors.CursorPurgedError(
            f"a cursor from {trimmed_to} on (earlier lines have been dropped)",
            str(since),
        )
    if since > last:
        raise errors.CursorPurgedError(
            f"a cursor of this journal, up to {last}",
            f"{since}, which it has not reached (was a backup restored?)",
        )


def require_following(rows: Sequence[RecordRow], last_seq: int) -> None:
    """Check that the sequence numbers of records continue their stream.

    Raises:
        DamagedRecordsError: The sequence numbers do not continue it.
    """
    for wanted, row in enumerate(rows, last_seq + 1):
        if row.seq != wanted:
            raise errors.DamagedRecordsError(
                f"sequence number {wanted}", str(row.seq), f"stream {row.stream}"
            )


def require_last(row: RecordRow | None, stream: str, last_seq: int) -> None:
    """Check that the last record of a stream exists.

    Raises:
        DamagedRecordsError: It is missing.
    """
    if row is None and last_seq:
        raise errors.DamagedRecordsError(
            "the last record",
            "a missing record",
            f"record {last_seq} of {stream}",
            message="the last record is missing",
        )


def require_driver(module: str, extra: str) -> None:
    """Check that a driver can be imported.

    Raises:
        MissingExtraError: It cannot; the message names the extra.
    """
    try:
        import_module(module)
    except ImportError as error:
        raise errors.MissingExtraError(f"a registry in {extra}", extra) from error
