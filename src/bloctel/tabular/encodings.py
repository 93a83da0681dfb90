"""Detection of text encodings, and conversion of cells to UTF-8."""

import codecs
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.errors import InputError

#: For the `codecs` name of each accepted encoding, the encoding that is used.
_ACCEPTED: Final = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "ascii": "utf-8",
    "cp1252": "cp1252",
    "iso8859-1": "iso8859-1",
    "iso8859-15": "iso8859-15",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
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

#: Control characters that are normal in text files: tabs, line ends and form feed.
_TEXT_CONTROLS: Final = b"\t\n\v\f\r"
_CONTROLS: Final = bytes(set(range(32)) - set(_TEXT_CONTROLS))
_MOST_CONTROLS: Final = 0.1


class Encoding(NamedTuple):
    """Text encoding, with the byte-order mark at the start of the file.

    Attributes:
        name: The name of the encoding in `codecs`; the name of UTF-16 contains the byte
            order.
        bom: The byte-order mark of the file; empty if the file has no such mark.
    """

    name: str
    bom: bytes

    @property
    def is_wide(self) -> bool:
        """True if the bytes must be converted to UTF-8 before they are scanned."""
        return self.name.startswith("utf-16")


def find_encoding(
    sample: bytes, *, at_end: bool, given: str | None, where: str
) -> Encoding:
    """Return the encoding *given*; if it is None, detect the encoding of the sample.

    Args:
        sample: The first bytes of the file; the last character may be incomplete.
        at_end: True if the sample is the complete file.
        given: The encoding to use; None detects it.
        where: The name of the file in messages.

    Raises:
        InputError: The encoding is not accepted, or the file is binary.
    """
    name = _accepted(given) if given is not None else None
    for magic, what in _MAGICS.items():
        if sample.startswith(magic):
            raise InputError("a CSV file", what, where)
    if name in (None, "utf-16"):
        marked = (name for name, bom in _BOMS.items() if sample.startswith(bom))
        name = next(marked, None) or _by_zeros(sample) or name
    if name == "utf-16":
        name = "utf-16-le"  # Windows calls this encoding "Unicode"
    encoding = _with_mark(name or _utf8_or_cp1252(sample, at_end=at_end), sample)
    _refuse_binary(sample, encoding, where)
    return encoding


def _accepted(given: str) -> str:
    try:
        return _ACCEPTED[codecs.lookup(given).name]
    except (KeyError, LookupError, ValueError):
        raise_alone(InputError(f"one of the encodings {_OFFERED}", show(given)))


def _by_zeros(sample: bytes) -> str | None:
    """Detect UTF-16 by zero bytes: ASCII characters have one zero byte each."""
    pairs = len(sample) // 2
    even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    if odd > pairs // 2 and even <= pairs // 50:
        return "utf-16-le"
    if even > pairs // 2 and odd <= pairs // 50:
        return "utf-16-be"
    return None


def _utf8_or_cp1252(sample: bytes, *, at_end: bool) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, at_end)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _with_mark(name: str, sample: bytes) -> Encoding:
    # some files begin with a UTF-8 byte-order mark, but have a single-byte encoding
    bom = _BOMS.get(name, codecs.BOM_UTF8)
    return Encoding(name, bom if sample.startswith(bom) else b"")


def _refuse_binary(sample: bytes, encoding: Encoding, where: str) -> None:
    text = sample
    if encoding.is_wide:
        text = sample.decode(encoding.name, errors="ignore").encode(errors="ignore")
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if b"\x00" in text or controls > _MOST_CONTROLS * len(text):
        raise InputError("a CSV file", "a binary file", where)


@lru_cache
def utf8_table(encoding: str) -> NDArray[np.uint8]:
    """Return a table that converts each byte of an encoding to UTF-8.

    A row contains the number of UTF-8 bytes, and then these bytes.  For a text that is
    already UTF-8, each byte is converted to itself.
    """
    table = np.zeros((256, 4), np.uint8)
    for byte in range(256):
        text = bytes([byte])
        if not encoding.startswith("utf-"):
            text = text.decode(encoding, errors="replace").encode()
        table[byte, : len(text) + 1] = [len(text), *text]
    return table
