"""Reader of snapshot files, which checks each field before it uses the field."""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple
from uuid import UUID

import numpy as np
import xxhash

from bloctel import _filter, rules
from bloctel.errors import (
    BloctelError,
    CannotAnswerError,
    DamagedSnapshotError,
    NewerSnapshotError,
    NotASnapshotError,
    SnapshotError,
)
from bloctel.lookup.prefix_rules import PREFIX_END, PrefixRule
from bloctel.lookup.question import BookList, Provenance, State
from bloctel.lookup.table import UNDATED, Overlay, Table
from bloctel.numbers.phone_number import NOT_KEYS, check_region
from bloctel.periods import NO_END, from_epoch_day, to_epoch_day
from bloctel.snapshot import format as layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from numpy.typing import NDArray

#: The largest number of lists in a snapshot: a table stores a list's index as uint16.
_MOST_LISTS: Final = 1 << 16


class Stamp(NamedTuple):
    """Identity of a snapshot file; it changes if the file is replaced or modified.

    Programs can set `written_ns` (the last write), but not `changed_ns` (the last
    change of content or name).  A write to a memory map can leave both unchanged.
    """

    device: int
    inode: int
    size: int
    written_ns: int
    changed_ns: int
    header: bytes


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """Description of a snapshot file.

    Attributes:
        path: The path of the file.
        format_version: The version of the file format.
        region: The region of phone numbers in national form.
        lists: The names of the lists.
        built_on: The day for which the snapshot was built.
        covered_until: The first day for which the snapshot is too old to answer.
        generation: The journal cursor of the last change that the snapshot contains.
        registry: The identity of the registry from which the snapshot was built; None
            if it was not built from a registry.
        n_numbers: The count of distinct phone numbers.
        n_entries: The count of entries: an entry is one period of one phone number.
        n_prefixes: The number of prefix rules.
        size_bytes: The size of the file.
        bits_per_number: The size of the file in bits, divided by `n_numbers`.
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
    n_prefixes: int
    size_bytes: int
    bits_per_number: float


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Content of a snapshot file whose header and lengths were checked.

    Attributes:
        info: The description of the snapshot.
        state: The content of the file in the form that look-ups need.
        stamp: The identity of the file that was opened.
        checksum: The checksum of the header and of the checksums of all sections.
    """

    info: SnapshotInfo
    state: State
    stamp: Stamp
    checksum: int
    _bytes: memoryview
    _sections: dict[str, _Section]
    _mapped: _MappedFile | None

    @property
    def is_mapped(self) -> bool:
        """True if look-ups read the mapped file, which other programs can modify."""
        return self._mapped is not None

    def require_unmodified(self) -> None:
        """Raise DamagedSnapshotError if a mapped file was modified."""
        mapped = self._mapped
        if mapped is None:
            return
        known, found = mapped.stamp, mapped.stamp_now(self._bytes)
        if found == known:
            return
        if found != known._replace(changed_ns=found.changed_ns):
            raise _modified(self.info.path)
        # the file was renamed, or a program modified it and then set its old time again
        try:
            self.check_sections()
        except DamagedSnapshotError as error:
            raise _modified(self.info.path) from error
        mapped.stamp = found

    def in_memory(self) -> Content:
        """Return a verified copy of the content in memory; later calls reuse it."""
        mapped = self._mapped
        if mapped is None:
            return self
        if mapped.copy is None:
            memory = _new_memory(len(self._bytes))
            memory[:] = self._bytes
            mapped.copy = _verified(memory, self.stamp, self.info.path)
        return mapped.copy

    def check_sections(self) -> None:
        """Check every section against its checksum."""
        if any(any(self._bytes[start:end]) for start, end in self._gaps()):
            expected = "zeros between the sections"
            raise DamagedSnapshotError(expected, "other bytes", self.info.path)
        for name, section in self._sections.items():
            if not section.is_intact():
                raise _altered(f"section {name}", self.info.path)

    def copy_to(self, file: BinaryIO) -> None:
        """Write the bytes of the snapshot file to *file*."""
        file.write(self._bytes)

    def _gaps(self) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each gap between two sections of the file."""
        end = layout.HEADER.size + layout.SECTION.size * len(self._sections)
        for section in sorted(self._sections.values(), key=lambda part: part.offset):
            yield end, section.offset
            end = section.offset + len(section.data)
        yield end, self.info.size_bytes


#: The advice that is added to the message of an error of each class.
_ADVICE: Final[dict[type[CannotAnswerError], str]] = {
    DamagedSnapshotError: "; build the snapshot again",
    NewerSnapshotError: "; update bloctel",
}
#: Errors that damaged or forged content causes in this module.
_INCONSISTENT: Final = (
    BloctelError,
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
    RecursionError,
)


def read_content(path: Path, *, verify: bool) -> Content:
    """Read and verify a file; if not *verify*, map the file and check its layout."""
    try:
        with path.open("rb", buffering=0) as file:
            stamp = _stamp(file)
            if file.seek(0, os.SEEK_END) == 0:
                raise DamagedSnapshotError("a snapshot", "an empty file", str(path))
            if verify:
                return _verified(_in_memory(file), stamp, str(path))
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            mapped = _MappedFile(file, stamp)
            return _checked(memoryview(memory), stamp, str(path), mapped)
    except (OSError, ValueError) as error:
        raise _unreadable(error, path) from error


class _MappedFile:
    """Descriptor of a mapped file, and the file's identity when it was last checked."""

    def __init__(self, file: FileIO, stamp: Stamp) -> None:
        self.copy: Content | None = None
        self.stamp = stamp
        self._descriptor = os.dup(file.fileno())

    def __del__(self) -> None:
        os.close(self._descriptor)

    def stamp_now(self, data: memoryview) -> Stamp:
        """Return the current identity of the file whose mapped bytes are *data*."""
        status = os.fstat(self._descriptor)
        # in a truncated file, reading mapped bytes after the end would kill Python
        return _stamp_from(status, data[: min(layout.HEADER.size, status.st_size)])


