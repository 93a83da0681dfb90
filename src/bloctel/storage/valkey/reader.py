"""Read transactions on a registry in Valkey.

| key (after the namespace)     | kind   | content                                   |
| ----------------------------- | ------ | ----------------------------------------- |
| `setting`                     | hash   | settings of the registry                  |
| `state`                       | hash   | `last_change`, its `token`, `trimmed_to`, |
|                               |        | `rules_changed` (cursor of the last       |
|                               |        | change of a prefix rule), last sequence   |
|                               |        | number of each stream                     |
| `lists`                       | string | lists, as JSON                            |
| `prefixes`                    | string | prefix rules, as JSON                     |
| `n:BUCKET`                    | hash   | number to its data (`encoding`); the mark |
| `buckets`                     | bitmap | buckets that contain or contained numbers |
| `journal:PAGE`                | string | lines of the journal                      |
| `requests`                    | hash   | id to JSON; the mark                      |
| `requests:by`                 | hash   | `LIST:PERSON` to ids; the mark            |
| `requests:of`                 | hash   | `LIST:NUMBER` to ids; the mark            |
| `records:STREAM`              | hash   | sequence number to JSON                   |
| `records:of:STREAM`           | hash   | number to sequence numbers; the mark      |
| `heartbeat`                   | string | time of the last heartbeat                |
| `lock`, `staged:...`          |        | lock and staged commands of a writer      |
| `changes`                     | stream | one id CURSOR-TOKEN for each commit, for  |
|                               |        | followers that wait for changes           |

A server without free memory may have deleted some keys. Each read detects this: some
keys must always exist, and their values show which other keys must exist.

The mark is a field that a writer adds only when it creates a hash for the first time. A
hash without the mark was deleted by the server, and later created again by a writer.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

from bloctel.storage.interface import (
    require_cursor,
    require_position,
    require_record,
    require_same_rules,
)
from bloctel.storage.rows import (
    ChangeKind,
    Columns,
    Event,
    Found,
    Position,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
    in_parts,
)
from bloctel.storage.valkey import encoding
from bloctel.storage.valkey.pending import end_field, record_index, request_field
from bloctel.storage.valkey.server import Command, Send, ValkeyServer

_FIELDS_PER_READ: Final = 10_000
PAGES_PER_READ: Final = 64
_FIRST_BUCKETS: Final = 64  # for the first read; `_scan` then adapts the number
_MOST_BUCKETS: Final = 1024
_NO_DAY: Final = -(2**31)  # less than every day
_AFTER_DAYS: Final = 2**31  # greater than every day and `NO_END`


def _bucketed(keys: Iterable[int]) -> dict[int, list[int]]:
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        buckets[encoding.bucket_of(key)].append(key)
    return buckets


def identity_query(key: Callable[..., str]) -> Command:
    """Return the command that reads the identity of a registry."""
    return ("HGET", key("setting"), "identity")


class ValkeyReader:
    """Reader of a registry in Valkey; its calls do not all see the same moment.

    If data is changed while a reader is open, later calls of the reader read new data.
    """

    def __init__(
        self, server: ValkeyServer, send: Send, lag: float | None = None
    ) -> None:
        self._server = server
        self._send = send
        self._key = server.key
        self._trimmed_to = 0
        self._lag = lag
        self._used_buckets: set[int] = set()

    def _query(self, *commands: Command) -> list[Any]:
        """Return the replies to commands, after checking that the registry exists.

        Without this check, a server that lost all data would answer that no number is
        on a list. `state` is read first, so the replies are at least as new as `state`.
        """
        state: Command = ("HMGET", self._key("state"), "last_change", "trimmed_to")
        found, *replies = self._send(state, *commands)
        if None in found:
            raise self._server.damaged("a registry without the key `state`")
        with self._server.decoding():
            self._last_change, self._trimmed_to = map(int, found)
        return replies

    def settings(self) -> dict[str, str]:
        (found,) = self._query(("HGETALL", self._key("setting")))
        self._require(found, "settings")
        with self._server.decoding():
            return {name.decode(): value.decode() for name, value in found.items()}

    def lists(self) -> tuple[StoredList, ...]:
        (found,) = self._query(("GET", self._key("lists")))
        return self._lists_of(found)

    def _lists_of(self, found: bytes | None) -> tuple[StoredList, ...]:
        self._require(found, "lists")
        with self._server.decoding():
            return tuple(StoredList(*row) for row in json.loads(found or b""))

    def _require(self, found: object, part: str) -> None:
        """Raise an error if *found* is empty, because the server then lost the data."""
        if not found:
            raise self._server.damaged(f"a registry without its {part}")

    def position(self) -> Position:
        (found,) = self._send(("HMGET", self._key("state"), "last_change", "token"))
        if None in found:
            raise self._server.damaged("a registry without the key `state`")
        with self._server.decoding():
            return Position(*map(int, found))

    def token(self, cursor: int) -> int | None:
        (found,) = self._query(self._entry(cursor))
        return self._token_of(found)

    def _entry(self, cursor: int) -> Command:
        return ("XRANGE", self._key("changes"), cursor, cursor)

    def _token_of(self, found: list[tuple[bytes, Any]]) -> int | None:
        with self._server.decoding():
            return int(found[0][0].partition(b"-")[2]) if found else None

    def lag(self) -> float | None:
        return self._lag

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
        """Return the events after a cursor in *n_pages* pages, and the last cursor."""
        first = (after + 1) // encoding.PAGE
        wanted = range(first, first + n_pages)
        *pages, trimmed_to = self._query(
            *(("GET", self._key("journal", page)) for page in wanted),
            ("HGET", self._key("state"), "trimmed_to"),  # read after all pages
        )
        require_cursor(after, int(trimmed_to or 0), self._last_cursor())
        last_page = self._last_change // encoding.PAGE
        if self._last_change > after and None in pages[: last_page - first + 1]:
            raise self._server.damaged("a registry without a page of its journal")
        # ignore later changes, which were added during this read
        cursors = range(after + 1, self._last_change + 1)
        with self._server.decoding():
            events = [
                event
                for page, data in zip(wanted, pages, strict=True)
                for event in encoding.unpack_lines(
                    data or b"", page * encoding.PAGE, cursors
                )
            ]
        return events, wanted.stop * encoding.PAGE - 1

    def _last_cursor(self) -> int:
        return self._last_change

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        return _rows_of_numbers(self._numbers_of(keys))

    def lookup(self, keys: Collection[int], position: Position) -> Found:
        buckets = _bucketed(keys)
        # read the lists and the change of the rules last, so that they include each
        # change that happened while the numbers were read
        lists: Command = ("GET", self._key("lists"))
        rules: Command = ("HGET", self._key("state"), "rules_changed")
        fetches = (self._entry(position.cursor), *self._fetches(buckets), lists, rules)
        entry, *replies, found, changed = self._query(*fetches)
        require_position(self._token_of(entry), position, self._server.where)
        self._require(changed, "prefix rules")
        require_same_rules(int(changed) > position.cursor, self._server.where)
        rows = _rows_of_numbers(self._unpacked(buckets, replies))
        return Found.of(rows, self._lists_of(found))

    def _numbers_of(self, keys: Iterable[int]) -> dict[int, encoding.Number]:
        """Return the registrations and references of those *keys* that are stored."""
        buckets = _bucketed(keys)
        return self._unpacked(buckets, self._query(*self._fetches(buckets)))

    def _fetches(self, buckets: dict[int, list[int]]) -> list[Command]:
        bits: list[Command] = [
            ("GETBIT", self._key("buckets"), bucket)
            for bucket in (encoding.ALL_BUCKETS, *buckets)
        ]
        values: list[Command] = [
            (
                *("HMGET", self._key("n", bucket), encoding.MARK),
                *map(encoding.pack_key, some),
            )
            for bucket, some in buckets.items()
        ]
        return [*bits, *values]

    def _unpacked(
        self, buckets: dict[int, list[int]], replies: list[Any]
    ) -> dict[int, encoding.Number]:
        is_complete, *used = replies[: len(buckets) + 1]
        found = replies[len(buckets) + 1 :]
        for bucket, is_used, (mark, *_) in zip(buckets, used, found, strict=True):
            self._require(is_complete and not (is_used and mark is None), "numbers")
            if is_used:
                self._used_buckets.add(bucket)
        with self._server.decoding():
            return {
                key: encoding.Number.unpack(key, value)
                for some, (_, *values) in zip(buckets.values(), found, strict=True)
                for key, value in zip(some, values, strict=True)
                if value is not None
            }

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        first = _NO_DAY if ends_from is None else ends_from
        last = _AFTER_DAYS if ends_before is None else ends_before
        return map(encoding.rows_of, self._scan(list_id, first, last))

    def columns(self, keys: range | None = None) -> Iterator[Columns]:
        for rows in self._scan(0, _NO_DAY, _AFTER_DAYS):
            yield encoding.columns_of(rows).within(keys)

    def _scan(
        self, list_id: int, first: int, last: int
    ) -> Iterator[np.ndarray[Any, Any]]:
        """Yield registrations of a list that end on *first* or later, before *last*.

        The list id 0 means all lists. Each command reads only a few thousand numbers,
        so that other clients do not wait long.
        """
        (bitmap,) = self._query(("GET", self._key("buckets")))
        bits = np.unpackbits(np.frombuffer(bitmap or b"", np.uint8))
        *left, mark = np.flatnonzero(bits).tolist() or [0]
        self._require(mark == encoding.ALL_BUCKETS, "numbers")
        n_buckets = _FIRST_BUCKETS
        while left:
            names = [self._key("n", bucket) for bucket in left[-n_buckets:]]
            script = self._server.script("scan", names[::-1], list_id, first, last)
            ((n_read, rows),) = self._query(script)
            self._require(n_read, "numbers")
            del left[-n_read:]
            n_buckets = min(2 * n_read, _MOST_BUCKETS)
            with self._server.decoding():
                found = np.frombuffer(rows, encoding.ROW)
            if len(found):
                yield found

    def prefixes(self) -> list[PrefixRow]:
        (found,) = self._query(("GET", self._key("prefixes")))
        self._require(found, "prefix rules")
        with self._server.decoding():
            return [PrefixRow(*row) for row in json.loads(found)]

    def request(self, id: str) -> RequestRow | None:
        return next((row for row in self._requests([id]) if row.id == id), None)

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        rows = self._indexed_requests("requests:by", [request_field(list_id, person)])
        return [row for row in rows if (row.list_id, row.person) == (list_id, person)]

    def requests_of(
        self, list_id: int, keys: Collection[int] | None
    ) -> list[RequestRow]:
        wanted = None if keys is None else set(keys)
        if wanted is None:
            rows = self._all_requests()
        else:
            fields = [request_field(list_id, key) for key in wanted]
            rows = self._indexed_requests("requests:of", fields)
        return [
            row
            for row in rows
            if row.list_id == list_id and (wanted is None or row.key in wanted)
        ]

    def _indexed_requests(self, name: str, fields: Collection[str]) -> list[RequestRow]:
        index = self._index(name, fields)
        return self._requests({id for ids in index.values() for id in ids})

    def _requests(self, ids: Collection[str]) -> list[RequestRow]:
        found = self._fields("requests", ids)
        with self._server.decoding():
            return [_request(value) for value in found.values()]

    def _all_requests(self) -> list[RequestRow]:
        (found,) = self._query(("HGETALL", self._key("requests")))
        self._require(found.pop(encoding.MARK, None) is not None, "requests")
        with self._server.decoding():
            return [_request(value) for value in found.values()]

    def _index(self, name: str, fields: Collection[str]) -> dict[str, list[Any]]:
        found = self._fields(name, fields)
        with self._server.decoding():
            return {field: json.loads(value) for field, value in found.items()}

    def _fields(self, name: str, fields: Collection[str]) -> dict[str, bytes]:
        """Return the values of the existing *fields* of a hash; check its mark."""
        stored: dict[str, bytes] = {}
        for some in in_parts(fields, _FIELDS_PER_READ):
            read: Command = ("HMGET", self._key(name), encoding.MARK, *some)
            ((mark, *values),) = self._query(read)
            self._require(mark is not None, name.partition(":")[0])
            found = zip(some, values, strict=True)
            stored |= {field: value for field, value in found if value is not None}
        return stored

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        wanted = set(keys)
        if not self._end_of(stream):
            return []
        index = self._index(record_index(stream), [str(key) for key in wanted])
        # a record can lose its key after the index was read, because it is erased
        rows = self._records_at(stream, sorted(chain.from_iterable(index.values())))
        return [row for row in rows if row.key in wanted]

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        last_seq = self._end_of(stream)
        seqs = range(after + 1, min(after + limit, last_seq) + 1)
        return self._records_at(stream, seqs)

    def last_record(self, stream: str) -> RecordRow | None:
        last_seq = self._end_of(stream)
        return self._records_at(stream, [last_seq])[0] if last_seq else None

    def _end_of(self, stream: str) -> int:
        """Return the last sequence number of a stream; 0 without records.

        Raise an error if the server has lost records. Without the records of
        earlier phone calls, one more phone call would seem to be allowed.
        """
        field = end_field(stream)
        before = self._server.seen(field)
        (found,) = self._query(("HGET", self._key("state"), field))
        with self._server.decoding():
            last_seq = int(found or 0)
        self._server.note(field, last_seq, before)
        return last_seq

    def _records_at(self, stream: str, seqs: Sequence[int]) -> list[RecordRow]:
        if not seqs:
            return []
        (values,) = self._query(("HMGET", self._key("records", stream), *seqs))
        for seq, value in zip(seqs, values, strict=True):
            require_record(value, stream, seq)
        with self._server.decoding():
            return [
                RecordRow(stream, seq, *json.loads(value))
                for seq, value in zip(seqs, values, strict=True)
            ]


def _rows_of_numbers(numbers: dict[int, encoding.Number]) -> list[Registration]:
    return [row for number in numbers.values() for row in number.registrations.values()]


def _request(value: bytes) -> RequestRow:
    id, kind, *rest = json.loads(value)
    return RequestRow(id, ChangeKind(kind), *rest)
