"""Look-ups: is this number on a list on that day, on which one, since and until when.

A `Book` is what users ask: it makes a `Question` of the day and the lists, remembers
the last ones, and puts numbers to it.

`Registry` and `Snapshot` are books, so that they answer alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, cast

import numpy as np

from bloctel._util import clock
from bloctel.errors import (
    CannotAnswerError,
    DayNotCoveredError,
    InputError,
    InvalidNumberError,
    StaleSnapshotError,
    UnknownListError,
)
from bloctel.lookup._probe import CompiledBook
from bloctel.lookup.answers_only import question_of
from bloctel.lookup.question import BookList, Question, State, Status, Verdict
from bloctel.lookup.table import UNDATED, Overlay, Table
from bloctel.numbers import _digits
from bloctel.numbers.phone_number import check_region, reason_of
from bloctel.periods import NO_END, plain_day, to_epoch_day
from bloctel.rules import shown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from bloctel.lookup._probe import Probe
    from bloctel.lookup.question import OrBlock
    from bloctel.rules import ListRules

__all__ = ["Book", "ClosedState"]

_REMEMBERED_QUESTIONS: Final = 64
_TODAY_SECONDS: Final = 1.0

_T = TypeVar("_T")


class _Asked:
    """The questions that were asked of one state, so that they need not be made again.

    They go with the state: a look-up that began on an older state can leave nothing
    behind in a newer one.

    Attributes:
        recent: By what was asked, the question, and the moment (`clock.elapsed`)
            until which it stands without another look.
        probes: The `probes` of `CompiledBook`.
    """

    def __init__(self, state: State | ClosedState) -> None:
        self.state = cast("State", state)  # a closed one raises whatever is asked
        self.recent: dict[object, tuple[Question, float]] = {}
        self.probes: dict[date | None, tuple[Probe, float]] = {}
        self._by_days: dict[tuple[tuple[int, int], ...], Question] = {}

    def question(self, days: dict[int, int], region: str | None) -> Question:
        """Return the question that asks these days of the lists."""
        name = tuple(days.items())
        question = self._by_days.get(name)
        if question is None:
            question = self._by_days[name] = question_of(self.state, days, region)
        return question

    def remember(
        self,
        on: date | None,
        lists: tuple[str, ...] | None,
        question: Question,
        until: float,
    ) -> None:
        """Keep a question until that moment."""
        if len(self.recent) >= _REMEMBERED_QUESTIONS:
            self.recent.clear()
            self.probes.clear()
            self._by_days.clear()
        self.recent[on, lists] = question, until
        if lists is None and question.probe is not None:
            self.probes[on] = question.probe, until


def _names(lists: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the names of the lists asked; an iterator can be read only once."""
    if lists is None:
        return None
    return (lists,) if isinstance(lists, str) else tuple(lists)


class ClosedState:
    """What a closed book knows: nothing, and it says so."""

    def __init__(self, kind: str, where: str) -> None:
        self._error = CannotAnswerError(f"an open {kind}", "a closed one", where)

    def __getattr__(self, name: str) -> object:
        raise self._error


