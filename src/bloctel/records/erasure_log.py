"""Erasure log: a stream with an entry for each erasure of records in other streams."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Final, Self

from bloctel._util.raising import raise_alone
from bloctel.records.hash_chain import HashChain, damaged, fields_of
from bloctel.storage.rows import RecordRow

#: The maximum count of ranges in one record of the erasure log.
_RANGES: Final = 500


class SequenceSet:
    """Set of sequence numbers, stored as sorted ranges such as 1 to 3 and 7 to 9."""

    def __init__(self, ranges: Iterable[list[int]] = ()) -> None:
        self.ranges: list[list[int]] = []
        for first, last in sorted(ranges):
            self.add(first, last)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __contains__(self, seq: int) -> bool:
        return seq <= self._end_of(seq)

    def add(self, first: int, last: int) -> None:
        """Add the numbers from *first* to *last*; add smaller numbers first."""
        if self.ranges and first <= self.ranges[-1][1] + 1:
            self.ranges[-1][1] = max(last, self.ranges[-1][1])
        else:
            self.ranges.append([first, last])

    def first_missing(self, other: Self) -> int | None:
        """Return the first number of *other* that is missing in this set, or None."""
        for first, last in other.ranges:
            end = max(first - 1, self._end_of(first))
            if end < last:
                return end + 1
        return None

    def _end_of(self, seq: int) -> int:
        index = bisect_right(self.ranges, seq, key=itemgetter(0))
        return self.ranges[index - 1][1] if index else 0


def erasure_fields(
    stream: str, seqs: Iterable[int], why: str
) -> Iterator[dict[str, object]]:
    """Yield the fields of the log records for one erasure of *seqs* from a stream.

    >>> list(erasure_fields("calls", [1, 2, 3, 7], "purged"))
    [{'stream': 'calls', 'seqs': [[1, 3], [7, 7]], 'why': 'purged'}]
    """
    ranges = SequenceSet([seq, seq] for seq in seqs).ranges
    for start in range(0, len(ranges), _RANGES):
        yield {"stream": stream, "seqs": ranges[start : start + _RANGES], "why": why}


def erased_in(stream: str, log: Iterable[RecordRow]) -> SequenceSet:
    """Return the sequence numbers in a stream that were erased according to *log*."""
    ranges: list[list[int]] = []
    chain: HashChain | None = None
    for row in log:
        chain = chain or HashChain(row.stream)
        chain.follow(row)
        fields = fields_of(row) or {}
        try:
            logged = [[int(first), int(last)] for first, last in fields["seqs"]]
            ranges += logged if fields["stream"] == stream else []
        except (KeyError, TypeError, ValueError):
            fault = "it does not name a stream and erased sequence numbers"
            raise_alone(damaged(row.stream, row.seq, fault))
    return SequenceSet(ranges)
