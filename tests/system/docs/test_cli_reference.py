"""Reference page of the command line, compared with the help of the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def test_the_page_is_up_to_date() -> None:
    """After a change of a help text, the message says how to update the page."""
    sources = Path(bloctel.__file__).parents[1]

    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "update-cli-reference"), "--check"],
        env={"PYTHONPATH": str(sources)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_every_command_has_help_an_example_and_an_entry() -> None:
    """The help of a command has a text and an example, and the page has the command."""
    page = _PAGE.read_text(encoding="utf-8")
    wrong = []
    for name, command in _COMMANDS.items():
        text, _, example = (command.help or "").partition("Example:\n")
        has_example = example.strip().startswith(f"{name} ")
        if not text.strip() or not has_example or f"\n## {name}\n" not in page:
            wrong.append(name)

    assert _COMMANDS
    assert wrong == []


def test_every_argument_and_option_has_help() -> None:
    """All parameters have help texts."""
    parameters = [(name, p) for name, c in _COMMANDS.items() for p in c.params]

    assert parameters
    assert [
        f"{name} {parameter.name}"
        for name, parameter in parameters
        if not getattr(parameter, "help", "")
    ] == []
