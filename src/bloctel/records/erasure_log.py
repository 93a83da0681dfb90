"""Which records of a stream were erased, as a stream of its own tells."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from bloctel.errors import DamagedRecordsError
from bloctel.records.hash_chain import Chain, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bloctel.storage.rows import RecordRow

__all__ = ["Erasures", "told_in_parts"]

#: Runs of places that one record tells of.
_RUNS: Final = 500


def told_in_parts(
    stream: str, seqs: Sequence[int], why: str
) -> Iterator[dict[str, object]]:
    """Yield the fields of records that tell which places were erased, and why.

    Args:
        stream: The stream of which they were erased.
        seqs: The places, in order.
        why: What is noted beside.

    >>> list(told_in_parts("calls", [1, 2, 3, 7], "purged"))
    [{'stream': 'calls', 'seqs': [[1, 3], [7, 7]], 'why': 'purged'}]
    """
    erased = Erasures()
    for seq in seqs:
        erased.add(seq)
    runs = list(erased.runs())
    for first in range(0, len(runs), _RUNS):
        yield {"stream": stream, "seqs": runs[first : first + _RUNS], "why": why}


class Erasures:
    """A set of places, as runs that do not touch."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []  # inclusive

    @classmethod
    def of(cls, rows: Iterable[RecordRow], stream: str) -> Erasures:
        """Return which places of a stream were erased.

        Args:
            rows: The stream that tells of erasures.
            stream: The stream of which they were erased.

        Raises:
            DamagedRecordsError: What tells of it is not as it was written.
        """
        runs: list[list[int]] = []
        chain: Chain | None = None
        for row in rows:
            chain = chain or Chain(row.stream)
            chain.follow(row)
            runs += _runs_in(fields_of(row), stream, row)
        found = cls()
        for first, last in sorted(runs):
            found._add_run(first, last)
        return found

    def __len__(self) -> int:
        return sum(
            last - first + 1
            for first, last in zip(self._starts, self._ends, strict=True)
        )

    def __contains__(self, seq: int) -> bool:
        place = bisect_right(self._starts, seq) - 1
        return place >= 0 and seq <= self._ends[place]

    def runs(self) -> Iterator[list[int]]:
        """Yield first and last place of each run."""
        return ([a, b] for a, b in zip(self._starts, self._ends, strict=True))

    def add(self, seq: int) -> None:
        """Add a place after all others."""
        self._add_run(seq, seq)

    def _add_run(self, first: int, last: int) -> None:
        if self._ends and first <= self._ends[-1] + 1:
            self._ends[-1] = max(last, self._ends[-1])
        else:
            self._starts.append(first)
            self._ends.append(last)

    def require(self, blank: Erasures, stream: str) -> None:
        """Make sure that all blank records are told of.

        Raises:
            DamagedRecordsError: One is not; `where` is the first of them.
        """
        for first, last in blank.runs():
            place = bisect_right(self._starts, first) - 1
            told_to = self._ends[place] if place >= 0 else 0
            if told_to < last:
                where = f"record {max(first, told_to + 1)} of {stream}"
                got = "a blank one that no erasure tells of"
                raise DamagedRecordsError("a record as it was written", got, where)


def _runs_in(
    fields: dict[str, Any] | None, stream: str, row: RecordRow
) -> list[list[int]]:
    """Return the runs of a stream that a record tells of."""
    try:
        if fields is None:
            raise ValueError
        runs = [[int(first), int(last)] for first, last in fields["seqs"]]
    except (KeyError, TypeError, ValueError):
        where = f"record {row.seq} of {row.stream}"
        got = "another"
        raise DamagedRecordsError("a record of erasures", got, where) from None
    return runs if fields["stream"] == stream else []
