"""Work that several threads share."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bloctel._util.parallel import beside, in_order, usable_cores
from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


def workers() -> list[str]:
    """Return the threads that work."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("bloctel")]


@pytest.mark.parametrize("helpers", [0, 1, 2, 5])
def test_results_come_in_the_order_of_the_pieces(helpers: int) -> None:
    """However many work, and whoever ends first."""
    gate = threading.Event()

    def work(piece: int) -> int:
        if piece == 0 and helpers > 1:
            gate.wait()  # the first is done after the second
        if piece == 1:
            gate.set()
        return piece

    assert list(beside(work, range(50), helpers)) == list(range(50))
    assert workers() == []


@pytest.mark.parametrize("helpers", [0, 1, 2, 5])
def test_few_pieces_are_taken_ahead(helpers: int) -> None:
    """Memory stays bounded, however slow the caller is."""
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for piece in range(100):
            taken.append(piece)
            yield piece

    with closing(beside(abs, pieces(), helpers)) as results:
        for done, _ in enumerate(results, 1):
            assert len(taken) - done <= 2 * helpers


@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_the_first_error_ends_it(helpers: int) -> None:
    """It comes in its order, and no thread is left."""

    def work(piece: int) -> float:
        return 1 / (5 - piece)

    done = []
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - what came before counts
        for result in beside(work, range(100), helpers):
            done.append(result)

    assert len(done) == 5
    assert workers() == []


@pytest.mark.parametrize("helpers", [0, 1, 3])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_of_the_pieces_leaves_no_thread(
    error: type[BaseException], helpers: int
) -> None:
    """What is read fails as what is worked on."""

    def pieces() -> Iterator[int]:
        yield 1
        raise error

    with pytest.raises(error):
        list(beside(abs, pieces(), helpers))

    assert workers() == []


@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_closing_ends_the_work(helpers: int) -> None:
    """A caller who has enough says so: what has not begun does not begin."""
    with closing(beside(abs, range(1_000_000), helpers)) as results:
        next(results)

    assert workers() == []


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, "2"])
def test_a_number_of_threads_that_cannot_be(threads: object) -> None:
    """It is refused before any work."""
    with pytest.raises(InputError, match="threads"):
        in_order(abs, [1], threads)  # type: ignore[arg-type]


def test_some_core_can_be_used() -> None:
    """A process runs somewhere."""
    assert usable_cores() >= 1
