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

Beside registrations a storage keeps *records*: rows in named streams that only grow.
They are written in the same transactions, and move no cursor: who follows a list does
not wake for each call that is logged.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from bloctel.errors import (
    CursorPurgedError,
    DamagedRecordsError,
    InputError,
    MissingExtraError,
)
from bloctel.storage.rows import (
    ChangeKind,
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

__all__ = [
    "CURSOR_GAP",
    "ChangeKind",
    "Columns",
    "Event",
    "Found",
    "NewRegistrations",
    "PrefixRow",
    "Reader",
    "RecordRow",
    "Registration",
    "RequestRow",
    "Storage",
    "StoredList",
    "Watcher",
    "Writer",
    "open_storage",
    "require_cursor",
    "require_driver",
    "require_following",
    "require_last",
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
        only added a list; records alone do not.
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

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        """Return a stream's records about these numbers, in their order."""

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        """Return the first *limit* records of a stream after a place, in order."""

    def last_record(self, stream: str) -> RecordRow | None:
        """Return the last record of a stream; None if it never had one.

        Raises:
            DamagedRecordsError: The last one that was ever appended is not there.
        """


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

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        """Append records of one stream, whose places follow on from its last one.

        Raises:
            DamagedRecordsError: They do not follow on.
        """

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        """Erase number and body of records; places and digests stay."""


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
    "sqlite": ("bloctel.storage.sql.sqlite", "SqliteStorage"),
    "postgresql": ("bloctel.storage.sql.postgresql", "PostgresqlStorage"),
    "postgres": ("bloctel.storage.sql.postgresql", "PostgresqlStorage"),
    "mariadb": ("bloctel.storage.sql.mariadb", "MariadbStorage"),
    "mysql": ("bloctel.storage.sql.mariadb", "MariadbStorage"),
    "valkey": ("bloctel.storage.valkey.storage", "ValkeyStorage"),
    "valkeys": ("bloctel.storage.valkey.storage", "ValkeyStorage"),
    "redis": ("bloctel.storage.valkey.storage", "ValkeyStorage"),
    "rediss": ("bloctel.storage.valkey.storage", "ValkeyStorage"),
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


def require_following(rows: Sequence[RecordRow], last_seq: int) -> None:
    """Make sure that records follow on from the last one of their stream.

    Raises:
        DamagedRecordsError: They do not.
    """
    wanted = range(last_seq + 1, last_seq + 1 + len(rows))
    if [row.seq for row in rows] != list(wanted):
        got = "others"
        raise DamagedRecordsError(f"records from {last_seq + 1} on", got)


def require_last(row: RecordRow | None, stream: str, last_seq: int) -> None:
    """Make sure that the last record of a stream is there.

    Raises:
        DamagedRecordsError: It is not.
    """
    if row is None and last_seq:
        where = f"record {last_seq} of {stream}"
        raise DamagedRecordsError("the last record that was appended", "none", where)


def require_driver(module: str, extra: str) -> None:
    """Make sure that a driver can be imported.

    Raises:
        MissingExtraError: It cannot; the message names the extra.
    """
    try:
        import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"a registry in {extra}", extra) from error
