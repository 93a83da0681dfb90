"""Tests of registries with integers that are not only phone numbers."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bloctel import Registry, Snapshot, normalize_many, rules, snapshot
from bloctel.errors import DamagedSnapshotError, InputError, StorageError
from bloctel.lookup.book import Book
from bloctel.lookup.question import BookList, Provenance
from bloctel.lookup.table import Table
from bloctel.storage.interface import open_storage
from bloctel.storage.rows import NewRegistrations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

ON = date(2024, 1, 2)
#: Digits of French lines with other codes, of a line in Argentina, and a small integer.
WRONG = [262639981234, 33508411234, 639981234, 5491123456789, 7]
MOBILE = "06 39 98 12 34"
GOOD = normalize_many([MOBILE, "+54 11 2345 6789"])


def _parts(registry: Registry, keys: Any) -> object:
    return registry.register_parts([(keys, None)], list="own", on=ON)


def _dated_parts(registry: Registry, keys: Any) -> object:
    days = np.full(len(keys), 19724)
    return registry.register_parts([(keys, days)], list="own", on=ON)


def _opposed(registry: Registry, keys: Any) -> object:
    answers = {"opposed": keys, "clear": GOOD[:0]}
    return registry.record_answers(list="fr.bloctel", on=ON, **answers)


def _cleared(registry: Registry, keys: Any) -> object:
    answers = {"opposed": GOOD[:0], "clear": keys}
    return registry.record_answers(list="fr.bloctel", on=ON, **answers)


@pytest.mark.parametrize("key", WRONG)
@pytest.mark.parametrize("store", [_parts, _dated_parts, _opposed, _cleared])
def test_only_keys_are_stored(
    store: Callable[[Registry, Any], object], key: int
) -> None:
    """An integer that no look-up would find is refused, and nothing is stored."""
    with Registry.create("memory:", lists=["own", "fr.bloctel"]) as registry:
        with pytest.raises(InputError, match="row 2"):
            store(registry, np.append(GOOD, np.uint64(key)))

        assert list(registry.changes()) == []
        store(registry, GOOD)
        assert len(list(registry.changes())) == 2


@pytest.mark.parametrize("key", WRONG)
def test_a_book_of_numbers_contains_keys(key: int) -> None:
    """A book is not built of integers that no look-up would find."""
    with pytest.raises(InputError, match="at keys, row 2"):
        Book.of_numbers(np.append(GOOD, np.uint64(key)), rules.load("own"), "FR")


def _store_wrong_key(url: str) -> None:
    """Store a wrong integer, as another program could do."""
    days = [np.array([day]) for day in (19724, 19724, 30000)]
    wrong = NewRegistrations(1, np.array(WRONG[:1], np.uint64), *days)
    with closing(open_storage(url)) as storage, storage.write() as writer:
        writer.add_registrations([wrong])


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a registry that contains keys only."""
    made = f"sqlite:///{tmp_path}/registry.db"
    with Registry.create(made, lists=["own"]) as registry:
        registry.register_many(["+508 41 12 34", "+54 11 2345 6789"], list="own", on=ON)
    return made


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_a_stored_wrong_key_refuses_look_ups(url: str, exact: Any) -> None:
    """A registry with a wrong integer answers no look-up."""
    _store_wrong_key(url)

    with (
        Registry.open(url, exact=exact) as registry,
        pytest.raises(StorageError, match="not the key of a phone number"),
    ):
        registry.is_blocked("01 99 00 12 34", on=ON)


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_a_wrong_key_stored_later_refuses_look_ups(url: str, exact: Any) -> None:
    """After another program stored a wrong integer, look-ups raise an error."""
    with Registry.open(url, exact=exact, refresh_seconds=0) as registry:
        assert registry.is_blocked("+508 41 12 34", on=ON)
        _store_wrong_key(url)

        with pytest.raises(StorageError, match="not the key of a phone number"):
            registry.is_blocked("01 99 00 12 34", on=ON)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("key", [*range(262639981234, 262639981237), 33508411234])
def test_a_snapshot_contains_keys(tmp_path: Path, key: int, verify: bool) -> None:
    """A snapshot with the digits of a French number in another form is not opened."""
    path = tmp_path / "numbers.bloctel"

    def build(keys: NDArray[np.uint64]) -> None:
        days = np.full(len(keys), 19724)
        table = Table.build(keys, days * 0, days, days + 3000)
        lists = (BookList(rules.load("own")),)
        snapshot.build(path, table, lists, "FR", Provenance(None, 0, ON), ())

    build(GOOD)
    assert Snapshot.open(path, verify=verify).is_blocked(MOBILE, on=ON)

    with pytest.raises(DamagedSnapshotError, match="only phone numbers"):
        build(np.append(GOOD, np.uint64(key)))
    with pytest.raises(DamagedSnapshotError, match="only phone numbers"):
        Snapshot.open(path, verify=verify)
