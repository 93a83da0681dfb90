"""A second reader of snapshot files, from their description alone: struct and loops.

It reads every entry, never the filter, and uses nothing of the library.
"""

from __future__ import annotations

import json
import struct
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Period", "content_of", "header_of", "read", "sections_of"]

EPOCH = date(1970, 1, 1)
NO_END = 2**31 - 1


class Period(NamedTuple):
    """One entry of the file."""

    key: int
    list: str
    starts_on: date
    ends_on: date | None


def content_of(path: Path) -> bytes:
    """Return the file without what says which registry wrote it, and its checksum."""
    content = bytearray(path.read_bytes())
    content[80:96], content[120:128] = bytes(16), bytes(8)
    return bytes(content)


def header_of(content: bytes) -> tuple[int, ...]:
    """Return the fields of the header."""
    return struct.unpack("<8sIIQIIiiQQQQd16s24sQ", content[:128])


def sections_of(content: bytes) -> dict[str, bytes]:
    """Return the sections by name."""
    n_sections = struct.unpack_from("<I", content, 12)[0]
    sections = {}
    for i in range(n_sections):
        name, offset, size, _ = struct.unpack_from("<8sQQQ", content, 128 + 32 * i)
        sections[name.rstrip(b"\0").decode()] = content[offset : offset + size]
    return sections


def periods_of(sections: dict[str, bytes]) -> list[tuple[str, date, date | None]]:
    """Return the distinct periods that codes stand for."""
    names = [held["name"] for held in json.loads(sections["LISTS"])["lists"]]
    found = []
    for place, start, end in struct.iter_unpack("<Iii", sections["PERIODS"]):
        ends_on = None if end == NO_END else EPOCH + timedelta(days=end)
        found.append((names[place], EPOCH + timedelta(days=start), ends_on))
    return found


def codes_of(sections: dict[str, bytes], n_entries: int) -> list[int]:
    """Return the code of each entry."""
    if not n_entries:
        return []
    kind = {1: "B", 2: "H", 4: "I"}[len(sections["CODES"]) // n_entries]
    return list(struct.unpack(f"<{n_entries}{kind}", sections["CODES"]))


def keys_of(sections: dict[str, bytes]) -> list[int]:
    """Return the key of each entry, from runs, directory and remainders."""
    offsets = [n for (n,) in struct.iter_unpack("<I", sections["DIRECT"])]
    remainders = [n for (n,) in struct.iter_unpack("<H", sections["REMAINS"])]
    keys = []
    for start, first_slot, n_segments in struct.iter_unpack("<QII", sections["RUNS"]):
        first_high, k = start >> 16, start & 0xFFFF
        for place in range(n_segments):
            begin = offsets[first_slot + (place << k)]
            end = offsets[first_slot + ((place + 1) << k)]
            high = (first_high + place) << 16
            keys += [high | remainder for remainder in remainders[begin:end]]
    return keys


def read(path: Path) -> list[Period]:
    """Return every entry of the file."""
    content = path.read_bytes()
    sections = sections_of(content)
    header = header_of(content)
    n_entries = header[10]
    periods = periods_of(sections)
    codes = codes_of(sections, n_entries)
    keys = keys_of(sections)
    return [Period(key, *periods[c]) for key, c in zip(keys, codes, strict=True)]
