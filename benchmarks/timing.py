"""Timing side by side: every contender once a round, round after round."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NS", "Contender", "Row", "Table", "Unit", "measure", "not_installed"]


@dataclass(frozen=True, slots=True)
class Unit:
    """How a reading is shown.

    Attributes:
        name: As in `ns a number`.
        factor: What seconds an item, or items a second, are multiplied by.
        per_second: Whether it is a rate, of which more is better.
    """

    name: str
    factor: float
    per_second: bool = False

    def of(self, seconds: float, items: int) -> float:
        """Return a reading in this unit."""
        once = items / seconds if self.per_second else seconds / items
        return once * self.factor


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the job.

    Attributes:
        name: What the table calls it.
        run: Does the job once, and returns how many it found.
        items: How many items one run handles.
        note: Where its job differs from the reference's.
        before: Called before each run, outside the reading.
    """

    name: str
    run: Callable[[], int]
    items: int
    note: str = ""
    before: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Row:
    """What was read of one contender; no values if it could not run."""

    name: str
    values: tuple[float, ...]
    found: int | None
    note: str

    @property
    def median(self) -> float:
        """The median of the readings."""
        return median(self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """The readings of one job; the first row is the reference.

    Attributes:
        title: The job.
        unit: The name of the unit.
        found: What the column of findings counts, empty for none.
        target: What this library holds itself to.
        rows: The contenders.
    """

    title: str
    unit: str
    found: str
    target: str
    rows: tuple[Row, ...]


#: The usual one.
NS: Final = Unit("ns a number", 1e9)


def measure(
    contenders: list[Contender], rounds: int, unit: Unit = NS
) -> tuple[Row, ...]:
    """Return the readings of each contender after one warm-up round."""
    values: list[list[float]] = [[] for _ in contenders]
    found = [contender.run() for contender in contenders]
    for _ in range(rounds):
        for contender, readings in zip(contenders, values, strict=True):
            seconds = _once(contender)
            readings.append(unit.of(seconds, contender.items))
    return tuple(
        Row(contender.name, tuple(readings), count, contender.note)
        for contender, readings, count in zip(contenders, values, found, strict=True)
    )


def not_installed(name: str) -> Row:
    """Return the row of a contender that cannot run here."""
    return Row(name, (), None, "not installed")


def _once(contender: Contender) -> float:
    """Time one run, without the garbage collector's pauses."""
    contender.before()
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter()
        contender.run()
        return time.perf_counter() - began
    finally:
        gc.enable()
