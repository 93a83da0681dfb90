"""Log of past calls in a CSV or Parquet file, for `Desk.audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bloctel.bulk.row_sources import cells_of, field_columns, is_parquet
from bloctel.compliance.audit.call_columns import COLUMNS
from bloctel.errors import InputError
from bloctel.tabular.csv_dialect import ALL_DETECTED
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.parquet_reader import open_parquet
from bloctel.tabular.phone_columns import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bloctel.tabular.csv_reader import Progress
    from bloctel.tabular.phone_columns import ColumnChooser

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
    where, given = source_name(source), names or {}
    for name in given:
        if name not in COLUMNS:
            expected = f"one of the columns {', '.join(COLUMNS)}"
            raise InputError(expected, shown(name), where)
    choose = field_columns(given, COLUMNS, set(COLUMNS) - set(_NEEDED), where)
    if is_parquet(source):
        return _of_parquet(source, choose)
    with open_records(source, choose, ALL_DETECTED, progress) as records:
        found = records.dialect.columns.names
        columns: dict[str, list[str]] = {name: [] for name in found}
        known: dict[str, str] = {}  # stores repeated texts once
        for batch in records.batches():
            for index, name in enumerate(found):
                texts = (str(c, "utf-8", "replace") for c in cells_of(batch, index))
                columns[name] += [known.setdefault(text, text) for text in texts]
    return columns


def _of_parquet(source: str | Path, choose: ColumnChooser) -> dict[str, Any]:
    with open_parquet(source) as file:
        import pyarrow as pa  # noqa: PLC0415

        chosen = choose([file.schema.names], True)
        names = [file.schema.names[index] for index in chosen.indexes]
        schema = pa.schema([file.schema.field(name) for name in names])
        batches = file.batches(_PARQUET_ROWS, columns=names, use_threads=True)
        parts = [batch.select(names) for batch in batches]
        table = pa.Table.from_batches(parts, schema)
    return dict(zip(chosen.names, table.columns, strict=True))
