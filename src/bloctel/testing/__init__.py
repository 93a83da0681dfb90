"""Contract tests that every storage must pass.

```python
from bloctel.testing import StorageContract

class TestMyStorage(StorageContract):
    @pytest.fixture
    def url(self, tmp_path):
        return f"mine://{tmp_path}/registry"
```

The fixture `url` returns a URL at which there is no registry yet.
`bloctel.storage.open_storage` must be able to open this URL; otherwise override the
method `open`.  The module needs pytest; import it only in tests.
"""

from pkgutil import iter_modules

import pytest

# makes pytest show the compared values if an assertion in these modules fails
parts = iter_modules(__path__, f"{__name__}.")
pytest.register_assert_rewrite(*(part.name for part in parts))

from bloctel.testing.base import new_rows, run_all  # noqa: E402 - see above
from bloctel.testing.journal import JournalContract  # noqa: E402
from bloctel.testing.lists_and_requests import ListsAndRequestsContract  # noqa: E402
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
    ListsAndRequestsContract,
    RecordsContract,
):
    """Contract tests that each subclass of `bloctel.storage.Storage` must pass."""
