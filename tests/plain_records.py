"""Streams of records as they are specified, in a list: what complaints are kept in."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


@dataclass(frozen=True)
class PlainRecord:
    """A record."""

    seq: int
    key: int | None
    at: datetime
    fields: dict[str, Any] | None
    digest: str


class PlainRecordStore:
    """What `RecordStore` does, without a storage."""

    def __init__(self) -> None:
        self.rows: dict[str, list[PlainRecord]] = {}

    def close(self) -> None:
        """Let go of nothing."""

    @contextmanager
    def read(self) -> Iterator[PlainRecordStore]:
        """Give a moment."""
        yield self

    @contextmanager
    def write(self) -> Iterator[PlainRecordStore]:
        """Give a turn; nothing of it stays if it fails."""
        before = {stream: list(rows) for stream, rows in self.rows.items()}
        try:
            yield self
        except BaseException:
            self.rows = before
            raise

    def of(self, stream: str, key: int) -> list[PlainRecord]:
        """Return the records about a number."""
        return [row for row in self.rows.get(stream, []) if row.key == key]

    def all(self, stream: str) -> Iterator[PlainRecord]:
        """Yield all records."""
        yield from list(self.rows.get(stream, []))

    def append(
        self, stream: str, key: int, at: datetime, fields: dict[str, Any]
    ) -> PlainRecord:
        """Add a record."""
        rows = self.rows.setdefault(stream, [])
        held = json.loads(json.dumps(fields, sort_keys=True))
        before = rows[-1].digest if rows else ""
        told = f"{before}{stream}{key}{at.isoformat()}{json.dumps(held)}"
        digest = hashlib.sha256(told.encode()).hexdigest()
        rows.append(PlainRecord(len(rows) + 1, key, at, held, digest))
        return rows[-1]

    def erase(self, stream: str, seqs: Iterable[int]) -> None:
        """Forget what records say."""
        gone = set(seqs)
        self.rows[stream] = [
            replace(row, key=None, fields=None) if row.seq in gone else row
            for row in self.rows[stream]
        ]
