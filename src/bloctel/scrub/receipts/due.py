"""Which files are due for another scrub, by the receipts of the last ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bloctel._util import clock
from bloctel.periods import add_days
from bloctel.scrub.receipts.names import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from bloctel.scrub.receipts.receipt import Receipt

__all__ = ["FileState", "State", "file_states"]


class State(StrEnum):
    """How things stand with the latest scrub of a file."""

    VALID = "valid"
    """It may be relied upon."""
    DUE = "due"
    """It may, and soon may not."""
    OVERDUE = "overdue"
    """It may not any more."""


@dataclass(frozen=True, slots=True)
class FileState:
    """The latest scrub of a file.

    Attributes:
        input: The file's name; None for a stream.
        number: The number of the receipt.
        scrubbed_on: The day that was asked about, the earliest of all lists.
        valid_until: The first day on which the result may not be relied upon.
        days_left: How many days that is away.
        state: What follows.
    """

    input: str | None
    number: int | None
    scrubbed_on: date
    valid_until: date
    days_left: int
    state: State


def file_states(
    receipts: Iterable[Receipt], *, on: date | None = None, within_days: int = 7
) -> list[FileState]:
    """Return how things stand with each file, the most urgent first.

    Files are told apart by their names.  Where a name was masked, or there is none,
    each content counts as a file: a scrub of one must not hide that another is due.

    Args:
        receipts: Receipts, those that were made later after the others.
        on: The day; today where the days of the lists are counted if not given.
        within_days: How soon is due.
    """
    latest: dict[object, Receipt] = {}
    for receipt in receipts:
        latest[_file(receipt)] = receipt
    found = [_state(receipt, on, within_days) for receipt in latest.values()]
    return sorted(found, key=lambda file: (file.valid_until, file.input or ""))


def _file(receipt: Receipt) -> object:
    name = receipt.input.name
    return name if name and MASK not in name else (name, receipt.input.sha256)


def _state(receipt: Receipt, on: date | None, within_days: int) -> FileState:
    zones = {held.time_zone for held in receipt.lists}
    today = max(map(clock.today, zones)) if on is None else on
    until = receipt.valid_until
    state = State.VALID
    if until <= today:
        state = State.OVERDUE
    elif until <= add_days(today, within_days):
        state = State.DUE
    return FileState(
        input=receipt.input.name,
        number=None if receipt.journal is None else receipt.journal.number,
        scrubbed_on=min(held.on for held in receipt.lists),
        valid_until=until,
        days_left=(until - today).days,
        state=state,
    )
