"""Benchmarks of registries: imports, single registrations, start of a follower.

`python -m benchmarks registries --rows 10000000 --postgresql URL`; the database must be
empty, and is filled.  A lower bound follows the imports: the driver of SQLite loads the
same keys from memory, sorted beforehand, into a table with the same primary key.
"""

from __future__ import annotations

import sqlite3
import tempfile
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.environment import environment
from benchmarks.tables import as_plain
from bloctel import Follower, Registry
from bloctel.bulk import import_numbers

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["add_to", "run"]

_DAY: Final = date(2024, 1, 2)
_PART: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Reading:
    """Reading of one figure, with its limit.

    Attributes:
        what: The name of the figure.
        value: The reading.
        unit: Its unit.
        limit: The worst value that keeps the promise; None without a promise.
        at_least: Whether the limit is the least allowed value, not the greatest.
    """

    what: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    def cells(self) -> list[str]:
        """Return the cells of a table row."""
        if self.limit is None:
            return [self.what, f"{self.value:,.2f} {self.unit}", "-", "-"]
        passed = self.value >= self.limit if self.at_least else self.value <= self.limit
        sign = "at least" if self.at_least else "at most"
        bound = f"{sign} {self.limit:,.0f} {self.unit}"
        shown = f"{self.value:,.2f} {self.unit}"
        return [self.what, shown, bound, "pass" if passed else "FAIL"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--postgresql", metavar="URL", help="an empty database")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Measure, and print the table."""
    for name, text in environment().items():
        print(f"{name:18} {text}")
    readings: list[Reading] = []
    with tempfile.TemporaryDirectory(prefix="bloctel-bench-") as name:
        folder = Path(name)
        keys = np.random.default_rng(1).integers(10**8, 10**9, options.rows)
        file = _write_csv(folder / "list.csv", keys)
        urls = {"SQLite": f"sqlite:///{folder}/registry.db"}
        if options.postgresql:
            urls["PostgreSQL"] = options.postgresql
        readings += _imports(urls, file, keys, folder)
        readings += _follower(urls, folder)
        readings += _single(folder)
    head = ["what", "reading", "must reach", ""]
    print("\n" + as_plain([head, *(reading.cells() for reading in readings)]))


def _timed(act: Callable[[], object]) -> float:
    begin = perf_counter()
    act()
    return perf_counter() - begin


def _write_csv(path: Path, keys: NDArray[np.int64]) -> Path:
    with path.open("w", encoding="ascii") as file:
        file.write("number,registered_on\n")
        for first in range(0, len(keys), _PART):
            part = keys[first : first + _PART].tolist()
            file.writelines(f"0{key},{_DAY}\n" for key in part)
    return path


def _imports(
    urls: dict[str, str], file: Path, keys: NDArray[np.int64], folder: Path
) -> list[Reading]:
    limit = 60 * len(keys) / 10_000_000
    readings = []
    for name, url in urls.items():
        with Registry.create(url) as registry:
            load = partial(
                import_numbers, registry, file, list="own", on_column="registered_on"
            )
            what = f"{name}: import a CSV file"
            readings.append(Reading(what, _timed(load), "s", limit))
            readings.append(Reading(f"{name}: import it again", _timed(load), "s"))
    floor = _timed(lambda: _sqlite_floor(folder / "floor.db", keys))
    readings.append(Reading("SQLite: the driver alone, sorted", floor, "s"))
    return readings


def _sqlite_floor(path: Path, keys: NDArray[np.int64]) -> None:
    """Load the keys, sorted beforehand, into a table without other columns."""
    ordered = np.unique(keys)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "CREATE TABLE t (key INTEGER, day INTEGER, PRIMARY KEY (key, day))"
        " WITHOUT ROWID"
    )
    day = (_DAY - date(1970, 1, 1)).days
    rows = ((key, day) for key in ordered.tolist())
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    connection.commit()
    connection.close()


def _follower(urls: dict[str, str], folder: Path) -> list[Reading]:
    readings = []
    for name, url in urls.items():
        cache = folder / f"{name}.bloctel"
        for what, limit in (("first, without a cache", None), ("from its cache", 1.0)):
            begin = perf_counter()
            with Follower.open(url, cache=cache):
                seconds = perf_counter() - begin
            readings.append(Reading(f"{name}: follower, {what}", seconds, "s", limit))
    return readings


def _single(folder: Path) -> list[Reading]:
    """Measure registrations one by one, each durable before its call returns."""
    readings = []
    for name, url, n_threads, limit in (
        ("memory, one thread", "memory:", 1, 20_000),
        ("SQLite, one thread", f"sqlite:///{folder}/one.db", 1, None),
        ("SQLite, 32 threads", f"sqlite:///{folder}/many.db", 32, 5_000),
    ):
        n_each = 20_000 // n_threads
        with Registry.create(url, lists=["own"]) as registry:
            rate = (
                n_each * n_threads / _time_of_registrations(registry, n_threads, n_each)
            )
        what = f"registrations: {name}"
        readings.append(Reading(what, rate, "/s", limit, at_least=True))
    return readings


def _time_of_registrations(registry: Registry, n_threads: int, n_each: int) -> float:
    def work(first: int) -> None:
        for key in range(first, first + n_each):
            registry.register(key, list="own", on=_DAY)

    threads = [
        Thread(target=work, args=(33_600_000_000 + n_each * i,))
        for i in range(n_threads)
    ]
    begin = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter() - begin
