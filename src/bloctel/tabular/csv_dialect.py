"""Detection of the CSV dialect of a file: encoding, delimiter, header and columns."""

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import dropwhile, islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.tabular import phone_columns

#: Number of bytes to examine: the longest field that the module `csv` can read.
SAMPLE_SIZE: Final = 128 * 1024

_CANDIDATES: Final = (";", ",", "\t", "|")
_ROWS_COMPARED: Final = 200
#: For each encoding that `CsvOptions` accepts (its name in `codecs`), the one to use.
_ACCEPTED: Final = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8"} | {
    name: name
    for name in (
        "cp1252",
        "iso8859-1",
        "iso8859-15",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
    )
}
_OFFERED: Final = (
    "utf-8, utf-8-sig, cp1252, latin-1, iso-8859-15, utf-16, utf-16-le or utf-16-be"
)

_BOMS: Final = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}

#: First bytes of file formats that people confuse with CSV.
_MAGICS: Final = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"%PDF-": "a PDF document",
    b"SQLite format 3\x00": "a SQLite database",
    b"\x89PNG\r\n": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
}

#: Control characters that are normal in text files: tabs, line endings and form feed.
_TEXT_CONTROLS: Final = b"\t\n\v\f\r"
_CONTROLS: Final = bytes(set(range(32)) - set(_TEXT_CONTROLS))
_MOST_CONTROLS: Final = 0.1


class Encoding(NamedTuple):
    """Text encoding of a file: the name in `codecs`, and the file's byte-order mark."""

    name: str
    bom: bytes

    @property
    def is_wide(self) -> bool:
        """True if the bytes must be converted to UTF-8 before they are scanned."""
        return self.name.startswith("utf-16")


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
    columns: phone_columns.ChosenColumns
    n_blank: int = 0

    @property
    def text_encoding(self) -> str:
        """The encoding of the bytes in batches: UTF-8 if the file is in UTF-16."""
        return "utf-8" if self.encoding.is_wide else self.encoding.name


def detect(
    sample: bytes,
    *,
    at_end: bool,
    choose: phone_columns.ColumnChooser,
    where: str,
    options: CsvOptions = ALL_DETECTED,
) -> Dialect:
    """Detect the dialect of a file in *sample*, its first `SAMPLE_SIZE` bytes."""
    encoding = find_encoding(sample, at_end=at_end, given=options.encoding, where=where)
    if len(sample) == len(encoding.bom):
        raise InputError("a CSV file", "an empty file", where)
    text = sample[len(encoding.bom) :].decode(encoding.name, errors="replace")
    given = options.delimiter
    if given is not None and (
        len(given) != 1 or not given.isascii() or given in '"\r\n\0'
    ):
        raise InputError("a delimiter of one ASCII character", show(given))
    candidates = _CANDIDATES if given is None else (given,)
    all_rows = {each: _rows(text, each, at_end=at_end) for each in candidates}
    tables = {each: list(dropwhile(_is_blank, all_rows[each])) for each in all_rows}
    ranks = {each: _rank(tables[each], choose, options.header) for each in tables}
    delimiter = max(tables, key=ranks.__getitem__)
    rows = tables[delimiter]
    n_blank = len(all_rows[delimiter]) - len(rows)
    return Dialect(encoding, delimiter, choose(rows, options.header), n_blank)


def _is_blank(row: list[str]) -> bool:
    return not any(map(str.strip, row))


def _rows(text: str, delimiter: str, *, at_end: bool) -> list[list[str]]:
    """Return the first rows of *text*, without the last row if it may be incomplete."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = list(islice(reader, _ROWS_COMPARED))
    if len(rows) in range(2, _ROWS_COMPARED) and not at_end:
        rows.pop()
    return rows


def _rank(
    rows: list[list[str]], choose: phone_columns.ColumnChooser, has_header: bool | None
) -> tuple[bool, float, int]:
    """Return the rank of a delimiter, given the rows that it splits the sample into.

    The best delimiter gives rows that contain the columns to read. Among several such
    delimiters, the best one gives most rows the same number of fields, and then the
    most fields.
    """
    try:
        choose(rows, has_header)
    except InputError as error:
        has_columns = isinstance(error, phone_columns.SeveralColumnsError)
    else:
        has_columns = True
    lengths = Counter(len(row) for row in rows if row)
    length, n_rows = lengths.most_common(1)[0] if lengths else (1, 0)
    if length == 1:
        return has_columns, 0.0, 1
    return has_columns, n_rows / lengths.total(), length


def find_encoding(
    sample: bytes, *, at_end: bool, given: str | None, where: str
) -> Encoding:
    """Return the encoding *given*; if *given* is None, detect the sample's encoding."""
    name = None
    if given is not None:
        try:
            name = _ACCEPTED[codecs.lookup(given).name]
        except (KeyError, LookupError, ValueError):
            raise_alone(InputError(f"one of the encodings {_OFFERED}", show(given)))
    for magic, what in _MAGICS.items():
        if sample.startswith(magic):
            raise InputError("a CSV file", what, where)
    if name in (None, "utf-16"):
        marked = (name for name, bom in _BOMS.items() if sample.startswith(bom))
        name = next(marked, None) or _by_zeros(sample) or name
    if name == "utf-16":
        name = "utf-16-le"  # without a byte-order mark, assume a file from Windows
    if name is None:
        try:
            codecs.getincrementaldecoder("utf-8")().decode(sample, at_end)
            name = "utf-8"
        except UnicodeDecodeError:
            name = "cp1252"
    # some files begin with a UTF-8 byte-order mark, but have a single-byte encoding
    bom = _BOMS.get(name, codecs.BOM_UTF8)
    encoding = Encoding(name, bom if sample.startswith(bom) else b"")
    _refuse_binary(sample, encoding, where)
    return encoding


def _by_zeros(sample: bytes) -> str | None:
    """Detect UTF-16, in which one of the two bytes of an ASCII character is zero."""
    pairs = len(sample) // 2
    even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    if odd > pairs // 2 and even <= pairs // 50:
        return "utf-16-le"
    if even > pairs // 2 and odd <= pairs // 50:
        return "utf-16-be"
    return None


def _refuse_binary(sample: bytes, encoding: Encoding, where: str) -> None:
    text = sample
    if encoding.is_wide:
        text = sample.decode(encoding.name, errors="ignore").encode(errors="ignore")
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if b"\x00" in text or controls > _MOST_CONTROLS * len(text):
        raise InputError("a CSV file", "a binary file", where)


@lru_cache
def utf8_table(encoding: str) -> NDArray[np.uint8]:
    """Return a table with the UTF-8 form of each byte of a single-byte encoding.

    The table has a row for each of the 256 bytes: the number of UTF-8 bytes, and then
    the UTF-8 bytes.  If the encoding is UTF-8, each byte is converted to itself.
    """
    table = np.zeros((256, 4), np.uint8)
    for byte in range(256):
        text = bytes([byte])
        if not encoding.startswith("utf-"):
            text = text.decode(encoding, errors="replace").encode()
        table[byte, : len(text) + 1] = [len(text), *text]
    return table
