"""Answers that the operator of a list (the company that runs it) gave about numbers.

If the answer is "opposed" (the number is on the list), the number is registered on the
list, until a later answer is "clear". If the answer is "clear", the number is put on a
second list, the list of cleared numbers, for as long as the answer is valid.
"""

from dataclasses import replace
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel import rules
from bloctel.periods import to_epoch_day
from bloctel.registry import registrations
from bloctel.storage.interface import Writer
from bloctel.storage.rows import ChangeKind, Event

_PART: Final = 1 << 14


class Recorded(NamedTuple):
    """Counts of the answers that one call recorded.

    Attributes:
        opposed: The count of distinct numbers with the answer "opposed".
        clear: The count of distinct numbers with the answer "clear".
        contradictory: The count of distinct numbers with both answers; these numbers
            are recorded as opposed.
    """

    opposed: int
    clear: int
    contradictory: int


def record_answers(
    writer: Writer,
    list: str,
    on: date,
    opposed: NDArray[np.uint64],
    clear: NDArray[np.uint64],
) -> Recorded:
    """Store answers (`Registry.record_answers`); a repeated call changes nothing."""
    opposed, clear = np.unique(opposed), np.unique(clear)
    contradictory = np.intersect1d(opposed, clear, assume_unique=True)
    clear = np.setdiff1d(clear, contradictory, assume_unique=True)
    recorder = _Recorder(writer, list, on)
    for first in range(0, len(opposed), _PART):
        recorder.add_opposed(opposed[first : first + _PART])
    for first in range(0, len(clear), _PART):
        recorder.add_cleared(clear[first : first + _PART])
    return Recorded(len(opposed), len(clear), len(contradictory))


class _Recorder:
    """Writer of the answers of one day."""

    def __init__(self, writer: Writer, list: str, on: date) -> None:
        rule = rules.load(list)
        cleared_rule = rules.load(rules.cleared_name(rule.name))
        rule.require_open(on)
        self._writer = writer
        self._day = to_epoch_day(on)
        self._opposed_id = registrations.find_list(writer, rule.name).id
        self._cleared_id = registrations.find_or_add_list(writer, cleared_rule.name).id
        # the protection begins after 0 days: an opposed number is already protected
        builder = registrations.RegistrationBuilder
        self._opposed = builder(rule, 0, on)
        self._cleared = builder(cleared_rule, None, on)

    def add_opposed(self, keys: NDArray[np.uint64]) -> None:
        """Register opposed numbers, until the day of a later answer "clear"."""
        new = self._opposed.build(self._opposed_id, keys)
        cleared_on = {
            row.key: row.registered_on
            for row in sorted(
                self._writer.registrations_of(keys.tolist()),
                key=lambda row: -row.registered_on,  # the dict keeps the last item
            )
            if row.list_id == self._cleared_id and row.registered_on > self._day
        }
        ends = new.ends_on.copy()
        for index in np.flatnonzero(np.isin(keys, np.array([*cleared_on], np.uint64))):
            ends[index] = min(ends[index], cleared_on[int(keys[index])])
        registrations.add_parts(self._writer, new.list_id, [replace(new, ends_on=ends)])

    def add_cleared(self, keys: NDArray[np.uint64]) -> None:
        """Register numbers as cleared, and end their earlier registrations."""
        rows = [
            row
            for row in self._writer.registrations_of(keys.tolist())
            if row.list_id == self._opposed_id
        ]
        # keep a protection that begins after the day of the answer "clear"
        ended = [
            row._replace(ends_on=self._day)
            for row in rows
            if row.starts_on < self._day < row.ends_on
        ]
        opposed = [row.key for row in rows if row.registered_on == self._day]
        keys = keys[~np.isin(keys, np.array(opposed, np.uint64))]
        cleared = self._cleared.build(self._cleared_id, keys)
        registrations.add_parts(self._writer, self._cleared_id, [cleared])
        self._writer.update_registrations(ended)
        self._writer.append_events(
            Event(0, ChangeKind.WITHDRAWN, self._opposed_id, row.key, self._day)
            for row in ended
        )
