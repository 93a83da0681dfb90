"""Erased numbers are in no file: database, write-ahead log, new snapshot."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = 33639981234
LIST = "fr.bloctel"


def traces(folder: Path) -> list[str]:
    """Return the files of a folder that contain the number in any form."""
    texts = [b"639981234", b"06 39 98 12 34", b"639 98 12 34"]
    numbers = [KEY.to_bytes(8, order) for order in ("little", "big")]
    # SQLite writes an integer of this size in six bytes, big-endian
    numbers += [KEY.to_bytes(6, "big"), KEY.to_bytes(5, "little")]
    return [
        path.name
        for path in sorted(folder.iterdir())
        if any(trace in path.read_bytes() for trace in texts + numbers)
    ]


def forget(registry: Registry) -> None:
    """Erase the number at the request of its subscriber."""
    registry.forget(KEY, on=date(2025, 1, 1))


def withdraw_and_purge(registry: Registry) -> None:
    """Erase the number as the rules require after a withdrawal."""
    registry.withdraw(KEY, list=LIST, on=date(2021, 3, 1))
    registry.withdraw(KEY, list="own", on=date(2021, 3, 1))
    registry.purge(on=date(2024, 3, 2))


@pytest.mark.parametrize("erase", [forget, withdraw_and_purge])
def test_an_erased_number_is_in_no_file(
    tmp_path: Path, erase: Callable[[Registry], None]
) -> None:
    """The number is not in the database, its log or a snapshot built afterwards."""
    with Registry.create(f"sqlite:///{tmp_path}/r.db", lists=[LIST, "own"]) as registry:
        for list in (LIST, "own"):
            registry.register(KEY, list=list, on=date(2021, 1, 2))
            registry.register_many(
                range(33199000000, 33199006000), list=list, on=date(2021, 1, 2)
            )
        # a purge keeps a request that can still be confirmed, and this one has expired
        asked_at = datetime(2021, 1, 3, tzinfo=UTC)
        registry.request(KEY, "a@b.example", list="own", now=asked_at)
        registry.renew(KEY, list=LIST, on=date(2021, 2, 1))
        assert traces(tmp_path)

        erase(registry)

        assert traces(tmp_path) == []
        assert all(
            change.number is None or change.number.key != KEY
            for change in registry.changes()
        )
        registry.build_snapshot(tmp_path / "s.bloctel", on=date(2025, 1, 1))
        assert traces(tmp_path) == []
        with Snapshot.open(tmp_path / "s.bloctel") as snapshot:
            assert snapshot.check(KEY, on=date(2025, 1, 1)).reason == "not_listed"
    assert traces(tmp_path) == []


def test_a_snapshot_built_before_still_has_it(tmp_path: Path) -> None:
    """The search of these tests finds a number that a file contains."""
    with Registry.create("memory:") as registry:
        registry.register(KEY, list="own", on=date(2021, 1, 2))
        (tmp_path / "export.txt").write_bytes(str(KEY).encode())
        assert traces(tmp_path) == ["export.txt"]