def _in_memory(file: FileIO) -> memoryview:
    memory = rest = _new_memory(file.seek(0, os.SEEK_END))
    file.seek(0)
    while n_read := file.readinto(rest):
        rest = rest[n_read:]
    return memory[: len(memory) - len(rest)]  # shorter if the file was truncated


def _new_memory(size: int) -> memoryview:
    """Return *size* bytes, aligned so that a filter block is one cache line."""
    memory = np.empty(size + layout.ALIGN, np.uint8)
    start = -memory.__array_interface__["data"][0] % layout.ALIGN
    return memory.data[start : start + size]


def _verified(memory: memoryview, stamp: Stamp, path: str) -> Content:
    content = _checked(memory, stamp, path)
    content.check_sections()
    return content


def _checked(
    memory: memoryview, stamp: Stamp, path: str, mapped: _MappedFile | None = None
) -> Content:
    """Check the header and the layout of a file, and return its content."""
    try:
        return _content(memory, stamp, path, mapped)
    except CannotAnswerError as error:
        message = error.message + _ADVICE.get(type(error), "")
        raise type(error)(error.expected, error.got, path, message=message) from error
    except _INCONSISTENT as error:
        got = f"sections that cause a {type(error).__name__} when they are read"
        raise DamagedSnapshotError("consistent sections", got, path) from error


def _content(
    memory: memoryview, stamp: Stamp, path: str, mapped: _MappedFile | None
) -> Content:
    data = memory.toreadonly()
    header, sections = _read_header(data)
    lists, region = _read_lists(sections["LISTS"])
    table = _read_table(header, sections, len(lists))
    prefixes = _read_prefixes(sections.get("PREFIXES"), len(lists))
    built_on, covered_until = _read_days(header)
    info = SnapshotInfo(
        path=path,
        format_version=header.version,
        region=region,
        lists=tuple(each.rules.name for each in lists),
        built_on=built_on,
        covered_until=covered_until,
        generation=header.generation,
        registry=UUID(bytes=header.registry) if any(header.registry) else None,
        n_numbers=header.n_numbers,
        n_entries=header.n_entries,
        n_prefixes=len(prefixes),
        size_bytes=header.file_size,
        bits_per_number=8 * header.file_size / max(1, header.n_numbers),
    )
    origin = Provenance(info.registry, info.generation, built_on, header.token)
    files, overlay = (Path(path),), Overlay(table)
    state = State(lists, table, overlay, covered_until, prefixes, origin, files=files)
    return Content(info, state, stamp, header.checksum, data, sections, mapped)


def stamp_of(path: Path) -> Stamp:
    """Return the current identity of the file at *path*."""
    try:
        with path.open("rb", buffering=0) as file:
            return _stamp(file)
    except OSError as error:
        raise _unreadable(error, path) from error


def _stamp(file: FileIO) -> Stamp:
    return _stamp_from(os.fstat(file.fileno()), file.read(layout.HEADER.size))


