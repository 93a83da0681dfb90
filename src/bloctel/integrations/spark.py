"""Scrubs of Spark DataFrames and of call files, on any number of machines.

Spark sends the snapshot file to each executor once.  Each Python worker reads this file
into memory and verifies it.
"""

import json
import os
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

from bloctel import errors, rules
from bloctel._open import is_url
from bloctel._util import clock
from bloctel._util.atomic_files import remove_leftovers, replacing
from bloctel._util.optional import optional_module
from bloctel._util.raising import raise_alone
from bloctel._version import __version__
from bloctel.errors import InputError, SnapshotError
from bloctel.integrations.spark_worker import (
    RESULT_SCHEMA,
    Edition,
    FilesJob,
    FrameJob,
    SparkQuestion,
    scrubbed_batches,
    scrubbed_files,
)
from bloctel.lookup.book import Book
from bloctel.periods import plain_day
from bloctel.scrub import FileOptions, Outputs, ScrubbedFile, ScrubSummary, plan_files
from bloctel.scrub.added_columns import ADDED_COLUMN, REASON_COLUMN, refuse_annotated
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.folders import Sources, make_folder, size_of
from bloctel.scrub.options import NOTHING_KNOWN
from bloctel.snapshot import Content, Snapshot, read_content
from bloctel.tabular.phone_columns import named_columns, requested_columns

#: The Spark types of phone columns.
_READABLE: Final = ("string", "tinyint", "smallint", "int", "bigint")


def scrub_frame(  # noqa: PLR0913 - each argument describes the look-up
    frame: Any,
    against: str | Path,
    *,
    columns: str | int | Sequence[str | int],
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    shared: bool = False,
) -> Any:
    """Return a Spark DataFrame with all rows and two added columns.

    The column `bloctel` is `clear`, `blocked` or `invalid`.  The column
    `bloctel_reason` is the reason, or null for `clear` rows.  `clear` means "on none of
    these lists on that day", and never "may be called".

    Errors in the arguments or in the snapshot are raised when this function is called.
    Spark scrubs the rows later, when the rows are needed.  Spark then still uses the
    snapshot and the day that were current when this function was called.

    Args:
        frame: The DataFrame.  For a streaming DataFrame, scrub each batch in
            `foreachBatch`, so that each batch is scrubbed for its own day.
        against: The path of a snapshot file.  *against* cannot be a registry, because
            each worker opens the file.  Build a snapshot of the registry first.
        columns: The phone column or columns, each as a name or as a position (from 1).
            A phone column must contain text or whole numbers.
        on: The day of the look-up; by default today in the time zone of the lists.
        lists: The names of the lists; by default all lists of the snapshot.
        region: The region of phone numbers in national form; by default the region of
            the snapshot.
        shared: True if each machine can read the file at the path *against*.  If False,
            Spark sends a copy of the snapshot to each executor.

    Raises:
        InputError: The DataFrame, a column or an argument is not valid.
        SnapshotError: The file cannot be used as a snapshot.
        CannotAnswerError: The snapshot cannot answer for these lists on that day.
        MissingExtraError: PySpark, pandas or pyarrow is not installed.
    """
    _require_frame(frame)
    indexes, names = _phone_columns(frame.schema, columns)
    session = frame.sparkSession
    question = _question(session, against, on, lists, region, shared=shared)
    return _with_job(frame, FrameJob(question, indexes, names))


def scrub_files(  # noqa: PLR0913 - the same options as on one machine, and the session
    session: Any,
    sources: Sources,
    against: str | Path,
    *,
    columns: str | int | Sequence[str | int],
    into: str | Path,
    write: Collection[str] = KINDS,
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    options: FileOptions = NOTHING_KNOWN,
    shared: bool = False,
) -> list[ScrubbedFile]:
    """Scrub call files on the machines of a Spark cluster, one file per task.

    This function does the work of `bloctel.scrub_files` on several machines.  Rows are
    not converted to rows of Spark, so each core is about as fast as without Spark.  All
    machines must be able to access the call files and the output folder at the same
    paths.  If Spark repeats a task, the task writes the same outputs again.

    The returned summaries contain counts and reasons, but no examples and no anomalies.

    `session` is the `SparkSession`.  `scrub_frame` explains `against`, `on`, `lists`,
    `region` and `shared`; `bloctel.scrub_files` explains the other arguments.

    Returns:
        The result of each file, sorted by path.

    Raises:
        InputError: There is no call file, two call files would have the same output, an
            output would overwrite a call file or the snapshot, or an argument is not
            valid.  Then no output is written.
        SnapshotError: The file cannot be used as a snapshot.
        CannotAnswerError: The snapshot cannot answer for these lists on that day.
        MissingExtraError: PySpark, pandas or pyarrow is not installed.
    """
    _require_session(session)
    plan, left_out = plan_files(sources, into, write, against=against)
    question = _question(session, against, on, lists, region, shared=shared)
    make_folder(Path(into))
    remove_leftovers(into)
    threads = int(session.sparkContext.getConf().get("spark.task.cpus", "1"))
    # begin with the largest file, because a long task that starts last delays the end
    order = sorted(range(len(plan)), key=lambda index: -size_of(plan[index][0]))
    files = tuple(_absolute(*plan[index]) for index in order)
    job = FilesJob(question, files, requested_columns(columns), options, threads)
    # a range needs no Python workers, unlike a DataFrame that is made from a list
    indexes = session.range(0, len(files), 1, len(files))
    rows = indexes.mapInArrow(partial(scrubbed_files, job), RESULT_SCHEMA).collect()
    results = {order[row["id"]]: json.loads(row["result"]) for row in rows}
    done = [
        _scrubbed(source, outputs, results[index])
        for index, (source, outputs) in enumerate(plan)
    ]
    return sorted([*done, *left_out], key=lambda file: file.source)


