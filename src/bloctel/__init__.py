"""Exact look-ups on opposition lists: check a phone number before you dial it.

```python
book = bloctel.open("oppositions.bloctel")
book.is_blocked("+33639981234")     # on a list today?
book.check("06 39 98 12 34", on=date(2024, 1, 2))
```

`CLEAR` means that the number is on none of the requested lists on the given day.  It
never means "may be called": since 11 August 2026 France requires prior consent
(Code de la consommation, article L223-1).
"""

try:
    from bloctel import _filter  # noqa: F401 - only to test the import
    from bloctel.lookup import _probe  # noqa: F401
    from bloctel.numbers import _digits  # noqa: F401
except ImportError as error:
    raise ImportError(
        "this Python cannot load the compiled modules of bloctel; install it again "
        "(in a checkout with a C compiler: python -m pip install -e .; otherwise: "
        "python -m pip install --force-reinstall bloctel)"
    ) from error

from typing import TYPE_CHECKING

from bloctel import errors
from bloctel._filter import BloomFilter
from bloctel._open import open
from bloctel._version import __version__
from bloctel.errors import (
    BloctelError,
    CannotAnswerError,
    DayNotCoveredError,
    InputError,
    InvalidNumberError,
    ListClosedError,
    MissingExtraError,
    NotKnownError,
    NotRegisteredError,
    RegistryExistsError,
    RegistryNotFoundError,
    SnapshotError,
    StorageError,
    UnknownListError,
)
from bloctel.lookup.book import Book
from bloctel.lookup.question import Status, Verdict
from bloctel.numbers import PhoneNumber, Reason, is_valid, normalize, normalize_many
from bloctel.periods import RegistrationPeriod
from bloctel.snapshot import Snapshot

if TYPE_CHECKING:
    from bloctel import complaints as complaints
    from bloctel import compliance as compliance
    from bloctel import scrub as scrub
    from bloctel.registry import Follower, Registry
    from bloctel.scrub import (
        CsvOptions,
        FileOptions,
        Outputs,
        ScrubbedFile,
        ScrubSummary,
        scrub_csv,
        scrub_file,
        scrub_files,
        scrub_frame,
    )

__all__ = [  # noqa: RUF022 - grouped by theme
    # phone numbers
    "PhoneNumber",
    "Reason",
    "is_valid",
    "normalize",
    "normalize_many",
    # books: sets of lists that answer look-ups
    "Book",
    "Follower",
    "Registry",
    "Snapshot",
    "open",
    # answers of look-ups
    "RegistrationPeriod",
    "Status",
    "Verdict",
    # scrubs: look-ups of all phone numbers in a data frame or a file
    "CsvOptions",
    "FileOptions",
    "Outputs",
    "ScrubSummary",
    "ScrubbedFile",
    "scrub_csv",
    "scrub_file",
    "scrub_files",
    "scrub_frame",
    # the Bloom filter alone
    "BloomFilter",
    # errors that programs often catch; the module bloctel.errors has all other errors
    "errors",
    "BloctelError",
    "CannotAnswerError",
    "DayNotCoveredError",
    "InputError",
    "InvalidNumberError",
    "ListClosedError",
    "MissingExtraError",
    "NotKnownError",
    "NotRegisteredError",
    "RegistryExistsError",
    "RegistryNotFoundError",
    "SnapshotError",
    "StorageError",
    "UnknownListError",
    "__version__",
]

#: Modules imported on first use: a program that only looks up numbers starts faster.
_LAZY = ("complaints", "compliance", "scrub")


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415

    if name in _LAZY:
        return import_module(f"bloctel.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    package = "registry" if name in ("Follower", "Registry") else "scrub"
    return getattr(import_module(f"bloctel.{package}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
