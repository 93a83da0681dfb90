"""Reading and writing records in an SQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bloctel.storage import RecordRow, require_following, require_last
from bloctel.storage.tables import record, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["erase_records", "last_record", "note_end", "records", "records_of"]

_RECORDS: Final = sa.select(*(record.c[name] for name in RecordRow._fields))


def records_of(
    connection: sa.Connection, name: str, keys: Sequence[int]
) -> list[RecordRow]:
    """Return a stream's records about as many numbers as fit in one statement."""
    is_one = record.c.stream == name, record.c.key.in_(keys)
    return _rows(connection, _RECORDS.where(*is_one))


def records(
    connection: sa.Connection, name: str, after: int, limit: int
) -> list[RecordRow]:
    """Return the first records of a stream after a place, in order."""
    later = record.c.stream == name, record.c.seq > after
    query = _RECORDS.where(*later).order_by(record.c.seq).limit(limit)
    return _rows(connection, query)


def last_record(connection: sa.Connection, name: str) -> RecordRow | None:
    """Return the last record of a stream; None if it never had one.

    Raises:
        DamagedRecordsError: The last one that was ever appended is not there.
    """
    last_seq = _last_seq(connection, name)
    is_last = record.c.stream == name, record.c.seq == last_seq
    found = _rows(connection, _RECORDS.where(*is_last)) if last_seq else []
    row = found[0] if found else None
    require_last(row, name, last_seq)
    return row


def note_end(connection: sa.Connection, rows: Sequence[RecordRow]) -> None:
    """Note where a stream ends with records that are about to be appended.

    Raises:
        DamagedRecordsError: They do not follow on from the last one.
    """
    name, last_seq = rows[0].stream, _last_seq(connection, rows[0].stream)
    require_following(rows, last_seq)
    values: dict[str, Any] = {"name": name, "last_seq": rows[-1].seq}
    if last_seq:
        is_it = stream.c.name == name
        connection.execute(stream.update().where(is_it).values(values))
    else:
        connection.execute(stream.insert(), values)


def erase_records(connection: sa.Connection, name: str, seqs: Sequence[int]) -> None:
    """Erase number and body of as many records as fit in one statement."""
    is_one = record.c.stream == name, record.c.seq.in_(seqs)
    connection.execute(record.update().where(*is_one).values(key=None, body=None))


def _last_seq(connection: sa.Connection, name: str) -> int:
    query = sa.select(stream.c.last_seq).where(stream.c.name == name)
    return connection.scalar(query) or 0


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[RecordRow]:
    return [RecordRow(*row) for row in connection.execute(query)]
