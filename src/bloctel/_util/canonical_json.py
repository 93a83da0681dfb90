"""The one spelling of a value: JSON as RFC 8785 writes it, without fractions."""

from __future__ import annotations

import json

__all__ = ["canonical"]


def canonical(value: object) -> bytes:
    r"""Return the canonical spelling of a value, in UTF-8.

    Raises:
        ValueError: It cannot be written so.

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
