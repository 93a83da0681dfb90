"""Log of past calls in a CSV or Parquet file, for `Desk.audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bloctel.bulk.row_sources import cells_of, is_parquet
from bloctel.compliance.audit.call_columns import COLUMNS
from bloctel.errors import InputError
from bloctel.tabular.csv_dialect import ALL_DETECTED
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.parquet_reader import open_parquet
from bloctel.tabular.phone_columns import ChosenColumns, clean_name, described, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bloctel.tabular.csv_reader import Progress

__all__ = ["read_call_log"]

_NEEDED: Final = ("number", "at")
_PARQUET_ROWS: Final = 1 << 16


def read_call_log(
    source: str | Path,
    *,
    names: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Mapping[str, Sequence[Any]]:
    """Return the columns of a CSV or Parquet file that an audit needs.

    They are stored in memory, about a kilobyte for three calls.

    Args:
        source: The path of the file; CSV needs a header row.
        names: The file's names of columns, by their names in `Desk.audit`; the others
            have the same names.
        progress: Called with the bytes read, and the total if known.

    Raises:
        InputError: The file cannot be read, or a column is missing.
        MissingExtraError: The file is Parquet, and pyarrow is not installed.
    """
    chosen = _Names(names or {}, source_name(source))
    if is_parquet(source):
        return _of_parquet(source, chosen)
    with open_records(source, chosen.choose, ALL_DETECTED, progress) as records:
        found = [chosen.ours[name] for name in records.dialect.columns.names]
        columns: dict[str, list[str]] = {name: [] for name in found}
        known: dict[str, str] = {}  # stores repeated texts once
        for batch in records.batches():
            for index, name in enumerate(found):
                texts = (str(c, "utf-8", "replace") for c in cells_of(batch, index))
                columns[name] += [known.setdefault(text, text) for text in texts]
    return columns


def _of_parquet(source: str | Path, chosen: _Names) -> dict[str, Any]:
    with open_parquet(source) as file:
        import pyarrow as pa  # noqa: PLC0415

        names = list(chosen.choose([file.schema.names], True).names)
        schema = pa.schema([file.schema.field(name) for name in names])
        batches = file.batches(_PARQUET_ROWS, columns=names, use_threads=True)
        table = pa.Table.from_batches(
            [batch.select(names) for batch in batches], schema
        )
    return {chosen.ours[name]: table.column(name) for name in names}


class _Names:
    """Names of the columns of an audit in a file.

    Attributes:
        where: The name of the file in messages.
        ours: The audit's names of the columns that were found, by the file's names.
    """

    def __init__(self, given: Mapping[str, str], where: str) -> None:
        self.where = where
        self.ours: dict[str, str] = {}
        for name in given:
            if name not in COLUMNS:
                known = ", ".join(COLUMNS)
                raise InputError(f"one of the columns {known}", shown(name), where)
        self._given = given

    def choose(
        self, rows: Sequence[Sequence[str]], _has_header: bool | None
    ) -> ChosenColumns:
        """Choose the columns that the file has.

        Raises:
            InputError: A requested or required column is missing.
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
