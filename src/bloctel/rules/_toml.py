"""Strict TOML reader: a document in, a typed record or `InputError` out.

The records are `msgspec.Struct` classes: the names of their fields are the keys of the
document, and the annotations below say what a value may be.
"""

import re
import tomllib
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from bloctel.errors import InputError

if TYPE_CHECKING:
    from msgspec.inspect import Type

__all__ = [
    "LIST_NAME",
    "Country",
    "ListName",
    "Sentence",
    "TimeZone",
    "countries_in",
    "read",
    "read_country",
    "refuse_repetitions",
    "show",
]

#: A name, `.cleared` and a scope of 32 characters fit into 64, the width of a storage's
#: column.  Five digits in a row could be part of a phone number.
LIST_NAME: Final = re.compile(r"\A(?!.*\d(?:[.-]?\d){4})[a-z][a-z0-9.-]{0,22}\Z")

ListName = Annotated[
    str, Meta(pattern=LIST_NAME.pattern, description="a name such as fr.bloctel")
]
#: Only the form: which zones exist depends on the machine.
TimeZone = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}\Z",
        description="a time zone such as Europe/Paris",
    ),
]
Country = Annotated[
    str, Meta(pattern=r"\A[A-Z]{2}\Z", description="two letters such as FR")
]
#: Receipts repeat sources, and hold no longer text.
Sentence = Annotated[
    str,
    Meta(
        pattern=r"\S", max_length=1024, description="a sentence of 1 to 1024 characters"
    ),
]

S = TypeVar("S", bound=msgspec.Struct)

# Longer text in a message would hide the sentence around it.
_SHOWN_CHARACTERS: Final = 60
_PHONE_NUMBER: Final = re.compile(r"\d(?:[\W_]*\d){5,}")
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_PATH: Final = re.compile(r" - at `\$([^`]*)`\Z")
_KEY: Final = re.compile(r"\AObject (missing required|contains unknown) field `(.*?)`")


def read(cls: type[S], text: str, where: str) -> S:
    """Parse a TOML document into a record.

    Args:
        cls: The class of the record.
        text: The document.
        where: The name of the document in messages, such as a file name.

    Raises:
        InputError: It is not TOML, or not such a record.  `where` has the key.
    """
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        raise InputError("a TOML document", f"a fault: {error}", where) from error
    except RecursionError as error:
        got = "tables or arrays that are nested too deeply"
        raise InputError("a TOML document", got, where) from error
    try:
        return msgspec.convert(document, cls, builtin_types=(date, datetime, time))
    except msgspec.ValidationError as error:
        raise _refusal(error, document, cls, where) from error


def countries_in(folder: Path) -> tuple[str, ...]:
    """Return the countries that have a file such as `fr.toml` in a folder."""
    return tuple(sorted(path.stem.upper() for path in folder.glob("[a-z][a-z].toml")))


def read_country(folder: Path, country: str) -> tuple[str, str]:
    """Return the text and the name of the file of a country.

    Raises:
        InputError: There is no such file.
    """
    # only names found in the folder become paths, so none can lead out of it
    known = countries_in(folder)
    if country not in known:
        raise InputError(f"one of the countries {', '.join(known)}", show(country))
    file = folder / f"{country.lower()}.toml"
    return file.read_text(encoding="utf-8"), file.name


def refuse_repetitions(record: msgspec.Struct) -> None:
    """Refuse arrays of a record that have a value twice."""
    for key in record.__struct_fields__:
        values = getattr(record, key)
        if isinstance(values, tuple) and len(set(values)) < len(values):
            raise InputError(
                "each of them once", f"{show(values)} with repetitions", key
            )


def show(value: object) -> str:
    """Return a short description of a value, without what may be a phone number.

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
    if (
        isinstance(value, str)
        and not _ISO_DATE.fullmatch(value)
        and (len(value) > _SHOWN_CHARACTERS or _PHONE_NUMBER.search(value))
    ):
        return f"text of {len(value)} characters"
    return repr(value)


# -- what msgspec refuses --------------------------------------------------------------


def _refusal(
    error: msgspec.ValidationError, document: object, cls: type, where: str
) -> InputError:
    """Return our error for one of msgspec, with the value and the key."""
    text, cause = str(error), error.__cause__
    found = _PATH.search(text)
    path = found[1].lstrip(".") if found else ""
    if isinstance(cause, InputError):  # from a check of ours, after the construction
        at = _joined(where, ".".join(filter(None, (path, cause.where))))
        return InputError(cause.expected, cause.got, at, message=cause.message)
    at = _joined(where, path)
    kind, value = _type_info(cls), document
    for step in re.findall(r"\w+", path):
        kind = _type_at(_bare(kind), step)
        value = value[int(step) if isinstance(value, list) else step]  # type: ignore[index]
    fault = _KEY.match(text)
    if fault is None:
        return InputError(_expected(kind), show(value), at)
    key = fault[2]
    if fault[1] == "missing required":
        message = f"the key {key} is missing"
        return InputError(f"the key {key}", show(value), at, message=message)
    known = ", ".join(sorted(field.encode_name for field in _bare(kind).fields))
    return InputError(f"one of the keys {known}", show(key), at)


def _joined(where: str, key: str) -> str:
    return f"{where}, {key}" if key else where


@cache
def _type_info(cls: type) -> "Type":
    return msgspec.inspect.type_info(cls)


def _bare(kind: Any) -> Any:
    """Return a type without its description, and without None."""
    while True:
        if isinstance(kind, msgspec.inspect.Metadata):
            kind = kind.type
        elif isinstance(kind, msgspec.inspect.UnionType):
            kind = kind.types[0]
        else:
            return kind


def _type_at(kind: Any, step: str) -> Any:
    if isinstance(kind, msgspec.inspect.StructType):
        return next(field.type for field in kind.fields if field.encode_name == step)
    if isinstance(kind, msgspec.inspect.TupleType):
        return kind.item_types[int(step)]
    return kind.item_type


def _expected(kind: Any) -> str:
    """Return the description of a type in a message."""
    if isinstance(kind, msgspec.inspect.UnionType):
        return _expected(kind.types[0])
    if isinstance(kind, msgspec.inspect.Metadata):
        description = (kind.extra_json_schema or {}).get("description")
        return description or _expected(kind.type)
    if isinstance(kind, msgspec.inspect.EnumType):
        return f"one of {', '.join(kind.cls)}"
    if isinstance(kind, msgspec.inspect.LiteralType):
        return f"one of {', '.join(map(str, kind.values))}"
    if isinstance(kind, msgspec.inspect.IntType):
        return f"a whole number from {kind.ge} to {kind.le}"
    if isinstance(kind, msgspec.inspect.VarTupleType):
        least = ", at least one" if kind.min_length else ""
        is_table = isinstance(_bare(kind.item_type), msgspec.inspect.StructType)
        return f"an array of tables{least}" if is_table else f"an array{least}"
    return _NAMES[type(kind).__name__]


_NAMES: Final = {
    "BoolType": "true or false",
    "DateType": "a date such as 2016-06-01",
    "StructType": "a table",
    "TimeType": "a time such as 10:00:00",
    "TupleType": "two times such as 10:00:00",
    "StrType": "text",
}
