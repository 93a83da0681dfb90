"""Work that several threads share, with its results in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

__all__ = ["in_order"]

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")


def in_order(
    work: Callable[[_Piece], _Result], pieces: Iterable[_Piece], threads: int
) -> Iterator[_Result]:
    """Return an iterator over the results of *work* on each piece, in their order.

    Pieces are taken a few ahead of the results, so that memory stays bounded. The
    first error ends it.

    Args:
        work: What to do with a piece; it gains from threads where it leaves the GIL.
        pieces: The pieces; only the caller's thread takes from it.
        threads: How many threads, from 1.

    Raises:
        InputError: *threads* is no whole number from 1.

    >>> list(in_order(len, ["a", "bb", ""], threads=2))
    [1, 2, 0]
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise InputError("a whole number from 1", repr(threads), "threads")
    return map(work, pieces) if threads == 1 else _shared(work, pieces, threads)


def _shared(
    work: Callable[[_Piece], _Result], pieces: Iterable[_Piece], threads: int
) -> Iterator[_Result]:
    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(threads, "bloctel") as pool:
        try:
            for piece in pieces:
                pending.append(pool.submit(work, piece))
                if len(pending) > 2 * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
