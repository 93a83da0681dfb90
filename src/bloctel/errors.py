"""Every error that the library raises on purpose.

```text
BloctelError
├── InvalidNumberError (ValueError)      the text names no single phone number
├── InputError (ValueError)              an argument or a file is not what it must be
│   ├── UnknownListError                 no such list in this book, or no rules for it
│   ├── NotRegisteredError               no registration in course to renew or withdraw
│   ├── TooManyNumbersError              more numbers than one person may register
│   └── TokenError                       a token that confirms nothing
│       ├── ForgedTokenError             nobody here signed it
│       ├── ExpiredTokenError            its time is over
│       └── UsedTokenError               it was confirmed before
├── CapacityError                        a filter or an index is full
├── RegistryExistsError                  create would overwrite
├── RegistryNotFoundError                open would create
├── MissingExtraError (ImportError)      an optional package is not installed
└── CannotAnswerError                    "don't know", which is never "clear"
    ├── ListClosedError                  no list asked is open on that day
    ├── DayNotCoveredError               the book does not know that day any more
    │   └── StaleSnapshotError           ... or does not know it yet
    ├── NotKnownError                    no answer about the number, or a stale one
    ├── SnapshotError                    the file cannot be believed
    │   ├── DamagedSnapshotError         truncated or altered
    │   ├── ForeignSnapshotError         not a snapshot at all
    │   └── NewerSnapshotError           written by a later version of the format
    ├── ReceiptError                     a receipt or a journal of them proves nothing
    │   ├── DamagedReceiptError          truncated, altered, or out of its order
    │   ├── ForeignReceiptError          not a receipt at all
    │   ├── NewerReceiptError            written by a later version of the format
    │   └── TornJournalError             a journal ends in half a line, after a crash
    ├── CursorPurgedError                the journal does not reach back so far
    └── StorageError                     the storage does not do what it is asked
        ├── StorageDeniedError           wrong password, or no right to do that
        ├── StorageGoneError             it cannot be reached, or went away
        ├── StorageReadOnlyError         it can be read and not written
        ├── StorageFullError             there is no room left
        ├── StorageBusyError             another writer took too long
        ├── SilentStorageError           a follower has not heard of it for too long
        ├── DamagedRecordsError          its records are not as they were written
        ├── NewerRegistryError           a later version of the library made it
        ├── OlderRegistryError           an earlier one did; migrate it
        └── WrongSecretError             its numbers are hidden by another secret
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
    "CursorPurgedError",
    "DamagedReceiptError",
    "DamagedRecordsError",
    "DamagedSnapshotError",
    "DayNotCoveredError",
    "ExpiredTokenError",
    "ForeignReceiptError",
    "ForeignSnapshotError",
    "ForgedTokenError",
    "InputError",
    "InvalidNumberError",
    "ListClosedError",
    "MissingExtraError",
    "NewerReceiptError",
    "NewerRegistryError",
    "NewerSnapshotError",
    "NotKnownError",
    "NotRegisteredError",
    "OlderRegistryError",
    "ReceiptError",
    "RegistryExistsError",
    "RegistryNotFoundError",
    "SilentStorageError",
    "SnapshotError",
    "StaleSnapshotError",
    "StorageBusyError",
    "StorageDeniedError",
    "StorageError",
    "StorageFullError",
    "StorageGoneError",
    "StorageReadOnlyError",
    "TokenError",
    "TooManyNumbersError",
    "TornJournalError",
    "UnknownListError",
    "UsedTokenError",
    "WrongSecretError",
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


class TooManyNumbersError(InputError):
    """One person may not put so many numbers on the list."""


class TokenError(InputError):
    """The token confirms nothing."""


class ForgedTokenError(TokenError):
    """The token is not one that this registry signed."""


class ExpiredTokenError(TokenError):
    """The token's time is over; ask for another one."""


class UsedTokenError(TokenError):
    """The token was confirmed before, and works only once."""


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


class NotKnownError(CannotAnswerError):
    """The book has no answer about that number, or only one that is too old."""


class SnapshotError(CannotAnswerError):
    """The snapshot file cannot be believed."""


class DamagedSnapshotError(SnapshotError):
    """The file is a snapshot, but truncated or altered."""


class ForeignSnapshotError(SnapshotError):
    """The file is no snapshot."""


class NewerSnapshotError(SnapshotError):
    """The file was written by a later version of the format; update `bloctel`."""


class ReceiptError(CannotAnswerError):
    """The receipt of a scrub, or a journal of receipts, cannot be relied upon."""


class DamagedReceiptError(ReceiptError):
    """The receipt was truncated or altered, or its journal is not as it was written."""


class ForeignReceiptError(ReceiptError):
    """The file holds no receipt."""


class NewerReceiptError(ReceiptError):
    """A later version of the format wrote the receipt; update `bloctel`."""


class TornJournalError(ReceiptError):
    """A journal of receipts ends in half a line; `bloctel receipt mend` it."""


class CursorPurgedError(CannotAnswerError):
    """The journal does not reach back to that cursor; start from the state again."""


class StorageError(CannotAnswerError):
    """The storage does not do what it is asked, or holds what cannot be read."""


class StorageDeniedError(StorageError):
    """The storage refuses the password, or the right to do that."""


class StorageGoneError(StorageError):
    """The storage cannot be reached, or went away in the middle."""


class StorageReadOnlyError(StorageError):
    """The storage can be read and not written."""


class StorageFullError(StorageError):
    """The storage has no room left."""


class StorageBusyError(StorageError):
    """Another writer of the registry took too long."""


class SilentStorageError(StorageError):
    """A follower has not heard of its storage for too long to answer."""


class DamagedRecordsError(StorageError):
    """Records of calls or consents were altered, dropped or moved since."""


class NewerRegistryError(StorageError):
    """A later version of the library made the registry; update `bloctel`."""


class OlderRegistryError(StorageError):
    """An earlier version of the library made the registry; `Registry.migrate` it."""


class WrongSecretError(StorageError):
    """The numbers of the registry are hidden, and this is not the secret."""
