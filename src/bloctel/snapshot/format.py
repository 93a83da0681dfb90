"""Format of snapshot files, version 1; `snapshot-format.md` is the specification."""

import struct
from typing import Final, NamedTuple

import numpy as np

#: The first bytes of every snapshot.  The first byte is not ASCII, and the last two
#: bytes are a line ending, so a program that copies the file as text changes them.
MAGIC: Final = b"\x89BLOCT\r\n"
FORMAT_VERSION: Final = 1
#: The version of the definition of keys: in version 1, keys are E.164 numbers.
KEY_DOMAIN: Final = 1
#: The version of the rules that convert a text to a key.
NORMALISATION_VERSION: Final = 1

#: Sections start at multiples of this number of bytes (the size of a cache line).
ALIGN: Final = 64
#: One entry of the section table: name, offset, size and checksum of a section.
SECTION: Final = struct.Struct("<8sQQQ")
#: The sections of every file, in order.
KNOWN: Final = ("LISTS", "PERIODS", "FILTER", "RUNS", "DIRECT", "REMAINS", "CODES")
#: Sections that only some files have: a file without prefix rules has no PREFIXES.
OPTIONAL: Final = ("PREFIXES",)
#: A period: the index of its list, its first day, and the day after its last day.
PERIOD: Final = np.dtype([("list", "<u4"), ("starts_on", "<i4"), ("ends_on", "<i4")])

PREFIX: Final = np.dtype(
    [
        ("prefix", "<u8"),
        ("list", "<u4"),
        ("starts_on", "<i4"),
        ("ends_on", "<i4"),
        ("blocks", "<u4"),
    ]
)


class Header(NamedTuple):
    """Fields of the header of a snapshot file, in their order."""

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


HEADER: Final = struct.Struct("<8sIIQIIiiQQQQd16sQ16sQ")  # 128 bytes
