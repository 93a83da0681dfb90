"""Functions that change registrations in a storage, by the rules of their lists.

`Registry` calls these functions inside a transaction.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel import rules
from bloctel._util import clock
from bloctel._util.instants import past_day
from bloctel._util.private_fields import not_shown
from bloctel.errors import InputError, NotRegisteredError, UnknownListError
from bloctel.numbers.columns import days, days_from
from bloctel.periods import NO_END, RegistrationPeriod, from_epoch_day, to_epoch_day
from bloctel.rules import ListRules, Retention, cleared_name
from bloctel.storage.interface import Reader, Writer
from bloctel.storage.rows import (
    ChangeKind,
    Event,
    NewRegistrations,
    Registration,
    StoredList,
    day_of,
)


def rules_of(stored: StoredList) -> ListRules:
    """Return a list's rules; raise ListRulesError if the registry has other rules."""
    return rules.load_stored(stored.name, stored.rules)


def find_list(reader: Reader, name: str) -> StoredList:
    """Return the stored list *name*; raise ListRulesError if its rules differ."""
    stored = {found.name: found for found in reader.lists()}
    if rules.check_name(name) not in stored:
        raise _unknown_list(name, stored)
    rules_of(stored[name])
    return stored[name]


def _unknown_list(name: str, known: Collection[str]) -> UnknownListError:
    advice = "; to add a list, use Registry.add_list or bloctel registry add-list"
    return rules.unknown_list_error(name, known, advice)


def find_or_add_list(writer: Writer, name: str) -> StoredList:
    """Return the stored list *name*; add the list if it is missing.

    A list that is handed out as files is added with its list of cleared numbers.
    Without that second list, the numbers that no file covers would be clear.
    """
    names = [stored.name for stored in writer.lists()]
    if name in names:
        return find_list(writer, name)
    _add_cleared_list(writer, name)
    return writer.add_list(name, rules.digest(name))


def _add_cleared_list(writer: Writer, name: str) -> None:
    """Add the list of cleared numbers of a list that is handed out as files."""
    if rules.load(name).distribution is not None:
        find_or_add_list(writer, cleared_name(name))


def update_rules(writer: Writer, name: str) -> None:
    """Store the digest of new rules for a list and all its scopes."""
    base, digest = rules.shared_rules_of(name), rules.digest(name)
    lists = writer.lists()
    same = [stored for stored in lists if rules.shared_rules_of(stored.name) == base]
    if not same:
        raise _unknown_list(name, [stored.name for stored in lists])
    for stored in same:
        if stored.rules != digest:
            writer.update_list(stored._replace(rules=digest))
        _add_cleared_list(writer, stored.name)


@not_shown("key")
class NewRow(NamedTuple):
    """Registration that is not stored yet; `list` is the name of its list."""

    list: str
    key: int
    registered_on: int
    starts_on: int
    ends_on: int


def new_row(rule: ListRules, key: int, on: date, delay_days: int | None) -> NewRow:
    """Return a new registration of a number, received on the day *on*."""
    days = _protected_days(rule.name, on, _checked_delay(delay_days))
    return NewRow(rule.name, key, to_epoch_day(on), *days)


def add_rows(
    writer: Writer, rows: Sequence[NewRow], *, person: str = ""
) -> list[RegistrationPeriod]:
    """Store new registrations; return the stored period of each row.

    *person* (`person_of`) confirmed the registrations; it is "" if the firm made them.
    """
    stored: dict[tuple[str, int, int], tuple[int, int]] = {}
    for name in dict.fromkeys(row.list for row in rows):
        list_id = find_list(writer, name).id
        wanted = {row[1:3]: row[3:] for row in rows if row.list == name}
        columns = np.array([key + days for key, days in wanted.items()], np.int64).T
        new = NewRegistrations(list_id, columns[0].astype(np.uint64), *columns[1:])
        n_added = writer.add_registrations([new])
        # if a stored registration of the same day starts earlier, it is kept
        if n_added < len(wanted) or (new.starts_on > new.registered_on).any():
            disown(writer, list_id, wanted, except_person=person)
            for known in writer.registrations_of({key for key, _ in wanted}):
                if known.list_id == list_id and known[1:3] in wanted:
                    wanted[known[1:3]] = known[3:5]
        stored |= {(name, *key): days for key, days in wanted.items()}
    return [
        RegistrationPeriod(day_of(starts_on), from_epoch_day(ends_on))
        for starts_on, ends_on in (stored[row[:3]] for row in rows)
    ]


