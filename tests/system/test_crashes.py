"""Crash tests: a killed process or server loses no acknowledged change."""

from __future__ import annotations

import os
import sqlite3
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry
from tests.helpers import crashes
from tests.helpers.servers import KINDS, server, unique

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system does not fork"
)


def test_killed_processes_lose_nothing(tmp_path: Path) -> None:
    """Twelve rounds on SQLite; scripts/crash-test does a thousand."""
    tally = crashes.rounds(f"sqlite:///{tmp_path}/r.db", tmp_path, 12, seed=7)

    assert tally.rounds == 12
    assert tally.acknowledged > 0


@pytest.mark.parametrize("kind", KINDS)
def test_killed_servers_lose_nothing(tmp_path: Path, kind: str) -> None:
    """Five rounds on each server; some of them kill the server itself."""
    with server(kind) as started:

        def crash() -> None:
            started.kill()
            started.start()

        tally = crashes.rounds(started.url(unique()), tmp_path, 5, 7, crash)

    assert tally.rounds == 5
    assert tally.acknowledged > 0


def test_a_loss_is_found(tmp_path: Path) -> None:
    """A row that is deleted in the database is reported as lost."""
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
