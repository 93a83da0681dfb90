"""Registry: registrations in a storage, which follow rules, and look-ups on them.

Each change is stored, with a line in the journal, before the call returns. Look-ups
read memory; they use the changes of other processes after `refresh_seconds` at most.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bloctel import errors, rules
from bloctel._util import clock, forks
from bloctel._util.instants import past_day
from bloctel.lookup.book import Book, ClosedState
from bloctel.lookup.prefix_rules import read_prefix
from bloctel.numbers import _digits, phone_number
from bloctel.numbers.columns import blocks
from bloctel.periods import RegistrationPeriod, plain_day
from bloctel.registry import (
    confirmations,
    journal,
    operator_answers,
    prefix_rules,
    registrations,
)
from bloctel.registry.replica import Exact, Replica, read_lists, require_exact
from bloctel.rules import ListRules
from bloctel.snapshot import SnapshotInfo
from bloctel.storage import opening
from bloctel.storage.group_commit import GroupCommit
from bloctel.storage.interface import (
    BUSY_SECONDS,
    MAX_LAG_SECONDS,
    Storage,
    Writer,
    forked_error,
)
from bloctel.storage.rows import ChangeKind, NewRegistrations


class Registry(Book):
    """Registrations in a storage, and look-ups on them.

    Safe for any number of threads. A method that takes a number accepts text, an
    integer or a `PhoneNumber`, and raises `InvalidNumberError` if the value is not a
    single valid number. A method that takes a list raises `UnknownListError` if the
    list has no rules or is not in the registry, and `ListClosedError` if a change is
    for a day on which the list is not open.

    Attributes:
        region: The region of national number formats, unless a call gives another
            region.
    """

    def __init__(
        self, storage: Storage, refresh_seconds: float = 1.0, exact: Exact = "memory"
    ) -> None:
        """Use an existing storage; call `create` or `open` instead."""
        self._storage = storage
        self._replica = Replica(storage, exact)
        self._commits = GroupCommit(storage, self._committed)
        self._reuse_seconds = refresh_seconds
        self._lock = RLock()  # one thread catches up while the others wait
        super().__init__(self._replica.empty(), self._replica.region)
        forks.prepare_in_child(self)

    @classmethod
    def create(
        cls,
        url: str,
        *,
        region: str | None = phone_number.DEFAULT_REGION,
        lists: Iterable[str] = ("own",),
        secret: bytes | None = None,
    ) -> Self:
        """Create a new registry, and open it.

        Args:
            url: `memory:`, `sqlite:///file.db`, or the URL of a database server
                (`bloctel.storage`).
            region: The region of national number formats, which the registry stores.
            lists: The lists of the registry; `add_list` adds a list later. By default,
                the only list is `own`, for objections made to the firm itself.
            secret: A secret of at least 16 bytes that hides the numbers in the
                storage; None stores them unhidden. Keep the secret: without it, the
                registry cannot be read again.

        Raises:
            RegistryExistsError: A registry exists already; it is not changed.
            UnknownListError: There are no rules for a list.
            InputError: The URL, the region or the secret is not valid, or the file is
                the database of another program.
            MissingExtraError: The URL or the secret needs a package that is not
                installed.
            StorageError: The registry cannot be created.
        """
        names = [rules.load(name).name for name in _texts(lists)]
        settings = opening.new_settings(phone_number.check_region(region))
        storage = opening.create_storage(url, settings, secret)
        with storage.write() as writer:
            for name in names:
                registrations.find_or_add_list(writer, name)
        return cls(storage)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        refresh_seconds: float = 1.0,
        exact: Exact = "memory",
        secret: bytes | None = None,
        busy_seconds: float = BUSY_SECONDS,
    ) -> Self:
        """Open an existing registry.

        Args:
            url: See `create`; `memory:` is refused, because it never has a registry.
            refresh_seconds: The maximum age of an answer in seconds, if other
                processes write to the same storage. With 0, each look-up queries the
                storage. If the database server is a copy of another server (a
                standby or replica), its data may be 5 seconds older; then look-ups
                raise StorageUnreachableError.
            exact: With `memory`, all numbers are in memory. With `storage`, only a
                filter is in memory, and each look-up that the filter does not answer
                queries the storage once.
            secret: See `create`.
            busy_seconds: The longest wait of a change for the change of another
                program or thread, such as a large import.

        Raises:
            RegistryNotFoundError: There is no registry. It is not created, so that a
                typo does not become an empty list.
            NewerRegistryError: A later version of the library made the registry.
            ListRulesError: This process has no rules for a list of the registry, or
                other rules than the registry.
            WrongSecretError: The numbers are hidden by another secret, or not hidden.
            StorageError: The registry cannot be read.
            InputError: An argument is not valid; durations are at most one day.
        """
        require_exact(exact)
        clock.check_seconds(refresh_seconds, "refresh_seconds")
        storage = opening.join_storage(url, secret, busy_seconds)
        with opening.close_on_error(storage):
            return cls(storage, refresh_seconds, exact)

    @staticmethod
    def mark_restored(url: str, *, secret: bytes | None = None) -> None:
        """Mark a registry as restored from a backup, before it is opened.

        A file that `backup` wrote, and an SQLite file that was copied without its
        write-ahead log, lack the last changes, and cannot be opened without the mark.
        Register the missing changes again. If the mark is interrupted, repeat it.

        Other registries need no mark, and do not change. In every storage, followers,
        caches and readers of the journal detect that changes were lost. `open` explains
        the arguments.

        Raises:
            StorageBusyError: Another program has the file open.
            StorageError: See `open`.
        """
        storage = opening.join_storage(url, secret, restored=True)
        with closing(storage), storage.write():
            pass  # each transaction replaces the statement that changes are missing

    @staticmethod
    def update_rules(url: str, *, list: str, secret: bytes | None = None) -> None:
        """Replace the rules of a list in a registry by the rules of this process.

        A registry has the digest of the rules that `bloctel.rules.register` registered.
        Processes that have other rules can neither open the registry nor answer from
        it. After a change of the rules, call this method once; then restart each
        process with the new rules, and build snapshots again. Stored registrations keep
        their periods. Lists with a scope, such as `members:brand-a`, are updated
        together with the list `members`. `open` explains *url* and *secret*.

        Raises:
            UnknownListError: The registry has no such list, or there are no rules for
                the list.
            StorageError: See `open`.
        """
        storage = opening.join_storage(url, secret)
        with closing(storage), storage.write() as writer:
            registrations.update_rules(writer, list)

    def enter_child(self) -> None:
        """Refuse all look-ups in a forked child process."""
        self._lock = RLock()
        self._set_state(ClosedState(forked_error()))

    def close(self) -> None:
        """Release connections and files; later look-ups raise an error."""
        self._set_state(ClosedState.of("registry", "the registry"))
        self._storage.close()

    def add_list(self, name: str) -> None:
        """Add a list to the registry, unless the registry has this list already.

        Args:
            name: The name of the list, such as `own:brand-a`.

        Raises:
            UnknownListError: There are no rules for the list.
            ListRulesError: The registry has other rules for the list.
        """
        self._commits.run(registrations.find_or_add_list, rules.load(name).name)

    # -- registrations --------------------------------------------------------

    def register(
        self,
        number: object,
        *,
        list: str,
        on: date | None = None,
        delay_days: int | None = None,
        region: str | None = None,
        allow_future: bool = False,
    ) -> RegistrationPeriod:
        """Put a number on a list, and return the days on which it is protected.

        A second registration on the same day changes nothing, unless the first was
        withdrawn. A registration on a later day is stored in addition.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            list: The name of the list, such as `fr.bloctel` or `own`.
            on: The day of the receipt; by default today in the list's time zone.
            delay_days: Days until the protection begins; by default the longest delay
                that the list's rules allow.
            region: The region of national number formats; by default the registry's.
            allow_future: True accepts a day after today in the list's time zone; by
                default, such a day is refused as a mistake.

        Raises:
            InputError: The rules do not allow that delay, or the day is in the future.
        """
        rule = rules.load(list)
        key = self._key(number, region)
        day = _day(on, rule)
        past_day(day, clock.today(rule.time_zone), allow_future=allow_future)
        row = registrations.new_row(rule, key, day, delay_days)
        return self._commits.run_batched(registrations.add_rows, row)

    def register_many(
        self,
        numbers: object,
        *,
        list: str,
        on: object = None,
        delay_days: int | None = None,
        region: str | None = None,
        allow_future: bool = False,
    ) -> int:
        """Put a column of numbers on a list; after an error, none is registered.

        Args:
            numbers: A column that `normalize_many` accepts. An iterator is read in
                blocks, so that memory use stays bounded.
            list: The name of the list.
            on: One day, or a column of days as long as *numbers*. An iterator of days
                is read together with the numbers.
            delay_days: See `register`.
            region: See `register`.
            allow_future: See `register`.

        Returns:
            The number of new registrations.

        Raises:
            InvalidNumberError: A row is not a valid number; `where` names the row.
            InputError: The two columns differ in length, or have the wrong type, or a
                day is in the future.
        """
        rule = rules.load(list)
        region = self._region(region)
        days = _day(None, rule) if on is None else on
        builder = registrations.RegistrationBuilder(
            rule, delay_days, days, allow_future=allow_future
        )

        def parts(list_id: int) -> Iterator[NewRegistrations]:
            row = 0
            for block in blocks(numbers):
                keys = _require_valid(phone_number.keys_to_store(block, region), row)
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
        allow_future: bool = False,
    ) -> int:
        """Put keys of numbers on a list; after an error, none is registered.

        Args:
            parts: Parts of bounded size: keys, and the days of their receipts in days
                since 1970-01-01, or None if the day is *on*.
            list: The name of the list.
            on: The day of the receipts; by default today in the list's time zone.
            delay_days: See `register`.
            allow_future: See `register`.

        Returns:
            The number of new registrations.

        Raises:
            InputError: An integer is not the key of a number.
        """
        rule = rules.load(list)
        builder = registrations.RegistrationBuilder(
            rule, delay_days, _day(on, rule), allow_future=allow_future
        )

        def built(list_id: int) -> Iterator[NewRegistrations]:
            for part, days in parts:
                keys = phone_number.require_keys(part)
                if days is None:
                    yield builder.build(list_id, keys)
                else:
                    yield builder.build_on_days(list_id, keys, days)

        return self._add(rule, built)

    def _add(
        self, rule: ListRules, parts: Callable[[int], Iterable[NewRegistrations]]
    ) -> int:
        """Add parts in one transaction; *parts* takes the id of the list."""

        def change(writer: Writer) -> int:
            stored = registrations.find_list(writer, rule.name)
            return registrations.add_parts(writer, stored.id, parts(stored.id))

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

        Afterwards, a number without a recent answer is never clear on that list
        (`NotKnownError`). The answer with the latest day counts. If two answers of the
        same day differ, the number is opposed.

        Args:
            list: The name of the list.
            on: The day of the answers, which is not in the future.
            opposed: The keys of the numbers on the list, uint64.
            clear: The keys of the numbers that are not on the list, uint64.
        """
        return self._commits.run_alone(
            operator_answers.record_answers,
            list,
            plain_day(on),
            phone_number.require_keys(opposed, "opposed"),
            phone_number.require_keys(clear, "clear"),
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

        The next term begins when the current term ends. If the rules renew tacitly, or
        a term has no end, only the journal changes.

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

        That day is the first day without protection. Registrations that were received
        after that day stay.

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
        """Erase the data that the lists' rules require to be erased by that day.

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
        on = None if on is None else plain_day(on)

        def change(writer: Writer) -> dict[str, int]:
            erased: dict[str, int] = {}
            for stored in writer.lists():
                rule = registrations.rules_of(stored)
                day = _day(on, rule)
                past_day(day, clock.today(rule.time_zone))
                erased[stored.name] = registrations.purge(writer, stored, rule, on=day)
            writer.drop_expired_requests(int(clock.now()))
            return erased

        return self._commits.run_alone(change)

    def forget(
        self, number: object, *, on: date | None = None, region: str | None = None
    ) -> int:
        """Erase all data about a number, at its owner's request (GDPR art. 17).

        Afterwards, no trace shows that a list ever protected the number. So look-ups of
        any number on those lists and days raise `DayNotCoveredError`.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            on: The first day on which the number is no longer protected; by default
                today in the lists' time zone.
            region: The region of national number formats; by default the registry's.

        Returns:
            The number of erased registrations and requests.

        Raises:
            InputError: The day is in the future, or before a receipt.
        """
        key = self._key(number, region)
        todays = self._todays()
        day = min(todays) if on is None else plain_day(on)
        today = max(todays)
        past_day(day, today)
        return self._commits.run_alone(registrations.forget, key, on=day, today=today)

    # -- prefix rules ---------------------------------------------------------

    def block_prefix(
        self,
        prefix: str,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
        allow_future: bool = False,
    ) -> None:
        """Block all numbers that begin with a prefix, from that day on.

        In each list, the rule with the longest matching prefix applies. Registered
        numbers are blocked even if a rule allows them.

        Args:
            prefix: The first digits as people write them: `0899`, `+33162`.
            list: The name of the list.
            on: The first day; by default today in the list's time zone.
            region: The region of national number formats; by default the registry's.
            allow_future: See `register`.

        Raises:
            InputError: The day is in the future, the text is not a prefix, or it is a
                complete number. Use `register` for a complete number.
        """
        rule, day = _open_rule(list, on)
        past_day(day, clock.today(rule.time_zone), allow_future=allow_future)
        self._set_prefix(prefix, rule, day, region, blocks=True)

    def allow_prefix(
        self,
        prefix: str,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> None:
        """Allow all numbers with a prefix, even if a shorter prefix is blocked.

        Registered numbers stay blocked, and other lists still block. The arguments and
        errors are described at `block_prefix`.
        """
        self._set_prefix(prefix, *_open_rule(list, on), region, blocks=False)

    def drop_prefix(
        self,
        prefix: str,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> None:
        """End the rule of a prefix; on that day it no longer applies.

        The arguments are described at `block_prefix`.

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
        rule: ListRules,
        day: date,
        region: str | None,
        *,
        blocks: bool,
    ) -> None:
        digits = read_prefix(prefix, region=self._region(region))
        prefix_rules.require_incomplete(digits)
        self._commits.run(prefix_rules.set_rule, rule, digits, on=day, blocks=blocks)

    def prefixes(self) -> list[prefix_rules.PrefixEntry]:
        """Return all prefix rules, also rules that have ended, by list and prefix."""
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

        Send the token to the contact, and pass it to `confirm` when the person sends it
        back. Before that, nothing changes. The token is signed, works once, and does
        not contain the number.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            contact: The contact of the person: an e-mail address without a name, a
                phone number or another text. It is stored as long as the registration.
            list: The name of the list.
            action: The requested change: `register`, `renew` or `withdraw`. The call
                does not reveal if the number is registered, because it may be the
                number of another person.
            valid_for: The time for which the token is valid.
            now: The moment, with a time zone; by default the present.

        Raises:
            TooManyNumbersError: The person already has the maximum of numbers on the
                list.
            InputError: Another argument is not valid.
        """
        rule, key, at = rules.load(list), self._token_key, confirmations.seconds(now)
        end, phone = confirmations.expiry(at, valid_for), self._key(number, None)
        row = confirmations.new_request(
            key, phone, contact, action, end, region=self.region
        )
        return self._commits.run(confirmations.request, rule, row, key, now=at)

    def confirm(self, token: str, *, now: datetime | None = None) -> RegistrationPeriod:
        """Make the change that a token confirms; return the registration's period.

        The day of the confirmation is the day of the receipt, renewal or withdrawal.

        Args:
            token: The token that `request` returned.
            now: The moment, with a time zone; by default the present.

        Raises:
            ForgedTokenError: This registry did not sign the token.
            ExpiredTokenError: The token has expired.
            UsedTokenError: The token was used before.
            TooManyNumbersError: The person has the maximum of numbers on the list.
            NotRegisteredError: There is no registration to renew or withdraw, or it was
                not made only by confirmations of this contact, and the contact is not
                the number itself.
            ListClosedError: The list is no longer open.
        """
        key, at = self._token_key, confirmations.seconds(now)
        return self._commits.run(
            confirmations.confirm, token, key, now=at, region=self.region
        )

    @property
    def _token_key(self) -> bytes:
        """The key that signs tokens; with this key, a program can confirm requests."""
        with suppress(ValueError):
            if key := bytes.fromhex(self._replica.token_key):
                return key
        message = "the database user may not read the registry's token key"
        expected, got = "a readable token key", "a token key that is not readable"
        raise errors.StorageDeniedError(expected, got, message=message)

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

    def changes(self, *, since: str | None = None) -> Iterator[journal.Change]:
        """Yield the journal after the position *since*, in order.

        Store the position of the last change that you have processed, to continue
        there. After CursorPurgedError, call `journal_position`, read all registrations
        of the lists, and continue from this position.

        Args:
            since: `Change.position`, or the result of `journal_position`; None for
                the complete journal.

        Raises:
            CursorPurgedError: `trim_journal` has dropped lines after that position, or
                the position is from another journal, or from before a restored backup.
        """
        return journal.changes(self._storage, since)

    def journal_position(self) -> str:
        """Return the position of the last change, which `changes` accepts."""
        with self._storage.read() as reader:
            end = reader.position()
        return journal.position_text(end.cursor, end)

    def trim_journal(self, *, before: int) -> int:
        """Drop journal lines up to the cursor *before*; return their number.

        Registrations stay. A follower that has not read these lines starts again.
        """
        if type(before) is not int:
            got = f"a value of type {type(before).__name__}"
            raise errors.InputError("a cursor, which is an integer", got, "before")
        return self._commits.run_alone(lambda writer: writer.trim_journal(before))

    def due_for_renewal(
        self, *, within: timedelta, on: date | None = None
    ) -> Iterator[journal.DueRenewal]:
        """Yield the numbers whose protection ends soon, to send reminders.

        Args:
            within: The time until the end.
            on: The day from which this time counts; by default today.
        """
        day = min(self._todays()) if on is None else plain_day(on)
        within = confirmations.check_duration(within, "within")
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
        return self._replica.build_snapshot(path, on=on)

    def backup(self, path: str | Path) -> None:
        """Write a consistent copy of an SQLite registry to a file, while it is used.

        The file replaces an older backup atomically. To use the copy, call
        `mark_restored` first. Other tools can miss changes in the write-ahead log.

        Raises:
            InputError: The registry is in another storage, which has its own tools, or
                the file is a registry that is in use, or cannot be written.
        """
        self._storage.backup(Path(path))

    # -- look-ups -------------------------------------------------------------

    def _refresh(self) -> None:
        with self._lock:
            state = self._replica.catch_up(self._state)
            if state is not self._state:
                self._set_state(state)
        self._replica.require_current(self._reuse_seconds + MAX_LAG_SECONDS)

    def _committed(self) -> None:
        """Publish a stored change to look-ups immediately."""
        with self._lock:
            if self._state.provenance is None:
                return  # the first look-up will read the storage
            try:
                self._refresh()
            except errors.CannotAnswerError:
                # the change is stored; the next look-up tries again, and raises
                self._set_state(self._state)

    # -- arguments ------------------------------------------------------------

    def _key(self, number: object, region: str | None) -> int:
        region = self.region if region is None else region
        return phone_number.number_to_store(number, region).key

    def _todays(self) -> set[date]:
        """Return the dates of today in the time zones of the lists."""
        with self._storage.read() as reader:
            zones = {found.rules.time_zone for found in read_lists(reader)}
        return {clock.today(zone) for zone in zones or {"UTC"}}


def _texts(lists: Iterable[str]) -> Iterable[str]:
    if isinstance(lists, str) or not isinstance(lists, Iterable):
        got = f"a value of type {type(lists).__name__}"
        raise errors.InputError("several names of lists", got, "lists")
    return lists


def _day(on: date | None, rule: ListRules) -> date:
    return clock.today(rule.time_zone) if on is None else plain_day(on)


def _open_rule(list: str, on: date | None) -> tuple[ListRules, date]:
    """Return a list's rules and the day, if the list is open."""
    rule = rules.load(list)
    day = _day(on, rule)
    rule.require_open(day)
    return rule, day


def _require_valid(keys: NDArray[np.uint64], first_row: int) -> NDArray[np.uint64]:
    """Return *keys*; raise InvalidNumberError if one of them is a code of a refusal."""
    refused = keys < _digits.FIRST_KEY
    if refused.any():
        index = int(refused.argmax())
        reason = phone_number.reason_of(int(keys[index]))
        raise errors.InvalidNumberError(reason, f"row {first_row + index}")
    return keys
