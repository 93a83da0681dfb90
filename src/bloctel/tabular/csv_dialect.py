"""Detection of the CSV dialect of a file: encoding, delimiter, header and columns."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from itertools import dropwhile, islice
from typing import Final

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
    """CSV dialect of a file; `n_blank` is the number of blank rows at its start."""

    encoding: Encoding
    delimiter: str
    columns: ChosenColumns
    n_blank: int = 0

    @property
    def text_encoding(self) -> str:
        """The encoding of the records in batches; UTF-16 is converted to UTF-8."""
        return "utf-8" if self.encoding.is_wide else self.encoding.name


def detect(
    sample: bytes,
    *,
    at_end: bool,
    choose: ColumnChooser,
    where: str,
    options: CsvOptions = ALL_DETECTED,
) -> Dialect:
    """Return the dialect of a file, detected in its first `SAMPLE_SIZE` bytes."""
    encoding = find_encoding(sample, at_end=at_end, given=options.encoding, where=where)
    if len(sample) == len(encoding.bom):
        raise InputError("a CSV file", "an empty file", where)
    text = sample[len(encoding.bom) :].decode(encoding.name, errors="replace")
    given = options.delimiter
    if given is not None and (
        len(given) != 1 or not given.isascii() or given in '"\r\n\0'
    ):
        raise InputError("a delimiter of one ASCII character", repr(given))
    candidates = _CANDIDATES if given is None else (given,)
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

    The rank says if the rows contain the columns to read, the share of rows with the
    most frequent number of fields, and this number.
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
