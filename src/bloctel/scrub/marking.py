"""The columns that say of a row what a scrub found of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bloctel.errors import InputError
from bloctel.scrub.added_columns import ADDED_COLUMN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "ADDED_COLUMNS",
    "KIND_COLUMN",
    "REASON_COLUMN",
    "refuse_marked",
    "refuse_marked_file",
]

KIND_COLUMN: Final = ADDED_COLUMN
REASON_COLUMN: Final = "bloctel_reason"
#: What is added to the rows of each output.
ADDED_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "clear": (),
    "blocked": (ADDED_COLUMN,),
    "invalid": (ADDED_COLUMN,),
    "marked": (KIND_COLUMN, REASON_COLUMN),
}


def refuse_marked(names: Collection[object], what: str, where: str | None) -> None:
    """Refuse what has such a column: who reads it could take the older for the newer.

    Args:
        names: The names of all columns, as readers compare them.
        what: What has the columns.
        where: Which one that is, for the message.

    Raises:
        InputError: It has one.
    """
    for name in ADDED_COLUMNS["marked"]:
        if name in names:
            got = "one that has it (drop or rename it)"
            raise InputError(f"{what} without a column {name!r}", got, where)


def refuse_marked_file(names: Iterable[str], where: str) -> None:
    """Refuse a file that is marked already; many readers of files ignore case.

    Raises:
        InputError: It is.
    """
    refuse_marked([name.casefold() for name in names], "a call file", where)
