"""DuckDB: the call file as a table, joined, and written as two files."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DuckdbScrub"]

# every column stays text, and one query writes both parts
_SCRUB: Final = r"""
COPY (
  SELECT calls.*, numbers.nsn IS NOT NULL AS blocked
  FROM read_csv('{source}', delim = ';', header = true, all_varchar = true) AS calls
  LEFT JOIN numbers ON numbers.nsn =
    right(regexp_replace(telephone, '\D', '', 'g'), 9)::UINTEGER
) TO '{target}' (FORMAT csv, DELIMITER ';', PARTITION_BY (blocked))
"""


class DuckdbScrub:
    """Joins with a table in memory; the hash table of the join is built in each run.

    Rows are rewritten, not copied byte for byte; no number is invalid; no reason is
    added.
    """

    name = "DuckDB"
    note = "compares only the last 9 digits; refuses no text; gives no reasons"

    _database: Any = None

    def why_not(self) -> str:
        """Return the reason why DuckDB cannot run here, or ""."""
        return "" if find_spec("duckdb") else "not installed"

    def build(self, numbers: NDArray[np.uint32]) -> None:
        """Store the last nine digits of the numbers."""
        import duckdb  # noqa: PLC0415 - it may be missing

        self._database = duckdb.connect()
        self._database.register("given", {"nsn": numbers})
        self._database.execute("CREATE TABLE numbers AS SELECT nsn FROM given")
        self._database.unregister("given")

    def scrub(self, source: Path, folder: Path) -> Path:
        """Split a call file; return the file of its blocked rows."""
        target = folder / "duckdb"
        shutil.rmtree(target, ignore_errors=True)
        self._database.execute(_SCRUB.format(source=source, target=target))
        return target / "blocked=true" / "data_0.csv"
