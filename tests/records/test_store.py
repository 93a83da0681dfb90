"""Record stores: accepted and refused records, erasures, and tampering."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry
from bloctel.errors import (
    DamagedRecordsError,
    InputError,
    RegistryExistsError,
    RegistryNotFoundError,
    WrongSecretError,
)
from bloctel.records.store import RecordStore
from bloctel.records.transactions import Entry, ReadTransaction
from bloctel.storage.interface import open_storage
from bloctel.testing.base import run_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bloctel.records.transactions import WriteTransaction
    from bloctel.storage.interface import Writer
    from bloctel.storage.rows import RecordRow

KEY = 33639981234
AT = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)
SECRET = b"sixteen bytes or more"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a store that does not exist yet."""
    return f"sqlite:///{tmp_path}/records.db"


@pytest.fixture
def store(url: str) -> Iterator[RecordStore]:
    """An empty store."""
    with RecordStore.create(url) as created:
        yield created


def test_a_record_is_what_was_appended(store: RecordStore) -> None:
    """Key, time and fields come back, and sequence numbers start at 1."""
    paris = timezone(timedelta(hours=2))
    with store.write() as transaction:
        first = transaction.append(
            "calls", KEY, AT, {"kind": "attempt", "tags": ["a", None]}
        )
        more = transaction.extend(
            "calls", [Entry(KEY + 1, AT.astimezone(paris), {}), Entry(None, AT, {})]
        )
        assert [record.seq for record in (first, *more)] == [1, 2, 3]
        assert transaction.of("calls", KEY) == [first]
        assert transaction.extend("calls", []) == []

    with store.read() as transaction:
        assert list(transaction.all("calls")) == [first, *more]
        assert transaction.get("calls", 2) == more[0]
        assert [transaction.get("calls", seq) for seq in (0, 4, -1)] == [None] * 3
        assert list(transaction.all("others")) == []
    assert more[0].at == AT
    assert first.fields == {"kind": "attempt", "tags": ["a", None]}


def test_a_record_hides_its_number(store: RecordStore) -> None:
    """The `repr` of a record in a log does not contain the number."""
    with store.write() as transaction:
        record = transaction.append("calls", KEY, AT, {})

    assert "9981234" not in repr(record)


@pytest.mark.parametrize(
    "said",
    [
        "06 39 98 12 34",
        "call +33 (0)6.39.98.12.34 back",
        "０６ ３９ ９８ １２ ３４",  # noqa: RUF001 - digits of full width
        ["x", {"to": "tel:+262-639-98-12-34"}],
        {"0639981234": 1},
        33639981234,
    ],
)
def test_the_number_is_not_among_the_fields(store: RecordStore, said: object) -> None:
    """Fields with the phone number are refused: erasure could not remove it there."""

    def append() -> None:
        with store.write() as transaction:
            transaction.append("calls", KEY, AT, {"note": said})

    with pytest.raises(InputError, match="fields without the phone number"):
        append()

    with store.read() as transaction:
        assert list(transaction.all("calls")) == []


@pytest.mark.parametrize(
    "stream", ["", "Calls", "erasures", "a" * 33, "1", "calls\n", "appels é"]
)
def test_a_stream_has_a_plain_name(store: RecordStore, stream: str) -> None:
    """A stream's name has plain characters; the name of the erasure log is refused."""

    def append() -> None:
        with store.write() as transaction:
            transaction.append(stream, KEY, AT, {})

    with pytest.raises(InputError, match="a stream name"):
        append()


@pytest.mark.parametrize("at", [datetime(2026, 10, 5), date(2026, 10, 5), "now", 0])  # noqa: DTZ001
def test_a_time_without_a_time_zone_is_refused(
    store: RecordStore, at: datetime
) -> None:
    """A time without a time zone is refused, because it is ambiguous."""

    def append() -> None:
        with store.write() as transaction:
            transaction.append("calls", KEY, at, {})

    with pytest.raises(InputError, match="a datetime"):
        append()


def test_missing_records_cannot_be_erased(store: RecordStore) -> None:
    """An unknown sequence number is an error, and nothing is erased."""

    def erase(*seqs: int) -> None:
        with store.write() as transaction:
            transaction.erase("calls", seqs, at=AT)

    with store.write() as transaction:
        transaction.append("calls", KEY, AT, {})
    for seqs in ((0,), (2,), (1, 2), (-1, 1)):
        with pytest.raises(InputError, match="sequence numbers from 1 to 1"):
            erase(*seqs)
    erase()

    assert store.verify("calls")[:2] == (1, 0)
    assert store.verify("erasures").records == 0


