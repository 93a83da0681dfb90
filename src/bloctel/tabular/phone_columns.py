"""Choice of the columns of a file by name or number, and detection of a header."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bloctel.errors import InputError

__all__ = [
    "ChosenColumns",
    "ColumnChooser",
    "clean_name",
    "described",
    "looks_like_header",
    "named_columns",
    "requested_columns",
    "shown",
]

#: A cell with at least this number of digits may be a phone number, not a column name.
_NUMBER_DIGITS: Final = 4
_NAMES_SHOWN: Final = 30
_NAME_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class ChosenColumns:
    """Columns to read.

    Attributes:
        indexes: The indexes of the columns, from 0.
        names: The names of the columns in messages.
        has_header: Whether the first row contains the names of the columns.
        first: The cells of the first row as column names, even if it is not a header:
            other programs may read it as the header.
    """

    indexes: tuple[int, ...]
    names: tuple[str, ...]
    has_header: bool
    first: tuple[str, ...] = ()

    def with_one_more(self, index: int) -> ChosenColumns:
        """Return these columns and one more, which has no name."""
        return replace(self, indexes=(*self.indexes, index), names=(*self.names, ""))


#: Function that chooses columns from the first rows of a file, or raises `InputError`.
#: The second argument is whether there is a header; None if that is not known.
ColumnChooser = Callable[[Sequence[Sequence[str]], bool | None], ChosenColumns]


def clean_name(name: str) -> str:
    r"""Return a column name without surrounding blanks, quotes and byte-order mark.

    >>> clean_name('\ufeff"T\u00e9l. "')
    'Tél.'
    """
    return unicodedata.normalize("NFC", name.strip("\ufeff \t\"'\u00a0"))


def looks_like_header(cell: str) -> bool:
    """Return whether a cell is more likely a column name than a phone number.

    In doubt the row counts as data: a name that counts as data gives one invalid row,
    but a number that counts as a name would not be looked up.
    """
    return any(map(str.isalpha, cell)) and not _may_hold_number(cell)


def requested_columns(
    columns: str | int | Sequence[str | int],
) -> tuple[str | int, ...]:
    """Return a requested column, or several, as a tuple."""
    return (columns,) if isinstance(columns, str | int) else tuple(columns)


def named_columns(wanted: Sequence[str | int], *, where: str) -> ColumnChooser:
    """Return a chooser of the columns with these names or numbers (from 1).

    Raises:
        InputError: The sequence is empty, or has a number below 1.
    """
    if not wanted:
        raise InputError("at least one phone column", "an empty list", where)
    for column in wanted:
        if isinstance(column, int) and column < 1:
            raise InputError("a column number from 1 on", str(column), where)

    def choose(rows: Sequence[Sequence[str]], has_header: bool | None) -> ChosenColumns:
        if has_header is None:
            has_header = _has_header(rows, wanted)
        first = [clean_name(cell) for cell in (rows[0] if rows else ())]
        names = first if has_header else None
        found = dict.fromkeys(_find(column, first, names, where) for column in wanted)
        return ChosenColumns(
            indexes=tuple(found),
            names=tuple(names[i] if names else str(i + 1) for i in found),
            has_header=has_header,
            first=tuple(first),
        )

    return choose


def _has_header(rows: Sequence[Sequence[str]], wanted: Sequence[str | int]) -> bool:
    numbers = [column for column in wanted if isinstance(column, int)]
    if len(numbers) < len(wanted):
        return True
    first = rows[0] if rows else ()
    return all(
        column <= len(first) and looks_like_header(first[column - 1])
        for column in numbers
    )


def _find(
    column: str | int, first: Sequence[str], names: Sequence[str] | None, where: str
) -> int:
    if isinstance(column, int):
        if column <= len(first):
            return column - 1
        raise InputError(
            f"a column {shown(str(column))}", described(first, names), where
        )
    if names is None:
        raise InputError(
            f"a header row with a column {shown(column)}", "no header", where
        )
    return _find_name(column, names, where)


def _find_name(column: str, names: Sequence[str], where: str) -> int:
    wanted = clean_name(column)
    exact = [i for i, name in enumerate(names) if name == wanted]
    folded = [i for i, name in enumerate(names) if name.casefold() == wanted.casefold()]
    found = exact or folded
    if len(found) == 1:
        return found[0]
    if found:
        got = f"{len(found)} columns of that name"
        raise InputError(f"one column {shown(column)}", got, where)
    raise InputError(f"a column {shown(column)}", described(names, names), where)


def shown(column: str) -> str:
    """Return a column name for a message; it is hidden if it may be a phone number."""
    if _may_hold_number(column):
        return "of that name"
    return column if column.isdecimal() else repr(column)


def described(first: Sequence[str], names: Sequence[str] | None) -> str:
    """Describe the columns for a message, without the content of a data row."""
    if names is None:
        return f"{len(first)} columns"
    if any(map(_may_hold_number, names)):
        return f"a first row of {len(names)} cells with numbers instead of names"
    shown = ", ".join(repr(_cut(name)) for name in names[:_NAMES_SHOWN])
    more = ", ..." if len(names) > _NAMES_SHOWN else ""
    return f"the columns {shown}{more}"


def _cut(name: str) -> str:
    """Return a name; a long name is cut, because the file may not be CSV."""
    return name if len(name) <= _NAME_SHOWN else f"{name[:_NAME_SHOWN]}..."


def _may_hold_number(cell: str) -> bool:
    return sum(map(str.isdigit, cell)) >= _NUMBER_DIGITS
