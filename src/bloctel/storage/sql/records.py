"""Records in an SQL database.

The statements are built once: building one takes longer than most databases take to
answer it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bloctel.errors import DamagedRecordsError
from bloctel.storage.interface import require_following, require_last
from bloctel.storage.rows import RecordRow, in_parts
from bloctel.storage.sql.schema import record, stream

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["KEYS_PER_QUERY", "SqlRecordReader", "SqlRecordWriter"]

KEYS_PER_QUERY: Final = 5_000  # parameters of one IN (...)

_COLUMNS: Final = [record.c[name] for name in RecordRow._fields]
_IN_STREAM: Final = record.c.stream == sa.bindparam("name")
_BY_KEY: Final = sa.select(*_COLUMNS).where(
    _IN_STREAM, record.c.key.in_(sa.bindparam("keys", expanding=True))
)
_AFTER: Final = (
    sa.select(*_COLUMNS)
    .where(_IN_STREAM, record.c.seq > sa.bindparam("after"))
    .order_by(record.c.seq)
    .limit(sa.bindparam("n", type_=sa.Integer))
)
_IS_LAST: Final = (record.c.stream == stream.c.name, record.c.seq == stream.c.last_seq)
_LAST: Final = (
    sa.select(stream.c.last_seq, *_COLUMNS)
    .select_from(stream.outerjoin(record, sa.and_(*_IS_LAST)))
    .where(stream.c.name == sa.bindparam("name"))
)
_EXTEND: Final = (
    stream.update()
    .where(stream.c.name == sa.bindparam("of"))
    .where(stream.c.last_seq == sa.bindparam("before"))
    .values(last_seq=sa.bindparam("after"))
)
_ERASE: Final = (
    record.update()
    .where(_IN_STREAM, record.c.seq.in_(sa.bindparam("seqs", expanding=True)))
    .values(key=None, body=None)
)


class SqlRecordReader:
    """Reads of records in a transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        found: list[RecordRow] = []
        for some in in_parts(set(keys), KEYS_PER_QUERY):
            found += self._records(_BY_KEY, name=stream, keys=some)
        return sorted(found, key=lambda row: row.seq)

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        return self._records(_AFTER, name=stream, after=after, n=limit)

    def _records(self, query: sa.Select[Any], **values: object) -> list[RecordRow]:
        return [RecordRow(*row) for row in self._connection.execute(query, values)]

    def last_record(self, stream: str) -> RecordRow | None:
        found = self._connection.execute(_LAST, {"name": stream}).first()
        if found is None:
            return None
        last_seq, *values = found
        row = None if values[0] is None else RecordRow(*values)
        require_last(row, stream, last_seq)
        return row


class SqlRecordWriter(SqlRecordReader):
    """Writes of records in a transaction."""

    def _extend_stream(self, rows: Sequence[RecordRow]) -> None:
        """Store the sequence number with which new records will end their stream."""
        name, before, after = rows[0].stream, rows[0].seq - 1, rows[-1].seq
        require_following(rows, before)
        execute = self._connection.execute
        if before == 0 and execute(_LAST, {"name": name}).first() is None:
            execute(stream.insert(), {"name": name, "last_seq": after})
            return
        ends = {"of": name, "before": before, "after": after}
        if execute(_EXTEND, ends).rowcount != 1:
            raise DamagedRecordsError(
                "records that continue the stream",
                f"records from sequence number {before + 1} on",
                f"stream {name}",
            )

    def _erase_records(self, stream: str, seqs: Collection[int]) -> None:
        for some in in_parts(seqs, KEYS_PER_QUERY):
            self._connection.execute(_ERASE, {"name": stream, "seqs": some})
