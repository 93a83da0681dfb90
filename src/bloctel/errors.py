"""Exceptions of the library; all of them are subclasses of `BloctelError`.

Each message is a sentence that says what happened, where, and what to do.  No message
contains a phone number or a password.  Every error can be pickled, so that a process
pool can return it.
"""

import re
import sys
from datetime import date
from typing import Final

#: Pattern of `user:password@` in a URL, even if the URL lacks its scheme or a slash.
#: In a URL of Redis or Valkey, `password@` without a user also matches.
_PASSWORD: Final = re.compile(
    r"((?:/|[a-z][a-z0-9+.-]+:|^(?![a-z]+:/))[^\s:/@]*:|(?:redis|valkey)s?:/+).*@",
    re.IGNORECASE | re.DOTALL,
)
#: Pattern of the options of a URL after `?`, which can include a password.  A password
#: can itself contain `?`, so everything after the `?` is hidden.
_OPTIONS: Final = re.compile(
    r"((?:[a-z][a-z0-9+.-]+:|//)\S*?\?)[^@]+(@?).*", re.IGNORECASE | re.DOTALL
)


def without_password(text: str) -> str:
    """Return a text in which the password and the options of a URL are hidden.

    >>> without_password("postgresql://bloctel:secret@db.example/lists?sslmode=prefer")
    'postgresql://bloctel:(hidden)@db.example/lists?(hidden)'
    """
    return _PASSWORD.sub(r"\1(hidden)@", _OPTIONS.sub(r"\1(hidden)\2", text))


class BloctelError(Exception):
    """Root class of all errors of this library.

    Attributes:
        expected: A description of the expected value or state.
        got: A description of the value or state that was found, without a phone number.
        where: The file, row, column or argument that caused the error, or None.
        message: The sentence that `str()` begins with; by default
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
        got, where = without_password(got), where and without_password(where)
        cause = sys.exception()
        if isinstance(cause, OSError) and cause.filename is not None:
            # this name can be a URL with a password, passed instead of a path
            cause.filename = without_password(str(cause.filename))
        super().__init__(expected, got, where)
        self.expected = expected
        self.got = got
        self.where = where
        self.message = message or f"expected {expected}, got {got}"

    def __str__(self) -> str:
        return f"{self.message} - at {self.where}" if self.where else self.message


class InvalidNumberError(BloctelError, ValueError):
    """The value is not exactly one phone number.

    Attributes:
        reason: A fixed word for programs; `bloctel.numbers.Reason` lists all words.
    """

    def __init__(self, reason: str, where: str | None = None) -> None:
        message = f"the value is not a phone number (reason: {reason})"
        super().__init__("a phone number", reason, where, message=message)
        self.args = (reason, where)
        self.reason = reason


class InputError(BloctelError, ValueError):
    """An argument, an option or a file is not valid."""


class UnknownListError(InputError):
    """The list is not in the book, or there are no rules for a list of this name."""


class NotRegisteredError(InputError):
    """There is no active registration to renew or to withdraw."""


class TooManyNumbersError(InputError):
    """The person already has the maximum count of phone numbers on the list."""


class TokenError(InputError):
    """The token is not valid, so it cannot confirm a request."""


class ForgedTokenError(TokenError):
    """The token was not signed by this registry."""


class ExpiredTokenError(TokenError):
    """The token has expired; request a new one."""


class UsedTokenError(TokenError):
    """The token was already used; a token can be used only once."""


class CapacityError(BloctelError):
    """A filter, an index or a table has no room for more keys or lists."""


class RegistryExistsError(BloctelError):
    """`Registry.create` found a registry and does not overwrite it."""


class RegistryNotFoundError(BloctelError):
    """`Registry.open` found no registry and does not create one."""


class MissingExtraError(BloctelError, ImportError):
    """A feature needs an optional package that is not installed.

    Attributes:
        feature: The feature that needs the package.
        extra: The name of the extra of `bloctel` that installs the package.
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
    """No reliable answer is possible; never treat this error as "clear"."""


class ListClosedError(CannotAnswerError):
    """No requested list is in operation (open) on the day of the look-up.

    Attributes:
        list: The name of the first requested list.
        on: The day of the look-up.
        expected: A description of the days on which the list is in operation.
        explanation: The rules that replaced the list, or an empty text.
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


class ListRulesError(CannotAnswerError):
    """This process does not have the rules with which a list of the book was made."""


class DayNotCoveredError(CannotAnswerError):
    """The book has no data for the day: its data was erased, or is too old."""


class StaleSnapshotError(DayNotCoveredError):
    """The snapshot is too old for the day of the look-up; build a new snapshot."""


class NotKnownError(CannotAnswerError):
    """The body that runs the list has not answered about the number recently enough."""


class SnapshotError(CannotAnswerError):
    """The file cannot be used as a snapshot."""


class DamagedSnapshotError(SnapshotError):
    """The file is a snapshot that was truncated or altered."""


class NotASnapshotError(SnapshotError):
    """The file is not a snapshot."""


class NewerSnapshotError(SnapshotError):
    """The snapshot has a later version of the file format; update `bloctel`."""


class ReceiptError(CannotAnswerError):
    """A receipt or a journal of receipts is not valid, or cannot be used."""


class DamagedReceiptError(ReceiptError):
    """The receipt, or a journal that contains it, was truncated or altered."""


class NotAReceiptError(ReceiptError):
    """The file does not contain a receipt."""


class NewerReceiptError(ReceiptError):
    """The receipt has a later version of the format; update `bloctel`."""


class TruncatedJournalError(ReceiptError):
    """The last line of a receipt journal is incomplete; run `bloctel receipt mend`."""


class CursorPurgedError(CannotAnswerError):
    """The journal lacks changes after the given position; read all lists again."""


class StorageError(CannotAnswerError):
    """The storage cannot do the operation, or its content cannot be read."""


class StorageDeniedError(StorageError):
    """The storage refuses the password, or the user lacks a privilege."""


class StorageGoneError(StorageError):
    """The connection to the server of the storage was refused or lost."""


class RegistryReplacedError(StorageGoneError):
    """Another registry has replaced the opened registry; open the URL again."""


class ForkedError(StorageError):
    """The object was opened in the parent process; open it again after the fork."""


class StorageReadOnlyError(StorageError):
    """The storage cannot be written to, because it is read-only."""


class StorageFullError(StorageError):
    """The storage has no space left."""


class StorageBusyError(StorageError):
    """Another writer kept the lock of the registry for too long; try again."""


class StorageUnreachableError(StorageError):
    """The storage did not answer in time, or the data on its server is too old."""


class DamagedRecordsError(StorageError):
    """Records of calls or consents were altered, deleted or moved."""


class NewerRegistryError(StorageError):
    """A later version of the library made the registry; update `bloctel`."""


class WrongSecretError(StorageError):
    """The secret is not the secret with which the registry encrypts phone numbers."""