def add_parts(writer: Writer, list_id: int, parts: Iterable[NewRegistrations]) -> int:
    """Store registrations that the firm made itself; return the count of new ones."""
    made = [r.key for r in writer.requests_of(list_id, None) if r.made_on is not None]
    registered: set[tuple[int, int]] = set()

    def noted() -> Iterator[NewRegistrations]:
        for part in parts:
            if made:
                is_made = np.isin(part.keys, np.array(made, np.uint64))
                columns = part.keys[is_made], part.registered_on[is_made]
                registered.update(zip(*map(np.ndarray.tolist, columns), strict=True))
            yield part

    n_new = writer.add_registrations(noted())
    disown(writer, list_id, registered)
    return n_new


def disown(
    writer: Writer,
    list_id: int,
    registered: Iterable[tuple[int, int]],
    *,
    except_person: str = "",
) -> None:
    """End the right of persons to withdraw the registrations that they confirmed.

    *registered* contains pairs of a number's key and the day of the registration.  The
    person *except_person* keeps this right.
    """
    pairs = set(registered)
    for row in writer.requests_of(list_id, {key for key, _ in pairs}):
        if (row.key, row.made_on) in pairs and row.person != except_person:
            writer.save_request(row._replace(made_on=None))


class RegistrationBuilder:
    """Builder of registrations from numbers and the days of their receipts.

    *on*, the day of receipt, is one day, a column, or an iterator of days.
    """

    def __init__(
        self,
        rule: ListRules,
        delay_days: int | None,
        on: object,
        *,
        allow_future: bool | None = None,
    ) -> None:
        self._rule = rule
        self._today = clock.today(rule.time_zone)
        self._allow_future = allow_future
        self._delay_days = _checked_delay(delay_days)
        self._iterator = on if isinstance(on, Iterator) else None
        self._on = days([] if self._iterator is not None else on, None)
        self._is_one_day = isinstance(on, date | str | np.datetime64)

    def build(
        self, list_id: int, keys: NDArray[np.uint64], first_row: int = 0
    ) -> NewRegistrations:
        """Return registrations of *keys*; *first_row* is the row number of keys[0]."""
        on = self._days(first_row, len(keys))
        if len(on) < len(keys):
            raise self._wrong_length(first_row + len(on), first_row + len(keys))
        return self.build_on_days(list_id, keys, on)

    def build_on_days(
        self, list_id: int, keys: NDArray[np.uint64], on: NDArray[np.integer[Any]]
    ) -> NewRegistrations:
        """Return registrations of *keys*; *on* has the day of receipt for each key."""
        distinct, rows = np.unique(on, return_inverse=True)
        dates = [day_of(day) for day in distinct.tolist()]
        if dates:
            past_day(dates[-1], self._today, allow_future=self._allow_future)
        periods = [
            _protected_days(self._rule.name, day, self._delay_days) for day in dates
        ]
        starts, ends = np.array(periods, np.int64).reshape(-1, 2).T
        return NewRegistrations(
            list_id, keys, on.astype(np.int64), starts[rows], ends[rows]
        )

    def refuse_extra_days(self, n_rows: int) -> None:
        """Raise InputError if there are more days than the *n_rows* numbers."""
        if self._is_one_day:
            return
        n_days = len(self._on)
        if self._iterator is not None:
            n_days = n_rows + sum(1 for _ in self._iterator)
        if n_days != n_rows:
            raise self._wrong_length(n_days, n_rows)

    def _days(self, first_row: int, n: int) -> NDArray[np.int32]:
        if self._iterator is not None:
            return days_from(islice(self._iterator, n), first_row)
        if self._is_one_day:
            return np.broadcast_to(self._on, n)
        return self._on[first_row : first_row + n]

    def _wrong_length(self, n_days: int, n_rows: int) -> InputError:
        got = f"{n_days} days for {n_rows} numbers"
        return InputError("one day for all numbers, or one day per number", got, "on")


