"""The snapshot file: one registry, one moment, ready to be asked.

The file is the memory: it is mapped, not read, so that opening takes the same time
whatever its size, and processes share its pages.

```text
header      128 bytes: magic, version, what was built when, counts, checksum
sections    32 bytes each: name, offset, size, checksum
...         the sections, each at a multiple of 64 bytes
```

All integers are little-endian; checksums are XXH3-64.  The header's covers itself
(its own 8 bytes as zeros) and the section table; each section has its own.  A
section whose name begins with a lower-case letter may be skipped by a reader that
does not know it; any other unknown name means a later format.

Nothing in the file is trusted: whatever its bytes, a look-up reads inside the
mapping or raises.  A snapshot *is* the list: there are only a thousand million
French numbers, and anyone who has the file can ask about all of them.
"""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from uuid import UUID

import numpy as np
import xxhash

from bloctel import _filter, rules
from bloctel.errors import (
    BloctelError,
    CannotAnswerError,
    DamagedSnapshotError,
    ForeignSnapshotError,
    NewerSnapshotError,
    SnapshotError,
)
from bloctel.files import replacing
from bloctel.lookup import Book, ClosedState
from bloctel.numbers import check_region
from bloctel.periods import from_epoch_day, to_epoch_day
from bloctel.question import BookList, State
from bloctel.rules import in_force
from bloctel.table import Overlay, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["MAGIC", "Origin", "Snapshot", "SnapshotInfo", "build", "verify"]

#: The first bytes of every snapshot.  The first is no text, the line end breaks when
#: a transfer treats the file as text.
MAGIC: Final = b"\x89BLOCT\r\n"
FORMAT_VERSION: Final = 1
#: What keys are: E.164 numbers as integers, a line of the French plan having one.
KEY_DOMAIN: Final = 1
#: The rules by which text became keys; a change would make old files miss numbers.
NORMALISATION_VERSION: Final = 1

_ALIGN: Final = 64
_SECTION: Final = struct.Struct("<8sQQQ")
_CODE: Final = np.dtype([("list", "<u4"), ("starts_on", "<i4"), ("ends_on", "<i4")])


class _Header(NamedTuple):
    """The fixed part of the file, field by field."""

    magic: bytes
    version: int
    n_sections: int
    file_size: int
    normalisation: int
    key_domain: int
    built_on: int
    covered_until: int
    generation: int
    n_numbers: int
    n_entries: int
    capacity: int
    false_positive_rate: float
    registry: bytes
    reserved: bytes
    checksum: int


