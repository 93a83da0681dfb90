"""Storages of registries: interface and backends."""

from bloctel.storage.interface import (
    CURSOR_GAP,
    Reader,
    Storage,
    Watcher,
    Writer,
    open_storage,
    require_cursor,
    require_driver,
    require_following,
    require_last,
)
from bloctel.storage.rows import (
    ChangeKind,
    Columns,
    Event,
    Found,
    NewRegistrations,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
)

__all__ = [
    "CURSOR_GAP",
    "ChangeKind",
    "Columns",
    "Event",
    "Found",
    "NewRegistrations",
    "PrefixRow",
    "Reader",
    "RecordRow",
    "Registration",
    "RequestRow",
    "Storage",
    "StoredList",
    "Watcher",
    "Writer",
    "open_storage",
    "require_cursor",
    "require_driver",
    "require_following",
    "require_last",
]
