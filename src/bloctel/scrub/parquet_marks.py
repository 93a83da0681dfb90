"""The columns that are added to a marked Parquet file, as a file of their own."""

from __future__ import annotations

import tempfile
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import numpy as np

from bloctel.scrub.classifier import CLEAR, KINDS
from bloctel.scrub.marking import KIND_COLUMN, REASON_COLUMN
from bloctel.scrub.parquet_footer import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bloctel.scrub.classifier import Judgement

__all__ = ["MOST_ROWS", "Groups", "Marks"]

#: pyarrow writes no row group of more.
MOST_ROWS: Final = 64 * 1024 * 1024
_IN_MEMORY: Final = 32 * 1024 * 1024
_NO_KINDS: Final = np.empty(0, np.uint8)
_NO_REASONS: Final = np.empty(0, np.int32)


class Groups:
    """Cuts what is said of rows as the rows are cut into row groups.

    Args:
        sizes: How many rows each has.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = deque(sizes)
        self._waiting: deque[Judgement] = deque()
        self._n_waiting = 0

    @property
    def is_whole(self) -> bool:
        """Whether there were as many rows as there should be."""
        return not self._sizes and not self._n_waiting

    def add(self, judgement: Judgement) -> Iterator[list[Judgement]]:
        """Take what is said of the next rows, and yield the parts of whole groups."""
        self._waiting.append(judgement)
        self._n_waiting += len(judgement.kinds)
        return self.whole()

    def whole(self) -> Iterator[list[Judgement]]:
        """Yield the parts of each row group of which all rows are known."""
        while self._sizes and self._sizes[0] <= self._n_waiting:
            yield list(self._taken(self._sizes.popleft()))

    def _taken(self, n_rows: int) -> Iterator[Judgement]:
        """Take what is said of so many rows from what waits."""
        self._n_waiting -= n_rows
        while n_rows:
            part = self._waiting.popleft()
            if len(part.kinds) > n_rows:
                self._waiting.appendleft(part.rows(slice(n_rows, None)))
                part = part.rows(slice(n_rows))
            n_rows -= len(part.kinds)
            yield part


class Marks:
    """The added columns, as a Parquet file of their own for the time being.

    Args:
        codec: How they are compressed, as pyarrow's writer calls it.

    Attributes:
        bounds: Of each row group that is written, what is known of the two columns.
    """

    def __init__(self, codec: str) -> None:
        import pyarrow as pa  # noqa: PLC0415 - only who uses it has it
        import pyarrow.parquet as parquet  # noqa: PLC0415

        self.bounds: list[tuple[Bounds, Bounds]] = []
        self._schema = pa.schema(
            [
                pa.field(
                    KIND_COLUMN, pa.dictionary(pa.int8(), pa.string()), nullable=False
                ),
                pa.field(REASON_COLUMN, pa.dictionary(pa.int32(), pa.string())),
            ]
        )
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        # pyarrow would look for the least and the greatest text in every row
        self._writer = parquet.ParquetWriter(
            self._file, self._schema, compression=codec, write_statistics=False
        )

    def write(self, parts: Sequence[Judgement]) -> None:
        """Write the marks of one row group, of which there are parts."""
        import pyarrow as pa  # noqa: PLC0415

        kinds = np.concatenate([_NO_KINDS, *(part.kinds for part in parts)])
        reason_of = np.concatenate([_NO_REASONS, *(part.reason_of for part in parts)])
        reasons = parts[-1].reasons if parts else []  # which only become more
        # most rows are clear, of which nothing more is said
        odd = np.flatnonzero(kinds != CLEAR)
        used, places = np.unique(reason_of[odd], return_inverse=True)
        said = np.zeros(len(kinds), np.int32)
        said[odd] = places
        texts = [reasons[place] for place in used.tolist()]
        columns = [
            pa.DictionaryArray.from_arrays(kinds.view(np.int8), pa.array(KINDS)),
            pa.DictionaryArray.from_arrays(
                _with_nulls(said, kinds == CLEAR), pa.array(texts, pa.string())
            ),
        ]
        table = pa.Table.from_arrays(columns, schema=self._schema)
        self._writer.write_table(table, row_group_size=max(1, len(kinds)))
        n_clear = len(kinds) - len(odd)
        found = [KINDS[kind] for kind in np.unique(kinds[odd])]
        found += [KINDS[CLEAR]] if n_clear else []
        self.bounds.append((_bounds(found, 0), _bounds(texts, n_clear)))

    def finished(self) -> BinaryIO:
        """Return the file, whole."""
        self._writer.close()
        return cast("BinaryIO", self._file)

    def discard(self) -> None:
        """Remove the file."""
        self._writer.is_open = False  # else pyarrow would end it
        self._file.close()


def _with_nulls(values: NDArray[np.int32], nulls: NDArray[np.bool_]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    valid = np.packbits(~nulls, bitorder="little")
    buffers = [pa.py_buffer(valid), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.int32(), len(values), buffers)


def _bounds(texts: Sequence[str], n_nulls: int) -> Bounds:
    values = [text.encode() for text in texts]
    return Bounds(min(values, default=None), max(values, default=None), n_nulls)
