"""The prefix rules of a registry: numbers that begin alike, blocked or let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bloctel.errors import InputError, NotRegisteredError
from bloctel.lookup.prefix_rules import spell
from bloctel.numbers.phone_number import is_valid
from bloctel.periods import NO_END, from_epoch_day, to_epoch_day
from bloctel.registry import registrations
from bloctel.storage.rows import PrefixRow

if TYPE_CHECKING:
    from datetime import date

    from bloctel.rules import ListRules
    from bloctel.storage.interface import Reader, Writer

__all__ = ["PrefixEntry", "drop", "entries", "put", "require_several"]


@dataclass(frozen=True, slots=True)
class PrefixEntry:
    """A prefix rule, as it stands.

    Attributes:
        list: The list's name.
        prefix: The first digits, as in `+33162`.
        blocks: Whether such numbers are blocked; else they are let through.
        starts_on: Its first day.
        ends_on: The first day after it; None if it has no end.
    """

    list: str
    prefix: str
    blocks: bool
    starts_on: date
    ends_on: date | None


def require_several(prefix: int) -> None:
    """Make sure that a prefix is not one number: rules are told, and kept, in plain.

    Where numbers have various lengths, as in Germany, a number can begin another.

    Raises:
        InputError: It is a whole number of some plan.
    """
    whole = spell(prefix)
    if is_valid(whole, region=None) and not is_valid(f"{whole}0", region=None):
        raise InputError(
            "a prefix with which several numbers begin (a single one is registered)",
            "a whole number",
        )


def put(
    writer: Writer, rule: ListRules, prefix: int, *, on: date, blocks: bool
) -> None:
    """Store a rule for a prefix from that day on; an older one ends there."""
    held = registrations.held_list(writer, rule.name)
    day = to_epoch_day(on)
    for row in _rows(writer, held.id, prefix):
        if row.starts_on > day:
            writer.drop_prefix(row)
        elif day < row.ends_on:
            _end(writer, row, day)
    writer.set_prefix(PrefixRow(held.id, prefix, day, NO_END, blocks))


def drop(writer: Writer, rule: ListRules, prefix: int, *, on: date) -> None:
    """End the rule for a prefix: that day it does not count any more.

    Raises:
        UnknownListError: The storage holds no such list.
        NotRegisteredError: It has no such rule on that day.
    """
    held = registrations.known_list(writer, rule.name)
    day = to_epoch_day(on)
    counting = [
        row
        for row in _rows(writer, held.id, prefix)
        if row.starts_on <= day < row.ends_on
    ]
    if not counting:
        raise NotRegisteredError(
            "a prefix that has a rule on that day", "another", f"list {rule.name}"
        )
    for row in counting:
        _end(writer, row, day)


def entries(reader: Reader) -> list[PrefixEntry]:
    """Return every rule that there is or was, by list and prefix."""
    rows = sorted(reader.prefixes())
    names = {held.id: held.name for held in reader.lists()}
    return [
        PrefixEntry(
            names[row.list_id],
            spell(row.prefix),
            row.blocks,
            registrations.as_day(row.starts_on),
            from_epoch_day(row.ends_on),
        )
        for row in rows
    ]


def _rows(reader: Reader, list_id: int, prefix: int) -> list[PrefixRow]:
    name = (list_id, prefix)
    return [row for row in reader.prefixes() if row[:2] == name]


def _end(writer: Writer, row: PrefixRow, day: int) -> None:
    if row.starts_on == day:
        writer.drop_prefix(row)
    else:
        writer.set_prefix(row._replace(ends_on=day))
