"""A log of past calls in a file, as `Desk.audit` takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bloctel.bulk.row_sources import is_parquet
from bloctel.compliance.audit.call_columns import COLUMNS
from bloctel.errors import InputError
from bloctel.tabular.csv_dialect import ALL_DETECTED
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.parquet_reader import parquet_module
from bloctel.tabular.phone_columns import ChosenColumns, clean_name, described, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bloctel.tabular.csv_reader import Batch, Progress

__all__ = ["read_call_log"]

_NEEDED: Final = ("number", "at")


def read_call_log(
    source: str | Path,
    *,
    names: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Mapping[str, Sequence[Any]]:
    """Return the columns of a CSV or Parquet file that an audit looks at.

    All of them are held in memory, about a kilobyte for three calls.

    Args:
        source: The path of the file; CSV has a header row.
        names: How the file calls columns, by how `Desk.audit` does; others are looked
            for under the names that `Desk.audit` gives them.
        progress: Called with the bytes done and the bytes in all, if known.

    Raises:
        InputError: It cannot be read, or a column is not there.
        MissingExtraError: It is Parquet, and pyarrow is not installed.
    """
    chosen = _Names(names or {}, source_name(source))
    if is_parquet(source):
        return _of_parquet(source, chosen)
    with open_records(source, chosen.choose, ALL_DETECTED, progress) as records:
        found = [chosen.ours[name] for name in records.dialect.columns.names]
        columns: dict[str, list[str]] = {name: [] for name in found}
        known: dict[str, str] = {}  # few texts are many: each is held once
        for batch in records.batches():
            for place, name in enumerate(found):
                texts = _texts(batch, place)
                columns[name] += [known.setdefault(text, text) for text in texts]
    return columns


def _texts(batch: Batch, column: int) -> list[str]:
    data, starts, ends = batch.cells(column)
    whole = data.tobytes()
    bounds = zip(starts.tolist(), ends.tolist(), strict=True)
    return [str(whole[start:end], "utf-8", "replace") for start, end in bounds]


def _of_parquet(source: str | Path, chosen: _Names) -> dict[str, Any]:
    parquet = parquet_module()
    try:
        with parquet.ParquetFile(source) as file:
            there = chosen.choose([file.schema_arrow.names], True)
            table = file.read(columns=list(there.names))
    except (OSError, ValueError) as error:
        got = "one that cannot be read"
        raise InputError("a Parquet file", got, chosen.where) from error
    return {chosen.ours[name]: table.column(name) for name in there.names}


class _Names:
    """How a file calls the columns of an audit.

    Attributes:
        where: How messages call the file.
        ours: How an audit calls the columns that were found, by the file's names.
    """

    def __init__(self, given: Mapping[str, str], where: str) -> None:
        self.where = where
        self.ours: dict[str, str] = {}
        for name in given:
            if name not in COLUMNS:
                known = ", ".join(COLUMNS)
                raise InputError(f"one of the columns {known}", "another", where)
        self._given = given

    def choose(
        self, rows: Sequence[Sequence[str]], _has_header: bool | None
    ) -> ChosenColumns:
        """Choose the columns that there are.

        Raises:
            InputError: One that was asked for, or that an audit needs, is not there.
        """
        first = [clean_name(cell) for cell in (rows[0] if rows else ())]
        indexes = []
        for name in COLUMNS:
            wanted = clean_name(self._given.get(name, name))
            if wanted in first:
                indexes.append(first.index(wanted))
                self.ours[wanted] = name
            elif name in self._given or name in _NEEDED:
                got = described(first, first)
                raise InputError(f"a column {shown(wanted)}", got, self.where)
        names = tuple(first[index] for index in indexes)
        return ChosenColumns(tuple(indexes), names, has_header=True)
