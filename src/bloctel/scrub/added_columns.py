"""The column that is added to rows that say why they are where they are."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.tabular._csv_scan import Added, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bloctel.tabular.csv_reader import RecordFile

__all__ = [
    "ADDED_COLUMN",
    "FORMULA_MARKS",
    "AddedFields",
    "extended_header",
    "fields_in_front",
    "harmless",
    "suffix",
]

ADDED_COLUMN: Final = "bloctel"

#: What a cell begins with that a spreadsheet runs as a formula, in both widths.
FORMULA_MARKS: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, as an apostrophe does it.

    Our texts begin with the name of a column or a list, which are the maker's choice.

    >>> harmless("=A1: own")
    "'=A1: own"
    """
    return f"'{text}" if text.startswith(FORMULA_MARKS) else text


def extended_header(records: RecordFile, name: str = ADDED_COLUMN) -> bytes:
    """Return the header row with one column more; nothing if there is none."""
    header = records.header
    if not header:
        return header
    content = header.rstrip(b"\r\n")
    return content + suffix(name, records) + header[len(content) :]


def suffix(text: str, records: RecordFile) -> bytes:
    """Return the bytes of an added last field."""
    return _encoded(records.dialect.delimiter + _field(text, records), records)


def fields_in_front(texts: Sequence[str], records: RecordFile) -> bytes:
    """Return the bytes of added first fields."""
    delimiter = records.dialect.delimiter
    fields = [_field(text, records) + delimiter for text in texts]
    return _encoded("".join(fields), records)


def _field(text: str, records: RecordFile) -> str:
    if any(mark in text for mark in (records.dialect.delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def _encoded(text: str, records: RecordFile) -> bytes:
    return text.encode(records.text_encoding, errors="replace")


class AddedFields:
    """The bytes that are added to rows, each made once; several threads may ask.

    Args:
        made: Makes what each text is added as: in one way, or always in as many.
    """

    def __init__(self, made: Callable[[str], Sequence[bytes]]) -> None:
        self._made = made
        self._lock = Lock()
        self._n_made = 0
        self._packed = pack([])

    def of(self, texts: Sequence[str]) -> Added:
        """Return the bytes of texts that only become more from call to call."""
        with self._lock:
            new = texts[self._n_made :]  # of which another thread makes more meanwhile
            if new:
                made = [each for text in new for each in self._made(text)]
                self._packed = _joined(self._packed, pack(made))
                self._n_made += len(new)
            return self._packed


def _joined(first: Added, second: Added) -> Added:
    """Return the bytes of both; the byte behind the last one belongs to none."""
    offsets = np.append(first.offsets, second.offsets[1:] + first.offsets[-1])
    return Added(first.data[:-1] + second.data, offsets)
