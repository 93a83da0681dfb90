"""A question: the day and the lists of a look-up, fixed once for any number of numbers.

A `Question` holds one byte for each distinct period of a `Table`; every look-up is
then filter, index, one byte.  `bloctel.lookup.book` makes questions and remembers them.
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
from bloctel.numbers.columns import Spans, blocks
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

__all__ = [
    "SILENT",
    "AskedList",
    "BookList",
    "OrBlock",
    "Provenance",
    "Question",
    "State",
    "Status",
    "Verdict",
]

#: What to do with a row that has no answer.
OrBlock = Literal["raise", "block"]

#: Beside the values of `Status`: nobody knows, which is never "clear".
SILENT: Final = 3

#: What the key of a French line is above the integer that a spreadsheet leaves of it.
_FRANCE: Final = np.uint64(33 * 10**9)


class Status(IntEnum):
    """The outcome of a look-up.

    `CLEAR` means "on none of the lists asked, on that day".  It never means "may be
    called": that is for the law of the day to say.
    """

    CLEAR = 0
    BLOCKED = 1
    INVALID = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to `check`, and why.

    Attributes:
        status: Clear, blocked, or invalid (no number could be read).
        number: The number that was asked; None if invalid.
        list: The list that blocks; None unless blocked.
        since: The first day of the protection; None if unknown, or not blocked.
        until: The first day after the protection; None if it has no end.
        reason: `registered` if blocked, `prefix` if by a rule for all numbers that
            begin alike, `not_known` or `stale_answer` if there is no answer about it
            that may be used; `not_listed`, `not_yet_protected` or `period_ended` if
            clear; a `Reason` of `bloctel.numbers` if invalid.
    """

    status: Status
    number: PhoneNumber | None
    list: str | None
    since: date | None
    until: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class BookList:
    """A list as a book holds it.

    Attributes:
        rules: The list's rules.
        complete_from: The first day of which nothing has been erased; None if
            nothing ever was.
    """

    rules: ListRules
    complete_from: date | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which state of a registry a book knows.

    Attributes:
        registry: The registry; None for a snapshot that is none's.
        generation: The cursor of the last change that it knows for sure.
        built_on: The day of the state, of a snapshot; None for a registry itself.
    """

    registry: UUID | None
    generation: int
    built_on: date | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a book knows at one moment.

    Attributes:
        lists: Its lists.
        table: What they held when it was built.
        overlay: What has changed since.
        covered_until: The first day on which that is too old to be asked; None if it
            is kept up to date.
        prefixes: The rules for all numbers that begin alike.
        provenance: Which state of which registry that is; None if it is none's.
    """

    lists: tuple[BookList, ...]
    table: Table
    overlay: Overlay
    covered_until: date | None = None
    prefixes: tuple[PrefixRule, ...] = ()
    provenance: Provenance | None = None


class AskedList(NamedTuple):
    """A list that a question asks.

    Attributes:
        rules: Its rules.
        on: The day that it is asked about.
        known_until: The first day on which what the book knows of it now is too old,
            if that is known.
    """

    rules: ListRules
    on: date
    known_until: date | None


