"""Work that several threads share, with its results in order."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

__all__ = [
    "MOST_TO_READ_AND_JUDGE",
    "beside",
    "check_threads",
    "chosen_threads",
    "in_order",
    "usable_cores",
]

#: How many are of use where one reads, and writes, what others judge: two of these are
#: kept at work at the most.
MOST_TO_READ_AND_JUDGE: Final = 3

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_threads(threads: int) -> int:
    """Return *threads* if there can be so many.

    Raises:
        InputError: It is no whole number from 1.
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise InputError("a whole number from 1", repr(threads), "threads")
    return threads


def chosen_threads(threads: int | None, most: int) -> int:
    """Return *threads*, or if None one a core, but no more than are of use.

    Raises:
        InputError: It is no whole number from 1.
    """
    return min(usable_cores(), most) if threads is None else check_threads(threads)


def in_order(
    work: Callable[[_Piece], _Result], pieces: Iterable[_Piece], threads: int
) -> Generator[_Result, None, None]:
    """Return a generator of the results of *work* on each piece, in their order.

    Pieces are taken a few ahead of the results, so that memory stays bounded. The
    first error ends it. When it ends, or is closed, no work goes on.

    Args:
        work: What to do with a piece; it gains from threads where it leaves the GIL.
        pieces: The pieces; only the caller's thread takes from it.
        threads: How many threads work, from 1, which is the caller's own.

    Raises:
        InputError: *threads* is no whole number from 1.

    >>> list(in_order(len, ["a", "bb", ""], threads=2))
    [1, 2, 0]
    """
    return beside(work, pieces, threads if check_threads(threads) > 1 else 0)


def beside(
    work: Callable[[_Piece], _Result], pieces: Iterable[_Piece], helpers: int
) -> Generator[_Result, None, None]:
    """Return what `in_order` does, for a caller who has much to do with the results.

    Args:
        work: What to do with a piece.
        pieces: The pieces.
        helpers: How many threads work beside the caller's; with none it works itself.
    """
    if helpers < 1:
        yield from map(work, pieces)
        return
    # it imports much, which those who only look up never need
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(helpers, "bloctel") as pool:
        try:
            for piece in pieces:
                pending.append(pool.submit(work, piece))
                if len(pending) > 2 * helpers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
