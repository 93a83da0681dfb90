"""Changes of a registry: each is stored, with a line in the journal, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel import rules
from bloctel._util import clock
from bloctel.errors import InputError, InvalidNumberError
from bloctel.lookup.prefix_rules import read_prefix
from bloctel.numbers import _digits
from bloctel.numbers.columns import blocks
from bloctel.numbers.phone_number import check_region, read_block, reason_of
from bloctel.periods import plain_day
from bloctel.registry import (
    confirmations,
    operator_answers,
    prefix_rules,
    registrations,
)
from bloctel.registry.telling import Telling
from bloctel.storage.group_commit import GroupCommit
from bloctel.storage.rows import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime, timedelta

    import numpy as np
    from numpy.typing import NDArray

    from bloctel.periods import RegistrationPeriod
    from bloctel.registry.confirmations import Action
    from bloctel.registry.operator_answers import Recorded
    from bloctel.rules import ListRules
    from bloctel.storage.interface import Storage, Writer
    from bloctel.storage.rows import NewRegistrations

__all__ = ["Registrar"]


class Registrar(Telling):
    """A storage's registrations, changed under the rules of their lists."""

    def __init__(self, storage: Storage) -> None:
        """Join an existing storage."""
        super().__init__(storage)
        self._commits = GroupCommit(storage, self._committed)

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
        key = self._key(number, region)
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
        receipts = registrations.Receipts(
            rule, delay_days, self._day(None, rule) if on is None else on
        )

        def change(writer: Writer) -> int:
            held = registrations.held_list(writer, rule.name)

            def parts() -> Iterator[NewRegistrations]:
                row = 0
                for block in blocks(numbers):
                    keys = _all_valid(read_block(block, region), row)
                    yield receipts.of(held, keys, row)
                    row += len(keys)
                receipts.require_end(row)

            return writer.add(parts())

        return self._commits.run_alone(change)

    def register_parts(
        self,
        parts: Iterable[tuple[NDArray[np.uint64], NDArray[np.int64] | None]],
        *,
        list: str,
        on: date | None = None,
        delay_days: int | None = None,
    ) -> int:
        """Put numbers that are keys already on a list: all of them, or none.

        Args:
            parts: Parts of bounded size, one after the other: keys, and the days of
                their receipts in days since 1970-01-01, or None if all are *on*.
            list: The list's name.
            on: The day of the receipts; today in the list's time zone if not given.
            delay_days: As for `register`.

        Returns:
            How many registrations were new.

        Raises:
            UnknownListError: No rules are known for the list.
            ListClosedError: The list is not open on one of the days.
        """
        rule = rules.load(list)
        receipts = registrations.Receipts(rule, delay_days, self._day(on, rule))

        def change(writer: Writer) -> int:
            held = registrations.held_list(writer, rule.name)
            return writer.add(
                receipts.of(held, keys, 0)
                if days is None
                else receipts.on_days(held, keys, days)
                for keys, days in parts
            )

        return self._commits.run_alone(change)

    def record_answers(
        self,
        *,
        list: str,
        on: date,
        opposed: NDArray[np.uint64],
        clear: NDArray[np.uint64],
    ) -> Recorded:
        """Record what a list's operator answered about numbers on one day.

        From then on the registry knows that list by its answers alone: a number
        without one that may still be used is not clear (`NotKnownError`), and never
        becomes so by itself.  The latest answer about a number counts, whatever the
        order in which they are recorded; of two of one day, the opposed one.

        Args:
            list: The list's name.
            on: The day of the answers.
            opposed: The keys of the numbers that are on the list, uint64.
            clear: The keys of those that are not, uint64.

        Raises:
            UnknownListError: No rules are known for the list.
            ListClosedError: The list is not open on that day.
        """
        said = operator_answers.Answers(list, plain_day(on), opposed, clear)
        return self._commits.run_alone(
            lambda writer: operator_answers.record(writer, said)
        )

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

        Args:
            on: The day, not one to come; today in each list's time zone if not given.

        Returns:
            How many registrations were erased, by list.

        Raises:
            InputError: The day is yet to come: what is erased does not come back.
        """
        if on is not None:
            on = plain_day(on)

        def change(writer: Writer) -> dict[str, int]:
            erased: dict[str, int] = {}
            for held in writer.lists():
                rule = rules.load(held.name)
                day = self._day(on, rule)
                _require_come(day, clock.today(rule.time_zone))
                erased[held.name] = registrations.purge(writer, held, rule, on=day)
            writer.drop_requests(int(clock.now()))
            return erased

        return self._commits.run_alone(change)

    def forget(
        self, number: object, *, on: date | None = None, region: str | None = None
    ) -> int:
        """Erase all that is known of a number, as its holder asks (GDPR art. 17).

        It is protected by no list any more, and nobody can tell that it ever was.
        So questions about days on which it was protected have no answer from then
        on, for any number of those lists: they raise `DayNotCoveredError`.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            on: The day on which it ceases to be protected; today in the lists' time
                zone if not given.
            region: The region of national forms; the registry's own if not given.

        Returns:
            How many registrations and requests were erased.

        Raises:
            InvalidNumberError: No single number can be read.
            InputError: The day is yet to come, or before a receipt.
        """
        key = self._key(number, region)
        day = self._first_day(on)
        _require_come(day, self._last_day())
        return self._commits.run_alone(
            lambda writer: registrations.forget(writer, key, on=day)
        )

    def block_prefix(
        self,
        prefix: str,
        *,
        list: str,
        on: date | None = None,
        region: str | None = None,
    ) -> None:
        """Block all numbers that begin alike, from that day on.

        Of the rules of a list that match a number the longest prefix counts, and a
        registration counts more than any.

        Args:
            prefix: As people write it: `0899`, `+33162`.
            list: The list's name.
            on: The first day; today in the list's time zone if not given.
            region: The region of national forms; the registry's own if not given.

        Raises:
            InputError: It is no prefix of numbers, or a whole one: register that, so
                that `forget` finds it and `secret` hides it.
            UnknownListError: No rules are known for the list.
            ListClosedError: The list is not open on that day.
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
        """Let through all numbers that begin alike, where a shorter prefix blocks.

        Numbers that are registered stay blocked, and other lists block as they do.
        Arguments and errors are those of `block_prefix`.
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
        """End the rule of a prefix: that day it does not count any more.

        Arguments are those of `block_prefix`.

        Raises:
            NotRegisteredError: The list has no rule of that prefix on that day.
            InputError: It is no prefix of numbers.
        """
        rule, day, read = self._prefix(prefix, list, on, region)
        self._commits.run(lambda writer: prefix_rules.drop(writer, rule, read, on=day))

    def request(
        self,
        number: object,
        contact: str,
        *,
        list: str,
        action: Action = "register",
        valid_for: timedelta = confirmations.VALID_FOR,
        now: datetime | None = None,
    ) -> str:
        """Return a token with which a person confirms a request about a number.

        Send it to the contact, and pass it to `confirm` when it comes back: nothing
        changes before.  It is signed, can be used once, and contains no number.

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            contact: Where the person is reached, such as an e-mail address.  It is
                kept as long as the registration, for `due_for_renewal`.
            list: The list's name.
            action: What is asked: `register`, `renew` or `withdraw`.  Nothing tells
                here whether there is something to renew or to withdraw: whoever asks
                may be asking about another person's number.
            valid_for: How long the token works.
            now: The moment, with a time zone; the present if not given.

        Raises:
            InvalidNumberError: No single number can be read.
            TooManyNumbersError: The person has as many numbers on the list as its
                rules allow.
            UnknownListError: No rules are known for the list.
            ListClosedError: The list is not open on that day.
            InputError: An argument is not what it must be.
        """
        new = confirmations.NewRequest(
            rules.load(list), self._key(number, None), contact, action
        )
        moment = confirmations.seconds(now)
        return self._commits.run(
            lambda writer: confirmations.request(
                writer, new, self._token_key, now=moment, valid_for=valid_for
            )
        )

    def confirm(self, token: str, *, now: datetime | None = None) -> RegistrationPeriod:
        """Execute the request that a token confirms; return the registration period.

        The day of the receipt, of the renewal or of the withdrawal is that of the
        confirmation.

        Args:
            token: What `request` returned.
            now: The moment, with a time zone; the present if not given.

        Raises:
            ForgedTokenError: This registry did not sign it.
            ExpiredTokenError: It has expired.
            UsedTokenError: It was used before.
            TooManyNumbersError: As for `request`; others were confirmed meanwhile.
            NotRegisteredError: There is nothing to renew or to withdraw, or it is not
                this person's to do: neither did the same contact confirm the
                registration, nor is the contact the number itself.
            ListClosedError: The list is not open any more.
        """
        moment = confirmations.seconds(now)
        return self._commits.run(
            lambda writer: confirmations.confirm(
                writer, token, self._token_key, now=moment, region=self.region
            )
        )

    def trim_journal(self, *, before: int) -> int:
        """Drop the journal's lines up to the cursor *before*; return how many.

        The registrations stay.  A follower that has not come so far starts anew.
        """
        return self._commits.run_alone(lambda writer: writer.trim(before))

    # -- inside ---------------------------------------------------------------

    def _day(self, on: date | None, rule: ListRules) -> date:
        return clock.today(rule.time_zone) if on is None else plain_day(on)

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
        return self._commits.run(
            lambda writer: registrations.amend(writer, rule, key, kind, on=day)
        )

    def _prefix(
        self, prefix: str, list: str, on: date | None, region: str | None
    ) -> tuple[ListRules, date, int]:
        rule = rules.load(list)
        day = self._day(on, rule)
        rule.require_open(day)
        region = self.region if region is None else check_region(region)
        return rule, day, read_prefix(prefix, region=region)

    def _set_prefix(
        self,
        prefix: str,
        list: str,
        on: date | None,
        region: str | None,
        *,
        blocks: bool,
    ) -> None:
        rule, day, read = self._prefix(prefix, list, on, region)
        prefix_rules.require_several(read)
        self._commits.run(
            lambda writer: prefix_rules.put(writer, rule, read, on=day, blocks=blocks)
        )

    def _committed(self) -> None:
        """Do what follows a transaction that changed something."""


def _require_come(day: date, today: date) -> None:
    """Raise InputError if a day is yet to come."""
    if day > today:
        raise InputError(f"a day up to today, {today}", day.isoformat(), "on")


def _all_valid(keys: NDArray[np.uint64], first: int) -> NDArray[np.uint64]:
    """Return *keys*, which begin at the row *first*, if none is a refusal."""
    refused = keys < _digits.FIRST_KEY
    if refused.any():
        row = int(refused.argmax())
        raise InvalidNumberError(reason_of(int(keys[row])), f"row {first + row}")
    return keys
