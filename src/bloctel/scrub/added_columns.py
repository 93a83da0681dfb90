"""Columns that a scrub adds to rows; spreadsheets do not run their cells."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.errors import InputError
from bloctel.tabular._csv_scan import Added, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from bloctel.tabular.csv_reader import RecordFile

__all__ = [
    "ADDED_COLUMN",
    "ADDED_COLUMNS",
    "FORMULA_MARKS",
    "REASON_COLUMN",
    "AddedFields",
    "extended_header",
    "fields_in_front",
    "harmless",
    "refuse_annotated",
    "refuse_annotated_file",
    "suffix",
]

#: This column contains the reason in split outputs, and the kind in annotated ones.
ADDED_COLUMN: Final = "bloctel"
REASON_COLUMN: Final = "bloctel_reason"
#: The columns that each output adds.
ADDED_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "clear": (),
    "blocked": (ADDED_COLUMN,),
    "invalid": (ADDED_COLUMN,),
    "annotated": (ADDED_COLUMN, REASON_COLUMN),
}

#: Cells that begin with one of these characters (or their full-width forms) are run as
#: formulas by spreadsheets.
FORMULA_MARKS: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def refuse_annotated(names: Collection[object], what: str, where: str | None) -> None:
    """Refuse input that already has an added column, whose answers are old.

    Args:
        names: The normalised names of all columns.
        what: The kind of input, for the message.
        where: The name of the input, for the message.

    Raises:
        InputError: The input has one of the added columns.
    """
    for name in ADDED_COLUMNS["annotated"]:
        if name in names:
            raise InputError(
                f"{what} without a column {name!r}",
                "a column of this name (drop or rename it)",
                where,
            )


def refuse_annotated_file(names: Iterable[str], where: str) -> None:
    """Refuse a file that already has an added column, in upper or lower case.

    Raises:
        InputError: The file has one of the added columns.
    """
    refuse_annotated([name.casefold() for name in names], "a call file", where)


def harmless(text: str) -> str:
    """Return the text, after an apostrophe if a spreadsheet could run it as a formula.

    Reasons begin with the name of a column, which the author of the file chose.

    >>> harmless("=A1: own")
    "'=A1: own"
    """
    return f"'{text}" if text.startswith(FORMULA_MARKS) else text


def extended_header(records: RecordFile, name: str = ADDED_COLUMN) -> bytes:
    """Return the header row with one more column; empty if there is no header."""
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
    if any(char in text for char in (records.dialect.delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def _encoded(text: str, records: RecordFile) -> bytes:
    return text.encode(records.text_encoding, errors="replace")


class AddedFields:
    """Cache of the bytes that are added to rows; safe for several threads.

    Args:
        encode: Returns the bytes for a text, always with the same number of values.
    """

    def __init__(self, encode: Callable[[str], Sequence[bytes]]) -> None:
        self._encode = encode
        self._lock = Lock()
        self._n_texts = 0
        self._packed = pack([])

    def of(self, texts: Sequence[str]) -> Added:
        """Return the bytes for all texts; later calls may only append texts."""
        with self._lock:
            new = texts[self._n_texts :]  # a copy, because other threads may append
            if new:
                encoded = [value for text in new for value in self._encode(text)]
                self._packed = _joined(self._packed, pack(encoded))
                self._n_texts += len(new)
            return self._packed


def _joined(first: Added, second: Added) -> Added:
    """Return the concatenation of both."""
    offsets = np.append(first.offsets, second.offsets[1:] + first.offsets[-1])
    return Added(first.data + second.data, offsets)
