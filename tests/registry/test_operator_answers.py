"""Tests of an operator's answers in every storage, with both exact modes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from bloctel import Follower, NotKnownError, Registry, Status

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2024, 5, 3)
LATER = DAY + timedelta(days=10)
FIRST = 33639980000
LIST = "fr.bloctel"


def thirds(offset: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return every third phone number, beginning at an offset."""
    return np.arange(FIRST + offset, FIRST + 300, 3, dtype=np.uint64)


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_three_answers_everywhere(
    storage_url: str, exact: Literal["memory", "storage"]
) -> None:
    """The latest answer about a number counts; a repeated answer changes nothing."""
    with Registry.create(storage_url, lists=[LIST]) as made:
        book = Registry(made._storage, exact=exact)
        for _ in range(2):
            made.record_answers(list=LIST, on=DAY, opposed=thirds(0), clear=thirds(1))
        column = np.arange(FIRST, FIRST + 300)
        found = book.check_many(column, on=DAY).reshape(-1, 3)
        assert (found == [Status.BLOCKED, Status.CLEAR, Status.BLOCKED]).all()
        assert book.check(FIRST + 2, on=DAY).reason == "not_known"
        with pytest.raises(NotKnownError):
            book.is_blocked(FIRST + 2, on=DAY)

        made.record_answers(list=LIST, on=LATER, opposed=thirds(1), clear=thirds(0))
        found = book.check_many(column, on=LATER).reshape(-1, 3)
        assert (found == [Status.CLEAR, Status.BLOCKED, Status.BLOCKED]).all()
        # the answers for earlier days do not change
        found = book.check_many(column, on=DAY).reshape(-1, 3)
        assert (found == [Status.BLOCKED, Status.CLEAR, Status.BLOCKED]).all()


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_follower_distinguishes_the_three(storage_url: str, tmp_path: Path) -> None:
    """A follower distinguishes opposed, clear and unknown, also from its cache."""
    with Registry.create(storage_url, lists=[LIST]) as registry:
        registry.record_answers(list=LIST, on=DAY, opposed=thirds(0), clear=thirds(1))
    for _ in range(2):
        with Follower.open(storage_url, cache=tmp_path / "cache.bloctel") as follower:
            column = np.arange(FIRST, FIRST + 3)
            assert follower.check_many(column, on=DAY).tolist() == [1, 0, 1]
            with pytest.raises(NotKnownError):
                follower.is_blocked(FIRST + 2, on=DAY)
