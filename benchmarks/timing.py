"""Timing in rounds: in each round, every contender runs once."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.results import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MS", "NS", "Contender", "Unit", "measure"]


@dataclass(frozen=True, slots=True)
class Unit:
    """Unit of a reading.

    Attributes:
        name: The text in tables, such as `ns per number`.
        factor: The factor from seconds per item, or from items per second, to this
            unit.
        per_second: Whether the unit is items per time, such as rows per second.
    """

    name: str
    factor: float
    per_second: bool = False

    def of(self, seconds: float, items: int) -> float:
        """Return a reading in this unit."""
        once = items / seconds if self.per_second else seconds / items
        return once * self.factor


NS: Final = Unit("ns per number", 1e9)
MS: Final = Unit("ms", 1e3)


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a job.

    Attributes:
        name: The name in the table.
        run: Does the job once, and returns the number of hits.
        items: The number of items of one run.
        note: Differences from the job of the first contender.
        at: The position on the table's scale, or None.
        before: Function that is called before each run, outside the timed part.
    """

    name: str
    run: Callable[[], int]
    items: int
    note: str = ""
    at: int | None = None
    before: Callable[[], None] = _nothing


def measure(
    contenders: Sequence[Contender], rounds: int, unit: Unit = NS
) -> tuple[Row, ...]:
    """Return the readings of each contender after one warm-up round."""
    values: list[list[float]] = [[] for _ in contenders]
    found = [contender.run() for contender in contenders]
    gc.collect()
    gc.freeze()  # garbage collection must not traverse millions of members
    try:
        for _ in range(rounds):
            for contender, readings in zip(contenders, values, strict=True):
                readings.append(unit.of(_once(contender), contender.items))
    finally:
        gc.unfreeze()
    return tuple(
        Row(contender.name, contender.at, tuple(readings), count, contender.note)
        for contender, readings, count in zip(contenders, values, found, strict=True)
    )


def _once(contender: Contender) -> float:
    """Return the time of one run, with the garbage collector disabled."""
    contender.before()
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter()
        contender.run()
        return time.perf_counter() - began
    finally:
        gc.enable()
