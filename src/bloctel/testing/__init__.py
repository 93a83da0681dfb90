"""What every storage must pass, for those of this library and of others.

```python
from bloctel.testing import StorageContract

class TestMyStorage(StorageContract):
    @pytest.fixture
    def url(self, tmp_path):
        return f"mine://{tmp_path}/registry"
```

The fixture `url` gives the URL of a registry that is not there yet, for
`bloctel.storage.open_storage`; or override the method `open`.  It needs pytest, and is
imported by tests alone.
"""

from __future__ import annotations

from typing import Final

import pytest

_PARTS: Final = (
    "opening",
    "transactions",
    "registrations",
    "journal",
    "kept",
    "records",
    "turns",
)
# a failure shows what was expected and what came, as in pytest's own files
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from bloctel.testing.base import new_rows, run_all  # noqa: E402 - see above
from bloctel.testing.concurrency import TurnsContract  # noqa: E402
from bloctel.testing.journal import JournalContract  # noqa: E402
from bloctel.testing.lists_and_requests import KeptContract  # noqa: E402
from bloctel.testing.opening import OpeningContract  # noqa: E402
from bloctel.testing.records import RecordsContract  # noqa: E402
from bloctel.testing.registrations import RegistrationsContract  # noqa: E402
from bloctel.testing.transactions import TransactionsContract  # noqa: E402

__all__ = ["StorageContract", "new_rows", "run_all"]


class StorageContract(
    OpeningContract,
    TransactionsContract,
    RegistrationsContract,
    JournalContract,
    KeptContract,
    RecordsContract,
    TurnsContract,
):
    """The contract of `bloctel.storage.Storage`."""
