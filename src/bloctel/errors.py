"""Every error that the library raises on purpose.

```text
BloctelError
├── InvalidNumberError (ValueError)      the text names no single phone number
├── InputError (ValueError)              an argument or a file is not what it must be
│   ├── UnknownListError                 no such list in this book, or no rules for it
│   └── NotRegisteredError               no registration in course to renew or withdraw
├── CapacityError                        a filter or an index is full
├── RegistryExistsError                  create would overwrite
├── RegistryNotFoundError                open would create
├── MissingExtraError (ImportError)      an optional package is not installed
└── CannotAnswerError                    "don't know", which is never "clear"
    ├── ListClosedError                  no list asked is open on that day
    ├── DayNotCoveredError               the book does not know that day any more
    │   └── StaleSnapshotError           ... or does not know it yet
    ├── SnapshotError                    the file cannot be believed
    │   ├── DamagedSnapshotError         truncated or altered
    │   ├── ForeignSnapshotError         not a snapshot at all
    │   └── NewerSnapshotError           written by a later version of the format
    └── StorageError                     the storage is down or refuses
```

Each message is a sentence: what was expected, what came, and where.
No message holds a phone number or a password.
Every error can be pickled, so that it crosses process pools unharmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

__all__ = [
    "BloctelError",
    "CannotAnswerError",
    "CapacityError",
    "DamagedSnapshotError",
    "DayNotCoveredError",
    "ForeignSnapshotError",
    "InputError",
    "InvalidNumberError",
    "ListClosedError",
    "MissingExtraError",
    "NewerSnapshotError",
    "NotRegisteredError",
    "RegistryExistsError",
    "RegistryNotFoundError",
    "SnapshotError",
    "StaleSnapshotError",
    "StorageError",
    "UnknownListError",
]


class BloctelError(Exception):
    """The root of every error of this library.

    Attributes:
        expected: What was expected.
        got: What came instead, never a phone number or a password.
        where: The file, row, column or argument it came from, if known.
    """

    def __init__(self, expected: str, got: str, where: str | None = None) -> None:
        super().__init__(expected, got, where)
        self.expected = expected
        self.got = got
        self.where = where

    def __str__(self) -> str:
        place = f" - at {self.where}" if self.where else ""
        return f"expected {self.expected}, got {self.got}{place}"


class InvalidNumberError(BloctelError, ValueError):
    """The text names no single phone number.

    Attributes:
        reason: Why, as a stable code that programs may compare
            (`bloctel.numbers.Reason` lists them all).
        where: The row, column or option the text came from, if known.
    """

    def __init__(self, reason: str, where: str | None = None) -> None:
        super().__init__("a phone number", f"text that is refused as {reason}", where)
        self.args = (reason, where)
        self.reason = reason


class InputError(BloctelError, ValueError):
    """An argument, an option or a file is not what it must be."""


class UnknownListError(InputError):
    """The list is not in this book, or no rules are known for it."""


class NotRegisteredError(InputError):
    """There is no registration in course to renew or to withdraw."""


class CapacityError(BloctelError):
    """A filter or an index cannot hold more without breaking its promise."""


class RegistryExistsError(BloctelError):
    """`Registry.create` found a registry and does not overwrite it."""


class RegistryNotFoundError(BloctelError):
    """`Registry.open` found no registry and does not create one."""


class MissingExtraError(BloctelError, ImportError):
    """A feature needs a package that is not installed.

    Attributes:
        feature: What needs it.
        extra: The extra of `bloctel` that installs it.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"the extra {extra!r} for {feature}",
            f"an installation without it (cure: python -m pip install "
            f"'bloctel[{extra}]')",
        )
        self.args = (feature, extra)
        self.feature = feature
        self.extra = extra


class CannotAnswerError(BloctelError):
    """The question has no trustworthy answer: "don't know", never "clear"."""


class ListClosedError(CannotAnswerError):
    """No list that was asked is open on that day.

    Attributes:
        list: The name of the list.
        on: The day of the question.
        expected: The days on which the list is open.
        explanation: What applies on that day instead, if known.
    """

    def __init__(
        self, list: str, on: date, expected: str, explanation: str = ""
    ) -> None:
        super().__init__(expected, on.isoformat(), f"list {list}")
        self.args = (list, on, expected, explanation)
        self.list = list
        self.on = on
        self.explanation = explanation

    def __str__(self) -> str:
        since = f"; {self.explanation}" if self.explanation else ""
        return super().__str__() + since


class DayNotCoveredError(CannotAnswerError):
    """The book does not know that day: its data was erased, or is yet to come."""


class StaleSnapshotError(DayNotCoveredError):
    """The snapshot is too old for that day; build a new one."""


class SnapshotError(CannotAnswerError):
    """The snapshot file cannot be believed."""


class DamagedSnapshotError(SnapshotError):
    """The file is a snapshot, but truncated or altered."""


class ForeignSnapshotError(SnapshotError):
    """The file is no snapshot."""


class NewerSnapshotError(SnapshotError):
    """The file was written by a later version of the format; update `bloctel`."""


class StorageError(CannotAnswerError):
    """The storage is down, refuses, or holds what this version cannot read."""
