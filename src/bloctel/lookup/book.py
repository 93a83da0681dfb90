"""Book: a set of opposition lists in which phone numbers can be looked up.

A `Question` is a prepared look-up with fixed lists and a fixed day.  A `Book` makes and
caches questions, and uses them for look-ups.  `Registry` and `Snapshot` are books.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from bloctel import errors
from bloctel._util import clock
from bloctel.lookup._probe import CompiledBook, Probe
from bloctel.lookup.answers_only import make_question
from bloctel.lookup.question import (
    BookList,
    OrBlock,
    Provenance,
    Question,
    State,
    Status,
    Verdict,
)
from bloctel.lookup.table import UNDATED, Overlay, Table
from bloctel.numbers import _digits
from bloctel.numbers.phone_number import check_region, reason_of, require_keys
from bloctel.periods import NO_END, plain_day, to_epoch_day
from bloctel.rules import ListRules, check_name, unknown_list_error

if TYPE_CHECKING:
    from bloctel.tabular.outputs import Written

_CACHED_QUESTIONS: Final = 64

_T = TypeVar("_T")


class ClosedState:
    """State of a book that was closed or has failed: each look-up raises *error*."""

    def __init__(self, error: errors.CannotAnswerError) -> None:
        self._error = error

    @classmethod
    def of(cls, kind: str, where: str) -> Self:
        """Return the state of a closed book; *kind* is a word such as "registry"."""
        message = f"the {kind} is closed: open it again"
        expected, got = f"an open {kind}", f"a closed {kind}"
        return cls(errors.CannotAnswerError(expected, got, where, message=message))

    def __getattr__(self, name: str) -> object:
        raise self._error.with_traceback(None)


class _QuestionCache:
    """Cache of prepared look-ups for one state (content) of a book.

    If the content changes, the book makes a new cache.  Each look-up (`Question` or
    `Probe`) is used only between two times.  At other times, the book first checks if
    the content has changed.
    """

    def __init__(self, state: State | ClosedState) -> None:
        self.state = cast("State", state)  # each use of a ClosedState raises an error
        self.recent: dict[object, tuple[Question, float, float]] = {}
        self.probes: dict[date | None, tuple[Probe, float, float]] = {}
        self._by_days: dict[object, Question] = {}

    def question(self, days: dict[int, int], region: str | None) -> Question:
        """Return the look-up; *days* maps the index of each list to its day."""
        key = (*days.items(), region)
        question = self._by_days.get(key)
        if question is None:
            question = self._by_days[key] = make_question(self.state, days, region)
        return question

    def add(self, key: object, question: Question, begin: float, until: float) -> None:
        """Cache a `Question`, which may be used from time *begin* to time *until*."""
        if len(self.recent) >= _CACHED_QUESTIONS:
            self.recent.clear()
            self.probes.clear()
            self._by_days.clear()
        self.recent[key] = question, begin, until


def _names(lists: Iterable[str] | None) -> tuple[str, ...] | None:
    if lists is None:
        return None
    if isinstance(lists, str):
        return (lists,)
    if not isinstance(lists, Iterable):
        got = f"a value of type {type(lists).__name__}"
        raise errors.InputError("a collection of list names", got, "lists")
    return tuple(map(check_name, lists))


class Book(CompiledBook):
    """Set of opposition lists in which phone numbers can be looked up.

    `is_blocked` is inherited from `CompiledBook` in `_probe.pyx`.

    Attributes:
        region: The default region of phone numbers in national form.  The registry or
            the snapshot stores this region.
    """

    #: Seconds for which a cached look-up is used without a check for new content.
    _reuse_seconds: float = float("inf")

    def __init__(self, state: State, region: str | None) -> None:
        self.region = check_region(region)
        self._set_state(state)

    @classmethod
    def of_numbers(
        cls,
        keys: NDArray[np.uint64],
        rules: ListRules,
        region: str | None,
        plain_file: "Written | None" = None,
    ) -> "Book":
        """Return a book of one list that blocks these phone numbers on every day."""
        n = len(keys)
        table = Table.build(
            require_keys(keys),
            np.zeros(n, np.int64),
            np.full(n, UNDATED, np.int64),
            np.full(n, NO_END, np.int64),
        )
        state = State((BookList(rules),), table, Overlay(table), plain_file=plain_file)
        return cls(state, region)

    def _is_blocked(
        self,
        number: object,
        on: date | None,
        lists: Iterable[str] | None,
        region: str | None,
    ) -> bool:
        """Return the result of `is_blocked`; called if the `Probe` cannot decide."""

        def look_up(question: Question) -> bool:
            key, newest = question.read_number(number)
            if key < _digits.FIRST_KEY:
                raise errors.InvalidNumberError(reason_of(key))
            return question.is_blocked(key, newest)

        return self._answer(look_up, on, lists, region, repeats=True)

    def check(
        self,
        number: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> Verdict:
        """Return the status of a phone number, and the list and days that protect it.

        `is_blocked` explains the arguments and the errors, with two differences.  For a
        value that is not a phone number, the verdict has the status `Status.INVALID`.
        For a phone number without a valid answer of the list's operator, the verdict
        has the status `Status.BLOCKED` and the reason `not_known` or `stale_answer`.
        """

        def look_up(question: Question) -> Verdict:
            key, newest = question.read_number(number)
            if key < _digits.FIRST_KEY:
                return Verdict(Status.INVALID, None, None, None, None, reason_of(key))
            return question.verdict(key, newest)

        return self._answer(look_up, on, lists, region, repeats=True)

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
        """Look up a column; return True for each row whose phone number is blocked.

        Args:
            column: The column of phone numbers, in a form that `normalize_many`
                accepts.
            on: See `is_blocked`.
            lists: See `is_blocked`.
            region: See `is_blocked`.
            invalid: The result for a row that is not a phone number: `raise` raises an
                error, `block` returns True for the row.
            unknown: The result for a phone number without a valid answer of the list's
                operator: `raise` or `block`, as for *invalid*.
            threads: The number of threads that look up rows.

        Returns:
            A one-dimensional bool array with an element for each row.

        Raises:
            InvalidNumberError: A row is not a phone number; `where` contains the index
                of the row, from 0.
            NotKnownError: There is no valid answer about the phone number in a row;
                `where` contains the index of the row, from 0.
            InputError: The column does not contain text or integers.
        """
        return self._answer(
            lambda question: question.is_blocked_many(
                column, invalid=invalid, unknown=unknown, threads=threads
            ),
            on,
            lists,
            region,
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

        `is_blocked_many` explains the arguments and the errors, with two differences.
        A row that is not a phone number has the status `Status.INVALID`.  A number
        without a valid answer of the operator has the status `Status.BLOCKED`.
        """
        return self._answer(
            lambda question: question.check_many(column, threads), on, lists, region
        )

    def question(
        self,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> Question:
        """Return a prepared look-up with fixed lists, days and content.

        Raises:
            CannotAnswerError: See `is_blocked`.  The error is raised now, not by the
                first look-up.
        """
        self._refresh()
        state = self._lasting_state()
        days = self._days(state, on, _names(lists))
        question = make_question(state, days, self._region(region))
        question.read_at -= self._age()
        return question

    def _age(self) -> float:
        """Return the age of the content in seconds; 0 if no change can be missing."""
        return 0.0

    @property
    def provenance(self) -> Provenance | None:
        """The registry of the content, and the last change that look-ups have seen."""
        return self._state.provenance

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists in the book."""
        self._refresh()
        return tuple(each.rules.name for each in self._state.lists)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that contain the lists; programs must not overwrite them."""
        self._refresh()
        return self._state.files

    def close(self) -> None:
        """Close the book; for a book in memory, this does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refresh(self) -> None:
        """Read the content of the book again if its storage or file has changed."""

    def _require_unmodified(self) -> None:
        """Raise an error if another program modified the content of the book."""

    @property
    def _state(self) -> State:
        return self._questions.state

    def _lasting_state(self) -> State:
        """Return the content as it is now; a later change of the file has no effect."""
        return self._state

    def _set_state(self, state: State | ClosedState) -> None:
        """Use *state* for later look-ups; but a closed book stays closed."""
        self._publish(_QuestionCache(state), is_final=isinstance(state, ClosedState))

    def _answer(
        self,
        look_up: Callable[[Question], _T],
        on: date | None,
        lists: Iterable[str] | None,
        region: str | None,
        *,
        repeats: bool = False,
    ) -> _T:
        """Return the result of *look_up*; a second call is allowed if *repeats*."""
        found = look_up(self._question(on, _names(lists), self._region(region)))
        self._require_unmodified()
        return found

    def _region(self, region: str | None) -> str | None:
        return self.region if region is None else check_region(region)

    def _question(
        self, on: date | None, lists: tuple[str, ...] | None, region: str | None
    ) -> Question:
        now = clock.coarse_wall()
        on = None if on is None else plain_day(on)
        key = on, lists, region
        cached = self._questions.recent.get(key)
        if cached is not None and cached[1] <= now < cached[2]:
            return cached[0]
        self._refresh()
        cache, seconds = self._questions, self._reuse_seconds
        if on is None:
            zones = {each.rules.time_zone for each in cache.state.lists}
            seconds = min(seconds, clock.seconds_of_today(zones))
        question = cache.question(self._days(cache.state, on, lists), region)
        cache.add(key, question, now, now + seconds)
        if lists is None and region == self.region and question.probe is not None:
            cache.probes[on] = question.probe, now, now + seconds
        return question

    def _days(
        self, state: State, on: date | None, lists: tuple[str, ...] | None
    ) -> dict[int, int]:
        """Return the index and the look-up day of each requested list that is open."""
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


def was_blocked(book: Book, key: int, on: date, name: str) -> bool:
    """Return True if the data that is left of an erased day shows a block on a list."""
    state = book._state
    index = [each.rules.name for each in state.lists].index(name)
    # without days, the overlay accepts an erased day
    newest = state.overlay.newest([key], {})
    question = Question(state, {index: to_epoch_day(on)}, book.region)
    return question.is_blocked(key, newest)


def _require_covered(book_list: BookList, day: date, until: date | None) -> None:
    where = f"list {book_list.rules.name}"
    first = book_list.complete_from
    if first is not None and day < first:
        expected = f"{first} or a later day (the data of earlier days was erased)"
        raise errors.DayNotCoveredError(expected, day.isoformat(), where)
    if until is not None and day >= until:
        expected = f"a day before {until} (build a new snapshot for later days)"
        raise errors.StaleSnapshotError(expected, day.isoformat(), where)


def _requested_indexes(state: State, lists: tuple[str, ...] | None) -> Sequence[int]:
    index_of = {
        each.rules.name: index
        for index, each in enumerate(state.lists)
        if not each.rules.opposition_list
    }
    if not index_of:
        advice = "use Registry.add_list or bloctel registry add-list"
        message = f"the book has no list; to add a list to a registry, {advice}"
        expected, got = "a book with a list", "a book without lists"
        raise errors.CannotAnswerError(expected, got, message=message)
    if lists is None:
        return list(index_of.values())
    if not lists:
        raise errors.InputError("at least one list", "an empty list", "lists")
    unknown = set(lists) - index_of.keys()
    if unknown:
        raise unknown_list_error(min(unknown), index_of)
    return [index for name, index in index_of.items() if name in lists]
