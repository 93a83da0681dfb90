"""Tables of a registry in an SQL database.

A day is stored as the integer number of days since 1970-01-01.  Otherwise a bulk load
would spend most of its time on the conversion of dates.

The journal line of a registration is not stored in `bloctel_event`: the registration
itself contains the cursor, so that ten million rows are not written twice.
"""

from typing import Any, Final

import sqlalchemy as sa

SCHEMA_VERSION: Final = 1

metadata: Final = sa.MetaData()

#: Without this collation MariaDB and MySQL treat "a" and "A" as equal.
_BYTES: Final[Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",  # the engine that has transactions
}


def _table(name: str, *columns: sa.schema.SchemaItem, **options: Any) -> sa.Table:
    return sa.Table(f"bloctel_{name}", metadata, *columns, **_BYTES, **options)


def _key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _value(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


setting: Final = _table(
    "setting", _key("name", sa.String(64)), _value("value", sa.String(255))
)
#: Table of one row.  Each writer first locks this row, so there is only one writer.
state: Final = _table(
    "state",
    _key("id", sa.Integer),
    _value("last_change", sa.BigInteger),
    _value("token", sa.BigInteger),  # the token of the last row of `commit`
    _value("trimmed_to", sa.BigInteger),
    _value("n_rows", sa.BigInteger),  # of all tables in `COUNTED`
)
#: Table of one row with the time of the last heartbeat (`interface.heartbeat_time`).
heartbeat: Final = _table(
    "heartbeat", _key("id", sa.Integer), _value("at", sa.BigInteger)
)
#: One row for each write transaction that made changes: the cursor of its last change.
commit: Final = _table(
    "commit", _key("cursor", sa.BigInteger), _value("token", sa.BigInteger)
)
list_: Final = _table(
    "list",
    _key("id", sa.Integer),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("rules", sa.String(64)),  # NULL if the library itself defines the rules
    sa.Column("complete_from", sa.Integer),
)
# there is no foreign key to the list, because it would double the time of a bulk load
registration: Final = _table(
    "registration",
    _key("key", sa.BigInteger),
    _key("list_id", sa.Integer),
    _key("registered_on", sa.Integer),
    _value("starts_on", sa.Integer),
    _value("ends_on", sa.Integer),
    sa.Column("withdrawn_on", sa.Integer),
    _value("cursor", sa.BigInteger),
    sa.Index("bloctel_registration_cursor", "cursor"),
    sqlite_with_rowid=False,
)
event: Final = _table(
    "event",
    _key("cursor", sa.BigInteger),
    _value("kind", sa.String(16)),
    _value("list_id", sa.Integer),
    sa.Column("key", sa.BigInteger),  # NULL if it was erased, or if there is none
    _value("on_day", sa.Integer),
    sa.Index("bloctel_event_key", "key"),
)
prefix: Final = _table(
    "prefix",
    _key("list_id", sa.Integer),
    _key("prefix", sa.BigInteger),
    _key("starts_on", sa.Integer),
    _value("ends_on", sa.Integer),
    _value("blocks", sa.Boolean),
)
request: Final = _table(
    "request",
    _key("id", sa.String(32)),
    _value("kind", sa.String(16)),
    _value("list_id", sa.Integer),
    _value("key", sa.BigInteger),
    _value("person", sa.String(64)),
    _value("contact", sa.Text),
    _value("expires_at", sa.BigInteger),
    sa.Column("used_at", sa.BigInteger),
    sa.Column("made_on", sa.Integer),
    sa.Index("bloctel_request_person", "person"),
    sa.Index("bloctel_request_key", "key"),
)

#: The last sequence number of each stream.  It shows if the last record is missing.
stream: Final = _table(
    "stream", _key("name", sa.String(32)), _value("last_seq", sa.BigInteger)
)
record: Final = _table(
    "record",
    _key("stream", sa.String(32)),
    _key("seq", sa.BigInteger),
    sa.Column("key", sa.BigInteger),  # NULL if it was erased, or if there is none
    _value("at", sa.BigInteger),
    sa.Column("body", sa.Text),  # NULL after an erasure
    _value("content", sa.String(64)),
    _value("digest", sa.String(64)),
    sa.Index("bloctel_record_key", "stream", "key"),
    sqlite_with_rowid=False,
)

#: The tables whose rows `state` counts: a look-up or a replica can lack their rows.
COUNTED: Final = registration, event, prefix, list_

_temporary: Final = sa.MetaData()


def _temporary_table(name: str, *more: sa.Column[Any]) -> sa.Table:
    columns = [_value(column.name, column.type) for column in [*registration.c][:5]]
    return sa.Table(name, _temporary, *more, *columns, prefixes=["TEMPORARY"])


#: The staging table, into which a bulk load first writes all its rows.
staged: Final = _temporary_table("bloctel_staged")
#: The new rows of a bulk load, numbered in the order of the keys.
fresh: Final = _temporary_table(
    "bloctel_fresh", sa.Column("position", sa.Integer, primary_key=True)
)
