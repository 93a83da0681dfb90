"""The reference of the command line says what the commands say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

import bloctel
from bloctel.cli.app import app
from tests.helpers.doc_pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = ROOT / "docs" / "reference" / "cli.md"


def _leaves(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            yield from _leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


_COMMANDS = dict(_leaves(typer.main.get_command(app), "bloctel"))


def test_the_page_is_what_the_script_makes_of_the_commands() -> None:
    """A changed help text makes the page stale, and this test says how to mend it."""
    sources = Path(bloctel.__file__).parents[1]

    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "update-cli-reference"), "--check"],
        env={"PYTHONPATH": str(sources)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_has_help_an_example_and_an_entry(name: str) -> None:
    """Whoever finds a command learns what it does, and sees it used."""
    command = _COMMANDS[name]
    text, _, example = (command.help or "").partition("Example:\n")

    assert text.strip()
    assert example.strip().startswith(f"{name} ")
    assert f"\n## {name}\n" in _PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_argument_and_option_has_help(name: str) -> None:
    """No parameter is left to be guessed."""
    silent = [p.name for p in _COMMANDS[name].params if not getattr(p, "help", "")]

    assert not silent
