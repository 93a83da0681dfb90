"""Contract tests of creating, opening and closing a registry."""

import pytest

from bloctel.errors import RegistryExistsError, RegistryNotFoundError, StorageError
from bloctel.storage.interface import Storage
from bloctel.storage.rows import Position
from bloctel.testing.base import KEY, ContractBase, add, look_up, row


class OpeningContract(ContractBase):
    """Contract tests of the methods that create, open and close a registry."""

    def test_creation_never_overwrites(self, storage: Storage) -> None:
        """A second call of `create` raises an error, and changes nothing."""
        assert add(storage, row()) == 1

        with pytest.raises(RegistryExistsError):
            storage.create({"region": "BE"})

        storage.check()
        with storage.read() as reader:
            assert reader.settings()["region"] == "FR"
            assert reader.registrations_of([KEY]) == [row()]

    def test_opening_never_creates(self, url: str) -> None:
        """Opening a URL without a registry raises an error, and creates no registry."""
        opened = self.open(url)
        for call in (opened.check, opened.check):
            with pytest.raises(RegistryNotFoundError):
                call()
        opened.close()

    def test_settings_are_stored(self, url: str) -> None:
        """Settings can be any text; the storage's own settings do not replace them."""
        settings = {"region": "FR", "a": "", "b": " é\N{TELEPHONE RECEIVER}'%s\n"}
        opened = self.open(url)
        opened.create(settings)
        with opened.read() as reader:
            found = reader.settings()
        opened.close()

        assert {name: found[name] for name in settings} == settings

    def test_another_storage_finds_it(self, shared_url: str, storage: Storage) -> None:
        """A second storage can open the URL before and after the first is closed."""
        add(storage, row())
        other = self.open(shared_url)
        other.check()
        with pytest.raises(RegistryExistsError):
            other.create({"region": "BE"})
        assert look_up(other, [KEY]).registrations == [row()]
        other.close()
        storage.close()

        again = self.open(shared_url)
        with again.read() as reader:
            assert reader.settings()["region"] == "FR"
            assert [stored.name for stored in reader.lists()] == ["own"]
        again.close()

    def test_a_closed_storage_does_nothing(self, storage: Storage) -> None:
        """Every use of a closed storage raises StorageError, except `close`."""
        storage.close()

        def read() -> None:
            with storage.read() as reader:
                reader.lists()

        def write() -> None:
            with storage.write() as writer:
                writer.add_list("fr.bloctel", None)

        def check() -> None:
            storage.check()

        calls = [
            check,
            lambda: storage.lookup([KEY], Position(0, 0)),
            lambda: storage.create({}),
        ]
        for call in (*calls, read, write):
            with pytest.raises(StorageError):
                call()
        storage.close()
