"""No output of a command replaces a file that somebody needs."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bloctel.cli.app import _COMMANDS, _load
from bloctel.cli.options import _note_written, param_name
from bloctel.registry.registry import Registry
from tests.helpers.command_line import LISTED, run, sentence
from tests.helpers.own_rules import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALLS = f"tel,id,number,at\n{LISTED},1,{LISTED},2026-11-20T10:00:00+01:00\n"
SCRUB = "scrub calls.csv --against list.csv --column tel"
#: A command line for each option and argument that is a file to write.
COMMANDS = {
    "audit --output": "audit calls.csv --purpose sale --output",
    "audit --unsettled": "audit calls.csv --purpose sale --unsettled",
    **{
        f"scrub {name}": f"{SCRUB} {name}"
        for name in (
            *("--output", "--blocked", "--invalid", "--annotated"),
            *("--receipt", "--report"),
        )
    },
    "answers request --output": "answers request calls.csv --column tel --id-column id "
    "--output",
    "answers give --output": "answers give calls.csv --against list.csv --output",
    "complaint export FILE": "complaint export sqlite:///complaints.db",
    "complaint report --html": "complaint report sqlite:///complaints.db --html",
    "complaint report --plot": "complaint report sqlite:///complaints.db --plot",
    "consent proof --output": f"consent proof sqlite:///consents.db {LISTED} --output",
    "receipt key FILE": "receipt key",
    "registry import --keep-going": "registry import sqlite:///own.db list.csv "
    "--list own --keep-going",
    "registry export FILE": "registry export sqlite:///own.db --list own",
    "registry backup FILE": "registry backup sqlite:///own.db",
    "snapshot build FILE": "snapshot build sqlite:///own.db",
}
#: Files that every command leaves unchanged, also the files of other commands.
KEPT = (
    *("key.pem", "old.pem", "journal.jsonl", "rules.toml"),
    *("live.db", "live.db-wal", "live.db-shm", "live.db-journal"),
)


def words(command: str) -> list[str]:
    """Return the words of a command; the phone number is one word."""
    return [
        LISTED if word == "NUMBER" else word
        for word in command.replace(LISTED, "NUMBER").split()
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with files of every kind; `live.db` is open."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls.csv").write_text(CALLS)
    (tmp_path / "list.csv").write_text(f"tel\n{LISTED}\n")
    (tmp_path / "rules.toml").write_text(TEXT)
    (tmp_path / "secret").write_bytes(b"0123456789abcdef")
    for line in (
        "receipt key key.pem",
        "registry create sqlite:///own.db --list own",
        "consent create sqlite:///consents.db",
        "complaint create sqlite:///complaints.db",
        f"{SCRUB} --journal journal.jsonl",
    ):
        assert run(*words(line)).code == 0
    key = (tmp_path / "key.pem").read_bytes()
    (tmp_path / "old.pem").write_bytes(b"Bag Attributes\n" + key)
    with Registry.create("sqlite:///live.db", lists=["own"]) as live:
        live.register(LISTED, list="own")
        yield tmp_path


def content(folder: Path) -> dict[str, bytes | None]:
    """Return the content of each file that no command may change."""
    paths = [folder / name for name in KEPT]
    return {p.name: p.read_bytes() if p.exists() else None for p in paths}


def test_the_table_has_every_output() -> None:
    """The commands above use every option that is a file to write."""
    found = set()
    for name in _COMMANDS:
        command = _load(name)
        parts = getattr(command, "commands", {name: command})
        for part_name, part in parts.items():
            words = [name] if part is command else [name, part_name]
            found |= {
                " ".join([*words, param_name(param)])
                for param in part.params
                if getattr(param.callback, "__wrapped__", None) is _note_written
            }
    assert found == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_file_of_the_library_is_replaced(command: str, folder: Path) -> None:
    """Keys, registries, their logs, journals and rules stay, even under other names."""
    (folder / "soft.svg").symlink_to("live.db-wal")
    os.link(folder / "key.pem", folder / "hard.svg")
    before = content(folder)
    for path in (
        *KEPT,
        "own.db",
        "soft.svg",
        "hard.svg",
        f"../{folder.name}/./live.db-wal",
    ):
        done = run(*words(command), path)
        assert done.code in (2, 3), done
        assert content(folder) == before


def test_a_folder_of_outputs_replaces_no_file(folder: Path) -> None:
    """The outputs of --into are checked like named outputs, before any is written."""
    into, ending = folder / "into", ("--into", folder / "into", "--write", "clear")
    into.mkdir()
    target = into / "calls.clear.csv"
    scrub = (*words(SCRUB), *ending)
    before = content(folder)
    for name in KEPT:
        target.symlink_to(folder / name)
        assert run(*scrub).code == 2
        assert content(folder) == before
        target.unlink()
    for name in ("secret", "list.csv", "calls.csv"):
        for link in (os.symlink, os.link):
            link(folder / name, target)
            used = target.read_bytes()
            assert run(*scrub, "--secret-file", folder / "secret").code == 2
            assert (folder / name).read_bytes() == target.read_bytes() == used
            target.unlink()


def test_a_backup_replaces_only_a_backup(folder: Path) -> None:
    """A registry, also one that was restored from a backup, is never replaced."""
    backup = ("registry", "backup", "sqlite:///own.db")
    assert run(*backup, "copy.db").code == 0
    assert run(*backup, "copy.db").code == 0
    assert run("registry", "create", "sqlite:///other.db", "--list", "own").code == 0
    for target in ("other.db", "consents.db"):
        assert "a file with a registry" in sentence(run(*backup, target))
    Registry.mark_restored("sqlite:///copy.db")
    with Registry.open("sqlite:///copy.db"):
        assert "a file with a registry" in sentence(run(*backup, "copy.db"))
    assert "a file with a registry" in sentence(run(*backup, "copy.db"))


def test_a_registry_is_not_created_in_another_database(folder: Path) -> None:
    """The database of another program stays unchanged, byte for byte."""
    with closing(sqlite3.connect("other.db")) as other:
        other.execute("CREATE TABLE t (x)")
    before = (folder / "other.db").read_bytes()
    for create in (("registry", "create"), ("consent", "create"), ("calls", "create")):
        done = run(*create, "sqlite:///other.db")
        assert "the database of another program" in sentence(done)
    assert (folder / "other.db").read_bytes() == before
