"""Errors: the tree in the documentation, pickling, and messages."""

from __future__ import annotations

import inspect
import pickle
import re
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from bloctel import errors
from bloctel.errors import (
    BloctelError,
    InvalidNumberError,
    ListClosedError,
    MissingExtraError,
)

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "errors.md"

CLASSES = [
    cast("type[BloctelError]", value)
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if value.__module__ == errors.__name__
]

#: Arguments of errors whose signature is not (expected, got, where).
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
    cases = [
        (error_class, arguments)
        for error_class in CLASSES
        for arguments in OWN_ARGUMENTS.get(error_class, COMMON_ARGUMENTS)
    ]
    for error_class, arguments in cases:
        error = error_class(*arguments)  # type: ignore[arg-type]

        copy = pickle.loads(pickle.dumps(error))  # noqa: S301

        assert type(copy) is error_class
        assert str(copy) == str(error)
        assert repr(copy) == repr(error)
        assert copy.args == error.args == arguments + error.args[len(arguments) :]
        assert vars(copy) == vars(error)


def test_every_error_has_one_root_and_its_own_docstring() -> None:
    """`except BloctelError` catches all errors, and each class is documented."""
    wrong = [
        one.__name__
        for one in CLASSES
        if not issubclass(one, BloctelError)
        or not one.__name__.endswith("Error")
        or not (one.__doc__ or "").partition("\n")[0].endswith((".", ":"))
        or one.__doc__ in {base.__doc__ for base in one.__mro__[1:]}
    ]

    assert wrong == []


def test_the_tree_in_the_documentation_is_the_tree() -> None:
    """The page shows each error below its base; builtin bases are in parentheses."""
    drawing = re.search("```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
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


def test_the_parts_of_a_message() -> None:
    """A message says what was expected, what came instead, and where."""
    assert str(BloctelError("a day", "none")) == "expected a day, got none"
    assert str(BloctelError("a day", "none", "row 3")) == (
        "expected a day, got none - at row 3"
    )
    assert str(InvalidNumberError("letters", "row 3")) == (
        "the value is not a phone number (reason: letters) - at row 3"
    )
    assert "pip install 'bloctel[arrow]'" in str(MissingExtraError("Parquet", "arrow"))


def test_the_message_of_a_closed_list() -> None:
    """The message names the list, the day, and the rule that applies instead."""
    error = ListClosedError("own", date(2026, 8, 11), "an earlier day", "ask first")

    assert str(error) == (
        "the list own is not open on 2026-08-11: expected an earlier day; ask first"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user@host/lists", "postgresql://user@host/lists"),
        ("postgresql:/user:p/@w@host/lists", "postgresql:/user:(hidden)@host/lists"),
        ("user:pw@host/lists", "user:(hidden)@host/lists"),
        ("valkey://pw@host/0?a=pw", "valkey://(hidden)@host/0?(hidden)"),
        ("redis:/pw@host/0", "redis:/(hidden)@host/0"),
        ("postgresql:///lists?password=pw", "postgresql:///lists?(hidden)"),
        ("postgresql://u:p?w@host/lists", "postgresql://u:(hidden)@"),
        ("postgresql://host:1/lists?password=p@w", "postgresql://host:(hidden)@"),
        ("folder/which?.csv", "folder/which?.csv"),
    ],
)
def test_the_passwords_of_urls_are_hidden(url: str, shown: str) -> None:
    """Users, hosts and paths remain readable."""
    assert errors.BloctelError("a path", url, url).got == shown
    assert errors.without_password(url) == shown
