"""List lookup for lists that are known by answers only, number by number.

The French list was never given to firms: they sent files, and its operator returned
each number as callable or opposed.  Nothing is known of other numbers, nor of a number
whose answer is too old.  A list of cleared numbers (`ListRules.clearances`) has the
numbers that were answered as clear, each for as long as its answer is valid.  A number
that is not on it on the requested day is never clear.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bloctel.errors import NotKnownError
from bloctel.lookup.question import UNKNOWN, Question, Status, Verdict
from bloctel.numbers import _digits
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.periods import from_epoch_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from bloctel.lookup.question import State
    from bloctel.lookup.table import Known
    from bloctel.numbers.columns import Block

#: Codes from here on mean that a list has no answer, by the index of the list.  Codes
#: of periods grow from 0 and those of prefix rules come down from 2^31 - 1: neither
#: reach this range.
_FIRST_UNKNOWN: Final = 1 << 30
_LAST_UNKNOWN: Final = _FIRST_UNKNOWN + (1 << 16)


def make_question(state: State, days: dict[int, int], region: str | None) -> Question:
    """Return the lookup of these lists, by index, each on its day."""
    index_of = {each.rules.name: index for index, each in enumerate(state.lists)}
    cleared = {
        index_of[each.rules.opposition_list]: index
        for index, each in enumerate(state.lists)
        if each.rules.opposition_list in index_of
    }
    cleared = {index: cleared[index] for index in days if index in cleared}
    if not cleared:
        return Question(state, days, region)
    return AnswersOnlyQuestion(state, days, region, cleared)


class AnswersOnlyQuestion(Question):
    """List lookup in which only cleared numbers are clear.

    A number without an answer matches a special code, so that `match` finds it like a
    number that is blocked.

    Args:
        state: The content of the book.
        days: As for `Question`.
        region: As for `Question`.
        cleared: The indexes of the lists of cleared numbers, by those of their lists.
    """

    covers_every_number = False

    def __init__(
        self,
        state: State,
        days: dict[int, int],
        region: str | None,
        cleared: Mapping[int, int],
    ) -> None:
        super().__init__(state, days, region)
        self.probe = None  # it does not check that a number is cleared
        self._oppositions = Question(state, days, region)
        # a prefix rule clears no number
        numbers = replace(state, prefixes=())
        self._cleared_numbers = {
            index: Question(numbers, {cleared_index: days[index]}, region)
            for index, cleared_index in cleared.items()
        }
        self._cleared_lists = cleared

    def _known_until(self, index: int) -> date | None:
        """Return the day on which the first active answer expires."""
        days = [day for day in (super()._known_until(index),) if day is not None]
        if index in self._cleared_numbers:
            end = from_epoch_day(self._cleared_numbers[index].earliest_end())
            days += [end] if end is not None else []
        return min(days, default=None)

    def match(self, key: int, known: Known) -> int:
        """Return the code of what blocks a key or of the missing answer, or -1."""
        code = super().match(key, known)
        if code >= 0:
            return code
        for index, cleared in self._cleared_numbers.items():
            if cleared.match(key, known) < 0:
                return _FIRST_UNKNOWN + index
        return -1

    def match_many(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the code of what blocks each key or of the missing answer, or -1."""
        out = super().match_many(keys)
        numbers = keys >= _digits.FIRST_KEY
        for index, cleared in self._cleared_numbers.items():
            not_cleared = cleared.match_many(keys) < 0
            out[numbers & not_cleared & (out < 0)] = _FIRST_UNKNOWN + index
        return out

    def is_blocked(self, key: int, known: Known) -> bool:
        """Return whether a key is blocked.

        Raises:
            NotKnownError: There is no answer, or it is too old.
        """
        code = self.match(key, known)
        if _is_unknown(code):
            is_stale = self._unknown_reason(key, code, known) == "stale_answer"
            raise NotKnownError(
                "a valid answer of the operator about the number",
                "an answer that has expired" if is_stale else "no answer",
                f"list {self._names[code - _FIRST_UNKNOWN]}",
                message="the operator's answer about the number has expired"
                if is_stale
                else "the operator has not answered about the number",
            )
        return code >= 0

    def statuses(self, block: Block, region: str | None) -> NDArray[np.uint8]:
        """Return the `Status` of each row of a block, `UNKNOWN` without an answer."""
        out = self._oppositions.statuses(block, region)
        for cleared in self._cleared_numbers.values():
            is_cleared = cleared.statuses(block, region) == Status.BLOCKED
            out[(out == Status.CLEAR) & ~is_cleared] = UNKNOWN
        return out

    def reason(self, code: int) -> tuple[str, date | None, date | None]:
        """Return what blocks, with the first day and the end, for a code."""
        if _is_unknown(code):
            return f"{self._names[code - _FIRST_UNKNOWN]} not known", None, None
        return super().reason(code)

    def verdict(self, key: int, known: Known) -> Verdict:
        """Return the verdict on a key."""
        code = self.match(key, known)
        if not _is_unknown(code):
            return super().verdict(key, known)
        reason = self._unknown_reason(key, code, known)
        name = self._names[code - _FIRST_UNKNOWN]
        return Verdict(Status.BLOCKED, PhoneNumber(key), name, None, None, reason)

    def _unknown_reason(self, key: int, code: int, known: Known) -> str:
        """Return why a list has no valid answer about a key."""
        index = code - _FIRST_UNKNOWN
        cleared, day = self._cleared_lists[index], self._days[index]
        expired = any(
            entry.list == cleared and entry.ends_on <= day
            for _, entry in self._entries_of(key, known)
        )
        return "stale_answer" if expired else "not_known"


def _is_unknown(code: int) -> bool:
    return _FIRST_UNKNOWN <= code < _LAST_UNKNOWN