def test_erasures_are_logged(store: RecordStore) -> None:
    """The log contains stream, ranges and reason, in records of bounded size."""
    with store.write() as transaction:
        transaction.extend("calls", [Entry(KEY, AT, {}) for _ in range(1_203)])
    with store.write() as transaction:
        assert (
            transaction.erase("calls", range(1, 1_203, 2), at=AT, why="purged") == 601
        )

    with store.read() as transaction:
        logged = [record.fields for record in transaction.all("erasures")]
    assert [len(fields["seqs"]) for fields in logged if fields] == [500, 101]
    assert {fields["why"] for fields in logged if fields} == {"purged"}
    assert store.verify("calls")[:2] == (1_203, 601)


def test_run_returns_the_result_of_the_change(store: RecordStore) -> None:
    """`run` returns the result of a change; an error undoes only the failed change."""

    def fail(transaction: WriteTransaction) -> None:
        transaction.append("calls", KEY, AT, {})
        raise KeyError

    assert (
        store.run(
            lambda transaction: transaction.append("calls", KEY, AT, {"a": 1})
        ).seq
        == 1
    )
    with pytest.raises(KeyError):
        store.run(fail)
    assert store.verify("calls").records == 1


def test_threads_share_transactions(
    store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes that arrive during a commit are stored together in the next one."""
    write = store._storage.write
    began, waiting = threading.Event(), store._commits._waiting
    seqs: list[int] = []
    n_transactions = 0

    @contextmanager
    def counted() -> Iterator[Writer]:
        nonlocal n_transactions
        n_transactions += 1
        began.set()
        while n_transactions == 1 and len(waiting) < 7:
            time.sleep(0.001)
        with write() as writer:
            yield writer

    def append(thread: int) -> None:
        if thread:
            began.wait()
        made = store.run(lambda turn: turn.append("calls", KEY + thread, AT, {}))
        seqs.append(made.seq)

    monkeypatch.setattr(store._storage, "write", counted)
    run_all([partial(append, i) for i in range(8)])

    assert sorted(seqs) == list(range(1, 9))
    assert store.verify("calls").records == 8
    assert n_transactions == 2


# -- one storage, many uses ---------------------------------------------------------


def test_a_registry_and_records_share_a_storage(url: str) -> None:
    """A registry and a store can use one storage, in either order."""
    RecordStore.create(url, region="BE").close()
    with pytest.raises(RegistryExistsError):
        RecordStore.create(url)
    with Registry.open(url) as registry, RecordStore.open(url) as store:
        assert registry.region == store.region == "BE"
        registry.add_list("own")
        registry.register("+33639981234", list="own", on=date(2026, 10, 5))
        with store.write() as transaction:
            transaction.append("calls", KEY, AT, {})
        assert registry.is_blocked("+33639981234", on=date(2026, 10, 6))
        assert store.verify("calls").records == 1


def test_open_creates_nothing(tmp_path: Path) -> None:
    """A typo in a URL does not create an empty log of calls."""
    with pytest.raises(RegistryNotFoundError):
        RecordStore.open(f"sqlite:///{tmp_path}/typo.db")
    assert list(tmp_path.iterdir()) == []


def test_records_are_hidden_by_a_secret(url: str, tmp_path: Path) -> None:
    """With a secret, the file contains no phone number and no field in plain text."""
    with RecordStore.create(url, secret=SECRET) as store:
        with store.write() as transaction:
            transaction.append("calls", KEY, AT, {"note": "what was said"})
        assert store.verify("calls").records == 1
    for secret in (None, b"another secret of bytes"):
        with pytest.raises(WrongSecretError):
            RecordStore.open(url, secret=secret)
    with RecordStore.open(url, secret=SECRET) as store, store.read() as transaction:
        (record,) = transaction.of("calls", KEY)
        assert record.fields == {"note": "what was said"}

    beneath = open_storage(url)
    with beneath.read() as reader:
        (row,) = reader.records("calls", 0, 9)
    beneath.close()
    assert row.key != KEY
    data = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for trace in (b"639981234", KEY.to_bytes(5, "big"), b"what was said", b"salt"):
        assert trace not in data


# -- tampering ----------------------------------------------------------------------

TAMPERINGS = {
    "UPDATE bloctel_record SET body = replace(body, '3', '4') WHERE seq = 3": 3,
    "UPDATE bloctel_record SET key = key + 1 WHERE seq = 1": 1,
    "UPDATE bloctel_record SET at = at + 1 WHERE seq = 2 AND stream = 'calls'": 2,
    "UPDATE bloctel_record SET body = NULL, key = NULL WHERE seq = 4": 4,
    "UPDATE bloctel_record SET at = 1 << 62 WHERE seq = 2 AND stream = 'calls'": 2,
    "DELETE FROM bloctel_record WHERE seq = 1 AND stream = 'calls'": 2,
    "DELETE FROM bloctel_record WHERE seq = 3": 4,
    "DELETE FROM bloctel_record WHERE seq = 5": 5,
    "DELETE FROM bloctel_record WHERE stream = 'calls'": 5,
    "DELETE FROM bloctel_record WHERE stream = 'erasures'": 2,
    "UPDATE bloctel_record SET stream = 'others' WHERE seq = 5": 5,
    "UPDATE bloctel_record SET seq = 9 WHERE seq = 5": 9,
    "UPDATE bloctel_record SET at = 7 WHERE stream = 'erasures'": 1,
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_with_the_database_is_found(
    store: RecordStore, url: str, tampering: str
) -> None:
    """Verification names the first damaged record."""
    with store.write() as transaction:
        transaction.extend("calls", [Entry(KEY, AT, {"i": f"{i}33"}) for i in range(5)])
        transaction.erase("calls", [2], at=AT)
    store.verify("calls")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw, raw:
        assert raw.execute(tampering).rowcount >= 1

    with pytest.raises(DamagedRecordsError) as caught:
        store.verify("calls")

    assert caught.value.where is not None
    assert caught.value.where.startswith(f"record {TAMPERINGS[tampering]} of ")


def test_a_record_can_be_added_during_the_verification(
    store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Valkey, a read transaction sees records that others add in the meantime."""
    with store.write() as transaction:
        transaction.extend("calls", [Entry(KEY, AT, {}), Entry(KEY, AT, {})])
    rows_of = ReadTransaction.rows

    def rows(transaction: ReadTransaction, stream: str) -> Iterator[RecordRow]:
        yield from islice(rows_of(transaction, stream), 1)

    monkeypatch.setattr(ReadTransaction, "rows", rows)
    assert store.verify("calls").records == 1


def test_a_saved_digest_reveals_a_rewritten_stream(store: RecordStore) -> None:
    """A rewritten stream does not have the digest that was saved elsewhere."""
    with store.write() as transaction:
        noted = transaction.append("calls", KEY, AT, {"outcome": "answered"})
    forged = RecordStore.create("memory:")
    with forged.write() as transaction:
        transaction.append("calls", KEY, AT, {"outcome": "answered"})
        transaction.append("calls", KEY, AT, {})

    assert store.verify("calls", known=(1, noted.digest)).digest == noted.digest
    with pytest.raises(DamagedRecordsError, match="its digest has changed"):
        forged.verify("calls", known=(1, noted.digest))
    with pytest.raises(DamagedRecordsError, match=r"missing \(the last record is 7\)"):
        store.verify("calls", known=(7, noted.digest))


def test_appending_detects_that_the_last_record_is_missing(
    store: RecordStore, url: str
) -> None:
    """A truncated log does not accept more records."""
    with store.write() as transaction:
        transaction.append("calls", KEY, AT, {})
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw, raw:
        raw.execute("DELETE FROM bloctel_record")

    with pytest.raises(DamagedRecordsError, match="the record is missing"):
        store.run(lambda transaction: transaction.append("calls", KEY, AT, {}))


def test_restored_records_are_found(store: RecordStore, url: str) -> None:
    """Restoring an erased row from a backup is detected."""
    with store.write() as transaction:
        transaction.append("calls", KEY, AT, {})
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as raw:
        row = raw.execute("SELECT key, body FROM bloctel_record").fetchone()
    with store.write() as transaction:
        transaction.erase("calls", [1], at=AT)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(
            "UPDATE bloctel_record SET key = ?, body = ? WHERE stream = 'calls'", row
        )

    with pytest.raises(DamagedRecordsError, match="was erased, but is not empty"):
        store.verify("calls")
