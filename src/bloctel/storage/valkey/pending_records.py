"""Records in Valkey: what is stored of them, and what a writer has not yet committed.

A stream is a hash from places to JSON; where it ends is in the registry's state, so
that it shows if the last records are dropped.  Each number has a list of places.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from bloctel.storage.interface import require_following
from bloctel.storage.rows import RecordRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from bloctel.storage.valkey.server import Command

    Key = Callable[..., str]

__all__ = ["RecordChanges", "end_field", "pack_record", "unpack_record"]


def end_field(stream: str) -> str:
    """Return the name of the field of the state that says where a stream ends."""
    return f"records:{stream}"


def pack_record(row: RecordRow) -> str:
    """Return a record as it is stored; its stream and place are not in it."""
    return json.dumps(row[2:])


def unpack_record(stream: str, seq: int, value: bytes) -> RecordRow:
    """Return a record as it was stored.

    Raises:
        ValueError, TypeError: It is no record.
    """
    return RecordRow(stream, seq, *json.loads(value))


class RecordChanges:
    """New records, and which are erased.

    Attributes:
        ends: Where streams end that have new records.
    """

    def __init__(self) -> None:
        self.ends: dict[str, int] = {}
        self._new: defaultdict[str, dict[int, RecordRow]] = defaultdict(dict)
        self._erased: defaultdict[str, dict[int, RecordRow]] = defaultdict(dict)

    def append(self, rows: Sequence[RecordRow], last_seq: int) -> None:
        """Append records of one stream, which ends at *last_seq* so far.

        Raises:
            DamagedRecordsError: They do not follow on.
        """
        require_following(rows, last_seq)
        stream = rows[0].stream
        self._new[stream] |= {row.seq: row for row in rows}
        self.ends[stream] = rows[-1].seq

    def erase(self, stream: str, rows: Sequence[RecordRow]) -> None:
        """Erase records, stored or new, which are given as they are now."""
        for row in rows:
            if row.seq in self._new[stream]:
                self._new[stream][row.seq] = row._replace(key=None, body=None)
            else:
                self._erased[stream].setdefault(row.seq, row)

    def over(self, stream: str, stored: Sequence[RecordRow]) -> list[RecordRow]:
        """Return stored records as they will be."""
        gone = self._erased[stream]
        return [
            row._replace(key=None, body=None) if row.seq in gone else row
            for row in stored
        ]

    def new(self, stream: str, keys: Collection[int] | None = None) -> list[RecordRow]:
        """Return new records, about some numbers or all, in their order."""
        rows = self._new[stream].values()
        return [row for row in rows if keys is None or row.key in keys]

    def commands(self, key: Key) -> Iterator[Command]:
        """Yield what stores the changes."""
        for stream, rows in self._new.items():
            name = key("records", stream)
            for row in rows.values():
                yield ("HSET", name, row.seq, pack_record(row))
                if row.key is not None:
                    yield ("RPUSH", key("records:of", stream, row.key), row.seq)
        for stream, rows in self._erased.items():
            name = key("records", stream)
            for row in rows.values():
                erased = row._replace(key=None, body=None)
                yield ("HSET", name, row.seq, pack_record(erased))
                if row.key is not None:
                    of = key("records:of", stream, row.key)
                    yield ("LREM", of, 0, row.seq)
        for stream, last_seq in self.ends.items():
            yield ("HSET", key("state"), end_field(stream), last_seq)