def _checked_delay(delay_days: int | None) -> int | None:
    if type(delay_days) not in (int, type(None)):
        got = f"a value of type {type(delay_days).__name__}"
        raise InputError("a number of days", got, "delay_days")
    return delay_days


@lru_cache(10_000)
def _protected_days(
    list_name: str, registered_on: date, delay_days: int | None
) -> tuple[int, int]:
    """Return the first protected day, and the first day after the protection."""
    rule = rules.load(list_name)
    return _epoch_days(rule.registration_period(registered_on, delay_days=delay_days))


def _epoch_days(period: RegistrationPeriod) -> tuple[int, int]:
    return to_epoch_day(period.starts_on), to_epoch_day(period.ends_on)


def amend(
    writer: Writer,
    rule: ListRules,
    key: int,
    kind: ChangeKind,
    *,
    on: date,
    person: str = "",
) -> RegistrationPeriod:
    """Renew or withdraw all active registrations of a number on a list.

    The result is the new period that ends last.  A renewal never undoes an earlier
    withdrawal.  *person* confirmed the change; it is "" if the firm makes the change.
    """
    active = active_registrations(writer, rule, key, kind, on=on)
    amended = [_amended(rule, row, kind, on) for row in active]
    writer.update_registrations(amended)
    renewer = person if kind is ChangeKind.RENEWED else ""
    disown(
        writer, active[0].list_id, (row[1:3] for row in active), except_person=renewer
    )
    event = Event(0, kind, amended[0].list_id, key, to_epoch_day(on))
    writer.append_events([event])
    return max(amended, key=lambda row: row.ends_on).period


def active_registrations(
    reader: Reader, rule: ListRules, key: int, kind: ChangeKind, *, on: date
) -> list[Registration]:
    """Return the registrations that a renewal or withdrawal (*kind*) can change."""
    list_id = find_list(reader, rule.name).id
    day = to_epoch_day(on)
    active = [
        row
        for row in reader.registrations_of([key])
        if row.list_id == list_id
        and row.registered_on <= day < row.ends_on
        and not (kind == ChangeKind.RENEWED and row.withdrawn_on is not None)
    ]
    if not active:
        expected, got = "an active registration", "no active registration"
        message = f"the number has no active registration on {on.isoformat()}"
        raise NotRegisteredError(expected, got, f"list {rule.name}", message=message)
    return active


def _amended(
    rule: ListRules, row: Registration, kind: ChangeKind, on: date
) -> Registration:
    is_renewal = kind == ChangeKind.RENEWED
    amended_period = rule.renewed_period if is_renewal else rule.withdrawn_period
    period = amended_period(row.period, day_of(row.registered_on), on=on)
    starts_on, ends_on = _epoch_days(period)
    withdrawn_on = row.withdrawn_on if is_renewal else to_epoch_day(on)
    return row._replace(starts_on=starts_on, ends_on=ends_on, withdrawn_on=withdrawn_on)


@dataclass(frozen=True, slots=True)
class PurgePreview:
    """Effect that a purge would have on one list.

    For a look-up of any number for a day before `answers_from`, the list has no answer.

    Attributes:
        list: The name of the list.
        retention: The retention rule that is in force on the day of the purge.  For a
            registration that ended earlier, the rule of the day of its end applies.
        n_due: The number of registrations that the purge would erase.
        answers_from: The first day for which the list can answer before the purge.
        answers_from_after: The first day for which the list can answer after the purge.
    """

    list: str
    retention: Retention
    n_due: int
    answers_from: date
    answers_from_after: date


