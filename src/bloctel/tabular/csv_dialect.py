"""Detection of the CSV dialect of a file: encoding, delimiter, header and columns."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from bloctel.errors import InputError
from bloctel.tabular.encodings import Encoding, find_encoding

if TYPE_CHECKING:
    from bloctel.tabular.phone_columns import ChosenColumns, ColumnChooser

__all__ = ["ALL_DETECTED", "SAMPLE_SIZE", "CsvOptions", "Dialect", "detect"]

#: The size of the sample: the module `csv` refuses longer fields.
SAMPLE_SIZE: Final = 128 * 1024

_CANDIDATES: Final = (";", ",", "\t", "|")
_ROWS_COMPARED: Final = 200


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """CSV options; an option that is None is detected.

    Attributes:
        encoding: The text encoding.
        delimiter: The character between two fields.
        header: Whether the first row names the columns.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None


ALL_DETECTED: Final = CsvOptions()


@dataclass(frozen=True, slots=True)
class Dialect:
    """CSV dialect of a file.

    Attributes:
        encoding: The text encoding and its byte-order mark.
        delimiter: The character between two fields.
        columns: The columns to read, and whether there is a header.
    """

    encoding: Encoding
    delimiter: str
    columns: ChosenColumns


def detect(
    sample: bytes,
    *,
    at_end: bool,
    choose: ColumnChooser,
    where: str,
    options: CsvOptions = ALL_DETECTED,
) -> Dialect:
    """Return the dialect of a file.

    Args:
        sample: The first `SAMPLE_SIZE` bytes of the file.
        at_end: Whether the sample is the complete file.
        choose: Function that chooses the columns to read.
        where: The name of the file in messages.
        options: The known properties of the file, which are not detected.

    Raises:
        InputError: The file is empty or binary, an option is not valid, or a column to
            read is missing.
    """
    encoding = find_encoding(sample, at_end=at_end, given=options.encoding, where=where)
    if len(sample) == len(encoding.bom):
        raise InputError("a CSV file", "an empty file", where)
    text = sample[len(encoding.bom) :].decode(encoding.name, errors="replace")
    given = options.delimiter
    candidates = _CANDIDATES if given is None else (_checked(given),)
    tables = {each: _rows(text, each, at_end=at_end) for each in candidates}
    delimiter = max(
        tables, key=lambda each: _rank(tables[each], choose, options.header)
    )
    return Dialect(encoding, delimiter, choose(tables[delimiter], options.header))


def _checked(delimiter: str) -> str:
    if len(delimiter) == 1 and delimiter.isascii() and delimiter not in '"\r\n\0':
        return delimiter
    raise InputError("a delimiter of one ASCII character", repr(delimiter))


def _rows(text: str, delimiter: str, *, at_end: bool) -> list[list[str]]:
    """Return the first rows, without the last row if the sample may have cut it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = list(islice(reader, _ROWS_COMPARED))
    if len(rows) in range(2, _ROWS_COMPARED) and not at_end:
        rows.pop()
    return rows


def _rank(
    rows: list[list[str]], choose: ColumnChooser, has_header: bool | None
) -> tuple[bool, float, int]:
    """Return a rank to compare delimiters; the first difference decides.

    The parts are: whether the columns are found, the share of rows that have the most
    frequent number of fields, and that number of fields.
    """
    try:
        choose(rows, has_header)
    except InputError:
        has_columns = False
    else:
        has_columns = True
    lengths = Counter(len(row) for row in rows if row)
    length, n_rows = lengths.most_common(1)[0] if lengths else (1, 0)
    if length == 1:
        return has_columns, 0.0, 1
    return has_columns, n_rows / lengths.total(), length
