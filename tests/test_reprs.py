"""Texts of `repr`: they contain no phone number, no contact and no secret.

The texts appear in logs and in the reports of errors.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

import bloctel
from bloctel import PhoneNumber

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = 33_639_981_234
#: Names of fields with phone numbers, contacts, secrets, or texts that contain them.
PRIVATE = {
    "body", "called", "caller", "cells", "contact", "data", "fields", "first", "key",
    "keys", "number", "numbers", "others", "person", "prefix", "registrations",
    "secret", "shown", "shown_text", "values",
}  # fmt: skip
#: Fields with these names, or with integers of 64 bits, that contain other values.
OTHERS = {
    "ConsentColumns.values",  # constants of a file
    "DictionaryColumn.values",  # time zones, purposes and other words
    "Facts.caller",  # the kind of caller
    "FictionRanges.starts",  # ranges of the numbering plan
    "FileState.number",  # the number of a receipt
    "JournalPosition.number",
    "Link.first",  # the index of a complaint
    "Mandatory.fields",  # names of fields
    "Pair.first",  # the id of a complaint
    "PrefixEntry.prefix",  # digits of many numbers: complete numbers are refused
    "ReceiptOptions.key",  # a `SigningKey`, whose `repr` shows only the public key
    "Found.registrations",  # rows, whose `repr` shows no phone number
    "Added.data",
    "Rows.first",
}


def classes() -> Iterator[type[Any]]:
    """Yield every class of the library whose name does not start with _."""
    for module in pkgutil.walk_packages(bloctel.__path__, "bloctel."):
        if module.name == "bloctel.__main__":
            continue
        for found in vars(importlib.import_module(module.name)).values():
            is_class = isinstance(found, type) and found.__module__ == module.name
            if is_class and not found.__name__.startswith("_"):
                yield found


def fields_of(cls: type[Any]) -> dict[str, str]:
    """Return the type of each field, as text; empty for other classes."""
    if dataclasses.is_dataclass(cls):
        return {field.name: str(field.type) for field in dataclasses.fields(cls)}
    if issubclass(cls, msgspec.Struct):
        return {field.name: str(field.type) for field in msgspec.structs.fields(cls)}
    names = getattr(cls, "_fields", ()) if issubclass(cls, tuple) else ()
    return {name: str(cls.__annotations__.get(name)) for name in names}


def is_private(cls: type[Any], name: str, kind: str) -> bool:
    """Return True if a field can contain a phone number, a contact or a secret."""
    if f"{cls.__name__}.{name}" in OTHERS:
        return False
    return name in PRIVATE or "uint64" in kind


def example(cls: type[Any], values: dict[str, object]) -> object:
    """Return an object with these fields, without the checks of the class."""
    if issubclass(cls, tuple):
        return tuple.__new__(cls, values.values())
    if issubclass(cls, msgspec.Struct):
        return cls(**values)
    made: object = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def test_no_repr_shows_a_private_field() -> None:
    """Each class with a private field has a `repr` without the value of the field."""
    shown, checked, others = [], 0, set()
    for cls in classes():
        kinds = fields_of(cls)
        others |= OTHERS & {f"{cls.__name__}.{name}" for name in kinds}
        values: dict[str, object] = dict.fromkeys(kinds, 1)
        private = [name for name in kinds if is_private(cls, name, kinds[name])]
        for name in private:
            is_masked = "PhoneNumber" in kinds[name]
            value = PhoneNumber(KEY) if is_masked else np.array([KEY], np.uint64)
            checked += 1
            if "39981234" in repr(example(cls, {**values, name: value})):
                shown.append(f"{cls.__module__}.{cls.__name__}.{name}")
    assert shown == []
    assert checked > 40
    assert others == OTHERS
