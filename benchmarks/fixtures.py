"""Snapshots of each size and queries for them, shared by the cases."""

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

__all__ = ["Fixtures", "Prepared"]


@dataclass(frozen=True)
class Prepared:
    """Snapshot built for a run, with the readings of its build.

    Attributes:
        numbers: The number of registered numbers.
        folder: The folder of its files.
        readings: Output of `benchmarks.prepare_snapshot`; empty if the build failed.
        why_not: The reason of a failure, or "".
    """

    numbers: int
    folder: Path
    readings: dict[str, Any]
    why_not: str = ""

    @property
    def snapshot(self) -> Path:
        """Path of the snapshot."""
        return self.folder / SNAPSHOT

    @property
    def queries(self) -> Queries:
        """Keys that the cases look up."""
        load = np.load
        return Queries(
            load(self.folder / "blocked.npy"), load(self.folder / "absent.npy")
        )

    def keys(self) -> NDArray[np.uint64]:
        """Return the members, mapped from their file."""
        keys: NDArray[np.uint64] = np.load(self.folder / "keys.npy", mmap_mode="r")
        return keys


class Fixtures:
    """Snapshots of a run, each built at its first use and then cached."""

    def __init__(self, scale: Scale, folder: Path) -> None:
        self.scale = scale
        self.folder = folder
        self.prepared = cache(self._prepare)
        self.book = cache(self._open)

    @property
    def main(self) -> Prepared:
        """Snapshot that most cases look up."""
        return self.prepared(self.scale.numbers)

    def _prepare(self, numbers: int) -> Prepared:
        folder = self.folder / f"{numbers}"
        folder.mkdir()
        rounds = min(self.scale.rounds, 3) if numbers <= self.scale.numbers else 1
        counts = map(str, (numbers, self.scale.queries, rounds))
        try:
            output = output_of(
                "-m", "benchmarks.prepare_snapshot", *counts, str(folder)
            )
        except RuntimeError as error:
            shutil.rmtree(folder)  # an incomplete list can fill the disk as well
            return Prepared(numbers, folder, {}, f"could not be built: {error}")
        return Prepared(numbers, folder, json.loads(output))

    def _open(self, numbers: int) -> bloctel.Snapshot:
        return bloctel.Snapshot.open(self.prepared(numbers).snapshot, verify=False)

    def close(self) -> None:
        """Close the snapshots."""
        for numbers in self.scale.sizes:
            if not self.prepared(numbers).why_not:
                self.book(numbers).close()
