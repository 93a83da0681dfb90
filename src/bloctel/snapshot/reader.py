"""Reading a snapshot file: every field is checked before it is used."""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
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
    UnknownListError,
)
from bloctel.lookup.prefix_rules import PREFIX_END, PrefixRule
from bloctel.lookup.question import BookList, Provenance, State
from bloctel.lookup.table import UNDATED, Overlay, Table
from bloctel.numbers.phone_number import check_region
from bloctel.periods import NO_END, from_epoch_day, to_epoch_day
from bloctel.snapshot.format import (
    ALIGN,
    FORMAT_VERSION,
    HEADER,
    KEY_DOMAIN,
    KNOWN,
    MAGIC,
    NORMALISATION_VERSION,
    OPTIONAL,
    PERIOD,
    PREFIX,
    SECTION,
    Header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Content", "SnapshotInfo", "Stamp", "read_content", "stamp_of"]

#: What tells a file from the one that replaces it: device, inode, size, time written.
Stamp = tuple[int, int, int, int]


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
        n_prefixes: Rules for all numbers that begin alike.
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
    n_prefixes: int
    size_bytes: int
    bits_per_number: float


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A mapped file whose header and lengths are right.

    The memory is unmapped when the last of these parts is let go of.

    Attributes:
        info: What it says of itself.
        state: What it knows.
        stamp: Which file it is.
        checksum: The header's, which covers those of the sections: files that have the
            same one hold the same.
    """

    info: SnapshotInfo
    state: State
    stamp: Stamp
    checksum: int
    _whole: memoryview
    _sections: dict[str, _Section]

    def check_sections(self) -> None:
        """Check every section against its checksum.

        Raises:
            DamagedSnapshotError: Something is not as it was written.
        """
        if any(any(self._whole[start:end]) for start, end in self._gaps()):
            raise DamagedSnapshotError(
                "zeros between the sections", "something else", self.info.path
            )
        for name, section in self._sections.items():
            if not section.is_intact():
                raise DamagedSnapshotError(
                    f"a section {name} as it was written",
                    "an altered one",
                    self.info.path,
                )

    def copy_to(self, file: BinaryIO) -> None:
        """Write the bytes of the file, as they were when it was mapped."""
        file.write(self._whole)

    def _gaps(self) -> Iterator[tuple[int, int]]:
        """The parts of the file that belong to no section."""
        end = HEADER.size + SECTION.size * len(self._sections)
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


def read_content(path: Path, *, verify: bool) -> Content:
    """Map a file and check its header and lengths; with *verify*, every byte.

    Raises:
        UnknownListError: No rules are registered for one of its lists.
        NotASnapshotError: The file is no snapshot.
        NewerSnapshotError: A later version of the format wrote it.
        DamagedSnapshotError: It is truncated or altered.
        SnapshotError: It cannot be read.
    """
    mapping, stamp = _map(path)
    try:
        content = _content(mapping, stamp, str(path))
    except (SnapshotError, CannotAnswerError) as error:
        raise type(error)(error.expected, error.got, str(path)) from error
    except UnknownListError as error:
        raise UnknownListError(
            error.expected, error.got, str(path), message=error.message
        ) from error
    except _DISAGREEMENTS as error:
        # checksums are right and the content is not: no writer of ours made it
        damaged = DamagedSnapshotError(
            "a snapshot with sections that agree", "others", str(path)
        )
        raise damaged from error
    if verify:
        content.check_sections()
    return content


def _content(mapping: mmap.mmap, stamp: Stamp, path: str) -> Content:
    header, sections = _read_header(mapping)
    lists, region = _read_lists(sections["LISTS"])
    table = _read_table(header, sections, len(lists))
    prefixes = _read_prefixes(sections.get("PREFIXES"), len(lists))
    built_on, covered_until = _read_days(header)
    info = SnapshotInfo(
        path=path,
        format_version=header.version,
        region=region,
        lists=tuple(held.rules.name for held in lists),
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
    provenance = Provenance(info.registry, info.generation, built_on)
    state = State(lists, table, Overlay(table), covered_until, prefixes, provenance)
    whole = memoryview(mapping)
    return Content(info, state, stamp, header.checksum, whole, sections)


def stamp_of(path: Path) -> Stamp:
    """Return which file is at *path* now.

    Raises:
        SnapshotError: There is none that can be looked at.
    """
    try:
        return _stamp(path.stat())
    except OSError as error:
        raise SnapshotError("a readable file", _said(error), str(path)) from error


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class _Section(NamedTuple):
    offset: int
    data: memoryview
    checksum: int

    def is_intact(self) -> bool:
        """Return True if the bytes have the checksum that was written with them."""
        return xxhash.xxh3_64_intdigest(self.data) == self.checksum


def _map(path: Path) -> tuple[mmap.mmap, Stamp]:
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) == 0:
                raise DamagedSnapshotError("a snapshot", "an empty file", str(path))
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return mapping, _stamp(os.fstat(file.fileno()))
    except (OSError, ValueError) as error:
        raise SnapshotError("a readable file", _said(error), str(path)) from error


def _said(error: Exception) -> str:
    return (error.strerror or "an error") if isinstance(error, OSError) else str(error)


def _read_header(mapping: mmap.mmap) -> tuple[Header, dict[str, _Section]]:
    size = len(mapping)
    if mapping[:16] == b"SQLite format 3\0":
        got = "an SQLite database (as a registry it is opened by sqlite:///path)"
        raise NotASnapshotError("a snapshot", got)
    if mapping[: len(MAGIC)] != MAGIC[:size]:
        raise NotASnapshotError("a snapshot", "a file of another kind")
    if size < HEADER.size:
        raise DamagedSnapshotError("a whole header", f"{size} bytes")
    header = Header(*HEADER.unpack_from(mapping))
    if header.version > FORMAT_VERSION:
        raise NewerSnapshotError(
            f"format version {FORMAT_VERSION}", f"version {header.version}"
        )
    if header.version < FORMAT_VERSION:
        raise DamagedSnapshotError(f"format version {FORMAT_VERSION}", "none before it")
    table_end = HEADER.size + SECTION.size * header.n_sections
    if header.file_size != size or table_end > size:
        raise DamagedSnapshotError(
            f"a file of {header.file_size} bytes", f"one of {size} bytes"
        )
    blank = HEADER.pack(*header._replace(checksum=0))
    checksum = xxhash.xxh3_64_intdigest(blank + mapping[HEADER.size : table_end])
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
    mapping: mmap.mmap, header: Header, table_end: int
) -> dict[str, _Section]:
    whole = memoryview(mapping)
    sections: dict[str, _Section] = {}
    for raw, offset, size, checksum in SECTION.iter_unpack(
        mapping[HEADER.size : table_end]
    ):
        name = _read_name(raw)
        if name not in KNOWN + OPTIONAL and not name[:1].islower():
            raise NewerSnapshotError("sections known to this version", "another")
        if offset % ALIGN or offset < table_end or offset + size > len(whole):
            raise DamagedSnapshotError("sections inside the file", "one outside")
        if name in sections:
            raise DamagedSnapshotError("each section once", f"two named {name}")
        sections[name] = _Section(offset, whole[offset : offset + size], checksum)
    parts = sorted(
        (part.offset, part.offset + len(part.data)) for part in sections.values()
    )
    if any(end > start for (_, end), (start, _) in pairwise(parts)):
        raise DamagedSnapshotError("sections one after the other", "overlapping ones")
    missing = [name for name in KNOWN if name not in sections]
    if missing:
        raise DamagedSnapshotError(f"a section {missing[0]}", "none")
    return sections


def _read_name(raw: bytes) -> str:
    """Return a section's name: up to eight ASCII letters, filled up by zeros."""
    name = raw.rstrip(b"\0")
    if not (name.isalpha() and name.isascii()):
        raise DamagedSnapshotError("a section's name", "something else")
    return name.decode()


def _read_lists(section: _Section) -> tuple[tuple[BookList, ...], str | None]:
    if not section.is_intact():  # a name that was altered is not an unknown list
        raise DamagedSnapshotError(
            "a section LISTS as it was written", "bytes with another checksum"
        )
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


def _read_days(header: Header) -> tuple[date, date]:
    built_on = from_epoch_day(header.built_on)
    covered_until = from_epoch_day(header.covered_until)
    if built_on is None or covered_until is None:
        raise DamagedSnapshotError("days in the header", "others")
    return built_on, covered_until


def _read_table(header: Header, sections: dict[str, _Section], n_lists: int) -> Table:
    codes = np.frombuffer(sections["PERIODS"].data, PERIOD)
    lists = codes["list"]
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


def _read_prefixes(section: _Section | None, n_lists: int) -> tuple[PrefixRule, ...]:
    if section is None:
        return ()
    if section.data.nbytes % PREFIX.itemsize:
        raise DamagedSnapshotError("prefix rules of whole length", "a part of one")
    rows = np.frombuffer(section.data, PREFIX)
    if not (
        (rows["list"] < n_lists).all()
        and (rows["blocks"] <= 1).all()
        and ((rows["prefix"] >= 1) & (rows["prefix"] < PREFIX_END)).all()
        and _are_days(rows["starts_on"], UNDATED)
        and _are_days(rows["ends_on"], NO_END)
    ):
        raise DamagedSnapshotError("prefix rules as they are written", "others")
    return tuple(
        PrefixRule(place, prefix, starts_on, ends_on, bool(blocks))
        for prefix, place, starts_on, ends_on, blocks in rows.tolist()
    )


def _are_days(days: NDArray[np.int32], unknown: int) -> bool:
    first, last = to_epoch_day(date.min), to_epoch_day(date.max)
    return bool((((days >= first) & (days <= last)) | (days == unknown)).all())


_WIDTHS: Final[dict[int, type[np.unsignedinteger[Any]]]] = {
    1: np.uint8,
    2: np.uint16,
    4: np.uint32,
}


def _array(section: _Section, kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    return np.frombuffer(section.data, kind)
