"""Storages of registries: the common interface, and one backend per database."""

from bloctel.storage.interface import (
    Reader,
    Storage,
    Watcher,
    Writer,
    open_storage,
    require_cursor,
    require_driver,
    require_following,
    require_record,
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
    "require_record",
]
