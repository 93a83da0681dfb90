"""What many cases stand on: snapshots of each size, and queries for them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import bloctel
from benchmarks.prepare_snapshot import SNAPSHOT
from benchmarks.subprocesses import output_of
from benchmarks.workload import Queries

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.suite import Scale

__all__ = ["Ground", "Prepared"]


@dataclass(frozen=True)
class Prepared:
    """A snapshot that was made, with what was read on the way.

    Attributes:
        numbers: How many it holds.
        folder: Where it is.
        read: What `benchmarks.prepare_snapshot` printed; empty if it could not.
        why_not: Why it could not.
    """

    numbers: int
    folder: Path
    read: dict[str, Any]
    why_not: str = ""

    @property
    def snapshot(self) -> Path:
        """Where the snapshot is."""
        return self.folder / SNAPSHOT

    @property
    def queries(self) -> Queries:
        """Keys to ask about."""
        load = np.load
        return Queries(
            load(self.folder / "blocked.npy"), load(self.folder / "absent.npy")
        )

    def keys(self) -> NDArray[np.uint64]:
        """Return the members, mapped from their file."""
        keys: NDArray[np.uint64] = np.load(self.folder / "keys.npy", mmap_mode="r")
        return keys


class Ground:
    """The snapshots of a run, each made when it is first needed, then kept."""

    def __init__(self, scale: Scale, folder: Path) -> None:
        self.scale = scale
        self.folder = folder
        self.prepared = cache(self._prepare)
        self.book = cache(self._open)

    @property
    def main(self) -> Prepared:
        """The one that most cases ask."""
        return self.prepared(self.scale.numbers)

    def _prepare(self, numbers: int) -> Prepared:
        folder = self.folder / f"{numbers}"
        folder.mkdir()
        rounds = min(self.scale.rounds, 3) if numbers <= self.scale.numbers else 1
        counts = map(str, (numbers, self.scale.queries, rounds))
        try:
            said = output_of("-m", "benchmarks.prepare_snapshot", *counts, str(folder))
        except RuntimeError as error:
            shutil.rmtree(folder)  # half a list fills the disk as well
            return Prepared(numbers, folder, {}, f"could not be built: {error}")
        return Prepared(numbers, folder, json.loads(said))

    def _open(self, numbers: int) -> bloctel.Snapshot:
        return bloctel.Snapshot.open(self.prepared(numbers).snapshot, verify=False)

    def close(self) -> None:
        """Let go of the files."""
        for numbers in self.scale.sizes:
            if not self.prepared(numbers).why_not:
                self.book(numbers).close()
