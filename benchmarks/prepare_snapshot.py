"""Snapshot and queries, built and measured in a separate process.

Prints JSON: `python -m benchmarks.prepare_snapshot NUMBERS QUERIES ROUNDS FOLDER`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks import workload
from bloctel import snapshot
from bloctel.lookup.question import Provenance

if TYPE_CHECKING:
    from bloctel.lookup.table import Table

__all__ = ["SNAPSHOT", "main", "write_snapshot"]

SNAPSHOT: Final = "numbers.bloctel"


def main(numbers: int, queries: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Write snapshot, keys and queries into *folder*; return the readings."""
    registered = workload.registrations(numbers)
    seconds, extra = [], []
    for _ in range(rounds):
        before = _restart_peak()
        began = time.perf_counter()
        table = registered.table()
        seconds.append(time.perf_counter() - began)
        extra.append(_peak() - before if before else 0)
    info = write_snapshot(table, folder)
    np.save(folder / "keys.npy", registered.keys)
    drawn = workload.draw_queries(registered, queries)
    np.save(folder / "blocked.npy", drawn.blocked)
    np.save(folder / "absent.npy", drawn.absent)
    return {
        "seconds": seconds,
        "extra_bytes": extra if all(extra) else [],
        "bytes": _parts(table),
        "file_bytes": info.size_bytes,
    }


def write_snapshot(table: Table, folder: Path) -> snapshot.SnapshotInfo:
    """Write a snapshot of a table."""
    origin = Provenance(None, 0, workload.DAY)
    return snapshot.build(folder / SNAPSHOT, table, workload.book_lists(), "FR", origin)


def _parts(table: Table) -> dict[str, int]:
    """Return the sizes of the table's parts in bytes."""
    keys = table.index.size_bytes - table.index.codes.nbytes
    both = table.filter.size_bytes + keys
    return {
        "filter": table.filter.size_bytes,
        "exact index": keys,
        "periods": table.size_bytes - both,
        "filter + index": both,
        "filter + index + periods": table.size_bytes,
    }


_RESTART: Final = Path("/proc/self/clear_refs")
_STATUS: Final = Path("/proc/self/status")


def _restart_peak() -> int:
    """Reset the peak memory of the process; return its memory now, 0 if unknown."""
    try:
        _RESTART.write_text("5")
    except OSError:  # the system is not Linux
        return 0
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(field: str) -> int:
    """Return a field of the process's status, in bytes."""
    lines = _STATUS.read_text().splitlines()
    [line] = [line for line in lines if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


def _stay_within_memory() -> None:
    """Limit the process's memory, so that too large a build raises MemoryError."""
    try:
        import resource  # noqa: PLC0415 - not on Windows

        lines = Path("/proc/meminfo").read_text().splitlines()
    except (ImportError, OSError):
        return
    [line] = [line for line in lines if line.startswith("MemAvailable:")]
    most = int(line.split()[1]) * 1024 * 9 // 10
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    _stay_within_memory()
    numbers, queries, rounds = map(int, sys.argv[1:4])
    readings = main(numbers, queries, rounds, Path(sys.argv[4]))
    sys.stdout.write(json.dumps(readings))
