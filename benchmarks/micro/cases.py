"""Look-ups, scrubs and imports, small enough to be repeated many times.

    python benchmarks/micro/cases.py CASE SCALE FOLDER

This prepares a case and prints the path of the measured package.  It then runs the case
once for each line of standard input, and answers with a JSON object: wall time,
processor time, and the peak of additional memory.  `scripts/bench-compare` starts it
with the package of each commit.

The cases use only public names.  `Inputs.scrub`, `Inputs.scrub_frame` and `_import`
hide the names of parameters that differ between commits.
"""

from __future__ import annotations

import gc
import inspect
import json
import subprocess
import sys
import time
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

import bloctel
import bloctel.bulk
import bloctel.scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["CASES", "Inputs"]

_DAY: Final = date(2024, 1, 2)
_FRANCE: Final = 33_000_000_000
_MEMBERS: Final = 1_000_000

Case: TypeAlias = "Callable[[], object]"


@dataclass
class Inputs:
    """Generated inputs of a case, equal for all commits.

    Attributes:
        folder: An empty folder for files.
        scale: Multiplies all sizes.
    """

    folder: Path
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._names = count()

    def size(self, n: int) -> int:
        """Return *n* multiplied by the scale, and at least 100."""
        return max(100, int(n * self.scale))

    def path(self, suffix: str) -> Path:
        """Return a path in the folder that does not exist."""
        return self.folder / f"{next(self._names)}{suffix}"

    def keys(self, n: int, seed: int) -> NDArray[np.uint64]:
        """Return random French keys; their count is *n* multiplied by the scale."""
        random = np.random.default_rng(seed)
        national = random.integers(100_000_000, 500_000_000, self.size(n))
        return (national + _FRANCE).astype(np.uint64)

    @cached_property
    def members(self) -> NDArray[np.uint64]:
        """Keys of all registered numbers."""
        return np.unique(self.keys(_MEMBERS, 1))

    def queries(self, n: int) -> NDArray[np.uint64]:
        """Return keys to look up; 1 in 100 is registered."""
        queries = self.keys(n, 2)
        hits = len(queries[::100])
        queries[::100] = np.random.default_rng(3).choice(self.members, hits)
        return queries

    def texts(self, n: int) -> list[str]:
        """Return the queries as national numbers of ten digits."""
        return [f"{key:010d}" for key in (self.queries(n) - _FRANCE).tolist()]

    def dirty_texts(self, n: int) -> list[str]:
        """Return the queries with separators."""
        separators = (" ", ".", "\u00a0", "-")
        pairs = ([text[i : i + 2] for i in range(0, 10, 2)] for text in self.texts(n))
        return [separators[row % 4].join(pair) for row, pair in enumerate(pairs)]

    def columns(self, n: int) -> dict[str, list[str]]:
        """Return the columns of a call file."""
        texts = self.dirty_texts(n)
        rows = range(len(texts))
        return {
            "name": [f"Name {row % 977}" for row in rows],
            "telephone": texts,
            "town": [f"Town {row % 3541}" for row in rows],
        }

    def csv(self, n: int) -> Path:
        """Return the path of a call file in CSV."""
        path = self.path(".csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            columns = self.columns(n)
            file.write(";".join(columns) + "\r\n")
            rows = zip(*columns.values(), strict=True)
            file.writelines(";".join(row) + "\r\n" for row in rows)
        return path

    def registry(self, url: str = "memory:") -> bloctel.Registry:
        """Return a registry with all members."""
        registry = bloctel.Registry.create(url, lists=["own"])
        registry.register_many(self.members, list="own", on=date(2023, 1, 1))
        return registry

    @cached_property
    def snapshot(self) -> Path:
        """Path of a snapshot of all members."""
        path = self.path(".bloctel")
        with self.registry() as registry:
            registry.build_snapshot(path, on=_DAY)
        return path

    @cached_property
    def book(self) -> bloctel.Snapshot:
        """An open snapshot of all members."""
        return bloctel.Snapshot.open(self.snapshot)

    def scrub(self, source: Path, *, annotate: bool = False, **options: Any) -> Case:
        """Return a function that scrubs a file into split or annotated outputs."""
        function: Any = bloctel.scrub.scrub_file
        if "against" in inspect.signature(function).parameters:
            function = partial(function, against=self.book, on=_DAY)
        else:
            function = partial(function, question=self.book.question(on=_DAY))
        names = [field.name for field in fields(bloctel.scrub.Outputs)]
        chosen = names[3:4] if annotate else names[:3]
        paths = {name: self.path(source.suffix) for name in chosen}
        outputs = bloctel.scrub.Outputs(**paths)
        columns = ["telephone"]
        return partial(function, source, columns=columns, outputs=outputs, **options)

    def scrub_frame(self, frame: Any) -> Case:
        """Return a function that scrubs a frame."""
        function: Any = getattr(bloctel, "scrub_frame", bloctel.scrub)
        is_new = "columns" in inspect.signature(function).parameters
        columns = {"columns" if is_new else "column": "telephone"}
        return partial(function, frame, self.book, on=_DAY, **columns)


#: Functions that prepare a case and return it, by the name of the case.
CASES: Final[dict[str, Callable[[Inputs], Case]]] = {}


def _case(function: Callable[[Inputs], Case]) -> Callable[[Inputs], Case]:
    CASES[function.__name__.strip("_")] = function
    return function


def _loop(function: Callable[..., object], items: list[Any]) -> Case:
    def run() -> None:
        for item in items:
            function(item, on=_DAY)

    return run


# -- look-ups ----------------------------------------------------------------------


@_case
def _lookup_is_blocked_texts(inputs: Inputs) -> Case:
    return _loop(inputs.book.is_blocked, inputs.texts(200_000))


@_case
def _lookup_is_blocked_keys(inputs: Inputs) -> Case:
    return _loop(inputs.book.is_blocked, inputs.queries(200_000).tolist())


@_case
def _lookup_check_texts(inputs: Inputs) -> Case:
    return _loop(inputs.book.check, inputs.texts(20_000))


@_case
def _lookup_check_many_keys(inputs: Inputs) -> Case:
    return partial(inputs.book.check_many, inputs.queries(2_000_000), on=_DAY)


@_case
def _lookup_check_many_hits(inputs: Inputs) -> Case:
    return partial(inputs.book.check_many, inputs.members, on=_DAY)


@_case
def _lookup_check_many_list(inputs: Inputs) -> Case:
    return partial(inputs.book.check_many, inputs.texts(500_000), on=_DAY)


@_case
def _lookup_check_many_arrow(inputs: Inputs) -> Case:
    import pyarrow as pa  # noqa: PLC0415 - a slow import

    return partial(
        inputs.book.check_many, pa.array(inputs.dirty_texts(1_000_000)), on=_DAY
    )


@_case
def _lookup_registry(inputs: Inputs) -> Case:
    return _loop(inputs.registry().is_blocked, inputs.texts(200_000))


@_case
def _lookup_sqlite(inputs: Inputs) -> Case:
    registry = inputs.registry(f"sqlite:///{inputs.path('.db')}")
    return _loop(registry.is_blocked, inputs.texts(200_000))


@_case
def _lookup_storage(inputs: Inputs) -> Case:
    url, keys = f"sqlite:///{inputs.path('.db')}", inputs.members[::10]
    with bloctel.Registry.create(url, lists=["own"]) as registry:
        registry.register_many(keys, list="own", on=date(2023, 1, 1))
    # the storage answers each look-up, because all numbers are registered
    registry = bloctel.Registry.open(url, exact="storage")
    return _loop(registry.is_blocked, keys[:2_000].tolist())


@_case
def _lookup_normalize_many(inputs: Inputs) -> Case:
    texts = inputs.dirty_texts(500_000)
    return partial(bloctel.normalize_many, texts, region="FR")


@_case
def _lookup_filter(inputs: Inputs) -> Case:
    keys = inputs.keys(2_000_000, 4)
    bloom = bloctel.BloomFilter(len(keys), 0.01)
    bloom.add_many(keys)
    return partial(bloom.might_contain_many, inputs.keys(2_000_000, 5))


@_case
def _lookup_open(inputs: Inputs) -> Case:
    path = inputs.snapshot

    def run() -> None:
        for _ in range(20):
            bloctel.Snapshot.open(path).close()

    return run


# -- scrubs ------------------------------------------------------------------------


@_case
def _scrub_csv(inputs: Inputs) -> Case:
    return inputs.scrub(inputs.csv(1_000_000))


@_case
def _scrub_csv_one_thread(inputs: Inputs) -> Case:
    return inputs.scrub(inputs.csv(1_000_000), threads=1)


@_case
def _scrub_csv_annotated(inputs: Inputs) -> Case:
    return inputs.scrub(inputs.csv(1_000_000), annotate=True)


def _parquet(inputs: Inputs) -> Path:
    import pyarrow as pa  # noqa: PLC0415 - a slow import
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = inputs.path(".parquet")
    pq.write_table(pa.table(inputs.columns(1_000_000)), path)
    return path


@_case
def _scrub_parquet(inputs: Inputs) -> Case:
    return inputs.scrub(_parquet(inputs))


@_case
def _scrub_parquet_annotated(inputs: Inputs) -> Case:
    return inputs.scrub(_parquet(inputs), annotate=True)


@_case
def _scrub_excel(inputs: Inputs) -> Case:
    import xlsxwriter  # noqa: PLC0415 - a slow import

    path = inputs.path(".xlsx")
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        for number, (name, cells) in enumerate(inputs.columns(20_000).items()):
            sheet.write_column(0, number, [name, *cells])
    return inputs.scrub(path)


@_case
def _scrub_pandas(inputs: Inputs) -> Case:
    import pandas as pd  # noqa: PLC0415 - a slow import

    return inputs.scrub_frame(pd.DataFrame(inputs.columns(500_000)))


@_case
def _scrub_polars(inputs: Inputs) -> Case:
    import polars as pl  # noqa: PLC0415 - a slow import
    import pyarrow as pa  # noqa: F401, PLC0415 - imported once, as any scrub does

    return inputs.scrub_frame(pl.DataFrame(inputs.columns(1_000_000)))


@_case
def _scrub_arrow(inputs: Inputs) -> Case:
    import pyarrow as pa  # noqa: PLC0415 - a slow import

    return inputs.scrub_frame(pa.table(inputs.columns(1_000_000)))


# -- imports and exports -----------------------------------------------------------


def _import(inputs: Inputs, url: Callable[[], str]) -> Case:
    source = inputs.csv(200_000)
    function: Any = bloctel.bulk.import_numbers
    is_new = "columns" in inspect.signature(function).parameters
    columns = {"columns" if is_new else "column": "telephone"}

    def run() -> None:
        with bloctel.Registry.create(url()) as registry:
            function(registry, source, list="own", on=_DAY, **columns)

    return run


@_case
def _import_memory(inputs: Inputs) -> Case:
    return _import(inputs, lambda: "memory:")


@_case
def _import_sqlite(inputs: Inputs) -> Case:
    return _import(inputs, lambda: f"sqlite:///{inputs.path('.db')}")


@_case
def _import_register_many(inputs: Inputs) -> Case:
    keys = inputs.keys(200_000, 6)

    def run() -> None:
        with bloctel.Registry.create("memory:") as registry:
            registry.register_many(keys, list="own", on=_DAY)
            registry.is_blocked(int(keys[0]), on=_DAY)  # wait for the replica

    return run


@_case
def _import_register(inputs: Inputs) -> Case:
    keys = inputs.keys(2_000, 6).tolist()

    def run() -> None:
        with bloctel.Registry.create("memory:") as registry:
            for key in keys:
                registry.register(key, list="own", on=_DAY)

    return run


@_case
def _export_numbers(inputs: Inputs) -> Case:
    registry, target = inputs.registry(), inputs.path(".csv")
    return partial(bloctel.bulk.export_numbers, registry, target, list="own")


@_case
def _export_snapshot(inputs: Inputs) -> Case:
    return partial(inputs.registry().build_snapshot, inputs.path(".bloctel"), on=_DAY)


@_case
def _import_package(inputs: Inputs) -> Case:
    return partial(subprocess.run, [sys.executable, "-c", "import bloctel"], check=True)


# -- one process per case ----------------------------------------------------------


def _status(field: str) -> int:
    """Return a size in the status of this process, in bytes; 0 if not on Linux."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    [line] = [line for line in lines if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


def _reset_peak() -> int:
    """Reset the peak memory of this process; return its memory now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return _status("VmRSS")


def _processor_time() -> float:
    """Return the processor time of this process and of its ended children."""
    usages = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _measure(case: Case) -> dict[str, float]:
    gc.collect()
    gc.disable()
    before = _reset_peak()
    wall, processor = time.perf_counter(), _processor_time()
    case()
    wall, processor = time.perf_counter() - wall, _processor_time() - processor
    memory = _status("VmHWM") - before if before else 0
    gc.enable()
    return {"wall": wall, "processor": processor, "memory": memory}


def _answers(name: str, scale: str, folder: str) -> Iterator[str]:
    case = CASES[name](Inputs(Path(folder), float(scale)))
    yield str(bloctel.__file__)
    for _ in sys.stdin:
        yield json.dumps(_measure(case))


if __name__ == "__main__":
    for answer in _answers(*sys.argv[1:]):
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
