"""Files that are due for another scrub, by the receipts of their last scrubs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bloctel._util import clock
from bloctel.periods import add_days
from bloctel.scrub.receipts.receipt import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from bloctel.scrub.receipts.receipt import Receipt

__all__ = ["FileState", "State", "file_states"]


class State(StrEnum):
    """State of the latest scrub of a file."""

    VALID = "valid"
    """Its result may be relied upon."""
    DUE = "due"
    """Its result may be relied upon, but not for long."""
    OVERDUE = "overdue"
    """Its result may no longer be relied upon."""


@dataclass(frozen=True, slots=True)
class FileState:
    """The latest scrub of a file.

    Attributes:
        input: The file's name; None for a stream.
        number: The number of the receipt in its journal; None without a journal.
        scrubbed_on: The day of the look-up, the earliest of all lists.
        valid_until: The first day on which the result may no longer be relied upon.
        days_left: Number of days until then.
        state: The state that follows.
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
    """Return the state of each file, the most urgent first.

    Files are identified by their names.  If a name is masked or missing, each content
    is a file: a scrub of one must not hide that another is due.

    Args:
        receipts: Receipts, in the order in which they were made.
        on: The day; by default today in the time zones of the lists.
        within_days: A file is due if its result ends within that number of days.
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
    zones = {judged.time_zone for judged in receipt.lists}
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
        scrubbed_on=min(judged.on for judged in receipt.lists),
        valid_until=until,
        days_left=(until - today).days,
        state=state,
    )
