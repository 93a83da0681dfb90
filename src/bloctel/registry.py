"""A registry: rules, storage and look-up joined.

```python
registry = Registry.create("sqlite:///oppositions.db")   # refuses to overwrite
registry = Registry.open("sqlite:///oppositions.db")     # refuses to create
```

Every change is stored, with a line in the journal, before the call returns.
Look-ups answer from memory; what other processes changed is seen within
`refresh_seconds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID, uuid4

import numpy as np

from bloctel import _digits, clock, ledger, rules, snapshot
from bloctel.columns import blocks
from bloctel.errors import InputError, InvalidNumberError
from bloctel.lookup import Book, ClosedState
from bloctel.numbers import (
    DEFAULT_REGION,
    PhoneNumber,
    check_region,
    normalize,
    read_block,
    reason_of,
)
from bloctel.periods import from_epoch_day, plain_day
from bloctel.question import State
from bloctel.storage import ChangeKind, Storage, Writer, open_storage
from bloctel.table import Overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from bloctel.periods import RegistrationPeriod
    from bloctel.rules import ListRules
    from bloctel.storage import Reader

__all__ = ["Change", "HistoryEntry", "Registry"]

_PAGE: Final = 10_000  # journal lines read at a time
#: A journal longer than this is not replayed: reading everything anew is faster.
_RELOAD_AFTER: Final = 100_000


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One registration of a number, as it stands.

    Attributes:
        list: The list's name.
        registered_on: The day of the receipt.
        starts_on: The first day of the protection.
        ends_on: The first day after it; None if it has no end.
        withdrawn_on: The day on which it was withdrawn, if it was.
    """

    list: str
    registered_on: date
    starts_on: date
    ends_on: date | None
    withdrawn_on: date | None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal.

    Attributes:
        cursor: Its place; give it as `since` to go on after it.
        kind: What happened.
        list: The list it happened on.
        number: The number; None where it has been erased.
        on: The day on which it took effect.
    """

    cursor: int
    kind: ChangeKind
    list: str
    number: PhoneNumber | None
    on: date


class Registry(Book):
    """Registrations in a storage, and look-ups on them."""

    def __init__(self, storage: Storage, refresh_seconds: float = 1.0) -> None:
        """Join an existing storage; use `create` or `open` instead."""
        self._storage = storage
        self._reuse_seconds = refresh_seconds
        self._cursor: int | None = None
        self._lock = RLock()  # of what look-ups know
        self._write_lock = RLock()  # held for as long as a change takes
        with storage.read() as reader:
            settings = reader.settings()
        region = settings.get("region") or None
        self._identity = UUID(settings["identity"])
        empty = ledger.no_table()
        super().__init__(State((), empty, Overlay(empty)), region)

    @classmethod
    def create(
        cls,
        url: str,
        *,
        region: str | None = DEFAULT_REGION,
        lists: Iterable[str] = (),
    ) -> Self:
        """Make a registry where there is none, and open it.

        Args:
            url: `memory:`, or `sqlite:///file.db`.
            region: The region by which national forms are read, stored with it.
            lists: Lists that it holds from the start.  Others are added when a first
                number is registered on them.

        Raises:
            RegistryExistsError: There is one already; it is left as it is.
            UnknownListError: No rules are known for a list.
            InputError: The URL or the region cannot be used.
        """
        names = [rules.load(name).name for name in lists]
        storage = open_storage(url)
        storage.create({"region": check_region(region) or "", "identity": uuid4().hex})
        with storage.write() as writer:
            for name in dict.fromkeys(names):
                writer.add_list(name)
        return cls(storage)

    @classmethod
    def open(cls, url: str, *, refresh_seconds: float = 1.0) -> Self:
        """Open a registry that exists.

        Args:
            url: As for `create`; never `memory:`, where nothing can exist yet.
            refresh_seconds: How old the answer to a look-up may be, in seconds, when
                other processes write to the same storage.  0 asks the storage at
                every look-up.

        Raises:
            RegistryNotFoundError: There is none: a typo must not become an empty
                list.
            StorageError: It cannot be read.
        """
        storage = open_storage(url)
        storage.check()
        return cls(storage, refresh_seconds)

    def close(self) -> None:
        """Release the storage's connections and files; it cannot be asked any more."""
        self._set_state(ClosedState("registry", "the registry"))
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- changing -------------------------------------------------------------

    def register(
        self,
        number: object,
        *,
        list: str,
        on: date | None = None,
        delay_days: int | None = None,
        region: str | None = None,
    ) -> RegistrationPeriod:
        """Put a number on a list, and return the days on which it is protected.

        Registering it again on the same day changes nothing; on a later day it is
        another registration.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            list: The list's name, such as `fr.bloctel` or `own`.
            on: The day of the receipt; today in the list's time zone if not given.
            delay_days: Days until the protection begins; the latest that the list's
                rules allow if not given.
            region: The region of national forms; the registry's own if not given.

        Raises:
            InvalidNumberError: No single number can be read.
            UnknownListError: No rules are known for the list.
            ListClosedError: The list is not open on that day.
            InputError: The rules do not allow that delay.
        """
        rule = rules.load(list)
        day = self._day(on, rule)
        receipts = ledger.Receipts(rule, delay_days, day)
        key = np.array([self._key(number, region)], np.uint64)
        with self._writing() as writer:
            held = ledger.held_list(writer, rule.name)
            rows = receipts.rows(held, key, 0)
            ledger.add(writer, rows)
            return ledger.stored_period(writer, rows[0])

    def register_many(
        self,
        numbers: object,
        *,
        list: str,
        on: object = None,
        delay_days: int | None = None,
        region: str | None = None,
    ) -> int:
        """Put a column of numbers on a list: all of them, or none if one is refused.

        Args:
            numbers: What `normalize_many` takes.  An iterator is read piece by
                piece, so that memory stays bounded.
            list: The list's name.
            on: One day, or a column of days as long as *numbers*; an iterator is
                read in step with them.
            delay_days: As for `register`.
            region: As for `register`.

        Returns:
            How many registrations were new.

        Raises:
            InvalidNumberError: A row is no number; `where` is its place, from 0.
            InputError: The two columns differ in length, or hold something else.
            UnknownListError: No rules are known for the list.
            ListClosedError: The list is not open on one of the days.
        """
        rule = rules.load(list)
        region = self.region if region is None else check_region(region)
        if on is None:
            on = self._day(None, rule)
        receipts = ledger.Receipts(rule, delay_days, on)
        added = row = 0
        with self._writing() as writer:
            held = ledger.held_list(writer, rule.name)
            for block in blocks(numbers):
                keys = _all_valid(read_block(block, region), row)
                added += ledger.add(writer, receipts.rows(held, keys, row))
                row += len(keys)
            receipts.require_end(row)
        return added

    def renew(
        self,
        number: object,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> RegistrationPeriod:
        """Renew a number's registration by hand, and return its period.

        It makes sure of the term after the one in course.  Where the rules renew
        tacitly, or a list has no end, nothing changes but the journal.

        Raises:
            NotRegisteredError: No registration is in course on that day.
            InvalidNumberError: No single number can be read.
            UnknownListError: The registry holds no such list.
            ListClosedError: The list is not open on that day.
        """
        return self._amend(number, list, on, region, ChangeKind.RENEWED)

    def withdraw(
        self,
        number: object,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> RegistrationPeriod:
        """Take a number off a list, and return the period that it had.

        The protection ends on that day: the day itself is not protected any more.

        Raises:
            NotRegisteredError: No registration is in course on that day.
            InvalidNumberError: No single number can be read.
            UnknownListError: The registry holds no such list.
            ListClosedError: The list is not open on that day.
        """
        return self._amend(number, list, on, region, ChangeKind.WITHDRAWN)

    def purge(self, *, on: date | None = None) -> dict[str, int]:
        """Erase what the lists' rules say must be erased by that day.

        Numbers go from the state and from the journal.  Questions about days that
        the erased registrations covered have no answer any more: they raise
        `DayNotCoveredError` from then on.

        Returns:
            How many registrations were erased, by list.
        """
        if on is not None:
            on = plain_day(on)
        erased: dict[str, int] = {}
        with self._writing() as writer:
            for held in writer.lists():
                rule = rules.load(held.name)
                day = self._day(on, rule)
                erased[held.name] = ledger.purge(writer, held, rule, on=day)
        return erased

    # -- telling --------------------------------------------------------------

    def history(
        self, number: object, *, region: str | None = None
    ) -> list[HistoryEntry]:
        """Return every registration that is known of a number, oldest first.

        Raises:
            InvalidNumberError: No single number can be read.
        """
        key = self._key(number, region)
        with self._storage.read() as reader:
            names = {held.id: held.name for held in reader.lists()}
            found = reader.registrations_of([key])
        return [
            HistoryEntry(
                names[row.list_id],
                ledger.as_day(row.registered_on),
                ledger.as_day(row.starts_on),
                from_epoch_day(row.ends_on),
                None if row.withdrawn_on is None else ledger.as_day(row.withdrawn_on),
            )
            for row in sorted(found, key=lambda row: (row.registered_on, row.list_id))
        ]

    def changes(self, *, since: int = 0) -> Iterator[Change]:
        """Return the journal after the cursor *since*, in order.

        A follower keeps the cursor of the last change that it has seen.
        """
        while True:
            with self._storage.read() as reader:
                names = {held.id: held.name for held in reader.lists()}
                page = reader.changes(since, _PAGE)
            for event in page:
                number = None if event.key is None else PhoneNumber(event.key)
                name = names[event.list_id]
                yield Change(
                    event.cursor, event.kind, name, number, ledger.as_day(event.on)
                )
            if len(page) < _PAGE:
                return
            since = page[-1].cursor

    def build_snapshot(
        self, path: str | Path, *, on: date | None = None
    ) -> snapshot.SnapshotInfo:
        """Write all that the registry knows to a snapshot file, and describe it.

        The file replaces an older one whole: a reader sees the one or the other.

        Args:
            path: Where it goes.
            on: The day it is built; today in the lists' time zone if not given.
                The snapshot can be asked about days up to the end of the answers'
                validity from then on (30 days for `fr.bloctel`).

        Raises:
            CannotAnswerError: The registry holds no list.
            InputError: The day is yet to come.
        """
        with self._storage.read() as reader:
            lists, table = ledger.load(reader)
            generation = reader.last_change()
        today = min((clock.today(held.rules.time_zone) for held in lists), default=None)
        built_on = today if on is None else plain_day(on)
        if today is not None and built_on is not None and built_on > today:
            raise InputError(f"a day up to today, {today}", built_on.isoformat(), "on")
        return snapshot.build(
            path,
            table,
            lists,
            snapshot.Origin(self.region, built_on, generation, self._identity),
        )

    # -- inside ---------------------------------------------------------------

    def _key(self, number: object, region: str | None) -> int:
        return normalize(number, region=self.region if region is None else region).key

    def _day(self, on: date | None, rule: ListRules) -> date:
        return clock.today(rule.time_zone) if on is None else plain_day(on)

    def _writing(self) -> _Writing:
        return _Writing(self)

    def _amend(
        self,
        number: object,
        list: str,
        on: date | None,
        region: str | None,
        kind: ChangeKind,
    ) -> RegistrationPeriod:
        """Renew or withdraw what is in course on that day."""
        rule = rules.load(list)
        day = self._day(on, rule)
        rule.require_open(day)
        key = self._key(number, region)
        with self._writing() as writer:
            return ledger.amend(writer, rule, key, kind, on=day)

    def _refresh(self) -> None:
        with self._lock:
            self._catch_up()

    def _catch_up(self) -> None:
        """Bring what look-ups know up to the end of the journal."""
        with self._storage.read() as reader:
            last = reader.last_change()
            if self._cursor == last and len(reader.lists()) == len(self._state.lists):
                return  # a list may come without any change to a number
            changed = self._changed_numbers(reader, last)
            if changed is None:
                lists, table = ledger.load(reader)
                self._set_state(State(lists, table, Overlay(table)))
            else:
                self._overlay_numbers(reader, changed)
            self._cursor = last

    def _changed_numbers(self, reader: Reader, last: int) -> set[int] | None:
        """Return the numbers changed since the last time; None: read all anew."""
        if self._cursor is None or last - self._cursor > _RELOAD_AFTER:
            return None
        if len(self._state.overlay) > _RELOAD_AFTER:
            return None
        events = reader.changes(self._cursor, _RELOAD_AFTER)
        if any(event.key is None for event in events):
            return None  # something was erased: what is in memory goes too
        return {event.key for event in events if event.key is not None}

    def _overlay_numbers(self, reader: Reader, changed: set[int]) -> None:
        overlay = self._state.overlay
        for key, entries in ledger.entries_of(reader, changed).items():
            overlay.replace(key, entries)
        lists = ledger.book_lists(reader)
        self._set_state(State(lists, self._state.table, overlay))


def _all_valid(keys: NDArray[np.uint64], first: int) -> NDArray[np.uint64]:
    """Return *keys*, which begin at the row *first*, if none is a refusal."""
    refused = keys < _digits.FIRST_KEY
    if refused.any():
        row = int(refused.argmax())
        raise InvalidNumberError(reason_of(int(keys[row])), f"row {first + row}")
    return keys


class _Writing:
    """A writing transaction of a registry, whose look-ups then see it at once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __enter__(self) -> Writer:
        self._registry._write_lock.acquire()
        try:
            self._transaction = self._registry._storage.write()
            return self._transaction.__enter__()
        except BaseException:
            self._registry._write_lock.release()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._transaction.__exit__(kind, error, trace)
            # a registry that nobody has asked yet is not read for a write
            if kind is None and self._registry._cursor is not None:
                self._registry._refresh()
        finally:
            self._registry._write_lock.release()
