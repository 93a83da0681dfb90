"""DuckDB: a table of the numbers, semi-joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers import AnswersBatches

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["DuckdbJoin"]

_ASK = "SELECT count(*) FROM asked SEMI JOIN numbers USING (key)"


class DuckdbJoin(AnswersBatches):
    """A table in memory; the queries are read where numpy holds them."""

    name = "DuckDB semi-join"
    requires = "duckdb"
    note = "exact; no periods; all cores"

    _database: Any = None

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        import duckdb  # noqa: PLC0415 - it may be missing

        self._database = duckdb.connect()
        self._database.register("given", {"key": np.asarray(keys)})
        self._database.execute("CREATE TABLE numbers AS SELECT key FROM given")
        self._database.unregister("given")

    def contains_many(self, keys: Column) -> int:
        """Ask in one query."""
        self._database.register("asked", {"key": np.asarray(keys)})
        return int(self._database.execute(_ASK).fetchall()[0][0])
