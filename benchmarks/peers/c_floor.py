"""The floor: a C loop over the filter alone, compiled on the spot.

It hashes and prefetches block by block, uses AVX2 where there is any, writes one byte
a key, and has as many bits a key as a book's filter.  It reads no text, knows no day
and is wrong for some keys: a book does all it does, and more.
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
    """The loop of the library's own header, called through ctypes."""

    name = "C floor: the filter alone"
    note = "0.5 % false positives; no periods"

    def why_not(self) -> str:
        """Return why it cannot run here, or nothing."""
        return "" if shutil.which("cc") else "no C compiler"

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        self._ask = _compiled()
        # the bits are laid down by the library: only the loop is timed
        self._filter = bloctel.BloomFilter(len(keys), FALSE_POSITIVE_RATE)
        self._filter.add_many(np.asarray(keys, np.uint64))
        self._blocks = self._filter.blocks

    def contains_many(self, keys: Column) -> int:
        """Ask in one call."""
        asked = np.ascontiguousarray(keys, np.uint64)
        found = np.empty(len(asked), np.uint8)
        self._ask(
            _address(self._blocks),
            self._filter.n_blocks,
            _address(asked),
            len(asked),
            _address(found),
        )
        return int(np.count_nonzero(found))

    def size_bytes(self) -> int:
        """Return the size of its bits."""
        return self._filter.size_bytes


def _address(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _compiled() -> Any:
    """Return the C function; ctypes lets go of the GIL while it runs."""
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
