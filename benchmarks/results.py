"""Readings: rows, tables, a complete run, and its JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

__all__ = ["Results", "Row", "Table"]


@dataclass(frozen=True, slots=True)
class Row:
    """Readings of one contender; no values if it could not run.

    Attributes:
        name: The contender.
        at: The position on the table's scale, such as a count of numbers, or None.
        values: The readings, one per round.
        found: The number of hits; None if nothing is looked up.
        note: Differences of the contender's job, or the reason why it could not run.
    """

    name: str
    at: int | None
    values: tuple[float, ...]
    found: int | None
    note: str

    @property
    def median(self) -> float:
        """Median of the readings."""
        return median(self.values)

    @property
    def is_exact(self) -> bool:
        """True if the contender has no false positives."""
        return self.note.startswith("exact")


@dataclass(frozen=True, slots=True)
class Table:
    """Readings of one job; ratios are relative to the first row.

    Attributes:
        name: The name in JSON and in file names.
        title: The job, for readers.
        unit: The unit of the readings.
        scale: The meaning of a row's `at`, or "".
        found: The meaning of a row's `found`, or "".
        rows: The contenders.
    """

    name: str
    title: str
    unit: str
    scale: str
    found: str
    rows: tuple[Row, ...]

    def reference(self, row: Row) -> Row | None:
        """Return the row that *row* is compared with, or None."""
        peers = [other for other in self.rows if other.at == row.at]
        return peers[0] if peers[0].values else None


@dataclass(frozen=True, slots=True)
class Results:
    """Results of a run of a suite.

    Attributes:
        suite: The name of the suite.
        environment: Machine, versions and commit, by name.
        tables: The readings.
    """

    suite: str
    environment: dict[str, str]
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table | None:
        """Return a table by its name, or None."""
        return next((table for table in self.tables if table.name == name), None)

    def to_json(self) -> str:
        """Return all readings of all rounds as JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the results that `to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        tables = tuple(_table(table) for table in content.pop("tables"))
        return cls(**content, tables=tables)


def _table(content: dict[str, Any]) -> Table:
    rows = tuple(
        Row(**{**row, "values": tuple(row["values"])}) for row in content.pop("rows")
    )
    return Table(**content, rows=rows)
