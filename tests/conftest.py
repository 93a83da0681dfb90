"""Fixtures for all tests, markers of tests that need a system, Hypothesis profiles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from bloctel._util import clock
from bloctel.rules import _list_rules
from tests.helpers.servers import KINDS, STORAGES, Server, server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Examples have no time limit, because machines are shared and noisy.  In CI each run
# has the same examples, so that a failure points to the change under test.
settings.register_profile(
    "full",
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
_FULL = settings.get_profile("full")
#: The contributor's run, and the same tests on another build.
settings.register_profile("quick", _FULL, max_examples=20, stateful_step_count=25)
#: `scripts/long-checks`.
settings.register_profile("long", _FULL, max_examples=2_000, derandomize=False)

#: Markers that imply `system`.
_SYSTEM = ("server", "browser", "spark", "crash", "slow")
_MARKER_OF_FIXTURE = {
    **dict.fromkeys(KINDS, "server"),
    "browser": "browser",
    "session": "spark",
    "results": "slow",  # of all benchmarks on tiny inputs
}


@pytest.fixture
def in_2035(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the library's clock to 1 January 2035."""
    monkeypatch.setattr(clock, "now", lambda: 2_051_222_400.0)


@pytest.fixture(autouse=True)
def _own_rules() -> Iterator[None]:
    """Forget the list rules that a test has registered."""
    yield
    if _list_rules._registered:
        _list_rules._registered.clear()
        _list_rules._load.cache_clear()


def pytest_configure(config: pytest.Config) -> None:
    """Choose the Hypothesis profile, unless the command line chooses one."""
    if config.getoption("--hypothesis-profile") is None:
        is_quick = config.getoption("markexpr") == "not system"
        settings.load_profile("quick" if is_quick else "full")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run selected files in this process, because workers take seconds to start."""
    is_selection = config.args_source is pytest.Config.ArgsSource.ARGS
    return 0 if is_selection and all(".py" in arg for arg in config.args) else None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a parameter of bytes by its argument: workers must collect equal names.

    Compressed bytes contain the second in which they were written.
    """
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server, a browser or Spark, and those that crash."""
    for item in items:
        if isinstance(item, pytest.Function):
            for name in _markers_of(item):
                item.add_marker(name)
        if any(item.get_closest_marker(name) for name in _SYSTEM):
            item.add_marker("system")


def _markers_of(item: pytest.Function) -> Iterator[str]:
    """Yield the markers that follow from the fixtures and parameters of a test."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    used = {*item.fixturenames, *(p for p in parameters if isinstance(p, str))}
    yield from {_MARKER_OF_FIXTURE[name] for name in used & _MARKER_OF_FIXTURE.keys()}
    if "server" in item.function.__code__.co_names:  # it starts one itself
        yield "server"
    if "crashes" in item.path.stem:
        yield "crash"


def _shared(kind: str) -> Iterator[Server]:
    with server(kind) as started:
        yield started


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Give a PostgreSQL server that all tests share."""
    yield from _shared("postgresql")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """Give a MariaDB server that all tests share."""
    yield from _shared("mariadb")


@pytest.fixture(scope="session")
def valkey() -> Iterator[Server]:
    """Give a Valkey or Redis server that all tests share."""
    yield from _shared("valkey")


@pytest.fixture(params=STORAGES)
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a storage that does not exist yet, of each kind."""
    if request.param == "memory":
        yield "memory:"
    elif request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/registry.db"
    else:
        started: Server = request.getfixturevalue(request.param)
        with started.database() as url:
            yield url
