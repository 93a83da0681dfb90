"""SQLite: a table with the number as primary key."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from benchmarks.peers import BasePeer, as_list

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.peers import Column

__all__ = ["SqliteKey"]

_SELECT = "SELECT 1 FROM numbers WHERE key = ?"


class SqliteKey(BasePeer):
    """SQLite file in the page cache; each query runs a prepared statement."""

    name = "SQLite primary key"
    requires = "sqlite3"
    note = "exact; no periods"
    is_slow = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = sqlite3.connect(path)

    def build(self, keys: Column) -> None:
        """Replace the content by these keys."""
        rows: Iterable[tuple[object]] = ((key,) for key in sorted(as_list(keys)))
        with self._database as database:
            database.execute("DROP TABLE IF EXISTS numbers")
            database.execute("CREATE TABLE numbers (key INTEGER PRIMARY KEY)")
            database.executemany("INSERT INTO numbers VALUES (?)", rows)

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Look up one by one."""
        look_up, found = self._database.execute, 0
        for key in keys:
            if look_up(_SELECT, (key,)).fetchone():
                found += 1
        return found

    def size_bytes(self) -> int:
        """Return the size of the file."""
        return self._path.stat().st_size
