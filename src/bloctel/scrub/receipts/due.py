"""Files whose last receipts show that they are due for another scrub."""

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
    """The result may be used."""
    DUE = "due"
    """The result may be used, but its validity ends soon."""
    OVERDUE = "overdue"
    """The result may no longer be used."""


@dataclass(frozen=True, slots=True)
class FileState:
    """The latest scrub of a file.

    Attributes:
        input: The file's name; None for a stream.
        number: The position of the receipt in its journal; None without a journal.
        scrubbed_on: The earliest day for which a list was looked up.
        valid_until: The first day on which the result may no longer be used.
        days_left: The number of days until `valid_until`.
        state: The state on the given day.
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

    Files are identified by their names.  Files with a masked or missing name are
    identified by their content: a scrub of one must not hide that another is due.

    Args:
        receipts: Receipts, in the order in which they were made.
        on: The day; by default today in the time zones of the lists.
        within_days: A file is due if its validity ends within this number of days.
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
