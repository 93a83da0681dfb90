"""Made-up numbers, registrations, texts and call files, the same in every run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel import rules
from bloctel.lookup import Book
from bloctel.periods import NO_END, to_epoch_day
from bloctel.question import BookList, State
from bloctel.table import Overlay, Table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "DAY",
    "LISTS",
    "Registrations",
    "as_texts",
    "book_of",
    "clean_texts",
    "dirty_texts",
    "queries",
    "registrations",
    "write_call_file",
]

#: The past day that is asked about.
DAY: Final = date(2024, 1, 2)
LISTS: Final = ("fr.bloctel", "own")

_FRANCE: Final = 33_000_000_000
_TERM: Final = 3 * 365
_SEED: Final = 20_240_102


@dataclass(frozen=True, slots=True)
class Registrations:
    """One period for each of many distinct numbers, in no order."""

    keys: NDArray[np.uint64]
    lists: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def table(self) -> Table:
        """Return them as a table."""
        return Table.build(self.keys, self.lists, self.starts, self.ends)

    def blocked(self) -> NDArray[np.uint64]:
        """Return the keys whose period covers `DAY`."""
        day = to_epoch_day(DAY)
        return self.keys[(self.starts <= day) & (day < self.ends)]


def _keys(n: int, random: np.random.Generator) -> NDArray[np.uint64]:
    national = random.integers(100_000_000, 10**9, n, dtype=np.uint64)
    # lines of Saint-Pierre-et-Miquelon have keys of another form
    national[national // np.uint64(10**6) == 508] += np.uint64(10**6)
    return national + np.uint64(_FRANCE)


def registrations(n: int) -> Registrations:
    """Return *n* registrations of 2016 to 2026: 1 in 100 on the firm's own list."""
    random = np.random.default_rng(_SEED)
    drawn = np.unique(_keys(n + n // 50 + 100, random))
    keys = random.permutation(drawn)[:n]
    first, last = to_epoch_day(date(2016, 6, 1)), to_epoch_day(date(2026, 7, 1))
    starts = random.integers(first, last, n)
    own = random.random(n) < 0.01
    ends = np.where(own, NO_END, starts + _TERM)
    return Registrations(keys, own.astype(np.int64), starts, ends)


def book_of(table: Table) -> Book:
    """Return a book in memory that answers from *table*."""
    lists = tuple(BookList(rules.load(name)) for name in LISTS)
    return Book(State(lists, table, Overlay(table)), "FR")


def queries(held: Registrations, n: int) -> NDArray[np.uint64]:
    """Return *n* random keys: 1 in 100 blocked on `DAY`, the others not registered."""
    random = np.random.default_rng(_SEED + 1)
    asked = _keys(n + n // 10 + 100, random)
    asked = asked[~np.isin(asked, held.keys)][:n]
    places = random.choice(n, n // 100, replace=False)
    asked[places] = random.choice(held.blocked(), n // 100)
    return asked


def as_texts(keys: NDArray[np.uint64]) -> list[str]:
    """Return `0612345678` and the like."""
    return [f"{key:010d}" for key in (keys - np.uint64(_FRANCE)).tolist()]


def clean_texts(n: int) -> list[str]:
    """Return national numbers of ten digits."""
    return as_texts(_keys(n, np.random.default_rng(_SEED + 2)))


_FORMS: Final = (
    "{0} {1} {2} {3} {4}",
    "{0}.{1}.{2}.{3}.{4}",
    "+33 {5} {1} {2} {3} {4}",
    "+33 (0){5} {1} {2} {3} {4}",
    "0033{5}{1}{2}{3}{4}",
    "{5}{1}{2}{3}{4}",
    "{0}\u00a0{1}\u00a0{2}\u00a0{3}\u00a0{4}",
    "{0}-{1}-{2}-{3}-{4} poste 12",
    " {0}{1}{2}{3}{4}\t",
)
_RUBBISH: Final = ("", "non communiqué", "{0} {1}", "{0}{1}{2}{3}{4}{4}")


def dirty_texts(n: int) -> list[str]:
    """Return numbers as files hold them, 2 in 100 unreadable."""
    random = np.random.default_rng(_SEED + 3)
    forms = random.choice(len(_FORMS), n).tolist()
    bad = (random.random(n) < 0.02).tolist()
    texts = []
    for row, text in enumerate(clean_texts(n)):
        form = _RUBBISH[row % len(_RUBBISH)] if bad[row] else _FORMS[forms[row]]
        pairs = [text[place : place + 2] for place in range(0, 10, 2)]
        texts.append(form.format(*pairs, text[1]))
    return texts


def write_call_file(path: Path, keys: NDArray[np.uint64]) -> None:
    """Write a file of `code;name;telephone;city`, one row a key."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("code;name;telephone;city\r\n")
        for row, text in enumerate(as_texts(keys)):
            spaced = " ".join(text[place : place + 2] for place in range(0, 10, 2))
            shown = spaced if row % 2 else text
            file.write(f"C{row:08d};Person {row % 977};{shown};Town {row % 3541}\r\n")