_HEADER: Final = struct.Struct("<8sIIQIIiiQQQQd16s24sQ")  # 128 bytes


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a snapshot comes from.

    Attributes:
        region: The region by which national forms are read; None for none.
        built_on: The day of the state that it holds.
        generation: The cursor of the last change that it holds.
        registry: The registry whose cursor that is; None if it is no registry's.
    """

    region: str | None
    built_on: date | None
    generation: int = 0
    registry: UUID | None = None


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """What a snapshot file says of itself.

    Attributes:
        path: Where it is.
        format_version: The version of the file format.
        region: The region by which national forms are read.
        lists: The names of its lists.
        built_on: The day of the state that it holds.
        covered_until: The first day that it can no longer be asked about.
        generation: The cursor of the last change that it holds.
        registry: The registry whose cursor that is; None if it is no registry's.
        n_numbers: Distinct numbers.
        n_entries: Periods of numbers; at least as many.
        size_bytes: The size of the file.
        bits_per_number: Eight times that, by number.
    """

    path: str
    format_version: int
    region: str | None
    lists: tuple[str, ...]
    built_on: date
    covered_until: date
    generation: int
    registry: UUID | None
    n_numbers: int
    n_entries: int
    size_bytes: int
    bits_per_number: float


class Snapshot(Book):
    """A snapshot file, mapped into memory and ready to be asked."""

    def __init__(self, mapping: mmap.mmap, path: str) -> None:
        """Read a mapped file; use `open` instead."""
        try:
            header, sections = _read_header(mapping)
            lists, region = _read_lists(sections["LISTS"])
            table = _read_table(header, sections)
            days = _read_days(header)
        except (SnapshotError, CannotAnswerError) as error:
            raise _at(error, path) from error
        except _DISAGREEMENTS as error:
            # checksums are right and the content is not: no writer of ours made it
            damaged = DamagedSnapshotError(
                "a snapshot with sections that agree", "others", path
            )
            raise damaged from error
        self._whole = memoryview(mapping)
        self._sections = sections
        super().__init__(State(lists, table, Overlay(table), days[1]), region)
        self.info = SnapshotInfo(
            path=path,
            format_version=header.version,
            region=region,
            lists=tuple(held.rules.name for held in lists),
            built_on=days[0],
            covered_until=days[1],
            generation=header.generation,
            registry=UUID(bytes=header.registry) if any(header.registry) else None,
            n_numbers=header.n_numbers,
            n_entries=header.n_entries,
            size_bytes=header.file_size,
            bits_per_number=8 * header.file_size / max(1, header.n_numbers),
        )

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = True) -> Self:
        """Open a snapshot file.

        Args:
            path: Where it is.
            verify: Whether to check every section against its checksum, which reads
                the whole file.  Header and lengths are checked always.

        Raises:
            ForeignSnapshotError: The file is no snapshot.
            NewerSnapshotError: A later version of the format wrote it.
            DamagedSnapshotError: It is truncated or altered.
            SnapshotError: It cannot be read.
        """
        opened = cls(_map(Path(path)), str(path))
        if verify:
            opened._check_sections()
        return opened

    def verify(self) -> None:
        """Check every section, and that the index is one that a builder makes.

        Raises:
            DamagedSnapshotError: Something is not as it was written.
        """
        self._check_sections()
        self._state.table.index.verify()

    def close(self) -> None:
        """Let go of the file; the snapshot cannot be asked any more.

        The memory is unmapped when the last look-up on it ends.
        """
        self._whole, self._sections = memoryview(b""), {}
        self._set_state(ClosedState("snapshot", self.info.path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_sections(self) -> None:
        if any(any(self._whole[start:end]) for start, end in self._gaps()):
            raise DamagedSnapshotError(
                "zeros between the sections", "something else", self.info.path
            )
        for name, section in self._sections.items():
            if xxhash.xxh3_64_intdigest(section.data) != section.checksum:
                raise DamagedSnapshotError(
                    f"a section {name} as it was written",
                    "an altered one",
                    self.info.path,
                )

    def _gaps(self) -> Iterator[tuple[int, int]]:
        """The parts of the file that belong to no section."""
        end = _HEADER.size + _SECTION.size * len(self._sections)
        for section in sorted(self._sections.values(), key=lambda part: part.offset):
            yield end, section.offset
            end = section.offset + len(section.data)
        yield end, self.info.size_bytes


#: What a content that no writer of ours made can raise in its reader.
_DISAGREEMENTS: Final = (
    BloctelError,
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
    RecursionError,
)


def verify(path: str | Path) -> SnapshotInfo:
    """Check a whole snapshot file, and return what it says of itself.

    Raises:
        SnapshotError: As `Snapshot.open`; also if the index is none that a builder
            makes.
    """
    with Snapshot.open(path, verify=False) as opened:
        opened.verify()
        return opened.info


# ---------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------


def build(
    path: str | Path, table: Table, lists: Sequence[BookList], origin: Origin
) -> SnapshotInfo:
    """Write a snapshot file in one stroke, and return what it says of itself.

    Raises:
        CannotAnswerError: There is no list to ask about.
        SnapshotError: The file cannot be written.
    """
    if not lists or origin.built_on is None:
        raise CannotAnswerError("a registry with at least one list", "one without")
    sections = _sections_of(table, lists, origin.region)
    header = _header_of(table, lists, origin, sections)
    try:
        with replacing(path) as file:
            file.write(header)
            for _, offset, data in sections:
                file.write(b"\0" * (offset - file.tell()))
                file.write(data)
    except OSError as error:
        raise SnapshotError(
            "a place to write a snapshot to", _said(error), str(path)
        ) from error
    with Snapshot.open(path) as written:
        return written.info


def _sections_of(
    table: Table, lists: Sequence[BookList], region: str | None
) -> list[tuple[bytes, int, memoryview]]:
    """Return name, offset and bytes of each section, in file order."""
    codes = np.empty(len(table.lists), _CODE)
    codes["list"], codes["starts_on"] = table.lists, table.starts
    codes["ends_on"] = table.ends
    contents: list[tuple[bytes, Any]] = [
        (b"LISTS", _lists_json(lists, region)),
        (b"PERIODS", codes),
        (b"FILTER", table.filter.blocks),
        (b"RUNS", table.index.runs),
        (b"DIRECT", table.index.directory),
        (b"REMAINS", table.index.remainders),
        (b"CODES", table.index.codes),
    ]
    offset = _aligned(_HEADER.size + _SECTION.size * len(contents))
    placed = []
    for name, content in contents:
        flat = memoryview(content).cast("B") if len(content) else memoryview(b"")
        placed.append((name, offset, flat))
        offset = _aligned(offset + len(flat))
    return placed


def _lists_json(lists: Sequence[BookList], region: str | None) -> bytes:
    held = [
        {
            "name": held.rules.name,
            "complete_from": held.complete_from and held.complete_from.isoformat(),
        }
        for held in lists
    ]
    return json.dumps({"region": region, "lists": held}).encode()


def _header_of(
    table: Table,
    lists: Sequence[BookList],
    origin: Origin,
    sections: Sequence[tuple[bytes, int, memoryview]],
) -> bytes:
    built_on = origin.built_on
    if built_on is None:
        raise CannotAnswerError("the day of the state", "none")
    fields = _Header(
        magic=MAGIC,
        version=FORMAT_VERSION,
        n_sections=len(sections),
        file_size=sections[-1][1] + len(sections[-1][2]),
        normalisation=NORMALISATION_VERSION,
        key_domain=KEY_DOMAIN,
        built_on=to_epoch_day(built_on),
        covered_until=to_epoch_day(_covered_until(lists, built_on)),
        generation=origin.generation,
        n_numbers=table.n_numbers,
        n_entries=table.index.n_entries,
        capacity=table.filter.capacity,
        false_positive_rate=table.filter.false_positive_rate,
        registry=origin.registry.bytes if origin.registry else bytes(16),
        reserved=bytes(24),
        checksum=0,
    )
    entries = b"".join(
        _SECTION.pack(name, offset, len(data), xxhash.xxh3_64_intdigest(data))
        for name, offset, data in sections
    )
    checksum = xxhash.xxh3_64_intdigest(_HEADER.pack(*fields) + entries)
    return _HEADER.pack(*fields._replace(checksum=checksum)) + entries


def _covered_until(lists: Sequence[BookList], built_on: date) -> date:
    """The first day on which an answer is too old to be used, by the lists' rules."""
    valid_days = []
    for held in lists:
        closes_on = held.rules.closes_on
        last = built_on if closes_on is None else min(built_on, _day_before(closes_on))
        day = max(last, held.rules.opens_on)
        valid_days.append(in_force(held.rules.answer_validity, on=day).days)
    return built_on + timedelta(days=min(valid_days))


