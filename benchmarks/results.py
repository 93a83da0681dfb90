"""What was read: rows, tables, a whole run, and its JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

__all__ = ["Results", "Row", "Table"]


@dataclass(frozen=True, slots=True)
class Row:
    """What was read of one contender; no values if it could not run.

    Attributes:
        name: The contender.
        at: Where on the table's scale, such as how many numbers; None if it has none.
        values: The readings, one a round.
        found: How many it found, None where nothing is looked for.
        note: Where its job differs, or why it could not run.
    """

    name: str
    at: int | None
    values: tuple[float, ...]
    found: int | None
    note: str

    @property
    def median(self) -> float:
        """The median of the readings."""
        return median(self.values)

    @property
    def is_exact(self) -> bool:
        """Whether it is never wrong."""
        return self.note.startswith("exact")


@dataclass(frozen=True, slots=True)
class Table:
    """The readings of one job, read side by side; ratios are to the first row.

    Attributes:
        name: What programs call it.
        title: The job.
        unit: What a reading is in.
        scale: What a row's `at` counts, empty for none.
        found: What is counted as found, empty for none.
        rows: The contenders.
    """

    name: str
    title: str
    unit: str
    scale: str
    found: str
    rows: tuple[Row, ...]

    def reference(self, row: Row) -> Row | None:
        """Return the row that *row* is compared with, if there is one."""
        peers = [other for other in self.rows if other.at == row.at]
        return peers[0] if peers[0].values else None


@dataclass(frozen=True, slots=True)
class Results:
    """A run of a suite.

    Attributes:
        suite: Which one.
        environment: Machine, versions and commit, by name.
        tables: What was read.
    """

    suite: str
    environment: dict[str, str]
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table | None:
        """Return a table, None if the run has none of that name."""
        return next((table for table in self.tables if table.name == name), None)

    def to_json(self) -> str:
        """Return everything that was read, every round of it."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        tables = tuple(_table(table) for table in content.pop("tables"))
        return cls(**content, tables=tables)


def _table(content: dict[str, Any]) -> Table:
    rows = tuple(
        Row(**{**row, "values": tuple(row["values"])}) for row in content.pop("rows")
    )
    return Table(**content, rows=rows)
