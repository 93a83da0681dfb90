"""Storages of other packages are found by scheme, and never replace ours."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry
from bloctel.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
from bloctel.storage.memory import MemoryStorage

def make(url):
    return MemoryStorage()
"""
ENTRY_POINTS = """
[bloctel.storage]
counting = their_storage:make
memory = their_storage:no_such_thing
"""


def test_an_installed_package_adds_a_scheme(tmp_path: Path) -> None:
    """An installed package adds a scheme, but cannot replace a known scheme."""
    (tmp_path / "their_storage.py").write_text(MODULE)
    info = tmp_path / "their_storage-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: their-storage\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    code = (
        "import sys, bloctel\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "bloctel.Registry.create('memory:', lists=['own'])\n"
        "print('importlib.metadata' in sys.modules)\n"
        "registry = bloctel.Registry.create('counting://there', lists=['own'])\n"
        "print(registry.lists)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "('own',)"


@pytest.mark.parametrize(
    "url", ["nosuch://me:s3cret@host/x", "no url", "06 39 98 12 34:x", ""]
)
def test_an_unknown_scheme_is_refused(url: str) -> None:
    """The error lists the known schemes, and does not show the URL."""
    with pytest.raises(InputError, match="memory:, sqlite:, postgresql:") as caught:
        Registry.create(url)

    assert "s3cret" not in str(caught.value)
    assert "39 98" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb", "mysql", "valkey"])
def test_a_password_in_another_place_is_refused(scheme: str) -> None:
    """A URL with one slash too many contains its password in the database name."""
    with pytest.raises(InputError, match="password@host") as caught:
        Registry.open(f"{scheme}:///me:s3cret@host/lists")

    assert "s3cret" not in str(caught.value)


def test_a_scheme_may_have_capital_letters(tmp_path: Path) -> None:
    """Schemes of URLs are case-insensitive, as RFC 3986 requires."""
    with Registry.create(f"SQLite:///{tmp_path / 'own.db'}", lists=["own"]):
        pass
    with Registry.open(f"sqlite:///{tmp_path / 'own.db'}") as registry:
        assert registry.lists == ("own",)
