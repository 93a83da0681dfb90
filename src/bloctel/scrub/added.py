"""The column that is added to rows that say why they are where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bloctel.scrub.reading import RecordFile

__all__ = ["ADDED_COLUMN", "extended_header", "harmless", "suffix"]

ADDED_COLUMN: Final = "bloctel"

#: What a cell begins with that a spreadsheet runs as a formula, in both widths.
_FORMULA_MARKS: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, as an apostrophe does it.

    Our texts begin with the name of a column or a list, which are the maker's choice.

    >>> harmless("=A1: own")
    "'=A1: own"
    """
    return f"'{text}" if text.startswith(_FORMULA_MARKS) else text


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
