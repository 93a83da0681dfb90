"""Export of a list of a registry to a CSV or Parquet file."""

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bloctel import rules
from bloctel._util import clock
from bloctel.errors import InputError, UnknownListError
from bloctel.numbers.phone_number import number_of
from bloctel.periods import NO_END, from_epoch_day
from bloctel.registry.journal import RegistrationColumns
from bloctel.registry.registry import Registry
from bloctel.scrub.opposition_source import files_read
from bloctel.tabular.csv_reader import Progress
from bloctel.tabular.number_lists import EXPORT_COLUMNS as COLUMNS
from bloctel.tabular.outputs import open_output
from bloctel.tabular.parquet_reader import parquet_module


def export_numbers(
    registry: Registry,
    target: str | Path | BinaryIO,
    *,
    list: str,
    numbers_only: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write all registrations of a list to a file; return the number of registrations.

    If the path ends in `.parquet`, the file is a Parquet file, otherwise a CSV file.
    After an error, no file is written.  The file contains all numbers of the list, so
    protect the file like the list.  An import with `on_column="registered_on"` restores
    the registrations, but not their renewals, withdrawals and delays.

    Args:
        registry: The registry.
        target: A path, or a binary stream to which CSV is written.
        list: The name of the list.
        numbers_only: True accepts that the file does not contain everything that the
            list blocks: prefix rules, or numbers without an answer of the operator.
        progress: Function that gets the number of registrations written so far.

    Raises:
        UnknownListError: The registry contains no such list.
        InputError: The target cannot be written, or the list blocks numbers that are
            not in the file, and *numbers_only* is false.
        MissingExtraError: The target is Parquet, and pyarrow is not installed.
    """
    if not numbers_only:
        _require_only_numbers(registry, list)
    parts = _reporting(registry.registrations(list=list), progress)
    is_parquet = isinstance(target, str | Path) and str(target).endswith(".parquet")
    write = _write_parquet if is_parquet else _write_csv
    with open_output("the export", target, files_read(registry)) as file:
        return write(file, parts)


def _require_only_numbers(registry: Registry, list: str) -> None:
    """Raise InputError if a list also blocks numbers that are not registered."""
    rule, got = rules.load(list), ""
    today = clock.today(rule.time_zone)
    if any(
        one.list == list and one.blocks and (one.ends_on is None or today < one.ends_on)
        for one in registry.prefixes()
    ):
        got = "numbers by prefix rules"
    with suppress(UnknownListError):
        next(registry.registrations(list=rules.cleared_name(rule.name)), None)
        got = "numbers that are in no answer and no file of the operator"
    if not got:
        return
    message = (
        f"the list {list} also blocks {got}, which an export cannot contain: copy the "
        "database or build a snapshot, or accept a file without these numbers "
        "(numbers_only=True, --numbers-only)"
    )
    raise InputError("a list of registrations only", got, "list", message=message)


def _reporting(
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
        days = ([_iso(day) for day in column.tolist()] for column in _days(part))
        lines = map(",".join, zip(_numbers(part), *days, strict=True))
        file.write("".join(f"{line}\n" for line in lines).encode())
        n += len(part.keys)
    return n


def _numbers(part: RegistrationColumns) -> Iterator[str]:
    return (number_of(key).e164 for key in part.keys.tolist())


def _days(part: RegistrationColumns) -> tuple[NDArray[Any], ...]:
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
            days = [
                pa.array(days.astype(np.int32), mask=days == NO_END).cast(pa.date32())
                for days in _days(part)
            ]
            writer.write_table(pa.table([pa.array(_numbers(part)), *days], schema))
            n += len(part.keys)
    return n
