"""Look-ups in lists that are known only from answers of the company that runs the list.

Firms never received the French list.  They sent files to its operator, the company that
ran the list.  The operator answered for each phone number if it was on the list.  Phone
numbers that were not on the list are stored in a second list, the list of cleared
numbers (`ListRules.clearances`), for as long as the answer is valid.  A phone number is
clear only if the list of cleared numbers contains it on the requested day.

Other lists are handed out as files (`Distribution`).  A file covers the phone numbers
with certain prefixes.  These prefixes are stored as prefix rules of the list of cleared
numbers, for as long as the file is valid.  A phone number that a valid file covers is
clear if it is not on the list.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bloctel.errors import NotKnownError
from bloctel.lookup.prefix_rules import PrefixRule, prefixes_outside
from bloctel.lookup.question import UNKNOWN, Question, State, Status, Verdict
from bloctel.lookup.table import UNDATED, Newest
from bloctel.numbers import _digits
from bloctel.numbers.phone_number import number_of
from bloctel.periods import NO_END, from_epoch_day

#: A look-up returns this integer plus the index of a list that has no valid answer.
#: Smaller results stand for periods, and larger results for prefix rules.
_FIRST_UNKNOWN: Final = 1 << 30
_LAST_UNKNOWN: Final = _FIRST_UNKNOWN + (1 << 16)


def make_question(state: State, days: dict[int, int], region: str | None) -> Question:
    """Return a prepared look-up; *days* maps the index of each list to its day."""
    index_of = {each.rules.name: index for index, each in enumerate(state.lists)}
    cleared = {
        opposed: index
        for index, each in enumerate(state.lists)
        if (opposed := index_of.get(each.rules.opposition_list or "")) in days
    }
    if not cleared:
        return Question(state, days, region)
    return AnswersOnlyQuestion(state, days, region, cleared)


class AnswersOnlyQuestion(Question):
    """Prepared look-up in which only phone numbers with a valid answer can be clear.

    For a phone number without a valid answer, `match` returns a special code of 0 or
    more, as for a blocked number.  *cleared* maps the index of each list that is known
    only from answers to the index of its list of cleared numbers.
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
        self.probe = None  # the compiled look-up does not check cleared numbers
        self._covered = {
            index: _covered(state, index, cleared_index)
            for index, cleared_index in cleared.items()
        }
        self._cleared_numbers = {
            index: Question(
                replace(state, prefixes=self._covered[index]),
                {cleared_index: days[index]},
                region,
            )
            for index, cleared_index in cleared.items()
        }
        self._cleared_lists = cleared

    def _known_until(self, index: int) -> date | None:
        """Return the first day for which the book or any answer is too old."""
        days = [day for day in (super()._known_until(index),) if day is not None]
        if index in self._cleared_numbers:
            end = from_epoch_day(self._cleared_numbers[index].earliest_end())
            days += [end] if end is not None else []
        return min(days, default=None)

    def match(self, key: int, newest: Newest) -> int:
        """Return -1 if a key is clear, or else the code of what blocks the key."""
        code = super().match(key, newest)
        if code >= 0:
            return code
        for index, cleared in self._cleared_numbers.items():
            if cleared.match(key, newest) < 0:
                return _FIRST_UNKNOWN + index
        return -1

    def match_many(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the code that `match` returns for each key."""
        out = super().match_many(keys)
        numbers = keys >= _digits.FIRST_KEY
        for index, cleared in self._cleared_numbers.items():
            not_cleared = cleared.match_many(keys) < 0
            out[numbers & not_cleared & (out < 0)] = _FIRST_UNKNOWN + index
        return out

    def is_blocked(self, key: int, newest: Newest) -> bool:
        """Return True if a key is blocked; raise an error if the key is not known."""
        code = self.match(key, newest)
        if _is_unknown(code):
            index = code - _FIRST_UNKNOWN
            is_stale = self._unknown_reason(key, code, newest) == "stale_answer"
            kind = "answer" if self._lists[index].distribution is None else "file"
            got = f"{'an expired' if is_stale else 'no'} {kind}"
            where, message = f"list {self._names[index]}", _MESSAGES[kind][is_stale]
            raise NotKnownError(f"a valid {kind}", got, where, message=message)
        return code >= 0

    def statuses(
        self, keys: NDArray[np.uint64], matches: NDArray[np.int32]
    ) -> NDArray[np.uint8]:
        """Return the status of each row; `UNKNOWN` means that no answer is valid."""
        statuses = super().statuses(keys, matches)
        is_unknown = (matches >= _FIRST_UNKNOWN) & (matches < _LAST_UNKNOWN)
        statuses[is_unknown] = UNKNOWN
        return statuses

    def reason(self, code: int) -> tuple[str, date | None, date | None]:
        """Return the result of `Question.reason`, also if there is no valid answer."""
        if _is_unknown(code):
            return f"{self._names[code - _FIRST_UNKNOWN]} not known", None, None
        return super().reason(code)

    def verdict(self, key: int, newest: Newest) -> Verdict:
        """Return the result of `Book.check` for a key."""
        code = self.match(key, newest)
        if not _is_unknown(code):
            return super().verdict(key, newest)
        reason = self._unknown_reason(key, code, newest)
        name = self._names[code - _FIRST_UNKNOWN]
        return Verdict(Status.BLOCKED, number_of(key), name, None, None, reason)

    def _unknown_reason(self, key: int, code: int, newest: Newest) -> str:
        """Return `stale_answer` if an answer has expired, otherwise `not_known`."""
        index = code - _FIRST_UNKNOWN
        cleared, day = self._cleared_lists[index], self._days[index]
        expired = any(
            entry.list == cleared and entry.ends_on <= day
            for _, entry in self._entries_of(key, newest)
        ) or any(
            rule.ends_on <= day and str(key).startswith(str(rule.prefix))
            for rule in self._covered[index]
        )
        return "stale_answer" if expired else "not_known"


#: Messages about a missing answer or file, and about one that is too old.
_MESSAGES: Final = {
    "answer": (
        "the operator of the list gave no answer about the phone number: do not call",
        "the operator of the list gave an answer about the phone number that has "
        "expired: do not call",
    ),
    "file": (
        "no imported file of the list covers the phone number on this day: do not call",
        "the imported file of the list that covers the phone number is too old: do not "
        "call, or import a newer file",
    ),
}


def _covered(state: State, index: int, cleared: int) -> tuple[PrefixRule, ...]:
    """Return the prefixes whose phone numbers are clear if they are not on a list.

    Only a list that is handed out as files has such prefixes: the prefixes in its
    files, and those of regions whose phone numbers are never on the list.
    """
    distribution = state.lists[index].rules.distribution
    if distribution is None:
        return ()
    in_files = (rule for rule in state.prefixes if rule.list == cleared)
    outside = prefixes_outside(distribution.regions)
    never = (
        PrefixRule(cleared, each, UNDATED, NO_END, blocks=True) for each in outside
    )
    return (*in_files, *never)


def _is_unknown(code: int) -> bool:
    return _FIRST_UNKNOWN <= code < _LAST_UNKNOWN
