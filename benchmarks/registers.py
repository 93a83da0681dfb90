"""Benchmark of registers of other countries: import of whole lists, and a snapshot.

`python -m benchmarks registers --numbers 250000000` makes as many US numbers, in a zip
archive for each area code, imports the archives one after the other into SQLite, builds
a snapshot and queries it.  250 million numbers need about 20 GB of disk space.
"""

from __future__ import annotations

import resource
import tempfile
import zipfile
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.environment import environment
from benchmarks.registries import Reading
from benchmarks.tables import as_plain
from bloctel import Registry, Snapshot
from bloctel.bulk import import_register

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to", "run"]

_DAY: Final = date(2026, 11, 2)
_LATER: Final = date(2026, 11, 23)
_LIST: Final = "us.dnc"
_IN_AREA: Final = 800_000  # the average number of registrations of an area code


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--numbers", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help="a folder with enough space")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Measure, and print the table."""
    for name, text in environment().items():
        print(f"{name:18} {text}")
    with tempfile.TemporaryDirectory("-bloctel-bench", dir=options.folder) as name:
        readings = _measure(Path(name), options.numbers)
    head = ["what", "reading", "must reach", ""]
    print("\n" + as_plain([head, *(reading.cells() for reading in readings)]))


def _measure(folder: Path, n_numbers: int) -> list[Reading]:
    random = np.random.default_rng(1)
    url, snapshot = f"sqlite:///{folder}/us.db", folder / "us.bloctel"
    n_areas = -(-n_numbers // _IN_AREA)
    n_registered, seconds, slowest = 0, 0.0, 0.0
    with Registry.create(url, region="US", lists=[_LIST]) as registry:
        for area in range(200, 200 + n_areas):
            n = min(_IN_AREA, n_numbers - n_registered)
            suffixes = random.choice(10**7, n, replace=False)
            file = _write_area(folder, area, suffixes)
            begin = perf_counter()
            done = import_register(registry, file, list=_LIST, layout="us-dnc", on=_DAY)
            slowest = max(slowest, perf_counter() - begin)
            seconds += perf_counter() - begin
            n_registered += done.registered
        readings = [
            Reading(f"import {n_registered:,} numbers, {n_areas} files", seconds, "s"),
            Reading("import: the slowest file", slowest, "s"),
            Reading("import: memory so far", _peak_gib(), "GiB"),
        ]
        begin = perf_counter()
        import_register(registry, file, list=_LIST, layout="us-dnc", on=_LATER)
        readings.append(Reading("import the last file again", _since(begin), "s"))
        suffixes[: n // 100] = (suffixes[: n // 100] + 1) % 10**7
        file = _write_area(folder, area, np.unique(suffixes))
        begin = perf_counter()
        import_register(registry, file, list=_LIST, layout="us-dnc", on=_LATER)
        readings.append(Reading("import it with 1 % of changes", _since(begin), "s"))
        begin = perf_counter()
        registry.build_snapshot(snapshot, on=_LATER)
        readings.append(Reading("build a snapshot", _since(begin), "s"))
    size = (folder / "us.db").stat().st_size / n_registered
    readings.append(Reading("registry: bytes for each number", size, "B"))
    size = snapshot.stat().st_size / n_registered
    readings.append(Reading("snapshot: bytes for each number", size, "B"))
    begin = perf_counter()
    with Snapshot.open(snapshot) as book:
        number = f"+1{area}{suffixes[0]:07}"
        verdict = book.check(number, on=_LATER)
        readings.append(Reading("open the snapshot, and query it", _since(begin), "s"))
        begin = perf_counter()
        if verdict != book.check(number, on=_LATER) or verdict.list != _LIST:
            raise AssertionError("the snapshot does not block a number of the list")
        readings.append(Reading("query it again", 1e6 * _since(begin), "us"))
    readings.append(Reading("memory of the process", _peak_gib(), "GiB"))
    return readings


def _write_area(folder: Path, area: int, suffixes: np.ndarray) -> Path:
    """Write a zip archive with the numbers of an area code, in ascending order."""
    file = folder / "area.zip"
    lines = (f"{area},{suffix:07}\n" for suffix in np.sort(suffixes).tolist())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(f"{area}.txt", "".join(lines))
    return file


def _since(begin: float) -> float:
    return perf_counter() - begin


def _peak_gib() -> float:
    """Return the greatest memory that the process has used, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
