"""A registry: rules, storage and look-up joined.

```python
registry = Registry.create("sqlite:///oppositions.db")   # refuses to overwrite
registry = Registry.open("sqlite:///oppositions.db")     # refuses to create
```

Every change is stored, with a line in the journal, before the call returns.
Look-ups answer from memory; what other processes changed is seen within
`refresh_seconds`.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Self

from bloctel import rules
from bloctel.errors import StorageError
from bloctel.lookup.book import Book, ClosedState
from bloctel.numbers.phone_number import DEFAULT_REGION, check_region
from bloctel.registry.registrar import Registrar
from bloctel.registry.replica import Mirror, require_exact
from bloctel.storage.interface import open_storage
from bloctel.storage.opening import create_storage, join_storage, new_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from bloctel.registry.replica import Exact
    from bloctel.storage.interface import Storage

__all__ = ["Registry"]


class Registry(Registrar, Book):
    """Registrations in a storage, and look-ups on them."""

    def __init__(
        self, storage: Storage, refresh_seconds: float = 1.0, exact: Exact = "memory"
    ) -> None:
        """Join an existing storage; use `create` or `open` instead."""
        Registrar.__init__(self, storage)
        self._reuse_seconds = refresh_seconds
        self._lock = RLock()  # of what look-ups know
        self._mirror = Mirror(storage, exact)
        Book.__init__(self, self._mirror.state, self.region)

    @classmethod
    def create(
        cls,
        url: str,
        *,
        region: str | None = DEFAULT_REGION,
        lists: Iterable[str] = (),
        secret: bytes | None = None,
    ) -> Self:
        """Make a registry where there is none, and open it.

        Args:
            url: `memory:`, `sqlite:///file.db`, or a database server's
                (`bloctel.storage`).
            region: The region by which national forms are read, stored with it.
            lists: Lists that it holds from the start.  Others are added when a first
                number is registered on them.
            secret: What hides the numbers in the storage, at least 16 bytes; None
                stores them as they are.  Lose it, and the list is lost.

        Raises:
            RegistryExistsError: There is one already; it is left as it is.
            UnknownListError: No rules are known for a list.
            InputError: The URL, the region or the secret cannot be used.
            MissingExtraError: A package is missing for that URL or for a secret.
            StorageError: It cannot be made there.
        """
        names = [rules.load(name).name for name in lists]
        settings = new_settings(check_region(region))
        storage = create_storage(url, settings, secret)
        with storage.write() as writer:
            for name in dict.fromkeys(names):
                writer.add_list(name)
        return cls(storage)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        refresh_seconds: float = 1.0,
        exact: Exact = "memory",
        secret: bytes | None = None,
    ) -> Self:
        """Open a registry that exists.

        Args:
            url: As for `create`; never `memory:`, where nothing can exist yet.
            refresh_seconds: How old the answer to a look-up may be, in seconds, when
                other processes write to the same storage.  0 asks the storage at
                every look-up.
            exact: Where the exact step of a look-up is made.  `memory` holds
                everything; `storage` holds a filter alone, and asks the storage once
                for each look-up that the filter does not answer.
            secret: As for `create`.

        Raises:
            RegistryNotFoundError: There is none: a typo must not become an empty
                list.
            OlderRegistryError: An earlier version made it: `migrate` it.
            NewerRegistryError: A later version made it.
            WrongSecretError: Its numbers are hidden by another secret, or by none.
            StorageError: It cannot be read.
        """
        exact = require_exact(exact)
        storage = join_storage(url, secret)
        try:
            return cls(storage, refresh_seconds, exact)
        except BaseException:
            storage.close()
            raise

    @staticmethod
    def migrate(url: str) -> None:
        """Bring a registry that an earlier version made to the form of this one.

        Nothing else may have it open; an error leaves it as it was.

        Raises:
            RegistryNotFoundError: There is none.
            NewerRegistryError: A later version made it.
            StorageError: It cannot be read or written.
        """
        storage = open_storage(url)
        try:
            storage.migrate()
        finally:
            storage.close()

    @staticmethod
    def restored(url: str, *, secret: bytes | None = None) -> None:
        """Say that a backup was put in the place of a registry, before it is opened.

        The backup does not know its last changes, and gives their cursors again: who
        has read them would take new changes for old ones.  From then on every cursor
        of before is refused, and followers, caches and readers of the journal begin
        anew.

        Args:
            url: As for `open`.
            secret: As for `create`.

        Raises:
            StorageError: As for `open`.
        """
        storage = join_storage(url, secret)
        try:
            with storage.write() as writer:
                writer.begin_anew()
        finally:
            storage.close()

    def close(self) -> None:
        """Release the storage's connections and files; it cannot be asked any more."""
        self._set_state(ClosedState("registry", "the registry"))
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- look-ups -------------------------------------------------------------

    def _refresh(self) -> None:
        with self._lock:
            if self._mirror.catch_up():
                self._set_state(self._mirror.state)

    def _committed(self) -> None:
        """Let look-ups see at once what has just been stored."""
        if self._mirror.cursor is None:
            return  # a registry that nobody has asked yet is not read for a write
        try:
            self._refresh()
        except StorageError:
            # what is stored is stored; the next look-up looks again, and says so
            self._set_state(self._mirror.state)
