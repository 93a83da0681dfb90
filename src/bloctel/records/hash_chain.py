"""Hash chain over records: it reveals altered, deleted and moved records.

| value   | definition                                                              |
| ------- | ----------------------------------------------------------------------- |
| body    | the fields of the record and a random salt, as canonical JSON           |
| content | SHA-256 of the canonical JSON `[key, at, body]`                         |
| digest  | SHA-256 of the JSON `[previous digest, stream, seq, at, content]`       |

In the first record of a stream, the previous digest is null.  Digests are lower-case
hexadecimal.

The digest depends on key and body only through the content digest, so that key and body
can be erased without breaking the hash chain.  There are only 10^9 French numbers, so
that a digest of a number alone would reveal it.  Therefore each body contains a salt of
128 random bits, which is erased with the body.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bloctel._util.canonical_json import canonical
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.storage.rows import RecordRow

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_BODY",
    "HashChain",
    "content_of",
    "damaged",
    "digest_of",
    "fields_of",
    "following",
    "new_body",
]

#: The maximum size of a body in bytes; all storages can store this size encrypted.
MAX_BODY: Final = 1 << 15

_SALT: Final = "salt"
_SALT_BYTES: Final = 16
_MAX_INTEGER: Final = 2**53 - 1  # the largest integer that all JSON libraries preserve


def new_body(fields: Mapping[str, object]) -> str:
    """Return the body of a new record: the fields and a new salt.

    Raises:
        InputError: The fields are not JSON without fractions, contain a `salt`, or are
            too long.
    """
    if _SALT in fields:
        raise InputError("fields without a salt", "a salt", "fields")
    salted = {**fields, _SALT: secrets.token_hex(_SALT_BYTES)}
    try:
        body = canonical(salted)
        _parsed(body.decode())
    except (TypeError, ValueError, RecursionError):
        # the cause can contain values of the fields, so it is not attached
        message = "the fields cannot be stored as JSON without fractions"
        got = f"{len(fields)} fields"
        raise InputError("JSON", got, "fields", message=message) from None
    if len(body) > MAX_BODY:
        expected = f"fields of at most {MAX_BODY} bytes as JSON"
        raise InputError(expected, f"{len(body)} bytes", "fields")
    return body.decode()


def fields_of(row: RecordRow) -> dict[str, Any] | None:
    """Return the fields of a record; None if the record was erased.

    Raises:
        DamagedRecordsError: The record was altered.
    """
    if row.body is None:
        if row.key is None:
            return None
    elif content_of(row.key, row.at, row.body) == row.content:
        with suppress(ValueError, RecursionError):
            fields = _parsed(row.body)
            if isinstance(fields, dict):
                fields.pop(_SALT, None)
                return fields
    raise damaged(row.stream, row.seq, "altered, its content digest is wrong")


def content_of(key: int | None, at: int, body: str) -> str:
    """Return the content digest of a record.

    >>> content_of(None, 0, "{}")[:16]
    'f3d7438159c90c37'
    """
    return _digest([key, at, body])


def digest_of(previous: str | None, row: RecordRow) -> str:
    """Return the digest that links a record to the previous one."""
    return _digest([previous, row.stream, row.seq, row.at, row.content])


def following(
    last: tuple[int, str | None], stream: str, key: int | None, at: int, body: str
) -> RecordRow:
    """Return the next record of a stream.

    Args:
        last: Sequence number and digest of the last record; (0, None) before the first.
        stream: The stream.
        key: The key of the phone number that the record is about, or None.
        at: The time of the event, in microseconds since 1970-01-01T00:00Z.
        body: A result of `new_body`.
    """
    seq, previous = last
    content = content_of(key, at, body)
    row = RecordRow(stream, seq + 1, key, at, body, content, "")
    return row._replace(digest=digest_of(previous, row))


class HashChain:
    """Verifier of the records of a stream, which is given one record after another.

    Attributes:
        stream: The stream.
        seq: The sequence number of the last verified record; 0 before the first.
        digest: The digest of the last verified record; None before the first.
    """

    def __init__(self, stream: str, last: tuple[int, str | None] = (0, None)) -> None:
        self.stream = stream
        self.seq, self.digest = last

    def follow(self, row: RecordRow) -> None:
        """Verify the next record.

        Raises:
            DamagedRecordsError: The record was altered, or is not the next record.
        """
        if row.seq != self.seq + 1:
            where = f"record {row.seq} of {self.stream}"
            got = f"record {row.seq}"
            raise DamagedRecordsError(f"record {self.seq + 1}", got, where)
        fields_of(row)
        if row.digest != digest_of(self.digest, row):
            raise damaged(self.stream, row.seq, "altered or moved, its digest is wrong")
        self.seq, self.digest = row.seq, row.digest


def damaged(stream: str, seq: int, fault: str) -> DamagedRecordsError:
    """Return the error for a damaged record."""
    where = f"record {seq} of {stream}"
    return DamagedRecordsError(
        "an unaltered record", fault, where, message=f"damaged record: {fault}"
    )


def _digest(value: list[object]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def _parsed(body: str) -> Any:
    return json.loads(
        body, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse
    )


def _integer(text: str) -> int:
    value = int(text) if len(text) <= len(str(-_MAX_INTEGER)) else _MAX_INTEGER + 1
    return value if abs(value) <= _MAX_INTEGER else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError("not an integer of at most 53 bits")
