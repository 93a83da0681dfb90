"""Registries and snapshots of processes that have different rules for one list."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest

import bloctel
from bloctel import Follower, Registry, Snapshot, rules
from bloctel.errors import (
    ListRulesError,
    NotKnownError,
    StorageUnreachableError,
    UnknownListError,
)
from tests.helpers.own_rules import NAME, SOURCED, TEXT, no_registrations
from tests.helpers.servers import STORAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bloctel import Book

KEY = 33639981234
BRAND = f"{NAME}:brand-a"
DAY, LATER = date(2024, 5, 3), date(2024, 6, 3)
NOON = datetime(2024, 5, 3, 12, tzinfo=UTC)
HANG = 60  # after this number of seconds, the test fails

pytestmark = pytest.mark.parametrize(
    "storage_url", [kind for kind in STORAGES if kind != "memory"], indirect=True
)


class Files(NamedTuple):
    """Files with two versions of the rules of one list."""

    known: Path
    other: Path


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> Iterator[Files]:
    """Register the first version in this process."""
    made = Files(tmp_path / "known.toml", tmp_path / "other.toml")
    made.known.write_text(TEXT)
    made.other.write_text(TEXT.replace("years = 2", "years = 3"))
    with no_registrations():
        rules.register(made.known)
        yield made


@pytest.fixture
def registry(storage_url: str) -> Iterator[Registry]:
    """A registry with one number on two lists that share their rules."""
    with Registry.create(storage_url, lists=[NAME, BRAND, "own"]) as created:
        for name in created.lists:
            created.register(KEY, list=name, on=DAY)
        yield created


def update(url: str, file: Path, name: str = NAME) -> None:
    """Update the rules of a list in another process."""
    command = ("registry", "update-rules", url, "--list", name, "--rules", file)
    subprocess.run([sys.executable, "-m", "bloctel", *command], check=True)


def openings(url: str, snapshot: Path, folder: Path) -> list[Callable[[], Book]]:
    """Return all ways to open a registry or a snapshot."""
    return [
        lambda: Registry.open(url),
        lambda: Registry.open(url, exact="storage"),
        lambda: Follower.open(url),
        lambda: Follower.open(url, cache=folder / "new.bloctel"),
        lambda: Follower.open(url, cache=snapshot),
        lambda: bloctel.open(url),
        lambda: Snapshot.open(snapshot),
        lambda: Snapshot.open(snapshot, verify=False),
        lambda: Snapshot.follow(snapshot),
        lambda: bloctel.open(snapshot),
    ]


def test_nothing_opens_with_other_rules(
    storage_url: str, registry: Registry, files: Files, tmp_path: Path
) -> None:
    """Without rules, or with other rules, neither a registry nor a snapshot opens."""
    snapshot = tmp_path / "own.bloctel"
    registry.build_snapshot(snapshot, on=DAY)
    for act in openings(storage_url, snapshot, tmp_path):
        act().close()  # the same rules

    with no_registrations():
        for act in openings(storage_url, snapshot, tmp_path):
            with pytest.raises(ListRulesError, match=f"no rules for the list {NAME}"):
                act()
        rules.register(files.other)
        for act in openings(storage_url, snapshot, tmp_path):
            with pytest.raises(
                ListRulesError, match=f"the rules of the list {NAME} in this"
            ):
                act()

        Registry.update_rules(storage_url, list=BRAND)
        for act in openings(storage_url, snapshot, tmp_path)[:6]:
            act().close()  # an old cache is built again
        with Registry.open(storage_url) as updated:
            updated.build_snapshot(snapshot, on=DAY)
        for act in openings(storage_url, snapshot, tmp_path):
            act().close()


def test_an_open_registry_notices_an_update(
    storage_url: str, registry: Registry, files: Files, tmp_path: Path
) -> None:
    """An open registry with the old rules refuses look-ups, changes and exports."""
    own = Registry(registry._storage, refresh_seconds=0)
    assert own.is_blocked(KEY, on=LATER)
    token = own.request(KEY + 1, "a@b.example", list=NAME, now=NOON)
    update(storage_url, files.other)

    acts: list[Callable[[], object]] = [
        lambda: own.is_blocked(KEY, on=LATER),
        lambda: own.check(KEY, on=LATER, lists=["own"]),
        lambda: own.question(on=LATER),
        lambda: own.register(KEY + 1, list=NAME, on=DAY),
        lambda: own.register_many([KEY + 1], list=BRAND, on=DAY),
        lambda: own.renew(KEY, list=NAME, on=LATER),
        lambda: own.withdraw(KEY, list=NAME, on=LATER),
        lambda: own.request(KEY, "a@b.example", list=NAME),
        lambda: own.confirm(token, now=NOON),
        lambda: own.block_prefix("0899", list=NAME, on=LATER),
        lambda: own.purge(),
        lambda: own.add_list(NAME),
        lambda: own.build_snapshot(tmp_path / "s", on=DAY),
    ]
    for act in acts:
        with pytest.raises(ListRulesError, match="update-rules"):
            act()
    # a change of another list is stored
    own.register(KEY + 1, list="own", on=DAY)
    assert [each.list for each in own.history(KEY + 1)] == ["own"]

    update(storage_url, files.known)
    assert own.is_blocked(KEY + 1, on=LATER, lists=["own"])


def test_a_follower_refuses_and_continues(
    storage_url: str, registry: Registry, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """A follower answers for a limited time, then refuses, until the rules are back."""
    caplog.set_level(logging.ERROR, "bloctel")
    with (
        Follower.open(storage_url, max_silence_seconds=1.0) as strict,
        Follower.open(
            storage_url, max_silence_seconds=1.0, when_silent="answer"
        ) as lax,
    ):
        update(storage_url, files.other)

        def refuses() -> bool:
            try:
                return not strict.is_blocked(KEY, on=LATER)
            except StorageUnreachableError:
                return False  # this machine is slow
            except ListRulesError:
                return True

        eventually(refuses)
        assert lax.is_blocked(KEY, on=LATER)
        assert "are not the rules of the registry" in caplog.text
        update(storage_url, files.known)
        registry.register(KEY + 1, list="own", on=DAY)
        eventually(lambda: not refuses() and strict.is_blocked(KEY + 1, on=LATER))
        eventually(lambda: lax.is_blocked(KEY + 1, on=LATER))


def eventually(is_so: Callable[[], bool]) -> None:
    """Return when the condition is true."""
    end = time.monotonic() + HANG
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_only_lists_of_the_registry_are_updated(
    storage_url: str, registry: Registry
) -> None:
    """An update names a list that exists, and the same rules change nothing."""
    position = registry.journal_position()
    for name in (NAME, BRAND, "own"):
        Registry.update_rules(storage_url, list=name)
    for name in ("fr.bloctel", "xx.other"):
        with pytest.raises(UnknownListError):
            Registry.update_rules(storage_url, list=name)

    assert registry.journal_position() == position


def test_new_rules_of_a_list_that_is_handed_out_as_files(
    storage_url: str, registry: Registry, files: Files
) -> None:
    """After the update, numbers that no file covers are not known."""
    assert not registry.is_blocked(KEY + 1, on=DAY)
    section = f'[distribution]\nregions = ["FR"]\n{SOURCED}\n[[protection_delay]]'
    section = section.replace("valid_from = 2020-01-01\n", "", 1)
    files.other.write_text(TEXT.replace("[[protection_delay]]", section))
    with no_registrations():
        rules.register(files.other)
        Registry.update_rules(storage_url, list=NAME)
        with Registry.open(storage_url) as updated:
            for name in (NAME, BRAND):
                assert updated.is_blocked(KEY, on=LATER, lists=name)
                with pytest.raises(NotKnownError):
                    updated.is_blocked(KEY + 1, on=LATER, lists=name)
