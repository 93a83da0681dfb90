"""The hash chain reveals every alteration of a stream."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bloctel._util.instants import END, from_microseconds, to_microseconds
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.records.hash_chain import (
    HashChain,
    content_of,
    digest_of,
    fields_of,
    following,
    new_body,
)
from bloctel.records.store import RecordStore
from bloctel.storage.memory import MemoryStorage
from bloctel.storage.rows import RecordRow

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = 33639981234  # 06 39 98 12 34, of a range that is reserved for fiction
AT = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner),
    max_leaves=6,
)
fields = st.dictionaries(texts.filter(lambda name: name != "salt"), values, max_size=4)


def filled(n: int, erased: set[int]) -> tuple[RecordStore, MemoryStorage]:
    """Return a store with a stream of *n* records, some of them erased."""
    storage = MemoryStorage()
    storage.create({"region": "FR"})
    store = RecordStore(storage)
    with store.write() as transaction:
        for i in range(n):
            transaction.append("calls", KEY + i % 3, AT + timedelta(hours=i), {"i": i})
        transaction.erase("calls", sorted(erased), at=AT)
    return store, storage


def rows_of(storage: MemoryStorage, stream: str = "calls") -> list[RecordRow]:
    """Return the stored rows in a list; a test can alter the storage through it."""
    assert storage._content is not None
    return storage._content.records[stream]


def other_hex(text: str) -> str:
    """Return another digest."""
    return secrets.token_hex(len(text) // 2)


ALTERATIONS: dict[str, Callable[[RecordRow], RecordRow]] = {
    "key": lambda row: row._replace(key=(row.key or KEY) + 1),
    "no key": lambda row: row._replace(key=None if row.key else KEY),
    "at": lambda row: row._replace(at=row.at + 1),
    "body": lambda row: row._replace(body=new_body({"i": -1})),
    "body's spelling": lambda row: row._replace(body=f"{row.body or '{}'} "),
    "no body": lambda row: row._replace(key=None, body=None if row.body else "{}"),
    "content": lambda row: row._replace(content=other_hex(row.content)),
    "digest": lambda row: row._replace(digest=other_hex(row.digest)),
    "sequence number": lambda row: row._replace(seq=row.seq + 1),
    "body and content": lambda row: row._replace(
        key=KEY, body="{}", content=content_of(KEY, row.at, "{}")
    ),
}


@given(st.data(), st.sampled_from(sorted(ALTERATIONS)))
def test_every_altered_record_is_found(data: st.DataObject, how: str) -> None:
    """Verification stops at the altered record, whatever was altered."""
    n = data.draw(st.integers(1, 8))
    erased = data.draw(st.sets(st.integers(1, n)))
    store, storage = filled(n, erased)
    seq = data.draw(st.integers(1, n))
    rows = rows_of(storage)
    rows[seq - 1] = ALTERATIONS[how](rows[seq - 1])

    with pytest.raises(DamagedRecordsError) as caught:
        store.verify("calls")

    assert caught.value.where is not None
    named = int(caught.value.where.split()[1])
    assert named == (seq + 1 if how == "sequence number" else seq)


@given(st.data())
def test_every_dropped_record_is_found(data: st.DataObject) -> None:
    """A missing record leaves a gap in the sequence numbers."""
    n = data.draw(st.integers(2, 8))
    store, storage = filled(n, set())
    seq = data.draw(st.integers(1, n - 1))
    del rows_of(storage)[seq - 1]

    with pytest.raises(DamagedRecordsError, match=f"record {seq} is missing"):
        store.verify("calls")


@given(st.data())
def test_swapped_records_are_found(data: st.DataObject) -> None:
    """Swapped records are found, even if each keeps its old sequence number."""
    n = data.draw(st.integers(2, 8))
    erased = data.draw(st.sets(st.integers(1, n)))
    store, storage = filled(n, erased)
    one, other = sorted(
        data.draw(st.sets(st.integers(0, n - 1), min_size=2, max_size=2))
    )
    rows = rows_of(storage)
    seqs = rows[one].seq, rows[other].seq
    if data.draw(st.booleans()):
        seqs = seqs[::-1]
    moved = rows[other]._replace(seq=seqs[0]), rows[one]._replace(seq=seqs[1])
    rows[one], rows[other] = moved

    with pytest.raises(DamagedRecordsError):
        store.verify("calls")


@given(st.data())
def test_inserted_records_are_found(data: st.DataObject) -> None:
    """An inserted record with a valid digest breaks the link after it."""
    n = data.draw(st.integers(2, 6))
    store, storage = filled(n, set())
    seq = data.draw(st.integers(1, n - 1))
    rows = rows_of(storage)
    before = rows[seq - 1]
    forged = following((before.seq, before.digest), "calls", KEY, 0, new_body({}))
    rows[seq:] = [forged, *(row._replace(seq=row.seq + 1) for row in rows[seq:])]

    with pytest.raises(DamagedRecordsError, match=f"record {seq + 2} of calls"):
        store.verify("calls")


@given(st.integers(1, 9), st.data())
def test_unaltered_streams_are_verified(n: int, data: st.DataObject) -> None:
    """Erasures in any order, also repeated ones, keep the hash chain intact."""
    store, storage = filled(n, set())
    gone: set[int] = set()
    for some in data.draw(st.lists(st.sets(st.integers(1, n)), max_size=3)):
        with store.write() as transaction:
            assert transaction.erase("calls", some, at=AT) == len(some)
        gone |= some

    verified = store.verify("calls", known=(n, rows_of(storage)[-1].digest))

    assert verified == (n, len(gone), rows_of(storage)[-1].digest)
    with store.read() as transaction:
        left = [record.seq for record in transaction.all("calls") if record.fields]
    assert left == [seq for seq in range(1, n + 1) if seq not in gone]


@given(st.data())
def test_a_blank_without_an_erasure_is_found(data: st.DataObject) -> None:
    """A blank record is valid only if its erasure is logged."""
    n = data.draw(st.integers(1, 8))
    erased = data.draw(st.sets(st.integers(1, n), max_size=n - 1))
    store, storage = filled(n, erased)
    seq = data.draw(st.sampled_from(sorted({*range(1, n + 1)} - erased)))
    rows = rows_of(storage)
    rows[seq - 1] = rows[seq - 1]._replace(key=None, body=None)

    with pytest.raises(DamagedRecordsError, match="without a log entry") as caught:
        store.verify("calls")

    assert caught.value.where == f"record {seq} of calls"


@given(fields)
def test_fields_come_back_as_they_were(held: dict[str, object]) -> None:
    """Fields can be read back unchanged, and each body has a new salt."""
    bodies = {new_body(held), new_body(held)}

    assert len(bodies) == 2
    for body in bodies:
        content = content_of(None, 0, body)
        row = _row(body, content)
        assert fields_of(row) == held


@given(st.text(max_size=60) | st.sampled_from(["[]", "1", '"a"', "{}x", "[" * 9999]))
def test_stored_bodies_are_not_trusted(body: str) -> None:
    """A stored body that is not a JSON object raises our error."""
    try:
        content = content_of(None, 0, body)
        assume(not isinstance(json.loads(body), dict))
    except UnicodeEncodeError:
        return
    except (ValueError, RecursionError):
        pass  # not JSON at all
    with pytest.raises(DamagedRecordsError):
        fields_of(_row(body, content))


@given(st.datetimes(timezones=st.timezones()))
def test_conversion_of_instants(at: datetime) -> None:
    """An instant is unchanged after conversion to microseconds and back."""
    try:
        back = from_microseconds(to_microseconds(at))
    except InputError:
        assert not datetime(2, 1, 1, tzinfo=UTC) <= at < END
        return
    assert back == at.astimezone(UTC)
    assert back.tzinfo is UTC


@pytest.mark.parametrize(
    "bad",
    [
        {"salt": "x"},
        {"a": 1.5},
        {"a": float("nan")},
        {"a": 2**53},
        {"a": -(2**70)},
        {"a": b"x"},
        {"a": "\ud800"},
        {"a": "x" * 40_000},
        {"a": object()},
        {("a",): 1},
    ],
)
def test_fields_that_json_cannot_represent_are_refused(bad: dict[str, object]) -> None:
    """Fields that JSON would change are refused."""
    with pytest.raises(InputError):
        new_body(bad)


def _row(body: str, content: str) -> RecordRow:
    return RecordRow("calls", 1, None, 0, body, content, "")


def test_golden_digests() -> None:
    """Records have the digests of earlier versions of the library."""
    content = content_of(KEY, 1_000_000, '{"kind":"attempt","salt":"00"}')
    row = RecordRow(
        "calls", 1, KEY, 1_000_000, '{"kind":"attempt","salt":"00"}', content, ""
    )
    first = row._replace(digest=digest_of(None, row))
    chain = HashChain("calls")
    chain.follow(first)
    second = RecordRow("calls", 2, None, 0, "{}", content_of(None, 0, "{}"), "")

    assert content == GOLDEN[0]
    assert chain.digest == GOLDEN[1]
    assert digest_of(chain.digest, second) == GOLDEN[2]


#: Computed by hand: sha256sum of the JSON that `bloctel.records.hash_chain` names.
GOLDEN = (
    "8ff8a61ee302378ba34be3c3815721c21042938a605d86a559be2426d0613c2c",
    "34ce6454b41dfaab015f9aa3ff58016f3518ec6c9aee1eaec6834e2cc970be02",
    "9236aad42e4fdc810e0fa8ce7dbea56f9984dd755ed30d7b9bd495d1b3a22772",
)
