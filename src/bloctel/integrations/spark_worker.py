"""Functions that run in Python workers of Spark: they map the snapshot and scrub.

A job contains the identity of the snapshot that the driver read.  A worker that finds a
different snapshot raises an error, so that all results are based on the same lists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from bloctel import rules
from bloctel._version import __version__
from bloctel.errors import CannotAnswerError, SnapshotError
from bloctel.scrub import Outputs
from bloctel.scrub.added_columns import ADDED_COLUMN, REASON_COLUMN
from bloctel.scrub.classifier import RowClassifier
from bloctel.scrub.folders import scrub_one
from bloctel.scrub.frame_adapters import arrow_kinds, arrow_reasons
from bloctel.scrub.job import Job
from bloctel.snapshot import Content, Snapshot, read_content, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from uuid import UUID

    from bloctel.lookup.question import Question
    from bloctel.scrub import FileOptions, ScrubbedFile
    from bloctel.scrub.classifier import Classification
    from bloctel.snapshot.reader import Stamp

__all__ = [
    "RESULT_SCHEMA",
    "SUMMARY",
    "Edition",
    "FilesJob",
    "FrameJob",
    "SparkQuestion",
    "opened",
    "scrubbed_batches",
    "scrubbed_files",
]

#: Number of snapshots in the cache; a long application uses a new snapshot each night.
_CACHED_FILES: Final = 4


class Edition(NamedTuple):
    """Identity of the content of a snapshot."""

    registry: UUID | None
    generation: int
    built_on: date
    checksum: int

    @classmethod
    def of(cls, content: Content) -> Self:
        """Return the edition of a snapshot's content."""
        info = content.info
        return cls(info.registry, info.generation, info.built_on, content.checksum)

    def __str__(self) -> str:
        return (
            f"the snapshot of {self.built_on}, generation {self.generation}, "
            f"checksum {self.checksum:016x}"
        )


@dataclass(frozen=True, slots=True)
class SparkQuestion:
    """Question to a snapshot; it is small, because each task contains it.

    Attributes:
        file: The snapshot's path on each machine, or its name among Spark's files.
        is_shared: Whether *file* is a path.
        edition: The only content that may be used.
        version: The version of the library on the driver.
        on: The day.
        lists: The names of the lists; None for all lists of the snapshot.
        region: The region of national forms; None for the snapshot's region.
        own_rules: The rules that the driver registered, which its lists may need.
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
        """Return the question to the snapshot that the driver read.

        Raises:
            SnapshotError: The file is different, or cannot be used as a snapshot.
            CannotAnswerError: The version of the library is different.
        """
        book = self._book()
        return book.question(on=self.on, lists=self.lists, region=self.region)

    def _book(self) -> Snapshot:
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
            raise SnapshotError(
                f"{self.edition}, which the driver read",
                f"{found} (scrub again)",
                str(path),
            )
        return Snapshot(content)


def _spark_file(name: str) -> Path:
    from pyspark import SparkFiles  # noqa: PLC0415

    return Path(SparkFiles.get(name))


@lru_cache(maxsize=_CACHED_FILES)
def opened(path: Path, stamp: Stamp) -> Content:
    """Map a file and verify every byte, once for each worker process and *stamp*.

    Each worker verifies the file itself and does not rely on another worker.
    """
    return read_content(path, verify=True)


# -- rows of a DataFrame -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FrameJob:
    """Scrub of the rows of a DataFrame.

    Attributes:
        question: The question to the snapshot.
        indexes: The indexes of the phone columns.
        names: The names of the phone columns in reasons.
    """

    question: SparkQuestion
    indexes: tuple[int, ...]
    names: tuple[str, ...]


def scrubbed_batches(job: FrameJob, batches: Iterator[Any]) -> Iterator[Any]:
    """Yield record batches with the two added columns."""
    classifier = RowClassifier(job.question.question(), job.names)
    for batch in batches:
        columns = [batch.column(index) for index in job.indexes]
        yield _with_kinds(batch, classifier.classify_frame(columns, len(batch)))


def _with_kinds(batch: Any, found: Classification) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    schema = batch.schema.append(pa.field(ADDED_COLUMN, pa.string(), nullable=False))
    schema = schema.append(pa.field(REASON_COLUMN, pa.string()))
    columns = [*batch.columns, arrow_kinds(found), arrow_reasons(found)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


# -- call files --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilesJob:
    """Scrub of call files that every machine can read.

    Attributes:
        question: The question to the snapshot.
        files: The path of each file, and the paths of its outputs by name.
        columns: The phone columns, by name or by number from 1.
        options: Known options of the files, which are not detected.
        threads: The number of threads for one file.
    """

    question: SparkQuestion
    files: tuple[tuple[str, dict[str, str]], ...]
    columns: tuple[str | int, ...]
    options: FileOptions
    threads: int


#: Attributes of a summary that are sent to the driver.
SUMMARY: Final = (
    *("rows", "clear", "blocked", "invalid"),
    *("invalid_reasons", "blocked_lists"),
)

#: The index of a file, and its result as JSON.
RESULT_SCHEMA: Final = "id bigint, result string"


def scrubbed_files(job: FilesJob, batches: Iterator[Any]) -> Iterator[Any]:
    """Scrub the files whose indexes are in record batches; yield their results."""
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
    """Return the counts or the error of a file, as values that JSON can represent."""
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
