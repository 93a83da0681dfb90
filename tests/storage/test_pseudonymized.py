"""Storage decorator: same results as without a secret, and no number in the file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bloctel.errors import (
    CursorPurgedError,
    InputError,
    RegistryExistsError,
    RegistryNotFoundError,
    WrongSecretError,
)
from bloctel.periods import NO_END
from bloctel.storage.interface import open_storage
from bloctel.storage.pseudonymized import (
    FINGERPRINT,
    PseudonymousStorage,
    require_plain,
)
from bloctel.storage.pseudonyms import Pseudonyms
from bloctel.storage.rows import (
    ChangeKind,
    Event,
    NewRegistrations,
    Position,
    PrefixRow,
    Registration,
    RequestRow,
    StoredList,
)
from bloctel.testing.base import look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel.storage.interface import Reader, Storage

SECRET = bytes(range(32))
OTHER = SECRET[::-1]
KEYS = [33639981234, 33639985678, 33199001234, 33261911234, 33536491234]
KEY, ERASED, *_ = KEYS
CONTACT = "zoe@example.org"
TOKEN_KEY = "c0ffee" * 8
DAY = 19_700
REQUEST = RequestRow("0" * 32, ChangeKind.REGISTERED, 1, KEY, "p" * 32, CONTACT, 99)
PREFIX = PrefixRow(1, 33162, DAY, NO_END, blocks=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a storage that does not exist yet."""
    return f"sqlite:///{tmp_path}/hidden.db"


@pytest.fixture
def inner(url: str) -> Iterator[Storage]:
    """The wrapped storage."""
    storage = open_storage(url)
    yield storage
    storage.close()


@pytest.fixture
def hidden(inner: Storage) -> Storage:
    """A storage under a secret that contains a row of each kind."""
    storage = PseudonymousStorage(inner, SECRET)
    fill(storage)
    return storage


def new(keys: list[int], on: int = DAY) -> NewRegistrations:
    """Registrations of the first list, without an end."""
    days = np.full(len(keys), on)
    ends = np.full(len(keys), NO_END)
    return NewRegistrations(1, np.array(keys, np.uint64), days, days, ends)


def fill(storage: Storage) -> None:
    """Create a registry, and call each method that writes."""
    storage.create({"region": "FR", "token_key": TOKEN_KEY})
    with storage.write() as writer:
        assert writer.add_list("own", None).id == 1
        assert writer.add_registrations(iter([new(KEYS[:2]), new(KEYS)])) == len(KEYS)
        writer.set_prefix(PREFIX)
        writer.set_prefix(PREFIX._replace(prefix=33163))
        writer.save_request(REQUEST)
        writer.save_request(REQUEST._replace(id="1" * 32, key=ERASED))
        writer.save_request(REQUEST._replace(id="2" * 32, expires_at=7))
    with storage.write() as writer:
        writer.update_registrations([Registration(1, KEY, DAY, DAY, DAY + 9, DAY + 9)])
        writer.erase_registrations([Registration(1, ERASED, DAY, DAY, NO_END)])
        writer.update_list(StoredList(1, "own", None, DAY))
        writer.append_events(
            [
                Event(0, ChangeKind.WITHDRAWN, 1, KEY, DAY + 9),
                Event(0, ChangeKind.PURGED, 1, None, DAY + 9),
            ]
        )
        writer.drop_prefix(PREFIX._replace(prefix=33163))
        writer.drop_expired_requests(8)


