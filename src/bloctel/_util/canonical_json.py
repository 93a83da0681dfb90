"""Canonical JSON (RFC 8785) of values without fractions."""

from __future__ import annotations

import json

__all__ = ["canonical"]


def canonical(value: object) -> bytes:
    r"""Return the canonical JSON of a value, in UTF-8.

    Raises:
        ValueError: JSON cannot represent it.

    >>> canonical({"b": [1, None], "a": "t\u00e9l\n"}).decode()
    '{"a":"tél\\n","b":[1,null]}'
    """
    return json.dumps(
        value,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
        sort_keys=True,
    ).encode()
