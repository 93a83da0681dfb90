"""Reading a registry in Valkey.

| key (after the namespace)     | kind   | what it holds                              |
| ----------------------------- | ------ | ------------------------------------------ |
| `setting`                     | hash   | what the registry was created with         |
| `state`                       | hash   | `last_change`, `trimmed_to`, stream ends   |
| `lists`                       | hash   | id to JSON: name, complete from            |
| `prefixes`                    | hash   | list:prefix:start to end:blocks            |
| `n:BUCKET`                    | hash   | number to its packed value                 |
| `buckets`                     | bitmap | buckets that hold, or have held, a number  |
| `journal:PAGE`                | string | lines of the journal                       |
| `requests`                    | hash   | id to JSON                                 |
| `requests:by:LIST:PERSON`     | set    | ids                                        |
| `requests:of:LIST:NUMBER`     | set    | ids                                        |
| `requests:open`               | zset   | ids of what was not confirmed, by expiry   |
| `records:STREAM`              | hash   | place to JSON                              |
| `records:of:STREAM:NUMBER`    | list   | places                                     |
| `lock`, `staged:...`          |        | a writer's, for a while                    |
| `changes`                     | stream | wakes followers                            |
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

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
from bloctel.storage.valkey.encoding import (
    PAGE,
    ROW,
    Number,
    bucket_of,
    columns_of,
    pack_key,
    rows_of,
    unpack_lines,
)
from bloctel.storage.valkey.pending_records import end_field, unpack_record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from bloctel.storage.valkey.server import Command, ValkeyServer

__all__ = ["PAGES_AT_ONCE", "ValkeyReader"]

#: Pages of the journal that are read at a time.
PAGES_AT_ONCE: Final = 64
_FIRST_BUCKETS: Final = 64  # asked for at first, and then as many as seems right
_MOST_BUCKETS: Final = 1024
_NO_DAY: Final = -(2**31)  # before all days
_AFTER_DAYS: Final = 2**31  # after all days, `NO_END` included


def _bucketed(keys: Iterable[int]) -> dict[int, list[int]]:
    """Return numbers, each once, by the bucket that they are in."""
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        buckets[bucket_of(key)].append(key)
    return buckets


class ValkeyReader:
    """A registry in Valkey; each call is answered as of a moment of its own."""

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._key = server.key
        self._trimmed_to = 0

    def _ask(self, *commands: Command) -> list[Any]:
        """Return the answers to commands, if the registry is there and has its past.

        The state is read first: no answer is older than it.

        A server that lost its memory has empty answers: each number would look clear.
        """
        seen = self._server.seen
        state: Command = ("HMGET", self._key("state"), "last_change", "trimmed_to")
        found, *replies = self._server.ask(state, *commands)
        self._take_state(found)
        if self._last_change < seen:
            self._server.refuse_loss()
        self._server.note(self._last_change)
        return replies

    def _take_state(self, found: list[bytes | None]) -> None:
        if None in found:
            self._server.refuse("none")
        with self._server.understanding():
            self._last_change, self._trimmed_to = (int(value or 0) for value in found)

    def settings(self) -> dict[str, str]:
        """Return what `create` was given."""
        (found,) = self._ask(("HGETALL", self._key("setting")))
        with self._server.understanding():
            return {name.decode(): value.decode() for name, value in found.items()}

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists, by their ids."""
        (found,) = self._ask(("HGETALL", self._key("lists")))
        return self._lists_of(found)

    def _lists_of(self, found: dict[bytes, bytes]) -> tuple[StoredList, ...]:
        with self._server.understanding():
            return tuple(
                sorted(StoredList(int(id), *json.loads(v)) for id, v in found.items())
            )

    def last_change(self) -> int:
        """Return the cursor of the last change; 0 if there is none."""
        self._ask()
        return self._last_change

    # -- the journal --------------------------------------------------

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order."""
        found: list[Event] = []
        at, end = since, since + 1
        while len(found) < limit and at < end:
            pages = min(PAGES_AT_ONCE, limit // PAGE + 2)
            lines, at = self._lines(at, pages)
            found += [event for event in lines if event.cursor > since]
            end = self._last_change
        return found[:limit]

    def _lines(self, after: int, n_pages: int) -> tuple[list[Event], int]:
        """Return events of pages from a cursor on, and the last cursor of these."""
        first = (after + 1) // PAGE
        wanted = range(first, first + n_pages)
        *pages, trimmed_to = self._ask(
            *(("GET", self._key("journal", page)) for page in wanted),
            ("HGET", self._key("state"), "trimmed_to"),  # as of after all pages
        )
        require_cursor(after, int(trimmed_to or 0), self._last_cursor())
        with self._server.understanding():
            events = [
                event
                for page, data in zip(wanted, pages, strict=True)
                for event in unpack_lines(data or b"", page * PAGE)
                if event.cursor <= self._last_change  # of later ones some may lack
            ]
        return events, wanted.stop * PAGE - 1

    def _last_cursor(self) -> int:
        return self._last_change

    # -- numbers --------------------------------------------------------

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""
        numbers = self._numbers_of(keys).values()
        return [row for number in numbers for row in number.registrations]

    def lookup(self, keys: Collection[int]) -> Found:
        """Return what `Storage.lookup` does.

        What has been erased is read last: a number that is missing for that reason
        is known to be.
        """
        buckets = _bucketed(keys)
        lists: Command = ("HGETALL", self._key("lists"))
        *replies, found = self._ask(*self._fetches(buckets), lists)
        numbers = self._unpacked(buckets, replies).values()
        erased = [(held.id, held.complete_from) for held in self._lists_of(found)]
        return Found(
            [row for number in numbers for row in number.registrations],
            {id: day for id, day in erased if day is not None},
        )

    def _numbers_of(self, keys: Iterable[int]) -> dict[int, Number]:
        """Return what is known of those of the numbers of which anything is."""
        buckets = _bucketed(keys)
        return self._unpacked(buckets, self._ask(*self._fetches(buckets)))

    def _fetches(self, buckets: dict[int, list[int]]) -> list[Command]:
        return [
            ("HMGET", self._key("n", bucket), *map(pack_key, some))
            for bucket, some in buckets.items()
        ]

    def _unpacked(
        self, buckets: dict[int, list[int]], replies: list[Any]
    ) -> dict[int, Number]:
        with self._server.understanding():
            return {
                key: Number.unpack(key, value)
                for some, values in zip(buckets.values(), replies, strict=True)
                for key, value in zip(some, values, strict=True)
                if value is not None
            }

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        """Return, in parts, a list's registrations that end in [from, before)."""
        first = _NO_DAY if ends_from is None else ends_from
        last = _AFTER_DAYS if ends_before is None else ends_before
        return map(rows_of, self._scan(list_id, first, last))

    def columns(self) -> Iterator[Columns]:
        """Return every registration, in parts of bounded size.

        None comes twice: each bucket that was in use when it began is read once.
        """
        return map(columns_of, self._scan(0, _NO_DAY, _AFTER_DAYS))

    def _scan(
        self, list_id: int, first: int, last: int
    ) -> Iterator[np.ndarray[Any, Any]]:
        """Yield rows, all or a list's, whose end lies within days.

        The server reads a few thousand numbers at a time, to keep nobody waiting.
        """
        (bitmap,) = self._ask(("GET", self._key("buckets")))
        bits = np.unpackbits(np.frombuffer(bitmap or b"", np.uint8))
        left = np.flatnonzero(bits).tolist()
        n_asked = _FIRST_BUCKETS
        while left:
            names = [self._key("n", bucket) for bucket in left[-n_asked:]]
            script = self._server.script("scan", names[::-1], list_id, first, last)
            ((n_read, rows),) = self._ask(script)
            del left[-n_read:]
            n_asked = min(2 * n_read, _MOST_BUCKETS)
            with self._server.understanding():
                found = np.frombuffer(rows, ROW)
            if len(found):
                yield found

    # -- prefixes, requests -----------------------------------------------

    def prefixes(self) -> list[PrefixRow]:
        """Return the prefix rules of all lists."""
        (found,) = self._ask(("HGETALL", self._key("prefixes")))
        with self._server.understanding():
            return sorted(
                _prefix_row(*name.split(b":"), *value.split(b":"))
                for name, value in found.items()
            )

    def request(self, id: str) -> RequestRow | None:
        """Return the request of that id, if there is one."""
        return next(iter(self._requests([id])), None)

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        """Return what one person asked for on a list."""
        (ids,) = self._ask(("SMEMBERS", self._key("requests:by", list_id, person)))
        rows = self._requests(ids)
        return [row for row in rows if (row.list_id, row.person) == (list_id, person)]

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        """Return what was asked for these numbers on a list."""
        wanted = set(keys)
        found = self._ask(
            *(("SMEMBERS", self._key("requests:of", list_id, key)) for key in wanted)
        )
        rows = self._requests({id for ids in found for id in ids})
        return [row for row in rows if row.list_id == list_id and row.key in wanted]

    def _requests(self, ids: Iterable[str | bytes]) -> list[RequestRow]:
        """Return those of the requests that are there."""
        wanted = list(ids)
        if not wanted:
            return []
        (found,) = self._ask(("HMGET", self._key("requests"), *wanted))
        with self._server.understanding():
            return [_request(value) for value in found if value is not None]

    # -- records ----------------------------------------------------------

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        """Return a stream's records about these numbers, in their order."""
        wanted = set(keys)
        _, *found = self._ask_stream(
            stream,
            *(
                ("LRANGE", self._key("records:of", stream, key), 0, -1)
                for key in wanted
            ),
        )
        places = sorted({int(place) for places in found for place in places})
        # what was erased meanwhile is not about them any more
        rows = self._records_at(stream, places)
        return [row for row in rows if row.key in wanted]

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        """Return the first *limit* records of a stream after a place, in order."""
        last_seq = self._end_of(stream)
        places = range(after + 1, min(after + limit, last_seq) + 1)
        return self._records_at(stream, places)

    def last_record(self, stream: str) -> RecordRow | None:
        """Return the last record of a stream; None if it never had one."""
        last_seq = self._end_of(stream)
        rows = self._records_at(stream, [last_seq] if last_seq else [])
        row = rows[0] if rows else None
        require_last(row, stream, last_seq)
        return row

    def _end_of(self, stream: str) -> int:
        return int(self._ask_stream(stream)[0])

    def _ask_stream(self, stream: str, *commands: Command) -> list[Any]:
        """Return where a stream ends, and the answers to commands.

        A server that lost its memory has forgotten calls: one more would seem allowed.
        """
        end: Command = ("HGET", self._key("state"), end_field(stream))
        seen = self._server.ends.get(stream, 0)
        found, *replies = self._ask(end, *commands)
        with self._server.understanding():
            last_seq = int(found or 0)
        if last_seq < seen:
            self._server.refuse_loss()
        self._server.note_ends({stream: last_seq})
        return [last_seq, *replies]

    def _records_at(self, stream: str, places: Sequence[int]) -> list[RecordRow]:
        """Return those of the records at these places that are there."""
        if not places:
            return []
        (found,) = self._ask(("HMGET", self._key("records", stream), *places))
        with self._server.understanding():
            return [
                unpack_record(stream, place, value)
                for place, value in zip(places, found, strict=True)
                if value is not None
            ]


def _prefix_row(
    list_id: bytes, prefix: bytes, starts_on: bytes, ends_on: bytes, blocks: bytes
) -> PrefixRow:
    days = int(starts_on), int(ends_on)
    return PrefixRow(int(list_id), int(prefix), *days, blocks == b"1")


def _request(value: bytes) -> RequestRow:
    id, kind, *rest = json.loads(value)
    return RequestRow(id, ChangeKind(kind), *rest)
