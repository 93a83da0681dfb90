"""Book: a set of lists that answers look-ups.

A look-up says whether a number is on a list on a day, on which list, since when and
until when.  A `Book` makes a `Question` for the day and the lists, caches the last
questions, and looks up numbers with them.  `Registry` and `Snapshot` are books.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

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
from bloctel.lookup.answers_only import make_question
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

_CACHED_QUESTIONS: Final = 64
_TODAY_SECONDS: Final = 1.0

_T = TypeVar("_T")


class _QuestionCache:
    """Cache of the questions to one state of a book.

    Cached per state, so a look-up on an old state cannot pollute the cache of a newer
    one.

    Attributes:
        recent: By day and lists, the question, and the time (`clock.elapsed`) until
            which it is valid without a check of the state.
        probes: The `probes` of `CompiledBook`.
    """

    def __init__(self, state: State | ClosedState) -> None:
        self.state = cast("State", state)  # each use of a closed one raises
        self.recent: dict[object, tuple[Question, float]] = {}
        self.probes: dict[date | None, tuple[Probe, float]] = {}
        self._by_days: dict[tuple[tuple[int, int], ...], Question] = {}

    def question(self, days: dict[int, int], region: str | None) -> Question:
        """Return the question for these days of the lists."""
        key = tuple(days.items())
        question = self._by_days.get(key)
        if question is None:
            question = self._by_days[key] = make_question(self.state, days, region)
        return question

    def add(
        self,
        on: date | None,
        lists: tuple[str, ...] | None,
        question: Question,
        until: float,
    ) -> None:
        """Cache a question until that time."""
        if len(self.recent) >= _CACHED_QUESTIONS:
            self.recent.clear()
            self.probes.clear()
            self._by_days.clear()
        self.recent[on, lists] = question, until
        if lists is None and question.probe is not None:
            self.probes[on] = question.probe, until


def _names(lists: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the names of the requested lists; an iterator can be read only once."""
    if lists is None:
        return None
    return (lists,) if isinstance(lists, str) else tuple(lists)


class ClosedState:
    """State of a closed book: each use raises an error."""

    def __init__(self, kind: str, where: str) -> None:
        self._error = CannotAnswerError(
            f"an open {kind}",
            f"a closed {kind}",
            where,
            message=f"the {kind} is closed: open it again",
        )

    def __getattr__(self, name: str) -> object:
        raise self._error


