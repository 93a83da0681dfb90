"""Ordered map over a thread pool."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bloctel._util.parallel import check_threads, chosen_threads, map_in_order
from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


def threads() -> list[str]:
    """Return the names of the worker threads."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("bloctel")]


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_results_come_in_the_order_of_the_pieces(workers: int) -> None:
    """The order of results does not depend on which worker ends first."""
    gate = threading.Event()

    def work(piece: int) -> int:
        if piece == 0 and workers > 1:
            gate.wait()  # the first piece ends after the second piece
        if piece == 1:
            gate.set()
        return piece

    assert list(map_in_order(work, range(50), workers)) == list(range(50))
    assert threads() == []


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_few_pieces_are_taken_ahead(workers: int) -> None:
    """If the caller is slow, only a few pieces are processed in advance."""
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for piece in range(100):
            taken.append(piece)
            yield piece

    with closing(map_in_order(abs, pieces(), workers)) as results:
        for done, _ in enumerate(results, 1):
            assert len(taken) - done <= 2 * workers


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_first_error_ends_it(workers: int) -> None:
    """The first error is raised after the results before it, and no thread remains."""

    def work(piece: int) -> float:
        return 1 / (5 - piece)

    done = []
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - what came before counts
        for result in map_in_order(work, range(100), workers):
            done.append(result)

    assert len(done) == 5
    assert threads() == []


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_of_the_pieces_leaves_no_thread(
    error: type[BaseException], workers: int
) -> None:
    """Errors of the iterator are raised like errors of the work."""

    def pieces() -> Iterator[int]:
        yield 1
        raise error

    with pytest.raises(error):
        list(map_in_order(abs, pieces(), workers))

    assert threads() == []


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_closing_ends_the_work(workers: int) -> None:
    """After the generator is closed, no further piece is started."""
    with closing(map_in_order(abs, range(1_000_000), workers)) as results:
        next(results)

    assert threads() == []


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, "2"])
def test_an_invalid_number_of_threads_is_refused(threads: object) -> None:
    """Zero, booleans, fractions and text are not numbers of threads."""
    with pytest.raises(InputError, match="threads"):
        check_threads(threads)  # type: ignore[arg-type]


def test_some_core_can_be_used() -> None:
    """The count of usable processor cores is at least one."""
    assert 1 <= chosen_threads(None, 3) <= 3
