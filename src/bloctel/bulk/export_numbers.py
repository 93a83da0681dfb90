"""A list of a registry into a file, as CSV or Parquet."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from bloctel._util.atomic_files import replacing
from bloctel.errors import InputError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.periods import NO_END, from_epoch_day
from bloctel.tabular.parquet_reader import parquet_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel.registry.journal import RegistrationColumns
    from bloctel.registry.registry import Registry
    from bloctel.tabular.csv_reader import Progress

__all__ = ["COLUMNS", "export_numbers"]

#: The columns of an exported list: E.164, then days as 2026-11-23, empty for none.
COLUMNS: Final = ("number", "registered_on", "starts_on", "ends_on", "withdrawn_on")


def export_numbers(
    registry: Registry,
    target: str | Path | BinaryIO,
    *,
    list: str,
    progress: Progress | None = None,
) -> int:
    """Write every registration of a list to a file, and return how many there are.

    A path that ends in `.parquet` gets Parquet, everything else CSV.  The file
    appears whole, or not at all.  It *is* the list: protect it so.  Imported with
    `on_column="registered_on"` it makes the registrations that nobody has renewed
    or withdrawn since.

    Args:
        registry: What is exported.
        target: A path, or a binary stream, which gets CSV.
        list: The list's name.
        progress: Told how many registrations have been written.

    Raises:
        UnknownListError: The registry holds no such list.
        InputError: Nothing can be written there.
        MissingExtraError: pyarrow is not installed, and Parquet is asked for.
    """
    parts = _told(registry.registrations(list=list), progress)
    if not isinstance(target, str | Path):
        return _write_csv(target, parts)
    write = _write_parquet if str(target).endswith(".parquet") else _write_csv
    try:
        with replacing(target) as file:
            return write(file, parts)
    except OSError as error:
        got = f"one that cannot be written to ({os.strerror(error.errno or 0)})"
        raise InputError("a place for the export", got, str(target)) from error


def _told(
    parts: Iterator[RegistrationColumns], progress: Progress | None
) -> Iterator[RegistrationColumns]:
    done = 0
    for part in parts:
        yield part
        done += len(part.keys)
        if progress is not None:
            progress(done, None)


def _write_csv(file: BinaryIO, parts: Iterator[RegistrationColumns]) -> int:
    file.write((",".join(COLUMNS) + "\n").encode())
    n = 0
    for part in parts:
        numbers = (PhoneNumber(key).e164 for key in part.keys.tolist())
        days = ([_iso(day) for day in column.tolist()] for column in _days(part))
        lines = map(",".join, zip(numbers, *days, strict=True))
        file.write("".join(f"{line}\n" for line in lines).encode())
        n += len(part.keys)
    return n


def _days(part: RegistrationColumns) -> tuple[np.ndarray[Any, Any], ...]:
    return part.registered_on, part.starts_on, part.ends_on, part.withdrawn_on


@lru_cache(100_000)
def _iso(day: int) -> str:
    on = from_epoch_day(day)
    return "" if on is None else on.isoformat()


def _write_parquet(file: BinaryIO, parts: Iterator[RegistrationColumns]) -> int:
    parquet = parquet_module()
    import pyarrow as pa  # noqa: PLC0415

    schema = pa.schema(
        [(COLUMNS[0], pa.string()), *((name, pa.date32()) for name in COLUMNS[1:])]
    )
    n = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for part in parts:
            numbers = pa.array([PhoneNumber(key).e164 for key in part.keys.tolist()])
            days = [_date32(pa, column) for column in _days(part)]
            writer.write_table(pa.table([numbers, *days], schema))
            n += len(part.keys)
    return n


def _date32(pa: Any, days: np.ndarray[Any, Any]) -> Any:
    return pa.array(days.astype(np.int32), mask=days == NO_END).cast(pa.date32())