def _stamp_from(status: os.stat_result, header: bytes | memoryview) -> Stamp:
    times = status.st_mtime_ns, status.st_ctime_ns
    return Stamp(status.st_dev, status.st_ino, status.st_size, *times, bytes(header))


class _Section(NamedTuple):
    offset: int
    data: memoryview
    checksum: int

    def is_intact(self) -> bool:
        """Return True if the checksum of the section is correct."""
        return xxhash.xxh3_64_intdigest(self.data) == self.checksum


def _unreadable(error: OSError | ValueError, path: Path) -> SnapshotError:
    got = getattr(error, "strerror", None) or str(error)
    message = f"the snapshot cannot be read: {got}"
    return SnapshotError("a readable file", got, str(path), message=message)


def _modified(path: str) -> DamagedSnapshotError:
    message = (
        "the file was overwritten while it was open: open the snapshot again, and "
        "always replace a snapshot by renaming a new file to the same path"
    )
    expected, got = "a file that does not change", "an overwritten or truncated file"
    return DamagedSnapshotError(expected, got, path, message=message)


def _altered(what: str, where: str | None = None) -> DamagedSnapshotError:
    message = f"the checksum of the {what} is wrong: the file was altered"
    expected = f"a {what} with the right checksum"
    return DamagedSnapshotError(expected, "another checksum", where, message=message)


def _read_header(data: memoryview) -> tuple[layout.Header, dict[str, _Section]]:
    size = len(data)
    if bytes(data[:16]) == b"SQLite format 3\0":
        got = "an SQLite database (open a registry with the URL sqlite:///path)"
        raise NotASnapshotError("a snapshot", got)
    if bytes(data[: len(layout.MAGIC)]) != layout.MAGIC[:size]:
        raise NotASnapshotError("a snapshot", "a file of another kind")
    if size < layout.HEADER.size:
        expected = f"a header of {layout.HEADER.size} bytes"
        raise DamagedSnapshotError(expected, f"{size} bytes")
    header = layout.Header(*layout.HEADER.unpack_from(data))
    if header.version != layout.FORMAT_VERSION:
        is_newer = header.version > layout.FORMAT_VERSION
        kind = NewerSnapshotError if is_newer else DamagedSnapshotError
        expected = f"format version {layout.FORMAT_VERSION}"
        raise kind(expected, f"version {header.version}")
    table_end = layout.HEADER.size + layout.SECTION.size * header.n_sections
    if header.file_size != size or table_end > size:
        expected = f"a file of {max(header.file_size, table_end)} bytes"
        raise DamagedSnapshotError(expected, f"{size} bytes")
    blank = layout.HEADER.pack(*header._replace(checksum=0))
    table = bytes(data[layout.HEADER.size : table_end])
    if xxhash.xxh3_64_intdigest(blank + table) != header.checksum:
        raise _altered("header")
    for what, known, found in (
        ("keys of kind", layout.KEY_DOMAIN, header.key_domain),
        ("keys of rules version", layout.NORMALISATION_VERSION, header.normalisation),
    ):
        if found != known:
            raise NewerSnapshotError(f"{what} {known}", f"{what} {found}")
    return header, _read_sections(data, header, table_end)


def _read_sections(
    data: memoryview, header: layout.Header, table_end: int
) -> dict[str, _Section]:
    sections: dict[str, _Section] = {}
    for raw, offset, size, checksum in layout.SECTION.iter_unpack(
        data[layout.HEADER.size : table_end]
    ):
        name = _read_name(raw)
        if name not in layout.KNOWN + layout.OPTIONAL and not name[:1].islower():
            raise NewerSnapshotError("known sections", f"an unknown section {name}")
        if offset % layout.ALIGN or offset < table_end or offset + size > len(data):
            expected = f"sections at multiples of 64, from {table_end} to {len(data)}"
            raise DamagedSnapshotError(expected, f"{size} bytes at offset {offset}")
        if name in sections:
            raise DamagedSnapshotError(f"one section {name}", f"two sections {name}")
        sections[name] = _Section(offset, data[offset : offset + size], checksum)
    parts = sorted(
        (part.offset, part.offset + len(part.data)) for part in sections.values()
    )
    if any(end > start for (_, end), (start, _) in pairwise(parts)):
        raise DamagedSnapshotError("separate sections", "overlapping sections")
    for name in layout.KNOWN:
        if name not in sections:
            raise DamagedSnapshotError(f"a section {name}", ", ".join(sections))
    return sections


