"""Exceptions raised by the library, under one root class.

Each message is a sentence that says what happened, where, and what to do.
No message contains a phone number or a password.
Every error can be pickled, so that it can cross process pools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


class BloctelError(Exception):
    """Root class of all errors of this library.

    Attributes:
        expected: What was expected.
        got: What came instead, never a phone number or a password.
        where: The file, row, column or argument it came from, if known.
        message: The sentence that `str()` gives, without `where`; by default
            "expected ..., got ...".
    """

    def __init__(
        self,
        expected: str,
        got: str,
        where: str | None = None,
        *,
        message: str | None = None,
    ) -> None:
        super().__init__(expected, got, where)
        self.expected = expected
        self.got = got
        self.where = where
        self.message = message or f"expected {expected}, got {got}"

    def __str__(self) -> str:
        return f"{self.message} - at {self.where}" if self.where else self.message


class InvalidNumberError(BloctelError, ValueError):
    """The text is not one phone number.

    Attributes:
        reason: A stable code for programs (`bloctel.numbers.Reason` lists them).
        where: The row, column or option the text came from, if known.
    """

    def __init__(self, reason: str, where: str | None = None) -> None:
        super().__init__("a phone number", f"text that is refused as {reason}", where)
        self.args = (reason, where)
        self.reason = reason


class InputError(BloctelError, ValueError):
    """An argument, an option or a file is not valid."""


class UnknownListError(InputError):
    """The list is not in this book, or it has no rules."""


class NotRegisteredError(InputError):
    """There is no active registration to renew or to withdraw."""


class TooManyNumbersError(InputError):
    """One person may not put that number of phone numbers on the list."""


class TokenError(InputError):
    """The token does not confirm a request."""


class ForgedTokenError(TokenError):
    """The token was not signed by this registry."""


class ExpiredTokenError(TokenError):
    """The token has expired; request a new one."""


class UsedTokenError(TokenError):
    """The token was already used; a token works once."""


class CapacityError(BloctelError):
    """The filter or index is full: more keys would break its false-positive rate."""


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
            f"the extra {extra!r}",
            "an installation without it",
            message=f"the extra {extra!r} is not installed; it is needed for {feature}"
            f" (python -m pip install 'bloctel[{extra}]', or '.[{extra}]' in a"
            " checkout)",
        )
        self.args = (feature, extra)
        self.feature = feature
        self.extra = extra


class CannotAnswerError(BloctelError):
    """The look-up has no reliable answer: "don't know", never "clear"."""


class ListClosedError(CannotAnswerError):
    """No requested list is open on that day.

    Attributes:
        list: The name of the list.
        on: The day of the look-up.
        expected: The days on which the list is open.
        explanation: What applies on that day instead, if known.
    """

    def __init__(
        self, list: str, on: date, expected: str, explanation: str = ""
    ) -> None:
        since = f"; {explanation}" if explanation else ""
        super().__init__(
            expected,
            on.isoformat(),
            f"list {list}",
            message=f"the list {list} is not open on {on}: expected {expected}{since}",
        )
        self.args = (list, on, expected, explanation)
        self.list = list
        self.on = on
        self.explanation = explanation

    def __str__(self) -> str:
        return self.message


class DayNotCoveredError(CannotAnswerError):
    """The book does not cover that day: its data was erased or does not exist yet."""


class StaleSnapshotError(DayNotCoveredError):
    """The snapshot is too old for that day; build a new one."""


class NotKnownError(CannotAnswerError):
    """The book has no answer about that number, or only one that is too old."""


class SnapshotError(CannotAnswerError):
    """The file cannot be used as a snapshot."""


class DamagedSnapshotError(SnapshotError):
    """The file is a snapshot, but truncated or altered."""


class NotASnapshotError(SnapshotError):
    """The file is not a snapshot."""


class NewerSnapshotError(SnapshotError):
    """The file was written by a later version of the format; update `bloctel`."""


class ReceiptError(CannotAnswerError):
    """The receipt of a scrub, or a journal of receipts, is not valid."""


class DamagedReceiptError(ReceiptError):
    """The receipt or its journal was truncated or altered."""


class NotAReceiptError(ReceiptError):
    """The file does not contain a receipt."""


class NewerReceiptError(ReceiptError):
    """A later version of the format wrote the receipt; update `bloctel`."""


class TruncatedJournalError(ReceiptError):
    """The last line of a receipt journal is incomplete; run `bloctel receipt mend`."""


class CursorPurgedError(CannotAnswerError):
    """The journal no longer has that cursor; read the whole state again."""


class StorageError(CannotAnswerError):
    """The storage cannot do the operation, or its content cannot be read."""


class StorageDeniedError(StorageError):
    """The storage refuses the password, or the user lacks a privilege."""


class StorageGoneError(StorageError):
    """The connection to the storage was refused or lost."""


class StorageReadOnlyError(StorageError):
    """The storage is read-only."""


class StorageFullError(StorageError):
    """The storage has no space left."""


class StorageBusyError(StorageError):
    """Another writer held the registry's lock for too long."""


class StorageUnreachableError(StorageError):
    """A follower could not reach its storage for too long; its replica is too old."""


class DamagedRecordsError(StorageError):
    """Records of calls or consents were altered, deleted or moved."""


class NewerRegistryError(StorageError):
    """A later version of the library made the registry; update `bloctel`."""


class WrongSecretError(StorageError):
    """The numbers of the registry are hidden by another secret."""
