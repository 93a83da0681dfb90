"""Question: a prepared look-up with fixed lists and a fixed day.

A `Question` has one byte for each distinct period in a `Table`.  The byte is 1 if the
period includes the requested day.  So a look-up reads only the Bloom filter, the index
and one byte.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bloctel import _filter
from bloctel._util import clock
from bloctel._util.parallel import check_threads, map_in_order
from bloctel._util.strict import show
from bloctel.errors import InputError, InvalidNumberError, NotKnownError
from bloctel.lookup._probe import Probe
from bloctel.lookup.prefix_rules import LAST_CODE, PrefixRule, ranges_of
from bloctel.lookup.table import UNDATED, Entry, Newest, Overlay, Table
from bloctel.numbers import _digits, phone_number
from bloctel.numbers.columns import Block, blocks
from bloctel.periods import NO_END, from_epoch_day
from bloctel.rules import ListRules

if TYPE_CHECKING:
    from bloctel.tabular.outputs import Written

#: Treatment of a number that is not valid or not known: an error, or the result True.
OrBlock = Literal["raise", "block"]

#: Status, only inside the library, of a number that is not known: there is no valid
#: answer of the list's operator about it, and no recent file that covers it.
UNKNOWN: Final = 3


class Status(IntEnum):
    """Result of the look-up of a phone number.

    `CLEAR` means "on none of the requested lists on the requested day".  It never means
    "may be called", because a call must also comply with the law of that day.
    """

    CLEAR = 0
    BLOCKED = 1
    INVALID = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of `Book.check`: the status of a phone number, and the reason.

    Attributes:
        status: The status; `INVALID` means that the value is not a phone number.
        number: The phone number that was looked up; None if the status is `INVALID`.
        list: The list that blocks the phone number; None if no list blocks it.
        since: The first day of the protection; None if that day is not known, or if the
            phone number is not blocked.
        until: The first day after the protection; None if the protection has no end, or
            if the phone number is not blocked.
        reason: The reason for the status, as a fixed word.  A blocked phone number has
            the reason `registered`, `prefix` (a prefix rule blocks it), `not_known`
            (the list's operator gave no answer, or no imported file of the list covers
            the phone number) or `stale_answer` (the answer or the file is too old).  A
            clear phone number has the reason `not_listed`, `not_yet_protected` or
            `period_ended`.  The reasons of invalid values: `bloctel.numbers.Reason`.
    """

    status: Status
    number: phone_number.PhoneNumber | None
    list: str | None
    since: date | None
    until: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class BookList:
    """List in a book, with its rules.

    For days before `complete_from`, data of the list has been erased.
    """

    rules: ListRules
    complete_from: date | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of the content of a book: a registry, and the last change in the content.

    Attributes:
        registry: The id of the registry; None if the content is from another source.
        generation: The cursor (number) of the change in the registry's journal.
        built_on: The day on which a snapshot was built; None for a registry.
        token: The token of the change (`bloctel.storage.rows.Position`); 0 if unknown.
    """

    registry: UUID | None
    generation: int
    built_on: date | None = None
    token: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Content of a book (a set of lists for look-ups) at one instant.

    Attributes:
        overlay: The phone numbers that changed after the table was built.
        covered_until: The first day for which the content is too old, or None.
        has_erased: True if the table may contain numbers that were erased later.
        files: The files that contain the lists; programs must not overwrite them.
        plain_file: The digest of the plain file that contained the numbers, or None.
    """

    lists: tuple[BookList, ...]
    table: Table
    overlay: Overlay
    covered_until: date | None = None
    prefixes: tuple[PrefixRule, ...] = ()
    provenance: Provenance | None = None
    has_erased: bool = False
    files: tuple[Path, ...] = ()
    plain_file: "Written | None" = None


class RequestedList(NamedTuple):
    """List in which a question looks up phone numbers, for the day `on`.

    `known_until` is the first day for which the list's content is too old, or None.
    """

    rules: ListRules
    on: date
    known_until: date | None


