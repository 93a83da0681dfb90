"""Benchmarks of scrubs in Spark, compared with lower bounds and with one process.

`python -m benchmarks spark --rows 4000000`.  Spark and its Python workers run at the
same time, alongside other programs, so the processor time of the driver, the executors
and all their children is measured, from `/proc`.  Readings are rows per second and
core.

The lower bound is an identity in `mapInArrow`: the rows go to Python and back,
unchanged.  A second lower bound adds two constant columns.  One process gets the rows
as pyarrow batches in memory.

Call files, CSV of 12 columns, are scrubbed by one task each, and by one process with
one thread, one after the other.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks import workload
from benchmarks.environment import environment
from benchmarks.prepare_snapshot import SNAPSHOT, write_snapshot
from benchmarks.scrub import ROW_BYTES, memory_folder
from benchmarks.tables import as_plain, number
from bloctel import __version__
from bloctel.integrations.spark import scrub_files, scrub_frame
from bloctel.integrations.spark_worker import (
    Edition,
    FrameJob,
    SparkQuestion,
    scrubbed_batches,
)
from bloctel.scrub import plan_files, scrub_file
from bloctel.snapshot import Snapshot, read_content

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

__all__ = ["add_to", "local_home", "run"]

_PART_ROWS: Final = 1_000_000
_QUERIES: Final = 1_000_000
#: Call files: two tasks for each executor.
_N_FILES: Final = 4
#: Spark's default, and a larger size.
_BATCH_ROWS: Final = (10_000, 50_000)
_COLUMNS: Final = ("id", "name", "phone", "town")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to process all rows.

    Attributes:
        name: The name in the table.
        rows: The number of rows.
        batch_rows: The number of rows of a batch; None if the way has no batches.
        run: Processes all rows once.
        clock: Returns the processor time spent so far, in seconds.
    """

    name: str
    rows: int
    batch_rows: int | None
    run: Callable[[], None]
    clock: Callable[[], float]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--file-rows", type=int, default=24_000_000)
    parser.add_argument("--numbers", type=int, default=5_000_000, help="in the list")
    parser.add_argument("--rounds", type=int, default=5)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Measure, and print the table."""
    for name, text in environment().items():
        print(f"{name:18} {text}")
    # the folder contains the call files and their outputs
    home = memory_folder(2 * ROW_BYTES * options.file_rows)
    with tempfile.TemporaryDirectory(prefix="bloctel-bench-", dir=home) as name:
        folder = Path(name)
        write_snapshot(workload.registrations(options.numbers).table(), folder)
        _write_rows(folder / "rows", options.rows, options.numbers)
        _write_files(folder / "calls", options.file_rows, options.numbers)
        session = _session(folder)
        try:
            ways = [
                *_ways(session, folder, options.rows),
                *_file_ways(session, folder, options.file_rows),
            ]
            print("\n" + as_plain(_table(ways, options.rounds)))
        finally:
            session.stop()


def _write_rows(folder: Path, rows: int, numbers: int) -> None:
    """Write Parquet files of `id, name, phone, town`."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    registered = workload.registrations(numbers)
    texts = workload.as_texts(workload.draw_queries(registered, _QUERIES).mixed(1))
    texts[::2] = [" ".join(t[i : i + 2] for i in range(0, 10, 2)) for t in texts[::2]]
    folder.mkdir()
    for start in range(0, rows, _PART_ROWS):
        ids = range(start, min(start + _PART_ROWS, rows))
        columns = {
            "id": list(ids),
            "name": [f"Person {row % 977}" for row in ids],
            "phone": texts[: len(ids)],
            "town": [f"Town {row % 3541}" for row in ids],
        }
        pq.write_table(pa.table(columns), folder / f"{start:012}.parquet")


def _write_files(folder: Path, rows: int, numbers: int) -> None:
    """Write call files of 12 columns with *rows* rows altogether."""
    called = workload.draw_queries(workload.registrations(numbers), rows).mixed(1)
    folder.mkdir()
    for index, part in enumerate(np.array_split(called, _N_FILES)):
        workload.write_wide_call_file(folder / f"{index}.csv", part)


def local_home(folder: Path) -> Path:
    """Create and return a SPARK_HOME for a local cluster.

    Without it, executors would write into the installed package of PySpark.
    """
    import pyspark  # noqa: PLC0415

    home = folder / ".spark"
    home.mkdir()
    for part in Path(pyspark.__file__).parent.iterdir():
        if part.name != "work":
            (home / part.name).symlink_to(part)
    return home


