"""The layout of the file, version 1, which `snapshot-format.md` explains."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import numpy as np

__all__ = [
    "ALIGN",
    "FORMAT_VERSION",
    "HEADER",
    "KEY_DOMAIN",
    "KNOWN",
    "MAGIC",
    "NORMALISATION_VERSION",
    "OPTIONAL",
    "PERIOD",
    "PREFIX",
    "SECTION",
    "Header",
]

#: The first bytes of every snapshot.  The first is no text, the line end breaks when
#: a transfer treats the file as text.
MAGIC: Final = b"\x89BLOCT\r\n"
FORMAT_VERSION: Final = 1
#: What keys are: E.164 numbers as integers, a line of the French plan having one.
KEY_DOMAIN: Final = 1
#: The rules by which text became keys; a change would make old files miss numbers.
NORMALISATION_VERSION: Final = 1

#: Where sections may start: at multiples of a cache line.
ALIGN: Final = 64
#: Name, offset, size, checksum.
SECTION: Final = struct.Struct("<8sQQQ")
#: The sections that every file has, in the order in which they are written.
KNOWN: Final = ("LISTS", "PERIODS", "FILTER", "RUNS", "DIRECT", "REMAINS", "CODES")
#: The sections that a file may have, but readers before them refuse.
OPTIONAL: Final = ("PREFIXES",)
#: One distinct period: the place of its list, and its days.
PERIOD: Final = np.dtype([("list", "<u4"), ("starts_on", "<i4"), ("ends_on", "<i4")])

#: One rule for all numbers that begin alike.
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


HEADER: Final = struct.Struct("<8sIIQIIiiQQQQd16s24sQ")  # 128 bytes
