"""Due files: files that must be scrubbed again soon, according to their receipts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bloctel._util import clock
from bloctel.periods import add_days
from bloctel.scrub.receipts.receipt import MASK, Receipt


class State(StrEnum):
    """Validity of a file's latest scrub."""

    VALID = "valid"
    """The result may be used."""
    DUE = "due"
    """The result may be used, but its validity ends soon."""
    OVERDUE = "overdue"
    """The result may no longer be used."""


@dataclass(frozen=True, slots=True)
class FileState:
    """Validity of a file's latest scrub, calculated from the receipt for one day.

    Attributes:
        input: The file's name; None for a stream.
        number: The position of the receipt in its journal; None if the receipt is not
            in a journal.
        scrubbed_on: The day for which the lists were looked up; if the days of the
            lists differ, the earliest of these days.
        valid_until: The first day on which the result may no longer be used.
        days_left: The number of days until `valid_until`; negative after that day.
        state: The state of the result: valid, due or overdue.
        sha256: The SHA-256 of the content that was scrubbed, as 64 hex digits.
    """

    input: str | None
    number: int | None
    scrubbed_on: date
    valid_until: date
    days_left: int
    state: State
    sha256: str


def file_states(
    receipts: Iterable[Receipt],
    *,
    on: date | None = None,
    within_days: int = 7,
    by_name: bool = False,
) -> list[FileState]:
    """Return the state of each file, the most urgent first.

    Receipts contain the names of files without their folders, so two files can have the
    same name.  Therefore a file is identified by its name and its content: if the
    content changes, it counts as another file.  The latest receipt of a file gives its
    state.

    Args:
        receipts: Receipts, in the order in which they were made.
        on: The day of all states; by default today, in the time zone of each list.
        within_days: A file is due if its result becomes invalid within this number of
            days.
        by_name: True if no two files have the same name.  Then receipts with the same
            name belong to one file, even if its content has changed.  If the name is
            masked or missing, the file is still identified by its content.
    """
    latest: dict[object, Receipt] = {}
    for receipt in receipts:
        name, content = receipt.input.name, receipt.input.sha256
        is_named = by_name and name and MASK not in name
        latest[name if is_named else (name, content)] = receipt
    found = []
    for receipt in latest.values():
        zones = {judged.time_zone for judged in receipt.lists}
        today = max(map(clock.today, zones)) if on is None else on
        until = receipt.valid_until
        state = State.OVERDUE if until <= today else State.VALID
        if today < until <= add_days(today, within_days):
            state = State.DUE
        entry = FileState(
            input=receipt.input.name,
            number=None if receipt.journal is None else receipt.journal.number,
            scrubbed_on=min(judged.on for judged in receipt.lists),
            valid_until=until,
            days_left=(until - today).days,
            state=state,
            sha256=receipt.input.sha256,
        )
        found.append(entry)
    return sorted(found, key=lambda file: (file.valid_until, file.input or ""))
