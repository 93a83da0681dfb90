"""Oracle for scrubs of frames: one call of `book.check` per number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel import Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from bloctel import Book, Verdict

#: Values of a row in the two columns that a scrub adds.
Said = tuple[str, str | None]


def said_of(verdict: Verdict) -> Said:
    """Return kind and reason of a row whose only phone number has this verdict."""
    if verdict.status is Status.CLEAR:
        return "clear", None
    if verdict.status is Status.INVALID:
        return "invalid", verdict.reason
    if verdict.reason in ("not_known", "stale_answer"):
        return "blocked", f"{verdict.list} not known"
    since = f" since {verdict.since}" if verdict.since else ""
    until = f" until {verdict.until}" if verdict.until else ""
    return "blocked", f"{verdict.list}{since}{until}"


def said_one_by_one(
    book: Book, rows: Iterable[object], on: date, region: str | None = None
) -> list[Said]:
    """Return kind and reason of each row of a frame with these phone numbers."""
    return [said_of(book.check(row, on=on, region=region)) for row in rows]
