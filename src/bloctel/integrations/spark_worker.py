"""Functions that run in Python workers of Spark: they scrub rows or files.

A job contains the identity of the snapshot that Spark's driver (the main program) read.
A worker that finds a different snapshot raises an error, so that all results come from
the same lists.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from bloctel import rules
from bloctel._version import __version__
from bloctel.errors import CannotAnswerError, SnapshotError
from bloctel.lookup.question import Question
from bloctel.scrub import FileOptions, Outputs, ScrubbedFile
from bloctel.scrub.added_columns import ADDED_COLUMN, REASON_COLUMN
from bloctel.scrub.classifier import RowClassifier
from bloctel.scrub.folders import scrub_one
from bloctel.scrub.frames import arrow_kinds, arrow_reasons
from bloctel.scrub.options import Job
from bloctel.snapshot import Content, Snapshot, read_content, stamp_of
from bloctel.snapshot.reader import Stamp

#: Count of snapshots that a worker caches; an application can use one per night.
_CACHED_FILES: Final = 4


class Edition(NamedTuple):
    """Identity of the content of a snapshot file."""

    registry: UUID | None
    generation: int
    built_on: date
    checksum: int

    @classmethod
    def of(cls, content: Content) -> Self:
        """Return the identity of *content*."""
        info = content.info
        return cls(info.registry, info.generation, info.built_on, content.checksum)

    def __str__(self) -> str:
        return (
            f"the snapshot of {self.built_on}, generation {self.generation}, "
            f"checksum {self.checksum:016x}"
        )


@dataclass(frozen=True, slots=True)
class SparkQuestion:
    """Description of a look-up, which Spark sends to each worker.

    If `is_shared` is true, `file` is the path of the snapshot on each machine.
    Otherwise `file` is the name of a copy that Spark sends.  `own_rules` are the rules
    of lists that were registered in the driver.
    """

    file: str
    is_shared: bool
    edition: Edition
    version: str
    on: date
    lists: tuple[str, ...] | None
    region: str | None
    own_rules: tuple[rules.ListRules, ...] = ()

    def question(self) -> Question:
        """Open the snapshot that the driver read, and return the prepared look-up."""
        if self.version != __version__:
            expected = f"bloctel {self.version}, as on the driver"
            got = f"bloctel {__version__} (install the same version on all machines)"
            raise CannotAnswerError(expected, got, "a Python worker of Spark")
        for own in self.own_rules:
            rules.register(own)
        path = Path(self.file) if self.is_shared else _spark_file(self.file)
        content = opened(path, stamp_of(path))
        found = Edition.of(content)
        if found != self.edition:
            expected = f"{self.edition}, which the driver read"
            raise SnapshotError(expected, f"{found} (scrub again)", str(path))
        book = Snapshot(content)
        return book.question(on=self.on, lists=self.lists, region=self.region)


def _spark_file(name: str) -> Path:
    from pyspark import SparkFiles  # noqa: PLC0415

    return Path(SparkFiles.get(name))


@lru_cache(maxsize=_CACHED_FILES)
def opened(path: Path, stamp: Stamp) -> Content:
    """Return the content of a snapshot file, which each worker process verifies.

    A process reads the file again only if its *stamp* (inode, size and time) changes.
    """
    return read_content(path, verify=True)


@dataclass(frozen=True, slots=True)
class FrameJob:
    """Job that scrubs a DataFrame: the look-up, and the phone columns."""

    question: SparkQuestion
    indexes: tuple[int, ...]
    names: tuple[str, ...]


def scrubbed_batches(job: FrameJob, batches: Iterator[Any]) -> Iterator[Any]:
    """Scrub record batches, and yield them with the two added columns."""
    import pyarrow as pa  # noqa: PLC0415

    classifier = RowClassifier(job.question.question(), job.names)
    kind = pa.field(ADDED_COLUMN, pa.string(), nullable=False)
    reason = pa.field(REASON_COLUMN, pa.string())
    for batch in batches:
        phones = [batch.column(index) for index in job.indexes]
        found = classifier.classify_frame(phones, len(batch))
        columns = [*batch.columns, arrow_kinds(found), arrow_reasons(found)]
        schema = batch.schema.append(kind).append(reason)
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


@dataclass(frozen=True, slots=True)
class FilesJob:
    """Job that scrubs call files, which every machine can access.

    `files` contains the path of each call file, and the paths of its outputs by name.
    """

    question: SparkQuestion
    files: tuple[tuple[str, dict[str, str]], ...]
    columns: tuple[str | int, ...]
    options: FileOptions
    threads: int


#: Attributes of a `ScrubSummary` that a worker sends to Spark's driver.
SUMMARY: Final = (
    *("rows", "clear", "blocked", "invalid"),
    *("invalid_reasons", "blocked_lists", "other_sheets"),
)

#: Columns that a worker returns: the index of a call file, and its result as JSON.
RESULT_SCHEMA: Final = "id bigint, result string"


def scrubbed_files(job: FilesJob, batches: Iterator[Any]) -> Iterator[Any]:
    """Scrub the call files whose indexes are in record batches; yield the results."""
    import pyarrow as pa  # noqa: PLC0415

    question = job.question.question()
    for batch in batches:
        for index in batch.column(0).to_pylist():
            source, outputs = job.files[index]
            file_job = Job(
                question,
                job.columns,
                Outputs(**outputs),
                job.options,
                progress=None,
                threads=job.threads,
            )
            result = json.dumps(_result(scrub_one(Path(source), file_job)))
            yield pa.RecordBatch.from_pydict({"id": [index], "result": [result]})


def _result(done: ScrubbedFile) -> dict[str, object]:
    if (error := done.error) is not None:
        return {
            "error": type(error).__name__,
            "arguments": error.args,
            "message": error.message,
        }
    counts = ((name, getattr(done.summary, name)) for name in SUMMARY)
    return {
        name: count if isinstance(count, int) else dict(count) for name, count in counts
    }
