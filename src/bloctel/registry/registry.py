"""A registry: registrations in a storage, changed under rules, and look-ups on them.

```python
registry = Registry.create("sqlite:///oppositions.db")   # refuses to overwrite
registry = Registry.open("sqlite:///oppositions.db")     # refuses to create
```

Each change is stored, with a line in the journal, before the call returns. Look-ups
are answered from memory; they see the changes of other processes within
`refresh_seconds`.
"""

from __future__ import annotations

from contextlib import closing
from threading import RLock
from typing import TYPE_CHECKING, Self

from bloctel import errors, rules
from bloctel._util import clock
from bloctel.lookup.book import Book, ClosedState
from bloctel.lookup.prefix_rules import read_prefix
from bloctel.numbers import _digits, phone_number
from bloctel.numbers.columns import blocks
from bloctel.periods import plain_day
from bloctel.registry import (
    confirmations,
    journal,
    operator_answers,
    prefix_rules,
    registrations,
)
from bloctel.registry.replica import Replica, require_exact
from bloctel.registry.snapshot_export import build_snapshot, identity_of
from bloctel.storage import opening
from bloctel.storage.group_commit import GroupCommit
from bloctel.storage.rows import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date, datetime, timedelta
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bloctel.periods import RegistrationPeriod
    from bloctel.registry.replica import Exact
    from bloctel.rules import ListRules
    from bloctel.snapshot import SnapshotInfo
    from bloctel.storage.interface import Storage, Writer
    from bloctel.storage.rows import NewRegistrations


