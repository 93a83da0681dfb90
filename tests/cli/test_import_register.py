"""The command that imports the files of registers of other countries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.command_line import run, sentence

if TYPE_CHECKING:
    from pathlib import Path

_LIST = ("--list", "us.dnc", "--layout", "us-dnc", "--on", "2026-11-02")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A registry with the list `us.dnc`."""
    url = f"sqlite:///{tmp_path}/lists.db"
    assert (
        run("registry", "create", url, "--region", "US", "--list", "us.dnc").code == 0
    )
    return url


def test_a_file_of_a_register_is_imported(url: str, tmp_path: Path) -> None:
    """Listed numbers are then blocked, other numbers of the area code are clear."""
    file = tmp_path / "212.txt"
    file.write_text("212,5550100\n212,5550101\n")

    done = run("registry", "import-register", url, file, *_LIST, "--numbers", 2)

    counts = dict(map(str.split, done.stdout.splitlines()))
    assert counts == {"rows": "2", "areas": "1", "registered": "2", "ended": "0"}
    for number, code in (("212-555-0100", 1), ("212-555-0102", 0), ("646-555-0100", 1)):
        found = run("check", number, "--against", url, "--on", "2026-11-20")
        assert found.code == code


def test_a_file_that_does_not_fit_is_refused(url: str, tmp_path: Path) -> None:
    """The message names the line and shows no digits of a number."""
    file = tmp_path / "212.txt"
    file.write_text("212,5550100\n212,55501\n")

    done = run("registry", "import-register", url, file, *_LIST, "--numbers", 2)

    message = sentence(done)
    assert message.endswith(f"at {file}, line 2")
    assert "got a line of 9 characters, 8 of which are digits" in message
    assert "55501\n" not in message


def test_the_layout_and_the_day_are_required(url: str, tmp_path: Path) -> None:
    """Without them, or with an unknown layout, the usage is shown."""
    file = tmp_path / "212.txt"
    for options in (_LIST[:2], _LIST[:4], (*_LIST[:3], "pdf", *_LIST[4:])):
        assert run("registry", "import-register", url, file, *options).code == 2
