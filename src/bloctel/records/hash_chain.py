"""Hash chain over records, which reveals altered, deleted and moved records.

| value   | definition                                                              |
| ------- | ----------------------------------------------------------------------- |
| body    | the fields of the record and a random salt, as canonical JSON           |
| content | SHA-256 of the canonical JSON `[key, at, body]`                         |
| digest  | SHA-256 of the JSON `[previous digest, stream, seq, at, content]`       |

In the first record of a stream, the previous digest is null.  Digests are texts of
lower-case hexadecimal digits.

The digest of a record is computed from its content digest, not from the key and the
body.  So the key and the body can be erased, and the hash chain stays valid.  There are
only 10^9 French phone numbers.  If a digest depended on the number alone, anyone could
find the number by trying all numbers.  Therefore each body contains a salt of 128
random bits, which is erased with the body.
"""

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from bloctel._util.canonical_json import canonical, parse
from bloctel._util.raising import raise_alone
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.storage.rows import RecordRow

#: The maximum size of a body in bytes; every storage can store it, even if encrypted.
MAX_BODY: Final = 1 << 15

_SALT: Final = "salt"
_SALT_BYTES: Final = 16


def new_body(fields: Mapping[str, object]) -> str:
    """Return the body of a new record: the fields and a new salt."""
    if _SALT in fields:
        raise InputError("no field named salt", "a field named salt", "fields")
    salted = {**fields, _SALT: secrets.token_hex(_SALT_BYTES)}
    try:
        body = canonical(salted)
        parse(body.decode())
    except (TypeError, ValueError, RecursionError):
        message = "the fields cannot be stored as JSON (fractions are not allowed)"
        got = f"{len(fields)} fields"
        raise_alone(InputError("JSON", got, "fields", message=message))
    if len(body) > MAX_BODY:
        expected = f"fields of at most {MAX_BODY} bytes as JSON"
        raise InputError(expected, f"{len(body)} bytes", "fields")
    return body.decode()


def fields_of(row: RecordRow) -> dict[str, Any] | None:
    """Return the fields of a record; None if the record was erased."""
    if row.body is None:
        if row.key is None:
            return None
    elif content_of(row.key, row.at, row.body) == row.content:
        with suppress(ValueError):
            fields = parse(row.body)
            if isinstance(fields, dict):
                fields.pop(_SALT, None)
                return fields
    raise damaged(row.stream, row.seq, "it was altered (its content digest is wrong)")


def content_of(key: int | None, at: int, body: str) -> str:
    """Return the content digest of a record.

    >>> content_of(None, 0, "{}")[:16]
    'f3d7438159c90c37'
    """
    return _digest([key, at, body])


def digest_of(previous: str | None, row: RecordRow) -> str:
    """Return the digest that links a record to the previous record."""
    return _digest([previous, row.stream, row.seq, row.at, row.content])


def following(
    last: tuple[int, str | None], stream: str, key: int | None, at: int, body: str
) -> RecordRow:
    """Return a new record; *last* is the number and digest of the record before it."""
    seq, previous = last
    content = content_of(key, at, body)
    row = RecordRow(stream, seq + 1, key, at, body, content, "")
    return row._replace(digest=digest_of(previous, row))


class HashChain:
    """Verifier of the hash chain of a stream.

    `seq` and `digest` belong to the last verified record.  Before the first record,
    they are 0 and None.
    """

    def __init__(self, stream: str, last: tuple[int, str | None] = (0, None)) -> None:
        self.stream = stream
        self.seq, self.digest = last

    def follow(self, row: RecordRow) -> None:
        """Verify the next record."""
        if row.seq != self.seq + 1:
            fault = f"record {self.seq + 1} is missing before this record"
            raise damaged(self.stream, row.seq, fault)
        fields_of(row)
        if row.digest != digest_of(self.digest, row):
            raise damaged(self.stream, row.seq, "it was altered or moved")
        self.seq, self.digest = row.seq, row.digest


def damaged(stream: str, seq: int, fault: str) -> DamagedRecordsError:
    """Return the error for a damaged record."""
    where, message = f"record {seq} of {stream}", f"damaged record: {fault}"
    return DamagedRecordsError("an unaltered record", fault, where, message=message)


def _digest(value: list[object]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()
