"""PostgreSQL servers and users with settings that could hide or damage data."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

import psycopg
import pytest

from bloctel import Registry
from bloctel.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.helpers.servers import Postgresql

KEY = 33639981234
ON = date(2026, 10, 5)


@pytest.mark.server
def test_hidden_rows_are_refused(postgresql: Postgresql) -> None:
    """A user from whom row-level security can hide rows gets no answer."""
    with postgresql.database() as url:
        with Registry.create(url, lists=["own"]) as registry:
            registry.register(KEY, list="own", on=ON)
        dialer = url.replace(f"bloctel:{postgresql.password}", "dialer:s3cret")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE dialer LOGIN PASSWORD 's3cret'")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO dialer")
            connection.execute("ALTER ROLE dialer SET client_encoding = SQL_ASCII")
            try:
                with Registry.open(dialer) as registry:
                    assert registry.is_blocked(KEY, on=ON)
                connection.execute(
                    "ALTER TABLE bloctel_registration ENABLE ROW LEVEL SECURITY"
                )
                with pytest.raises(StorageError, match="row-level security"):
                    Registry.open(dialer)
                with Registry.open(url) as registry:  # the owner sees all rows
                    assert registry.is_blocked(KEY, on=ON)
            finally:
                connection.execute("DROP OWNED BY dialer")
                connection.execute("DROP ROLE dialer")


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_table_that_hides_the_table_of_the_registry_is_refused(
    postgresql: Postgresql, exact: Literal["memory", "storage"]
) -> None:
    """An empty table in an earlier schema of the search path gives no clear answer."""
    with postgresql.database() as url:
        with Registry.create(url, lists=["own"]) as registry:
            registry.register(KEY, list="own", on=ON)
        with (
            psycopg.connect(url, autocommit=True) as connection,
            Registry.open(url, refresh_seconds=0, exact=exact) as registry,
        ):
            assert registry.is_blocked(KEY, on=ON)
            connection.execute("CREATE SCHEMA bloctel")  # the name of the user
            connection.execute(
                "CREATE TABLE bloctel.bloctel_registration "
                "(LIKE public.bloctel_registration)"
            )
            with pytest.raises(StorageError, match="several schemas"):
                registry.is_blocked(KEY, on=ON)
            with pytest.raises(StorageError, match="several schemas"):
                Registry.open(url)
            connection.execute("DROP SCHEMA bloctel CASCADE")
            assert registry.is_blocked(KEY, on=ON)


@pytest.mark.parametrize("method", ["read", "write"])
def test_error_of_the_driver_during_a_copy_is_a_storage_error(
    postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """A ValueError of the driver during COPY becomes a StorageError without its text.

    Behind a pooler, the driver raises ValueError for a reply to another client.
    """

    def fail(*_: object) -> None:
        raise ValueError(f"row {KEY}")

    with postgresql.database() as url, Registry.create(url, lists=["own"]) as registry:
        registry.register(KEY, list="own", on=ON)
        many = range(KEY + 1, KEY + 6_000)  # a few rows need no COPY
        acts: dict[str, Callable[[], object]] = {
            "read": lambda: registry.is_blocked(KEY, on=ON),
            "write": lambda: registry.register_many(many, list="own", on=ON),
        }
        with monkeypatch.context() as patch:
            patch.setattr(psycopg.Copy, method, fail)
            with pytest.raises(StorageError, match="ValueError") as caught:
                acts[method]()
        assert str(KEY) not in repr((caught.value, caught.value.__cause__))
        assert registry.is_blocked(KEY, on=ON)
        assert not registry.is_blocked(KEY + 1, on=ON)
