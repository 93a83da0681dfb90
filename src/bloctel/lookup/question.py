"""List lookup for fixed lists and a fixed day: `Question`.

A `Question` has one byte for each distinct period of a `Table`, which says whether the
period is active on the requested day.  A look-up is then filter, index, one byte.
`bloctel.lookup.book` makes and caches questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from bloctel import _filter
from bloctel._util.parallel import check_threads, map_in_order
from bloctel.errors import InputError, InvalidNumberError, NotKnownError
from bloctel.lookup._probe import LEFT, Probe
from bloctel.lookup.prefix_rules import LAST_CODE, PrefixRule, ranges_of
from bloctel.lookup.table import UNDATED, Entry, Known, Overlay, Table
from bloctel.numbers import _digits
from bloctel.numbers.columns import Integers, Spans, blocks
from bloctel.numbers.phone_number import (
    PhoneNumber,
    is_french,
    nine_digits,
    read,
    read_block,
    reason_of,
)
from bloctel.periods import NO_END, from_epoch_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from uuid import UUID

    from numpy.typing import NDArray

    from bloctel.numbers.columns import Block
    from bloctel.rules import ListRules

#: The treatment of a row without an answer.
OrBlock = Literal["raise", "block"]

#: In addition to the values of `Status`: there is no answer, which is never "clear".
UNKNOWN: Final = 3

#: The difference between the key of a French line and its nine digits, which remain of
#: it as an integer in a spreadsheet.
_FRANCE: Final = np.uint64(33 * 10**9)


class Status(IntEnum):
    """The outcome of a look-up.

    `CLEAR` means "on none of the requested lists, on that day".  It never means "may be
    called", which depends on the law of that day.
    """

    CLEAR = 0
    BLOCKED = 1
    INVALID = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of `check`, with the reason.

    Attributes:
        status: Clear, blocked, or invalid (the number could not be read).
        number: The number that was looked up; None if invalid.
        list: The list that blocks it; None if it is not blocked.
        since: The first day of the protection; None if unknown, or not blocked.
        until: The first day after the protection; None if it has no end.
        reason: If blocked: `registered`; `prefix` for a prefix rule; `not_known` or
            `stale_answer` if the operator's answer is missing or too old.  If clear:
            `not_listed`, `not_yet_protected` or `period_ended`.  If invalid: a `Reason`
            of `bloctel.numbers`.
    """

    status: Status
    number: PhoneNumber | None
    list: str | None
    since: date | None
    until: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class BookList:
    """List in a book.

    Attributes:
        rules: The list's rules.
        complete_from: The first day whose data has not been erased; None if no data
            has been erased.
    """

    rules: ListRules
    complete_from: date | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Registry and cursor that the state of a book comes from.

    Attributes:
        registry: The registry; None for a snapshot that was not made from a registry.
        generation: The cursor of the last change that is certainly included.
        built_on: The day of a snapshot's state; None for a registry itself.
    """

    registry: UUID | None
    generation: int
    built_on: date | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Content of a book at one instant.

    Attributes:
        lists: The lists.
        table: The numbers of the lists when the table was built.
        overlay: The changes since then.
        covered_until: The first day for which the content is too old; None if it is
            always up to date.
        prefixes: The prefix rules.
        provenance: The registry and cursor it comes from; None if not from a registry.
    """

    lists: tuple[BookList, ...]
    table: Table
    overlay: Overlay
    covered_until: date | None = None
    prefixes: tuple[PrefixRule, ...] = ()
    provenance: Provenance | None = None


class RequestedList(NamedTuple):
    """List that a question looks up.

    Attributes:
        rules: The list's rules.
        on: The day of the look-up.
        known_until: The first day for which the book's present content is too old, if
            that is known.
    """

    rules: ListRules
    on: date
    known_until: date | None


