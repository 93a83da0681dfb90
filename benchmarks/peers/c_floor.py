"""Lower bound: a C loop over the Bloom filter alone, compiled for the run.

It hashes and prefetches block by block, uses AVX2 if available, writes one byte per
key, and has as many bits per key as the filter of a book.  Unlike a book, it does not
read text, has no periods and gives false positives.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import bloctel
from benchmarks.peers import AnswersBatches
from bloctel.lookup.table import FALSE_POSITIVE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.peers import Column

__all__ = ["CFloor"]

_SOURCE: Final = Path(__file__).with_suffix(".c")
_HEADERS: Final = Path(__file__).parents[2] / "src" / "bloctel" / "_native"


class CFloor(AnswersBatches):
    """Loop of the library's own header, called through ctypes."""

    name = "C loop: filter only"
    note = "0.5 % false positives; no periods"

    def why_not(self) -> str:
        """Return the reason why it cannot run here, or ""."""
        return "" if shutil.which("cc") else "no C compiler"

    def build(self, keys: Column) -> None:
        """Add these keys."""
        self._look_up = _compiled()
        # the library fills the filter, because the benchmark measures only the loop
        self._filter = bloctel.BloomFilter(len(keys), FALSE_POSITIVE_RATE)
        self._filter.add_many(np.asarray(keys, np.uint64))
        self._blocks = self._filter.blocks

    def contains_many(self, keys: Column) -> int:
        """Look up all keys in one call."""
        queries = np.ascontiguousarray(keys, np.uint64)
        found = np.empty(len(queries), np.uint8)
        self._look_up(
            _address(self._blocks),
            self._filter.n_blocks,
            _address(queries),
            len(queries),
            _address(found),
        )
        return int(np.count_nonzero(found))

    def size_bytes(self) -> int:
        """Return the size of its bits."""
        return self._filter.size_bytes


def _address(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _compiled() -> Any:
    """Return the C function; ctypes releases the GIL during a call."""
    with tempfile.TemporaryDirectory(prefix="bloctel-floor-") as folder:
        library = Path(folder) / "floor.so"
        subprocess.run(  # noqa: S603 - fixed arguments
            [
                shutil.which("cc") or "cc",
                *("-O3", "-shared", "-fPIC", f"-I{_HEADERS}"),
                *("-o", str(library), str(_SOURCE)),
            ],
            check=True,
            capture_output=True,
        )
        function = ctypes.CDLL(str(library)).floor_might_contain_many
    function.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
    ]
    function.restype = None
    return function
