"""Detection of the CSV dialect of a file: encoding, delimiter, header and columns."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from itertools import dropwhile, islice
from typing import Final

from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.tabular.encodings import Encoding, find_encoding
from bloctel.tabular.phone_columns import (
    ChosenColumns,
    ColumnChooser,
    SeveralColumnsError,
)

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
        header: True if the first row contains the names of the columns.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None


ALL_DETECTED: Final = CsvOptions()


@dataclass(frozen=True, slots=True)
class Dialect:
    """CSV dialect of a file.

    Attributes:
        encoding: The text encoding, and the byte-order mark at the start of the file.
        delimiter: The character between two fields.
        columns: The columns to read; they also say if there is a header.
        n_blank: The number of blank rows at the start of the file.
    """

    encoding: Encoding
    delimiter: str
    columns: ChosenColumns
    n_blank: int = 0


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
        at_end: True if the sample is the complete file.
        choose: Function that chooses the columns to read.
        where: The name of the file in messages.
        options: The known properties of the file; a property that is None is detected.

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
    all_rows = {each: _rows(text, each, at_end=at_end) for each in candidates}
    tables = {each: list(dropwhile(_is_blank, all_rows[each])) for each in all_rows}
    delimiter = max(
        tables, key=lambda each: _rank(tables[each], choose, options.header)
    )
    rows = tables[delimiter]
    n_blank = len(all_rows[delimiter]) - len(rows)
    return Dialect(encoding, delimiter, choose(rows, options.header), n_blank)


def _is_blank(row: list[str]) -> bool:
    return not any(map(str.strip, row))


def _checked(delimiter: str) -> str:
    if len(delimiter) == 1 and delimiter.isascii() and delimiter not in '"\r\n\0':
        return delimiter
    raise InputError("a delimiter of one ASCII character", show(delimiter))


def _rows(text: str, delimiter: str, *, at_end: bool) -> list[list[str]]:
    """Return the first rows of a sample, without a last row that may be cut."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = list(islice(reader, _ROWS_COMPARED))
    if len(rows) in range(2, _ROWS_COMPARED) and not at_end:
        rows.pop()
    return rows


def _rank(
    rows: list[list[str]], choose: ColumnChooser, has_header: bool | None
) -> tuple[bool, float, int]:
    """Return the rank of a delimiter, which splits a sample into these rows.

    The delimiter with the highest rank is chosen.  The first part of the rank is True
    if the rows contain the columns to read.  The second part is the share of rows with
    the most frequent number of fields.  The third part is this number of fields.
    """
    try:
        choose(rows, has_header)
    except InputError as error:
        has_columns = isinstance(error, SeveralColumnsError)
    else:
        has_columns = True
    lengths = Counter(len(row) for row in rows if row)
    length, n_rows = lengths.most_common(1)[0] if lengths else (1, 0)
    if length == 1:
        return has_columns, 0.0, 1
    return has_columns, n_rows / lengths.total(), length
