"""Reader of snapshot files, which checks every field before it is used."""

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

#: Identity of a file, to detect its replacement: device, inode, size, time written.
Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """Description of a snapshot file.

    Attributes:
        path: The path of the file.
        format_version: The version of the file format.
        region: The region of numbers in national form.
        lists: The names of the lists.
        built_on: The day of the state.
        covered_until: The first day that the file does not cover.
        generation: The cursor of the last change in it.
        registry: The registry of the cursor; None if it is not from a registry.
        n_numbers: The number of distinct numbers.
        n_entries: The number of periods of numbers.
        n_prefixes: The number of prefix rules.
        size_bytes: The size of the file.
        bits_per_number: The size of the file in bits per number.
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
    """Mapped file whose header and lengths are valid.

    The memory is unmapped when the last reference to a part is released.

    Attributes:
        info: The description of the file.
        state: Its content, for look-ups.
        stamp: Its identity.
        checksum: The checksum of the header, which covers those of the sections: files
            with the same checksum have the same content.
    """

    info: SnapshotInfo
    state: State
    stamp: Stamp
    checksum: int
    _mapped: memoryview
    _sections: dict[str, _Section]

    def check_sections(self) -> None:
        """Check every section against its checksum.

        Raises:
            DamagedSnapshotError: The file is altered.
        """
        if any(any(self._mapped[start:end]) for start, end in self._gaps()):
            raise DamagedSnapshotError(
                "zeros between the sections", "other bytes", self.info.path
            )
        for name, section in self._sections.items():
            if not section.is_intact():
                raise _altered(f"section {name}", self.info.path)

    def copy_to(self, file: BinaryIO) -> None:
        """Write the bytes of the file, as they were when it was mapped."""
        file.write(self._mapped)

    def _gaps(self) -> Iterator[tuple[int, int]]:
        """Return the parts of the file between the sections."""
        end = HEADER.size + SECTION.size * len(self._sections)
        for section in sorted(self._sections.values(), key=lambda part: part.offset):
            yield end, section.offset
            end = section.offset + len(section.data)
        yield end, self.info.size_bytes


#: Errors of the reader on content with valid checksums that this library did not write.
_INCONSISTENT: Final = (
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
        NotASnapshotError: The file is not a snapshot.
        NewerSnapshotError: A later version of the format wrote it.
        DamagedSnapshotError: It is truncated or altered.
        SnapshotError: It cannot be read.
    """
    mapping, stamp = _map(path)
    try:
        content = _content(mapping, stamp, str(path))
    except (SnapshotError, CannotAnswerError, UnknownListError) as error:
        raise type(error)(
            error.expected, error.got, str(path), message=error.message
        ) from error
    except _INCONSISTENT as error:
        raise DamagedSnapshotError(
            "consistent sections",
            f"sections whose reader raises {type(error).__name__}",
            str(path),
        ) from error
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
    provenance = Provenance(info.registry, info.generation, built_on)
    state = State(lists, table, Overlay(table), covered_until, prefixes, provenance)
    mapped = memoryview(mapping)
    return Content(info, state, stamp, header.checksum, mapped, sections)


def stamp_of(path: Path) -> Stamp:
    """Return the identity of the file that is at *path* now.

    Raises:
        SnapshotError: There is no file, or it is not accessible.
    """
    try:
        return _stamp(path.stat())
    except OSError as error:
        raise _unreadable(error, path) from error


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
        raise _unreadable(error, path) from error


def _unreadable(error: OSError | ValueError, path: Path) -> SnapshotError:
    got = getattr(error, "strerror", None) or str(error)
    message = f"the snapshot cannot be read: {got}"
    return SnapshotError("a readable file", got, str(path), message=message)


def _altered(what: str, where: str | None = None) -> DamagedSnapshotError:
    return DamagedSnapshotError(
        f"a {what} with the right checksum",
        "another checksum",
        where,
        message=f"the checksum of the {what} is wrong: the file was altered",
    )


def _read_header(mapping: mmap.mmap) -> tuple[Header, dict[str, _Section]]:
    size = len(mapping)
    if mapping[:16] == b"SQLite format 3\0":
        got = "an SQLite database (open a registry with the URL sqlite:///path)"
        raise NotASnapshotError("a snapshot", got)
    if mapping[: len(MAGIC)] != MAGIC[:size]:
        raise NotASnapshotError("a snapshot", "a file of another kind")
    if size < HEADER.size:
        raise DamagedSnapshotError(f"a header of {HEADER.size} bytes", f"{size} bytes")
    header = Header(*HEADER.unpack_from(mapping))
    if header.version != FORMAT_VERSION:
        is_newer = header.version > FORMAT_VERSION
        kind = NewerSnapshotError if is_newer else DamagedSnapshotError
        raise kind(f"format version {FORMAT_VERSION}", f"version {header.version}")
    table_end = HEADER.size + SECTION.size * header.n_sections
    if header.file_size != size or table_end > size:
        raise DamagedSnapshotError(
            f"a file of {header.file_size} bytes", f"{size} bytes"
        )
    blank = HEADER.pack(*header._replace(checksum=0))
    checksum = xxhash.xxh3_64_intdigest(blank + mapping[HEADER.size : table_end])
    if checksum != header.checksum:
        raise _altered("header")
    for what, known, found in (
        ("key domain", KEY_DOMAIN, header.key_domain),
        ("normalisation version", NORMALISATION_VERSION, header.normalisation),
    ):
        if found != known:
            raise NewerSnapshotError(f"{what} {known}", f"{what} {found}")
    return header, _read_sections(mapping, header, table_end)


