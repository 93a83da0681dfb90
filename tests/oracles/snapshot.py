"""Second reader of snapshot files, written in plain Python from `snapshot-format.md`.

It does all checks that the page requires, and looks numbers up as described there.
"""

from __future__ import annotations

import json
import re
import struct
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import xxhash

from tests.oracles.sbbf import PlainFilter

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["File", "Period", "content_of", "read"]

EPOCH = date(1970, 1, 1)
UNDATED = -(2**22)
NO_END = 2**31 - 1
NAMES = ("LISTS", "PERIODS", "FILTER", "RUNS", "DIRECT", "REMAINS", "CODES")
OPTIONAL = ("PREFIXES",)


class Period(NamedTuple):
    """Entry of the file."""

    key: int
    list: str
    starts_on: date | None
    ends_on: date | None


class Prefix(NamedTuple):
    """Rule for all numbers with the same prefix."""

    prefix: int
    list: str
    starts_on: date | None
    ends_on: date | None
    blocks: bool


class Header(NamedTuple):
    """Fields of the header."""

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
    token: int
    reserved: bytes
    checksum: int


class File:
    """Snapshot file, checked when it is read."""

    def __init__(self, content: bytes) -> None:
        self.header = _checked_header(content)
        self.sections = _checked_sections(content, self.header)
        lists = json.loads(self.sections["LISTS"])
        self.region = lists["region"]
        self.names = [entry["name"] for entry in lists["lists"]]
        # this reader only supports oppositions, not cleared numbers
        assert not any(re.search(r"\.cleared(:|$)", name) for name in self.names)
        self.rules = [entry["rules"] for entry in lists["lists"]]
        assert all(
            rule is None or len(bytes.fromhex(rule)) == 32 for rule in self.rules
        )
        self.complete_from = [entry["complete_from"] for entry in lists["lists"]]
        self.filter = PlainFilter.from_bytes(self.sections["FILTER"])
        self.periods = [*struct.iter_unpack("<Iii", self.sections["PERIODS"])]
        self.runs = [*struct.iter_unpack("<QII", self.sections["RUNS"])]
        self.offsets = [n for (n,) in struct.iter_unpack("<I", self.sections["DIRECT"])]
        self.remainders = [
            n for (n,) in struct.iter_unpack("<H", self.sections["REMAINS"])
        ]
        n, codes = self.header.n_entries, self.sections["CODES"]
        kind = {1: "B", 2: "H", 4: "I"}[len(codes) // n if n else 1]
        self.codes = struct.unpack(f"<{n}{kind}", codes)
        assert len(self.remainders) == n
        self.prefixes = [
            self.prefix(*row)
            for row in struct.iter_unpack("<QIiiI", self.sections.get("PREFIXES", b""))
        ]

    def period(self, key: int, code: int) -> Period:
        """Return the period with this code."""
        number, start, end = self.periods[code]
        return Period(key, self.names[number], *days(start, end))

    def prefix(
        self, prefix: int, number: int, start: int, end: int, blocks: int
    ) -> Prefix:
        """Return a rule, after checks."""
        assert 1 <= prefix < 10**15
        assert blocks in (0, 1)
        return Prefix(prefix, self.names[number], *days(start, end), blocks == 1)

    def blocking_lists(self, key: int, on: date) -> set[str]:
        """Return the lists that block a key on a day."""
        found = {p.list for p in self.look_up(key) if covers(p, on)}
        for name in self.names:
            rules = [
                (len(str(rule.prefix)), rule.starts_on or date.min, rule.blocks)
                for rule in self.prefixes
                if rule.list == name
                and covers(rule, on)
                and str(key).startswith(str(rule.prefix))
            ]
            if rules and max(rules)[2]:
                found.add(name)
        return found

    def entries(self) -> list[Period]:
        """Return every entry, in the order of the file."""
        found = []
        for start, first_slot, n_segments in self.runs:
            first_high, k = start >> 16, start & 0xFFFF
            for segment in range(n_segments):
                begin = self.offsets[first_slot + (segment << k)]
                end = self.offsets[first_slot + ((segment + 1) << k)]
                for entry in range(begin, end):
                    key = (first_high + segment) << 16 | self.remainders[entry]
                    found.append(self.period(key, self.codes[entry]))
        return found

    def look_up(self, key: int) -> list[Period]:
        """Return the periods of a key, using the filter and the directory."""
        if not self.filter.might_contain(key):
            return []
        slot = self._slot(key)
        if slot is None:
            return []
        entries = range(self.offsets[slot], self.offsets[slot + 1])
        return [
            self.period(key, self.codes[entry])
            for entry in entries
            if self.remainders[entry] == key & 0xFFFF
        ]

    def _slot(self, key: int) -> int | None:
        for start, first_slot, n_segments in reversed(self.runs):
            if start >> 16 <= key >> 16:
                segment, k = (key >> 16) - (start >> 16), start & 0xFFFF
                inside = int(segment << k) + ((key & 0xFFFF) >> (16 - k))
                return int(first_slot + inside) if segment < n_segments else None
        return None


def days(start: int, end: int) -> tuple[date | None, date | None]:
    """Return a first day and an end; None if it is open."""
    starts_on = None if start == UNDATED else EPOCH + timedelta(days=start)
    return starts_on, None if end == NO_END else EPOCH + timedelta(days=end)


def covers(period: Period | Prefix, on: date) -> bool:
    """Return whether a period or a rule covers a day."""
    has_begun = period.starts_on is None or period.starts_on <= on
    return has_begun and (period.ends_on is None or on < period.ends_on)


def _checked_header(content: bytes) -> Header:
    header = Header(*struct.unpack("<8sIIQIIiiQQQQd16sQ16sQ", content[:128]))
    assert header.magic == b"\x89BLOCT\r\n"
    assert (header.version, header.normalisation, header.key_domain) == (1, 1, 1)
    assert header.file_size == len(content)
    end = 128 + 32 * header.n_sections
    zeroed = content[:120] + bytes(8) + content[128:end]
    assert xxhash.xxh3_64_intdigest(zeroed) == header.checksum
    return header


def _checked_sections(content: bytes, header: Header) -> dict[str, bytes]:
    sections = {}
    end = 128 + 32 * header.n_sections
    table = struct.iter_unpack("<8sQQQ", content[128:end])
    for raw, offset, size, checksum in sorted(table, key=lambda entry: entry[1]):
        name = raw.rstrip(b"\0").decode()
        data = content[offset : offset + size]
        assert name in NAMES + OPTIONAL or name[0].islower()
        assert offset % 64 == 0
        assert not any(content[end:offset])
        assert len(data) == size
        assert xxhash.xxh3_64_intdigest(data) == checksum
        sections[name] = data
        end = offset + size
    assert set(NAMES) <= set(sections)
    assert not any(content[end:])
    return sections


def read(path: Path) -> list[Period]:
    """Return every entry of a file."""
    return File(path.read_bytes()).entries()


def content_of(path: Path) -> bytes:
    """Return the file with the registry, the token and the checksum set to zero."""
    content = bytearray(path.read_bytes())
    content[80:104], content[120:128] = bytes(24), bytes(8)
    return bytes(content)
