"""Strict TOML reader: a document in, a typed record or `InputError` out.

The records are `msgspec.Struct` classes: the names of their fields are the keys of the
document, and the annotations below say what a value may be.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from bloctel._util.strict import convert, show
from bloctel.errors import InputError

#: A name, `.cleared` and a scope of 32 characters fit into 64, the width of a storage's
#: column.  Five digits in a row could be part of a phone number.
LIST_NAME: Final = re.compile(r"\A(?!.*\d(?:[.-]?\d){4})[a-z][a-z0-9.-]{0,22}\Z")


def text(pattern: str, description: str) -> Meta:
    """Return the annotation of texts that match a pattern as a whole."""
    return Meta(pattern=rf"\A(?:{pattern})\Z", description=description)


ListName = Annotated[str, text(LIST_NAME.pattern, "a name such as fr.bloctel")]
#: Only the form: which zones exist depends on the machine.
TimeZone = Annotated[
    str,
    text(
        r"[A-Za-z]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}",
        "a time zone such as Europe/Paris",
    ),
]
CountryCode = Annotated[str, text(r"[A-Z]{2}", "two letters such as FR")]
#: Receipts repeat sources, and contain no longer text.
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
    """Parse a TOML document into a record.

    Args:
        cls: The class of the record.
        text: The document.
        where: The name of the document in messages, such as a file name.
        complete: Adds the values that the document has by default.

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
    complete(document)
    return convert(document, cls, where, is_toml=True)


def countries_in(folder: Path) -> tuple[str, ...]:
    """Return the countries that have a file such as `fr.toml` in a folder."""
    return tuple(sorted(path.stem.upper() for path in folder.glob("[a-z][a-z].toml")))


def read_country(folder: Path, country: str) -> tuple[str, str]:
    """Return the text and the name of the file of a country.

    Raises:
        InputError: There is no such file.
    """
    # only names found in the folder become paths: no path leads out of it
    known = countries_in(folder)
    if country not in known:
        raise InputError(f"one of the countries {', '.join(known)}", show(country))
    file = folder / f"{country.lower()}.toml"
    return file.read_text(encoding="utf-8"), file.name


def require(condition: object, expected: str, got: object, key: str) -> None:
    """Refuse a record unless a condition is true.

    Raises:
        InputError: It is not.
    """
    if not condition:
        raise InputError(expected, str(got), key)


def refuse_repetitions(record: msgspec.Struct) -> None:
    """Refuse arrays of a record that have a value twice."""
    for key in record.__struct_fields__:
        values = getattr(record, key)
        if isinstance(values, tuple):
            is_set = len(set(values)) == len(values)
            got = f"{show(values)} with repetitions"
            require(is_set, "each of them once", got, key)
