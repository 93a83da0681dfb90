"""What a Python worker of Spark does: map the list that the driver saw, judge by it.

Whatever a job says of its snapshot is compared with the file that is here: a worker
that finds another one raises, and no result is a mixture of two lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from bloctel import rules
from bloctel._version import __version__
from bloctel.errors import CannotAnswerError, SnapshotError
from bloctel.scrub import Outputs, files
from bloctel.scrub.added_columns import ADDED_COLUMN, REASON_COLUMN
from bloctel.scrub.classifier import CLEAR, KINDS, RowClassifier
from bloctel.scrub.folders import scrub_one
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
    "SUMMARY",
    "TOLD",
    "Asked",
    "Edition",
    "FilesJob",
    "Job",
    "judged",
    "opened",
    "scrubbed_files",
]

#: A worker of a long application sees a new list each night.
_KEPT_FILES: Final = 4


class Edition(NamedTuple):
    """What tells one snapshot from every other, wherever its file lies."""

    registry: UUID | None
    generation: int
    built_on: date
    checksum: int

    @classmethod
    def of(cls, content: Content) -> Self:
        """Return the edition of a file that was read."""
        info = content.info
        return cls(info.registry, info.generation, info.built_on, content.checksum)

    def __str__(self) -> str:
        return (
            f"the snapshot of {self.built_on}, generation {self.generation}, "
            f"checksum {self.checksum:016x}"
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of which list: little, for it is sent with each task.

    Attributes:
        file: The snapshot's path on each machine, or its name among Spark's files.
        is_shared: Which of the two that is.
        edition: The only content of the file that may be used.
        version: The version of the library that the driver runs.
        on: The day.
        lists: The names of the lists to ask; None for all of the snapshot.
        region: The region of national forms; None for the snapshot's own.
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
        """Return the question to the snapshot that the driver saw.

        Raises:
            SnapshotError: Here is another one, or none that can be believed.
            CannotAnswerError: Here is another version of the library.
        """
        return _book(self).question(on=self.on, lists=self.lists, region=self.region)


@dataclass(frozen=True, slots=True)
class Job:
    """What is done with the rows of a DataFrame.

    Attributes:
        asked: What is asked of which list.
        places: Where the phone columns stand in a row.
        names: How reasons call them.
    """

    asked: Asked
    places: tuple[int, ...]
    names: tuple[str, ...]


def judged(job: Job, batches: Iterator[Any]) -> Iterator[Any]:
    """Yield record batches with the two added columns."""
    classifier = RowClassifier(job.asked.question(), job.names)
    for batch in batches:
        columns = [batch.column(place) for place in job.places]
        yield _with_kinds(batch, classifier.classify_frame(columns, len(batch)))


@dataclass(frozen=True, slots=True)
class FilesJob:
    """What is done with call files that every machine sees.

    Attributes:
        asked: What is asked of which list.
        files: The path of each, and those of its outputs by name.
        columns: The phone columns, by name or by number from 1 on.
        options: What need not be found out about the files.
        threads: How many threads share the work on one file.
    """

    asked: Asked
    files: tuple[tuple[str, dict[str, str]], ...]
    columns: tuple[str | int, ...]
    options: FileOptions
    threads: int


def scrubbed_files(job: FilesJob, batches: Iterator[Any]) -> Iterator[Any]:
    """Scrub the files whose places are in record batches; yield what became of each."""
    import pyarrow as pa  # noqa: PLC0415

    question = job.asked.question()
    for batch in batches:
        for place in batch.column(0).to_pylist():
            source, outputs = job.files[place]
            asked = files.Job(
                question,
                job.columns,
                Outputs(**outputs),
                job.options,
                progress=None,
                threads=job.threads,
            )
            done = scrub_one(Path(source), asked)
            yield pa.RecordBatch.from_pylist([_told(done)], _told_schema())


def _told(done: ScrubbedFile) -> dict[str, object]:
    """Return what became of a file, in types that Spark has."""
    told: dict[str, object] = {"source": str(done.source)}
    if done.summary is not None:
        summary = {name: getattr(done.summary, name) for name in SUMMARY}
        told |= {
            name: list(value.items()) if isinstance(value, Mapping) else value
            for name, value in summary.items()
        }
    if (error := done.error) is not None:
        told["error"] = [type(error).__name__, *error.args]
    return told


#: What is told of a summary.
SUMMARY: Final = (
    *("rows", "clear", "blocked", "invalid"),
    *("invalid_reasons", "blocked_lists"),
)


def _told_schema() -> Any:
    import pyarrow as pa  # noqa: PLC0415

    counts = pa.map_(pa.string(), pa.int64())
    types = [pa.int64()] * 4 + [counts] * 2
    return pa.schema(
        [
            ("source", pa.string()),
            *zip(SUMMARY, types, strict=True),
            ("error", pa.list_(pa.string())),
        ]
    )


#: The same for Spark.
TOLD: Final = (
    "source string, rows bigint, clear bigint, blocked bigint, invalid bigint, "
    "invalid_reasons map<string, bigint>, blocked_lists map<string, bigint>, "
    "error array<string>"
)


def _book(asked: Asked) -> Snapshot:
    if asked.version != __version__:
        raise CannotAnswerError(
            f"the version of bloctel that the driver runs, {asked.version}",
            f"version {__version__}",
            "a Python worker of Spark (install the same one on all machines)",
        )
    for own in asked.own_rules:
        rules.register(own)
    path = Path(asked.file) if asked.is_shared else _carried(asked.file)
    content = opened(path, stamp_of(path))
    found = Edition.of(content)
    if found != asked.edition:
        raise SnapshotError(
            f"{asked.edition}, which the driver saw",
            f"{found} (scrub again)",
            str(path),
        )
    return Snapshot(content)


def _carried(name: str) -> Path:
    from pyspark import SparkFiles  # noqa: PLC0415

    return Path(SparkFiles.get(name))


@lru_cache(maxsize=_KEPT_FILES)
def opened(path: Path, stamp: Stamp) -> Content:
    """Map a file and check every byte, once in the life of a worker.

    No note of the check is left for other workers: it would have to be believed.
    """
    return read_content(path, verify=True)


def _with_kinds(batch: Any, found: Classification) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    kinds = pa.array(KINDS).take(pa.array(found.kinds))
    clear = found.kinds == CLEAR
    reasons = pa.array(list(found.reasons), pa.string())
    said = reasons.take(pa.array(found.reason_of, mask=clear))
    schema = batch.schema.append(pa.field(ADDED_COLUMN, pa.string(), nullable=False))
    schema = schema.append(pa.field(REASON_COLUMN, pa.string()))
    return pa.RecordBatch.from_arrays([*batch.columns, kinds, said], schema=schema)