def _day_before(day: date) -> date:
    return day - timedelta(days=1)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


# ---------------------------------------------------------------------------
# Reading: every field is checked before it is used
# ---------------------------------------------------------------------------


class _Section(NamedTuple):
    offset: int
    data: memoryview
    checksum: int


def _map(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) == 0:
                raise DamagedSnapshotError("a snapshot", "an empty file", str(path))
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise SnapshotError("a readable file", _said(error), str(path)) from error


def _said(error: Exception) -> str:
    return (error.strerror or "an error") if isinstance(error, OSError) else str(error)


def _at(error: CannotAnswerError, path: str) -> CannotAnswerError:
    return type(error)(error.expected, error.got, path)


_KNOWN: Final = ("LISTS", "PERIODS", "FILTER", "RUNS", "DIRECT", "REMAINS", "CODES")


def _read_header(mapping: mmap.mmap) -> tuple[_Header, dict[str, _Section]]:
    size = len(mapping)
    if mapping[:16] == b"SQLite format 3\0":
        got = "an SQLite database (as a registry it is opened by sqlite:///path)"
        raise ForeignSnapshotError("a snapshot", got)
    if mapping[: len(MAGIC)] != MAGIC[:size]:
        raise ForeignSnapshotError("a snapshot", "a file of another kind")
    if size < _HEADER.size:
        raise DamagedSnapshotError("a whole header", f"{size} bytes")
    header = _Header(*_HEADER.unpack_from(mapping))
    if header.version > FORMAT_VERSION:
        raise NewerSnapshotError(
            f"format version {FORMAT_VERSION}", f"version {header.version}"
        )
    if header.version < FORMAT_VERSION:
        raise DamagedSnapshotError(f"format version {FORMAT_VERSION}", "none before it")
    table_end = _HEADER.size + _SECTION.size * header.n_sections
    if header.file_size != size or table_end > size:
        raise DamagedSnapshotError(
            f"a file of {header.file_size} bytes", f"one of {size} bytes"
        )
    blank = _HEADER.pack(*header._replace(checksum=0))
    checksum = xxhash.xxh3_64_intdigest(blank + mapping[_HEADER.size : table_end])
    if checksum != header.checksum:
        raise DamagedSnapshotError("a header as it was written", "an altered one")
    if header.key_domain != KEY_DOMAIN:
        raise NewerSnapshotError(
            f"keys of domain {KEY_DOMAIN}", f"domain {header.key_domain}"
        )
    if header.normalisation != NORMALISATION_VERSION:
        raise NewerSnapshotError(
            f"numbers normalised by version {NORMALISATION_VERSION}",
            f"version {header.normalisation}",
        )
    return header, _read_sections(mapping, header, table_end)


