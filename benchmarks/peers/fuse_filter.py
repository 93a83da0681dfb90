"""pyfusefilter: a static binary fuse filter in C."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import AnswersIn, as_list

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["FuseFilter"]


class FuseFilter(AnswersIn):
    """Hashes the text of each key; version 1.3.0 needs xxhash before version 4."""

    name = "pyfusefilter Fuse8"
    requires = "pyfusefilter"
    note = "0.4 % false positives; no periods; cannot be changed after its build"
    is_slow = True
    is_slow_to_build = True

    def build(self, keys: Column) -> None:
        """Add these keys."""
        from pyfusefilter import Fuse8  # noqa: PLC0415 - it may be missing

        self._members = Fuse8(as_list(keys))

    def size_bytes(self) -> int:
        """Return the size of its fingerprints."""
        return int(self._members.size_in_bytes())
