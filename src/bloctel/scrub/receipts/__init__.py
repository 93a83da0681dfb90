"""Receipts of scrubs: a receipt proves that a file was scrubbed on a day."""

from bloctel.scrub.options import ReceiptOptions
from bloctel.scrub.receipts.due import FileState, State, file_states
from bloctel.scrub.receipts.journal import Journal
from bloctel.scrub.receipts.reader import parse, read
from bloctel.scrub.receipts.receipt import (
    Against,
    Counts,
    FileDigest,
    JournalPosition,
    JudgedList,
    Receipt,
    Signature,
    shown,
)
from bloctel.scrub.receipts.signatures import SigningKey
from bloctel.scrub.receipts.verification import (
    Check,
    check_files,
    check_journal,
    check_signature,
    files_in,
)

__all__ = [
    "Against",
    "Check",
    "Counts",
    "FileDigest",
    "FileState",
    "Journal",
    "JournalPosition",
    "JudgedList",
    "Receipt",
    "ReceiptOptions",
    "Signature",
    "SigningKey",
    "State",
    "check_files",
    "check_journal",
    "check_signature",
    "file_states",
    "files_in",
    "parse",
    "read",
    "shown",
]
