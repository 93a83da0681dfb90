"""What a book of lists says of a number, as far as a judgement needs it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bloctel import clock, rules
from bloctel.compliance.facts import ListState
from bloctel.errors import CannotAnswerError, UnknownListError
from bloctel.numbers import PhoneNumber
from bloctel.question import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date, datetime

    from bloctel.lookup import Book

__all__ = ["list_states"]

#: Why a number is blocked of which nobody knows whether it is on the list.
_NOT_KNOWN = ("not_known", "stale_answer")


def list_states(
    book: Book | None,
    key: int,
    at: datetime,
    *,
    national: Collection[str],
    only: Collection[str] | None = None,
) -> tuple[ListState, ListState]:
    """Return what the lists that the law names say of a number, and what the others.

    Args:
        book: The book, if there is one.
        key: The number.
        at: The moment; each list is asked about the day it is then in its own zone.
        national: The lists that the law of the day names.
        only: The lists to ask; all if None.

    Raises:
        UnknownListError: The book holds none of one of the names in `only`.
    """
    if book is None:
        return ListState.NO_BOOK, ListState.NO_BOOK
    try:
        held = _names(book, only)
    except CannotAnswerError:
        return ListState.UNANSWERED, ListState.UNANSWERED
    named = [name for name in held if name.partition(":")[0] in national]
    # a list that has closed says nothing; of one that the law names, that is to be told
    own = [name for name in held if name not in named and _is_open(name, at)]
    return _state(book, key, at, named), _state(book, key, at, own)


def _names(book: Book, only: Collection[str] | None) -> list[str]:
    """Return the lists of oppositions that a book holds, or those that are wanted."""
    held = [name for name in book.lists if not _vouches(name)]
    if only is None:
        return held
    for name in only:
        if name not in held:
            known = ", ".join(held)
            raise UnknownListError(f"one of {known}", rules.shown_name(name), "lists")
    return [name for name in held if name in only]


def _vouches(name: str) -> bool:
    """Tell whether a list holds answers instead of oppositions."""
    try:
        return rules.load(name).vouches_for is not None
    except UnknownListError:
        return False


def _day(name: str, at: datetime) -> date:
    """Return the day it is for a list."""
    try:
        time_zone = rules.load(name).time_zone
    except UnknownListError:
        time_zone = rules.load("own").time_zone
    return at.astimezone(clock.zone(time_zone)).date()


def _is_open(name: str, at: datetime) -> bool:
    try:
        return rules.load(name).is_open(_day(name, at))
    except UnknownListError:
        return True


def _state(book: Book, key: int, at: datetime, names: Iterable[str]) -> ListState:
    by_day: dict[date, list[str]] = defaultdict(list)
    for name in names:
        by_day[_day(name, at)].append(name)
    if not by_day:
        return ListState.NOT_HELD
    order = (ListState.LISTED, ListState.UNANSWERED, ListState.NOT_KNOWN)
    states = {_asked(book, key, day, lists) for day, lists in by_day.items()}
    return next((state for state in order if state in states), ListState.CLEAR)


def _asked(book: Book, key: int, day: date, names: list[str]) -> ListState:
    try:
        verdict = book.check(PhoneNumber(key), on=day, lists=names)
    except CannotAnswerError:
        return ListState.UNANSWERED
    if verdict.status is Status.CLEAR:
        return ListState.CLEAR
    if verdict.reason in _NOT_KNOWN:
        return ListState.NOT_KNOWN
    return ListState.LISTED
