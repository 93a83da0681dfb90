"""Export a storage to a snapshot file."""

from datetime import date
from pathlib import Path
from uuid import UUID

from bloctel import snapshot
from bloctel._util import clock
from bloctel._util.instants import past_day
from bloctel.lookup.question import Provenance
from bloctel.periods import plain_day
from bloctel.registry.replica import (
    read_lists,
    read_prefix_rules,
    read_table,
    require_identity,
)
from bloctel.storage.interface import MAX_LAG_SECONDS, Storage


def build_snapshot(
    storage: Storage,
    path: str | Path,
    *,
    region: str | None,
    identity: UUID,
    on: date | None = None,
    max_lag_seconds: float = MAX_LAG_SECONDS,
) -> snapshot.SnapshotInfo:
    """Export all registrations and prefix rules; see `Registry.build_snapshot`."""
    with storage.read(max_lag_seconds=max_lag_seconds) as reader:
        # read this first: changes during the export are applied from this position on
        position = reader.position()
        require_identity(reader, identity)
        table = read_table(reader)
        prefixes = read_prefix_rules(reader)
        lists = read_lists(reader)
    today = min((clock.today(found.rules.time_zone) for found in lists), default=None)
    built_on = today if on is None else plain_day(on)
    if today is not None and built_on is not None:
        past_day(built_on, today)
    origin = Provenance(identity, position.cursor, built_on, position.token)
    return snapshot.build(path, table, lists, region, origin, prefixes)
