"""Tables of a registry in an SQL database.

Days are integers, days since 1970-01-01: a bulk load of ten million rows would spend
most of its time parsing dates.

A registration contains the cursor of its journal line, so that ten million of them
are not written twice; all other lines are in `bloctel_event`.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

__all__ = [
    "SCHEMA_VERSION",
    "event",
    "fresh",
    "list_",
    "metadata",
    "prefix",
    "record",
    "registration",
    "request",
    "setting",
    "staged",
    "state",
    "stream",
]

#: Version of the tables.
SCHEMA_VERSION: Final = 1

metadata: Final = sa.MetaData()

#: Without this collation MariaDB and MySQL treat "a" and "A" as equal.
_BYTES: Final[dict[str, Any]] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}

setting: Final = sa.Table(
    "bloctel_setting",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
    **_BYTES,
)
#: One row; writers lock it, so that cursors grow in the order of the commits.
state: Final = sa.Table(
    "bloctel_state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("last_change", sa.BigInteger, nullable=False),
    sa.Column("trimmed_to", sa.BigInteger, nullable=False),
    **_BYTES,
)
list_: Final = sa.Table(
    "bloctel_list",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("complete_from", sa.Integer),
    **_BYTES,
)
# no foreign key to the list: it would double the time of a bulk load
registration: Final = sa.Table(
    "bloctel_registration",
    metadata,
    sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("list_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("registered_on", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("starts_on", sa.Integer, nullable=False),
    sa.Column("ends_on", sa.Integer, nullable=False),  # NO_END: no end
    sa.Column("withdrawn_on", sa.Integer),
    sa.Column("cursor", sa.BigInteger, nullable=False),
    sa.Index("bloctel_registration_cursor", "cursor"),
    sqlite_with_rowid=False,
    **_BYTES,
)
event: Final = sa.Table(
    "bloctel_event",
    metadata,
    sa.Column("cursor", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("list_id", sa.Integer, nullable=False),
    sa.Column("key", sa.BigInteger),  # NULL: erased, or without a number
    sa.Column("on_day", sa.Integer, nullable=False),
    sa.Index("bloctel_event_key", "key"),
    **_BYTES,
)
prefix: Final = sa.Table(
    "bloctel_prefix",
    metadata,
    sa.Column("list_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("prefix", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("starts_on", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ends_on", sa.Integer, nullable=False),
    sa.Column("blocks", sa.Boolean, nullable=False),
    **_BYTES,
)
request: Final = sa.Table(
    "bloctel_request",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("list_id", sa.Integer, nullable=False),
    sa.Column("key", sa.BigInteger, nullable=False),
    sa.Column("person", sa.String(64), nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("used_at", sa.BigInteger),
    sa.Index("bloctel_request_person", "person"),
    sa.Index("bloctel_request_key", "key"),
    **_BYTES,
)

#: The last sequence number of each stream, to detect that the last records are gone.
stream: Final = sa.Table(
    "bloctel_stream",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("last_seq", sa.BigInteger, nullable=False),
    **_BYTES,
)
record: Final = sa.Table(
    "bloctel_record",
    metadata,
    sa.Column("stream", sa.String(32), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", sa.BigInteger),  # NULL: erased, or without a number
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text),  # NULL: erased
    sa.Column("content", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Index("bloctel_record_key", "stream", "key"),
    sqlite_with_rowid=False,
    **_BYTES,
)

_temporary: Final = sa.MetaData()


def _temporary_table(name: str, *more: sa.Column[int]) -> sa.Table:
    return sa.Table(
        name,
        _temporary,
        *more,
        sa.Column("key", sa.BigInteger, nullable=False),
        sa.Column("list_id", sa.Integer, nullable=False),
        sa.Column("registered_on", sa.Integer, nullable=False),
        sa.Column("starts_on", sa.Integer, nullable=False),
        sa.Column("ends_on", sa.Integer, nullable=False),
        prefixes=["TEMPORARY"],
    )


#: Staging table of a bulk load.
staged: Final = _temporary_table("bloctel_staged")
#: The new rows of a bulk load, numbered in the order of the keys.
fresh: Final = _temporary_table(
    "bloctel_fresh",
    sa.Column(
        "position",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
)
