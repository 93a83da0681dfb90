"""Append-only streams of records, linked by a hash chain."""

from bloctel.records.store import Entry, Record, RecordStore, Verified
from bloctel.records.transactions import Moment, Turn

__all__ = ["Entry", "Moment", "Record", "RecordStore", "Turn", "Verified"]
