"""The plainest registry that can be right: a dict, and days tested one by one.

It takes the periods of a single registration from the rules, which have their own
tests, and nothing else from the library but its error classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bloctel import rules
from bloctel.errors import (
    CannotAnswerError,
    DayNotCoveredError,
    InputError,
    ListClosedError,
    NotRegisteredError,
    StaleSnapshotError,
    UnknownListError,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bloctel.periods import RegistrationPeriod

__all__ = ["Answer", "Model"]


@dataclass(frozen=True)
class Answer:
    """What is known of a number on a day."""

    blocked: bool
    list: str | None = None
    since: date | None = None
    until: date | None = None
    reason: str = "registered"


@dataclass(frozen=True)
class Held:
    """One registration."""

    period: RegistrationPeriod
    withdrawn_on: date | None = None


@dataclass
class Model:
    """Registrations by list, key and day of registration, as known on a day."""

    today: date
    lists: list[str] = field(default_factory=list)
    held: dict[tuple[str, int, date], Held] = field(default_factory=dict)
    complete_from: dict[str, date] = field(default_factory=dict)
    covered_until: date | None = None  # of a snapshot

    def register(
        self, list: str, keys: Iterable[int], on: date, delay: int | None
    ) -> int:
        """Register, and return how many registrations were new."""
        period = rules.load(list).registration_period(on, delay_days=delay)
        if list not in self.lists:
            self.lists.append(list)
        new = 0
        for key in keys:
            known = self.held.get((list, key, on))
            if known is None or known.withdrawn_on == on:
                self.held[list, key, on] = Held(period)
                new += 1
        return new

    def renew(self, list: str, key: int, on: date) -> None:
        """Renew what is in course and was not withdrawn."""
        for name in self._in_course(list, key, on, renews=True):
            known = self.held[name]
            period = rules.load(list).renewed_period(known.period, name[2], on=on)
            self.held[name] = replace(known, period=period)

    def withdraw(self, list: str, key: int, on: date) -> None:
        """End what is in course on that day."""
        for name in self._in_course(list, key, on, renews=False):
            known = self.held[name]
            period = rules.load(list).withdrawn_period(known.period, name[2], on=on)
            self.held[name] = Held(period, on)

    def _in_course(
        self, list: str, key: int, on: date, *, renews: bool
    ) -> list[tuple[str, int, date]]:
        rules.load(list).require_open(on)
        if list not in self.lists:
            raise UnknownListError("a list", "another")
        found = []
        for name, known in self.held.items():
            end = known.period.ends_on
            if name[:2] != (list, key) or name[2] > on or (end and end <= on):
                continue
            if renews and known.withdrawn_on is not None:
                continue
            found.append(name)
        if not found:
            raise NotRegisteredError("a registration", "none")
        return found

    def purge(self, on: date) -> dict[str, int]:
        """Erase what is due, and return how many by list."""
        if self.lists:
            self._require_come(on)
        erased = dict.fromkeys(self.lists, 0)
        for name, known in list(self.held.items()):
            end = known.period.ends_on
            due = rules.load(name[0]).erase_on(end, withdrawn_on=known.withdrawn_on)
            if due is None or due > on:
                continue
            del self.held[name]
            erased[name[0]] += 1
            if end is not None and not known.period.is_empty:
                first = self.complete_from.get(name[0], date.min)
                self.complete_from[name[0]] = max(first, end)
        return erased

    def forget(self, key: int, on: date) -> int:
        """Erase all that is known of a number, and return how much that was."""
        self._require_come(on)
        found = [name for name in self.held if name[1] == key]
        if any(registered_on > on for _, _, registered_on in found):
            raise InputError("a day from the receipts on", "one before")
        for name in found:
            period = self.held.pop(name).period
            end = min(period.ends_on or date.max, on)
            if period.starts_on < end:
                first = self.complete_from.get(name[0], date.min)
                self.complete_from[name[0]] = max(first, end)
        return len(found)

    def _require_come(self, on: date) -> None:
        if on > self.today:
            raise InputError("a day that has come", "one to come")

    def require_answer(self, on: date, lists: Collection[str] | None) -> list[str]:
        """Return the lists that answer for that day, or raise as a book must."""
        if not self.lists:
            raise CannotAnswerError("a list", "none")
        asked = [name for name in self.lists if lists is None or name in lists]
        if lists is not None and set(lists) - set(self.lists):
            raise UnknownListError("a list", "another")
        answering = [name for name in asked if rules.load(name).is_open(on)]
        if not answering:
            raise ListClosedError(asked[0], on, "a day")
        for name in answering:
            if on < self.complete_from.get(name, date.min):
                raise DayNotCoveredError("a day", "another")
            if self.covered_until is not None and on >= self.covered_until:
                raise StaleSnapshotError("a day", "another")
        return answering

    def answer(self, key: int, on: date, lists: Collection[str] | None) -> Answer:
        """Say of one number whether any list protects it on that day, and why."""
        ended = begun = False
        for name in self.require_answer(on, lists):
            periods = [h.period for n, h in self.held.items() if n[:2] == (name, key)]
            if any(period.covers(on) for period in periods):
                return Answer(True, name, *_run(periods, on))
            for period in periods:
                if not period.is_empty:
                    begun = True
                    ended |= period.ends_on is not None and period.ends_on <= on
        clear = "not_yet_protected" if begun else "not_listed"
        return Answer(False, reason="period_ended" if ended else clear)


def _run(periods: list[RegistrationPeriod], on: date) -> tuple[date, date | None]:
    """Return the run of protected days around *on*, found period by period."""
    covering = [period for period in periods if period.covers(on)]
    since = min(period.starts_on for period in covering)
    while any(p.covers(since - timedelta(days=1)) for p in periods):
        since = min(p.starts_on for p in periods if p.covers(since - timedelta(days=1)))
    day: date | None = on
    while day is not None:
        around = [p.ends_on for p in periods if p.covers(day)]
        if not around:
            return since, day
        day = None if None in around else max(end for end in around if end)
    return since, None
