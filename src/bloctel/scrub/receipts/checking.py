"""Whether files, a key and a journal agree with a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bloctel.errors import DamagedReceiptError, InputError, TruncatedJournalError
from bloctel.scrub.receipts.marks import mark_of
from bloctel.scrub.receipts.names import MASK
from bloctel.scrub.receipts.signing import is_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bloctel.scrub.receipts.journal import Journal
    from bloctel.scrub.receipts.receipt import FileMark, Receipt
    from bloctel.tabular.csv_reader import Progress

__all__ = [
    "Check",
    "check_file",
    "check_files",
    "check_journal",
    "check_signature",
    "files_in",
]

_SHOWN_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Check:
    """What came of one comparison.

    Attributes:
        part: What was compared.
        agrees: Whether it is as the receipt says.
        expected: What the receipt says.
        got: What there is.
    """

    part: str
    agrees: bool
    expected: str
    got: str


def check_file(
    part: str,
    mark: FileMark | None,
    path: Path | None,
    read: Callable[[int], object] = lambda _: None,
) -> Check:
    """Compare a file with its mark.

    Args:
        part: How to call it.
        mark: What the receipt says of it; None if it does not know such a file.
        path: Where it is; None if nobody knows.
        read: Told again and again how many bytes more were read.
    """
    if mark is None:
        return Check(part, False, "no such file", "one")
    expected = _described(mark)
    if path is None:
        return Check(part, False, expected, "a file whose name is not in the receipt")
    try:
        size = path.stat().st_size
        # what is larger need not be read to be different
        found = None if size != mark.size else mark_of(path, read)
    except OSError as error:
        return Check(part, False, expected, f"none ({error.strerror})")
    except InputError as error:
        return Check(part, False, expected, error.got)
    if found is None:
        return Check(part, False, expected, f"{size} bytes")
    return Check(part, _content(found) == _content(mark), expected, _described(found))


def files_in(folder: Path, receipt: Receipt) -> dict[str, Path | None]:
    """Return where the outputs of a receipt are in a folder, by kind.

    One whose name is not in the receipt, or was masked there, is nowhere.
    """
    return {
        kind: None if not _is_plain(mark.name) else folder / str(mark.name)
        for kind, mark in receipt.outputs.items()
    }


def check_files(
    receipt: Receipt,
    files: Mapping[str, Path | None],
    progress: Progress | None = None,
) -> list[Check]:
    """Compare files with what a receipt says of them.

    Args:
        receipt: The receipt.
        files: Where each is, by the kind of output, or as `input`.
        progress: Called with the bytes that were read, and those to be read in all.
    """
    marks = {"input": receipt.input, **receipt.outputs}
    total = sum(marks[kind].size for kind in files if kind in marks)
    done = 0

    def read(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        if progress is not None:
            progress(done, total)

    return [
        check_file(kind, marks.get(kind), path, read) for kind, path in files.items()
    ]


def check_signature(receipt: Receipt, public_key: str | None = None) -> Check:
    """Check who signed a receipt.

    Args:
        receipt: The receipt.
        public_key: Who must have; None takes whoever the receipt names.

    Raises:
        MissingExtraError: The extra `secrets` is not installed.
    """
    expected = f"one by {public_key}" if public_key else "one by the key that it names"
    signature = receipt.signature
    if signature is None:
        return Check("signature", False, expected, "none")
    if not is_signed(receipt):
        return Check("signature", False, expected, "one by nobody")
    by = signature.public_key
    return Check("signature", public_key in (None, by), expected, f"one by {by}")


def check_journal(receipt: Receipt, journal: Journal) -> Check:
    """Check that a journal is whole, and that a receipt is where it says.

    Raises:
        ReceiptError: It is no journal, or cannot be read.
    """
    place, found, n, torn = receipt.journal, None, 0, ""
    expected = "no place in a journal" if place is None else f"receipt {place.number}"
    try:
        for n, other in enumerate(journal.receipts(), 1):
            if place is not None and n == place.number:
                found = other
    except DamagedReceiptError as error:
        return Check("journal", False, f"{expected}, {error.expected}", _where(error))
    except TruncatedJournalError:
        torn = ", and half a line at its end"
    if found is None:
        return Check("journal", False, expected, f"{n} receipts without it{torn}")
    agrees = found.digest == receipt.digest
    got = f"{expected} of {n}" if agrees else "another receipt in its place"
    return Check("journal", agrees, expected, got + torn)


def _where(error: DamagedReceiptError) -> str:
    return f"{error.got} - at {error.where}"


def _content(mark: FileMark) -> tuple[int, str]:
    return mark.size, mark.sha256


def _described(mark: FileMark) -> str:
    return f"{mark.size} bytes, SHA-256 {mark.sha256[:_SHOWN_DIGITS]}..."


def _is_plain(name: str | None) -> bool:
    """Tell whether a name is that of a file in a folder, and whole."""
    return name is not None and MASK not in name and Path(name).name == name