def _read_sections(
    mapping: mmap.mmap, header: Header, table_end: int
) -> dict[str, _Section]:
    mapped = memoryview(mapping)
    sections: dict[str, _Section] = {}
    for raw, offset, size, checksum in SECTION.iter_unpack(
        mapping[HEADER.size : table_end]
    ):
        name = _read_name(raw)
        if name not in KNOWN + OPTIONAL and not name[:1].islower():
            raise NewerSnapshotError(
                "sections of this version of the format", f"a section {name}"
            )
        if offset % ALIGN or offset < table_end or offset + size > len(mapped):
            raise DamagedSnapshotError(
                f"sections within {len(mapped)} bytes", f"{size} bytes at {offset}"
            )
        if name in sections:
            raise DamagedSnapshotError("each section once", f"two sections {name}")
        sections[name] = _Section(offset, mapped[offset : offset + size], checksum)
    parts = sorted(
        (part.offset, part.offset + len(part.data)) for part in sections.values()
    )
    if any(end > start for (_, end), (start, _) in pairwise(parts)):
        raise DamagedSnapshotError("sections one after the other", "overlapping ones")
    missing = [name for name in KNOWN if name not in sections]
    if missing:
        raise DamagedSnapshotError(
            f"a section {missing[0]}", f"the sections {', '.join(sections)}"
        )
    return sections


def _read_name(raw: bytes) -> str:
    """Return a section's name: up to eight ASCII letters, padded with zeros."""
    name = raw.rstrip(b"\0")
    if not (name.isalpha() and name.isascii()):
        raise DamagedSnapshotError("a section name of letters", f"{len(name)} bytes")
    return name.decode()


def _read_lists(section: _Section) -> tuple[tuple[BookList, ...], str | None]:
    if not section.is_intact():  # a name that was altered is not an unknown list
        raise _altered("section LISTS")
    content = json.loads(bytes(section.data))
    lists = tuple(
        BookList(rules.load(str(each["name"])), _day(each["complete_from"]))
        for each in content["lists"]
    )
    return lists, check_region(content["region"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _read_days(header: Header) -> tuple[date, date]:
    built_on = from_epoch_day(header.built_on)
    covered_until = from_epoch_day(header.covered_until)
    if built_on is None or covered_until is None:
        raise DamagedSnapshotError("days in the header", "a period without an end")
    return built_on, covered_until


def _read_table(header: Header, sections: dict[str, _Section], n_lists: int) -> Table:
    codes = np.frombuffer(sections["PERIODS"].data, PERIOD)
    lists = codes["list"]
    if len(lists) and int(lists.max()) >= n_lists:
        raise DamagedSnapshotError(
            f"periods on the file's {n_lists} lists", f"a list index {lists.max()}"
        )
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
    if index.n_entries != n_entries:
        raise DamagedSnapshotError(f"{n_entries} entries", f"{index.n_entries}")
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
        raise DamagedSnapshotError(
            f"prefix rules of {PREFIX.itemsize} bytes", f"{section.data.nbytes} bytes"
        )
    rows = np.frombuffer(section.data, PREFIX)
    if not (
        (rows["list"] < n_lists).all()
        and (rows["blocks"] <= 1).all()
        and ((rows["prefix"] >= 1) & (rows["prefix"] < PREFIX_END)).all()
        and _are_days(rows["starts_on"], UNDATED)
        and _are_days(rows["ends_on"], NO_END)
    ):
        raise DamagedSnapshotError("valid prefix rules", "values out of range")
    return tuple(
        PrefixRule(index, prefix, starts_on, ends_on, bool(blocks))
        for prefix, index, starts_on, ends_on, blocks in rows.tolist()
    )


def _are_days(days: NDArray[np.int32], unknown: int) -> bool:
    first, last = to_epoch_day(date.min), to_epoch_day(date.max)
    return bool((((days >= first) & (days <= last)) | (days == unknown)).all())


def _array(section: _Section, kind: str) -> NDArray[Any]:
    return np.frombuffer(section.data, kind)
