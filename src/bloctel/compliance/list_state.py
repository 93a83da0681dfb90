"""What a book of lists says of a number, as far as a judgement needs it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bloctel import rules
from bloctel._util import clock
from bloctel.compliance.facts import ListState
from bloctel.errors import CannotAnswerError, UnknownListError
from bloctel.lookup.question import Status
from bloctel.numbers.phone_number import PhoneNumber

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from bloctel.lookup.book import Book

__all__ = [
    "WORST_FIRST",
    "asked",
    "list_states",
    "names_by_day",
    "names_to_ask",
    "zone_of",
]

#: What lists say, by what decides where they say different things.
WORST_FIRST: Final = (
    ListState.LISTED,
    ListState.UNANSWERED,
    ListState.NOT_KNOWN,
    ListState.CLEAR,
)

#: Why a number is blocked of which nobody knows whether it is on the list.
_NOT_KNOWN = ("not_known", "stale_answer")


def list_states(
    book: Book | None,
    key: int,
    at: datetime,
    *,
    national: Collection[str],
    lists: Collection[str] | None = None,
) -> tuple[ListState, ListState]:
    """Return what the lists that the law names say of a number, and what the others.

    Args:
        book: The book, if there is one.
        key: The number.
        at: The moment; each list is asked about the day it is then in its own zone.
        national: The lists that the law of the day names.
        lists: The lists to ask; all if None.

    Raises:
        UnknownListError: The book holds none of one of the names in `lists`.
    """
    if book is None:
        return ListState.NO_BOOK, ListState.NO_BOOK
    try:
        held = names_to_ask(book, lists)
    except CannotAnswerError:
        return ListState.UNANSWERED, ListState.UNANSWERED
    named, own = names_by_day(held, at, national=national)
    return _state(book, key, named), _state(book, key, own)


def names_to_ask(book: Book, lists: Collection[str] | None) -> list[str]:
    """Return the lists of oppositions that a book holds, or those that are wanted.

    Raises:
        UnknownListError: The book holds none of one of the names in *lists*.
        CannotAnswerError: The book cannot say what it holds.
    """
    held = [name for name in book.lists if not _vouches(name)]
    if lists is None:
        return held
    for name in lists:
        if name not in held:
            known = ", ".join(held)
            raise UnknownListError(f"one of {known}", rules.shown_name(name), "lists")
    return [name for name in held if name in lists]


def names_by_day(
    held: Iterable[str], at: datetime, *, national: Collection[str]
) -> tuple[dict[date, list[str]], dict[date, list[str]]]:
    """Return which lists to ask about which day at a moment.

    Returns:
        Those that the law names, and the others that are open.
    """
    named: dict[date, list[str]] = defaultdict(list)
    own: dict[date, list[str]] = defaultdict(list)
    for name in held:
        day = day_of(name, at)
        if name.partition(":")[0] in national:
            named[day].append(name)
        elif _is_open(name, day):  # a list that has closed says nothing
            own[day].append(name)
    return named, own


def _vouches(name: str) -> bool:
    """Tell whether a list holds answers instead of oppositions."""
    try:
        return rules.load(name).vouches_for is not None
    except UnknownListError:
        return False


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of a list's days."""
    try:
        return clock.zone(rules.load(name).time_zone)
    except UnknownListError:
        return clock.zone(rules.load("own").time_zone)


def day_of(name: str, at: datetime) -> date:
    """Return the day that it is for a list."""
    return at.astimezone(zone_of(name)).date()


def _is_open(name: str, day: date) -> bool:
    try:
        return rules.load(name).is_open(day)
    except UnknownListError:
        return True


def _state(book: Book, key: int, by_day: Mapping[date, list[str]]) -> ListState:
    if not by_day:
        return ListState.NOT_HELD
    states = {asked(book, key, day, lists) for day, lists in by_day.items()}
    return min(states, key=WORST_FIRST.index)


def asked(book: Book, key: int, day: date, names: list[str]) -> ListState:
    """Return what some lists say of a number on a day."""
    try:
        verdict = book.check(PhoneNumber(key), on=day, lists=names)
    except CannotAnswerError:
        return ListState.UNANSWERED
    if verdict.status is Status.CLEAR:
        return ListState.CLEAR
    if verdict.reason in _NOT_KNOWN:
        return ListState.NOT_KNOWN
    return ListState.LISTED
