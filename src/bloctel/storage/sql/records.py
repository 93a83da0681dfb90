"""Records in an SQL database.

The statements are built once: building one takes longer than most databases take to
answer it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bloctel.errors import DamagedRecordsError
from bloctel.storage.interface import require_following, require_last
from bloctel.storage.rows import RecordRow
from bloctel.storage.sql.schema import record, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["erase_records", "last_record", "records", "records_of", "store_end"]

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


def records_of(
    connection: sa.Connection, name: str, keys: Sequence[int]
) -> list[RecordRow]:
    """Return a stream's records about numbers, with one query."""
    return _rows(connection, _BY_KEY, {"name": name, "keys": keys})


def records(
    connection: sa.Connection, name: str, after: int, limit: int
) -> list[RecordRow]:
    """Return the first *limit* records of a stream after a sequence number."""
    return _rows(connection, _AFTER, {"name": name, "after": after, "n": limit})


def last_record(connection: sa.Connection, name: str) -> RecordRow | None:
    """Return the last record of a stream; None if it never had one.

    Raises:
        DamagedRecordsError: The last appended record is missing.
    """
    found = connection.execute(_LAST, {"name": name}).first()
    if found is None:
        return None
    last_seq, *values = found
    row = None if values[0] is None else RecordRow(*values)
    require_last(row, name, last_seq)
    return row


def store_end(connection: sa.Connection, rows: Sequence[RecordRow]) -> None:
    """Store the sequence number with which new records will end their stream.

    Raises:
        DamagedRecordsError: The sequence numbers do not continue the stream.
    """
    name, before, after = rows[0].stream, rows[0].seq - 1, rows[-1].seq
    require_following(rows, before)
    if before == 0 and connection.execute(_LAST, {"name": name}).first() is None:
        connection.execute(stream.insert(), {"name": name, "last_seq": after})
        return
    ends = {"of": name, "before": before, "after": after}
    if connection.execute(_EXTEND, ends).rowcount != 1:
        raise DamagedRecordsError(
            "records that continue the stream",
            f"records from sequence number {before + 1} on",
            f"stream {name}",
        )


def erase_records(connection: sa.Connection, name: str, seqs: Sequence[int]) -> None:
    """Erase number and body of records, with one statement."""
    connection.execute(_ERASE, {"name": name, "seqs": seqs})


def _rows(
    connection: sa.Connection, query: sa.Select[Any], values: dict[str, object]
) -> list[RecordRow]:
    return [RecordRow(*row) for row in connection.execute(query, values)]
