"""What every test is run with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.servers import STORAGES, Server, server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# machines are shared and noisy: no example has a time limit
settings.register_profile(
    "bloctel", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# the same examples in each run, so that a red run speaks of the change it tests
settings.register_profile("ci", settings.get_profile("bloctel"), derandomize=True)
# where the same tests run again, on another build
settings.register_profile("brief", settings.get_profile("ci"), max_examples=25)
settings.load_profile("ci" if "CI" in os.environ else "bloctel")


def _shared(kind: str) -> Iterator[Server]:
    with server(kind) as started:
        yield started


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Give a PostgreSQL server that lives as long as the tests."""
    yield from _shared("postgresql")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """Give a MariaDB server that lives as long as the tests."""
    yield from _shared("mariadb")


@pytest.fixture(scope="session")
def valkey() -> Iterator[Server]:
    """Give a Valkey or Redis server that lives as long as the tests."""
    yield from _shared("valkey")


@pytest.fixture(params=STORAGES)
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a storage that is not there yet, of each kind."""
    if request.param == "memory":
        yield "memory:"
    elif request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/registry.db"
    else:
        started: Server = request.getfixturevalue(request.param)
        with started.database() as url:
            yield url
