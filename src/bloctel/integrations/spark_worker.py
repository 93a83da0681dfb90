"""Functions in Python workers of Spark, which read a snapshot and scrub rows or files.

A job contains the identity of the snapshot that Spark's driver read.  If a worker finds
a different snapshot, it raises an error, so that all results come from the same lists.
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

#: Number of snapshots in the cache; an application can use a new snapshot each night.
_CACHED_FILES: Final = 4


class Edition(NamedTuple):
    """Identity of the content of a snapshot file."""

    registry: UUID | None
    generation: int
    built_on: date
    checksum: int

    @classmethod
    def of(cls, content: Content) -> Self:
        """Return the identity of the content of a snapshot file."""
        info = content.info
        return cls(info.registry, info.generation, info.built_on, content.checksum)

    def __str__(self) -> str:
        return (
            f"the snapshot of {self.built_on}, generation {self.generation}, "
            f"checksum {self.checksum:016x}"
        )


@dataclass(frozen=True, slots=True)
class SparkQuestion:
    """Look-up that each Spark task contains, with the name of the snapshot file.

    If `is_shared` is true, `file` is a path on each machine, otherwise the name of a
    file that Spark sends.  Each machine must have the same version of `bloctel`, and
    gets the rules that the driver registered.
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
            raise CannotAnswerError(
                f"the version of bloctel that the driver runs, {self.version}",
                f"version {__version__}",
                "a Python worker of Spark (install the same version on all machines)",
            )
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
    """Read and verify a snapshot, or return the content that the process already read.

    A worker process reads the file again only if the stamp (identity, size and time) of
    the file has changed.  Each worker process verifies the file itself.
    """
    return read_content(path, verify=True)


@dataclass(frozen=True, slots=True)
class FrameJob:
    """Arguments of the scrub of the phone columns of a DataFrame."""

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
    """Arguments of the scrub of call files that every machine can access.

    `files` contains the path of each file, and the paths of its outputs by name.
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
    """Return the counts or the error of a scrub as a dict that JSON can represent."""
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