class Registry(Book):
    """Registrations in a storage, and look-ups on them.

    Safe for any number of threads. A method with one number, as text, an integer or a
    `PhoneNumber`, raises `InvalidNumberError` if it is not a single valid one. A method
    with a list raises `UnknownListError` if the list has no rules or is not in the
    registry, and `ListClosedError` if a change is for a day on which the list is not
    open.

    Attributes:
        region: The region by which national number formats are read, unless a call
            gives another one.
    """

    def __init__(
        self, storage: Storage, refresh_seconds: float = 1.0, exact: Exact = "memory"
    ) -> None:
        """Use an existing storage; call `create` or `open` instead."""
        self._storage = storage
        with storage.read() as reader:
            settings = reader.settings()
        self._identity = identity_of(settings)
        self._token_key_hex = settings.get("token_key", "")
        self._commits = GroupCommit(storage, self._committed)
        self._reuse_seconds = refresh_seconds
        self._lock = RLock()  # protects the replica
        self._replica = Replica(storage, exact)
        super().__init__(self._replica.state, settings.get("region") or None)

    @classmethod
    def create(
        cls,
        url: str,
        *,
        region: str | None = phone_number.DEFAULT_REGION,
        lists: Iterable[str] = (),
        secret: bytes | None = None,
    ) -> Self:
        """Create a new registry, and open it.

        Args:
            url: `memory:`, `sqlite:///file.db`, or the URL of a database server
                (`bloctel.storage`).
            region: The region by which national number formats are read, stored in
                the registry.
            lists: Lists to add immediately. Other lists are added when a number is
                first registered on them.
            secret: A secret of at least 16 bytes that hides the numbers in the
                storage; None stores them unhidden. Without the secret the registry
                cannot be read again.

        Raises:
            RegistryExistsError: A registry exists already; it is not changed.
            UnknownListError: There are no rules for a list.
            InputError: The URL, the region or the secret is not valid.
            MissingExtraError: The URL or the secret needs a package that is not
                installed.
            StorageError: The registry cannot be created.
        """
        names = [rules.load(name).name for name in lists]
        settings = opening.new_settings(phone_number.check_region(region))
        storage = opening.create_storage(url, settings, secret)
        with storage.write() as writer:
            for name in dict.fromkeys(names):
                writer.add_list(name)
        return cls(storage)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        refresh_seconds: float = 1.0,
        exact: Exact = "memory",
        secret: bytes | None = None,
    ) -> Self:
        """Open an existing registry.

        Args:
            url: As for `create`, except `memory:`, which never contains a registry.
            refresh_seconds: The maximum age of an answer in seconds, when other
                processes write to the same storage. 0 queries the storage at each
                look-up.
            exact: The location of the exact step of a look-up. With `memory` all
                numbers are in memory. With `storage` only a filter is in memory, and
                each look-up that the filter does not answer queries the storage once.
            secret: As for `create`.

        Raises:
            RegistryNotFoundError: There is no registry. It is not created, so that a
                typo does not become an empty list.
            NewerRegistryError: A later version made it.
            WrongSecretError: Its numbers are hidden by another secret, or not hidden.
            StorageError: The registry cannot be read.
        """
        exact = require_exact(exact)
        with opening.close_on_error(opening.join_storage(url, secret)) as storage:
            return cls(storage, refresh_seconds, exact)

    @staticmethod
    def mark_restored(url: str, *, secret: bytes | None = None) -> None:
        """Mark a registry as restored from a backup, before it is opened.

        The backup lacks the last changes, and would reuse their cursors: a follower
        that has read them would miss new changes. Afterwards all earlier cursors are
        refused, and followers, caches and readers of the journal start again.

        Args:
            url: As for `open`.
            secret: As for `create`.

        Raises:
            StorageError: As for `open`.
        """
        storage = opening.join_storage(url, secret)
        with closing(storage), storage.write() as writer:
            writer.restart_journal()

    def close(self) -> None:
        """Release the storage's connections and files; later look-ups raise."""
        self._set_state(ClosedState("registry", "the registry"))
        self._storage.close()

    # -- registrations --------------------------------------------------------

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

        Registering it again on the same day changes nothing. On a later day it is
        another registration.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            list: The name of the list, such as `fr.bloctel` or `own`.
            on: The day of the receipt; by default today in the list's time zone.
            delay_days: Days until the protection begins; by default the longest delay
                that the list's rules allow.
            region: The region of national number formats; by default the registry's.

        Raises:
            InputError: The rules do not allow that delay.
        """
        rule = rules.load(list)
        key = self._key(number, region)
        row = registrations.new_row(rule, key, _day(on, rule), delay_days)
        return self._commits.run_batched(registrations.add_rows, row)

    def register_many(
        self,
        numbers: object,
        *,
        list: str,
        on: object = None,
        delay_days: int | None = None,
        region: str | None = None,
    ) -> int:
        """Put a column of numbers on a list: all of them, or on an error none.

        Args:
            numbers: A column that `normalize_many` takes. An iterator is read piece
                by piece, so that memory stays bounded.
            list: The name of the list.
            on: One day, or a column of days as long as *numbers*. An iterator is read
                in step with the numbers.
            delay_days: As for `register`.
            region: As for `register`.

        Returns:
            The number of new registrations.

        Raises:
            InvalidNumberError: A row is not a valid number; `where` is its index.
            InputError: The two columns differ in length, or have the wrong type.
        """
        rule = rules.load(list)
        region = self._region(region)
        days = _day(None, rule) if on is None else on
        builder = registrations.RegistrationBuilder(rule, delay_days, days)

        def parts(list_id: int) -> Iterator[NewRegistrations]:
            row = 0
            for block in blocks(numbers):
                keys = _require_valid(phone_number.read_block(block, region), row)
                yield builder.build(list_id, keys, row)
                row += len(keys)
            builder.require_end(row)

        return self._add(rule, parts)

    def register_parts(
        self,
        parts: Iterable[tuple[NDArray[np.uint64], NDArray[np.int64] | None]],
        *,
        list: str,
        on: date | None = None,
        delay_days: int | None = None,
    ) -> int:
        """Put keys of numbers on a list: all of them, or on an error none.

        Args:
            parts: Parts of bounded size: keys, and the days of their receipts in days
                since 1970-01-01, or None if the day is *on*.
            list: The name of the list.
            on: The day of the receipts; by default today in the list's time zone.
            delay_days: As for `register`.

        Returns:
            The number of new registrations.
        """
        rule = rules.load(list)
        builder = registrations.RegistrationBuilder(rule, delay_days, _day(on, rule))
        return self._add(
            rule,
            lambda list_id: (
                builder.build(list_id, keys)
                if days is None
                else builder.build_on_days(list_id, keys, days)
                for keys, days in parts
            ),
        )

    def _add(
        self, rule: ListRules, parts: Callable[[int], Iterable[NewRegistrations]]
    ) -> int:
        """Add the parts of a list, given its id, in one transaction."""

        def change(writer: Writer) -> int:
            stored = registrations.find_or_add_list(writer, rule.name)
            return writer.add_registrations(parts(stored.id))

        return self._commits.run_alone(change)

    def record_answers(
        self,
        *,
        list: str,
        on: date,
        opposed: NDArray[np.uint64],
        clear: NDArray[np.uint64],
    ) -> operator_answers.Recorded:
        """Record the answers of a list's operator about numbers on one day.

        Afterwards the registry knows that list by answers only: a number without a
        recent answer is not clear (`NotKnownError`), and does not become clear with
        time. The latest answer about a number counts, in whatever order they are
        recorded; of two answers on one day, the opposed one.

        Args:
            list: The name of the list.
            on: The day of the answers.
            opposed: The keys of the numbers on the list, uint64.
            clear: The keys of the numbers that are not on the list, uint64.
        """
        return self._commits.run_alone(
            operator_answers.record_answers, list, plain_day(on), opposed, clear
        )

    def renew(
        self,
        number: object,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> RegistrationPeriod:
        """Renew a number's active registration, and return its period.

        This adds the term after the current one. If the rules renew tacitly, or a
        term has no end, only the journal changes.

        Raises:
            NotRegisteredError: No registration is active on that day.
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
        """Take a number off a list, and return the period of its registration.

        The protection ends on that day; the day itself is no longer protected.

        Raises:
            NotRegisteredError: No registration is active on that day.
        """
        return self._amend(number, list, on, region, ChangeKind.WITHDRAWN)

    def _amend(
        self,
        number: object,
        list: str,
        on: date | None,
        region: str | None,
        kind: ChangeKind,
    ) -> RegistrationPeriod:
        rule, day = _open_rule(list, on)
        key = self._key(number, region)
        return self._commits.run(registrations.amend, rule, key, kind, on=day)

    # -- erasure --------------------------------------------------------------

    def purge(self, *, on: date | None = None) -> dict[str, int]:
        """Erase what the lists' rules say must be erased by that day.

        Numbers are erased from the registrations and from the journal. Afterwards
        look-ups for days that the erased registrations covered raise
        `DayNotCoveredError`.

        Args:
            on: A day up to today; by default today in each list's time zone.

        Returns:
            The number of erased registrations, by list.

        Raises:
            InputError: The day is in the future: an erasure cannot be undone.
        """
        if on is not None:
            on = plain_day(on)

        def change(writer: Writer) -> dict[str, int]:
            erased: dict[str, int] = {}
            for stored in writer.lists():
                rule = rules.load(stored.name)
                day = _day(on, rule)
                _require_past(day, clock.today(rule.time_zone))
                erased[stored.name] = registrations.purge(writer, stored, rule, on=day)
            writer.drop_expired_requests(int(clock.now()))
            return erased

        return self._commits.run_alone(change)

    def forget(
        self, number: object, *, on: date | None = None, region: str | None = None
    ) -> int:
        """Erase all data about a number, at its owner's request (GDPR art. 17).

        No list protects it afterwards, and no trace shows that one ever did. So
        look-ups for days on which it was protected have no answer any more, for any
        number of those lists: they raise `DayNotCoveredError`.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            on: The first day on which it is no longer protected; by default today in
                the lists' time zone.
            region: The region of national number formats; by default the registry's.

        Returns:
            The number of erased registrations and requests.

        Raises:
            InputError: The day is in the future, or before a receipt.
        """
        key = self._key(number, region)
        todays = self._todays()
        day = min(todays) if on is None else plain_day(on)
        _require_past(day, max(todays))
        return self._commits.run_alone(registrations.forget, key, on=day)

    # -- prefix rules ---------------------------------------------------------

    def block_prefix(
        self,
        prefix: str,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> None:
        """Block all numbers that begin with a prefix, from that day on.

        The longest matching prefix of a list counts; a registration counts more than
        any prefix.

        Args:
            prefix: The first digits as people write them: `0899`, `+33162`.
            list: The name of the list.
            on: The first day; by default today in the list's time zone.
            region: The region of national number formats; by default the registry's.

        Raises:
            InputError: The text is not a prefix, or is a complete number: register
                that, so that `forget` finds it and `secret` hides it.
        """
        self._set_prefix(prefix, list, on, region, blocks=True)

    def allow_prefix(
        self,
        prefix: str,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> None:
        """Allow all numbers that begin with a prefix, where a shorter one blocks them.

        Registered numbers stay blocked, and other lists still block. Arguments and
        errors are those of `block_prefix`.
        """
        self._set_prefix(prefix, list, on, region, blocks=False)

    def drop_prefix(
        self,
        prefix: str,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> None:
        """End the rule of a prefix; on that day it no longer counts.

        Arguments are those of `block_prefix`.

        Raises:
            NotRegisteredError: The list has no rule for that prefix on that day.
            InputError: The text is not a prefix.
        """
        rule, day = _open_rule(list, on)
        digits = read_prefix(prefix, region=self._region(region))
        self._commits.run(prefix_rules.end_rule, rule, digits, on=day)

    def _set_prefix(
        self,
        prefix: str,
        list: str,
        on: date | None,
        region: str | None,
        *,
        blocks: bool,
    ) -> None:
        rule, day = _open_rule(list, on)
        digits = read_prefix(prefix, region=self._region(region))
        prefix_rules.require_incomplete(digits)
        self._commits.run(prefix_rules.set_rule, rule, digits, on=day, blocks=blocks)

    def prefixes(self) -> list[prefix_rules.PrefixEntry]:
        """Return all prefix rules, past ones included, by list and prefix."""
        with self._storage.read() as reader:
            return prefix_rules.entries(reader)

    # -- confirmations --------------------------------------------------------

    def request(
        self,
        number: object,
        contact: str,
        *,
        list: str,
        action: confirmations.Action = "register",
        valid_for: timedelta = confirmations.VALID_FOR,
        now: datetime | None = None,
    ) -> str:
        """Return a token with which a person confirms a request for a number.

        Send it to the contact, and pass it to `confirm` when it comes back. Until
        then nothing changes. The token is signed, works once, and contains no number.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            contact: The contact of the person, such as an e-mail address. It is stored
                as long as the registration, for `due_for_renewal`.
            list: The name of the list.
            action: The requested change: `register`, `renew` or `withdraw`. The call
                does not reveal if there is something to renew or withdraw: the person
                may have entered the number of someone else.
            valid_for: How long the token is valid.
            now: The moment, with a time zone; by default the present.

        Raises:
            TooManyNumbersError: The person already has the maximum of numbers on the
                list.
            InputError: Another argument is not valid.
        """
        rule, key, at = rules.load(list), self._token_key, confirmations.seconds(now)
        expires_at = confirmations.expiry(at, valid_for)
        row = confirmations.new_request(
            key, self._key(number, None), contact, action, expires_at
        )
        return self._commits.run(confirmations.request, rule, row, key, now=at)

    def confirm(self, token: str, *, now: datetime | None = None) -> RegistrationPeriod:
        """Make the change that a token confirms; return the registration's period.

        The day of the confirmation is the day of the receipt, renewal or withdrawal.

        Args:
            token: The token that `request` returned.
            now: The moment, with a time zone; by default the present.

        Raises:
            ForgedTokenError: This registry did not sign it.
            ExpiredTokenError: It has expired.
            UsedTokenError: It was used before.
            TooManyNumbersError: As for `request`; others were confirmed meanwhile.
            NotRegisteredError: There is nothing to renew or withdraw, or this person
                may not do it: the registration was confirmed from another contact, and
                the contact is not the number itself.
            ListClosedError: The list is no longer open.
        """
        return self._commits.run(
            confirmations.confirm,
            token,
            self._token_key,
            now=confirmations.seconds(now),
            region=self.region,
        )

    @property
    def _token_key(self) -> bytes:
        """The key that signs tokens.

        Raises:
            StorageDeniedError: The database user may not read the key, because it
                could confirm requests of others with it.
        """
        try:
            key = bytes.fromhex(self._token_key_hex)
        except ValueError:
            key = b""
        if not key:
            raise errors.StorageDeniedError(
                "a registry with a readable token key",
                "a registry without it",
                message="the database user may not read the registry's token key",
            )
        return key

    # -- journal, exports -----------------------------------------------------

    def history(
        self, number: object, *, region: str | None = None
    ) -> list[journal.HistoryEntry]:
        """Return all registrations of a number, oldest first."""
        key = self._key(number, region)
        with self._storage.read() as reader:
            return journal.history(reader, key)

    def registrations(self, *, list: str) -> Iterator[journal.RegistrationColumns]:
        """Yield all registrations of a list, in parts of bounded size."""
        return journal.registrations(self._storage, list)

    def changes(self, *, since: int = 0) -> Iterator[journal.Change]:
        """Yield the journal after the cursor *since*, in order.

        Store the cursor of the last change that you have processed, to continue there.

        Raises:
            CursorPurgedError: `trim_journal` has dropped lines after it.
        """
        return journal.changes(self._storage, since)

    def trim_journal(self, *, before: int) -> int:
        """Drop journal lines up to the cursor *before*; return their number.

        Registrations stay. A follower that has not read these lines starts again.
        """
        return self._commits.run_alone(lambda writer: writer.trim_journal(before))

    def due_for_renewal(
        self, *, within: timedelta, on: date | None = None
    ) -> Iterator[journal.DueRenewal]:
        """Yield the numbers whose protection ends soon, to send reminders.

        Args:
            within: The time until the end.
            on: The day from which it counts; by default today.
        """
        day = min(self._todays()) if on is None else plain_day(on)
        return journal.due_for_renewal(self._storage, within, day)

    def build_snapshot(
        self, path: str | Path, *, on: date | None = None
    ) -> SnapshotInfo:
        """Export all registrations and prefix rules to a snapshot file.

        The file replaces an older one atomically.

        Args:
            path: The path of the file.
            on: The day of the snapshot; by default today in the lists' time zone. The
                snapshot answers for days until the validity of answers ends (30 days
                for `fr.bloctel`).

        Raises:
            CannotAnswerError: The registry has no list.
            InputError: The day is in the future.
        """
        return build_snapshot(
            self._storage, path, region=self.region, identity=self._identity, on=on
        )

    # -- look-ups -------------------------------------------------------------

    def _refresh(self) -> None:
        with self._lock:
            if self._replica.catch_up():
                self._set_state(self._replica.state)

    def _committed(self) -> None:
        """Show a stored change to look-ups immediately."""
        if self._replica.cursor is None:
            return  # not read before the first look-up
        try:
            self._refresh()
        except errors.StorageError:
            # the change is stored; the next look-up tries again, and raises
            self._set_state(self._replica.state)

    # -- arguments ------------------------------------------------------------

    def _key(self, number: object, region: str | None) -> int:
        return phone_number.normalize(
            number, region=self.region if region is None else region
        ).key

    def _todays(self) -> set[date]:
        """Return the dates of today in the time zones of the lists."""
        with self._storage.read() as reader:
            zones = {rules.load(found.name).time_zone for found in reader.lists()}
        return {clock.today(zone) for zone in zones or {"UTC"}}


def _day(on: date | None, rule: ListRules) -> date:
    return clock.today(rule.time_zone) if on is None else plain_day(on)


def _open_rule(list: str, on: date | None) -> tuple[ListRules, date]:
    """Return a list's rules and the day, if the list is open."""
    rule = rules.load(list)
    day = _day(on, rule)
    rule.require_open(day)
    return rule, day


def _require_past(day: date, today: date) -> None:
    """Raise InputError for a day in the future."""
    if day > today:
        raise errors.InputError(f"a day up to today, {today}", day.isoformat(), "on")


def _require_valid(keys: NDArray[np.uint64], first_row: int) -> NDArray[np.uint64]:
    """Return *keys*, the first of which is row *first_row*, if all are valid."""
    refused = keys < _digits.FIRST_KEY
    if refused.any():
        index = int(refused.argmax())
        raise errors.InvalidNumberError(
            phone_number.reason_of(int(keys[index])), f"row {first_row + index}"
        )
    return keys
