"""A storage that sees no number and no contact: both are hidden on their way in.

It wraps any other storage, which gets and gives pseudonyms where it would get and give
keys.  A registry made so holds the secret's fingerprint among its settings, and is
neither read nor written under another secret: every number of it would look clear.

Settings are sealed as well: the key that signs tokens is among them, and with it one
could forge tokens, and try out who a person is.

Bodies of records are sealed too: with the salt in one, and its digest beside, one could
try out which number it is about.

Prefix rules pass as they are, for a range of numbers is nobody's.  So do lists and
days, what stands for a person, when what a record tells of happened, and how often all
of these occur.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np

from bloctel.errors import WrongSecretError
from bloctel.storage.pseudonyms import Pseudonyms
from bloctel.storage.rows import (
    Columns,
    Event,
    Found,
    RecordRow,
    Registration,
    RequestRow,
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

    from numpy.typing import NDArray

    from bloctel.storage.interface import Reader, Storage, Watcher, Writer
    from bloctel.storage.rows import NewRegistrations, PrefixRow, StoredList

    _Change: TypeAlias = Callable[[NDArray[np.uint64]], NDArray[np.uint64]]

__all__ = ["FINGERPRINT", "PseudonymousStorage", "require_plain"]

#: The name of the setting that holds the fingerprint of the secret.
FINGERPRINT: Final = "pseudonyms"

#: What the values of sealed settings begin with; a storage has settings of its own.
_SEALED: Final = "sealed:"

#: Rows whose keys are changed at once.
_PART: Final = 10_000

_Row = TypeVar("_Row", Registration, Event, RequestRow, RecordRow)


def require_plain(settings: Mapping[str, str]) -> None:
    """Make sure that a registry can be read without a secret.

    Args:
        settings: What the storage was created with.

    Raises:
        WrongSecretError: Its numbers are hidden.
    """
    if FINGERPRINT in settings:
        raise WrongSecretError(
            "the secret that the registry's numbers are hidden by", "none"
        )


class PseudonymousStorage:
    """A storage whose numbers and contacts are hidden under a secret.

    Its transactions and look-ups raise WrongSecretError where `check` does.

    Args:
        storage: Where the registry is kept.
        secret: At least 16 bytes that nobody can guess.

    Raises:
        InputError: The secret is too short, or no bytes.
        MissingExtraError: The extra `secrets` is not installed.
    """

    def __init__(self, storage: Storage, secret: bytes) -> None:
        self._storage = storage
        self._pseudonyms = Pseudonyms(secret)
        self._recognised = False

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry that knows its secret again.

        Raises:
            RegistryExistsError: There is one already.
            StorageError: It cannot be made.
        """
        seal = self._pseudonyms.seal
        sealed = {name: _SEALED + seal(value) for name, value in settings.items()}
        fingerprint = self._pseudonyms.fingerprint()
        self._storage.create({**sealed, FINGERPRINT: fingerprint})

    def check(self) -> None:
        """Make sure that there is a registry that this secret can read.

        Raises:
            WrongSecretError: Its numbers are hidden by another secret, or by none.
            StorageError: What `Storage.check` raises.
        """
        self._storage.check()
        with self.read():
            pass

    def migrate(self) -> None:
        """Bring a registry to the form of this version, as `Storage.migrate` does."""
        self._storage.migrate()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Open a reading transaction.

        Raises:
            WrongSecretError: The numbers are hidden by another secret, or by none.
        """
        with self._storage.read() as reader:
            self._recognise(reader)
            yield _Reader(reader, self._pseudonyms)

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Open a writing transaction.

        Raises:
            WrongSecretError: The numbers are hidden by another secret, or by none.
            StorageBusyError: Another writer took too long.
        """
        with self._storage.write() as writer:
            self._recognise(writer)
            yield _Writer(writer, self._pseudonyms)

    def lookup(self, keys: Collection[int]) -> Found:
        """Return all registrations of these numbers, in one round trip.

        Only the first look-up of all makes sure of the secret, if nothing did before.

        Raises:
            WrongSecretError: The numbers are hidden by another secret, or by none.
        """
        if not self._recognised:
            self.check()
        rows, complete_from = self._storage.lookup(_hidden(keys, self._pseudonyms))
        return Found(list(_changed(rows, self._pseudonyms.show)), complete_from)

    def watch(self) -> Watcher:
        """Return what waits for changes."""
        return self._storage.watch()

    def close(self) -> None:
        """Release connections and files."""
        self._storage.close()

    def _recognise(self, reader: Reader) -> None:
        got = reader.settings().get(FINGERPRINT)
        if got != self._pseudonyms.fingerprint():
            raise WrongSecretError(
                "a registry whose numbers are hidden by the secret given",
                "one whose numbers are plain"
                if got is None
                else "one whose numbers are hidden by another secret",
            )
        self._recognised = True


