"""What a Python worker of Spark does: map the list that the driver saw, judge batches.

Whatever a job says of its snapshot is compared with the file that is here: a worker
that finds another one raises, and no result is a mixture of two lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from bloctel._version import __version__
from bloctel.errors import CannotAnswerError, SnapshotError
from bloctel.scrub.marking import KIND_COLUMN, REASON_COLUMN
from bloctel.scrub.rows import RowJudge
from bloctel.scrub.verdicts import CLEAR, KINDS
from bloctel.snapshot import Content, Snapshot, read_content, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from uuid import UUID

    from bloctel.scrub.rows import Answers
    from bloctel.snapshot.reading import Stamp

__all__ = ["Edition", "Job", "judged", "opened"]

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
class Job:
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
    edition: Edition
    version: str
    on: date
    lists: tuple[str, ...] | None
    region: str | None
    places: tuple[int, ...]
    names: tuple[str, ...]


def judged(job: Job, batches: Iterator[Any]) -> Iterator[Any]:
    """Yield record batches with the two added columns."""
    question = _book(job).question(on=job.on, lists=job.lists, region=job.region)
    judge = RowJudge(question, job.names)
    for batch in batches:
        columns = [batch.column(place) for place in job.places]
        yield _with_answers(batch, judge.judge(columns, len(batch)))


def _book(job: Job) -> Snapshot:
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
    content = opened(path, stamp_of(path))
    found = Edition.of(content)
    if found != job.edition:
        raise SnapshotError(
            f"{job.edition}, which the driver saw", f"{found} (scrub again)", str(path)
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


def _with_answers(batch: Any, answers: Answers) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    kinds = pa.array(KINDS).take(pa.array(answers.kinds))
    clear = answers.kinds == CLEAR
    reasons = pa.array(answers.reasons, pa.string())
    said = reasons.take(pa.array(answers.reason_of, mask=clear))
    schema = batch.schema.append(pa.field(KIND_COLUMN, pa.string(), nullable=False))
    schema = schema.append(pa.field(REASON_COLUMN, pa.string()))
    return pa.RecordBatch.from_arrays([*batch.columns, kinds, said], schema=schema)
