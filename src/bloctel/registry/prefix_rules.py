"""Prefix rules of a registry: block or allow all numbers with the same first digits."""

from dataclasses import dataclass
from datetime import date

from bloctel.errors import InputError, NotRegisteredError
from bloctel.numbers.phone_number import is_valid
from bloctel.periods import NO_END, from_epoch_day, to_epoch_day
from bloctel.registry import registrations
from bloctel.rules import ListRules
from bloctel.storage.interface import Reader, Writer
from bloctel.storage.rows import PrefixRow, day_of


@dataclass(frozen=True, slots=True)
class PrefixEntry:
    """Rule of a list that blocks or allows all numbers that begin with a prefix.

    Attributes:
        list: The name of the list.
        prefix: The first digits of the numbers, such as `+33162`.
        blocks: True if the rule blocks the numbers, False if it allows them.
        starts_on: The first day on which the rule applies.
        ends_on: The first day on which the rule no longer applies, or None.
    """

    list: str
    prefix: str
    blocks: bool
    starts_on: date
    ends_on: date | None


def require_incomplete(prefix: int) -> None:
    """Raise InputError if a prefix is a complete number.

    A storage does not encrypt prefixes, so a prefix must not reveal a number. A
    complete number is accepted only if longer numbers begin with it, as in Germany.
    """
    text = f"+{prefix}"
    if is_valid(text, region=None) and not is_valid(f"{text}0", region=None):
        message = "the prefix is a complete number; register the number instead"
        raise InputError("a prefix of several numbers", "a number", message=message)


def set_rule(
    writer: Writer, rule: ListRules, prefix: int, *, on: date, blocks: bool
) -> None:
    """Store a rule for a prefix; from the day *on*, it replaces all earlier rules."""
    list_id = registrations.find_list(writer, rule.name).id
    day = to_epoch_day(on)
    for row in _rows(writer, list_id, prefix):
        if row.starts_on > day:
            writer.drop_prefix(row)
        elif day < row.ends_on:
            _end(writer, row, day)
    writer.set_prefix(PrefixRow(list_id, prefix, day, NO_END, blocks))


def end_rule(writer: Writer, rule: ListRules, prefix: int, *, on: date) -> None:
    """End the rule for a prefix; the day *on* is the first day without the rule."""
    list_id = registrations.find_list(writer, rule.name).id
    day = to_epoch_day(on)
    rows = _rows(writer, list_id, prefix)
    active = [row for row in rows if row.starts_on <= day < row.ends_on]
    if not active:
        expected, got = "a prefix with a rule on that day", "a prefix without a rule"
        message = f"the prefix has no rule on {on.isoformat()}"
        raise NotRegisteredError(expected, got, f"list {rule.name}", message=message)
    for row in active:
        _end(writer, row, day)


def entries(reader: Reader) -> list[PrefixEntry]:
    """Return all rules, even those that have ended, sorted by list and prefix."""
    rows = sorted(reader.prefixes())
    names = {stored.id: stored.name for stored in reader.lists()}
    return [
        PrefixEntry(
            names[row.list_id],
            f"+{row.prefix}",
            row.blocks,
            day_of(row.starts_on),
            from_epoch_day(row.ends_on),
        )
        for row in rows
    ]


def _rows(reader: Reader, list_id: int, prefix: int) -> list[PrefixRow]:
    return [row for row in reader.prefixes() if row[:2] == (list_id, prefix)]


def _end(writer: Writer, row: PrefixRow, day: int) -> None:
    if row.starts_on == day:
        writer.drop_prefix(row)
    else:
        writer.set_prefix(row._replace(ends_on=day))
