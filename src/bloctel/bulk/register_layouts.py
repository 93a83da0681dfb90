"""Layouts of the files that operators of lists hand out, and a reader of the files.

The reader refuses a file with a line or an element that does not fit the layout, and a
file that may not be complete.
"""

import codecs
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import IO, BinaryIO, Final, NamedTuple
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from bloctel._util.private_fields import not_shown
from bloctel._util.raising import raise_alone
from bloctel.errors import InputError
from bloctel.tabular.compression import is_bomb, require_whole_zip
from bloctel.tabular.csv_reader import Progress, Source, open_source, source_name

_Keys = NDArray[np.uint64]

_PIECE: Final = 1 << 22
_MOST_PARTS: Final = 10_000
_ZIP: Final = b"PK\3\4"
_FULL: Final = (
    "the full list (a list of changes cannot be imported, because its layout is not "
    "published)"
)


class Layout(StrEnum):
    """Layout of the files that an operator of a list hands out."""

    US_DNC = "us-dnc"
    """`212,5550100`, or XML: the National Do Not Call Registry, United States."""
    CA_DNCL = "ca-dncl"
    """`416,5550100`, or XML: the National Do Not Call List, Canada."""
    UK_TPS = "uk-tps"
    """`01632 960123` in 12 characters: the Telephone Preference Service."""


class _Form(NamedTuple):
    """Form of the lines of a layout.

    Attributes:
        region: The region of the list.
        area_digits: The number of first digits of a key that identify its area.
        example: An example of a line, with a phone number for fiction.
        read: Function that returns the keys of lines, or 0 for a line that does not
            fit.  It gets the lines as rows of a uint8 array, without line ends.
        has_xml: True if the operator also hands out XML files.
    """

    region: str
    area_digits: int
    example: str
    read: Callable[[NDArray[np.uint8]], _Keys]
    has_xml: bool


@not_shown("keys")
class Register(NamedTuple):
    """Content of a file that an operator handed out: distinct keys, in ascending order.

    `n_lines` is the number of lines or XML elements with a phone number.
    """

    keys: _Keys
    n_lines: int


def form_of(layout: str) -> _Form:
    """Return the form of a layout; raise InputError if the layout is not known."""
    if layout not in _FORMS:
        expected = f"one of the layouts {', '.join(_FORMS)}"
        raise InputError(expected, "another text", "layout")
    return _FORMS[Layout(layout)]


def read_register(
    source: Source,
    layout: str,
    *,
    n_numbers: int | None = None,
    progress: Progress | None = None,
) -> Register:
    """Read all phone numbers of a file that an operator handed out.

    A zip archive has checksums, and an XML file has an end tag.  A text file outside of
    an archive does not show that it is complete, so it is accepted only if *n_numbers*
    is the number of its lines.
    """
    form, name = form_of(layout), source_name(source)
    with open_source(source, "a file of a register") as file:
        if not file.seekable():
            expected = "a file, or a stream in which one can seek"
            raise InputError(expected, "a pipe", name)
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        is_archive = file.read(len(_ZIP)) == _ZIP
        file.seek(0)
        reader = _Reader(form, progress)
        if is_archive:
            reader.read_archive(file, size, name)
        else:
            reader.total = size
            is_text = not reader.read(file, name)
            if is_text and n_numbers is None:
                message = (
                    "a text file does not show that it is complete: give the number "
                    "of its lines (n_numbers=, --numbers), or import the zip archive"
                )
                expected, got = "the number of lines", "a text file"
                raise InputError(expected, got, name, message=message)
    n_lines = sum(map(len, reader.parts))
    if n_numbers is not None and n_lines != n_numbers:
        raise InputError(f"{n_numbers} phone numbers", f"{n_lines}", name)
    if n_lines == 0:
        raise InputError("a phone number", "a file without phone numbers", name)
    keys = np.concatenate(reader.parts)
    reader.parts.clear()
    keys.sort()
    is_new = np.append(True, keys[1:] != keys[:-1])
    return Register(keys if is_new.all() else keys[is_new], n_lines)