def _read_name(raw: bytes) -> str:
    name = raw.rstrip(b"\0")
    if not (name.isalpha() and name.isascii()):
        raise DamagedSnapshotError("a section name of letters", "other bytes")
    return name.decode()


def _read_lists(section: _Section) -> tuple[tuple[BookList, ...], str | None]:
    if not section.is_intact():  # a wrong list name would load the wrong rules
        raise _altered("section LISTS")
    content = json.loads(bytes(section.data))
    lists = tuple(
        BookList(
            rules.load_stored(str(each["name"]), each["rules"]),
            date.fromisoformat(text) if (text := each["complete_from"]) else None,
        )
        for each in content["lists"]
    )
    return lists, check_region(content["region"])


def _read_days(header: layout.Header) -> tuple[date, date]:
    built_on = from_epoch_day(header.built_on)
    covered_until = from_epoch_day(header.covered_until)
    if built_on is None or covered_until is None:
        raise DamagedSnapshotError("two days in the header", "a number that is no day")
    return built_on, covered_until


def _read_table(
    header: layout.Header, sections: dict[str, _Section], n_lists: int
) -> Table:
    codes = _read_rows("periods", sections["PERIODS"], layout.PERIOD, n_lists)
    n_entries = header.n_entries
    width = sections["CODES"].data.nbytes // n_entries if n_entries else 1
    filter = _filter.BloomFilter.from_blocks(
        sections["FILTER"].data,
        header.capacity,
        header.false_positive_rate,
        header.n_numbers,
    )
    index = _filter.ExactIndex.from_arrays(
        _array(sections["RUNS"], "u8").reshape(-1, 2),
        _array(sections["DIRECT"], "u4"),
        _array(sections["REMAINS"], "u2"),
        _array(sections["CODES"], f"u{width}"),
    )
    _require_keys(index.runs)
    if index.n_entries != n_entries:
        raise DamagedSnapshotError(f"{n_entries} entries", f"{index.n_entries} entries")
    starts, ends = map(np.ascontiguousarray, (codes["starts_on"], codes["ends_on"]))
    periods = codes["list"].astype(np.uint16), starts, ends
    return Table(filter, index, periods, header.n_numbers)


def _require_keys(runs: NDArray[np.uint64]) -> None:
    """Raise an error if the index contains integers that cannot be phone numbers."""
    starts = runs[:, 0] >> 16 << 16
    ends = starts + (runs[:, 1] >> 32 << 16)
    for first, end in NOT_KEYS:
        if ((starts >= first) & (ends <= end)).any():
            raise DamagedSnapshotError("only phone numbers", "other integers as keys")


def _read_prefixes(section: _Section | None, n_lists: int) -> tuple[PrefixRule, ...]:
    if section is None:
        return ()
    rows = _read_rows("prefix rules", section, layout.PREFIX, n_lists)
    if not (
        (rows["blocks"] <= 1).all()
        and ((rows["prefix"] >= 1) & (rows["prefix"] < PREFIX_END)).all()
    ):
        raise DamagedSnapshotError("valid prefix rules", "values out of range")
    return tuple(
        PrefixRule(index, prefix, starts_on, ends_on, bool(blocks))
        for prefix, index, starts_on, ends_on, blocks in rows.tolist()
    )


def _read_rows(
    name: str, section: _Section, kind: np.dtype[np.void], n_lists: int
) -> NDArray[np.void]:
    """Return the rows of a section; raise an error if a list or a day is not valid."""
    n_bytes = section.data.nbytes
    if n_bytes % kind.itemsize:
        expected = f"{name} of {kind.itemsize} bytes each"
        raise DamagedSnapshotError(expected, f"{n_bytes} bytes in total")
    rows = np.frombuffer(section.data, kind)
    if not (
        (rows["list"] < min(n_lists, _MOST_LISTS)).all()
        and _are_days(rows["starts_on"], UNDATED)
        and _are_days(rows["ends_on"], NO_END)
    ):
        raise DamagedSnapshotError(f"valid {name}", "values out of range")
    return rows


def _are_days(days: NDArray[np.int32], unknown: int) -> bool:
    first, last = to_epoch_day(date.min), to_epoch_day(date.max)
    return bool((((days >= first) & (days <= last)) | (days == unknown)).all())


def _array(section: _Section, kind: str) -> NDArray[Any]:
    return np.frombuffer(section.data, kind)
