"""Export a storage to a snapshot file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from bloctel import snapshot
from bloctel._util import clock
from bloctel.errors import InputError, StorageError
from bloctel.periods import plain_day
from bloctel.registry.replica import read_lists, read_prefix_rules, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from bloctel.storage.interface import Storage


def identity_of(settings: Mapping[str, str]) -> UUID:
    """Return the identity of a registry from its settings."""
    try:
        return UUID(settings.get("identity", ""))
    except ValueError as error:
        raise StorageError(
            "a registry with an identity",
            "a registry without a valid one",
            message="the settings of the registry contain no valid identity",
        ) from error


def build_snapshot(
    storage: Storage,
    path: str | Path,
    *,
    region: str | None,
    identity: UUID,
    on: date | None = None,
) -> snapshot.SnapshotInfo:
    """Export all registrations and prefix rules; see `Registry.build_snapshot`."""
    with storage.read() as reader:
        # first of all: changes during the export are replayed from there
        generation = reader.last_change()
        table = read_table(reader)
        prefixes = read_prefix_rules(reader)
        lists = read_lists(reader)
    today = min((clock.today(found.rules.time_zone) for found in lists), default=None)
    built_on = today if on is None else plain_day(on)
    if today is not None and built_on is not None and built_on > today:
        raise InputError(f"a day up to today, {today}", built_on.isoformat(), "on")
    origin = snapshot.Origin(region, built_on, generation, identity)
    return snapshot.build(path, table, lists, origin, prefixes)
