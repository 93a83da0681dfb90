"""Published states of a book: the final state stays, whatever other threads publish."""

from __future__ import annotations

import sys
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bloctel import rules
from bloctel._filter import BloomFilter
from bloctel.errors import CannotAnswerError
from bloctel.lookup.book import Book, ClosedState
from bloctel.lookup.question import State
from bloctel.lookup.table import Overlay, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = 33_639_981_234


def closed_state(where: str = "the book") -> ClosedState:
    """Return the state of a closed book."""
    return ClosedState.of("book", where)


def book() -> Book:
    """Return a book that blocks one number."""
    return Book.of_numbers(np.array([KEY], np.uint64), rules.load("own"), "FR")


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Switch between threads as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_switches")
def test_no_look_up_sees_a_state_that_is_published_after_the_final_state() -> None:
    """A thread that publishes states has no effect on a closed book."""
    closed = book()
    state = closed._state
    closed._set_state(closed_state())

    def publish() -> None:
        for _ in range(3_000):
            closed._set_state(state)
            closed._set_state(closed_state("another book"))

    thread = Thread(target=publish)
    thread.start()
    while thread.is_alive():
        with pytest.raises(CannotAnswerError, match="is closed") as caught:
            closed.is_blocked(KEY)
        assert caught.value.where == "the book"
    thread.join()


class _Blocks(np.ndarray[tuple[int], np.dtype[np.uint8]]):
    """Array that calls a function when it is released."""

    on_release: Callable[[], None]

    def __del__(self) -> None:
        if hasattr(self, "on_release"):
            self.on_release()


def test_a_release_of_an_old_state_can_close_the_book() -> None:
    """No look-up answers from a state that was replaced during an earlier look-up."""
    changing = book()
    table, state = changing._state.table, changing._state
    blocks = np.array(table.filter.blocks).view(_Blocks)
    filter = table.filter
    filter = BloomFilter.from_blocks(
        memoryview(blocks.data), filter.capacity, filter.false_positive_rate, 1
    )
    old = Table(filter, table.index, (table.lists, table.starts, table.ends), 1)
    changing._set_state(State(state.lists, old, Overlay(old)))
    assert [changing.is_blocked(KEY) for _ in range(2)] == [True, True]
    blocks.on_release = lambda: changing._set_state(closed_state())
    del filter, old, blocks

    changing._set_state(state)
    assert changing.is_blocked(KEY)
    with pytest.raises(CannotAnswerError):  # this look-up releases the old state
        changing.is_blocked(KEY)
