"""Verification of a receipt: compare it with files, a public key and a journal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bloctel.errors import DamagedReceiptError, InputError, TruncatedJournalError
from bloctel.scrub.receipts.file_digest import digest_of
from bloctel.scrub.receipts.journal import Journal
from bloctel.scrub.receipts.receipt import MASK, FileDigest, Receipt
from bloctel.scrub.receipts.signatures import is_signed
from bloctel.tabular.csv_reader import Progress

_SHOWN_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Check:
    """Result of the comparison of a file, a signature or a journal with a receipt.

    Attributes:
        part: The name of the compared item: `input`, the name of an output, `signature`
            or `journal`.
        agrees: True if the item agrees with the receipt.
        expected: The value in the receipt.
        got: The value that was found in the file, the signature or the journal.
    """

    part: str
    agrees: bool
    expected: str
    got: str


def _check_file(
    part: str,
    recorded: FileDigest | None,
    path: Path | None,
    read: Callable[[int], object],
) -> Check:
    if recorded is None:
        return Check(part, False, "no such file", "a file")
    expected = _described(recorded)
    if path is None:
        return Check(part, False, expected, "a file whose name is not in the receipt")
    try:
        size = path.stat().st_size
        if size != recorded.size:  # the content differs too, so do not read it
            return Check(part, False, expected, f"{size} bytes")
        found = digest_of(path, read)
    except OSError as error:
        return Check(part, False, expected, f"an unreadable file ({error.strerror})")
    except InputError as error:
        return Check(part, False, expected, error.got)
    agrees = (found.size, found.sha256) == (recorded.size, recorded.sha256)
    return Check(part, agrees, expected, _described(found))


def files_in(folder: Path, receipt: Receipt) -> dict[str, Path | None]:
    """Return the path in *folder* of each output of a receipt, by the output's name.

    A path is None if the file name in the receipt is masked or missing.
    """
    return {
        kind: folder / str(output.name) if _is_plain(output.name) else None
        for kind, output in receipt.outputs.items()
    }


def check_files(
    receipt: Receipt, files: Mapping[str, Path | None], progress: Progress | None = None
) -> list[Check]:
    """Compare files with a receipt.

    Args:
        receipt: The receipt.
        files: The path of each file to compare; the keys are `input` and names of
            outputs.  None stands for an unknown path.
        progress: Function that is called with the number of bytes read and the total
            number of bytes.
    """
    recorded = {"input": receipt.input, **receipt.outputs}
    total = sum(recorded[kind].size for kind in files if kind in recorded)
    done = 0

    def read(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        if progress is not None:
            progress(done, total)

    return [
        _check_file(kind, recorded.get(kind), path, read)
        for kind, path in files.items()
    ]


def check_signature(receipt: Receipt, public_key: str | None = None) -> Check:
    """Check the signature of a receipt.

    Args:
        receipt: The receipt.
        public_key: The public key of the expected signer; None accepts every signer.

    Raises:
        MissingExtraError: The extra `secrets` is not installed.
    """
    expected = f"by {public_key}" if public_key else "by the key in the receipt"
    signature = receipt.signature
    if signature is None:
        return Check("signature", False, expected, "not signed")
    if not is_signed(receipt):
        return Check("signature", False, expected, "not by the key in the receipt")
    by = signature.public_key
    return Check("signature", public_key in (None, by), expected, f"by {by}")


def check_journal(receipt: Receipt, journal: Journal) -> Check:
    """Check that a journal is complete and contains the receipt at its position.

    Raises:
        ReceiptError: The file is not a journal, or cannot be read.
    """
    position, found, n, truncated = receipt.journal, None, 0, ""
    expected = "not in a journal" if position is None else f"receipt {position.number}"
    try:
        for n, other in enumerate(journal.receipts(), 1):
            if position is not None and n == position.number:
                found = other
    except DamagedReceiptError as error:
        got = f"{error.got} - at {error.where}"
        return Check("journal", False, f"{expected}, {error.expected}", got)
    except TruncatedJournalError:
        truncated = ", and an incomplete last line"
    if found is None:
        return Check("journal", False, expected, f"{n} receipts without it{truncated}")
    agrees = found.digest == receipt.digest
    got = f"{expected} of {n}" if agrees else f"digest {found.digest}"
    return Check("journal", agrees, expected, got + truncated)


def _described(file: FileDigest) -> str:
    return f"{file.size} bytes, SHA-256 {file.sha256[:_SHOWN_DIGITS]}..."


def _is_plain(name: str | None) -> bool:
    """Return True if a file name is present, not masked, and without a folder."""
    return name is not None and MASK not in name and Path(name).name == name
