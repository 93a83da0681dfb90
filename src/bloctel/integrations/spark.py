"""Scrubs of Spark DataFrames: one list and one day, on any number of machines.

The snapshot travels as a file, once to each executor, and is never an object in a
closure.  Python workers map it, so that those of an executor share its pages.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bloctel import errors, rules
from bloctel._open import is_url
from bloctel._util import clock
from bloctel._util.atomic_files import remove_leftovers, replacing
from bloctel._version import __version__
from bloctel.errors import InputError, MissingExtraError, SnapshotError
from bloctel.integrations.spark_worker import (
    SUMMARY,
    TOLD,
    Asked,
    Edition,
    FilesJob,
    Job,
    judged,
    scrubbed_files,
)
from bloctel.periods import plain_day
from bloctel.scrub import ScrubbedFile, ScrubSummary, plan_files, refuse_overwriting
from bloctel.scrub.added_columns import ADDED_COLUMN, REASON_COLUMN, refuse_annotated
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.files import NOTHING_KNOWN
from bloctel.scrub.folders import make_folder, size_of
from bloctel.snapshot import Content, Snapshot, read_content
from bloctel.tabular.phone_columns import named_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date

    from bloctel.lookup.book import Book
    from bloctel.scrub import FileOptions, Outputs
    from bloctel.scrub.folders import Sources

__all__ = ["scrub_files", "scrub_frame"]

#: The types of Spark whose rows are read.
_READABLE: Final = ("string", "tinyint", "smallint", "int", "bigint")


def scrub_frame(  # noqa: PLR0913 - each is a part of the question
    df: Any,
    snapshot: str | Path,
    *,
    column: str | int | Sequence[str | int],
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    shared: bool = False,
) -> Any:
    """Return a Spark DataFrame with all its rows and what a snapshot says of each.

    Two columns are added: `bloctel`, which is `clear`, `blocked` or `invalid`, and
    `bloctel_reason`, null where clear.  `clear` means "on none of these lists, on
    that day", and never "may be called".

    What can be wrong with the arguments or the snapshot is raised here.  The rows are
    judged when Spark needs them, by the file and on the day of this call, whatever
    has become of either meanwhile.

    Args:
        df: The DataFrame.  Of a stream, scrub each batch in `foreachBatch`, so that
            each is judged on its own day.
        snapshot: The path of a snapshot file.
        column: The name of the phone column, of text or whole numbers, or its place
            from 1 on; or several, and a row is blocked if one of its numbers is.
        on: The day; today in the lists' time zone if not given.
        lists: The names of the lists to ask; all of the snapshot if not given.
        region: The region of national forms; the snapshot's own if not given.
        shared: Whether each machine sees the file at this path; if not, Spark carries
            a copy to each executor.

    Raises:
        InputError: The DataFrame, a column or an argument is not what it must be.
        SnapshotError: The file cannot be believed.
        CannotAnswerError: The snapshot cannot be asked about these lists on that day.
        MissingExtraError: PySpark, pandas or pyarrow is not installed.
    """
    _require_spark()
    _require_frame(df)
    places, names = _phone_columns(df.schema, column)
    asked = _asked(df.sparkSession, snapshot, on, lists, region, shared=shared)
    return _with_job(df, Job(asked, places, names))


def scrub_files(  # noqa: PLR0913 - what, by what, where to, and how
    session: Any,
    sources: Sources,
    snapshot: str | Path,
    *,
    columns: Sequence[str | int],
    into: str | Path,
    write: Collection[str] = KINDS,
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    options: FileOptions = NOTHING_KNOWN,
    shared: bool = False,
) -> list[ScrubbedFile]:
    """Scrub call files on the machines of a Spark cluster, one file a task.

    What `bloctel.scrub_files` does on one machine: rows never become rows of Spark,
    so that each core is about as fast as it is alone.  Every machine must see the
    files and the folder at the same paths.  A task that runs again makes the same
    files again.

    The summaries have the counts and reasons; examples and findings stay behind.

    Args:
        session: The `SparkSession`.
        sources: As for `bloctel.scrub_files`.
        snapshot: As for `scrub`.
        columns: As for `bloctel.scrub_files`.
        into: Likewise.
        write: Likewise.
        on: As for `scrub`.
        lists: Likewise.
        region: Likewise.
        options: As for `bloctel.scrub_files`.
        shared: As for `scrub`.

    Returns:
        What became of each file, in the order of their names.

    Raises:
        InputError: There is no file, two would have the same results, a result would
            take the place of a call file or of the snapshot, or an argument is not
            what it must be; nothing is written then.
        SnapshotError: The file cannot be believed.
        CannotAnswerError: The snapshot cannot be asked about these lists on that day.
        MissingExtraError: PySpark, pandas or pyarrow is not installed.
    """
    _require_spark()
    _require_session(session)
    plan = plan_files(sources, into, write)
    for _, outputs in plan:
        refuse_overwriting(outputs, str(snapshot))
    asked = _asked(session, snapshot, on, lists, region, shared=shared)
    make_folder(Path(into))
    remove_leftovers(into)
    threads = int(session.sparkContext.getConf().get("spark.task.cpus", "1"))
    # the last task should not be the longest
    largest = sorted(plan, key=lambda file: -size_of(file[0]))
    files = tuple(_absolute(*file) for file in largest)
    job = FilesJob(asked, files, tuple(columns), options, threads)
    # rows that Spark makes itself, as a list from here would cost more Python workers
    places = session.range(0, len(files), 1, len(files))
    told = places.mapInArrow(partial(scrubbed_files, job), TOLD)
    done = {row["source"]: row for row in told.collect()}
    return [
        _scrubbed(source, outputs, done[os.path.abspath(source)])
        for source, outputs in plan
    ]


def _require_session(session: Any) -> None:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    if not isinstance(session, SparkSession):
        got = f"a {type(session).__name__}"
        raise InputError("a session of Spark", got, "session")


def _absolute(source: Path, outputs: Outputs) -> tuple[str, dict[str, str]]:
    """Return where a file and its outputs are, wherever a worker stands."""
    targets = outputs.wanted().items()
    return os.path.abspath(source), {
        kind: os.path.abspath(str(path)) for kind, path in targets
    }


def _scrubbed(source: Path, outputs: Outputs, row: Any) -> ScrubbedFile:
    if row["error"] is not None:
        name, *arguments = row["error"]
        return ScrubbedFile(source, None, getattr(errors, name)(*arguments))
    counts = {name: row[name] for name in SUMMARY}
    paths = {kind: Path(str(path)) for kind, path in outputs.wanted().items()}
    return ScrubbedFile(source, ScrubSummary(**counts, outputs=paths), None)


def _asked(
    session: Any,
    snapshot: str | Path,
    on: date | None,
    lists: Iterable[str] | None,
    region: str | None,
    *,
    shared: bool,
) -> Asked:
    """Return what workers are asked, once it is sure that there is an answer."""
    content = _read(snapshot)
    names = _names(lists)
    day = _fixed_day(Snapshot(content), on, names, region)
    file = str(Path(snapshot).absolute()) if shared else _carry(session, content)
    edition, own = Edition.of(content), rules.registered()
    return Asked(file, shared, edition, __version__, day, names, region, own)


def _require_spark() -> None:
    try:
        # mapInArrow asks for pandas as well
        import pandas  # noqa: F401, PLC0415 - only who uses it has it
        import pyarrow  # noqa: F401, PLC0415
        import pyspark  # noqa: F401, PLC0415
    except ImportError as error:
        raise MissingExtraError("scrubs in Spark", "spark") from error


def _require_frame(df: Any) -> None:
    from pyspark.sql import DataFrame  # noqa: PLC0415

    if not isinstance(df, DataFrame):
        raise InputError("a Spark DataFrame", f"a {type(df).__name__}", "df")
    if df.isStreaming:
        raise InputError(
            "a DataFrame of rows that are there (scrub the batches of a stream in "
            "foreachBatch, each on its own day)",
            "one of a stream",
            "df",
        )
    refuse_annotated([name.casefold() for name in df.columns], "a DataFrame", "df")


def _phone_columns(
    schema: Any, column: str | int | Sequence[str | int]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the places and the names of the phone columns."""
    wanted = (column,) if isinstance(column, str | int) else tuple(column)
    chosen = named_columns(wanted, where="column")([schema.names], True)
    for place in chosen.indexes:
        kind = schema.fields[place].dataType.simpleString()
        if kind.partition(" ")[0] not in _READABLE:
            expected = f"text or whole numbers (one of {', '.join(_READABLE)})"
            raise InputError(expected, kind, f"column {place + 1}")
    return chosen.indexes, chosen.names


