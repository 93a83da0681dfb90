"""Strict TOML reader: it returns a typed record or raises `InputError`.

The records are `msgspec.Struct` classes.  The names of a record's fields are the keys
of the document.  The annotations in this module define the valid values of fields.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from bloctel._util.strict import convert, show, text
from bloctel.errors import InputError

#: A list's name without a scope.  It has at most 23 characters, because a database
#: column of 64 characters must also hold `.cleared`, `:` and a scope of 32 characters.
#: Five consecutive digits are refused, because they could be part of a phone number.
LIST_NAME: Final = re.compile(r"\A(?!.*\d(?:[.-]?\d){4})[a-z][a-z0-9.-]{0,22}\Z")

ListName = Annotated[str, text(LIST_NAME.pattern, "a name such as fr.bloctel")]
#: Only the characters are checked, because not all machines know the same time zones.
_ZONE: Final = r"[A-Za-z]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}"
TimeZone = Annotated[str, text(_ZONE, "a time zone such as Europe/Paris")]
CountryCode = Annotated[str, text(r"[A-Z]{2}", "two letters such as FR")]
#: The length is limited because receipts of scrubs contain the sources of rules.
Sentence = Annotated[
    str,
    Meta(
        pattern=r"\S", max_length=1024, description="a sentence of 1 to 1024 characters"
    ),
]
Days = Annotated[int, Meta(ge=0, le=3650)]
DaysFromOne = Annotated[int, Meta(ge=1, le=3650)]
Years = Annotated[int, Meta(ge=1, le=100)]

T = TypeVar("T")
OneOrMore = Annotated[tuple[T, ...], Meta(min_length=1)]

S = TypeVar("S", bound=msgspec.Struct)


def read(
    cls: type[S],
    text: str,
    where: str,
    complete: Callable[[dict[str, Any]], object] = lambda document: None,
) -> S:
    """Return a TOML document as a record; an InputError names a key that is not valid.

    *where* is the name of the document in errors.  The function *complete* may add keys
    to the document before the document is checked.
    """
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        raise InputError("a TOML document", f"invalid text ({error})", where) from error
    except RecursionError as error:
        got = "tables or arrays that are nested too deeply"
        raise InputError("a TOML document", got, where) from error
    complete(document)
    return convert(document, cls, where, is_toml=True)


def countries_in(folder: Path) -> tuple[str, ...]:
    """Return the codes of countries that have a file such as `fr.toml` in a folder."""
    return tuple(sorted(path.stem.upper() for path in folder.glob("[a-z][a-z].toml")))


def read_country(folder: Path, country: str) -> tuple[str, str]:
    """Return the text and name of a country's file; the file must exist."""
    # make a path only from the code of a country in the folder: another text could
    # contain ".." and lead out of the folder
    known = countries_in(folder)
    if country not in known:
        raise InputError(f"one of the countries {', '.join(known)}", show(country))
    file = folder / f"{country.lower()}.toml"
    return file.read_text(encoding="utf-8"), file.name


def require(condition: object, expected: str, got: object, key: str) -> None:
    """Raise InputError about the key *key* of a record unless *condition* is true."""
    if not condition:
        raise InputError(expected, str(got), key)


def refuse_repetitions(record: msgspec.Struct) -> None:
    """Raise InputError if an array in a record contains a value twice."""
    for key in record.__struct_fields__:
        values = getattr(record, key)
        if isinstance(values, tuple):
            is_set = len(set(values)) == len(values)
            got = f"{show(values)} with repeated values"
            require(is_set, "different values", got, key)