def preview_purge(
    reader: Reader, stored: StoredList, rule: ListRules, *, on: date
) -> PurgePreview:
    """Return the effect that a purge on the day *on* would have on a list."""
    due = _due_rows(reader, stored, rule, on)
    erased = list(due)
    for each in reader.lists():
        if (cleared := rules_of(each)).opposition_list == stored.name:
            erased += _due_rows(reader, each, cleared, on)
    known_days = stored.complete_from, _complete_from(stored, erased)
    first, first_after = (
        rule.opens_on if day is None else max(rule.opens_on, day_of(day))
        for day in known_days
    )
    # the last version also applies after the list has closed
    retention = next(
        (each for each in reversed(rule.retention) if each.valid_from <= on),
        rule.retention[0],
    )
    return PurgePreview(stored.name, retention, len(due), first, first_after)


def purge(writer: Writer, stored: StoredList, rule: ListRules, *, on: date) -> int:
    """Erase a list's registrations whose retention has ended; return their count."""
    due = _due_rows(writer, stored, rule, on)
    if due:
        requests = writer.requests_of(stored.id, {row.key for row in due})
        _erase(writer, stored, due)
        for request in requests:
            if request.used_at is None:  # the person can still confirm it
                writer.save_request(request)
        event = Event(0, ChangeKind.PURGED, stored.id, None, to_epoch_day(on))
        writer.append_events([event])
    return len(due)


def _due_rows(
    reader: Reader, stored: StoredList, rule: ListRules, on: date
) -> list[Registration]:
    day = to_epoch_day(on)
    ended = reader.registrations(stored.id, ends_from=None, ends_before=day + 1)
    return [row for rows in ended for row in rows if _is_due(rule, row, day)]


def forget(writer: Writer, key: int, *, on: date, today: date) -> int:
    """Erase a phone number; return the count of erased rows.

    The number's unconfirmed requests and its future registrations are erased as well.
    Lists that are handed out as files keep the number: it would be clear otherwise.
    """
    lists = {
        stored.id: stored
        for stored in writer.lists()
        if rules_of(stored).distribution is None
    }
    found = [row for row in writer.registrations_of([key]) if row.list_id in lists]
    day, last = to_epoch_day(on), to_epoch_day(today)
    if any(day < row.registered_on <= last for row in found):
        expected = "a day that is not before the number's last registration"
        raise InputError(expected, on.isoformat(), "on")
    n_requests = 0
    for stored in lists.values():
        rows = [row for row in found if row.list_id == stored.id]
        n_requests += len(writer.requests_of(stored.id, [key]))
        # `_erase` needs a row to erase the requests of a number without registrations
        placeholder = Registration(stored.id, key, day, day, day)
        _erase(writer, stored, rows or [placeholder], day)
        if rows:
            writer.append_events([Event(0, ChangeKind.FORGOTTEN, stored.id, None, day)])
    return len(found) + n_requests


def _erase(
    writer: Writer, stored: StoredList, rows: list[Registration], today: int = NO_END
) -> None:
    """Erase registrations; store the day from which the list's data is complete.

    Erased answers about cleared numbers also leave the opposition list incomplete.
    """
    disown(writer, stored.id, (row[1:3] for row in rows))
    writer.erase_registrations(rows)
    names = stored.name, rules_of(stored).opposition_list
    for each in writer.lists():
        complete_from = _complete_from(each, rows, today)
        if each.name in names and complete_from != each.complete_from:
            writer.update_list(each._replace(complete_from=complete_from))


def _complete_from(
    stored: StoredList, rows: list[Registration], today: int = NO_END
) -> int | None:
    """Return the day from which a list's data is complete after erasing *rows*."""
    # the days before *today* on which the erased registrations protected a number
    erased_days = ((row.starts_on, min(row.ends_on, today)) for row in rows)
    known = [] if stored.complete_from is None else [stored.complete_from]
    known += [end for start, end in erased_days if start < end]
    return max(known, default=None)


def _is_due(rule: ListRules, row: Registration, day: int) -> bool:
    withdrawn_on = None if row.withdrawn_on is None else day_of(row.withdrawn_on)
    erase_on = rule.erase_on(from_epoch_day(row.ends_on), withdrawn_on=withdrawn_on)
    return erase_on is not None and to_epoch_day(erase_on) <= day
