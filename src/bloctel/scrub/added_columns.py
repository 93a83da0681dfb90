"""Columns that a scrub adds to its outputs, such as the reason why a row is blocked."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bloctel.errors import InputError
from bloctel.tabular._csv_scan import Added, gather_extended, pack
from bloctel.tabular.csv_reader import Batch, RecordFile

#: In the outputs `blocked` and `invalid`, this column contains the reason.  In the
#: output `annotated`, it contains `clear`, `blocked` or `invalid`.
ADDED_COLUMN: Final = "bloctel"
REASON_COLUMN: Final = "bloctel_reason"
ADDED_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "clear": (),
    "blocked": (ADDED_COLUMN,),
    "invalid": (ADDED_COLUMN,),
    "annotated": (ADDED_COLUMN, REASON_COLUMN),
}

#: Spreadsheet programs run a cell as a formula if it begins with one of these
#: characters; the last four are the full-width forms of = + - @.
FORMULA_MARKS: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def refuse_annotated(names: Collection[object], what: str, where: str | None) -> None:
    """Raise InputError if *names* contains the name of a column that a scrub adds."""
    for name in ADDED_COLUMNS["annotated"]:
        if name in names:
            got = "a column of this name (drop or rename it)"
            raise InputError(f"{what} without a column {name!r}", got, where)


def refuse_annotated_file(names: Iterable[str], where: str) -> None:
    """Raise InputError if a call file has a column with a name that a scrub adds."""
    refuse_annotated([name.casefold() for name in names], "a call file", where)


def harmless(text: str) -> str:
    """Return *text*; if it looks like a formula, put an apostrophe in front of it.

    *text* can begin with a column name, which the sender of a call file can choose.

    >>> harmless("=A1: own")
    "'=A1: own"
    """
    return f"'{text}" if text.startswith(FORMULA_MARKS) else text


def extended_header(records: RecordFile, name: str = ADDED_COLUMN) -> bytes:
    """Return the header row with the added column *name*; b"" without a header."""
    header = records.header
    if not header:
        return header
    content = header.rstrip(b"\r\n")
    return content + suffix(name, records) + header[len(content) :]


def suffix(text: str, records: RecordFile) -> bytes:
    """Return the bytes to add at the end of a row: a delimiter and the field *text*."""
    field = records.dialect.delimiter + _field(text, records)
    return field.encode(records.dialect.text_encoding, errors="replace")


def fields_in_front(texts: Sequence[str], records: RecordFile) -> bytes:
    """Return the bytes to add at the start of a row: each text and a delimiter."""
    delimiter = records.dialect.delimiter
    fields = "".join(_field(text, records) + delimiter for text in texts)
    return fields.encode(records.dialect.text_encoding, errors="replace")


def _field(text: str, records: RecordFile) -> str:
    if any(char in text for char in (records.dialect.delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def extended_rows(
    batch: Batch,
    records: RecordFile,
    texts: Sequence[str],
    text_of: NDArray[np.int32],
    wanted: NDArray[np.bool_] | None = None,
) -> bytes | memoryview:
    """Return the *wanted* rows (None: all) with the added field texts[text_of[row]]."""
    kinds = np.ones(len(batch), np.uint8) if wanted is None else wanted.view(np.uint8)
    suffixes = pack([suffix(text, records) for text in texts])
    return records.encode(
        gather_extended(batch.data, batch.records, kinds, 1, text_of, suffixes)
    )


class AddedFields:
    """Cache of the fields that are added to rows; each text is encoded only once."""

    def __init__(self, encode: Callable[[str], Sequence[bytes]]) -> None:
        self._encode = encode
        self._lock = Lock()
        self._n_texts = 0
        self._encoded: list[bytes] = []
        self._packed = pack([])

    def of(self, texts: Sequence[str]) -> Added:
        """Return the encoded fields of *texts*, a list that can grow between calls."""
        with self._lock:
            new = texts[self._n_texts :]  # a copy, because other threads append texts
            if new:
                self._encoded += [each for text in new for each in self._encode(text)]
                self._packed = pack(self._encoded)
                self._n_texts += len(new)
            return self._packed