def everything(reader: Reader) -> dict[str, object]:
    """Return the result of each method that reads, in a stable order."""
    parts = reader.registrations(1, ends_from=None, ends_before=None)
    ended = reader.registrations(1, ends_from=DAY, ends_before=NO_END)
    rows = [
        row
        for part in reader.columns()
        for row in zip(
            part.list_ids.tolist(),
            part.keys.tolist(),
            part.starts_on.tolist(),
            part.ends_on.tolist(),
            strict=True,
        )
    ]
    # the storage may return the changes in any order, so sort them
    events = sorted(str(event[1:]) for event in reader.changes(0, 100))
    return {
        "settings": reader.settings(),
        "lists": reader.lists(),
        "changes": events,
        "last changes": [event[1:] for event in reader.changes(len(KEYS) + 2, 100)],
        "of": sorted(reader.registrations_of(KEYS[:3])),
        "none": reader.registrations_of([]),
        "all": sorted(row for part in parts for row in part),
        "ended": [row for part in ended for row in part],
        "columns": sorted(rows),
        "prefixes": reader.prefixes(),
        "request": reader.request(REQUEST.id),
        "no request": reader.request("3" * 32),
        "requests by": reader.requests_by(1, REQUEST.person),
        "requests of": reader.requests_of(1, KEYS),
    }


def test_reading_gives_the_same_with_and_without_a_secret(
    hidden: Storage, tmp_path: Path
) -> None:
    """Each method gives the same result with a secret as without it."""
    plain = open_storage(f"sqlite:///{tmp_path}/plain.db")
    fill(plain)

    with plain.read() as reader:
        expected = everything(reader)
    with hidden.read() as reader:
        assert everything(reader) == expected
    with hidden.write() as writer:
        assert everything(writer) == expected
    assert sorted(look_up(hidden, KEYS)[0]) == sorted(look_up(plain, KEYS)[0])
    assert KEY in {row.key for row in look_up(hidden, [KEY])[0]}
    assert look_up(hidden, [33639980000])[0] == []
    plain.close()


def test_many_rows_are_converted_row_by_row(inner: Storage) -> None:
    """Rows that are hidden in one batch keep their own days."""
    storage = PseudonymousStorage(inner, SECRET)
    storage.create({})
    keys = list(range(33639960000, 33639990000))
    with storage.write() as writer:
        writer.add_list("own", None)
        writer.add_registrations([new(keys)])
        writer.update_registrations(
            Registration(1, key, DAY, DAY, DAY + key % 1000) for key in keys
        )

    found = look_up(storage, keys).registrations

    assert sorted((row.key, row.ends_on) for row in found) == [
        (key, DAY + key % 1000) for key in keys
    ]


def test_an_error_undoes_the_transaction(hidden: Storage) -> None:
    """A transaction is all or nothing, as without a secret."""
    with hidden.read() as reader:
        before = everything(reader)

    def fail() -> None:
        with hidden.write() as writer:
            writer.add_registrations([new([33639980001])])
            raise InputError("nothing", "an error")

    with pytest.raises(InputError, match="an error"):
        fail()

    with hidden.read() as reader:
        assert everything(reader) == before


def test_calls_without_numbers_are_passed_on(inner: Storage) -> None:
    """Calls without phone numbers, such as `close`, go to the wrapped storage."""
    storage = PseudonymousStorage(inner, SECRET)
    with pytest.raises(RegistryNotFoundError):
        storage.check()
    fill(storage)

    with pytest.raises(RegistryExistsError):
        storage.create({})
    storage.check()
    with storage.write() as writer:
        assert writer.trim_journal(10**9) > 0
    with storage.read() as reader, pytest.raises(CursorPurgedError):
        reader.changes(0, 100)
    watcher = storage.watch()
    watcher.wait_for_change(0)
    watcher.close()
    storage.close()


# -- the secret ----------------------------------------------------------------


def _read(storage: Storage) -> None:
    with storage.read():
        pytest.fail("it was read")


def _write(storage: Storage) -> None:
    with storage.write():
        pytest.fail("it was written")


USES: list[Callable[[Storage], object]] = [
    lambda storage: storage.check(),
    lambda storage: storage.lookup([KEY], Position(0, 0)),
    _read,
    _write,
]


@pytest.mark.parametrize("use", USES, ids=["check", "lookup", "read", "write"])
def test_another_secret_is_refused(
    use: Callable[[Storage], object], hidden: Storage, inner: Storage
) -> None:
    """Under a wrong secret every number would look clear, so there is no answer."""
    with pytest.raises(WrongSecretError) as caught:
        use(PseudonymousStorage(inner, OTHER))

    assert str(caught.value) == (
        "the numbers of this registry are encrypted with another secret: "
        "open it with that secret"
    )


