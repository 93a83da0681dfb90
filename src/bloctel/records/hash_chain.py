"""What ties records together: none is altered, dropped or moved without a trace.

| of a record | is                                                               |
| ----------- | ---------------------------------------------------------------- |
| body        | its fields and a random salt, as canonical JSON                  |
| content     | SHA-256 of the canonical JSON `[key, at, body]`                  |
| digest      | SHA-256 of that of `[previous digest, stream, seq, at, content]` |

The first record of a stream has null for its previous digest.  Digests are lower-case
hexadecimal.

Key and body can be erased, and the chain still holds: the digest needs the content
alone.  There are only 10^9 French numbers, and a digest of one would tell it; so 128
random bits are in each body, and go with it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bloctel._util.canonical_json import canonical
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.storage.rows import RecordRow

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LONGEST_BODY",
    "Chain",
    "content_of",
    "digest_of",
    "fields_of",
    "following",
    "new_body",
]

#: The bytes of the longest body, which every storage takes, sealed or not.
LONGEST_BODY: Final = 1 << 15

_SALT: Final = "salt"
_SALT_BYTES: Final = 16
_GREATEST: Final = 2**53 - 1  # the greatest integer that every JSON library keeps


def new_body(fields: Mapping[str, object]) -> str:
    """Return fields as the body of a new record, under a salt of its own.

    Raises:
        InputError: They are no JSON without fractions, hold a `salt`, or are too long.
    """
    if _SALT in fields:
        raise InputError("fields without a salt", "a salt", "fields")
    salted = {**fields, _SALT: secrets.token_hex(_SALT_BYTES)}
    try:
        body = canonical(salted)
        _parsed(body.decode())
    except (TypeError, ValueError, RecursionError):
        # the cause is left out: it can hold what the fields hold
        raise InputError("fields that JSON can hold", "others", "fields") from None
    if len(body) > LONGEST_BODY:
        expected = f"fields of at most {LONGEST_BODY} bytes as JSON"
        raise InputError(expected, str(len(body)), "fields")
    return body.decode()


def fields_of(row: RecordRow) -> dict[str, Any] | None:
    """Return what a record says; None if it was erased.

    Raises:
        DamagedRecordsError: It was altered.
    """
    if row.body is None:
        if row.key is None:
            return None
        raise _altered(row)
    if content_of(row.key, row.at, row.body) != row.content:
        raise _altered(row)
    try:
        fields = _parsed(row.body)
    except (ValueError, RecursionError):
        raise _altered(row) from None
    if not isinstance(fields, dict):
        raise _altered(row)
    fields.pop(_SALT, None)
    return fields


def content_of(key: int | None, at: int, body: str) -> str:
    """Return the digest of what a record says.

    >>> content_of(None, 0, "{}")[:16]
    'f3d7438159c90c37'
    """
    return _digest([key, at, body])


def digest_of(previous: str | None, row: RecordRow) -> str:
    """Return the digest that ties a record to the one before it."""
    return _digest([previous, row.stream, row.seq, row.at, row.content])


def following(
    last: tuple[int, str | None], stream: str, key: int | None, at: int, body: str
) -> RecordRow:
    """Return the record that follows on.

    Args:
        last: Place and digest of the last record; (0, None) before the first.
        stream: The stream.
        key: The number that it is about, if any.
        at: When what it tells of happened, in microseconds since 1970-01-01T00:00Z.
        body: What `new_body` returned.
    """
    seq, previous = last
    content = content_of(key, at, body)
    row = RecordRow(stream, seq + 1, key, at, body, content, "")
    return row._replace(digest=digest_of(previous, row))


class Chain:
    """Follows the records of a stream, and finds the first that is not as written.

    Attributes:
        stream: The stream.
        seq: The place of the last record that was followed.
        digest: Its digest; None before the first.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.seq = 0
        self.digest: str | None = None

    def follow(self, row: RecordRow) -> None:
        """Follow one record.

        Raises:
            DamagedRecordsError: It was altered, or it is not the one that comes next.
        """
        if row.seq != self.seq + 1:
            raise DamagedRecordsError(
                f"record {self.seq + 1}", f"record {row.seq}", _place(self.stream, row)
            )
        fields_of(row)
        if row.digest != digest_of(self.digest, row):
            raise DamagedRecordsError(
                "a record that follows the one before it",
                "one that was altered or moved",
                _place(self.stream, row),
            )
        self.seq, self.digest = row.seq, row.digest


def _altered(row: RecordRow) -> DamagedRecordsError:
    place = _place(row.stream, row)
    return DamagedRecordsError("a record as it was written", "an altered one", place)


def _place(stream: str, row: RecordRow) -> str:
    return f"record {row.seq} of {stream}"


def _digest(value: list[object]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def _parsed(body: str) -> Any:
    return json.loads(
        body, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse
    )


def _integer(text: str) -> int:
    value = int(text) if len(text) <= len(str(-_GREATEST)) else _GREATEST + 1
    return value if abs(value) <= _GREATEST else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError("no number of a record")
