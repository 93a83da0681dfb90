"""Row sources: phone numbers and days from CSV and Parquet files, in batches."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from bloctel._util.private_fields import not_shown
from bloctel._util.raising import raise_alone
from bloctel.errors import InputError
from bloctel.numbers.columns import blocks
from bloctel.numbers.phone_number import keys_to_store
from bloctel.scrub.added_columns import ADDED_COLUMN, extended_header, extended_rows
from bloctel.tabular import number_lists
from bloctel.tabular.csv_dialect import ALL_DETECTED
from bloctel.tabular.csv_reader import (
    Batch,
    Progress,
    RecordFile,
    Source,
    open_records,
    source_name,
)
from bloctel.tabular.parquet_reader import ParquetSource, open_parquet
from bloctel.tabular.phone_columns import (
    ChosenColumns,
    ColumnChooser,
    clean_name,
    named_columns,
    shown,
)

#: The value of a day that cannot be read.
NO_DAY: Final = np.iinfo(np.int64).min

#: Reasons to reject a row, in addition to the reasons in `bloctel.numbers.Reason`.
BAD_DAY: Final = "bad_day"
CLOSED: Final = "list_closed"
FUTURE: Final = "future_day"

_PARQUET: Final = b"PAR1"
_PARQUET_ROWS: Final = 1 << 16
_ROWS_COMPARED: Final = 200
_ISO_DAY: Final = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH: Final = date(1970, 1, 1).toordinal()


@not_shown("keys")
class Rows(NamedTuple):
    """Consecutive rows of a file, beginning with row number *first*.

    `keys[i, j]` is the key of the number in phone column *i* and row *j*, or a code if
    the cell is not a phone number.  `days` contains the days on which the objections
    were received, or `NO_DAY` for a text that is not a day; it is None if the file has
    no column of days.  `source` is the batch that contains the rows.
    """

    first: int
    keys: NDArray[np.uint64]
    days: NDArray[np.int64] | None
    source: object


@contextmanager
def open_rows(
    source: Source,
    *,
    region: str | None,
    columns: number_lists.ListColumns,
    on_column: str | int | None,
    progress: Progress | None,
) -> Iterator["RowsFile"]:
    """Open a CSV or Parquet file of phone numbers."""
    name = source_name(source)
    others = [] if on_column is None else [on_column]
    choose = number_lists.list_columns(columns, region, name, others)
    if is_parquet(source):
        with open_parquet(source) as file:
            yield _ParquetRows(file, region, choose, progress)
        return
    with open_records(source, choose, ALL_DETECTED, progress) as records:
        yield _CsvRows(records, region)


def is_parquet(source: Source) -> bool:
    """Return True if *source* is the path of a Parquet file."""
    if not isinstance(source, str | Path):
        return False
    try:
        with Path(source).open("rb") as file:
            return Path(source).is_file() and file.read(4) == _PARQUET
    except OSError:
        return False


def cells_of(batch: Batch, column: int) -> list[bytes]:
    """Return the cells of a chosen column of a CSV file, in UTF-8."""
    data, starts, ends = batch.cells(column)
    content = data.tobytes()
    bounds = zip(starts.tolist(), ends.tolist(), strict=True)
    return [content[start:end] for start, end in bounds]


def text_columns(
    records: RecordFile, n_numbers: int, region: str | None, n_required: int = 0
) -> Iterator[list[list[str]]]:
    """Yield the texts of each chosen column of a CSV file, in batches.

    Raises:
        InputError: A row has fewer than *n_required* fields, or a cell contains the
            next rows because it has no closing quote.
    """
    number_lists.refuse_hidden_numbers(records.head, n_numbers, region, records.name)
    indexes = range(len(records.dialect.columns.names))
    for batch in records.batches():
        number_lists.refuse_lengths(batch, records.name, n_required=n_required)
        number_lists.refuse_hidden_numbers(batch, n_numbers, region, records.name)
        yield [
            [str(cell, "utf-8", "replace") for cell in cells_of(batch, index)]
            for index in indexes
        ]


def field_columns(
    given: Mapping[str, str | int],
    fields: Iterable[str],
    optional: Collection[str],
    where: str,
) -> ColumnChooser:
    """Return a function that chooses one column for each field.

    *given* contains the columns of some fields.  Every other field has the column with
    the field's name; an optional field without such a column is left out.  Each chosen
    column has the name of its field.
    """

    def choose(rows: Sequence[Sequence[str]], has_header: bool | None) -> ChosenColumns:
        first = [clean_name(cell).casefold() for cell in (rows[0] if rows else ())]
        found = {
            field: given.get(field, field)
            for field in fields
            if field in given or field not in optional or field in first
        }
        chosen = named_columns(list(found.values()), where=where)(rows, has_header)
        if len(chosen.indexes) < len(found):
            got = "the same column for two fields"
            raise InputError("a different column for each field", got, where)
        return replace(chosen, names=tuple(found))

    return choose


def read_iso_days(texts: Iterable[bytes]) -> NDArray[np.int64]:
    """Return days since 1970-01-01; `NO_DAY` for a text without the form 2026-11-23."""
    return np.fromiter(map(_iso_day, texts), np.int64)


@lru_cache(1 << 16)
def _iso_day(text: bytes) -> int:
    try:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text.decode()).toordinal() - _EPOCH
    except ValueError:
        pass
    return NO_DAY


class _CsvRows:
    """CSV file of phone numbers, with or without a column of days."""

    def __init__(self, records: RecordFile, region: str | None) -> None:
        self._records = records
        self.name = records.name
        self.columns = records.dialect.columns.names
        chosen = records.dialect.columns
        self._region = region = number_lists.region_of_list(chosen.first, region)
        self.day = _name_of_days(chosen)
        number_lists.refuse_hidden_numbers(
            records.head, len(self.columns), region, self.name
        )

    def parts(self) -> Iterator[Rows]:
        n_columns = len(self.columns)
        for batch in self._records.batches():
            keys, days = number_lists.read_list(batch, n_columns, self._region), None
            if self.day is not None:
                days = read_iso_days(map(bytes.strip, cells_of(batch, n_columns)))
            yield Rows(batch.first_row, keys, days, batch)

    def begin_rejects(self, file: BinaryIO) -> None:
        file.write(self._records.preamble)
        file.write(self._records.encode(extended_header(self._records)))

    def write_rejects(
        self, file: BinaryIO, rows: Rows, reasons: dict[int, str]
    ) -> None:
        batch = cast("Batch", rows.source)
        rejected = list(reasons)
        wanted, text_of = np.zeros(len(batch), bool), np.zeros(len(batch), np.int32)
        wanted[rejected] = True
        text_of[rejected] = range(len(rejected))
        texts = [f"row {rows.first + row}: {reason}" for row, reason in reasons.items()]
        file.write(extended_rows(batch, self._records, texts, text_of, wanted))


class _ParquetRows:
    """Parquet file of phone numbers, with or without a column of days."""

    def __init__(
        self,
        file: ParquetSource,
        region: str | None,
        choose: ColumnChooser,
        progress: Progress | None,
    ) -> None:
        self.name = file.name
        self._file = file
        self._region = number_lists.region_of_list(file.schema.names, region)
        self._progress = progress
        chosen = choose([list(file.schema.names), *_sample(file)], True)
        self.columns, self.day = chosen.names, _name_of_days(chosen)
        number_lists.refuse_header(file.schema.names, self._region, file.name)
        unread = [index for index in chosen.unread if index < len(file.schema.names)]
        unread = [i for i in unread if not _is_time_or_flag(file.schema.types[i])]
        for index in unread:
            if not _is_readable(file.schema.types[index]):
                raise _unchecked(file.schema.names[index], file.name)
        self._chosen, self._unread = chosen, unread
        self._indexes = (*chosen.indexes, *unread)
        self._n_read = len(chosen.indexes)

    def parts(self) -> Iterator[Rows]:
        first, n_columns = 1, len(self.columns)
        batches = self._file.batches(
            _PARQUET_ROWS, columns=self._indexes, use_threads=True
        )
        for batch in batches:
            keys = np.array(list(map(self._keys, batch.columns[:n_columns])))
            own = keys.copy()
            unread = zip(self._unread, batch.columns[self._n_read :], strict=True)
            for index, column in unread:
                for block in blocks(_integral(column)):  # a batch fits into one block
                    found = number_lists.has_unread_numbers(
                        block, own, self._region, self._chosen, index
                    )
                    keys[:, found] = number_lists.UNREAD_NUMBER
            days = None
            if self.day is not None:
                days = self._days(batch.column(n_columns))
            yield Rows(first, keys, days, batch)
            first += len(batch)
            if self._progress is not None:
                self._progress(first - 1, self._file.n_rows)

    def _keys(self, column: Any) -> NDArray[np.uint64]:
        parts = [keys_to_store(block, self._region) for block in blocks(column)]
        return np.concatenate([np.empty(0, np.uint64), *parts])

    def _days(self, column: Any) -> NDArray[np.int64]:
        import pyarrow as pa  # noqa: PLC0415

        expected, where = "a column of days", f"{self.name}, column {self.day!r}"
        try:
            if pa.types.is_timestamp(column.type) and column.type.tz is not None:
                raise InputError(expected, "timestamps with a time zone", where)
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            if not pa.types.is_date(column.type):
                # a timestamp counts as a day only if its time is midnight
                values = column.to_pylist()
                texts = ["" if value is None else str(value) for value in values]
                return read_iso_days(
                    text.strip().removesuffix(" 00:00:00").encode() for text in texts
                )
            days = column.cast(pa.date32()).cast(pa.int32())
        except pa.ArrowException:
            raise_alone(InputError(expected, f"a column of type {column.type}", where))
        filled = np.asarray(days.fill_null(0), np.int64)
        return np.where(np.asarray(days.is_valid()), filled, NO_DAY)

    def begin_rejects(self, file: BinaryIO) -> None:
        names = [self._file.schema.names[i] for i in self._indexes[: self._n_read]]
        file.write(_csv_line([*names, ADDED_COLUMN]))

    def write_rejects(
        self, file: BinaryIO, rows: Rows, reasons: dict[int, str]
    ) -> None:
        batch = cast("Any", rows.source)
        for row, reason in reasons.items():
            cells = [column[row].as_py() for column in batch.columns[: self._n_read]]
            file.write(_csv_line([*cells, f"row {rows.first + row}: {reason}"]))


def _name_of_days(chosen: ChosenColumns) -> str | None:
    """Return the name of the day column, which follows the phone columns, or None."""
    if len(chosen.indexes) == len(chosen.names):
        return None
    index = chosen.indexes[-1]
    return chosen.first[index] if chosen.has_header else str(index + 1)


def _csv_line(cells: list[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _sample(file: ParquetSource) -> list[list[str]]:
    """Return the first rows as texts; values that are not text or numbers become ""."""
    rows = next(file.batches(_ROWS_COMPARED, columns=None, use_threads=False), None)
    if rows is None:
        return []
    columns = [
        list(map(_text, column.to_pylist()))
        if _is_readable(column.type)
        else [""] * len(rows)
        for column in map(_integral, rows.columns)
    ]
    return list(map(list, zip(*columns, strict=True)))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def _integral(column: Any) -> Any:
    """Convert floats to integers: pandas stores integers with gaps (None) as floats."""
    import pyarrow as pa  # noqa: PLC0415

    if not pa.types.is_floating(column.type):
        return column
    return column.fill_null(0).cast(pa.int64(), safe=False)


def _is_readable(kind: Any) -> bool:
    """Return True if a column of this Arrow type contains texts or numbers."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        blocks(_integral(pa.array([], kind)))
    except InputError:
        return False
    return not pa.types.is_struct(kind)


def _is_time_or_flag(kind: Any) -> bool:
    """Return True if no value of this Arrow type can be a phone number."""
    from pyarrow import types  # noqa: PLC0415

    is_time = types.is_date(kind) or types.is_time(kind) or types.is_timestamp(kind)
    return bool(is_time or types.is_boolean(kind) or types.is_null(kind))


def _unchecked(name: str, where: str) -> InputError:
    expected, got = "columns of text or numbers", f"a column {shown(name)}"
    text = (
        f"the column {shown(name)} cannot be checked for phone numbers, because its "
        "type is not text or a number: give the columns to read, by name or by number"
    )
    return InputError(expected, got, where, message=text)


#: File of phone numbers.  `columns` are the names of the phone columns, and `day` is
#: the name of the column of days, or None.  `parts` yields the rows in batches.
RowsFile = _CsvRows | _ParquetRows