class _Reader:
    """A `Reader` that shows what another holds hidden."""

    def __init__(self, reader: Reader, pseudonyms: Pseudonyms) -> None:
        self._reader = reader
        self._pseudonyms = pseudonyms

    def settings(self) -> dict[str, str]:
        unseal = self._pseudonyms.unseal
        return {
            name: unseal(value.removeprefix(_SEALED))
            if value.startswith(_SEALED)
            else value
            for name, value in self._reader.settings().items()
            if name != FINGERPRINT
        }

    def lists(self) -> tuple[StoredList, ...]:
        return self._reader.lists()

    def last_change(self) -> int:
        return self._reader.last_change()

    def changes(self, since: int, limit: int) -> list[Event]:
        return self._shown(self._reader.changes(since, limit))

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        return self._shown(self._reader.registrations_of(self._hidden(keys)))

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        parts = self._reader.registrations(
            list_id, ends_from=ends_from, ends_before=ends_before
        )
        return map(self._shown, parts)

    def columns(self) -> Iterator[Columns]:
        show = self._pseudonyms.show
        return (replace(part, keys=show(part.keys)) for part in self._reader.columns())

    def prefixes(self) -> list[PrefixRow]:
        return self._reader.prefixes()

    def request(self, id: str) -> RequestRow | None:
        row = self._reader.request(id)
        return row and self._unsealed([row])[0]

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        return self._unsealed(self._reader.requests_by(list_id, person))

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        return self._unsealed(self._reader.requests_of(list_id, self._hidden(keys)))

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        return self._told(self._reader.records_of(stream, self._hidden(keys)))

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        return self._told(self._reader.records(stream, after, limit))

    def last_record(self, stream: str) -> RecordRow | None:
        row = self._reader.last_record(stream)
        return row and self._told([row])[0]

    def _told(self, rows: list[RecordRow]) -> list[RecordRow]:
        unseal = self._pseudonyms.unseal
        return [
            row if row.body is None else row._replace(body=unseal(row.body))
            for row in self._shown(rows)
        ]

    def _hidden(self, keys: Collection[int]) -> list[int]:
        return _hidden(keys, self._pseudonyms)

    def _shown(self, rows: Iterable[_Row]) -> list[_Row]:
        return list(_changed(rows, self._pseudonyms.show))

    def _unsealed(self, rows: list[RequestRow]) -> list[RequestRow]:
        unseal = self._pseudonyms.unseal
        return [row._replace(contact=unseal(row.contact)) for row in self._shown(rows)]


class _Writer(_Reader):
    """A `Writer` that hides what another stores."""

    def __init__(self, writer: Writer, pseudonyms: Pseudonyms) -> None:
        super().__init__(writer, pseudonyms)
        self._writer = writer

    def add_list(self, name: str) -> StoredList:
        return self._writer.add_list(name)

    def add(self, parts: Iterable[NewRegistrations]) -> int:
        hide = self._pseudonyms.hide
        return self._writer.add(replace(part, keys=hide(part.keys)) for part in parts)

    def update(self, registrations: Iterable[Registration]) -> None:
        self._writer.update(_changed(registrations, self._pseudonyms.hide))

    def erase(self, registrations: Iterable[Registration]) -> None:
        self._writer.erase(_changed(registrations, self._pseudonyms.hide))

    def set_complete_from(self, list_id: int, day: int) -> None:
        self._writer.set_complete_from(list_id, day)

    def log(self, events: Iterable[Event]) -> None:
        self._writer.log(_changed(events, self._pseudonyms.hide))

    def trim(self, before: int) -> int:
        return self._writer.trim(before)

    def begin_anew(self) -> None:
        self._writer.begin_anew()

    def set_prefix(self, row: PrefixRow) -> None:
        self._writer.set_prefix(row)

    def drop_prefix(self, row: PrefixRow) -> None:
        self._writer.drop_prefix(row)

    def save_request(self, row: RequestRow) -> None:
        hidden = self._pseudonyms.hide_one(row.key)
        sealed = self._pseudonyms.seal(row.contact)
        self._writer.save_request(row._replace(key=hidden, contact=sealed))

    def drop_requests(self, expired_before: int) -> None:
        self._writer.drop_requests(expired_before)

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        seal = self._pseudonyms.seal
        hidden = _changed(rows, self._pseudonyms.hide)
        self._writer.append_records(
            [
                row if row.body is None else row._replace(body=seal(row.body))
                for row in hidden
            ]
        )

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        self._writer.erase_records(stream, seqs)


def _hidden(keys: Collection[int], pseudonyms: Pseudonyms) -> list[int]:
    """Return the pseudonyms of these numbers."""
    hidden: list[int] = pseudonyms.hide(
        np.fromiter(keys, np.uint64, len(keys))
    ).tolist()
    return hidden


def _changed(rows: Iterable[_Row], change: _Change) -> Iterator[_Row]:
    """Yield rows with their keys changed, many at once; one without a key stays."""
    left = iter(rows)
    while part := list(islice(left, _PART)):
        keys = np.array([row.key or 0 for row in part], np.uint64)
        for row, key in zip(part, change(keys).tolist(), strict=True):
            yield row if row.key is None else row._replace(key=key)
