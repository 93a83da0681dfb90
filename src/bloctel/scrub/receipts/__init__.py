"""Receipts of scrubs: what a firm shows to prove that it scrubbed, when and how."""

from bloctel.scrub.receipts.checking import (
    Check,
    check_file,
    check_files,
    check_journal,
    check_signature,
    files_in,
)
from bloctel.scrub.receipts.due import FileState, State, file_states
from bloctel.scrub.receipts.journal import Journal
from bloctel.scrub.receipts.making import Keeping, ReceiptMaker
from bloctel.scrub.receipts.names import shown
from bloctel.scrub.receipts.reading import parse, read
from bloctel.scrub.receipts.receipt import (
    Against,
    Counts,
    FileMark,
    JudgedList,
    Place,
    Receipt,
    Signature,
)
from bloctel.scrub.receipts.signing import SigningKey

__all__ = [
    "Against",
    "Check",
    "Counts",
    "FileMark",
    "FileState",
    "Journal",
    "JudgedList",
    "Keeping",
    "Place",
    "Receipt",
    "ReceiptMaker",
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
