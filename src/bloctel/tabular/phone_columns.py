"""Choice of columns in a file by name or position, and detection of a header."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from bloctel.errors import InputError

#: A cell with this many digits, or more, may be a phone number and not a column name.
_NUMBER_DIGITS: Final = 4
_NAMES_SHOWN: Final = 30
_NAME_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class ChosenColumns:
    """Columns to read: their indexes (from 0), and their names for messages.

    `first` contains the cells of the first row, even if it is not a header.  `unread`
    contains the indexes of columns that are refused if they contain phone numbers.
    """

    indexes: tuple[int, ...]
    names: tuple[str, ...]
    has_header: bool
    first: tuple[str, ...] = field(default=(), repr=False)  # can contain phone numbers
    unread: tuple[int, ...] = ()


class SeveralColumnsError(InputError):
    """Several columns may contain phone numbers, so the caller must choose."""


#: Function that chooses columns.  Its arguments are the first rows of a file, and True
#: if there is a header (None if this is not known).
ColumnChooser = Callable[[Sequence[Sequence[str]], bool | None], ChosenColumns]


def clean_name(name: str) -> str:
    r"""Return a column name without surrounding blanks, quotes and byte-order mark.

    >>> clean_name('\ufeff"T\u00e9l. "')
    'Tél.'
    """
    return unicodedata.normalize("NFC", name.strip("\ufeff \t\"'\u00a0"))


def looks_like_header(cell: str) -> bool:
    """Return True if a cell of the first row is certainly a name, not a phone number.

    If a name is taken for a phone number, there is only an additional invalid row.  But
    if a phone number is taken for a name, it is never looked up.
    """
    return any(map(str.isalpha, cell)) and not _may_hold_number(cell)


def requested_columns(
    columns: str | int | Sequence[str | int],
) -> tuple[str | int, ...]:
    """Return a tuple of columns; *columns* can also be a single column."""
    given: Any = columns  # `named_columns` checks the type of each column
    is_one = isinstance(given, str | bytes) or not isinstance(given, Iterable)
    return (given,) if is_one else tuple(given)


def named_columns(wanted: Sequence[str | int], *, where: str) -> ColumnChooser:
    """Return a function that finds the columns *wanted* (names or positions from 1)."""
    if not wanted:
        raise InputError("at least one phone column", "an empty list", where)
    for column in wanted:
        if isinstance(column, bool) or not isinstance(column, str | int):
            got = f"a value of type {type(column).__name__}"
            raise InputError("the name or the number of a column", got, where)
        if isinstance(column, int) and column < 1:
            raise InputError("a column number of at least 1", str(column), where)

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
        expected = f"a column {shown(str(column))}"
        raise InputError(expected, described(first, names), where)
    if names is None:
        expected = f"a header row with a column {shown(column)}"
        raise InputError(expected, "no header", where)
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
    """Return a column name for messages, but hide a name that may be a phone number."""
    if _may_hold_number(column):
        return "of that name"
    return column if column.isdecimal() else repr(column)


def described(first: Sequence[str], names: Sequence[str] | None) -> str:
    """Describe the columns of a file for messages, without phone numbers."""
    if names is None:
        return f"{len(first)} columns"
    if any(map(_may_hold_number, names)):
        return f"a first row of {len(names)} cells with numbers instead of names"
    # if the file is not really a CSV file, a name can be very long
    cut = (f"{n[:_NAME_SHOWN]}..." if len(n) > _NAME_SHOWN else n for n in names)
    shown = ", ".join(map(repr, islice(cut, _NAMES_SHOWN)))
    more = ", ..." if len(names) > _NAMES_SHOWN else ""
    return f"the columns {shown}{more}"


def _may_hold_number(cell: str) -> bool:
    return sum(map(str.isdigit, cell)) >= _NUMBER_DIGITS
