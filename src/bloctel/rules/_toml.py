"""Strict TOML reader: a document in, a typed record or `InputError` out.

The records are `msgspec.Struct` classes: the names of their fields are the keys of the
document, and the annotations below say what a value may be.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from bloctel._util.strict import convert, show
from bloctel.errors import InputError

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
    return convert(document, cls, where, is_toml=True)


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
