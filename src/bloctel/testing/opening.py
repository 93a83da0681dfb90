"""Contract tests of creating, opening and closing a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bloctel.errors import RegistryExistsError, RegistryNotFoundError, StorageError
from bloctel.testing.base import KEY, ContractBase, add, row

if TYPE_CHECKING:
    from bloctel.storage.interface import Storage

__all__ = ["OpeningContract"]


class OpeningContract(ContractBase):
    """Creating, opening, closing."""

    def test_creation_never_overwrites(self, storage: Storage) -> None:
        """A second creation is refused, and changes nothing."""
        assert add(storage, row()) == 1

        with pytest.raises(RegistryExistsError):
            storage.create({"region": "BE"})

        storage.check()
        with storage.read() as reader:
            assert reader.settings()["region"] == "FR"
            assert reader.registrations_of([KEY]) == [row()]

    def test_opening_never_creates(self, url: str) -> None:
        """Without a creation there is no registry."""
        opened = self.open(url)
        for call in (opened.check, opened.check):
            with pytest.raises(RegistryNotFoundError):
                call()
        opened.close()

    def test_settings_are_stored(self, url: str) -> None:
        """Settings are any text, and settings of the storage replace none of them."""
        settings = {"region": "FR", "a": "", "b": " é\N{TELEPHONE RECEIVER}'%s\n"}
        opened = self.open(url)
        opened.create(settings)
        with opened.read() as reader:
            found = reader.settings()
        opened.close()

        assert {name: found[name] for name in settings} == settings

    def test_another_storage_finds_it(self, shared_url: str, storage: Storage) -> None:
        """A second storage opens the same URL, before and after the first is closed."""
        add(storage, row())
        other = self.open(shared_url)
        other.check()
        with pytest.raises(RegistryExistsError):
            other.create({"region": "BE"})
        assert other.lookup([KEY]).registrations == [row()]
        other.close()
        storage.close()

        again = self.open(shared_url)
        with again.read() as reader:
            assert reader.settings()["region"] == "FR"
            assert [stored.name for stored in reader.lists()] == ["own"]
        again.close()

    def test_a_closed_storage_does_nothing(self, storage: Storage) -> None:
        """A closed storage raises StorageError, and can be closed again."""
        storage.close()

        def read() -> None:
            with storage.read() as reader:
                reader.lists()

        def write() -> None:
            with storage.write() as writer:
                writer.add_list("fr.bloctel")

        calls = [storage.check, lambda: storage.lookup([KEY])]
        for call in (*calls, lambda: storage.create({}), read, write):
            with pytest.raises(StorageError):
                call()
        storage.close()