def _read_sections(
    mapping: mmap.mmap, header: _Header, table_end: int
) -> dict[str, _Section]:
    whole = memoryview(mapping)
    sections: dict[str, _Section] = {}
    for raw, offset, size, checksum in _SECTION.iter_unpack(
        mapping[_HEADER.size : table_end]
    ):
        name = raw.rstrip(b"\0").decode("ascii")
        if name not in _KNOWN and not name[:1].islower():
            raise NewerSnapshotError("sections known to this version", "another")
        if offset % _ALIGN or offset < table_end or offset + size > len(whole):
            raise DamagedSnapshotError("sections inside the file", "one outside")
        if name in sections:
            raise DamagedSnapshotError("each section once", f"two named {name}")
        sections[name] = _Section(offset, whole[offset : offset + size], checksum)
    missing = [name for name in _KNOWN if name not in sections]
    if missing:
        raise DamagedSnapshotError(f"a section {missing[0]}", "none")
    return sections


def _read_lists(section: _Section) -> tuple[tuple[BookList, ...], str | None]:
    content = json.loads(bytes(section.data))
    lists = tuple(
        BookList(
            rules.load(str(held["name"])),
            date.fromisoformat(held["complete_from"])
            if held["complete_from"]
            else None,
        )
        for held in content["lists"]
    )
    return lists, check_region(content["region"])


def _read_days(header: _Header) -> tuple[date, date]:
    built_on = from_epoch_day(header.built_on)
    covered_until = from_epoch_day(header.covered_until)
    if built_on is None or covered_until is None:
        raise DamagedSnapshotError("days in the header", "others")
    return built_on, covered_until


def _read_table(header: _Header, sections: dict[str, _Section]) -> Table:
    codes = np.frombuffer(sections["PERIODS"].data, _CODE)
    lists = codes["list"]
    n_lists = len(json.loads(bytes(sections["LISTS"].data))["lists"])
    if len(lists) and int(lists.max()) >= n_lists:
        raise DamagedSnapshotError("periods on the lists of the file", "others")
    n_entries = header.n_entries
    width = sections["CODES"].data.nbytes // n_entries if n_entries else 1
    filter = _filter.BloomFilter.from_blocks(
        sections["FILTER"].data,
        header.capacity,
        header.false_positive_rate,
        header.n_numbers,
    )
    index = _filter.ExactIndex.from_arrays(
        _array(sections["RUNS"], np.uint64).reshape(-1, 2),
        _array(sections["DIRECT"], np.uint32),
        _array(sections["REMAINS"], np.uint16),
        _array(sections["CODES"], _WIDTHS[width]),
    )
    if index.n_entries != n_entries:
        raise DamagedSnapshotError("as many entries as the header says", "others")
    return Table(
        filter,
        index,
        (
            lists.astype(np.uint16),
            np.ascontiguousarray(codes["starts_on"]),
            np.ascontiguousarray(codes["ends_on"]),
        ),
        header.n_numbers,
    )


_WIDTHS: Final[dict[int, type[np.unsignedinteger[Any]]]] = {
    1: np.uint8,
    2: np.uint16,
    4: np.uint32,
}


def _array(section: _Section, kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    return np.frombuffer(section.data, kind)
