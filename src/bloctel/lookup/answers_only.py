"""Questions to lists of which only answers are known, number by number.

Firms never held the French list: they sent files, and each number came back as callable
or opposed.  Such a list is blind to every other number, and to this one as soon as its
answer is too old.  A list of clearances (`ListRules.clearances`) holds the numbers
that were answered as clear, each for as long as an answer may be used; what it does not
vouch for on the day asked is not clear, however little is known of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bloctel.errors import NotKnownError
from bloctel.lookup.question import SILENT, Question, Status, Verdict
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

__all__ = ["VouchedQuestion", "question_of", "vouchers"]

#: Codes from here on stand for what a list does not know, by its place.  Codes of
#: periods grow from 0 and those of prefix rules come down from 2^31 - 1: neither are
#: so many.
_FIRST_SILENT: Final = 1 << 30
_LAST_SILENT: Final = _FIRST_SILENT + (1 << 16)


def vouchers(state: State) -> dict[int, int]:
    """Return the places of lists of clearances, by those of the lists they are for."""
    places = {held.rules.name: place for place, held in enumerate(state.lists)}
    return {
        places[vouched]: place
        for place, held in enumerate(state.lists)
        if (vouched := held.rules.vouches_for) in places
    }


def question_of(state: State, days: dict[int, int], region: str | None) -> Question:
    """Return the question that asks these days of the lists at these places."""
    asked = {
        place: voucher for place, voucher in vouchers(state).items() if place in days
    }
    if not asked:
        return Question(state, days, region)
    return VouchedQuestion(state, days, region, asked)


class VouchedQuestion(Question):
    """A question whose answer is "clear" only for numbers that are vouched for.

    A number that nobody vouches for is matched by a code of its own, so that whatever
    looks for what blocks a number finds that.

    Args:
        state: What the book knows.
        days: As for `Question`.
        region: As for `Question`.
        asked: The lists of clearances, by the places of the lists they are for.
    """

    knows_everybody = False

    def __init__(
        self,
        state: State,
        days: dict[int, int],
        region: str | None,
        asked: Mapping[int, int],
    ) -> None:
        super().__init__(state, days, region)
        self.probe = None  # it knows one way to be clear, and here is another
        self._oppositions = Question(state, days, region)
        # a prefix vouches for no number
        numbers = replace(state, prefixes=())
        self._clearances = {
            place: Question(numbers, {voucher: days[place]}, region)
            for place, voucher in asked.items()
        }
        self._vouchers = asked

    def _known_until(self, place: int) -> date | None:
        """Return when the first of the answers that are used now is too old."""
        days = [day for day in (super()._known_until(place),) if day is not None]
        if place in self._clearances:
            end = from_epoch_day(self._clearances[place].earliest_end())
            days += [end] if end is not None else []
        return min(days, default=None)

    def match(self, key: int, known: Known) -> int:
        """Return the code of what blocks a key or leaves it unknown, or -1."""
        code = super().match(key, known)
        if code >= 0:
            return code
        for place, clearances in self._clearances.items():
            if clearances.match(key, known) < 0:
                return _FIRST_SILENT + place
        return -1

    def match_many(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the code of what blocks each key or leaves it unknown, or -1."""
        out = super().match_many(keys)
        numbers = keys >= _digits.FIRST_KEY
        for place, clearances in self._clearances.items():
            unvouched = clearances.match_many(keys) < 0
            out[numbers & unvouched & (out < 0)] = _FIRST_SILENT + place
        return out

    def is_blocked(self, key: int, known: Known) -> bool:
        """Tell whether a key is blocked.

        Raises:
            NotKnownError: Nobody knows.
        """
        code = self.match(key, known)
        if _is_silent(code):
            is_stale = self._reason(key, code, known) == "stale_answer"
            raise NotKnownError(
                "an answer about the number that may still be used",
                "an older one" if is_stale else "none",
                f"list {self._names[code - _FIRST_SILENT]}",
            )
        return code >= 0

    def statuses(self, block: Block, region: str | None) -> NDArray[np.uint8]:
        """Return the `Status` of each row of a block, `SILENT` where nobody knows."""
        out = self._oppositions.statuses(block, region)
        for clearances in self._clearances.values():
            vouched = clearances.statuses(block, region) == Status.BLOCKED
            out[(out == Status.CLEAR) & ~vouched] = SILENT
        return out

    def why(self, code: int) -> tuple[str, date | None, date | None]:
        """Return what blocks, the first day and the end that *code* stands for."""
        if _is_silent(code):
            return f"{self._names[code - _FIRST_SILENT]} not known", None, None
        return super().why(code)

    def verdict(self, key: int, known: Known) -> Verdict:
        """Return the answer for a key, and why."""
        code = self.match(key, known)
        if not _is_silent(code):
            return super().verdict(key, known)
        reason = self._reason(key, code, known)
        name = self._names[code - _FIRST_SILENT]
        return Verdict(Status.BLOCKED, PhoneNumber(key), name, None, None, reason)

    def _reason(self, key: int, code: int, known: Known) -> str:
        """Return why a list does not know a key on the day that is asked."""
        place = code - _FIRST_SILENT
        voucher, day = self._vouchers[place], self._days[place]
        entries = self._entries_of(key, known)
        ended = any(
            entry.list == voucher and entry.ends_on <= day for _, entry in entries
        )
        return "stale_answer" if ended else "not_known"


def _is_silent(code: int) -> bool:
    return _FIRST_SILENT <= code < _LAST_SILENT