@dataclass
class _Reader:
    """Reader of files of one form; `parts` contains the keys that were read."""

    form: _Form
    progress: Progress | None
    total: int = 0
    parts: list[_Keys] = field(default_factory=list, repr=False)
    _done: int = 0

    def read_archive(self, file: BinaryIO, packed: int, name: str) -> None:
        """Read all files in a zip archive, and check their checksums."""
        try:
            with zipfile.ZipFile(file) as archive:
                require_whole_zip(archive, file)
                parts = [part for part in archive.infolist() if not part.is_dir()]
                if len(parts) > _MOST_PARTS:
                    expected = f"at most {_MOST_PARTS:,} files in an archive"
                    raise InputError(expected, f"{len(parts):,} files", name)
                self.total = sum(part.file_size for part in parts)
                if is_bomb(packed, self.total):
                    expected = "a zip archive of a plausible size"
                    raise InputError(expected, f"{self.total:,} bytes unpacked", name)
                for part in parts:
                    with archive.open(part) as stream:
                        self.read(stream, f"{name}, file {_shown(part.filename)}")
        except InputError:
            raise
        except Exception:  # a damaged archive raises errors of many types
            got = "an archive that is damaged, encrypted, or joined to other data"
            raise_alone(InputError("one zip archive", got, name))

    def read(self, stream: IO[bytes], name: str) -> bool:
        """Read an XML or a text file; return True if it is XML."""
        pieces = self._pieces(stream)
        first = next(pieces, b"")
        is_xml = first.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<"
        if is_xml and not self.form.has_xml:
            raise InputError(f"a line such as {self.form.example!r}", "XML", name)
        (self._read_xml if is_xml else self._read_text)(first, pieces, name)
        return is_xml

    def _pieces(self, stream: IO[bytes]) -> Iterator[bytes]:
        while piece := stream.read(_PIECE):
            yield piece
            self._done += len(piece)
            if self.progress is not None:
                self.progress(self._done, self.total)

    def _read_text(self, first: bytes, pieces: Iterator[bytes], name: str) -> None:
        width = len(self.form.example)
        line, _, _ = first.partition(b"\n")
        end = b"\r\n" if line.endswith(b"\r") else b"\n"
        n_lines, left = 0, first
        for piece in chain(pieces, [b""]):
            if n := len(left) // (width + len(end)):
                self._read_lines(left, n, end, n_lines, name)
            n_lines += n
            left = left[n * (width + len(end)) :] + piece
        if left:  # the last text line has no line ending
            self._read_lines(left + end, 1, end, n_lines, name)

    def _read_lines(
        self, data: bytes, n: int, end: bytes, n_before: int, name: str
    ) -> None:
        """Read *n* lines; *n_before* is the number of the lines before them."""
        width = len(self.form.example)
        size = n * (width + len(end))
        if len(data) < size:
            raise self._refusal(data, f"{name}, line {n_before + 1}")
        lines = np.frombuffer(data, np.uint8, size).reshape(n, -1)
        keys = self.form.read(lines[:, :width])
        fits = (lines[:, width:] == np.frombuffer(end, np.uint8)).all(axis=1)
        fits &= keys > 0
        if not fits.all():
            i = int(fits.argmin())
            rest = data[i * (width + len(end)) :]
            raise self._refusal(rest, f"{name}, line {n_before + i + 1}")
        self.parts.append(keys)

    def _refusal(self, rest: bytes, where: str) -> InputError:
        """Return the error about the first line of *rest*, without its digits."""
        expected = f"a line such as {self.form.example!r}, of {_FULL}"
        line = rest.partition(b"\n")[0].rstrip(b"\r").decode("latin-1")
        n_digits = sum(map(str.isdecimal, line))
        got = f"a line of {len(line)} characters, {n_digits} of which are digits"
        return InputError(expected, got, where)

    def _read_xml(self, first: bytes, pieces: Iterator[bytes], name: str) -> None:
        scanner = _Scanner(self.form)
        parser = scanner.parser
        # the published examples close the first element, <list ... />, too early
        first = re.sub(rb"(<list\b[^<>]*?)\s*/>", rb"\1>", first, count=1)
        try:
            parser.Parse(first, False)
            for piece in pieces:
                parser.Parse(piece, False)
                self.parts.append(scanner.take())
            parser.Parse(b"", True)
        except (ValueError, expat.ExpatError):
            where = f"{name}, line {parser.CurrentLineNumber}"
            expected = f"an element such as <ph val='5550100'/>, of {_FULL}"
            raise_alone(
                InputError(expected, "other XML, or the end of the file", where)
            )
        self.parts.append(scanner.take())


