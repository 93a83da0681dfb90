"""The column that is added to rows that say why they are where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bloctel.scrub.reading import RecordFile

__all__ = ["ADDED_COLUMN", "extended_header", "suffix"]

ADDED_COLUMN: Final = "bloctel"


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