def _require_session(session: Any) -> None:
    _require_spark()
    from pyspark.sql import SparkSession  # noqa: PLC0415

    if not isinstance(session, SparkSession):
        raise InputError("a SparkSession", f"a {type(session).__name__}", "session")


def _absolute(source: Path, outputs: Outputs) -> tuple[str, dict[str, str]]:
    """Return absolute paths, because each worker has its own working directory."""
    targets = {
        kind: os.path.abspath(str(path)) for kind, path in outputs.wanted().items()
    }
    return os.path.abspath(source), targets


def _scrubbed(source: Path, outputs: Outputs, result: dict[str, Any]) -> ScrubbedFile:
    if "error" in result:
        error = getattr(errors, result["error"])(*result["arguments"])
        error.message = result["message"]
        return ScrubbedFile(source, None, error)
    paths = {kind: Path(str(path)) for kind, path in outputs.wanted().items()}
    return ScrubbedFile(source, ScrubSummary(**result, outputs=paths), None)


def _question(
    session: Any,
    against: str | Path,
    on: date | None,
    lists: Iterable[str] | None,
    region: str | None,
    *,
    shared: bool,
) -> SparkQuestion:
    path = _snapshot_path(against)
    content = read_content(path, verify=True)
    lists = (lists,) if isinstance(lists, str) else lists
    names = None if lists is None else tuple(lists)
    day = _fixed_day(Snapshot(content), on, names, region)
    file = str(path.absolute()) if shared else _send(session, content)
    edition, own = Edition.of(content), rules.registered()
    return SparkQuestion(file, shared, edition, __version__, day, names, region, own)


def _require_spark() -> None:
    # Spark's function `mapInArrow` imports pandas
    for module in ("pandas", "pyarrow", "pyspark"):
        optional_module(module, "scrubs in Spark", "spark")


def _require_frame(frame: Any) -> None:
    _require_spark()
    from pyspark.sql import DataFrame  # noqa: PLC0415

    if not isinstance(frame, DataFrame):
        raise InputError("a Spark DataFrame", f"a {type(frame).__name__}", "frame")
    if frame.isStreaming:
        expected = "a DataFrame that is not streaming"
        got = "a streaming DataFrame (scrub each of its batches in foreachBatch)"
        raise InputError(expected, got, "frame")
    names = [name.casefold() for name in frame.columns]
    refuse_annotated(names, "a DataFrame", "frame")


def _phone_columns(
    schema: Any, columns: str | int | Sequence[str | int]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    wanted = requested_columns(columns)
    chosen = named_columns(wanted, where="columns")([schema.names], True)
    for index in chosen.indexes:
        kind = schema.fields[index].dataType.simpleString()
        if kind.partition(" ")[0] not in _READABLE:
            expected = f"a phone column of type {' or '.join(_READABLE)}"
            raise InputError(expected, f"type {kind}", f"column {index + 1}")
    return chosen.indexes, chosen.names


def _snapshot_path(against: str | Path) -> Path:
    if isinstance(against, str | Path) and not is_url(against):
        return Path(against)
    is_text = isinstance(against, str)
    got = "a URL" if is_text else f"a value of the type {type(against).__name__}"
    raise InputError("the path of a snapshot file", got, "against")


def _fixed_day(
    book: Book, on: date | None, lists: tuple[str, ...] | None, region: str | None
) -> date:
    book.question(on=on, lists=lists, region=region)
    if on is not None:
        return plain_day(on)
    zones = {rules.load(name).time_zone for name in lists or book.lists}
    days = {clock.today(zone) for zone in zones}
    if len(days) > 1:
        expected = "a day, because the time zones of the lists have different dates now"
        raise InputError(expected, "no day", "on")
    return days.pop()


def _send(session: Any, content: Content) -> str:
    """Add a copy of a snapshot to Spark's files, and return the name of the copy.

    Spark sends this copy to an executor when the executor starts, which may be hours
    later.  So the copy must not change, and a later snapshot needs a copy with another
    name.  Spark deletes all copies when the application ends.
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
        reason = error.strerror or type(error).__name__
        message = f"the copy of the snapshot for Spark cannot be written: {reason}"
        raise SnapshotError("a copy", reason, str(copy), message=message) from error
    if not any(uri.endswith(f"/{name}") for uri in context.listFiles):
        context.addFile(str(copy))
    return name


def _with_job(frame: Any, job: FrameJob) -> Any:
    """Return *frame* with the two columns that the job adds to its rows.

    During the job, the columns are named `c0`, `c1` and so on.  With the original names
    Spark could find a wrong column, because names can be repeated or contain dots.
    """
    from pyspark.errors import PySparkException  # noqa: PLC0415
    from pyspark.sql.types import StringType, StructField, StructType  # noqa: PLC0415

    plain = [f"c{index}" for index in range(len(frame.columns))]
    fields = [
        StructField(name, field.dataType, field.nullable, field.metadata)
        for name, field in zip(plain, frame.schema.fields, strict=True)
    ]
    fields.append(StructField(ADDED_COLUMN, StringType(), nullable=False))
    fields.append(StructField(REASON_COLUMN, StringType()))
    work = partial(scrubbed_batches, job)
    try:
        added = frame.toDF(*plain).mapInArrow(work, StructType(fields))
    except PySparkException:
        expected = "columns that Spark can convert for Python"
        got = "a column of a type that it cannot convert (drop or cast this column)"
        raise_alone(InputError(expected, got, "frame"))
    return added.toDF(*frame.columns, ADDED_COLUMN, REASON_COLUMN)