@pytest.mark.parametrize("use", USES, ids=["check", "lookup", "read", "write"])
def test_a_secret_for_a_plain_registry_is_refused(
    use: Callable[[Storage], object], inner: Storage
) -> None:
    """A secret is refused for a registry whose numbers were stored in plain text."""
    inner.create({"region": "FR"})

    with pytest.raises(WrongSecretError, match="are not encrypted: open it without"):
        use(PseudonymousStorage(inner, SECRET))


def test_a_replaced_registry_is_noticed(hidden: Storage, url: str) -> None:
    """Each transaction checks the secret, not only the first transaction."""
    hidden.check()
    with sqlite3.connect(_path(url)) as connection:
        connection.execute(
            "UPDATE bloctel_setting SET value = ? WHERE name = ?",
            (Pseudonyms(OTHER).fingerprint(), FINGERPRINT),
        )
    connection.close()

    with pytest.raises(WrongSecretError):
        _read(hidden)


def test_hidden_numbers_without_a_secret_are_refused(
    hidden: Storage, inner: Storage
) -> None:
    """A registry with hidden numbers is refused if no secret is given."""
    require_plain({"region": "FR"})
    with inner.read() as reader, pytest.raises(WrongSecretError) as caught:
        require_plain(reader.settings())

    message = "the numbers of this registry are encrypted: give its secret"
    assert str(caught.value) == message


# -- the wrapped storage ---------------------------------------------------------


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _files(url: str) -> list[Path]:
    """Return the file of a storage, its write-ahead log and similar files."""
    path = _path(url)
    return sorted(path.parent.glob(f"{path.name}*"))


def _traces(key: int) -> Iterator[bytes]:
    """Yield the ways in which a file could contain a number."""
    national = str(key)[2:]
    grouped = " ".join(["0" + national[0], *_pairs(national[1:])])
    for text in (national, grouped, f"{key:x}", f"{key:X}"):
        for encoding in ("utf-8", "utf-16-le"):
            yield text.encode(encoding)
    yield key.to_bytes(5, "little")
    yield key.to_bytes(5, "big")


def _pairs(digits: str) -> list[str]:
    return [digits[at : at + 2] for at in range(0, len(digits), 2)]


def _found(data: bytes) -> set[object]:
    """Return the hidden values that these bytes contain."""
    found: set[object] = {
        key for key in KEYS if any(trace in data for trace in _traces(key))
    }
    return found | {t for t in (CONTACT, TOKEN_KEY) if t.encode() in data}


def test_the_file_contains_no_number_and_no_contact(hidden: Storage, url: str) -> None:
    """A stolen file shows no number in any form, no contact and no key."""
    data = b"".join(file.read_bytes() for file in _files(url))

    assert len(data) > 4096
    assert b"own" in data
    assert _found(data) == set()


def test_the_search_finds_what_is_not_hidden(inner: Storage, url: str) -> None:
    """Without a secret the same search finds all stored values."""
    fill(inner)
    data = b"".join(file.read_bytes() for file in _files(url))

    assert _found(data) >= {KEY, *KEYS[2:], CONTACT, TOKEN_KEY}


def test_the_wrapped_storage_returns_no_number(hidden: Storage, inner: Storage) -> None:
    """The tables of the wrapped storage have pseudonyms and sealed contacts."""
    with inner.read() as reader:
        beneath = everything(reader)
        (part,) = reader.columns()
        events = reader.changes(0, 100)
        rows = reader.requests_by(1, REQUEST.person)

    assert not {*part.keys.tolist()} & {*KEYS}
    assert not {event.key for event in events} & {*KEYS}
    assert not {row.key for row in rows} & {*KEYS}
    assert not {row.contact for row in rows} & {CONTACT}
    assert beneath["of"] == beneath["requests of"] == []
    assert look_up(inner, KEYS)[0] == []
    assert beneath["prefixes"] == [PREFIX]