class _Scanner:
    """Handler of the elements list, ac and ph; it raises ValueError for other XML."""

    def __init__(self, form: _Form) -> None:
        self.parser = parser = expat.ParserCreate()
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        # a document type can contain entities, which expand to a very large text
        parser.StartDoctypeDeclHandler = _refuse
        self._form = form
        self._open: list[str] = []
        self._area = 0
        self._only = ""
        self._keys: list[int] = []

    def take(self) -> _Keys:
        """Return the keys that were read since the last call."""
        keys, self._keys = self._keys, []
        return np.array(keys, np.uint64)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        path, value = (*self._open, name), attributes.get("val", "")
        self._open.append(name)
        if path == ("list", "ac", "ph"):
            if not _PHONE.fullmatch(value):
                raise ValueError
            self._keys.append(self._area + int(value))
        elif path == ("list", "ac"):
            if not _AREA_CODE.fullmatch(value) or self._only not in ("", value):
                raise ValueError
            self._area = int(f"1{value}") * 10**7
        elif path == ("list",):
            self._only = value
            if attributes.get("type") != "full":
                raise ValueError
        else:
            raise ValueError

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        if text.strip():
            raise ValueError


_PHONE: Final = re.compile(r"[0-9]{7}")
_AREA_CODE: Final = re.compile(r"[2-9][0-9]{2}")
_LONG_DIGITS: Final = re.compile(r"\d{5,}")


def _shown(name: str) -> str:
    """Return the name of a file in an archive without digits of a phone number."""
    return repr(_LONG_DIGITS.sub("(digits)", name))


def _refuse(*_: object) -> None:
    raise ValueError


def _north_american(lines: NDArray[np.uint8]) -> _Keys:
    digits = np.delete(lines, 3, axis=1) - ord("0")
    fits = (digits <= 9).all(axis=1) & (lines[:, 3] == ord(","))
    fits &= digits[:, 0] >= 2
    keys = np.ones(len(lines), np.uint64)
    for column in digits.T:
        keys = 10 * keys + column
    return np.where(fits, keys, 0)


#: The number of digits of a British number, with the first 0.
_BRITISH: Final = (8, 11)
_CODE: Final = 5  # the width of the dialling code, which blanks may follow


def _british(lines: NDArray[np.uint8]) -> _Keys:
    digits = lines - ord("0")
    is_digit = digits <= 9
    n_digits = is_digit.sum(axis=1)
    # blanks are in one place only: at the end, or directly after the dialling code
    falls = is_digit[:, :-1] & ~is_digit[:, 1:]
    rises = ~is_digit[:, :-1] & is_digit[:, 1:]
    is_whole = ~rises.any(axis=1)
    is_split = ~rises[:, : _CODE - 1].any(axis=1) & ~falls[:, _CODE:].any(axis=1)
    fits = (is_digit | (lines == ord(" "))).all(axis=1) & (digits[:, 0] == 0)
    fits &= (is_whole | is_split) & (n_digits >= _BRITISH[0])
    fits &= n_digits <= _BRITISH[1]
    keys = np.full(len(lines), 44, np.uint64)
    for column, filled in zip(digits.T[1:], is_digit.T[1:], strict=True):
        keys = np.where(filled, 10 * keys + column, keys)
    return np.where(fits, keys, 0)


_FORMS: Final = {
    Layout.US_DNC: _Form("US", 4, "212,5550100", _north_american, has_xml=True),
    Layout.CA_DNCL: _Form("CA", 4, "416,5550100", _north_american, has_xml=True),
    Layout.UK_TPS: _Form("GB", 2, "01632 960123", _british, has_xml=False),
}
