"""Read transactions on a registry in Valkey.

| key (after the namespace)     | kind   | content                                   |
| ----------------------------- | ------ | ----------------------------------------- |
| `setting`                     | hash   | settings of the registry                  |
| `state`                       | hash   | `last_change`, `trimmed_to`, stream ends  |
| `lists`                       | string | lists, as JSON                            |
| `prefixes`                    | string | prefix rules, as JSON                     |
| `n:BUCKET`                    | hash   | number to its encoded value               |
| `buckets`                     | bitmap | buckets that contain or contained numbers |
| `journal:PAGE`                | string | lines of the journal                      |
| `requests`                    | hash   | id to JSON                                |
| `requests:by:LIST:PERSON`     | set    | ids                                       |
| `requests:of:LIST:NUMBER`     | set    | ids                                       |
| `requests:open`               | zset   | ids of unconfirmed requests, by expiry    |
| `records:STREAM`              | hash   | sequence number to JSON                   |
| `records:of:STREAM:NUMBER`    | list   | sequence numbers                          |
| `lock`, `staged:...`          |        | lock and staged commands of a writer      |
| `changes`                     | stream | wakes followers                           |
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from bloctel.storage.interface import require_cursor, require_last
from bloctel.storage.rows import (
    ChangeKind,
    Columns,
    Event,
    Found,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
)
from bloctel.storage.valkey import encoding
from bloctel.storage.valkey.pending import end_field

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from bloctel.storage.valkey.server import Command, ValkeyServer

_Field = TypeVar("_Field", str | bytes, int)

#: Pages of the journal per read.
PAGES_PER_READ: Final = 64
_FIRST_BUCKETS: Final = 64  # for the first read; later reads adapt
_MOST_BUCKETS: Final = 1024
_NO_DAY: Final = -(2**31)  # before all days
_AFTER_DAYS: Final = 2**31  # after all days, `NO_END` included


def _bucketed(keys: Iterable[int]) -> dict[int, list[int]]:
    """Return distinct numbers, grouped by bucket."""
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        buckets[encoding.bucket_of(key)].append(key)
    return buckets


class ValkeyReader:
    """Read transaction on a registry in Valkey; each call sees its own moment."""

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._key = server.key
        self._trimmed_to = 0

    def _query(self, *commands: Command) -> list[Any]:
        """Return the replies to commands, after checking that no change was lost.

        The state is read first: no reply is older than it. A server that lost its
        data would reply that no number is on a list.
        """
        before = self._server.seen("last_change")
        state: Command = ("HMGET", self._key("state"), "last_change", "trimmed_to")
        found, *replies = self._server.send(state, *commands)
        if None in found:
            raise self._server.damaged("a registry without state")
        with self._server.decoding():
            self._last_change, self._trimmed_to = map(int, found)
        self._server.note("last_change", self._last_change, before)
        return replies

    def settings(self) -> dict[str, str]:
        (found,) = self._query(("HGETALL", self._key("setting")))
        with self._server.decoding():
            return {name.decode(): value.decode() for name, value in found.items()}

    def lists(self) -> tuple[StoredList, ...]:
        (found,) = self._query(("GET", self._key("lists")))
        return self._lists_of(found)

    def _lists_of(self, found: bytes | None) -> tuple[StoredList, ...]:
        with self._server.decoding():
            return tuple(StoredList(*row) for row in json.loads(found or b"[]"))

    def last_change(self) -> int:
        self._query()
        return self._last_change

    def changes(self, since: int, limit: int) -> list[Event]:
        found: list[Event] = []
        cursor, end = since, since + 1
        while len(found) < limit and cursor < end:
            pages = min(PAGES_PER_READ, limit // encoding.PAGE + 2)
            lines, cursor = self._lines(cursor, pages)
            found += [event for event in lines if event.cursor > since]
            end = self._last_change
        return found[:limit]

    def _lines(self, after: int, n_pages: int) -> tuple[list[Event], int]:
        """Return the events of pages after a cursor, and the pages' last cursor."""
        first = (after + 1) // encoding.PAGE
        wanted = range(first, first + n_pages)
        *pages, trimmed_to = self._query(
            *(("GET", self._key("journal", page)) for page in wanted),
            ("HGET", self._key("state"), "trimmed_to"),  # read after all pages
        )
        require_cursor(after, int(trimmed_to or 0), self._last_cursor())
        with self._server.decoding():
            events = [
                event
                for page, data in zip(wanted, pages, strict=True)
                for event in encoding.unpack_lines(data or b"", page * encoding.PAGE)
                if event.cursor <= self._last_change  # later ones may be incomplete
            ]
        return events, wanted.stop * encoding.PAGE - 1

    def _last_cursor(self) -> int:
        return self._last_change

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        return _rows_of_numbers(self._numbers_of(keys))

    def lookup(self, keys: Collection[int]) -> Found:
        buckets = _bucketed(keys)
        # the lists are read last: they show which numbers were erased meanwhile
        lists: Command = ("GET", self._key("lists"))
        *replies, found = self._query(*self._fetches(buckets), lists)
        rows = _rows_of_numbers(self._unpacked(buckets, replies))
        return Found.of(rows, self._lists_of(found))

    def _numbers_of(self, keys: Iterable[int]) -> dict[int, encoding.Number]:
        """Return the stored ones of these numbers."""
        buckets = _bucketed(keys)
        return self._unpacked(buckets, self._query(*self._fetches(buckets)))

    def _fetches(self, buckets: dict[int, list[int]]) -> list[Command]:
        return [
            ("HMGET", self._key("n", bucket), *map(encoding.pack_key, some))
            for bucket, some in buckets.items()
        ]

    def _unpacked(
        self, buckets: dict[int, list[int]], replies: list[Any]
    ) -> dict[int, encoding.Number]:
        with self._server.decoding():
            return {
                key: encoding.Number.unpack(key, value)
                for some, values in zip(buckets.values(), replies, strict=True)
                for key, value in zip(some, values, strict=True)
                if value is not None
            }

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        first = _NO_DAY if ends_from is None else ends_from
        last = _AFTER_DAYS if ends_before is None else ends_before
        return map(encoding.rows_of, self._scan(list_id, first, last))

    def columns(self) -> Iterator[Columns]:
        # each bucket that was in use at the start is read once
        return map(encoding.columns_of, self._scan(0, _NO_DAY, _AFTER_DAYS))

    def _scan(
        self, list_id: int, first: int, last: int
    ) -> Iterator[np.ndarray[Any, Any]]:
        """Yield rows that end in [first, last), of one list or with 0 of all.

        The server reads a few thousand numbers at a time, so that other clients do
        not wait.
        """
        (bitmap,) = self._query(("GET", self._key("buckets")))
        bits = np.unpackbits(np.frombuffer(bitmap or b"", np.uint8))
        left = np.flatnonzero(bits).tolist()
        n_buckets = _FIRST_BUCKETS
        while left:
            names = [self._key("n", bucket) for bucket in left[-n_buckets:]]
            script = self._server.script("scan", names[::-1], list_id, first, last)
            ((n_read, rows),) = self._query(script)
            del left[-n_read:]
            n_buckets = min(2 * n_read, _MOST_BUCKETS)
            with self._server.decoding():
                found = np.frombuffer(rows, encoding.ROW)
            if len(found):
                yield found

    def prefixes(self) -> list[PrefixRow]:
        (found,) = self._query(("GET", self._key("prefixes")))
        with self._server.decoding():
            return [PrefixRow(*row) for row in json.loads(found or b"[]")]

    def request(self, id: str) -> RequestRow | None:
        return next((row for row in self._requests([id]) if row.id == id), None)

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        (ids,) = self._query(("SMEMBERS", self._key("requests:by", list_id, person)))
        rows = self._requests(ids)
        return [row for row in rows if (row.list_id, row.person) == (list_id, person)]

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        wanted = set(keys)
        found = self._query(
            *(("SMEMBERS", self._key("requests:of", list_id, key)) for key in wanted)
        )
        rows = self._requests({id for ids in found for id in ids})
        return [row for row in rows if row.list_id == list_id and row.key in wanted]

    def _requests(self, ids: Iterable[str | bytes]) -> list[RequestRow]:
        """Return the stored ones of these requests."""
        found = self._stored("requests", list(ids))
        with self._server.decoding():
            return [_request(value) for _, value in found]

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        wanted = set(keys)
        _, *found = self._query_stream(
            stream,
            *(
                ("LRANGE", self._key("records:of", stream, key), 0, -1)
                for key in wanted
            ),
        )
        seqs = sorted({int(seq) for some in found for seq in some})
        # a record that was erased meanwhile has no key
        rows = self._records_at(stream, seqs)
        return [row for row in rows if row.key in wanted]

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        last_seq = self._end_of(stream)
        seqs = range(after + 1, min(after + limit, last_seq) + 1)
        return self._records_at(stream, seqs)

    def last_record(self, stream: str) -> RecordRow | None:
        last_seq = self._end_of(stream)
        rows = self._records_at(stream, [last_seq] if last_seq else [])
        row = rows[0] if rows else None
        require_last(row, stream, last_seq)
        return row

    def _end_of(self, stream: str) -> int:
        return int(self._query_stream(stream)[0])

    def _query_stream(self, stream: str, *commands: Command) -> list[Any]:
        """Return the last sequence number of a stream, and the replies to commands.

        A server that lost its data would have no calls: another one would seem
        allowed.
        """
        field = end_field(stream)
        before = self._server.seen(field)
        end: Command = ("HGET", self._key("state"), field)
        found, *replies = self._query(end, *commands)
        with self._server.decoding():
            last_seq = int(found or 0)
        self._server.note(field, last_seq, before)
        return [last_seq, *replies]

    def _records_at(self, stream: str, seqs: Sequence[int]) -> list[RecordRow]:
        """Return the stored ones of these records."""
        found = self._stored(f"records:{stream}", seqs)
        with self._server.decoding():
            return [RecordRow(stream, seq, *json.loads(value)) for seq, value in found]

    def _stored(
        self, name: str, fields: Sequence[_Field]
    ) -> list[tuple[_Field, bytes]]:
        """Return the stored fields of a hash, with their values."""
        if not fields:
            return []
        (values,) = self._query(("HMGET", self._key(name), *fields))
        found = zip(fields, values, strict=True)
        return [(field, value) for field, value in found if value is not None]


def _rows_of_numbers(numbers: dict[int, encoding.Number]) -> list[Registration]:
    return [row for number in numbers.values() for row in number.registrations.values()]


def _request(value: bytes) -> RequestRow:
    id, kind, *rest = json.loads(value)
    return RequestRow(id, ChangeKind(kind), *rest)
