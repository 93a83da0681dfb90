"""Registry of phone numbers on opposition lists, with look-ups.

A method that changes the registry returns after the change is stored, with its journal
line. By default, look-ups use a copy in memory that is `refresh_seconds` old at most.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from bloctel import errors, rules
from bloctel._util import clock, forks
from bloctel._util.instants import past_day
from bloctel.lookup.book import Book, ClosedState
from bloctel.lookup.prefix_rules import read_prefix
from bloctel.lookup.question import Question
from bloctel.numbers import _digits, phone_number
from bloctel.numbers.columns import blocks
from bloctel.periods import RegistrationPeriod, plain_day
from bloctel.registry import (
    confirmations,
    journal,
    operator_answers,
    prefix_rules,
    register_files,
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
    Reader,
    Storage,
    Writer,
    forked_error,
)
from bloctel.storage.rows import ChangeKind, NewRegistrations, StoredList

_T = TypeVar("_T")


class Registry(Book):
    """Registry of phone numbers on opposition lists, with look-ups.

    Any number of threads can use a registry. A method that takes a number accepts text,
    an integer or a `PhoneNumber`, and raises `InvalidNumberError` if the value is not
    one valid number. A method that takes a list raises `UnknownListError` if the list
    has no rules or is not in the registry, and `ListClosedError` if a change is for a
    day before the list opened or after it closed.

    Attributes:
        region: The default region of numbers in national format.
    """

    def __init__(
        self, storage: Storage, refresh_seconds: float = 1.0, exact: Exact = "memory"
    ) -> None:
        """Use the registry in *storage*; `create` and `open` take a URL instead."""
        self._storage = storage
        self._replica = Replica(storage, exact)
        self._commits = GroupCommit(storage, self._committed)
        self._reuse_seconds = refresh_seconds
        self._lock = RLock()  # only one thread at a time updates the state
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
            region: The default region of numbers in national format; it is stored.
            lists: The lists of the registry; `add_list` adds a list later. By default,
                the only list is `own`, for objections made to the firm itself.
            secret: A secret of at least 16 bytes, with which the numbers in the storage
                are encrypted; None stores them in plain form. Keep the secret: without
                it, the registry cannot be read again.

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
            url: See `create`; `memory:` is refused, because new memory is empty.
            refresh_seconds: The longest time in seconds until look-ups use a change
                that another process made. With 0, each look-up queries the storage. If
                the database server is a copy of another server (a standby or replica),
                this time is up to 5 seconds longer; if the copy is more than 5 seconds
                old, look-ups raise StorageUnreachableError.
            exact: With `memory`, all numbers are in memory. With `storage`, only a
                Bloom filter is in memory, and a look-up queries the storage if the
                number may be in the filter.
            secret: See `create`.
            busy_seconds: The longest time in seconds that a change waits while another
                program or thread changes the registry, such as a large import.

        Raises:
            RegistryNotFoundError: There is no registry. `open` does not create one, so
                that a mistyped URL does not open an empty registry.
            NewerRegistryError: A later version of the library made the registry.
            ListRulesError: This process has no rules for a list of the registry, or
                not the rules whose digest the registry stores.
            WrongSecretError: The registry uses another secret, or no secret.
            StorageError: The registry cannot be read.
            InputError: An argument is not valid, such as a time of more than one day.
        """
        require_exact(exact)
        clock.check_seconds(refresh_seconds, "refresh_seconds")
        storage = opening.join_storage(url, secret, busy_seconds)
        with opening.close_on_error(storage):
            return cls(storage, refresh_seconds, exact)

    @staticmethod
    def mark_restored(url: str, *, secret: bytes | None = None) -> None:
        """Allow `open` to open a registry that was restored from a backup.

        `open` refuses a file that `backup` wrote, and an SQLite file that was copied
        without its write-ahead log, because the last changes are missing. Call this
        method for the file, then make the missing changes again.

        If the method was interrupted, call it again. If `open` accepts the registry,
        the method changes nothing. Only SQLite registries need this method. `open`
        explains the arguments.

        Raises:
            StorageBusyError: Another program has the file open.
            StorageError: See `open`.
        """
        storage = opening.join_storage(url, secret, restored=True)
        with closing(storage), storage.write():
            pass  # the first write transaction makes a restored backup usable

    @staticmethod
    def update_rules(url: str, *, list: str, secret: bytes | None = None) -> None:
        """Replace the stored rules of a list by the rules that this process registered.

        A registry stores a digest of the rules that `bloctel.rules.register` received.
        A process with different rules cannot open the registry.
        After a change of the rules, call this method once. Then restart each process
        with the new rules, and build snapshots again. Stored registrations keep their
        periods. Lists with a scope, such as `members:brand-a`, are updated together
        with the list `members`. `open` explains *url* and *secret*.

        Raises:
            UnknownListError: The registry has no such list, or there are no rules for
                the list.
            StorageError: See `open`.
        """
        storage = opening.join_storage(url, secret)
        with closing(storage), storage.write() as writer:
            registrations.update_rules(writer, list)

    def enter_child(self) -> None:
        """Refuse look-ups in a forked child, which must open the registry itself."""
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
            ListRulesError: The registry stores different rules for the list.
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

        A second registration on the same day changes nothing, unless the first
        registration was withdrawn. Registrations on different days are all stored.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            list: The name of the list, such as `fr.bloctel` or `own`.
            on: The day of the receipt; by default today in the list's time zone.
            delay_days: Days from *on* until the protection begins; by default the
                longest delay that the list's rules allow.
            region: The region of numbers in national format; by default the registry's.
            allow_future: True accepts a day after today in the list's time zone; by
                default, such a day is refused as a mistake.

        Raises:
            InputError: The list's rules forbid the delay, or the day is in the future.
        """
        rule = _changeable_rule(list)
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
        """Put a column of numbers on a list; after an error, no number is registered.

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
            InputError: *numbers* and *on* differ in length, a column has the wrong
                type, or a day is in the future.
        """
        rule = _changeable_rule(list)
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
            builder.refuse_extra_days(row)

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
        """Put numbers, given as keys, on a list; after an error, none is registered.

        Args:
            parts: Pairs of a column of keys (`PhoneNumber.key`) and a column of the
                days of receipt (days since 1970-01-01), or None if the day is *on*.
            list: The name of the list.
            on: The day of the receipts; by default today in the list's time zone.
            delay_days: See `register`.
            allow_future: See `register`.

        Returns:
            The number of new registrations.

        Raises:
            InputError: An integer is not the key of a number.
        """
        rule = _changeable_rule(list)
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
        """Record which numbers are on a list, as the body that runs the list answered.

        Afterwards, look-ups on this list raise `NotKnownError` for a number without a
        valid answer. Of several answers about a number, the answer with the latest day
        counts. If answers of the same day differ, look-ups block the number.

        Args:
            list: The name of the list.
            on: The day of the answers, which is not in the future.
            opposed: The keys of the numbers on the list, uint64.
            clear: The keys of the numbers that are not on the list, uint64.

        Raises:
            InputError: The list is handed out as files (`replace_numbers`), the day is
                in the future, or an integer is not the key of a number.
        """
        return self._commits.run_alone(
            operator_answers.record_answers,
            _changeable_rule(list).name,
            plain_day(on),
            phone_number.require_keys(opposed, "opposed"),
            phone_number.require_keys(clear, "clear"),
        )

    def replace_numbers(
        self,
        keys: NDArray[np.uint64],
        *,
        list: str,
        on: date,
        area_digits: int,
        allow_fewer: bool = False,
    ) -> register_files.Replaced:
        """Replace the numbers of some areas on a list that is handed out as files.

        An area contains all numbers that begin with the same digits. This method
        replaces the areas of *keys*; numbers in other areas do not change. A number
        that is not in *keys* is no longer protected from the day *on*. Afterwards,
        look-ups know the numbers of these areas until the file is too old.

        Args:
            keys: The keys of all numbers on the list in some areas, uint64.
            list: The name of the list, such as `us.dnc`.
            on: The day on which the operator handed out the file.
            area_digits: The number of first digits of a key that identify its area.
            allow_fewer: True accepts that more than a tenth of the numbers of an area
                are no longer on the list; by default, this is refused as a mistake.

        Raises:
            InputError: The list is not handed out as files, the day is in the future,
                a newer file was imported for an area, or too many numbers are missing.
        """
        rule, day = _open_rule(list, on)
        if rule.distribution is None:
            expected = "a list that is handed out as files, such as us.dnc"
            raise errors.InputError(expected, rule.name, "list")
        past_day(day, clock.today(rule.time_zone))
        if not phone_number.are_possible_keys(keys):
            raise errors.InputError("keys of phone numbers", "other integers", "keys")
        return self._commits.run_alone(
            register_files.replace_numbers,
            rule,
            keys,
            on=day,
            area_digits=area_digits,
            allow_fewer=allow_fewer,
        )

    def renew(
        self,
        number: object,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> RegistrationPeriod:
        """Renew a number's active registration, and return the registration's period.

        The next term begins when the current term ends. If the list's rules renew the
        registration automatically, or the term has no end, the period does not change.

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

        The day *on* is the first day without protection. Registrations that were
        received after that day stay.

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
        _changeable_rule(list)
        rule, day = _open_rule(list, on)
        key = self._key(number, region)
        return self._commits.run(registrations.amend, rule, key, kind, on=day)

    # -- erasure --------------------------------------------------------------

    def purge(self, *, on: date | None = None) -> dict[str, int]:
        """Erase the data that the lists' rules require to be erased by the day *on*.

        Numbers are erased from the registrations and from the journal. Afterwards,
        look-ups for days before `PurgePreview.answers_from_after` raise
        `DayNotCoveredError`.

        Args:
            on: The day, at most today; by default today in each list's time zone.

        Returns:
            The number of erased registrations, by list.

        Raises:
            InputError: The day is in the future: an erasure cannot be undone.
        """
        on = None if on is None else plain_day(on)

        def change(writer: Writer) -> dict[str, int]:
            erased = {
                stored.name: registrations.purge(writer, stored, rule, on=day)
                for stored, rule, day in _purged_lists(writer, on)
            }
            writer.drop_expired_requests(int(clock.now()))
            return erased

        return self._commits.run_alone(change)

    def preview_purge(
        self, *, on: date | None = None
    ) -> list[registrations.PurgePreview]:
        """Return the effect that `purge` would have on each list; erase nothing.

        `purge` explains the argument and the error.
        """
        on = None if on is None else plain_day(on)
        with self._storage.read() as reader:
            return [
                registrations.preview_purge(reader, stored, rule, on=day)
                for stored, rule, day in _purged_lists(reader, on)
            ]

    def forget(
        self, number: object, *, on: date | None = None, region: str | None = None
    ) -> int:
        """Erase all data about a number, at its owner's request (GDPR art. 17).

        The registry then no longer knows on which days its lists protected the number.
        For these lists and days, look-ups of any number raise `DayNotCoveredError`.

        Lists whose numbers come only from files of their operator keep the number, as
        the law of their country requires: a call to the number is still forbidden.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            on: The first day on which the number is no longer protected; by default
                today in the lists' time zone.
            region: The region of numbers in national format; by default the registry's.

        Returns:
            The number of erased registrations and requests.

        Raises:
            InputError: The day is in the future, or before a registration's receipt.
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
        """Block all numbers that begin with a prefix, from the day *on*.

        If several prefixes of a list match a number, the rule of the longest prefix
        applies. Registered numbers are blocked even if a rule allows them.

        Args:
            prefix: The first digits as people write them: `0899`, `+33162`.
            list: The name of the list.
            on: The first day; by default today in the list's time zone.
            region: The region of numbers in national format; by default the registry's.
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

        Registered numbers stay blocked, and other lists can still block the numbers.
        `block_prefix` explains the arguments and the errors.
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
        """End the rule of a prefix; the day *on* is the first day without the rule.

        `block_prefix` explains the arguments.

        Raises:
            NotRegisteredError: The list has no rule for the prefix on that day.
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
        _refuse_cleared(rule)
        digits = read_prefix(prefix, region=self._region(region))
        prefix_rules.require_incomplete(digits)
        self._commits.run(prefix_rules.set_rule, rule, digits, on=day, blocks=blocks)

    def prefixes(self) -> list[prefix_rules.PrefixEntry]:
        """Return all prefix rules, even ended rules, sorted by list and prefix."""
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

        Send the token to the contact. When the person sends the token back, pass it to
        `confirm`, which makes the change. The token is signed, works once, and does not
        contain the number.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            contact: The contact of the person: an e-mail address without a name, a
                phone number or another text. It is erased when the number is erased.
            list: The name of the list.
            action: The requested change: `register`, `renew` or `withdraw`. This method
                does not reveal whether the number is registered, because the number can
                belong to another person.
            valid_for: The time for which the token is valid.
            now: The moment of the request, with a time zone; by default the present.

        Raises:
            TooManyNumbersError: The person may not register one more number.
            InputError: An argument is not valid.
        """
        rule, key, at = (
            _changeable_rule(list),
            self._token_key,
            confirmations.seconds(now),
        )
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
            now: The moment of the confirmation, with a time zone; by default, now.

        Raises:
            ForgedTokenError: This registry did not sign the token.
            ExpiredTokenError: The token has expired.
            UsedTokenError: The token was used before.
            TooManyNumbersError: The person may not register one more number.
            NotRegisteredError: There is no registration to renew or withdraw, or this
                contact did not confirm it. The number itself can always be the contact.
            ListClosedError: The list was closed after the request.
        """
        key, at = self._token_key, confirmations.seconds(now)
        return self._commits.run(
            confirmations.confirm, token, key, now=at, region=self.region
        )

    @property
    def _token_key(self) -> bytes:
        """The secret key that signs tokens; with it, anyone can confirm any request."""
        with suppress(ValueError):
            if key := bytes.fromhex(self._replica.token_key):
                return key
        message = "the database user needs the right to read the registry's token key"
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
        """Yield all registrations of a list, in batches of limited size."""
        return journal.registrations(self._storage, list)

    def changes(self, *, since: str | None = None) -> Iterator[journal.Change]:
        """Yield the changes after the position *since*, in order.

        To continue later, store the position of the last change that you processed.
        After CursorPurgedError, call `journal_position`, read all registrations of the
        lists, and continue from the returned position.

        Args:
            since: `Change.position`, or the result of `journal_position`; None for
                the complete journal.

        Raises:
            CursorPurgedError: `trim_journal` has dropped lines after the position, the
                position is from another journal, or a backup was restored since then.
        """
        return journal.changes(self._storage, since)

    def journal_position(self) -> str:
        """Return the position of the last change, which `changes` accepts."""
        with self._storage.read() as reader:
            end = reader.position()
        return journal.position_text(end.cursor, end)

    def trim_journal(self, *, before: int) -> int:
        """Drop the journal lines up to the cursor *before*; return the number of lines.

        Registrations stay. A follower that lacks these lines reads the whole registry.
        """
        if type(before) is not int:
            got = f"a value of type {type(before).__name__}"
            raise errors.InputError("an integer (a journal cursor)", got, "before")
        return self._commits.run_alone(lambda writer: writer.trim_journal(before))

    def due_for_renewal(
        self, *, within: timedelta, on: date | None = None
    ) -> Iterator[journal.DueRenewal]:
        """Yield the numbers whose protection ends soon, to send reminders.

        Args:
            within: The longest time from *on* until the end of the protection.
            on: The day from which *within* is counted; by default today.
        """
        day = min(self._todays()) if on is None else plain_day(on)
        within = confirmations.check_duration(within, "within")
        return journal.due_for_renewal(self._storage, within, day)

    def build_snapshot(
        self, path: str | Path, *, on: date | None = None
    ) -> SnapshotInfo:
        """Export all registrations and prefix rules to a snapshot file.

        The new file replaces an older file atomically.

        Args:
            path: The path of the file.
            on: The day of the snapshot; by default today in the lists' time zone. The
                rules of a list limit for how many days the snapshot can answer (30 days
                for `fr.bloctel`).

        Raises:
            CannotAnswerError: The registry has no list.
            InputError: The day is in the future.
        """
        return self._replica.build_snapshot(path, on=on)

    def backup(self, path: str | Path) -> None:
        """Write a consistent copy of an SQLite registry to a file, even during changes.

        The new file replaces an older backup atomically. To use the copy, call
        `mark_restored` first. A file copied by other means can lack recent changes.

        Raises:
            InputError: The registry is not an SQLite file (other storages have tools of
                their own), or *path* is a registry in use or cannot be written.
        """
        self._storage.backup(Path(path))

    # -- look-ups -------------------------------------------------------------

    def _refresh(self) -> None:
        with self._lock:
            state = self._replica.catch_up(self._state)
            if state is not self._state:
                self._set_state(state)
        self._replica.require_current(self._reuse_seconds + MAX_LAG_SECONDS)

    def _age(self) -> float:
        return clock.elapsed() - self._replica.current_at

    def _answer(
        self, look_up: Callable[[Question], _T], *args: Any, repeats: bool = False
    ) -> _T:
        try:
            return super()._answer(look_up, *args, repeats=repeats)
        except errors.StorageUnreachableError:
            # a trimmed journal can lack the position: the next look-up reads a new one
            self._set_state(self._state)
            if not repeats:
                raise
        return super()._answer(look_up, *args)

    def _committed(self) -> None:
        """Update the state after this process stored a change."""
        try:
            with self._lock:
                # before the first look-up, there is nothing to update
                if self._state.provenance is not None:
                    self._refresh()
        except BaseException as error:
            # the change is stored; the next look-up reads it or raises the error
            self._set_state(self._state)
            if not isinstance(error, errors.CannotAnswerError):
                raise

    # -- arguments ------------------------------------------------------------

    def _key(self, number: object, region: str | None) -> int:
        region = self.region if region is None else region
        return phone_number.number_to_store(number, region).key

    def _todays(self) -> set[date]:
        """Return the current date in each time zone of the lists."""
        with self._storage.read() as reader:
            zones = {found.rules.time_zone for found in read_lists(reader)}
        return {clock.today(zone) for zone in zones or {"UTC"}}


def _texts(lists: Iterable[str]) -> Iterable[str]:
    if isinstance(lists, str) or not isinstance(lists, Iterable):
        got = f"a value of type {type(lists).__name__}"
        raise errors.InputError("a collection of list names", got, "lists")
    return lists


def _day(on: date | None, rule: ListRules) -> date:
    return clock.today(rule.time_zone) if on is None else plain_day(on)


def _purged_lists(
    reader: Reader, on: date | None
) -> Iterator[tuple[StoredList, ListRules, date]]:
    """Yield each list, its rules and the day of its purge; refuse a future day."""
    for stored in reader.lists():
        rule = registrations.rules_of(stored)
        day = _day(on, rule)
        past_day(day, clock.today(rule.time_zone))
        yield stored, rule, day


def _refuse_cleared(rule: ListRules) -> None:
    """Refuse a list of cleared numbers: a number on this list can be clear."""
    if rule.opposition_list is not None:
        message = (
            f"the list {rule.name} contains the numbers that are not on the list "
            f"{rule.opposition_list}: give the name {rule.opposition_list}"
        )
        expected, got = "an opposition list", "a list of cleared numbers"
        raise errors.InputError(expected, got, "list", message=message)


def _changeable_rule(list: str) -> ListRules:
    """Return a list's rules; refuse a list whose numbers come only from files."""
    rule = rules.load(list)
    _refuse_cleared(rule)
    if rule.distribution is not None:
        message = (
            f"the numbers of the list {rule.name} come only from the files of its "
            "operator: import a file (bloctel.bulk.import_register), or register the "
            "number on another list, such as own"
        )
        expected, got = "a list of registrations", "a list that is handed out as files"
        raise errors.InputError(expected, got, "list", message=message)
    return rule


def _open_rule(list: str, on: date | None) -> tuple[ListRules, date]:
    """Return a list's rules and the day; refuse a day on which the list is closed."""
    rule = rules.load(list)
    day = _day(on, rule)
    rule.require_open(day)
    return rule, day


def _require_valid(keys: NDArray[np.uint64], first_row: int) -> NDArray[np.uint64]:
    """Return *keys*; raise InvalidNumberError if an item is a reason, not a key."""
    refused = keys < _digits.FIRST_KEY
    if refused.any():
        index = int(refused.argmax())
        reason = phone_number.reason_of(int(keys[index]))
        raise errors.InvalidNumberError(reason, f"row {first_row + index}")
    return keys
