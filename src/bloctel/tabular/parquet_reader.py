"""A Parquet file that is opened for a scrub, once its footer was found sound."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from bloctel.errors import InputError, MissingExtraError
from bloctel.scrub.parquet_footer import FooterError, read_footer
from bloctel.tabular.csv_reader import source_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel.scrub.parquet_footer import Footer
    from bloctel.tabular.csv_reader import Source

__all__ = ["EXPECTED", "ParquetSource", "open_parquet", "parquet_module"]

#: What messages say that a file should be.
EXPECTED: Final = "a Parquet file"
#: So much of a column is read ahead; else pyarrow reads whole row groups.
_READ_AHEAD: Final = 1024 * 1024


def parquet_module() -> Any:
    """Return pyarrow's module for Parquet.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415 - only who uses it has it
    except ImportError as error:
        raise MissingExtraError("Parquet files", "arrow") from error
    return pyarrow.parquet


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """A Parquet file that is being read.

    Attributes:
        name: How messages call it.
        stream: Its bytes.
        descriptor: Where they can be read while others read the stream, if anywhere.
        footer: What it says of itself.
        file: The file as pyarrow sees it.
        schema: Its columns and metadata, as Arrow sees them.
    """

    name: str
    stream: BinaryIO
    descriptor: int | None
    footer: Footer
    file: Any
    schema: Any
    _status: os.stat_result | None

    def refuse_changed(self) -> None:
        """Make sure that it is as it was when its footer was read.

        Raises:
            InputError: It was written to.
        """
        if not _is_same(self._status, _status(self.stream)):
            expected = "a file that stays as it is while it is scrubbed"
            raise InputError(expected, "one that was changed", self.name)


@contextmanager
def open_parquet(source: Source) -> Iterator[ParquetSource]:
    """Open a path once for all, or read a stream: another file may take the place.

    Args:
        source: A path, or a binary stream that can be read from anywhere.

    Raises:
        InputError: It is no Parquet file, or one that cannot be worked with; also
            when that is only found out in the block.
        MissingExtraError: pyarrow is not installed.
    """
    parquet = parquet_module()
    name = source_name(source)
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(_stream(source))
            # whatever is written from here on shows
            status = _status(stream)
            footer = read_footer(stream)
            file = parquet.ParquetFile(
                stream, buffer_size=_READ_AHEAD, page_checksum_verification=True
            )
            stack.enter_context(file)
            schema = file.schema_arrow
        except FooterError as error:
            raise InputError(EXPECTED, f"one with {error}", name) from error
        except (OSError, ValueError, NotImplementedError) as error:
            raise InputError(EXPECTED, "one that cannot be read", name) from error
        own = isinstance(source, str | Path) and hasattr(os, "preadv")
        descriptor = stream.fileno() if own else None
        try:
            yield ParquetSource(name, stream, descriptor, footer, file, schema, status)
        except FooterError as error:
            raise InputError(EXPECTED, f"one with {error}", name) from error


@contextmanager
def _stream(source: Source) -> Iterator[BinaryIO]:
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(source, str | Path):
        with pa.OSFile(str(source)) as file:
            yield cast("BinaryIO", file)
    else:
        yield source


def _status(file: BinaryIO) -> os.stat_result | None:
    """Return the status of a file, None of a stream in memory."""
    try:
        return os.fstat(file.fileno())
    except (AttributeError, OSError):
        return None


def _is_same(before: os.stat_result | None, after: os.stat_result | None) -> bool:
    """Tell whether nobody has written to a file meanwhile."""
    if before is None or after is None:
        return before is after
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return False
    # the other time can hardly be set back, but also changes as a name is lost
    return before.st_ctime_ns == after.st_ctime_ns or before.st_nlink != after.st_nlink
