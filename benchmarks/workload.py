"""Generated numbers, registrations, texts and call files, identical in every run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel import rules
from bloctel.lookup.question import BookList
from bloctel.lookup.table import Table
from bloctel.periods import NO_END, to_epoch_day

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "DAY",
    "Queries",
    "Registrations",
    "as_texts",
    "book_lists",
    "clean_texts",
    "dirty_texts",
    "draw_queries",
    "registrations",
    "write_wide_call_file",
]

#: The past day of all look-ups.
DAY: Final = date(2024, 1, 2)
LISTS: Final = ("fr.bloctel", "own")

_FRANCE: Final = 33_000_000_000
_PLAN: Final = 10**9
_TERM: Final = 3 * 365
_SEED: Final = 20_240_102


@dataclass(frozen=True, slots=True)
class Registrations:
    """Registrations of distinct numbers, one period each, unsorted."""

    keys: NDArray[np.uint64]
    lists: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def table(self) -> Table:
        """Return a table of the registrations."""
        return Table.build(self.keys, self.lists, self.starts, self.ends)

    def blocked(self) -> NDArray[np.uint64]:
        """Return the keys whose period covers `DAY`."""
        day = to_epoch_day(DAY)
        return self.keys[(self.starts <= day) & (day < self.ends)]


@dataclass(frozen=True, slots=True)
class Queries:
    """Keys to look up; both kinds have the same length.

    Attributes:
        blocked: Keys that are blocked on `DAY`.
        absent: Keys that are not registered.
    """

    blocked: NDArray[np.uint64]
    absent: NDArray[np.uint64]

    def first(self, n: int) -> Queries:
        """Return the first *n* blocked keys and the first *n* absent keys."""
        return Queries(self.blocked[:n], self.absent[:n])

    def mixed(self, percent: int) -> NDArray[np.uint64]:
        """Return queries with *percent* % of blocked keys."""
        n = len(self.absent)
        random = np.random.default_rng(_SEED + 4)
        indexes = random.choice(n, n * percent // 100, replace=False)
        queries = self.absent.copy()
        queries[indexes] = self.blocked[: len(indexes)]
        return queries


def _keys(n: int, random: np.random.Generator) -> NDArray[np.uint64]:
    national = random.integers(100_000_000, _PLAN, n, dtype=np.uint64)
    # the keys of lines in Saint-Pierre-et-Miquelon have another form
    national[national // np.uint64(10**6) == 508] += np.uint64(10**6)
    return national + np.uint64(_FRANCE)


def registrations(n: int) -> Registrations:
    """Return *n* registrations of 2016 to 2026: 1 in 100 on the firm's own list."""
    random = np.random.default_rng(_SEED)
    drawn = np.sort(_keys(n + n // 50 + n**2 // 1_500_000_000 + 100, random))
    is_first = np.append(True, drawn[1:] != drawn[:-1])
    keys = drawn[is_first]
    random.shuffle(keys)
    keys = keys[:n].copy()
    first, last = to_epoch_day(date(2016, 6, 1)), to_epoch_day(date(2026, 7, 1))
    starts = random.integers(first, last, n)
    own = random.random(n) < 0.01
    ends = np.where(own, NO_END, starts + _TERM)
    return Registrations(keys, own.astype(np.int64), starts, ends)


def book_lists() -> tuple[BookList, ...]:
    """Return the lists of the registrations."""
    return tuple(BookList(rules.load(name)) for name in LISTS)


def draw_queries(registered: Registrations, n: int) -> Queries:
    """Return *n* keys that are blocked on `DAY`, and *n* that are not registered."""
    random = np.random.default_rng(_SEED + 1)
    # one byte for each number is faster than a hash table
    is_member = np.zeros(_PLAN, bool)
    is_member[registered.keys - np.uint64(_FRANCE)] = True
    drawn = _keys(4 * n + 100, random)  # at most three in four are members
    absent = drawn[~is_member[drawn - np.uint64(_FRANCE)]][:n]
    blocked = registered.blocked()
    drawn = random.choice(blocked, n, replace=len(blocked) < n, shuffle=False)
    return Queries(random.permutation(drawn), absent)


def as_texts(keys: NDArray[np.uint64]) -> list[str]:
    """Return national numbers of ten digits, such as 0639981234."""
    return [f"{key:010d}" for key in (keys - np.uint64(_FRANCE)).tolist()]


def clean_texts(n: int) -> list[str]:
    """Return *n* national numbers of ten digits."""
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


def dirty_texts(clean: list[str]) -> list[str]:
    """Return numbers as they are written in real files, 2 in 100 unreadable."""
    n = len(clean)
    random = np.random.default_rng(_SEED + 3)
    forms = random.choice(len(_FORMS), n).tolist()
    bad = (random.random(n) < 0.02).tolist()
    texts = []
    for row, text in enumerate(clean):
        form = _RUBBISH[row % len(_RUBBISH)] if bad[row] else _FORMS[forms[row]]
        pairs = [text[i : i + 2] for i in range(0, 10, 2)]
        texts.append(form.format(*pairs, text[1]))
    return texts


_WIDE: Final = (
    "code;title;name;first_name;company;street;postcode;city;telephone;email;"
    "called_on;remark\r\n"
)
_REMARK: Final = '"call back; in the ""evening"""'


def write_wide_call_file(path: Path, keys: NDArray[np.uint64]) -> None:
    """Write a file of 12 columns, about 130 bytes per row, one row per key.

    One number in two contains spaces; one row in 50 ends with a quoted field.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(_WIDE)
        for row, text in enumerate(as_texts(keys)):
            spaced = " ".join(text[i : i + 2] for i in range(0, 10, 2))
            file.write(
                f"C{row:08d};M.;Name {row % 977};First {row % 331};"
                f"Company {row % 7919} SARL;{row % 200} rue des Lilas;"
                f"{row % 95:02d}{row % 1000:03d};Town {row % 3541};"
                f"{spaced if row % 2 else text};c{row:08d}@example.com;"
                f"2024-01-{1 + row % 28:02d};{'' if row % 50 else _REMARK}\r\n"
            )
