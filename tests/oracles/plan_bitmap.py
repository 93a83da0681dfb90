"""Oracle of look-ups: an array with one byte per number of the French numbering plan.

Numbers are registered through the public interface.  The periods that follow from the
rules of the lists are computed again, in a few lines of numpy, and every number that a
question must block is marked in the array.  Each look-up is compared with one byte.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from bloctel import Book, Registry, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Days: TypeAlias = NDArray[np.datetime64]
    Integers: TypeAlias = NDArray[np.int64]

__all__ = ["Outcome", "compare"]

#: The count of numbers with nine digits.
PLAN: Final = 10**9
_FIRST_NUMBER: Final = 10**8  # a national number never begins with 00
_FRANCE: Final = 33 * 10**9
_CHUNK: Final = 1_000_000
_SCALAR_LOOK_UPS: Final = 1_000  # look-ups of single texts in each chunk
_WITHDRAWN: Final = 200
_CLOSED: Final = np.datetime64("2026-08-11")
_TACIT_FROM: Final = np.datetime64("2022-04-01")
_NO_END: Final = np.datetime64("9999-12-31")

#: Day and lists of each question; None for all lists.
_QUESTIONS: Final[Sequence[tuple[date, list[str] | None]]] = (
    (date(2024, 1, 2), None),
    (date(2017, 1, 2), ["fr.bloctel"]),
    (date(2019, 6, 15), ["own"]),
    (date(2021, 12, 31), None),
    (date(2022, 4, 1), ["fr.bloctel"]),
    (date(2026, 8, 10), ["own", "fr.bloctel"]),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a comparison.

    Attributes:
        look_ups: The number of look-ups.
        blocked: The number of blocked queries, by the oracle.
        differences: The number of answers that the oracle contradicts.
        seconds: The duration.
    """

    look_ups: int
    blocked: int
    differences: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Periods:
    """Registrations on one list, by national significant number."""

    list: str
    numbers: Integers
    starts: Days
    ends: Days

    def blocked(self, day: date) -> Integers:
        """Return the numbers that are protected on a day."""
        on = np.datetime64(day)
        return self.numbers[(self.starts <= on) & (on < self.ends)]


def compare(
    look_ups: int, numbers: int, seed: int, *, whole_plan: bool = False
) -> Outcome:
    """Compare the answers of a registry with the oracle.

    Args:
        look_ups: The number of look-ups, spread over several days and lists.
        numbers: The number of registrations.
        seed: The seed of all generated data.
        whole_plan: Whether to look up each of the 10^9 numbers of the plan instead, on
            all lists and one day.
    """
    random = np.random.default_rng(seed)
    registry = Registry.create("memory:", lists=["fr.bloctel", "own"])
    lists_of = [
        _bloctel(registry, numbers // 2, random),
        _own(registry, numbers, random),
    ]
    began = time.perf_counter()
    counts = np.zeros(3, np.int64)
    questions = _QUESTIONS[:1] if whole_plan else _QUESTIONS
    status = np.zeros(PLAN, np.uint8)
    status[:_FIRST_NUMBER] = Status.INVALID
    for day, lists in questions:
        blocked = [
            one.blocked(day) for one in lists_of if not lists or one.list in lists
        ]
        status[_FIRST_NUMBER:] = Status.CLEAR
        status[np.concatenate(blocked)] = Status.BLOCKED
        if whole_plan:
            chunks = _plan()
        else:
            chunks = _mixed(lists_of, look_ups, len(questions), random)
        for chunk in chunks:
            counts += _compared(registry, chunk, status[chunk], day, lists)
    made, found, differences = counts.tolist()
    return Outcome(made, found, differences, time.perf_counter() - began)


def _drawn(n: int, random: np.random.Generator) -> Integers:
    return np.unique(random.integers(_FIRST_NUMBER, PLAN, n))


def _days(n: int, first: str, last: str, random: np.random.Generator) -> Days:
    begin, end = np.datetime64(first), np.datetime64(last)
    return begin + random.integers(0, int((end - begin).astype(int)) + 1, n)


def _bloctel(registry: Registry, n: int, random: np.random.Generator) -> _Periods:
    """Register on Bloctel: terms of three years, or renewed until the list closed."""
    numbers = _drawn(n, random)
    on = _days(len(numbers), "2016-06-01", "2026-05-31", random)
    registry.register_many(_keys(numbers), list="fr.bloctel", on=on)
    months = on.astype("datetime64[M]")
    later = (months + 36).astype("datetime64[D]") + (on - months)
    overflows = later.astype("datetime64[M]") != months + 36  # no 29 February
    ends = np.where(overflows, later - np.timedelta64(1, "D"), later)
    ends = np.where(ends >= _TACIT_FROM, _CLOSED, ends)
    return _Periods("fr.bloctel", numbers, on + np.timedelta64(30, "D"), ends)


def _own(registry: Registry, n: int, random: np.random.Generator) -> _Periods:
    """Register on the firm's own list, without end except for some withdrawals."""
    numbers = _drawn(n - n // 2, random)
    starts = _days(len(numbers), "2016-06-01", "2026-05-31", random)
    registry.register_many(_keys(numbers), list="own", on=starts)
    ends = np.full(len(numbers), _NO_END)
    for index in random.choice(len(numbers), min(_WITHDRAWN, len(numbers) // 4), False):
        ends[index] = max(starts[index], np.datetime64("2021-07-01"))
        day = ends[index].astype(date)
        registry.withdraw(int(_keys(numbers[index])), list="own", on=day)
    return _Periods("own", numbers, starts, ends)


def _keys(numbers: Any) -> NDArray[np.uint64]:
    return np.asarray(numbers + _FRANCE).astype(np.uint64)


def _plan() -> Iterator[Integers]:
    """Yield every number of the plan, in order."""
    for start in range(0, PLAN, _CHUNK):
        yield np.arange(start, start + _CHUNK)


def _mixed(
    lists_of: Sequence[_Periods],
    look_ups: int,
    shares: int,
    random: np.random.Generator,
) -> Iterator[Integers]:
    """Yield parts of the queries: registered numbers, their neighbours, and others."""
    members = np.concatenate([one.numbers for one in lists_of])
    left = -(-look_ups // shares)
    while left > 0:
        n = min(left, _CHUNK)
        some = random.choice(members, n)
        some[: n // 4] += random.choice([-1, 1], n // 4)
        some[n // 2 :] = random.integers(0, PLAN, n - n // 2)
        random.shuffle(some)
        yield some % PLAN
        left -= n


def _compared(
    book: Book,
    numbers: Integers,
    expected: NDArray[np.uint8],
    day: date,
    lists: list[str] | None,
) -> tuple[int, int, int]:
    """Return the counts of look-ups, of blocked queries and of differences."""
    keys = _keys(numbers)
    half = len(keys) // 2
    statuses = book.check_many(keys[:half], on=day, lists=lists)
    wrong = np.count_nonzero(statuses != expected[:half])
    blocked = book.is_blocked_many(keys[half:], on=day, lists=lists, invalid="block")
    wrong += np.count_nonzero(blocked != (expected[half:] != Status.CLEAR))
    readable = np.flatnonzero(numbers >= _FIRST_NUMBER)[:_SCALAR_LOOK_UPS].tolist()
    for row in readable:
        answer = book.is_blocked(f"0{numbers[row]}", on=day, lists=lists)
        wrong += answer != (expected[row] == Status.BLOCKED)
    hits = np.count_nonzero(expected == Status.BLOCKED)
    return len(keys) + len(readable), int(hits), int(wrong)
