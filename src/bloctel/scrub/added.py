"""The column that is added to rows that say why they are where they are."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.scrub._records import Suffixes, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.scrub.reading import RecordFile

__all__ = [
    "ADDED_COLUMN",
    "FORMULA_MARKS",
    "AddedFields",
    "extended_header",
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
    delimiter = records.dialect.delimiter
    if any(mark in text for mark in (delimiter, '"', "\r", "\n")):
        text = '"' + text.replace('"', '""') + '"'
    return (delimiter + text).encode(records.text_encoding, errors="replace")


class AddedFields:
    """The bytes of added last fields, each made once; several threads may ask."""

    def __init__(self, records: RecordFile) -> None:
        self._records = records
        self._lock = Lock()
        self._packed = pack([])

    def of(self, texts: Sequence[str]) -> Suffixes:
        """Return the fields of texts that only become more from call to call."""
        with self._lock:
            n_packed = len(self._packed.offsets) - 1
            if n_packed < len(texts):
                new = [suffix(text, self._records) for text in texts[n_packed:]]
                self._packed = _joined(self._packed, pack(new))
            return self._packed


def _joined(first: Suffixes, second: Suffixes) -> Suffixes:
    """Return the suffixes of both; the byte behind the last one belongs to none."""
    offsets = np.append(first.offsets, second.offsets[1:] + first.offsets[-1])
    return Suffixes(first.data[:-1] + second.data, offsets)
