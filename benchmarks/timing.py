"""Timing side by side: every contender once a round, round after round."""

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


#: The usual one.
NS: Final = Unit("ns a number", 1e9)
MS: Final = Unit("ms", 1e3)


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
        at: Where on the table's scale.
        before: Called before each run, outside the reading.
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
    gc.freeze()  # millions of members need no second look in every round
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