class Question:
    """The lists and the day of a look-up, fixed once for any number of numbers.

    Attributes:
        region: The region by which national forms are read.
        provenance: Which state of which registry is asked; None if it is none's.
        probe: What answers most scalar look-ups in one compiled call; None if nothing
            but this class can.
        knows_everybody: Whether a match is always an opposition; where only answers
            are known, it may also mean that nobody knows.
    """

    knows_everybody = True
    provenance: Provenance | None
    probe: Probe | None

    def __init__(
        self,
        state: State,
        days: dict[int, int],
        region: str | None,
    ) -> None:
        self._table = state.table
        self._overlay = state.overlay
        self._lists = [held.rules for held in state.lists]
        self._names = [rules.name for rules in self._lists]
        self._days = days
        self._covered_until = state.covered_until
        self.provenance = state.provenance
        self._rules = state.prefixes
        self._ranges = ranges_of(state.prefixes, days)
        self.region = region
        day = np.full(max(1, len(state.lists)), NO_END, np.int64)
        for place, on in days.items():
            day[place] = on
        asked = np.zeros(len(day), bool)
        asked[list(days)] = True
        table, on_day = self._table, day[self._table.lists]
        covers = asked[table.lists] & (table.starts <= on_day) & (on_day < table.ends)
        self._active = covers.tobytes()
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
    def asked(self) -> tuple[AskedList, ...]:
        """The lists that are asked; those that are closed on their day are not."""
        return tuple(
            AskedList(self._lists[place], on, self._known_until(place))
            for place, day in self._days.items()
            if (on := from_epoch_day(day)) is not None
        )

    def _known_until(self, place: int) -> date | None:
        """Return when what is known of the list at that place is too old."""
        return self._covered_until

    def earliest_end(self) -> int:
        """Return when the first of the periods that cover its day is over.

        That is in days since 1970-01-01, and `NO_END` if no period has an end.
        """
        active = np.frombuffer(self._active, bool)
        ends = [int(self._table.ends[active].min(initial=NO_END))]
        ends += [
            entry.ends_on for entry in self._overlay.periods if self._covers(entry)
        ]
        return min(ends)

    @property
    def days(self) -> dict[str, date]:
        """The day that is asked of each list, by the list's name."""
        return {asked.rules.name: asked.on for asked in self.asked}

    def ask(self, number: object, region: str | None) -> tuple[int, Known]:
        """Return the key of *number*, or the code of its refusal, and what is known.

        A nine-digit integer that is clear as a French number, and blocked as a
        foreign one, is refused: one of the two would be a wrong answer.

        Returns:
            The key, and what `match` and `verdict` need to know of it.
        """
        key, other = self._readings(number, region)
        known = self._overlay.known([key] if other is None else [key, other])
        return self._settled(key, other, known), known

    def match(self, key: int, known: Known) -> int:
        """Return the code of the period or the rule that blocks a key, or -1."""
        code = self._match_exactly(key, known)
        return self._ranges.find(key) if code < 0 and self._ranges else code

    def is_blocked(self, key: int, known: Known) -> bool:
        """Tell whether a key is blocked."""
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

    def match_spans(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Read and match the texts `data[starts[i]:ends[i]]`.

        Returns:
            The keys, or codes of refusals; and what `match_many` says of them.
        """
        return self.match_block(Spans(data, starts, ends))

    def match_block(self, block: Block) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Read and match the rows of a block.

        Returns:
            The keys, or codes of refusals, as `ask` gives them; and what `match_many`
            says of them.
        """
        keys = read_block(block, self.region)
        matches = self.match_many(keys)
        if is_french(self.region) and not isinstance(block, Spans):
            keys[self._ambiguous(block, keys, matches)] = _digits.AMBIGUOUS
        return keys, matches

    def _ambiguous(
        self, block: Block, keys: NDArray[np.uint64], matches: NDArray[np.int32]
    ) -> list[int]:
        """Return the rows whose integers are clear, but blocked as foreign numbers."""
        others = keys - _FRANCE  # below 10^8, or far above, where it is no French line
        rows = np.flatnonzero((matches < 0) & (others < 10**9) & (others >= 10**8))
        blocked = Question.match_many(self, others[rows]) >= 0  # silence blocks nobody
        found = {row: nine_digits(block.value(row)) for row in rows[blocked].tolist()}
        integers = {row: other for row, other in found.items() if other is not None}
        known = self._overlay.known(set(integers.values()))
        return [row for row, other in integers.items() if self._is_abroad(other, known)]

    def check_many(
        self, column: object, region: str | None, threads: int = 1
    ) -> NDArray[np.uint8]:
        """Return the `Status` of each row of a column; see `Book.check_many`."""
        parts = [np.empty(0, np.uint8)]
        parts += [found for _, found in self.judge(column, region, threads)]
        found = np.concatenate(parts)
        found[found == SILENT] = Status.BLOCKED
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
        """Tell of each row whether it is blocked; see `Book.is_blocked_many`."""
        for name, choice in (("invalid", invalid), ("unknown", unknown)):
            if choice not in ("raise", "block"):
                raise InputError("'raise' or 'block'", repr(choice), name)
        parts = [np.empty(0, bool)]
        first = 0
        for block, statuses in self.judge(column, region, threads):
            if invalid == "raise" and (statuses == Status.INVALID).any():
                row = int((statuses == Status.INVALID).argmax())
                key, _ = self.ask(block.value(row), region)
                raise InvalidNumberError(reason_of(key), f"row {first + row}")
            if unknown == "raise" and (statuses == SILENT).any():
                row = first + int((statuses == SILENT).argmax())
                raise NotKnownError(
                    "an answer about each number that may still be used",
                    "none, or an older one",
                    f"row {row}",
                )
            parts.append(statuses != Status.CLEAR)
            first += len(block)
        return np.concatenate(parts)

    def judge(
        self, column: object, region: str | None, threads: int = 1
    ) -> Iterator[tuple[Block, NDArray[np.uint8]]]:
        """Return an iterator over the blocks of a column, each with its statuses.

        Args:
            column: What `bloctel.numbers.columns.blocks` takes.
            region: The region by which national forms are read.
            threads: The number of threads that work.
        """
        return map_in_order(
            lambda block: (block, self.statuses(block, region)),
            blocks(column),
            threads if check_threads(threads) > 1 else 0,
        )

    def statuses(self, block: Block, region: str | None) -> NDArray[np.uint8]:
        """Return the `Status` of each row of a block.

        Compiled code leaves foreign numbers, and numbers that changed since the
        table was built; of these each distinct value is judged once.
        """
        out = np.empty(len(block), np.uint8)
        if block.judge(self._probe, is_french(region), out):
            left = np.flatnonzero(out == LEFT).tolist()
            values = [block.value(row) for row in left]
            statuses = self._statuses_of(values, region)
            out[left] = [statuses[type(value), value] for value in values]
        return out

    def _statuses_of(
        self, values: Iterable[object], region: str | None
    ) -> dict[tuple[type, object], Status]:
        """Return the status of each distinct value, the overlay being asked once."""
        distinct = {(type(value), value): value for value in values}
        readings = {
            name: self._readings(value, region) for name, value in distinct.items()
        }
        keys = {key for pair in readings.values() for key in pair if key is not None}
        known = self._overlay.known(keys)
        return {name: self._status(*pair, known) for name, pair in readings.items()}

    def _status(self, key: int, other: int | None, known: Known) -> Status:
        key = self._settled(key, other, known)
        if key < _digits.FIRST_KEY:
            return Status.INVALID
        return Status.BLOCKED if self.match(key, known) >= 0 else Status.CLEAR

    def _readings(self, number: object, region: str | None) -> tuple[int, int | None]:
        """Return the key or refusal of *number*, and the other that it may mean."""
        other = nine_digits(number) if is_french(region) else None
        return read(number, region), other

    def _settled(self, key: int, other: int | None, known: Known) -> int:
        """Return the key, or the code of a refusal if the other reading is blocked."""
        if other is None or self.match(key, known) >= 0:
            return key
        return _digits.AMBIGUOUS if self._is_abroad(other, known) else key

    def _is_abroad(self, integer: int, known: Known) -> bool:
        """Tell whether an integer is blocked as a whole foreign number."""
        code = Question.match(self, integer, known)  # silence blocks nobody
        # a prefix also begins what is no line of its country
        return code >= 0 and (
            self._rule(code) is None or read(f"+{integer}", None) == integer
        )

    def _match_exactly(self, key: int, known: Known) -> int:
        if key in known:
            return self._match_entries(known[key])
        return _filter.match(self._table.filter, self._table.index, self._active, key)

    def _match_entries(self, entries: Iterable[tuple[int, Entry]]) -> int:
        return next((code for code, entry in entries if self._covers(entry)), -1)

    def _covers(self, entry: Entry) -> bool:
        day = self._days.get(entry.list)
        return day is not None and entry.starts_on <= day < entry.ends_on

    def why(self, code: int) -> tuple[str, date | None, date | None]:
        """Return the list, the first day and the end that *code* stands for."""
        cause = self._rule(code) or self._entry(code)
        dated = cause.starts_on != UNDATED
        since = from_epoch_day(cause.starts_on) if dated else None
        return self._names[cause.list], since, from_epoch_day(cause.ends_on)

    def _rule(self, code: int) -> PrefixRule | None:
        place = LAST_CODE - code
        return self._rules[place] if place < len(self._rules) else None

    def _entry(self, code: int) -> Entry:
        holder = self._table if code < len(self._table.lists) else self._overlay
        return holder.entry(code)

    def verdict(self, key: int, known: Known) -> Verdict:
        """Return the answer for a key, and why."""
        number = PhoneNumber(key)
        code = self.match(key, known)
        if code >= 0:
            name, since, until = self.why(code)
            reason = "prefix" if self._rule(code) else "registered"
            return Verdict(Status.BLOCKED, number, name, since, until, reason)
        reason = self._why_clear(self._entries_of(key, known))
        return Verdict(Status.CLEAR, number, None, None, None, reason)

    def _entries_of(self, key: int, known: Known) -> Sequence[tuple[int, Entry]]:
        return known[key] if key in known else self._table.entries(key)

    def _why_clear(self, entries: Iterable[tuple[int, Entry]]) -> str:
        known = [entry for _, entry in entries if entry.list in self._days]
        if not known:
            return "not_listed"
        if any(entry.ends_on <= self._days[entry.list] for entry in known):
            return "period_ended"
        return "not_yet_protected"