class Question:
    """Prepared look-up with fixed lists and a fixed day, for any phone number.

    `State` explains the attributes `provenance`, `files` and `plain_file`.

    Attributes:
        region: The region of phone numbers in national form.
        read_at: The time (`clock.now`) up to which the content has all changes.
        probe: The compiled look-up of single phone numbers; None if only the Python
            code can answer.
        covers_every_number: False if a list is known only from answers about single
            numbers.  Then `match` also returns codes for "there is no valid answer".
    """

    covers_every_number = True
    provenance: Provenance | None
    probe: Probe | None

    def __init__(self, state: State, days: dict[int, int], region: str | None) -> None:
        self._table = state.table
        self._overlay = state.overlay
        self._lists = [each.rules for each in state.lists]
        self._names = [rules.name for rules in self._lists]
        self._days = days
        self._covered_until = state.covered_until
        self.provenance = state.provenance
        self.files = state.files
        self.plain_file = state.plain_file
        self._rules = state.prefixes
        self._ranges = ranges_of(state.prefixes, days)
        self.region = region
        self.read_at = clock.now()
        # lists that are not requested get a day that is before all of their periods
        on = np.full(max(1, len(state.lists)), UNDATED - 1, np.int64)
        on[list(days)] = list(days.values())
        table = self._table
        on_day = on[table.lists]
        self._active = ((table.starts <= on_day) & (on_day < table.ends)).tobytes()
        overlay = state.overlay
        self._probe = self.probe = Probe(
            table.filter,
            table.index,
            self._active,
            phone_number.plan_of(region),
            overlay.filter if overlay else None,
            overlay.has_nine_digits,
            self._ranges,
        )

    @property
    def requested_lists(self) -> tuple[RequestedList, ...]:
        """The requested lists that are open on the day of the look-up."""
        return tuple(
            RequestedList(self._lists[index], on, self._known_until(index))
            for index, day in self._days.items()
            if (on := from_epoch_day(day)) is not None
        )

    def _known_until(self, index: int) -> date | None:
        """Return the first day for which the content of a list is too old, or None."""
        return self._covered_until

    def earliest_end(self) -> int:
        """Return the earliest end of an active period or prefix rule, or `NO_END`."""
        active = np.frombuffer(self._active, bool)
        ends = [int(self._table.ends[active].min(initial=NO_END))]
        dated: list[Entry | PrefixRule] = [*self._overlay.periods, *self._rules]
        ends += [one.ends_on for one in dated if self._is_active(one)]
        return min(ends)

    @property
    def days(self) -> dict[str, date]:
        """The names of the requested lists, each with the day of the look-up."""
        return {each.rules.name: each.on for each in self.requested_lists}

    def read_number(self, number: object) -> tuple[int, Newest]:
        """Return the key of a phone number, and the newest changes about the number.

        The key is replaced by a reason (an integer below all keys) if the number cannot
        be read, or if its digits can also mean another number that is blocked.
        """
        key, *others = found = phone_number.readings_of(number, self.region)
        newest = self._newest(found)
        if others and self.match(key, newest) < 0:
            key = _digits.AMBIGUOUS if self._any_opposition(others, newest) else key
        return key, newest

    def _newest(self, keys: Iterable[int]) -> Newest:
        return self._overlay.newest(keys, self._days)

    def match(self, key: int, newest: Newest) -> int:
        """Return the code of the period or prefix rule that blocks a key, or -1.

        *newest* contains the entries of the overlay (the newest changes).
        """
        if key in newest:
            code = self._match_entries(newest[key])
        else:
            table = self._table
            code = _filter.match(table.filter, table.index, self._active, key)
        return self._ranges.find(key) if code < 0 and self._ranges else code

    def is_blocked(self, key: int, newest: Newest) -> bool:
        """Return True if a key is blocked."""
        return self.match(key, newest) >= 0

    def match_many(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the code that `match` returns for each key."""
        out = np.empty(len(keys), np.int32)
        table = self._table
        _filter.match_many(table.filter, table.index, self._active, keys, out)
        if self._overlay:
            rows = np.flatnonzero(self._overlay.filter.might_contain_many(keys))
            changed = keys[rows].tolist()
            newest = self._newest(set(changed))
            for row, key in zip(rows.tolist(), changed, strict=True):
                if key in newest:
                    out[row] = self._match_entries(newest[key])
        if self._ranges:
            self._ranges.find_many(keys, out)
        return out

    def match_block(self, block: Block) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Return each row's key, or a reason, and the results of `match_many`."""
        others: dict[int, tuple[int, ...]] = {}
        keys = phone_number.read_block(block, self.region, others)
        matches = self.match_many(keys)
        if phone_number.is_french(self.region) and self._probe.has_ambiguous:
            for row in self._rows_blocked_abroad(block, keys, matches):
                others[row] = phone_number.readings_of(block.value(row), self.region)[
                    1:
                ]
        if others:
            newest = self._newest({key for keys in others.values() for key in keys})
            for row, found in others.items():
                if matches[row] < 0 and self._any_opposition(found, newest):
                    keys[row] = _digits.AMBIGUOUS
        return keys, matches

    def _rows_blocked_abroad(
        self, block: Block, keys: NDArray[np.uint64], matches: NDArray[np.int32]
    ) -> list[int]:
        """Return rows with nine digits that are blocked only as a foreign number."""
        rows = phone_number.rows_without_zero(block, keys)
        rows = rows[matches[rows] < 0]
        blocked = Question.match_many(self, keys[rows] - phone_number.FRANCE) >= 0
        return cast("list[int]", rows[blocked].tolist())

    def check_many(self, column: object, threads: int = 1) -> NDArray[np.uint8]:
        """Return the `Status` of each row of a column; see `Book.check_many`."""
        parts = [np.empty(0, np.uint8)]
        parts += [found for _, found in self._blocks(column, threads)]
        found = np.concatenate(parts)
        found[found == UNKNOWN] = Status.BLOCKED
        return found

    def is_blocked_many(
        self,
        column: object,
        *,
        invalid: OrBlock = "raise",
        unknown: OrBlock = "raise",
        threads: int = 1,
    ) -> NDArray[np.bool_]:
        """Return True for each row that is blocked; see `Book.is_blocked_many`."""
        for name, choice in (("invalid", invalid), ("unknown", unknown)):
            if choice not in ("raise", "block"):
                raise InputError("'raise' or 'block'", show(choice), name)
        parts = [np.empty(0, bool)]
        first = 0
        for block, statuses in self._blocks(column, threads):
            is_invalid, is_unknown = statuses == Status.INVALID, statuses == UNKNOWN
            if invalid == "raise" and is_invalid.any():
                row = int(is_invalid.argmax())
                key, _ = self.read_number(block.value(row))
                raise InvalidNumberError(
                    phone_number.reason_of(key), f"row {first + row}"
                )
            if unknown == "raise" and is_unknown.any():
                row = first + int(is_unknown.argmax())
                expected, got = "a valid answer or file", "no valid answer or file"
                message = (
                    "the operator of the list gave no valid answer or recent file "
                    "about the phone number: do not call"
                )
                raise NotKnownError(expected, got, f"row {row}", message=message)
            parts.append(statuses != Status.CLEAR)
            first += len(block)
        return np.concatenate(parts)

    def _blocks(
        self, column: object, threads: int
    ) -> Iterator[tuple[Block, NDArray[np.uint8]]]:
        return map_in_order(
            lambda block: (block, self.statuses(*self.match_block(block))),
            blocks(column),
            threads if check_threads(threads) > 1 else 0,
        )

    def statuses(
        self, keys: NDArray[np.uint64], matches: NDArray[np.int32]
    ) -> NDArray[np.uint8]:
        """Return the `Status` of each row; the arguments are from `match_block`."""
        statuses = (matches >= 0).view(np.uint8)
        if keys.min(initial=_digits.FIRST_KEY) < _digits.FIRST_KEY:
            statuses[keys < _digits.FIRST_KEY] = Status.INVALID
        return statuses

    def _any_opposition(self, keys: Iterable[int], newest: Newest) -> bool:
        """Return True if a period or a prefix rule blocks one of the keys."""
        return any(Question.match(self, key, newest) >= 0 for key in keys)

    def _match_entries(self, entries: Iterable[tuple[int, Entry]]) -> int:
        return next((code for code, entry in entries if self._is_active(entry)), -1)

    def _is_active(self, entry: Entry | PrefixRule) -> bool:
        day = self._days.get(entry.list)
        return day is not None and entry.starts_on <= day < entry.ends_on

    def reason(self, code: int) -> tuple[str, date | None, date | None]:
        """Return the list, first day and end of the period or rule with this code."""
        period = self._rule(code) or self._entry(code)
        dated = period.starts_on != UNDATED
        since = from_epoch_day(period.starts_on) if dated else None
        return self._names[period.list], since, from_epoch_day(period.ends_on)

    def _rule(self, code: int) -> PrefixRule | None:
        index = LAST_CODE - code
        return self._rules[index] if index < len(self._rules) else None

    def _entry(self, code: int) -> Entry:
        table = self._table if code < len(self._table.lists) else self._overlay
        return table.entry(code)

    def verdict(self, key: int, newest: Newest) -> Verdict:
        """Return the result of `Book.check` for a key."""
        number = phone_number.number_of(key)
        code = self.match(key, newest)
        if code >= 0:
            name, since, until = self.reason(code)
            reason = "prefix" if self._rule(code) else "registered"
            return Verdict(Status.BLOCKED, number, name, since, until, reason)
        reason = self._clear_reason(self._entries_of(key, newest))
        return Verdict(Status.CLEAR, number, None, None, None, reason)

    def _entries_of(self, key: int, newest: Newest) -> Sequence[tuple[int, Entry]]:
        return newest[key] if key in newest else self._table.entries(key)

    def _clear_reason(self, entries: Iterable[tuple[int, Entry]]) -> str:
        requested = [entry for _, entry in entries if entry.list in self._days]
        if not requested:
            return "not_listed"
        if any(entry.ends_on <= self._days[entry.list] for entry in requested):
            return "period_ended"
        return "not_yet_protected"
