"""From a storage to a snapshot file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from bloctel import snapshot
from bloctel._util import clock
from bloctel.errors import InputError, StorageError
from bloctel.periods import plain_day
from bloctel.registry import registrations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from bloctel.storage.interface import Storage

__all__ = ["build_snapshot", "identity_of"]


def identity_of(settings: Mapping[str, str]) -> UUID:
    """Return which registry it is, by the settings that it was created with.

    Raises:
        StorageError: They do not say.
    """
    try:
        return UUID(settings.get("identity", ""))
    except ValueError as error:
        raise StorageError(
            "a registry as this library makes it", "one without an identity"
        ) from error


def build_snapshot(
    storage: Storage,
    path: str | Path,
    *,
    region: str | None,
    identity: UUID,
    on: date | None = None,
) -> snapshot.SnapshotInfo:
    """Write all that a storage holds to a snapshot file, and describe it.

    Args:
        storage: What is written.
        path: Where it goes.
        region: The region by which national forms are read.
        identity: Which registry it is.
        on: The day it is built; today in the lists' time zone if not given.

    Raises:
        CannotAnswerError: The registry holds no list.
        InputError: The day is yet to come.
        SnapshotError: The file cannot be written.
    """
    with storage.read() as reader:
        # before all else: what comes meanwhile is replayed from there
        generation = reader.last_change()
        table = registrations.load(reader)
        prefixes = registrations.prefix_rules(reader)
        lists = registrations.book_lists(reader)
    today = min((clock.today(held.rules.time_zone) for held in lists), default=None)
    built_on = today if on is None else plain_day(on)
    if today is not None and built_on is not None and built_on > today:
        raise InputError(f"a day up to today, {today}", built_on.isoformat(), "on")
    origin = snapshot.Origin(region, built_on, generation, identity)
    return snapshot.build(path, table, lists, origin, prefixes)
