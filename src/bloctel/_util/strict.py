"""Strict conversion of decoded TOML or JSON to objects of typed classes."""

import re
from datetime import date, datetime, time
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from bloctel._util.raising import raise_alone
from bloctel.errors import InputError

T = TypeVar("T")

# an error message shows only the length of a longer text
_SHOWN_CHARACTERS: Final = 60
_PHONE_NUMBER: Final = re.compile(r"\d(?:[\W_]*\d){5,}")
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_PATH: Final = re.compile(r" - at `\$([^`]*)`\Z")
_KEY: Final = re.compile(
    r"\AObject (missing required|contains unknown) field `(.*?)`", re.DOTALL
)


def text(pattern: str, description: str) -> msgspec.Meta:
    """Return a msgspec annotation for a text that must match *pattern* completely."""
    return msgspec.Meta(pattern=rf"\A(?:{pattern})\Z", description=description)


def convert(value: object, cls: type[T], where: str, *, is_toml: bool = False) -> T:
    """Convert a decoded document to *cls*; raise InputError that names a wrong key.

    *where* is the name of the document in error messages.  If *is_toml* is true, the
    document can contain days and times, and error messages call an object a table.
    """
    try:
        return msgspec.convert(
            value, cls, builtin_types=(date, datetime, time) if is_toml else ()
        )
    except msgspec.ValidationError as error:
        refusal = _refusal(error, value, cls, where)
        if is_toml:
            raise_alone(refusal)
        message = _in_json(refusal.message)
        raise_alone(InputError(*map(_in_json, refusal.args), message=message))


def show(value: object) -> str:
    """Return a short description of a value, which never shows a phone number.

    >>> show("own"), show(["own"]), show("06 39 98 12 34")
    ("'own'", 'an array of 1', 'text of 14 characters')
    """
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return f"an array of {len(value)}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and abs(value) >= 10**6:
        return f"an integer of {value.bit_length()} bits"
    shown = repr(value)
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        return shown
    if len(shown) <= _SHOWN_CHARACTERS and not _PHONE_NUMBER.search(shown):
        return shown
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    return f"a {type(value).__name__}"


def _in_json(text: str) -> str:
    return text.replace("a table", "an object").replace("of tables", "of objects")


def _refusal(
    error: msgspec.ValidationError, document: object, cls: Any, where: str
) -> InputError:
    """Convert an error of msgspec to an `InputError` with the value and the key."""
    text, cause = str(error), error.__cause__
    found = _PATH.search(text)
    path = found[1].lstrip(".") if found else ""
    if isinstance(cause, InputError):  # a check in `__post_init__` raised it
        at = _joined(where, path, cause.where)
        return InputError(cause.expected, cause.got, at, message=cause.message)
    try:
        kind, value = _at(_type_info(cls), document, path)
    except (LookupError, StopIteration, TypeError, ValueError):
        # not a path: the message ends with an unknown key that looks like a path
        kind, value, path = _type_info(cls), document, ""
    at = _joined(where, path)
    fault = _KEY.match(text)
    if fault is None:
        return InputError(_expected(kind), show(value), at)
    key = fault[2]
    if fault[1] == "missing required":
        message = f"the key {key} is missing"
        return InputError(f"the key {key}", show(value), at, message=message)
    known = ", ".join(sorted(field.encode_name for field in _bare(kind).fields))
    return InputError(f"one of the keys {known}", show(key), at)


def _joined(where: str, *keys: str | None) -> str:
    return ", ".join(filter(None, (where, ".".join(filter(None, keys)))))


@cache
def _type_info(cls: Any) -> inspect.Type:
    return inspect.type_info(cls)


def _bare(kind: Any) -> Any:
    """Return a type without its constraints; for the union `T | None`, return `T`."""
    while True:
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            kind = kind.types[0]
        else:
            return kind


def _at(kind: Any, value: Any, path: str) -> tuple[Any, Any]:
    """Return the type and the value at a path of a document."""
    for step in re.findall(r"\w+", path):
        kind = _bare(kind)
        if isinstance(kind, inspect.StructType | inspect.DataclassType):
            fields = kind.fields
            kind = next(field.type for field in fields if field.encode_name == step)
            value = value[step]
        else:
            is_fixed = isinstance(kind, inspect.TupleType)
            kind = kind.item_types[int(step)] if is_fixed else kind.item_type
            value = value[int(step)]
    return kind, value


def _expected(kind: Any) -> str:
    """Return the description of a type for error messages."""
    if isinstance(kind, inspect.UnionType):
        return _expected(kind.types[0])
    if isinstance(kind, inspect.Metadata):
        description = (kind.extra_json_schema or {}).get("description")
        return description or _expected(kind.type)
    if isinstance(kind, inspect.EnumType):
        return f"one of {', '.join(kind.cls)}"
    if isinstance(kind, inspect.LiteralType):
        return f"one of {', '.join(map(str, kind.values))}"
    if isinstance(kind, inspect.IntType):
        limits = "" if kind.ge is None else f" from {kind.ge} to {kind.le}"
        return f"a whole number{limits}"
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        least = ", at least one" if kind.min_length else ""
        is_table = isinstance(_bare(kind.item_type), inspect.StructType)
        return f"an array of tables{least}" if is_table else f"an array{least}"
    return _NAMES[type(kind)]


_NAMES: Final[dict[type, str]] = {
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "a time such as 2026-11-25T09:30:00+01:00",
    inspect.DateType: "a date such as 2016-06-01",
    inspect.DataclassType: "a table",
    inspect.DictType: "a table",
    inspect.StructType: "a table",
    inspect.StrType: "text",
    inspect.TimeType: "a time such as 10:00:00",
    inspect.TupleType: "two times such as 10:00:00",
}
