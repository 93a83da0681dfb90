"""Crash tests: a killed process or server loses no acknowledged change."""

from __future__ import annotations

import os
import sqlite3
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry
from bloctel.errors import StorageError
from tests.helpers import crashes
from tests.helpers.servers import KINDS, server, unique

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system does not fork"
)


def test_killed_processes_lose_nothing(tmp_path: Path) -> None:
    """The test makes twelve rounds on SQLite; scripts/crash-test makes a thousand."""
    tally = crashes.rounds(f"sqlite:///{tmp_path}/r.db", tmp_path, 12, seed=7)

    assert tally.rounds == 12
    assert tally.acknowledged > 0


@pytest.mark.parametrize("kind", KINDS)
def test_killed_servers_lose_nothing(tmp_path: Path, kind: str) -> None:
    """The test makes five rounds on each server; some rounds kill the server."""
    with server(kind) as started:

        def crash() -> None:
            started.kill()
            started.start()

        tally = crashes.rounds(started.url(unique()), tmp_path, 5, 7, crash)

    assert tally.rounds == 5
    assert tally.acknowledged > 0


def test_commits_of_a_server_that_does_not_wait_for_the_disk() -> None:
    """PostgreSQL waits for each commit although its configuration says otherwise."""
    day = date(2026, 11, 2)
    numbers = range(33639981000, 33639981010)
    with server(
        "postgresql", "-csynchronous_commit=off", "-cwal_writer_delay=10s"
    ) as started:
        url = started.url(unique())
        with Registry.create(url, lists=["own"]) as registry:
            for number in numbers:
                registry.register(number, list="own", on=day)
            started.kill()
        started.start()
        with Registry.open(url) as registry:
            assert all(registry.is_blocked(number, on=day) for number in numbers)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--innodb-flush-log-at-trx-commit=0"], "innodb_flush_log_at_trx_commit"),
        (["--log-bin=bin", "--sync-binlog=0"], "sync_binlog"),
    ],
)
def test_servers_that_can_lose_commits_are_refused(
    options: list[str], name: str
) -> None:
    """MariaDB must flush each commit, which only its configuration can request."""
    with (
        server("mariadb", *options) as started,
        pytest.raises(StorageError, match=f"set {name} to 1"),
    ):
        Registry.create(started.url(unique()), lists=["own"])


def test_a_loss_is_found(tmp_path: Path) -> None:
    """The crash test reports a row that is deleted in the database as lost."""
    url = f"sqlite:///{tmp_path}/r.db"
    state = crashes._State(url, tmp_path, 1)
    Registry.create(url, lists=["own"]).close()
    operation = [0, "register", 33639980001, 19_800]
    for registry in (Registry.open(url), state.model):
        crashes._change(registry, operation)
    log = [["begun", *operation], ["done", *operation]]
    crashes._check_writer(state, 0, log)

    with sqlite3.connect(tmp_path / "r.db") as raw:
        raw.execute("DELETE FROM bloctel_registration WHERE key = 33639980001")
    raw.close()

    with pytest.raises(crashes.LostError, match="is missing or incomplete"):
        crashes._check_writer(state, 0, log)
    assert state.model.history(33639980001)[0].registered_on == date(2024, 3, 18)