class Book(CompiledBook):
    """A set of lists that answers look-ups.

    `is_blocked` is compiled: see `CompiledBook` in `_probe.pyx`.

    Attributes:
        region: The default region of numbers in national form, stored in the registry
            or the snapshot.
    """

    #: The seconds for which a question with a given day is valid without a check of
    #: the state.
    _reuse_seconds: float = float("inf")

    def __init__(self, state: State, region: str | None) -> None:
        self.region = check_region(region)
        self._set_state(state)

    @classmethod
    def of_numbers(
        cls, keys: NDArray[np.uint64], rules: ListRules, region: str | None
    ) -> Book:
        """Return a book in which these numbers are blocked on every day."""
        n = len(keys)
        table = Table.build(
            keys,
            np.zeros(n, np.int64),
            np.full(n, UNDATED, np.int64),
            np.full(n, NO_END, np.int64),
        )
        return cls(State((BookList(rules),), table, Overlay(table)), region)

    # -- look-ups -------------------------------------------------------------

    def _is_blocked(
        self,
        number: object,
        on: date | None,
        lists: Iterable[str] | None,
        region: str | None,
    ) -> bool:
        """Return `is_blocked` for calls that compiled code cannot answer alone."""
        region = self._region(region)

        def look_up(question: Question) -> bool:
            key, known = question.read_number(number, region)
            if key < _digits.FIRST_KEY:
                raise InvalidNumberError(reason_of(key))
            return question.is_blocked(key, known)

        return self._answer(look_up, on, lists)

    def check(
        self,
        number: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> Verdict:
        """Return whether *number* is blocked, by which list, since and until when.

        Arguments and errors are those of `is_blocked`, with two exceptions: a value
        that is not a phone number gives a verdict with `Status.INVALID`, and a number
        without a valid answer gives one with `Status.BLOCKED` and the reason
        `not_known` or `stale_answer`.
        """
        region = self._region(region)

        def look_up(question: Question) -> Verdict:
            key, known = question.read_number(number, region)
            if key < _digits.FIRST_KEY:
                return Verdict(Status.INVALID, None, None, None, None, reason_of(key))
            return question.verdict(key, known)

        return self._answer(look_up, on, lists)

    def is_blocked_many(  # noqa: PLR0913 - one option per kind of row
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
        """Return for each row of a column whether it is blocked.

        Args:
            column: A column, as for `normalize_many`.
            on: As for `is_blocked`.
            lists: As for `is_blocked`.
            region: As for `is_blocked`.
            invalid: Whether to `raise` or to `block` for a row that is not a phone
                number.
            unknown: Whether to `raise` or to `block` for a number without a valid
                answer.
            threads: The number of threads.  A column of Python objects (a list, an
                iterable) is always read by one thread.

        Returns:
            A one-dimensional bool array with one element per row.

        Raises:
            InvalidNumberError: A row is not a phone number; `where` has its index,
                from 0.
            NotKnownError: There is no valid answer about a row; `where` has its index.
            InputError: The column does not contain text or integers.
        """
        region = self._region(region)

        return self._answer(
            lambda question: question.is_blocked_many(
                column, region, invalid=invalid, unknown=unknown, threads=threads
            ),
            on,
            lists,
        )

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

        Arguments and errors are those of `is_blocked_many`.  A row that is not a phone
        number gives `Status.INVALID`, and a number without a valid answer
        `Status.BLOCKED`.
        """
        region = self._region(region)

        return self._answer(
            lambda question: question.check_many(column, region, threads), on, lists
        )

    def question(
        self,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> Question:
        """Return a list lookup with fixed lists and days, such as for several files.

        Raises:
            CannotAnswerError: As for `is_blocked`, immediately.
        """
        self._refresh()
        state = self._state
        days = self._days(state, on, _names(lists))
        return make_question(state, days, check_region(region or self.region))

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists in the book."""
        self._refresh()
        return tuple(each.rules.name for each in self._state.lists)

    def close(self) -> None:
        """Close the book; a book in memory has nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- questions ------------------------------------------------------------

    def _refresh(self) -> None:
        """Bring the state up to date; a book with fixed content does nothing."""

    @property
    def _state(self) -> State:
        return self._questions.state

    def _set_state(self, state: State | ClosedState) -> None:
        self._questions = cache = _QuestionCache(state)
        self.probes = cache.probes

    def _answer(
        self,
        look_up: Callable[[Question], _T],
        on: date | None,
        lists: Iterable[str] | None,
    ) -> _T:
        """Return the result of *look_up* for the question to these lists.

        If numbers are erased from the storage during the query, it is repeated once.
        """
        lists = _names(lists)
        question = self._question(on, lists)
        try:
            return look_up(question)
        except DayNotCoveredError:
            self._forget_questions()
            return look_up(self._question(on, lists))

    def _forget_questions(self) -> None:
        """Clear the cache, so that the next look-up checks the state and the day."""
        self._set_state(self._state)

    def _region(self, region: str | None) -> str | None:
        return self.region if region is None else check_region(region)

    def _question(self, on: date | None, lists: tuple[str, ...] | None) -> Question:
        """Return the question for that day and those lists, cached or new."""
        now = clock.elapsed()
        cached = self._questions.recent.get((on, lists))
        if cached is not None and now < cached[1]:
            return cached[0]
        self._refresh()
        cache = self._questions
        question = cache.question(self._days(cache.state, on, lists), self.region)
        # today changes while a process sleeps, so the day is checked again soon
        seconds = self._reuse_seconds
        until = now + (seconds if on else min(seconds, _TODAY_SECONDS))
        cache.add(on, lists, question, until)
        return question

    def _days(
        self, state: State, on: date | None, lists: tuple[str, ...] | None
    ) -> dict[int, int]:
        """Return the day of the look-up for each open list, by its index."""
        days: dict[int, int] = {}
        closed: tuple[ListRules, date] | None = None
        for index in _requested_indexes(state, lists):
            each = state.lists[index]
            day = clock.today(each.rules.time_zone) if on is None else plain_day(on)
            if not each.rules.is_open(day):
                closed = closed or (each.rules, day)
                continue
            _require_covered(each, day, state.covered_until)
            days[index] = to_epoch_day(day)
        if not days and closed is not None:
            closed[0].require_open(closed[1])
        return days


def _require_covered(book_list: BookList, day: date, until: date | None) -> None:
    where = f"list {book_list.rules.name}"
    first = book_list.complete_from
    if first is not None and day < first:
        raise DayNotCoveredError(
            f"a day from {first} on (data before it has been erased)",
            day.isoformat(),
            where,
        )
    if until is not None and day >= until:
        raise StaleSnapshotError(
            f"a day before {until} (later, registrations are missing)",
            day.isoformat(),
            where,
        )


def _requested_indexes(state: State, lists: tuple[str, ...] | None) -> Sequence[int]:
    """Return the indexes of the requested lists."""
    index_of = {
        each.rules.name: index
        for index, each in enumerate(state.lists)
        if not each.rules.opposition_list
    }
    if not index_of:
        raise CannotAnswerError(
            "a book with at least one list",
            "a book without lists",
            message="the book has no list: nothing has been registered in it yet",
        )
    if lists is None:
        return list(index_of.values())
    if not lists:
        raise InputError("at least one list", "an empty list", "lists")
    unknown = set(lists) - index_of.keys()
    if unknown:
        got = min(shown_name(name) for name in unknown)
        raise UnknownListError(f"one of {', '.join(index_of)}", got, "lists")
    return [index for name, index in index_of.items() if name in lists]
