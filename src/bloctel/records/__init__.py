"""Append-only streams of records, linked by a hash chain."""

from bloctel.records.store import RecordStore, Verified
from bloctel.records.transactions import (
    Entry,
    ReadTransaction,
    Record,
    WriteTransaction,
)

__all__ = [
    "Entry",
    "ReadTransaction",
    "Record",
    "RecordStore",
    "Verified",
    "WriteTransaction",
]
