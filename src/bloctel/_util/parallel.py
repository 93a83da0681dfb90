"""Parallel map in several threads, whose results keep the order of the input."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar

from bloctel._util.strict import show
from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

#: More threads do not speed up a scrub: one thread reads and writes, and keeps at most
#: two other threads busy.
MAX_SCRUB_THREADS: Final = 3

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")


def check_threads(threads: int) -> int:
    """Return a number of threads; raise InputError if it is not a positive integer."""
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise InputError("a whole number from 1", show(threads), "threads")
    return threads


def chosen_threads(threads: int | None, limit: int) -> int:
    """Return *threads*; if it is None, return the number of cores, at most *limit*."""
    if threads is not None:
        return check_threads(threads)
    if hasattr(os, "sched_getaffinity"):  # the cores that this process may use
        return min(len(os.sched_getaffinity(0)), limit)
    return min(os.cpu_count() or 1, limit)


def map_in_order(
    work: Callable[[_Piece], _Result], pieces: Iterable[_Piece], workers: int
) -> Generator[_Result, None, None]:
    """Yield the result of *work* on each piece, in the order of the pieces.

    The generator reads only a few pieces in advance, so that it needs little memory.
    The first error ends the generator.  When the generator has ended, no thread is
    still working.  If *workers* is 0, the caller's thread does the work.

    >>> list(map_in_order(len, ["a", "bb", ""], workers=2))
    [1, 2, 0]
    """
    if workers < 1:
        yield from map(work, pieces)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(workers, "bloctel") as pool:
        try:
            for piece in pieces:
                pending.append(pool.submit(work, piece))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
