"""The column that is added to rows that say why they are where they are."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Final

from bloctel.scrub._records import Suffixes, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.scrub.reading import RecordFile

__all__ = ["ADDED_COLUMN", "AddedFields", "extended_header", "suffix"]

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


class AddedFields:
    """The bytes of added last fields, each made once."""

    def __init__(self, records: RecordFile) -> None:
        self._suffix = cache(partial(suffix, records=records))
        self._packed = 0, pack([])

    def of(self, texts: Sequence[str]) -> Suffixes:
        """Return the fields of texts that only become more from call to call."""
        n_packed, packed = self._packed
        n = len(texts)
        if n_packed < n:
            packed = pack([self._suffix(text) for text in texts[:n]])
            self._packed = n, packed
        return packed
