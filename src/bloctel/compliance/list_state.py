"""State of a number on the lists of a book."""

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
    from collections.abc import Collection, Iterable
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from bloctel.lookup.book import Book
    from bloctel.rules import ListRules

__all__ = [
    "WORST_FIRST",
    "list_states",
    "lists_by_day",
    "opposition_lists",
    "state_on",
    "zone_of_list",
]

#: States of several lists, in the order of precedence.
WORST_FIRST: Final = (
    ListState.LISTED,
    ListState.UNANSWERED,
    ListState.NOT_KNOWN,
    ListState.CLEAR,
)

#: Reasons of a book that blocks a number without knowing that it is listed.
_NOT_KNOWN: Final = ("not_known", "stale_answer")


def list_states(
    book: Book | None,
    key: int,
    at: datetime,
    *,
    national: Collection[str],
    lists: Collection[str] | None = None,
) -> tuple[ListState, ListState]:
    """Return the state of a number on the lists that the law names, and on the others.

    Args:
        book: The book, or None.
        key: The number.
        at: The instant; each list is queried for its day in the list's own time zone.
        national: The lists that the law of the day names.
        lists: The lists to query; all if None.

    Raises:
        UnknownListError: The book does not contain one of *lists*.
    """
    if book is None:
        return ListState.NO_BOOK, ListState.NO_BOOK
    try:
        names = opposition_lists(book, lists)
    except CannotAnswerError:
        return ListState.UNANSWERED, ListState.UNANSWERED
    of_law, own = (
        min(
            (state_on(book, key, day, some) for day, some in by_day.items()),
            key=WORST_FIRST.index,
            default=ListState.NOT_HELD,
        )
        for by_day in lists_by_day(names, at, national=national)
    )
    return of_law, own


def opposition_lists(book: Book, lists: Collection[str] | None) -> list[str]:
    """Return the requested opposition lists of a book; all if *lists* is None.

    Raises:
        UnknownListError: The book does not contain one of *lists*.
        CannotAnswerError: The book cannot say which lists it contains.
    """
    names = [name for name in book.lists if not _contains_answers(name)]
    if lists is None:
        return names
    for name in lists:
        if name not in names:
            known = ", ".join(names)
            raise UnknownListError(f"one of {known}", rules.shown_name(name), "lists")
    return [name for name in names if name in lists]


def lists_by_day(
    names: Iterable[str], at: datetime, *, national: Collection[str]
) -> tuple[dict[date, list[str]], dict[date, list[str]]]:
    """Return the lists to query at an instant, by the day to query them for.

    Returns:
        The lists that the law names, and the others that are open.
    """
    of_law: dict[date, list[str]] = defaultdict(list)
    own: dict[date, list[str]] = defaultdict(list)
    for name in names:
        day = at.astimezone(zone_of_list(name)).date()
        if name.partition(":")[0] in national:
            of_law[day].append(name)
        elif (rule := _rules_of(name)) is None or rule.is_open(day):
            own[day].append(name)
    return of_law, own


def zone_of_list(name: str) -> ZoneInfo:
    """Return the time zone of a list's days."""
    return clock.zone((_rules_of(name) or rules.load("own")).time_zone)


def _contains_answers(name: str) -> bool:
    """Return True if a list contains an operator's answers instead of oppositions."""
    rule = _rules_of(name)
    return rule is not None and rule.opposition_list is not None


def _rules_of(name: str) -> ListRules | None:
    try:
        return rules.load(name)
    except UnknownListError:
        return None


def state_on(book: Book, key: int, day: date, names: list[str]) -> ListState:
    """Return the state of a number on some lists on a day."""
    try:
        verdict = book.check(PhoneNumber(key), on=day, lists=names)
    except CannotAnswerError:
        return ListState.UNANSWERED
    if verdict.status is Status.CLEAR:
        return ListState.CLEAR
    if verdict.reason in _NOT_KNOWN:
        return ListState.NOT_KNOWN
    return ListState.LISTED