def _read(path: str | Path) -> Content:
    if is_url(path):
        raise InputError("the path of a snapshot file", "a URL", "snapshot")
    return read_content(Path(path), verify=True)


def _names(lists: Iterable[str] | None) -> tuple[str, ...] | None:
    if lists is None:
        return None
    return (lists,) if isinstance(lists, str) else tuple(lists)


def _fixed_day(
    book: Book, on: date | None, lists: tuple[str, ...] | None, region: str | None
) -> date:
    """Return the day to ask about, once it is sure that there is an answer.

    Raises:
        CannotAnswerError: There is none.
        InputError: It is not the same day in all the lists' time zones.
    """
    book.question(on=on, lists=lists, region=region)
    if on is not None:
        return plain_day(on)
    zones = {rules.load(name).time_zone for name in lists or book.lists}
    days = {clock.today(zone) for zone in zones}
    if len(days) > 1:
        raise InputError("a day (it is not the same for all these lists)", "none", "on")
    return days.pop()


def _carry(session: Any, content: Content) -> str:
    """Put a snapshot among Spark's files, and return its name there.

    Spark knows a file by its last name, once and for all, and sends it when an executor
    starts, be it hours later: so each edition has a name and a copy of its own, which
    goes when the application ends.
    """
    from pyspark import SparkFiles  # noqa: PLC0415

    context = session.sparkContext
    name = f"bloctel-{content.info.generation}-{content.checksum:016x}.bloctel"
    folder = Path(SparkFiles.getRootDirectory(), "bloctel")
    copy = folder / name
    try:
        folder.mkdir(exist_ok=True)
        if not copy.exists():
            with replacing(copy) as file:
                content.copy_to(file)
    except OSError as error:
        got = error.strerror or "an error"
        raise SnapshotError("room for a copy", got, str(copy)) from error
    if not any(uri.endswith(f"/{name}") for uri in context.listFiles):
        context.addFile(str(copy))
    return name


def _with_job(df: Any, job: Job) -> Any:
    """Return the DataFrame with the job as the last thing that is done to its rows.

    Spark finds columns by names, in which dots and backticks mean something and which
    two columns may share, so each has a plain name of its own meanwhile.
    """
    from pyspark.errors import PySparkException  # noqa: PLC0415
    from pyspark.sql.types import StringType, StructField, StructType  # noqa: PLC0415

    plain = [f"c{place}" for place in range(len(df.columns))]
    fields = [
        StructField(name, field.dataType, field.nullable, field.metadata)
        for name, field in zip(plain, df.schema.fields, strict=True)
    ]
    fields.append(StructField(ADDED_COLUMN, StringType(), nullable=False))
    fields.append(StructField(REASON_COLUMN, StringType()))
    work = partial(judged, job)
    try:
        added = df.toDF(*plain).mapInArrow(work, StructType(fields))
    except PySparkException as error:
        got = "one that it cannot (drop or cast it)"
        raise InputError("columns that Spark can hand to Python", got, "df") from error
    return added.toDF(*df.columns, ADDED_COLUMN, REASON_COLUMN)
