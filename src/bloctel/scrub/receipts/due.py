"""Due files: files that must be scrubbed again soon, according to their receipts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bloctel._util import clock
from bloctel.periods import add_days
from bloctel.scrub.receipts.receipt import MASK, Receipt


class State(StrEnum):
    """State of the result of the latest scrub of a file."""

    VALID = "valid"
    """The result may be used."""
    DUE = "due"
    """The result may be used, but its validity ends soon."""
    OVERDUE = "overdue"
    """The result may no longer be used."""


@dataclass(frozen=True, slots=True)
class FileState:
    """State of a file on a day, from the receipt of its latest scrub.

    Attributes:
        input: The file's name; None for a stream.
        number: The position of the receipt in its journal; None if the receipt is not
            in a journal.
        scrubbed_on: The day for which the lists were looked up; the earliest day if the
            lists have different days.
        valid_until: The first day on which the result may no longer be used.
        days_left: The number of days until `valid_until`; negative after that day.
        state: The state of the result on the day *on* of `file_states`.
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

    Receipts with the same file name belong to one file.  The latest receipt of a file
    gives its state.  If the name is masked or missing, only receipts with the same
    content belong to one file; otherwise a scrub of one file could hide that another
    file is due.

    Args:
        receipts: Receipts, in the order in which they were made.
        on: The day of the states; by default today in the time zones of the lists.
        within_days: A file is due if its result becomes invalid within this number of
            days.
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