class Book(CompiledBook):
    """A set of lists that answers questions.

    `is_blocked` is compiled: see `CompiledBook` in `_probe.pyx`.

    Attributes:
        region: The region by which national forms are read unless a call says
            otherwise, stored with the registry or the snapshot.
    """

    #: How long a question with a given day stands without a look at the state.
    _reuse_seconds: float = float("inf")

    def __init__(self, state: State, region: str | None) -> None:
        self.region = check_region(region)
        self._set_state(state)

    @classmethod
    def of_numbers(
        cls, keys: NDArray[np.uint64], rules: ListRules, region: str | None
    ) -> Book:
        """Return a book in which these numbers are blocked on every day it knows."""
        n = len(keys)
        table = Table.build(
            keys,
            np.zeros(n, np.int64),
            np.full(n, UNDATED, np.int64),
            np.full(n, NO_END, np.int64),
        )
        return cls(State((BookList(rules),), table, Overlay(table)), region)

    # -- asking ---------------------------------------------------------------

    def _is_blocked(
        self,
        number: object,
        on: date | None,
        lists: Iterable[str] | None,
        region: str | None,
    ) -> bool:
        """Return `is_blocked` for calls that compiled code cannot answer alone."""
        region = self._region(region)

        def ask(question: Question) -> bool:
            key, known = question.ask(number, region)
            if key < _digits.FIRST_KEY:
                raise InvalidNumberError(reason_of(key))
            return question.is_blocked(key, known)

        return self._answer(ask, on, lists)

    def check(
        self,
        number: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> Verdict:
        """Return whether *number* is blocked, by which list, since and until when.

        Arguments and errors are those of `is_blocked`, but that a text which is no
        number gives a verdict with `Status.INVALID`, and a number of which nobody knows
        one with `Status.BLOCKED` and the reason `not_known` or `stale_answer`.
        """
        region = self._region(region)

        def ask(question: Question) -> Verdict:
            key, known = question.ask(number, region)
            if key < _digits.FIRST_KEY:
                return Verdict(Status.INVALID, None, None, None, None, reason_of(key))
            return question.verdict(key, known)

        return self._answer(ask, on, lists)

    def is_blocked_many(  # noqa: PLR0913 - each says what one kind of row is to be
        self,
        column: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
        invalid: OrBlock = "raise",
        unknown: OrBlock = "raise",
        threads: int = 1,
    ) -> NDArray[np.bool_]:
        """Tell of each row of a column whether it is blocked.

        Args:
            column: What `normalize_many` takes.
            on: As for `is_blocked`.
            lists: As for `is_blocked`.
            region: As for `is_blocked`.
            invalid: What to do with a row that is no number: `raise`, or `block`
                it.
            unknown: What to do with a number of which nobody knows, likewise.
            threads: How many threads share the work.  A column of Python objects
                (a list, an iterable) is read by one whatever this says.

        Returns:
            A one-dimensional bool array, one element a row.

        Raises:
            InvalidNumberError: A row is no number; `where` is its place, from 0.
            NotKnownError: Nobody knows of a row; its place is in `where`.
            InputError: The column holds something else than text or whole numbers.
        """
        region = self._region(region)

        def ask(question: Question) -> NDArray[np.bool_]:
            return question.is_blocked_many(
                column, region, invalid=invalid, unknown=unknown, threads=threads
            )

        return self._answer(ask, on, lists)

    def check_many(
        self,
        column: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
        threads: int = 1,
    ) -> NDArray[np.uint8]:
        """Return the `Status` of each row of a column, as a uint8 array.

        Arguments and errors are those of `is_blocked_many`; a row that is no number
        gives `Status.INVALID`, and a number of which nobody knows `Status.BLOCKED`.
        """
        region = self._region(region)

        def ask(question: Question) -> NDArray[np.uint8]:
            return question.check_many(column, region, threads)

        return self._answer(ask, on, lists)

    def question(
        self,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> Question:
        """Fix the day and the lists once, for a file that is read piece by piece.

        Raises:
            CannotAnswerError: As for `is_blocked`, at once.
        """
        self._refresh()
        state = self._state
        days = self._days(state, on, _names(lists))
        return question_of(state, days, check_region(region or self.region))

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists that the book holds."""
        self._refresh()
        return tuple(held.rules.name for held in self._state.lists)

    # -- questions ------------------------------------------------------------

    def _refresh(self) -> None:
        """Bring the state up to date; a book of fixed content has nothing to do."""

    @property
    def _state(self) -> State:
        return self._memo.state

    def _set_state(self, state: State | ClosedState) -> None:
        self._memo = memo = _Asked(state)
        self.probes = memo.probes

    def _answer(
        self,
        ask: Callable[[Question], _T],
        on: date | None,
        lists: Iterable[str] | None,
    ) -> _T:
        """Return what *ask* makes of the question for that day and those lists.

        Where numbers are erased while a storage is asked for them, it is asked anew.
        """
        lists = _names(lists)
        question = self._asked(on, lists)
        try:
            return ask(question)
        except DayNotCoveredError:
            self._forget_questions()
            return ask(self._asked(on, lists))

    def _forget_questions(self) -> None:
        """Look at the state, and at the day, before the next answer."""
        self._set_state(self._state)

    def _region(self, region: str | None) -> str | None:
        return self.region if region is None else check_region(region)

    def _asked(self, on: date | None, lists: Iterable[str] | None) -> Question:
        """Return the question for that day and those lists, made or remembered."""
        moment = clock.elapsed()
        lists = _names(lists)
        known = self._memo.recent.get((on, lists))
        if known is not None and moment < known[1]:
            return known[0]
        self._refresh()
        memo = self._memo
        days = self._days(memo.state, on, lists)
        question = memo.question(days, self.region)
        # the day changes under a process that sleeps, so it is looked up again soon
        stands = self._reuse_seconds if on else min(self._reuse_seconds, _TODAY_SECONDS)
        memo.remember(on, lists, question, moment + stands)
        return question

    def _days(
        self, state: State, on: date | None, lists: tuple[str, ...] | None
    ) -> dict[int, int]:
        """Return the day to ask of each open list, by its place."""
        days: dict[int, int] = {}
        closed: tuple[ListRules, date] | None = None
        for place in _places(state, lists):
            held = state.lists[place]
            day = clock.today(held.rules.time_zone) if on is None else plain_day(on)
            if not held.rules.is_open(day):
                closed = closed or (held.rules, day)
                continue
            _require_covered(held, day, state.covered_until)
            days[place] = to_epoch_day(day)
        if not days and closed is not None:
            closed[0].require_open(closed[1])
        return days


def _require_covered(held: BookList, day: date, until: date | None) -> None:
    where = f"list {held.rules.name}"
    if held.complete_from is not None and day < held.complete_from:
        raise DayNotCoveredError(
            f"a day from {held.complete_from} on (data before it has been erased)",
            day.isoformat(),
            where,
        )
    if until is not None and day >= until:
        raise StaleSnapshotError(
            f"a day before {until} (later, registrations are missing)",
            day.isoformat(),
            where,
        )


def _places(state: State, lists: tuple[str, ...] | None) -> Sequence[int]:
    """Return the places of the lists asked."""
    oppositions = [
        place for place, held in enumerate(state.lists) if not held.rules.vouches_for
    ]
    names = [state.lists[place].rules.name for place in oppositions]
    if not names:
        raise CannotAnswerError(
            "a book with at least one list",
            "one without: nothing has been registered in it yet",
        )
    if lists is None:
        return oppositions
    if not lists:
        raise InputError("at least one list", "none", "lists")
    unknown = set(lists) - set(names)
    if unknown:
        got = min(shown_name(name) for name in unknown)
        raise UnknownListError(f"one of {', '.join(names)}", got, "lists")
    return [
        place for place, name in zip(oppositions, names, strict=True) if name in lists
    ]
