"""Scrubs of Spark DataFrames: one list and one day, on any number of machines.

The snapshot travels as a file, once to each executor, and is never an object in a
closure.  Python workers map it, so that those of an executor share its pages.  What the
driver saw of the file goes with the job: a worker that finds another one raises, and no
result is a mixture of two lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bloctel import _digits, clock, rules
from bloctel._version import __version__
from bloctel.books import is_url
from bloctel.columns import Integers, blocks
from bloctel.errors import (
    CannotAnswerError,
    InputError,
    MissingExtraError,
    SnapshotError,
)
from bloctel.files import replacing
from bloctel.numbers import is_french, read_block
from bloctel.periods import plain_day
from bloctel.scrub.added import ADDED_COLUMN
from bloctel.scrub.header import named_columns
from bloctel.scrub.verdicts import CLEAR, Judge
from bloctel.snapshot import Content, Snapshot, read_content, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from uuid import UUID

    from numpy.typing import NDArray

    from bloctel.columns import Block
    from bloctel.lookup import Book
    from bloctel.question import Question
    from bloctel.scrub.verdicts import Judgement
    from bloctel.snapshot.reading import Stamp

__all__ = ["REASON_COLUMN", "scrub"]

#: The column that is added beside `ADDED_COLUMN`.
REASON_COLUMN: Final = f"{ADDED_COLUMN}_reason"

#: The types of Spark whose rows are read.
_READABLE: Final = ("string", "tinyint", "smallint", "int", "bigint")
#: By `CLEAR`, `BLOCKED` and `INVALID`.
_KINDS: Final = ("clear", "blocked", "invalid")
_NINE_DIGITS: Final = 10**8, 10**9
#: A worker of a long application sees a new list each night.
_KEPT_FILES: Final = 4


class _Edition(NamedTuple):
    """What tells one snapshot from every other, wherever its file lies."""

    registry: UUID | None
    generation: int
    built_on: date
    checksum: int

    def __str__(self) -> str:
        return (
            f"the snapshot of {self.built_on}, generation {self.generation}, "
            f"checksum {self.checksum:016x}"
        )


@dataclass(frozen=True, slots=True)
class _Job:
    """What a worker is told: little, for it is sent with each task.

    Attributes:
        file: The snapshot's path on each machine, or its name among Spark's files.
        is_shared: Which of the two that is.
        edition: The only content of the file that may be used.
        version: The version of the library that the driver runs.
        on: The day.
        lists: The names of the lists to ask; None for all of the snapshot.
        region: The region of national forms; None for the snapshot's own.
        places: Where the phone columns stand in a row.
        names: How reasons call them.
    """

    file: str
    is_shared: bool
    edition: _Edition
    version: str
    on: date
    lists: tuple[str, ...] | None
    region: str | None
    places: tuple[int, ...]
    names: tuple[str, ...]


# ---------------------------------------------------------------------------
# On the driver
# ---------------------------------------------------------------------------


def scrub(  # noqa: PLR0913 - each is a part of the question
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
    content = _read(snapshot)
    asked = _names(lists)
    day = _fixed_day(Snapshot(content), on, asked, region)
    file = str(Path(snapshot).absolute()) if shared else _carry(df, content)
    edition = _edition(content)
    job = _Job(file, shared, edition, __version__, day, asked, region, places, names)
    return _with_job(df, job)


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
    names = {name.casefold() for name in df.columns}
    for name in (ADDED_COLUMN, REASON_COLUMN):
        if name in names:
            got = "one that has it (drop or rename it)"
            raise InputError(f"a DataFrame without a column {name!r}", got, "df")


def _phone_columns(
    schema: Any, column: str | int | Sequence[str | int]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the places and the names of the phone columns."""
    wanted = (column,) if isinstance(column, str | int) else tuple(column)
    chosen = named_columns(wanted, where="column")([schema.names], True)
    for place, name in zip(chosen.indexes, chosen.names, strict=True):
        kind = schema.fields[place].dataType.simpleString()
        if kind.partition(" ")[0] not in _READABLE:
            expected = f"text or whole numbers (one of {', '.join(_READABLE)})"
            raise InputError(expected, kind, f"column {name!r}")
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


def _edition(content: Content) -> _Edition:
    info = content.info
    return _Edition(info.registry, info.generation, info.built_on, content.checksum)


