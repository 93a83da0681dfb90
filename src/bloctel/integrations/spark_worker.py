"""What a Python worker of Spark does: map the list that the driver saw, judge batches.

Whatever a job says of its snapshot is compared with the file that is here: a worker
that finds another one raises, and no result is a mixture of two lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np

from bloctel import _digits
from bloctel._version import __version__
from bloctel.columns import Integers, blocks
from bloctel.errors import CannotAnswerError, SnapshotError
from bloctel.numbers import read_block
from bloctel.scrub.added import ADDED_COLUMN
from bloctel.scrub.verdicts import CLEAR, Judge
from bloctel.snapshot import Content, Snapshot, read_content, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from uuid import UUID

    from numpy.typing import NDArray

    from bloctel.columns import Block
    from bloctel.question import Question
    from bloctel.scrub.verdicts import Judgement
    from bloctel.snapshot.reading import Stamp

__all__ = ["REASON_COLUMN", "Edition", "Job", "judged", "opened"]

#: The column that is added beside `ADDED_COLUMN`.
REASON_COLUMN: Final = f"{ADDED_COLUMN}_reason"

#: By `CLEAR`, `BLOCKED` and `INVALID`.
_KINDS: Final = ("clear", "blocked", "invalid")
_NINE_DIGITS: Final = 10**8, 10**9
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
    judge = Judge(question, job.names)
    for batch in batches:
        columns = [batch.column(place) for place in job.places]
        yield _with_verdicts(batch, judge.settle(*_ask(question, columns)))


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
    if isinstance(block, Integers):
        in_doubt = (matches < 0) & (codes == 0) & _may_be_abroad(question, block)
        for row in np.flatnonzero(in_doubt).tolist():
            key, _ = question.ask(block.value(row), question.region)
            codes[row] = key if key < _digits.FIRST_KEY else 0
    return matches, codes


def _may_be_abroad(question: Question, block: Integers) -> NDArray[np.bool_]:
    """Tell which integers of nine digits are blocked as a whole foreign number.

    Where the region is French, they are also French numbers whose 0 is lost.
    """
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
