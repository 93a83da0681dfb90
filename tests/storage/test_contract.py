"""Contract tests for all storages of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bloctel.storage.pseudonymized import PseudonymousStorage
from bloctel.testing import StorageContract
from tests.helpers.servers import unique

if TYPE_CHECKING:
    from pathlib import Path

    from bloctel.storage.interface import Storage
    from tests.helpers.servers import Server


class TestMemory(StorageContract):
    """`memory:`."""

    is_shared = False

    @pytest.fixture
    def url(self) -> str:
        """Return a URL at which there is no registry yet."""
        return "memory:"


class TestSqlite(StorageContract):
    """`sqlite:///`."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """Return a URL at which there is no registry yet."""
        return f"sqlite:///{tmp_path}/a b%20?.db"


class TestPostgresql(StorageContract):
    """`postgresql://`."""

    @pytest.fixture
    def url(self, postgresql: Server) -> str:
        """Return a URL at which there is no registry yet."""
        return postgresql.url(unique())


class TestMariadb(StorageContract):
    """`mariadb://`."""

    @pytest.fixture
    def url(self, mariadb: Server) -> str:
        """Return a URL at which there is no registry yet."""
        return mariadb.url(unique())


class TestValkey(StorageContract):
    """`valkey://`."""

    @pytest.fixture
    def url(self, valkey: Server) -> str:
        """Return a URL at which there is no registry yet."""
        return valkey.url(unique())


class TestPseudonymous(TestSqlite):
    """Contract tests of a storage whose phone numbers are hidden by a secret."""

    def open(self, url: str) -> Storage:
        """Open the storage at *url*."""
        return PseudonymousStorage(super().open(url), b"sixteen bytes or more")
