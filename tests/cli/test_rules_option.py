"""Option --rules: lists of your own on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main

from bloctel.cli.app import app
from tests.helpers.command_line import Done, run, sentence
from tests.helpers.own_rules import NAME, TEXT, no_registrations

NUMBER, OTHER = "06 39 98 12 34", "01 99 00 12 34"
URL = "sqlite:///lists.db"
DAY = ("--on", "2024-05-20")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.toml").write_text(TEXT)
    Path("numbers.csv").write_text(f"tel\n{NUMBER}\n")
    Path("calls.csv").write_text(f"tel\n{NUMBER}\n{OTHER}\n")


def fresh(*arguments: object) -> Done:
    """Run a command as in a new process: without rules of earlier commands."""
    with no_registrations():
        return run(*arguments)


def ruled(*arguments: object) -> Done:
    """Run a command with --rules."""
    return fresh(*arguments, "--rules", "rules.toml")


def test_a_list_of_your_own_works_on_the_command_line() -> None:
    """Registries, scrubs and questions about a call accept the list."""
    steps: list[tuple[int, tuple[object, ...]]] = [
        (0, ("registry", "create", URL, "--list", NAME)),
        (0, ("registry", "import", URL, "numbers.csv", "--list", NAME, *DAY)),
        (0, ("registry", "register", URL, OTHER, "--list", NAME, "--on", "2022-01-02")),
        (1, ("check", NUMBER, "--against", URL, "--on", "2024-06-03")),
        (0, ("check", OTHER, "--against", URL, "--on", "2024-06-03", "--list", NAME)),
        (0, ("snapshot", "build", URL, "lists.bloctel", *DAY)),
        (0, ("snapshot", "verify", "lists.bloctel")),
    ]
    for code, step in steps:
        done = ruled(*step)
        assert done.code == code, (step, done)

        refused = 2 if "create" in step else 3
        assert NAME in sentence(fresh(*step), refused), step

    scrub = ("scrub", "calls.csv", "--against", "lists.bloctel", "--column", "tel")
    outputs = ("--output", "clear.csv", "--blocked", "blocked.csv")
    done = ruled(*scrub, *outputs, "--on", "2024-06-03", "--receipt", "receipt.json")

    assert done.code == 0, done
    assert Path("clear.csv").read_text() == f"tel\n{OTHER}\n"
    assert NUMBER in Path("blocked.csv").read_text()
    assert fresh("receipt", "verify", "receipt.json", "--input", "calls.csv").code == 0


def test_may_call_asks_a_list_of_your_own() -> None:
    """A number on the list must not be called."""
    create = ("registry", "create", URL, "--list", NAME, "--list", "fr.bloctel")
    assert ruled(*create).code == 0
    register = ("registry", "register", URL, NUMBER, "--list", NAME, *DAY)
    assert ruled(*register).code == 0
    call = ("may-call", NUMBER, "--at", "2024-06-03T10:30+02:00", "--against", URL)
    said = ("--purpose", "sale", "--sector", "insurance", "--caller", "01 62 00 00 00")

    assert ruled(*call, *said).code == 1
    assert NAME in sentence(fresh(*call, *said), 3)


def test_other_rules_need_an_update() -> None:
    """Other rules for a list are refused until the registry is updated."""
    assert ruled("registry", "create", URL, "--list", NAME).code == 0
    Path("other.toml").write_text(TEXT.replace("years = 2", "years = 3"))
    other = ("--rules", "other.toml")
    check = ("check", NUMBER, "--against", URL, "--on", "2024-06-03")
    update = ("registry", "update-rules", URL, "--list", NAME)

    assert "are not the rules of" in sentence(fresh(*check, *other), 3)
    assert "no rules for the list" in sentence(fresh(*update))
    assert ruled(*check).code == 0
    assert fresh(*update, *other).code == 0
    assert fresh(*check, *other).code == 0
    assert "are not the rules of" in sentence(ruled(*check), 3)


def test_a_file_without_rules_is_refused() -> None:
    """A faulty file of rules is refused; the error names the file and the key."""
    Path("rules.toml").write_text(TEXT.replace("years = 2", "years = 0"))

    said = sentence(ruled("registry", "create", URL, "--list", NAME))

    expected = "expected a whole number from 1 to 100, got 0"
    assert said == f"{expected} - at rules.toml, term[0].years"
    assert not Path("lists.db").exists()


def test_several_files_can_be_given() -> None:
    """`--rules` can be given several times, once for each list."""
    Path("more.toml").write_text(TEXT.replace(NAME, "yy.example"))

    done = ruled(
        *("registry", "create", URL, "--list", NAME, "--list", "yy.example"),
        *("--rules", "more.toml"),
    )

    assert done.code == 0


def test_commands_that_use_lists_have_the_option() -> None:
    """Commands without lists do not have the option."""
    root: Any = typer.main.get_command(app)
    found = set()
    for name in root.list_commands(None):
        command = root.get_command(None, name)
        for part in getattr(command, "commands", {"": command}).items():
            if any("--rules" in param.opts for param in part[1].params):
                found.add(f"{name} {part[0]}".strip())

    groups = {name.partition(" ")[0] for name in found}
    assert groups == {
        *("answers", "audit", "check", "complaint", "may-call", "registry"),
        *("scrub", "snapshot"),
    }
