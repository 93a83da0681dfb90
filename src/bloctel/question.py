"""A question: the day and the lists of a look-up, fixed once for any number of numbers.

A `Question` holds one byte for each distinct period of a `Table`; every look-up is
then filter, index, one byte.  `bloctel.lookup` makes questions and remembers them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel import _digits, _filter
from bloctel._probe import LEFT, Probe
from bloctel.columns import Integers, Spans, blocks
from bloctel.numbers import PhoneNumber, is_french, nine_digits, read, read_block
from bloctel.periods import NO_END, from_epoch_day
from bloctel.prefixes import LAST_CODE, PrefixRule, ranges_of
from bloctel.table import UNDATED, Entry, Known, Overlay, Table
from bloctel.threads import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from bloctel.columns import Block
    from bloctel.rules import ListRules

__all__ = ["SILENT", "BookList", "Question", "State", "Status", "Verdict"]

#: Beside the values of `Status`: nobody knows, which is never "clear".
SILENT: Final = 3


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
class State:
    """Everything that a book knows at one moment.

    Attributes:
        lists: Its lists.
        table: What they held when it was built.
        overlay: What has changed since.
        covered_until: The first day on which that is too old to be asked; None if it
            is kept up to date.
        prefixes: The rules for all numbers that begin alike.
    """

    lists: tuple[BookList, ...]
    table: Table
    overlay: Overlay
    covered_until: date | None = None
    prefixes: tuple[PrefixRule, ...] = ()


class Question:
    """The lists and the day of a look-up, fixed once for any number of numbers.

    Attributes:
        region: The region by which national forms are read.
        probe: What answers most scalar look-ups in one compiled call; None if nothing
            but this class can.
    """

    probe: Probe | None

    def __init__(
        self,
        state: State,
        days: dict[int, int],
        region: str | None,
    ) -> None:
        self._table = state.table
        self._overlay = state.overlay
        self._names = [held.rules.name for held in state.lists]
        self._days = days
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
        keys = read_block(Spans(data, starts, ends), self.region)
        return keys, self.match_many(keys)

    def match_block(self, block: Block) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Read and match the rows of a block of a column.

        Returns:
            The keys, or codes of refusals, as `ask` gives them; and what `match_many`
            says of them.
        """
        keys = read_block(block, self.region)
        matches = self.match_many(keys)
        if is_french(self.region) and not isinstance(block, Spans):
            self._refuse_ambiguous(block, keys, matches)
        return keys, matches

    def _refuse_ambiguous(
        self, block: Block, keys: NDArray[np.uint64], matches: NDArray[np.int32]
    ) -> None:
        """Refuse integers that are clear as French numbers and blocked as others."""
        rows, others = _nine_digit_rows(block, np.flatnonzero(matches < 0))
        # the oppositions alone: what nobody vouches for is no second reading
        codes = Question.match_many(self, others)
        for place in np.flatnonzero(codes >= 0).tolist():
            if self._is_line(int(others[place]), int(codes[place])):
                keys[rows[place]] = _digits.AMBIGUOUS

    def judge(
        self, column: object, region: str | None, threads: int = 1
    ) -> Iterator[tuple[Block, NDArray[np.uint8]]]:
        """Return an iterator over the blocks of a column, each with its statuses.

        Args:
            column: What `bloctel.columns.blocks` takes.
            region: The region by which national forms are read.
            threads: How many threads share the work.
        """
        return in_order(
            lambda block: (block, self.statuses(block, region)), blocks(column), threads
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
        code = self.match(integer, known)
        return code >= 0 and self._is_line(integer, code)

    def _is_line(self, integer: int, code: int) -> bool:
        """Tell whether what is blocked is a line: a prefix also begins other digits."""
        return self._rule(code) is None or read(f"+{integer}", None) == integer

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


def _nine_digit_rows(
    block: Block, rows: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return which of the rows hold an integer of nine digits, and the integers."""
    if isinstance(block, Integers):
        values = block.values[rows].view(np.uint64)
        if block.valid is not None:
            values = np.where(block.valid[rows], values, 0)
    else:
        found = [nine_digits(block.value(row)) or 0 for row in rows.tolist()]
        values = np.array(found, np.uint64)
    is_one = (values >= 10**8) & (values < 10**9)
    return rows[is_one], values[is_one]
