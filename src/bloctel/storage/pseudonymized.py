"""Wrapper of a storage, which encrypts numbers and texts with a secret.

The wrapped storage gets pseudonyms instead of numbers, and encrypted contacts.  The
settings of the registry contain a fingerprint of the secret.  With another secret, the
registry cannot be opened: otherwise every number would seem to be on no list.

Settings are encrypted too: with the key that signs tokens, an attacker could forge
tokens and guess contacts.  Bodies of records are encrypted too: with the salt in a
body, an attacker could compute the digest of each phone number until one is equal.

All other data is not encrypted: lists, days, prefix rules, the identifiers of persons,
the times of records, and the count of rows in each table.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from typing import Final, TypeVar

import numpy as np

from bloctel.errors import WrongSecretError
from bloctel.storage.interface import MAX_LAG_SECONDS, Reader, Storage, Writer
from bloctel.storage.pseudonyms import Pseudonyms
from bloctel.storage.rows import (
    Columns,
    Event,
    Found,
    NewRegistrations,
    Position,
    RecordRow,
    Registration,
    RequestRow,
    in_parts,
)

#: The setting with the fingerprint of the secret.
FINGERPRINT: Final = "pseudonyms"

#: The value of an encrypted setting begins with this text.
_SEALED: Final = "sealed:"

#: The number of rows that are encrypted or decrypted at once.
_PART: Final = 10_000

#: For each row type, the name of its text field that is encrypted.
_TEXT_FIELDS: Final[dict[type, str]] = {RequestRow: "contact", RecordRow: "body"}

_Row = TypeVar("_Row", Registration, Event, RequestRow, RecordRow)


def require_plain(settings: Mapping[str, str]) -> None:
    """Raise WrongSecretError if the numbers of a registry are encrypted."""
    if FINGERPRINT in settings:
        expected, got = "the secret of the registry", "no secret"
        message = "the numbers of this registry are encrypted: give its secret"
        raise WrongSecretError(expected, got, message=message)


class PseudonymousStorage:
    """Storage whose numbers and contacts are encrypted with a secret.

    The method `check`, each transaction and each look-up raise WrongSecretError if the
    numbers are encrypted with another secret, or are not encrypted.
    """

    def __init__(self, storage: Storage, secret: bytes) -> None:
        self._storage = storage
        self._pseudonyms = Pseudonyms(secret)
        self._is_recognised = False
        # these attributes and methods need no secret
        self.busy_seconds = storage.busy_seconds
        self.files = storage.files
        self.backup = storage.backup
        self.write_heartbeat = storage.write_heartbeat
        self.watch = storage.watch
        self.close = storage.close

    def create(self, settings: Mapping[str, str]) -> None:
        seal = self._pseudonyms.seal
        sealed = {name: _SEALED + seal(value) for name, value in settings.items()}
        fingerprint = self._pseudonyms.fingerprint()
        self._storage.create({**sealed, FINGERPRINT: fingerprint})

    def check(self, *, restored: bool = False) -> None:
        self._storage.check(restored=restored)
        with self.read(max_lag_seconds=inf):
            pass

    @contextmanager
    def read(self, *, max_lag_seconds: float = MAX_LAG_SECONDS) -> Iterator[Reader]:
        with self._storage.read(max_lag_seconds=max_lag_seconds) as reader:
            self._recognise(reader)
            yield _Reader(reader, self._pseudonyms)

    @contextmanager
    def write(self) -> Iterator[Writer]:
        with self._storage.write() as writer:
            self._recognise(writer)
            yield _Writer(writer, self._pseudonyms)

    def lookup(self, keys: Collection[int], position: Position) -> Found:
        if not self._is_recognised:  # only the first look-up checks the secret
            self.check()
        hidden = _hidden_keys(keys, self._pseudonyms)
        found = self._storage.lookup(hidden, position)
        rows = list(_converted(found.registrations, self._pseudonyms, hide=False))
        return found._replace(registrations=rows)

    def _recognise(self, reader: Reader) -> None:
        stored = reader.settings().get(FINGERPRINT)
        if stored != self._pseudonyms.fingerprint():
            got = "not encrypted" if stored is None else "encrypted with another secret"
            how = "without a secret" if stored is None else "with that secret"
            raise WrongSecretError(
                "a registry whose numbers are encrypted with the given secret",
                f"a registry whose numbers are {got}",
                message=f"the numbers of this registry are {got}: open it {how}",
            )
        self._is_recognised = True


class _Reader:
    """Reader that decrypts the numbers and texts that the wrapped reader returns."""

    def __init__(self, reader: Reader, pseudonyms: Pseudonyms) -> None:
        self._reader = reader
        self._pseudonyms = pseudonyms
        # these methods return nothing that is encrypted
        self.lists = reader.lists
        self.position = reader.position
        self.token = reader.token
        self.lag = reader.lag
        self.prefixes = reader.prefixes

    def settings(self) -> dict[str, str]:
        unseal = self._pseudonyms.unseal
        return {
            name: unseal(value.removeprefix(_SEALED))
            if value.startswith(_SEALED)
            else value
            for name, value in self._reader.settings().items()
            if name != FINGERPRINT
        }

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

    def columns(self, keys: range | None = None) -> Iterator[Columns]:
        show = self._pseudonyms.show  # read all: encryption changes the order of keys
        for part in self._reader.columns():
            yield replace(part, keys=show(part.keys)).within(keys)

    def request(self, id: str) -> RequestRow | None:
        row = self._reader.request(id)
        return row and self._shown([row])[0]

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        return self._shown(self._reader.requests_by(list_id, person))

    def requests_of(
        self, list_id: int, keys: Collection[int] | None
    ) -> list[RequestRow]:
        hidden = None if keys is None else self._hidden(keys)
        return self._shown(self._reader.requests_of(list_id, hidden))

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        return self._shown(self._reader.records_of(stream, self._hidden(keys)))

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        return self._shown(self._reader.records(stream, after, limit))

    def last_record(self, stream: str) -> RecordRow | None:
        row = self._reader.last_record(stream)
        return row and self._shown([row])[0]

    def _hidden(self, keys: Collection[int]) -> list[int]:
        return _hidden_keys(keys, self._pseudonyms)

    def _shown(self, rows: Iterable[_Row]) -> list[_Row]:
        return list(_converted(rows, self._pseudonyms, hide=False))


class _Writer(_Reader):
    """Writer that encrypts numbers and texts; another writer then stores them."""

    def __init__(self, writer: Writer, pseudonyms: Pseudonyms) -> None:
        super().__init__(writer, pseudonyms)
        self._writer = writer
        # these methods write nothing that must be encrypted
        self.add_list = writer.add_list
        self.update_list = writer.update_list
        self.trim_journal = writer.trim_journal
        self.set_prefix = writer.set_prefix
        self.drop_prefix = writer.drop_prefix
        self.drop_expired_requests = writer.drop_expired_requests
        self.erase_records = writer.erase_records

    def add_registrations(self, parts: Iterable[NewRegistrations]) -> int:
        hide = self._pseudonyms.hide
        hidden = (replace(part, keys=hide(part.keys)) for part in parts)
        return self._writer.add_registrations(hidden)

    def update_registrations(self, registrations: Iterable[Registration]) -> None:
        self._writer.update_registrations(self._hidden_rows(registrations))

    def erase_registrations(self, registrations: Iterable[Registration]) -> None:
        self._writer.erase_registrations(self._hidden_rows(registrations))

    def append_events(self, events: Iterable[Event]) -> None:
        self._writer.append_events(self._hidden_rows(events))

    def save_request(self, row: RequestRow) -> None:
        self._writer.save_request(next(self._hidden_rows([row])))

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        self._writer.append_records(list(self._hidden_rows(rows)))

    def _hidden_rows(self, rows: Iterable[_Row]) -> Iterator[_Row]:
        return _converted(rows, self._pseudonyms, hide=True)


def _hidden_keys(keys: Collection[int], pseudonyms: Pseudonyms) -> list[int]:
    column = np.fromiter(keys, np.uint64, len(keys))
    hidden: list[int] = pseudonyms.hide(column).tolist()
    return hidden


def _converted(
    rows: Iterable[_Row], pseudonyms: Pseudonyms, *, hide: bool
) -> Iterator[_Row]:
    """Yield rows with their keys and texts encrypted, or decrypted if not *hide*."""
    convert_keys = pseudonyms.hide if hide else pseudonyms.show
    convert_text = pseudonyms.seal if hide else pseudonyms.unseal
    for part in in_parts(rows, _PART):
        field = _TEXT_FIELDS.get(type(part[0]))
        keys = np.array([row.key or 0 for row in part], np.uint64)
        for row, key in zip(part, convert_keys(keys).tolist(), strict=True):
            changes = {} if row.key is None else {"key": key}
            if field and (text := getattr(row, field)) is not None:
                changes[field] = convert_text(text)
            yield row._replace(**changes)
