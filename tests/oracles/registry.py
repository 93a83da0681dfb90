"""Oracle of registries: a dict of registrations, searched for each look-up.

The periods of a registration come from the rules, which have their own tests.  Except
for them and the error classes, it uses nothing of the library.
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
    """Answer of the oracle about a phone number on a day."""

    blocked: bool
    list: str | None = None
    since: date | None = None
    until: date | None = None
    reason: str = "registered"


@dataclass(frozen=True)
class Stored:
    """Stored registration."""

    period: RegistrationPeriod
    withdrawn_on: date | None = None


@dataclass
class Model:
    """Registrations by list, key and day of registration, as known on a day."""

    today: date
    lists: list[str] = field(default_factory=list)
    stored: dict[tuple[str, int, date], Stored] = field(default_factory=dict)
    complete_from: dict[str, date] = field(default_factory=dict)
    covered_until: date | None = None  # only a snapshot has this day

    def add_list(self, list: str) -> None:
        """Add a list that does not exist yet."""
        if list not in self.lists:
            self.lists.append(list)

    def require_list(self, list: str) -> None:
        """Raise UnknownListError if the list does not exist."""
        if list not in self.lists:
            raise UnknownListError("a list", "another")

    def register(
        self,
        list: str,
        keys: Iterable[int],
        on: date,
        delay: int | None,
        *,
        allow_future: bool = False,
    ) -> int:
        """Register; return the number of new registrations."""
        if not allow_future:
            self.refuse_future(on)
        period = rules.load(list).registration_period(on, delay_days=delay)
        self.require_list(list)
        new = 0
        for key in keys:
            added = period
            if known := self.stored.get((list, key, on)):
                end = known.period.ends_on or date.max
                if (period.ends_on or date.max) <= end:
                    continue
                if not known.period.is_empty:
                    starts_on = min(period.starts_on, known.period.starts_on)
                    added = replace(period, starts_on=starts_on)
            self.stored[list, key, on] = Stored(added)
            new += 1
        return new

    def renew(self, list: str, key: int, on: date) -> None:
        """Renew active registrations that were not withdrawn."""
        for name in self._active(list, key, on, renews=True):
            known = self.stored[name]
            period = rules.load(list).renewed_period(known.period, name[2], on=on)
            self.stored[name] = replace(known, period=period)

    def withdraw(self, list: str, key: int, on: date) -> None:
        """End active registrations on that day."""
        for name in self._active(list, key, on, renews=False):
            known = self.stored[name]
            period = rules.load(list).withdrawn_period(known.period, name[2], on=on)
            self.stored[name] = Stored(period, on)

    def _active(
        self, list: str, key: int, on: date, *, renews: bool
    ) -> list[tuple[str, int, date]]:
        rules.load(list).require_open(on)
        self.require_list(list)
        found = []
        for name, known in self.stored.items():
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
        """Erase registrations that are due; return their numbers by list."""
        if self.lists:
            self.refuse_future(on)
        erased = dict.fromkeys(self.lists, 0)
        for name, known in list(self.stored.items()):
            end = known.period.ends_on
            due = rules.load(name[0]).erase_on(end, withdrawn_on=known.withdrawn_on)
            if due is None or due > on:
                continue
            del self.stored[name]
            erased[name[0]] += 1
            if end is not None and not known.period.is_empty:
                first = self.complete_from.get(name[0], date.min)
                self.complete_from[name[0]] = max(first, end)
        return erased

    def forget(self, key: int, on: date) -> int:
        """Erase all registrations of a key; return their number."""
        self.refuse_future(on)
        found = [name for name in self.stored if name[1] == key]
        if any(on < registered_on <= self.today for _, _, registered_on in found):
            raise InputError("a day from the receipts on", "one before")
        for name in found:
            period = self.stored.pop(name).period
            end = min(period.ends_on or date.max, on)
            if period.starts_on < end:
                first = self.complete_from.get(name[0], date.min)
                self.complete_from[name[0]] = max(first, end)
        return len(found)

    def refuse_future(self, on: date) -> None:
        """Refuse a day after today."""
        if on > self.today:
            raise InputError("a day that has come", "one to come")

    def require_answer(self, on: date, lists: Collection[str] | None) -> list[str]:
        """Return the lists that answer for that day, or raise as a book does."""
        if not self.lists:
            raise CannotAnswerError("a list", "none")
        requested = [name for name in self.lists if lists is None or name in lists]
        if lists is not None and set(lists) - set(self.lists):
            raise UnknownListError("a list", "another")
        answering = [name for name in requested if rules.load(name).is_open(on)]
        if not answering:
            raise ListClosedError(requested[0], on, "a day")
        for name in answering:
            if on < self.complete_from.get(name, date.min):
                raise DayNotCoveredError("a day", "another")
            if self.covered_until is not None and on >= self.covered_until:
                raise StaleSnapshotError("a day", "another")
        return answering

    def answer(self, key: int, on: date, lists: Collection[str] | None) -> Answer:
        """Return whether any list protects a number on that day, and the reason."""
        ended = begun = False
        for name in self.require_answer(on, lists):
            periods = [h.period for n, h in self.stored.items() if n[:2] == (name, key)]
            if any(period.covers(on) for period in periods):
                return Answer(True, name, *_run(periods, on))
            for period in periods:
                if not period.is_empty:
                    begun = True
                    ended |= period.ends_on is not None and period.ends_on <= on
        clear = "not_yet_protected" if begun else "not_listed"
        return Answer(False, reason="period_ended" if ended else clear)


def _run(periods: list[RegistrationPeriod], on: date) -> tuple[date, date | None]:
    """Return the first protected day before *on* and the end of protection after it."""
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