def _carry(df: Any, content: Content) -> str:
    """Put a snapshot among Spark's files, and return its name there.

    Spark knows a file by its last name, once and for all, and sends it when an executor
    starts, be it hours later: so each edition has a name and a copy of its own, which
    goes when the application ends.
    """
    from pyspark import SparkFiles  # noqa: PLC0415

    context = df.sparkSession.sparkContext
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


def _with_job(df: Any, job: _Job) -> Any:
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
    try:
        judged = df.toDF(*plain).mapInArrow(partial(_judged, job), StructType(fields))
    except PySparkException as error:
        got = "one that it cannot (drop or cast it)"
        raise InputError("columns that Spark can hand to Python", got, "df") from error
    return judged.toDF(*df.columns, ADDED_COLUMN, REASON_COLUMN)


# ---------------------------------------------------------------------------
# On the workers
# ---------------------------------------------------------------------------


def _judged(job: _Job, batches: Iterator[Any]) -> Iterator[Any]:
    """Yield record batches with the two added columns."""
    question = _book(job).question(on=job.on, lists=job.lists, region=job.region)
    judge = Judge(question, job.names)
    for batch in batches:
        columns = [batch.column(place) for place in job.places]
        yield _with_verdicts(batch, judge.settle(*_ask(question, columns)))


def _book(job: _Job) -> Snapshot:
    """Return the snapshot that the driver saw.

    Raises:
        SnapshotError: Here is another one, or none that can be believed.
        CannotAnswerError: Here is another version of the library.
    """
    if job.version != __version__:
        raise CannotAnswerError(
            f"the version of bloctel that the driver runs, {job.version}",
            f"version {__version__}",
            "a Python worker of Spark (install the same one on all machines)",
        )
    path = Path(job.file) if job.is_shared else _carried(job.file)
    content = _opened(path, stamp_of(path))
    found = _edition(content)
    if found != job.edition:
        raise SnapshotError(
            f"{job.edition}, which the driver saw", f"{found} (scrub again)", str(path)
        )
    return Snapshot(content)


def _carried(name: str) -> Path:
    from pyspark import SparkFiles  # noqa: PLC0415

    return Path(SparkFiles.get(name))


@lru_cache(maxsize=_KEPT_FILES)
def _opened(path: Path, stamp: Stamp) -> Content:
    """Map a file and check every byte, once in the life of a worker.

    No note of the check is left for other workers: it would have to be believed.
    """
    return read_content(path, verify=True)


def _ask(
    question: Question, columns: Sequence[Any]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return what blocks each number or -1, and the code of each refusal or 0."""
    shape = len(columns), len(columns[0])
    matches, codes = np.empty(shape, np.int32), np.empty(shape, np.uint8)
    for place, column in enumerate(columns):
        first = 0
        for block in blocks(column):
            rows = slice(first, first + len(block))
            matches[place, rows], codes[place, rows] = _ask_block(question, block)
            first += len(block)
    return matches, codes


def _ask_block(
    question: Question, block: Block
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    keys = read_block(block, question.region)
    matches = question.match_many(keys)
    codes = np.where(keys < _digits.FIRST_KEY, keys, 0).astype(np.uint8)
    if isinstance(block, Integers) and is_french(question.region):
        in_doubt = (matches < 0) & (codes == 0) & _may_be_abroad(question, block)
        for row in np.flatnonzero(in_doubt).tolist():
            key, _ = question.ask(block.value(row), question.region)
            codes[row] = key if key < _digits.FIRST_KEY else 0
    return matches, codes


def _may_be_abroad(question: Question, block: Integers) -> NDArray[np.bool_]:
    """Tell which nine digits, French without a 0, are blocked as a foreign number."""
    lowest, beyond = _NINE_DIGITS
    values = block.values
    nine = (values >= lowest) & (values < beyond)
    if not nine.any():
        return nine
    foreign = np.where(nine, values, 0).astype(np.uint64)
    blocked: NDArray[np.bool_] = question.match_many(foreign) >= 0
    return blocked


def _with_verdicts(batch: Any, judgement: Judgement) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    clear = judgement.kinds == CLEAR
    kinds = pa.array(_KINDS).take(pa.array(judgement.kinds))
    reasons = pa.array(judgement.reasons, pa.string())
    said = reasons.take(pa.array(judgement.reason_of, mask=clear))
    schema = batch.schema.append(pa.field(ADDED_COLUMN, pa.string(), nullable=False))
    schema = schema.append(pa.field(REASON_COLUMN, pa.string()))
    return pa.RecordBatch.from_arrays([*batch.columns, kinds, said], schema=schema)
