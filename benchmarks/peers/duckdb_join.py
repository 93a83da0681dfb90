"""DuckDB: a semi-join with a table of the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers import AnswersBatches

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["DuckdbJoin"]

_COUNT = "SELECT count(*) FROM queries SEMI JOIN numbers USING (key)"


class DuckdbJoin(AnswersBatches):
    """Table in memory; the queries are read from a numpy array without a copy."""

    name = "DuckDB semi-join"
    requires = "duckdb"
    note = "exact; no periods; all cores"

    _database: Any = None

    def build(self, keys: Column) -> None:
        """Add these keys."""
        import duckdb  # noqa: PLC0415 - it may be missing

        self._database = duckdb.connect()
        self._database.register("given", {"key": np.asarray(keys)})
        self._database.execute("CREATE TABLE numbers AS SELECT key FROM given")
        self._database.unregister("given")

    def contains_many(self, keys: Column) -> int:
        """Look up all keys in one query."""
        self._database.register("queries", {"key": np.asarray(keys)})
        return int(self._database.execute(_COUNT).fetchall()[0][0])