class Question:
    """List lookup for fixed lists and a fixed day, for any number of phone numbers.

    Attributes:
        region: The region of numbers in national form.
        provenance: The registry and cursor of the content; None if not from a registry.
        probe: The compiled look-up of single numbers; None if only this class can
            answer.
        covers_every_number: Whether a match is always an opposition.  In lists known by
            answers only, it may also mean that there is no answer.
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
        self._rules = state.prefixes
        self._ranges = ranges_of(state.prefixes, days)
        self.region = region
        on = np.full(max(1, len(state.lists)), NO_END, np.int64)
        requested = np.zeros(len(on), bool)
        for index, day in days.items():
            on[index], requested[index] = day, True
        table = self._table
        on_day = on[table.lists]
        active = (table.starts <= on_day) & (on_day < table.ends)
        self._active = (active & requested[table.lists]).tobytes()
        overlay = state.overlay
        self._probe = self.probe = Probe(
            table.filter,
            table.index,
            self._active,
            is_french(region),
            overlay.filter if overlay else None,
            self._ranges,
        )

    @property
    def requested_lists(self) -> tuple[RequestedList, ...]:
        """The requested lists, without those that are closed on their day."""
        return tuple(
            RequestedList(self._lists[index], on, self._known_until(index))
            for index, day in self._days.items()
            if (on := from_epoch_day(day)) is not None
        )

    def _known_until(self, index: int) -> date | None:
        """Return the first day for which the content of a list is too old."""
        return self._covered_until

    def earliest_end(self) -> int:
        """Return the earliest end of the active periods, in days since 1970-01-01.

        It is `NO_END` if no active period has an end.
        """
        active = np.frombuffer(self._active, bool)
        ends = [int(self._table.ends[active].min(initial=NO_END))]
        ends += [
            entry.ends_on for entry in self._overlay.periods if self._is_active(entry)
        ]
        return min(ends)

    @property
    def days(self) -> dict[str, date]:
        """The day of the look-up for each requested list, by the list's name."""
        return {each.rules.name: each.on for each in self.requested_lists}

    def read_number(self, number: object, region: str | None) -> tuple[int, Known]:
        """Return the key of *number* or the code of its refusal, and its changes.

        A nine-digit integer that is clear as a French number, and blocked as a
        foreign one, is refused: one of the two answers would be wrong.

        Returns:
            The key, and the entries of the overlay that `match` and `verdict` need.
        """
        key, foreign = self._readings(number, region)
        known = self._overlay.known([key] if foreign is None else [key, foreign])
        return self._checked(key, foreign, known), known

    def match(self, key: int, known: Known) -> int:
        """Return the code of the period or the rule that blocks a key, or -1."""
        if key in known:
            code = self._match_entries(known[key])
        else:
            table = self._table
            code = _filter.match(table.filter, table.index, self._active, key)
        return self._ranges.find(key) if code < 0 and self._ranges else code

    def is_blocked(self, key: int, known: Known) -> bool:
        """Return whether a key is blocked."""
        return self.match(key, known) >= 0

    def match_many(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the code of the period or the rule that blocks each key, or -1.

        Refusal codes in *keys* give -1.
        """
        out = np.empty(len(keys), np.int32)
        table = self._table
        _filter.match_many(table.filter, table.index, self._active, keys, out)
        if self._overlay:
            rows = np.flatnonzero(self._overlay.filter.might_contain_many(keys))
            changed = keys[rows].tolist()
            known = self._overlay.known(set(changed))
            for row, key in zip(rows.tolist(), changed, strict=True):
                if key in known:
                    out[row] = self._match_entries(known[key])
        if self._ranges:
            self._ranges.find_many(keys, out)
        return out

    def match_block(self, block: Block) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Read and match the rows of a block.

        Returns:
            The keys or codes of refusals, as from `read_number`; and the result of
            `match_many`.
        """
        keys = read_block(block, self.region)
        matches = self.match_many(keys)
        if is_french(self.region) and not isinstance(block, Spans):
            keys[self._ambiguous_rows(block, keys, matches)] = _digits.AMBIGUOUS
        return keys, matches

    def _ambiguous_rows(
        self, block: Block, keys: NDArray[np.uint64], matches: NDArray[np.int32]
    ) -> list[int]:
        """Return the rows whose integers are clear, but blocked as foreign numbers."""
        foreign = keys - _FRANCE  # outside 10^8 to 10^9 unless it is a French line
        rows = np.flatnonzero((matches < 0) & (foreign < 10**9) & (foreign >= 10**8))
        # only oppositions count: a missing answer does not block the foreign number
        blocked = Question.match_many(self, foreign[rows]) >= 0
        found = {row: nine_digits(block.value(row)) for row in rows[blocked].tolist()}
        integers = {row: digits for row, digits in found.items() if digits is not None}
        known = self._overlay.known(set(integers.values()))
        return [
            row
            for row, digits in integers.items()
            if self._is_blocked_abroad(digits, known)
        ]

    def check_many(
        self, column: object, region: str | None, threads: int = 1
    ) -> NDArray[np.uint8]:
        """Return the `Status` of each row of a column; see `Book.check_many`."""
        parts = [np.empty(0, np.uint8)]
        parts += [found for _, found in self._blocks(column, region, threads)]
        found = np.concatenate(parts)
        found[found == UNKNOWN] = Status.BLOCKED
        return found

    def is_blocked_many(
        self,
        column: object,
        region: str | None,
        *,
        invalid: OrBlock = "raise",
        unknown: OrBlock = "raise",
        threads: int = 1,
    ) -> NDArray[np.bool_]:
        """Return for each row whether it is blocked; see `Book.is_blocked_many`."""
        for name, choice in (("invalid", invalid), ("unknown", unknown)):
            if choice not in ("raise", "block"):
                raise InputError("'raise' or 'block'", repr(choice), name)
        parts = [np.empty(0, bool)]
        first = 0
        for block, statuses in self._blocks(column, region, threads):
            if invalid == "raise" and (statuses == Status.INVALID).any():
                row = int((statuses == Status.INVALID).argmax())
                key, _ = self.read_number(block.value(row), region)
                raise InvalidNumberError(reason_of(key), f"row {first + row}")
            if unknown == "raise" and (statuses == UNKNOWN).any():
                row = first + int((statuses == UNKNOWN).argmax())
                raise NotKnownError(
                    "a valid answer of the operator about each number",
                    "a number without one",
                    f"row {row}",
                    message="the operator has not answered about the number, or the "
                    "answer is too old",
                )
            parts.append(statuses != Status.CLEAR)
            first += len(block)
        return np.concatenate(parts)

    def _blocks(
        self, column: object, region: str | None, threads: int
    ) -> Iterator[tuple[Block, NDArray[np.uint8]]]:
        """Return an iterator over the blocks of a column, each with its statuses."""
        return map_in_order(
            lambda block: (block, self.statuses(block, region)),
            blocks(column),
            threads if check_threads(threads) > 1 else 0,
        )

    def statuses(self, block: Block, region: str | None) -> NDArray[np.uint8]:
        """Return the `Status` of each row of a block.

        Compiled code leaves foreign numbers, and numbers that changed since the table
        was built.  Each distinct value among them is looked up once.
        """
        out = np.empty(len(block), np.uint8)
        if self._probe_block(block, is_french(region), out):
            left = np.flatnonzero(out == LEFT).tolist()
            values = [block.value(row) for row in left]
            statuses = self._statuses_of(values, region)
            out[left] = [statuses[type(value), value] for value in values]
        return out

    def _probe_block(self, block: Block, french: bool, out: NDArray[np.uint8]) -> int:
        """Set *out* to the statuses; return the number of rows that are `LEFT`."""
        probe = self._probe
        if isinstance(block, Spans):
            return probe.judge_spans(block.data, block.starts, block.ends, french, out)
        if isinstance(block, Integers):
            values = block.values.view(np.int64)  # above int64 there is no number
            valid = None if block.valid is None else block.valid.view(np.uint8)
            return probe.judge_integers(values, valid, french, out)
        return probe.judge_objects(block.values, french, out)

    def _statuses_of(
        self, values: Iterable[object], region: str | None
    ) -> dict[tuple[type, object], Status]:
        """Return the status of each distinct value, with one query of the overlay."""
        distinct = {(type(value), value): value for value in values}
        readings = {
            name: self._readings(value, region) for name, value in distinct.items()
        }
        keys = {key for pair in readings.values() for key in pair if key is not None}
        known = self._overlay.known(keys)
        return {name: self._status(*pair, known) for name, pair in readings.items()}

    def _status(self, key: int, foreign: int | None, known: Known) -> Status:
        key = self._checked(key, foreign, known)
        if key < _digits.FIRST_KEY:
            return Status.INVALID
        return Status.BLOCKED if self.match(key, known) >= 0 else Status.CLEAR

    def _readings(self, number: object, region: str | None) -> tuple[int, int | None]:
        """Return the key or refusal of *number*, and the foreign number it may mean."""
        foreign = nine_digits(number) if is_french(region) else None
        return read(number, region), foreign

    def _checked(self, key: int, foreign: int | None, known: Known) -> int:
        """Return the key, or the code of a refusal if the other reading is blocked."""
        if foreign is None or self.match(key, known) >= 0:
            return key
        return _digits.AMBIGUOUS if self._is_blocked_abroad(foreign, known) else key

    def _is_blocked_abroad(self, digits: int, known: Known) -> bool:
        """Return whether nine digits are blocked as a complete foreign number."""
        # only oppositions count: a missing answer does not block the foreign number
        code = Question.match(self, digits, known)
        # a prefix rule also matches digits that are not a line of its country
        return code >= 0 and (
            self._rule(code) is None or read(f"+{digits}", None) == digits
        )

    def _match_entries(self, entries: Iterable[tuple[int, Entry]]) -> int:
        return next((code for code, entry in entries if self._is_active(entry)), -1)

    def _is_active(self, entry: Entry) -> bool:
        day = self._days.get(entry.list)
        return day is not None and entry.starts_on <= day < entry.ends_on

    def reason(self, code: int) -> tuple[str, date | None, date | None]:
        """Return the list, the first day and the end of a period or a prefix rule."""
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

    def verdict(self, key: int, known: Known) -> Verdict:
        """Return the verdict on a key."""
        number = PhoneNumber(key)
        code = self.match(key, known)
        if code >= 0:
            name, since, until = self.reason(code)
            reason = "prefix" if self._rule(code) else "registered"
            return Verdict(Status.BLOCKED, number, name, since, until, reason)
        reason = self._clear_reason(self._entries_of(key, known))
        return Verdict(Status.CLEAR, number, None, None, None, reason)

    def _entries_of(self, key: int, known: Known) -> Sequence[tuple[int, Entry]]:
        return known[key] if key in known else self._table.entries(key)

    def _clear_reason(self, entries: Iterable[tuple[int, Entry]]) -> str:
        requested = [entry for _, entry in entries if entry.list in self._days]
        if not requested:
            return "not_listed"
        if any(entry.ends_on <= self._days[entry.list] for entry in requested):
            return "period_ended"
        return "not_yet_protected"
