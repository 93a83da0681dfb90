"""Numbers as written in files, lists that block some, and the expected verdicts."""

from __future__ import annotations

import random
from datetime import date
from typing import TYPE_CHECKING, Final

from bloctel import Registry

if TYPE_CHECKING:
    from bloctel import Book

__all__ = ["ABROAD", "DAY", "expected", "integers", "lists_of", "texts"]

DAY: Final = date(2024, 1, 2)
#: +687 12 34 56, or 06 87 12 34 56 without its 0.
ABROAD: Final = 687_123_456

_FICTION: Final = ("019900", "026191", "035301", "046571", "053649", "063998")
_FORMS: Final = (
    "{0}{1}{2}{3}{4}",
    "{0} {1} {2} {3} {4}",
    "{0}.{1}.{2}.{3}.{4}",
    "+33 {5} {1} {2} {3} {4}",
    "+33 (0){5} {1} {2} {3} {4}",
    "0033{5}{1}{2}{3}{4}",
    "{5}{1}{2}{3}{4}",
    "{0}\u00a0{1}\u202f{2}\u2009{3} {4}",
    "tel:+33-{5}-{1}-{2}-{3}-{4}",
    "{0}-{1}-{2}-{3}-{4} poste 12",
    " {0}{1}{2}{3}{4}\t",
)
_RUBBISH: Final = (
    None,
    "",
    " ",
    "non communiqué",
    "O199000001",
    "3.36E+10",
    "48.8566",
    "0199000001 / 0261910001",
    "15",
    "019900",
    "01990000011",
    "+687 12 34 56",
    "+999 1",
    "\u202e",
    "tel:0199000001;phone-context=+33",
)


def lists_of(edition: int) -> Registry:
    """Return a registry that blocks one number in ten; later editions block more."""
    registry = Registry.create("memory:", lists=["own", "fr.bloctel"])
    own = [f"{start}{i:04d}" for start in _FICTION for i in range(0, 600, 10)]
    registry.register_many(own, list="own", on=date(2024, 1, 1))
    registry.register("+687 12 34 56", list="own", on=date(2023, 5, 1))
    for year in (2018, 2021):
        numbers = [f"01990{year % 10}{i:03d}0" for i in range(99)]
        registry.register_many(numbers, list="fr.bloctel", on=date(year, 3, 1))
    for i in range(1, edition):
        registry.register(f"06 39 98 99 {i:02d}", list="own", on=date(2024, 1, 1))
    return registry


def _number(source: random.Random) -> str:
    return f"{source.choice(_FICTION)}{source.randrange(1000):04d}"


def texts(n: int) -> list[str | None]:
    """Return rows of text; one in eight is not a French number."""
    source = random.Random(1)  # noqa: S311 - the same rows each time
    rows: list[str | None] = []
    for _ in range(n):
        number = _number(source)
        pairs = [number[i : i + 2] for i in range(0, 10, 2)]
        form = source.choice(_FORMS).format(*pairs, number[1])
        rows.append(source.choice(_RUBBISH) if source.random() < 1 / 8 else form)
    return rows


def integers(n: int) -> list[int | None]:
    """Return rows of integers, as in spreadsheets: without the 0, or E.164 digits."""
    source = random.Random(2)  # noqa: S311
    rows: list[int | None] = [ABROAD, None, 0, 15, 10**14, 2**63 - 1]
    while len(rows) < n:
        number = int(_number(source))
        rows.append(number + source.choice((0, 33_000_000_000)))
    return rows


def expected(
    book: Book, row: object, *, region: str | None = None
) -> tuple[str, str | None]:
    """Return the status of a row and its reason, from one look-up."""
    if row is None:
        return "invalid", "empty"
    verdict = book.check(row, on=DAY, region=region)
    status = verdict.status.name.lower()
    if status != "blocked":
        return status, None if status == "clear" else verdict.reason
    until = f" until {verdict.until}" if verdict.until else ""
    return status, f"{verdict.list} since {verdict.since}{until}"
