"""Benchmarks of scrubs of a wide call file, compared with DuckDB, polars and a script.

`python -m benchmarks scrub` measures ten million rows against twelve million numbers.

The files are in a file system in memory, if there is one, so that the speed of the disk
does not matter.  A separate table measures with the disk: the scrub and a plain copy
wait until all bytes are on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from benchmarks import workload
from benchmarks.environment import environment
from benchmarks.peers.csv_set import CsvSet
from benchmarks.peers.duckdb_scrub import DuckdbScrub
from benchmarks.peers.polars_scrub import PolarsScrub
from benchmarks.prepare_snapshot import SNAPSHOT, write_snapshot
from benchmarks.results import Results, Row, Table
from benchmarks.subprocesses import output_of
from benchmarks.tables import as_plain, table_cells, target_cells
from benchmarks.timing import Contender, Unit, measure
from bloctel.scrub import Outputs, scrub_csv, scrub_file
from bloctel.snapshot import Snapshot

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["ROW_BYTES", "Size", "add_to", "memory_folder", "tables"]

_RATE: Final = Unit("M rows/s", 1e-6, per_second=True)
_FRANCE: Final = np.uint64(33_000_000_000)
_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a file system, not a file
#: Bytes per row of a wide call file.
ROW_BYTES: Final = 131
#: The call file, and the outputs of one contender.
_FILES: Final = 4
_GROUP_ROWS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Size:
    """Sizes of the benchmark.

    Attributes:
        numbers: Registrations that the file is scrubbed against.
        rows: Rows of the call file.
        few_rows: Rows for slow contenders, and for the comparison of memory.
        rounds: Readings of each contender.
    """

    numbers: int
    rows: int
    few_rows: int
    rounds: int


class _Peer(Protocol):
    """Another program that splits a call file."""

    name: str
    note: str

    def why_not(self) -> str:
        """Return the reason why the peer cannot run here, or ""."""

    def build(self, numbers: NDArray[np.uint32]) -> None:
        """Store the numbers by their last nine digits."""

    def scrub(self, source: Path, folder: Path) -> Path:
        """Split a call file; return the file of its blocked rows."""


@dataclass(frozen=True, slots=True)
class _Files:
    """Call file, its first rows as a file, and the folder of outputs."""

    calls: Path
    few: Path
    outputs: Path

    def empty(self) -> None:
        """Remove the files that a contender wrote."""
        shutil.rmtree(self.outputs, ignore_errors=True)
        self.outputs.mkdir()


def tables(size: Size, folder: Path) -> Iterator[Table]:
    """Yield the tables: speed, processor time and memory of scrubs."""
    disk = folder / "scrub"
    disk.mkdir()
    with ExitStack() as stack:
        registered = workload.registrations(size.numbers)
        write_snapshot(registered.table(), disk)
        files = _files(stack.enter_context(_roomy(size, disk)))
        called = workload.draw_queries(registered, size.rows).mixed(1)
        workload.write_wide_call_file(files.calls, called)
        workload.write_wide_call_file(files.few, called[: size.few_rows])
        book = stack.enter_context(Snapshot.open(disk / SNAPSHOT))
        yield from _speed(_Measured(size, files), book, registered)
        yield from _parquet(size, files, book)
        yield _on_disk(_Measured(size, files), book, disk)
        yield _memory(disk / SNAPSHOT, files)


def memory_folder(needed: int) -> Path | None:
    """Return a folder in memory, or None if it has fewer than *needed* bytes free."""
    if _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > needed:
        return _IN_MEMORY
    return None


@contextmanager
def _roomy(size: Size, disk: Path) -> Iterator[Path]:
    """Yield a folder in memory if the files fit there, else a folder on the disk."""
    disk = memory_folder(_FILES * ROW_BYTES * size.rows) or disk
    with tempfile.TemporaryDirectory(prefix="bloctel-bench-", dir=disk) as folder:
        yield Path(folder)


def _files(folder: Path) -> _Files:
    files = _Files(folder / "calls.csv", folder / "few.csv", folder / "outputs")
    files.empty()
    return files


class _Measured:
    """Contenders, and the processor time of each run."""

    def __init__(self, size: Size, files: _Files) -> None:
        self.size = size
        self.files = files
        self._contenders: list[Contender] = []
        self._missing: list[Row] = []
        self._cpu: dict[str, list[float]] = {}

    def add(
        self, name: str, run: Callable[[], int], note: str = "", rows: int | None = None
    ) -> None:
        """Add a contender that reads the call file, or *rows* rows of it."""
        n_rows = self.size.rows if rows is None else rows
        times = self._cpu.setdefault(name, [])

        def timed() -> int:
            began = time.process_time()
            found = run()
            times.append((time.process_time() - began) / n_rows * 1e9)
            return found

        self._contenders.append(
            Contender(name, timed, n_rows, note, before=self.files.empty)
        )

    def add_peer(self, peer: _Peer, numbers: NDArray[np.uint32]) -> None:
        """Add a peer, or a row with the reason why it cannot run."""
        if why_not := peer.why_not():
            self._missing.append(Row(peer.name, None, (), None, why_not))
            return
        peer.build(numbers)
        calls, outputs = self.files.calls, self.files.outputs
        self.add(peer.name, lambda: _n_rows(peer.scrub(calls, outputs)), peer.note)

    def rows(self) -> tuple[Row, ...]:
        """Return the readings."""
        rows = measure(self._contenders, self.size.rounds, _RATE)
        return (*rows, *self._missing)

    def cpu_rows(self) -> tuple[Row, ...]:
        """Return the processor time per row of each measured round."""
        rows = [
            Row(name, None, tuple(times[1:]), None, "")
            for name, times in self._cpu.items()
        ]
        return (*rows, *self._missing)


def _speed(
    measured: _Measured, book: Snapshot, registered: workload.Registrations
) -> Iterator[Table]:
    files = measured.files
    numbers = (registered.keys - _FRANCE).astype(np.uint32)
    measured.add("bloctel", lambda: _scrub(book, files.calls, files.outputs))
    measured.add(
        "bloctel, one thread",
        lambda: _scrub(book, files.calls, files.outputs, threads=1),
    )
    measured.add(
        "copy", lambda: _copy(files.calls, files.outputs), "only reads and writes"
    )
    measured.add_peer(DuckdbScrub(), numbers)
    measured.add_peer(PolarsScrub(), numbers)
    script = CsvSet({text[1:] for text in workload.as_texts(registered.blocked())})
    few = min(measured.size.few_rows, measured.size.rows)
    measured.add(
        script.name,
        lambda: script.scrub(files.few, files.outputs),
        f"{script.note}; {few:,} rows",
        few,
    )
    n_rows, n_numbers = measured.size.rows, len(registered.keys)
    megabytes = files.calls.stat().st_size / 1e6
    title = f"{n_rows:,} rows of 12 columns ({megabytes:,.0f} MB)"
    title = f"scrub of {title}, {n_numbers:,} numbers"
    rows = measured.rows()
    yield Table("scrub", title, _RATE.name, "", "blocked", rows)
    title = "processor time of the same"
    yield Table("scrub_cpu", title, "ns per row", "", "", measured.cpu_rows())


def _scrub(
    book: Snapshot, calls: Path, folder: Path, *, threads: int | None = None
) -> int:
    names = ("clear.csv", "blocked.csv", "invalid.csv")
    return scrub_csv(
        calls,
        book.question(on=workload.DAY),
        columns=["telephone"],
        outputs=Outputs(*(folder / name for name in names)),
        threads=threads,
    ).blocked


def _copy(source: Path, folder: Path) -> int:
    shutil.copyfile(source, folder / "copy.csv")
    return 0


def _flushed_copy(source: Path, folder: Path) -> int:
    with source.open("rb") as file, (folder / "copy.csv").open("wb") as copy:
        shutil.copyfileobj(file, copy, 4 << 20)
        copy.flush()
        os.fsync(copy.fileno())
    return 0


def _n_rows(path: Path) -> int:
    """Return the number of rows below the header; no cell contains a line end."""
    with path.open("rb") as file:
        parts = iter(lambda: file.read(1 << 20), b"")
        return sum(part.count(b"\n") for part in parts) - 1


def _on_disk(measured: _Measured, book: Snapshot, disk: Path) -> Table:
    """Measure the time until all outputs are written to the disk."""
    calls = measured.files.calls
    measured.add("bloctel", lambda: _scrub(book, calls, disk))
    measured.add("copy", lambda: _flushed_copy(calls, disk), "reads, writes, flushes")
    title = "the same, until every byte is on the disk"
    return Table("scrub_disk", title, _RATE.name, "", "", measured.rows())


def _parquet(size: Size, files: _Files, book: Snapshot) -> Iterator[Table]:
    """Measure scrubs of the same rows in Parquet, and a copy of the rows by pyarrow."""
    for columns, what in ((None, "12 columns"), (["telephone"], "the phone column")):
        calls = _as_parquet(files.calls, columns)
        measured = _Measured(size, files)
        annotate = partial(_annotate_parquet, book, calls, files.outputs)
        measured.add("bloctel, annotated", annotate)
        measured.add(
            "bloctel, split", partial(_scrub_parquet, book, calls, files.outputs)
        )
        measured.add("copy by pyarrow", partial(_copy_parquet, calls, files.outputs))
        megabytes = calls.stat().st_size / 1e6
        title = f"scrub of Parquet, {what} of {size.rows:,} rows ({megabytes:,.0f} MB)"
        name = "scrub_parquet" if columns is None else "scrub_parquet_narrow"
        yield Table(name, title, _RATE.name, "", "blocked", measured.rows())
        calls.unlink()


def _as_parquet(calls: Path, columns: list[str] | None) -> Path:
    """Write the call file as Parquet, part by part; return its path."""
    import pyarrow.csv as arrow_csv  # noqa: PLC0415 - optional
    import pyarrow.parquet as parquet  # noqa: PLC0415

    path = calls.with_suffix(".parquet")
    with calls.open(encoding="utf-8") as file:
        names = file.readline().rstrip().split(";")
    texts = dict.fromkeys(names, "string")
    reader = arrow_csv.open_csv(
        calls,
        parse_options=arrow_csv.ParseOptions(delimiter=";"),
        convert_options=arrow_csv.ConvertOptions(
            column_types=texts, include_columns=columns
        ),
    )
    with reader, parquet.ParquetWriter(path, reader.schema) as writer:
        for group in _row_groups(reader):
            writer.write_table(group, row_group_size=len(group))
    return path


def _row_groups(reader: Any) -> Iterator[Any]:
    """Yield tables with as many rows as a default row group of pyarrow."""
    import pyarrow as pa  # noqa: PLC0415

    batches: list[Any] = []
    for batch in reader:
        batches.append(batch)
        if sum(map(len, batches)) >= _GROUP_ROWS:
            yield pa.Table.from_batches(batches)
            batches.clear()
    if batches:
        yield pa.Table.from_batches(batches)


def _annotate_parquet(book: Snapshot, calls: Path, folder: Path) -> int:
    return _written(book, calls, Outputs(annotated=folder / "annotated.parquet"))


def _scrub_parquet(book: Snapshot, calls: Path, folder: Path) -> int:
    names = ("clear.parquet", "blocked.parquet", "invalid.parquet")
    return _written(book, calls, Outputs(*(folder / name for name in names)))


def _written(book: Snapshot, calls: Path, outputs: Outputs) -> int:
    question = book.question(on=workload.DAY)
    return scrub_file(calls, question, columns=["telephone"], outputs=outputs).blocked


def _copy_parquet(calls: Path, folder: Path) -> int:
    import pyarrow.parquet as parquet  # noqa: PLC0415

    with parquet.ParquetFile(calls) as file:
        path = folder / "copy.parquet"
        with parquet.ParquetWriter(path, file.schema_arrow) as writer:
            for batch in file.iter_batches(1 << 17):
                writer.write_batch(batch)
    return 0


def _memory(snapshot: Path, files: _Files) -> Table:
    """Measure the peak memory of a scrub in a process of its own."""
    rows: list[Row] = []
    for calls, what in ((files.calls, "all rows"), (files.few, "few rows")):
        files.empty()
        paths = map(str, (snapshot, calls, files.outputs))
        bytes_of = json.loads(output_of("-m", "benchmarks.scrub_memory", *paths))
        peak = (bytes_of["peak"] / 1e6,) if bytes_of else ()
        rest = ((bytes_of["peak"] - bytes_of["mapped"]) / 1e6,) if bytes_of else ()
        note = "" if bytes_of else "measured on Linux only"
        rows += [
            Row(f"whole process, {what}", None, peak, None, note),
            Row(f"without the mapped snapshot, {what}", None, rest, None, note),
        ]
    return Table("scrub_memory", "peak memory of a scrub", "MB", "", "", tuple(rows))


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--numbers", type=int, default=12_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Measure, and print the tables."""
    machine = environment()
    for name, text in machine.items():
        print(f"{name:18} {text}")
    few = min(options.rows, max(200_000, options.rows // 10))
    size = Size(options.numbers, options.rows, few, options.rounds)
    measured = []
    with tempfile.TemporaryDirectory(prefix="bloctel-bench-") as folder:
        for table in tables(size, Path(folder)):
            cells = table_cells(table)
            print(f"\n## {table.title}, {table.unit}\n\n{as_plain(cells)}", flush=True)
            measured.append(table)
    head, *targets = target_cells(Results("scrub", machine, tuple(measured)))
    targets = [cells for cells in targets if not cells[-1].startswith("not measured")]
    print(f"\n## Targets\n\n{as_plain([head, *targets])}")