def _session(folder: Path) -> Any:
    """Return a session with two executors of one core each."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["SPARK_HOME"] = str(local_home(folder))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.executor.memory": "2g",
        "spark.local.dir": str(folder / "local"),
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    builder = SparkSession.builder.master("local-cluster[2,1,2048]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _ways(session: Any, folder: Path, n_rows: int) -> list[Way]:
    snapshot = folder / SNAPSHOT
    ways = []
    for what, names in (("4 columns", _COLUMNS), ("phone", ("phone",))):
        rows = session.read.parquet(str(folder / "rows")).select(*names)
        scrubbed = scrub_frame(rows, snapshot, columns="phone", on=workload.DAY)
        job = _job(snapshot, names.index("phone"))
        frames = {
            "scrub": scrubbed,
            "two constants": rows.mapInArrow(_constants(), scrubbed.schema),
            "identity": rows.mapInArrow(_identity(), rows.schema),
        }
        for size in _BATCH_ROWS:
            batches = _batches(folder, names, size)
            name = f"{what}, one process"
            scrub = partial(_scrub, job, batches)
            ways.append(Way(name, n_rows, size, scrub, process_time))
            for name, df in frames.items():
                drain = partial(_drain, df, size)
                spark = f"{what}, Spark: {name}"
                ways.append(Way(spark, n_rows, size, drain, _tree_time))
        name = f"{what}, Spark: reading alone"
        ways.append(Way(name, n_rows, None, partial(_drain, rows), _tree_time))
    return ways


def _file_ways(session: Any, folder: Path, n_rows: int) -> list[Way]:
    calls, into, snapshot = folder / "calls", folder / "outputs", folder / SNAPSHOT

    def alone() -> None:
        with Snapshot.open(snapshot) as book:
            question = book.question(on=workload.DAY)
            for source, outputs in plan_files(calls, into)[0]:
                into.mkdir(exist_ok=True)
                scrub_file(
                    source, question, columns=["telephone"], outputs=outputs, threads=1
                )

    def together() -> None:
        columns = ["telephone"]
        done = scrub_files(
            session, calls, snapshot, columns=columns, into=into, on=workload.DAY
        )
        if any(each.error for each in done):
            raise ValueError("scrub_files returned an error")

    return [
        Way("call files, one process", n_rows, None, alone, process_time),
        Way("call files, Spark: scrub_files", n_rows, None, together, _tree_time),
    ]


def _identity() -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return a function that returns its rows, and needs no module of this project."""

    def identity(batches: Iterator[Any]) -> Iterator[Any]:
        yield from batches

    return identity


def _constants() -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return a function that adds the columns of a scrub, as if all were clear."""

    def constants(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa  # noqa: PLC0415

        for batch in batches:
            kinds = pa.repeat("clear", batch.num_rows)
            reasons = pa.nulls(batch.num_rows, pa.string())
            names = [*batch.schema.names, "bloctel", "bloctel_reason"]
            columns = [*batch.columns, kinds, reasons]
            yield pa.RecordBatch.from_arrays(columns, names=names)

    return constants


def _drain(df: Any, batch_rows: int = _BATCH_ROWS[0]) -> None:
    # Spark reads the setting when it plans the query, in the next line
    df.sparkSession.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", batch_rows)
    df.write.format("noop").mode("overwrite").save()


def _batches(folder: Path, names: tuple[str, ...], batch_rows: int) -> list[Any]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pq.read_table(folder / "rows", columns=list(names))
    return list(table.to_batches(max_chunksize=batch_rows))


def _job(snapshot: Path, index: int) -> FrameJob:
    edition = Edition.of(read_content(snapshot, verify=True))
    day = workload.DAY
    file = str(snapshot)
    question = SparkQuestion(file, True, edition, __version__, day, None, None)
    return FrameJob(question, (index,), ("phone",))


def _scrub(job: FrameJob, batches: list[Any]) -> None:
    for _ in scrubbed_batches(job, iter(batches)):
        pass


def _table(ways: list[Way], rounds: int) -> list[list[str]]:
    """Return a table of readings; in each round, each way runs once.

    Each reading follows a warm-up run: Spark stops workers that wait for a minute.
    """
    readings: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, values in zip(ways, readings, strict=True):
            way.run()
            gc.collect()
            before = way.clock()
            way.run()
            values.append(way.rows / (way.clock() - before) / 1e6)
    head = ["million rows per second and core", "rows per batch"]
    head += ["median", "min", "max"]
    table = [head]
    for way, values in zip(ways, readings, strict=True):
        size = f"{way.batch_rows:,}" if way.batch_rows else "-"
        spread = median(values), min(values), max(values)
        table.append([way.name, size, *map(number, spread)])
    return table


def _tree_time() -> float:
    """Return the processor time of this process and its descendants, in seconds."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # the name of a program may contain spaces and parentheses
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        # the fields include the time of children that have ended
        ticks[pid] = sum(map(int, fields[11:15]))
    return sum(ticks[pid] for pid in ticks if _is_ours(pid, parents)) / _TICKS


def _is_ours(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid == os.getpid():
            return True
        pid = parents[pid]
    return False
