"""Log of past calls in a CSV or Parquet file, for `Desk.audit`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bloctel.bulk.row_sources import field_columns, is_parquet, text_columns
from bloctel.compliance.audit.call_columns import COLUMNS
from bloctel.errors import InputError
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.tabular.csv_dialect import ALL_DETECTED
from bloctel.tabular.csv_reader import Progress, open_records, source_name
from bloctel.tabular.number_lists import with_surplus
from bloctel.tabular.parquet_reader import open_parquet
from bloctel.tabular.phone_columns import ColumnChooser, shown

_NEEDED: Final = ("number", "at")
_PARQUET_ROWS: Final = 1 << 16


def read_call_log(
    source: str | Path,
    *,
    names: Mapping[str, str] | None = None,
    region: str | None = DEFAULT_REGION,
    progress: Progress | None = None,
) -> Mapping[str, Sequence[Any]]:
    """Return the columns of a call log (CSV or Parquet) that `Desk.audit` needs.

    All columns are kept in memory: about 330 bytes for each call.

    Args:
        source: The path of the file; CSV needs a header row.
        names: For each column of `Desk.audit`, the name of the column in the file.  By
            default, a column has the same name in the file.
        region: The region of phone numbers without a country code.
        progress: Function that gets the bytes read and the size (None if unknown).

    Raises:
        InputError: The file cannot be read, a column is missing, or a cell contains the
            next rows because it has no closing quote.
        MissingExtraError: The file is Parquet, and pyarrow is not installed.
    """
    where, given = source_name(source), names or {}
    for name in given:
        if name not in COLUMNS:
            expected = f"one of the columns {', '.join(COLUMNS)}"
            raise InputError(expected, shown(name), where)
    optional = set(COLUMNS) - set(_NEEDED)
    choose = with_surplus(field_columns(given, COLUMNS, optional, where))
    if is_parquet(source):
        return _of_parquet(source, choose)
    with open_records(source, choose, ALL_DETECTED, progress) as records:
        found = records.dialect.columns.names
        columns: dict[str, list[str]] = {name: [] for name in found}
        known: dict[str, str] = {}  # a dictionary stores repeated texts only once
        for parts in text_columns(records, 1, region):
            for name, texts in zip(found, parts, strict=True):
                columns[name] += [known.setdefault(text, text) for text in texts]
    return columns


def _of_parquet(source: str | Path, choose: ColumnChooser) -> dict[str, Any]:
    with open_parquet(source) as file:
        import pyarrow as pa  # noqa: PLC0415

        chosen = choose([file.schema.names], True)
        schema = pa.schema([file.schema.field(index) for index in chosen.indexes])
        parts = file.batches(_PARQUET_ROWS, columns=chosen.indexes, use_threads=True)
        table = pa.Table.from_batches(parts, schema)
    return dict(zip(chosen.names, table.columns, strict=True))
