"""Canonical JSON (RFC 8785) without floats: a writer and a strict parser."""

import json
from typing import Any, Final, NoReturn

from bloctel._util.raising import raise_alone

_MAX_INTEGER: Final = 2**53 - 1  # the largest integer that all JSON libraries preserve


def canonical(value: object) -> bytes:
    r"""Return the canonical JSON of a value, in UTF-8.

    >>> canonical({"b": [1, None], "a": "t\u00e9l\n"}).decode()
    '{"a":"tél\\n","b":[1,null]}'
    """
    return json.dumps(
        _sorted(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()


def parse(text: str) -> Any:
    """Return the value of a JSON text; raise ValueError if parsers may disagree on it.

    Parsers disagree on repeated names, floats, and integers of more than 53 bits.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        if "\\u" in text:
            canonical(value)  # raises UnicodeEncodeError for a lone surrogate
        return value
    except RecursionError:
        raise_alone(ValueError("a JSON text with too many levels"))


def _sorted(value: object) -> object:
    """Sort the members of each object in a value by their names in UTF-16."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value, key=_in_utf16)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return _refuse("") if isinstance(value, float) else value


def _in_utf16(name: str) -> bytes:
    return str.encode(name, "utf-16-be")  # raises TypeError if the name is not text


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name that occurs twice")
    return members


def _integer(text: str) -> int:
    value = int(text) if len(text) <= len(str(-_MAX_INTEGER)) else _MAX_INTEGER + 1
    return value if abs(value) <= _MAX_INTEGER else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError("a number that is not an integer of at most 53 bits")
