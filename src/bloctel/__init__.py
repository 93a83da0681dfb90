"""Know, before you dial, whether a phone number may be disturbed.

```python
book = bloctel.open("oppositions.bloctel")
book.is_blocked("+33639981234")     # on a list today?
book.check("06 39 98 12 34", on=date(2024, 1, 2))
```

`CLEAR` means "on none of the lists asked, on that day".  It never means "may be
called": since 11 August 2026 France requires prior consent
(Code de la consommation, article L223-1).
"""

try:
    from bloctel import _arrow, _digits, _filter, _probe  # noqa: F401 - tried, not used
except ImportError as error:
    raise ImportError(
        "expected the compiled core of bloctel, got none that this Python can load "
        "(cure: in a checkout, python -m pip install -e . with a C compiler; "
        "otherwise python -m pip install --force-reinstall bloctel)"
    ) from error

from typing import TYPE_CHECKING

from bloctel._filter import BloomFilter
from bloctel._version import __version__
from bloctel.books import open
from bloctel.errors import (
    BloctelError,
    CannotAnswerError,
    CapacityError,
    CursorPurgedError,
    DamagedReceiptError,
    DamagedRecordsError,
    DamagedSnapshotError,
    DayNotCoveredError,
    ExpiredTokenError,
    ForgedTokenError,
    InputError,
    InvalidNumberError,
    ListClosedError,
    MissingExtraError,
    NewerReceiptError,
    NewerRegistryError,
    NewerSnapshotError,
    NotAReceiptError,
    NotASnapshotError,
    NotKnownError,
    NotRegisteredError,
    OlderRegistryError,
    ReceiptError,
    RegistryExistsError,
    RegistryNotFoundError,
    SnapshotError,
    StaleSnapshotError,
    StorageBusyError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    StorageGoneError,
    StorageReadOnlyError,
    StorageUnreachableError,
    TokenError,
    TooManyNumbersError,
    TruncatedJournalError,
    UnknownListError,
    UsedTokenError,
    WrongSecretError,
)
from bloctel.lookup import Book
from bloctel.numbers import (
    PhoneNumber,
    Reason,
    is_valid,
    normalize,
    normalize_many,
)
from bloctel.periods import RegistrationPeriod
from bloctel.question import Status, Verdict
from bloctel.snapshot import Snapshot

if TYPE_CHECKING:
    from bloctel import complaints as complaints
    from bloctel import compliance as compliance
    from bloctel.follower import Follower
    from bloctel.registry import Registry
    from bloctel.scrub import (
        CsvOptions,
        FileOptions,
        Outputs,
        ScrubbedFile,
        ScrubSummary,
        scrub_csv,
        scrub_file,
        scrub_files,
    )

    # when it runs, the package of that name, which can be called: see there why
    from bloctel.scrub.frames import scrub

__all__ = [
    "BloctelError",
    "BloomFilter",
    "Book",
    "CannotAnswerError",
    "CapacityError",
    "CsvOptions",
    "CursorPurgedError",
    "DamagedReceiptError",
    "DamagedRecordsError",
    "DamagedSnapshotError",
    "DayNotCoveredError",
    "ExpiredTokenError",
    "FileOptions",
    "Follower",
    "ForgedTokenError",
    "InputError",
    "InvalidNumberError",
    "ListClosedError",
    "MissingExtraError",
    "NewerReceiptError",
    "NewerRegistryError",
    "NewerSnapshotError",
    "NotAReceiptError",
    "NotASnapshotError",
    "NotKnownError",
    "NotRegisteredError",
    "OlderRegistryError",
    "Outputs",
    "PhoneNumber",
    "Reason",
    "ReceiptError",
    "RegistrationPeriod",
    "Registry",
    "RegistryExistsError",
    "RegistryNotFoundError",
    "ScrubSummary",
    "ScrubbedFile",
    "Snapshot",
    "SnapshotError",
    "StaleSnapshotError",
    "Status",
    "StorageBusyError",
    "StorageDeniedError",
    "StorageError",
    "StorageFullError",
    "StorageGoneError",
    "StorageReadOnlyError",
    "StorageUnreachableError",
    "TokenError",
    "TooManyNumbersError",
    "TruncatedJournalError",
    "UnknownListError",
    "UsedTokenError",
    "Verdict",
    "WrongSecretError",
    "__version__",
    "is_valid",
    "normalize",
    "normalize_many",
    "open",
    "scrub",
    "scrub_csv",
    "scrub_file",
    "scrub_files",
]

#: Where names are that are imported when they are asked for: who looks up numbers in a
#: snapshot need not wait for registries and scrubs.
_ASKED_FOR = {
    "Follower": "bloctel.follower",
    "Registry": "bloctel.registry",
    **dict.fromkeys(
        (
            "CsvOptions",
            "FileOptions",
            "Outputs",
            "ScrubSummary",
            "ScrubbedFile",
            "scrub_csv",
            "scrub_file",
            "scrub_files",
        ),
        "bloctel.scrub",
    ),
}
#: Packages that are names of their own.
_PACKAGES = ("complaints", "compliance", "scrub")


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415

    if name in _PACKAGES:
        return import_module(f"bloctel.{name}")
    if name in _ASKED_FOR:
        return getattr(import_module(_ASKED_FOR[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
