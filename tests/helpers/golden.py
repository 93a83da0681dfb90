"""Golden snapshot files: their content, and the code that wrote the files.

`python -m tests.helpers.golden` writes the golden files that are missing.  The program
never overwrites an existing file, because later versions of the library must still open
files of format version 1.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np

from bloctel import rules, snapshot
from bloctel.lookup.prefix_rules import PrefixRule
from bloctel.lookup.question import BookList, Provenance
from bloctel.lookup.table import UNDATED, Table
from bloctel.periods import to_epoch_day
from tests.helpers.own_rules import NAME, TEXT

__all__ = ["FOLDER", "GOLDEN", "Golden", "Row", "write"]

FOLDER: Final = Path(__file__).parents[1] / "data" / "snapshots"
_REGISTRY: Final = UUID("6b1f0f5a-54c5-4b4c-8f6e-3a53b10c7e01")
_BUILT_ON: Final = date(2024, 1, 2)


class Row(NamedTuple):
    """Period of a number; a day is None if it is unknown or open."""

    key: int
    list: str
    starts_on: date | None
    ends_on: date | None


class Beginning(NamedTuple):
    """Rule for all numbers with one prefix."""

    prefix: int
    list: str
    starts_on: date | None
    ends_on: date | None
    blocks: bool


class Golden(NamedTuple):
    """Content of a golden file."""

    lists: tuple[str, ...]
    region: str | None
    complete_from: date | None
    rows: tuple[Row, ...]
    prefixes: tuple[Beginning, ...] = ()


_OWN = date(2023, 5, 4)
_FIRST = date(2018, 1, 1)
_TERM = timedelta(days=3 * 365)
_MANY = tuple(
    Row(33639980000 + 3 * i, "own", _FIRST + timedelta(days=i), None)
    for i in range(300)
)
_MIXED = (
    Row(33199001234, "own", _OWN, None),
    Row(33199001234, "fr.bloctel", _FIRST, _FIRST + _TERM),
    Row(33199001234, "fr.bloctel", _FIRST + 2 * _TERM, None),
    Row(33639981234, "fr.bloctel", _FIRST, _FIRST + _TERM),
    Row(447700900123, "own", None, None),
    *(Row(33261910000 + i, "own", _OWN, None) for i in range(120)),
)

_PREFIXES = (
    Beginning(3319900, "own", _OWN, None, True),
    Beginning(33199001, "own", _OWN, None, False),
    Beginning(33199001234, "fr.bloctel", _FIRST, _FIRST + _TERM, True),
    Beginning(3363998, "fr.bloctel", None, _OWN, True),
    Beginning(3363998, "fr.bloctel", _OWN, None, False),
    Beginning(44, "own", _FIRST, None, True),
)

#: Content by the name of the file.  The numbers are reserved for fiction.
GOLDEN: Final = {
    "empty": Golden(("own",), "FR", None, ()),
    "one-number": Golden(("own",), None, None, (Row(33199001234, "own", _OWN, None),)),
    "own-rules": Golden(
        (NAME, "own", f"{NAME}:brand-a"),
        "FR",
        None,
        (
            Row(33199001234, NAME, _OWN, _OWN + _TERM),
            Row(33199001235, "own", _OWN, None),
        ),
    ),
    "prefixes": Golden(
        ("own", "fr.bloctel"),
        "FR",
        None,
        (
            Row(33199001235, "own", _OWN, None),
            Row(33639981234, "own", _OWN, _OWN + _TERM),
        ),
        _PREFIXES,
    ),
    "two-lists": Golden(("fr.bloctel", "own"), "FR", date(2019, 6, 1), _MIXED),
    "wide-codes": Golden(("own",), "FR", None, _MANY),
}


def write(path: Path, golden: Golden) -> None:
    """Write a golden file to *path*."""
    rules.register(rules.parse(TEXT, "rules"))
    rows = sorted(golden.rows, key=lambda row: row.list, reverse=True)
    starts = [_first_day(row.starts_on) for row in rows]
    ends = [to_epoch_day(row.ends_on) for row in rows]
    table = Table.build(
        np.array([row.key for row in rows], np.uint64),
        np.array([golden.lists.index(row.list) for row in rows], np.int64),
        np.array(starts, np.int64),
        np.array(ends, np.int64),
    )
    lists = [BookList(rules.load(name), golden.complete_from) for name in golden.lists]
    origin = Provenance(_REGISTRY, 7, _BUILT_ON)
    prefixes = [
        PrefixRule(
            golden.lists.index(rule.list),
            rule.prefix,
            _first_day(rule.starts_on),
            to_epoch_day(rule.ends_on),
            rule.blocks,
        )
        for rule in golden.prefixes
    ]
    snapshot.build(path, table, lists, golden.region, origin, prefixes)


def _first_day(day: date | None) -> int:
    return UNDATED if day is None else to_epoch_day(day)


if __name__ == "__main__":
    for name, golden in GOLDEN.items():
        file = FOLDER / f"{name}.bloctel"
        if not file.exists():
            write(file, golden)
