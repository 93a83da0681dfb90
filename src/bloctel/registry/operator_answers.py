"""Answers about numbers: what a list's operator said of each, on a day.

A number that was answered as opposed is registered on the list from that day on, until
an answer says otherwise; one that was answered as clear is registered among the list's
clearances, for as long as an answer may be used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bloctel import rules
from bloctel.periods import to_epoch_day
from bloctel.registry import registrations
from bloctel.storage.rows import ChangeKind, Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from numpy.typing import NDArray

    from bloctel.storage.interface import Writer

__all__ = ["Answers", "Recorded", "record"]

_PART: Final = 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What was answered about some numbers on one day.

    Attributes:
        list: The name of the list that was asked.
        on: The day of the answers.
        opposed: The numbers on the list, uint64.
        clear: The numbers that are not, uint64.
    """

    list: str
    on: date
    opposed: NDArray[np.uint64]
    clear: NDArray[np.uint64]


class Recorded(NamedTuple):
    """What came of recording answers.

    Attributes:
        opposed: Distinct numbers that were answered as opposed.
        clear: Distinct numbers that were answered as clear.
        contradictory: Numbers that were answered as both, and count as opposed.
    """

    opposed: int
    clear: int
    contradictory: int


def record(writer: Writer, answers: Answers) -> Recorded:
    """Store answers; doing it again changes nothing.

    The latest answer counts, in whatever order they are recorded; of two of the same
    day, the opposed one.

    Raises:
        UnknownListError: No rules are known for the list.
        ListClosedError: The list is not open on that day.
    """
    opposed, clear = np.unique(answers.opposed), np.unique(answers.clear)
    contradictory = np.intersect1d(opposed, clear, assume_unique=True)
    clear = np.setdiff1d(clear, contradictory, assume_unique=True)
    task = _Recording(writer, answers)
    for keys in _parts(opposed):
        task.oppose(keys)
    for keys in _parts(clear):
        task.vouch_for(keys)
    return Recorded(len(opposed), len(clear), len(contradictory))


def _parts(keys: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    for first in range(0, len(keys), _PART):
        yield keys[first : first + _PART]


class _Recording:
    """Answers of one day on their way into a storage."""

    def __init__(self, writer: Writer, answers: Answers) -> None:
        rule = rules.load(answers.list)
        cleared = rules.load(_clearances_of(answers.list))
        rule.require_open(answers.on)
        self._writer = writer
        self._day = to_epoch_day(answers.on)
        self._list = registrations.held_list(writer, rule.name)
        self._clearances = registrations.held_list(writer, cleared.name)
        # the protection is there already: the operator has just said so
        self._opposed = registrations.Receipts(rule, 0, answers.on)
        self._clear = registrations.Receipts(cleared, None, answers.on)

    def oppose(self, keys: NDArray[np.uint64]) -> None:
        """Register numbers on the list, until a later answer says otherwise."""
        new = self._opposed.of(self._list, keys, 0)
        until = {
            row.key: row.registered_on
            for row in sorted(
                self._writer.registrations_of(keys.tolist()),
                key=lambda row: -row.registered_on,  # the first one comes last
            )
            if row.list_id == self._clearances.id and row.registered_on > self._day
        }
        ends = new.ends_on.copy()
        for place in np.flatnonzero(np.isin(keys, np.array([*until], np.uint64))):
            ends[place] = min(ends[place], until[int(keys[place])])
        self._writer.add([replace(new, ends_on=ends)])

    def vouch_for(self, keys: NDArray[np.uint64]) -> None:
        """Register numbers among the clearances, and end what opposed them before."""
        rows = [
            row
            for row in self._writer.registrations_of(keys.tolist())
            if row.list_id == self._list.id
        ]
        # a protection that has not begun is no contradiction, and stays
        over = [
            row._replace(ends_on=self._day)
            for row in rows
            if row.starts_on < self._day < row.ends_on
        ]
        opposed = [row.key for row in rows if row.registered_on == self._day]
        keys = keys[~np.isin(keys, np.array(opposed, np.uint64))]
        self._writer.add([self._clear.of(self._clearances, keys, 0)])
        self._writer.update(over)
        self._writer.log(
            Event(0, ChangeKind.WITHDRAWN, self._list.id, row.key, self._day)
            for row in over
        )


def _clearances_of(name: str) -> str:
    """Return the name of the list of clearances of a list."""
    base, colon, scope = name.partition(":")
    return f"{rules.load(base).clearances().name}{colon}{scope}"
