"""Oracle of the split-block Bloom filter, written from Parquet's specification.

Source: apache/parquet-format, BloomFilter.md, and the `BloomFilterHeader` of
parquet.thrift for filters inside a file.
"""

from __future__ import annotations

import struct
from decimal import Decimal, localcontext
from math import comb
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterable

SALTS = (
    0x47B6137B,
    0x44974D91,
    0x8824AD5B,
    0xA2B7289D,
    0x705495C7,
    0x2DF1424B,
    0x9EFC4947,
    0x5C6BFB31,
)
# The header of a filter uses these types of the Thrift compact protocol.
STOP, I32, STRUCT = 0, 5, 12


def xxh64(key: int) -> int:
    """Return the hash of an INT64 in Parquet."""
    return xxhash.xxh64_intdigest(key.to_bytes(8, "little"), seed=0)


class PlainFilter:
    """Filter of *n_blocks* blocks; each block is a list of eight words."""

    def __init__(self, n_blocks: int, keys: Iterable[int] = ()) -> None:
        self.blocks = [[0] * 8 for _ in range(n_blocks)]
        for key in keys:
            self.add(key)

    @classmethod
    def from_bytes(cls, bitset: bytes) -> PlainFilter:
        """Return the filter with this bitset."""
        plain = cls(0)
        words = [word for (word,) in struct.iter_unpack("<I", bitset)]
        plain.blocks = [words[i : i + 8] for i in range(0, len(words), 8)]
        return plain

    def _block_and_mask(self, key: int) -> tuple[list[int], list[int]]:
        hashed = xxh64(key)
        block = self.blocks[((hashed >> 32) * len(self.blocks)) >> 32]
        low = hashed & 0xFFFFFFFF
        return block, [1 << (((low * salt) & 0xFFFFFFFF) >> 27) for salt in SALTS]

    def add(self, key: int) -> bool:
        """Set the key's bits; return whether one of them was new."""
        block, mask = self._block_and_mask(key)
        is_new = not self.might_contain(key)
        block[:] = [word | bit for word, bit in zip(block, mask, strict=True)]
        return is_new

    def might_contain(self, key: int) -> bool:
        """Return whether all the key's bits are set."""
        block, mask = self._block_and_mask(key)
        return all(word & bit for word, bit in zip(block, mask, strict=True))

    def to_bytes(self) -> bytes:
        """Return the bitset as Parquet stores it."""
        words = [word for block in self.blocks for word in block]
        return b"".join(word.to_bytes(4, "little") for word in words)

    def measured_rate(self) -> float:
        """Return the chance that eight random bits, one per word, are all set."""
        chances = []
        for block in self.blocks:
            chance = 1.0
            for word in block:
                chance *= word.bit_count() / 32
            chances.append(chance)
        return sum(chances) / len(chances)


def expected_rate(n_keys: int, n_blocks: int) -> float:
    """Return the Poisson mean of (1 - (31/32)**i)**8, expanded, in 80 digits."""
    with localcontext() as context:
        context.prec = 80
        load, unset = Decimal(n_keys) / n_blocks, Decimal(31) / 32
        terms = (
            (-1) ** j * comb(8, j) * (-load * (1 - unset**j)).exp() for j in range(9)
        )
        return float(sum(terms, Decimal(0)))


def bitset_at(file: bytes, offset: int) -> bytes:
    """Read the bitset of the Bloom filter that starts at *offset* of a Parquet file."""
    size, start = _header(file, offset)
    return file[start : start + size]


def _header(file: bytes, at: int) -> tuple[int, int]:
    """Return the size of the bitset and its offset."""
    kinds = []
    size, field = 0, 0
    while file[at] != STOP:
        field, kind = field + (file[at] >> 4), file[at] & 15
        if (field, kind) == (1, I32):
            size, at = _zigzag(file, at + 1)
        elif kind == STRUCT:
            # The union contains an empty struct, whose field number is the choice.
            kinds.append((field, file[at + 1] >> 4))
            at += 4
        else:
            raise AssertionError(f"field {field} of type {kind} in a filter's header")
    # The choices are: algorithm BLOCK, hash XXHASH, and no compression.
    assert kinds == [(2, 1), (3, 1), (4, 1)]
    return size, at + 1


def _zigzag(file: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (file[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if file[at - 1] < 128:
            return (value >> 1) ^ -(value & 1), at
