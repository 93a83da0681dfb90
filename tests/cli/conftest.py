"""Opposition lists for the tests of the command line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel.registry.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A CSV list with one number."""
    path = tmp_path / "oppositions.csv"
    path.write_text("telephone\n+33 1 99 00 00 01\n")
    return path


@pytest.fixture
def registry(tmp_path: Path) -> str:
    """A registry with one number on the list `own`."""
    url = f"sqlite:///{tmp_path / 'oppositions.db'}"
    with Registry.create(url, lists=["own"]) as created:
        created.register("01 99 00 00 01", list="own", on=date(2024, 1, 2))
    return url
