"""Schemas of Parquet files with columns more, the one that Spark keeps among them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SPARK_SCHEMA", "extended", "extended_for_spark"]

#: Where Spark writes its own schema, which it believes more than that of the file.
SPARK_SCHEMA: Final = b"org.apache.spark.sql.parquet.row.metadata"


def extended(schema: Any, columns: Mapping[str, bool], where: str) -> Any:
    """Return a schema of pyarrow with columns of text more.

    Args:
        schema: The schema.
        columns: Of each column, by name, whether it has nulls.
        where: The file, for messages.

    Raises:
        InputError: Spark's schema cannot be read: Spark would not see the columns.
    """
    import pyarrow as pa  # noqa: PLC0415 - only who uses it has it

    for name, nullable in columns.items():
        schema = schema.append(pa.field(name, pa.string(), nullable=nullable))
    metadata = schema.metadata or {}
    if columns and SPARK_SCHEMA in metadata:
        text = extended_for_spark(metadata[SPARK_SCHEMA], columns, where)
        schema = schema.with_metadata(metadata | {SPARK_SCHEMA: text})
    return schema


def extended_for_spark(text: bytes, columns: Mapping[str, bool], where: str) -> bytes:
    """Return the text of Spark's schema with columns of text more.

    Args:
        text: The schema, as JSON.
        columns: As for `extended`.
        where: As for `extended`.

    Raises:
        InputError: It cannot be read.
    """
    try:
        schema = json.loads(text)
        schema["fields"] += [
            {"name": name, "type": "string", "nullable": nullable, "metadata": {}}
            for name, nullable in columns.items()
        ]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        got = "one that cannot be read"
        raise InputError("a schema of Spark, as JSON", got, where) from error
    return json.dumps(schema, separators=(",", ":")).encode()
