"""Receipts of scrubs: the proof that a file was scrubbed, when and against what."""

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
    check_file,
    check_files,
    check_journal,
    check_signature,
    files_in,
)
from bloctel.scrub.receipts.writer import ReceiptMaker, ReceiptOptions

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
    "ReceiptMaker",
    "ReceiptOptions",
    "Signature",
    "SigningKey",
    "State",
    "check_file",
    "check_files",
    "check_journal",
    "check_signature",
    "file_states",
    "files_in",
    "parse",
    "read",
    "shown",
]
