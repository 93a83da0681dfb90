"""Errors: one tree, drawn in the docstring, that crosses process pools."""

from __future__ import annotations

import inspect
import pickle
import re
from datetime import date
from typing import cast

from bloctel import errors
from bloctel.errors import (
    BloctelError,
    InvalidNumberError,
    ListClosedError,
    MissingExtraError,
)

CLASSES = [
    cast("type[BloctelError]", value)
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if value.__module__ == errors.__name__
]

#: How errors are made whose signature is not (expected, got, where).
OWN_ARGUMENTS: dict[type[BloctelError], list[tuple[object, ...]]] = {
    InvalidNumberError: [("letters",), ("letters", "row 3")],
    MissingExtraError: [("reading Parquet files", "arrow")],
    ListClosedError: [
        ("fr.bloctel", date(2026, 8, 11), "a day before 2026-08-10"),
        ("fr.bloctel", date(2026, 8, 11), "a day before 2026-08-10", "prior consent"),
    ],
}
COMMON_ARGUMENTS: list[tuple[object, ...]] = [
    ("a day", "no value"),
    ("a day", "no value", "row 3"),
]


def test_every_error_survives_pickling() -> None:
    """A copy has the class, the message and the fields of the error."""
    made = [
        (error_class, arguments)
        for error_class in CLASSES
        for arguments in OWN_ARGUMENTS.get(error_class, COMMON_ARGUMENTS)
    ]
    for error_class, arguments in made:
        error = error_class(*arguments)  # type: ignore[arg-type]

        copy = pickle.loads(pickle.dumps(error))  # noqa: S301

        assert type(copy) is error_class
        assert str(copy) == str(error)
        assert repr(copy) == repr(error)
        assert copy.args == error.args == arguments + error.args[len(arguments) :]
        assert vars(copy) == vars(error)


def test_every_error_has_one_root_and_a_docstring_of_its_own() -> None:
    """`except BloctelError` catches all, and each class explains itself."""
    wrong = [
        one.__name__
        for one in CLASSES
        if not issubclass(one, BloctelError)
        or not one.__name__.endswith("Error")
        or not (one.__doc__ or "").partition("\n")[0].endswith((".", ":"))
        or one.__doc__ in {base.__doc__ for base in one.__mro__[1:]}
    ]

    assert wrong == []


def test_the_public_names_are_the_classes() -> None:
    """What the module offers is its errors, all of them, in order."""
    assert errors.__all__ == sorted(one.__name__ for one in CLASSES)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Each error stands below its bases, and foreign bases are in parentheses."""
    assert errors.__doc__ is not None
    drawing = re.search("```text\n(.*?)```", errors.__doc__, re.DOTALL)
    assert drawing is not None
    drawn: dict[str, set[str]] = {}
    above: list[str] = []
    for row in drawing[1].splitlines():
        found = re.match(r"([│├└─ ]*)(\w+)(?: \((\w+)\))?(?:  |$)", row)
        assert found is not None, row
        depth = len(found[1]) // 4
        above = above[:depth]
        drawn[found[2]] = {*above[-1:], *filter(None, [found[3]])}
        above.append(found[2])

    real = {one.__name__: {base.__name__ for base in one.__bases__} for one in CLASSES}

    assert drawn == real | {"BloctelError": set()}


def test_the_message_says_what_was_expected_what_came_and_where() -> None:
    """A message is one sentence, with a place if there is one."""
    assert str(BloctelError("a day", "none")) == "expected a day, got none"
    assert str(BloctelError("a day", "none", "row 3")) == (
        "expected a day, got none - at row 3"
    )
    assert str(InvalidNumberError("letters", "row 3")) == (
        "expected a phone number, got text that is refused as letters - at row 3"
    )
    assert "pip install 'bloctel[arrow]'" in str(MissingExtraError("Parquet", "arrow"))


def test_what_applies_since_a_list_closed_is_said() -> None:
    """The message of a closed list names it, the day, and what applies instead."""
    error = ListClosedError("own", date(2026, 8, 11), "an earlier day", "ask first")

    assert str(error) == (
        "the list own is not open on 2026-08-11: expected an earlier day; ask first"
    )
