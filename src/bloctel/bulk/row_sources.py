"""Rows of a file on their way into a registry: keys and days, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from bloctel.numbers import _digits
from bloctel.numbers.phone_number import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

__all__ = ["BAD_DAY", "CLOSED", "NO_DAY", "Rows", "RowsFile", "read_iso_days"]

#: Stands for a day that cannot be read.
NO_DAY: Final = np.iinfo(np.int64).min

#: Why a row is refused, beside the reasons of `bloctel.numbers.Reason`.
BAD_DAY: Final = "bad_day"
CLOSED: Final = "list_closed"


class Rows(NamedTuple):
    """Some consecutive rows of a file.

    Attributes:
        first: The number of the first one, which begins at 1.
        keys: The numbers, or the codes of refusals.
        days: The days of the receipts, `NO_DAY` where none can be read; None if the
            file has no column of days.
        source: What the rows were read from, for `RowsFile.write_rejects`.
    """

    first: int
    keys: NDArray[np.uint64]
    days: NDArray[np.int64] | None
    source: object

    @property
    def is_filled(self) -> NDArray[np.bool_]:
        """Where there is a number, or what should be one."""
        filled: NDArray[np.bool_] = self.keys != _digits.EMPTY
        return filled

    def reason(self, row: int) -> str | None:
        """Return why a row cannot be registered, if it cannot be read."""
        key = int(self.keys[row])
        if key < _digits.FIRST_KEY:
            return reason_of(key)
        if self.days is not None and self.days[row] == NO_DAY:
            return BAD_DAY
        return None


class RowsFile(Protocol):
    """A file of numbers that is being read.

    Attributes:
        name: How messages call it.
        columns: The names of the column of numbers and, if there is one, of days.
    """

    name: str
    columns: tuple[str, ...]

    def parts(self) -> Iterator[Rows]:
        """Yield its rows in order, in parts of bounded size."""

    def begin_rejects(self, file: BinaryIO) -> None:
        """Write how a file of rejected rows begins."""

    def write_rejects(
        self, file: BinaryIO, rows: Rows, reasons: dict[int, str]
    ) -> None:
        """Write some of the rows, each with its place and the reason."""


_ISO: Final = len("2026-11-23")
_DASHES: Final = (4, 7)
_PLACES: Final = np.array([1000, 100, 10, 1], np.int64)


def read_iso_days(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the days that the texts `data[starts[i]:ends[i]]` write as 2026-11-23.

    Returns:
        Days since 1970-01-01, `NO_DAY` where a text is none.
    """
    days = np.full(len(starts), NO_DAY, np.int64)
    plain = np.flatnonzero(ends - starts == _ISO)
    if len(plain):
        texts = data[starts[plain][:, None] + np.arange(_ISO)]
        days[plain] = _plain_days(texts)
    return days


def _plain_days(texts: NDArray[np.uint8]) -> NDArray[np.int64]:
    digits = texts.astype(np.int64) - ord("0")
    dashes = texts[:, _DASHES] == ord("-")
    numerals = np.delete(digits, _DASHES, axis=1)
    is_written = dashes.all(axis=1) & ((numerals >= 0) & (numerals <= 9)).all(axis=1)
    year = numerals[:, :4] @ _PLACES
    month = numerals[:, 4:6] @ _PLACES[2:]
    day = numerals[:, 6:8] @ _PLACES[2:]
    is_day = is_written & (year >= 1) & (month >= 1) & (month <= 12)
    months = np.where(is_day, (year - 1970) * 12 + month - 1, 0).astype("M8[M]")
    first = months.astype("M8[D]").astype(np.int64)
    after = (months + 1).astype("M8[D]").astype(np.int64)
    found = first + day - 1
    return np.where(is_day & (first <= found) & (found < after), found, NO_DAY)
