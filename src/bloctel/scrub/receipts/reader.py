"""Strict reader of receipts; it refuses every line that the format does not allow."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from bloctel import errors
from bloctel._util.canonical_json import parse as parse_json
from bloctel._util.raising import raise_alone
from bloctel.scrub.receipts.receipt import FORMAT, VERSION, Receipt

#: The length of the longest line that is read as a receipt, in bytes.
LONGEST: Final = 1 << 20
#: The first bytes of every receipt, because `against` is its first JSON member.
BEGINNING: Final = b'{"against":'
_MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"
_PATH: Final = re.compile(r"`\$\.?([^`]*)`\Z")


def read(path: str | Path) -> Receipt:
    """Return the receipt in a file that contains only this receipt.

    Raises:
        ReceiptError: The file is not a receipt, or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            line = file.read(LONGEST + 1)
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise errors.ReceiptError("a file with a receipt", got, str(path)) from error
    return parse(line, str(path))


def parse(line: bytes, where: str) -> Receipt:
    """Parse the line of a receipt, including its line feed.

    Args:
        line: The bytes, exactly as they were written.
        where: The location of the line, for error messages.

    Raises:
        NotAReceiptError: The line is not a receipt.
        NewerReceiptError: The receipt has a later version of the format.
        DamagedReceiptError: The receipt was truncated or altered.
    """
    if len(line) > LONGEST:
        got = f"a line of at least {len(line)} bytes"
        raise errors.NotAReceiptError(
            f"a receipt of at most {LONGEST} bytes", got, where
        )
    record = _decode(line, where)
    version = record.pop("version", None)
    if isinstance(version, int) and version > VERSION:
        got = f"version {version} (update bloctel)"
        raise errors.NewerReceiptError(f"a receipt of version {VERSION}", got, where)
    if version != VERSION:
        raise _damaged(f"its version is not {VERSION}", where)
    record.pop("digest", None)
    receipt, fault = _convert(record)
    if receipt is None:
        # `_convert` does not raise this error, because Python would attach the error of
        # msgspec, which can quote the receipt
        raise _damaged(f"its member {fault} does not follow the format", where)
    if receipt.line != line:
        fault = "its bytes differ from the canonical form, or its digest is wrong"
        raise _damaged(fault, where)
    return receipt


def _decode(line: bytes, where: str) -> dict[str, Any]:
    """Return the JSON object of a line, without its member `format`."""
    try:
        record = parse_json(line.decode())
    except ValueError:
        if line.startswith(BEGINNING[: max(1, len(line))]):
            raise_alone(_damaged("it is not JSON", where))
        record = None
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        got = f"{len(line)} bytes that are not a receipt"
        raise errors.NotAReceiptError("a receipt", got, where)
    return record


def _convert(record: dict[str, Any]) -> tuple[Receipt | None, str]:
    """Return the receipt and "", or None and the name of a wrong member."""
    try:
        receipt = msgspec.convert(record, Receipt)
    except msgspec.ValidationError as error:
        path = _PATH.search(str(error))
        return None, path[1] if path else "list"
    fault = _contradiction(receipt)
    if receipt.made_at.strftime(_MOMENT) != record["made_at"]:
        fault = "made_at"
    return (None, fault) if fault else (receipt, "")


def _contradiction(receipt: Receipt) -> str:
    """Return the name of a member that contradicts other members; "" if none does."""
    counts, against, position = receipt.counts, receipt.against, receipt.journal
    names = {judged.name for judged in receipt.lists}
    present = {
        name
        for name in ("registry", "generation", "built_on", "size", "sha256")
        if getattr(against, name) is not None
    }
    earliest = min(judged.valid_until for judged in receipt.lists)
    is_first = position is None or position.number == 1
    agrees = {
        "counts": counts.rows == counts.clear + counts.blocked + counts.invalid,
        "invalid_reasons": sum(receipt.invalid_reasons.values()) == counts.invalid,
        "blocked_lists": sum(receipt.blocked_lists.values()) == counts.blocked,
        "lists": len(names) == len(receipt.lists),
        "valid_until": receipt.valid_until == earliest,
        "journal": is_first == (position is None or position.previous is None),
        "against": present in _MEMBERS[against.kind]
        and (against.kind != "registry" or against.name is None),
    }
    return next((member for member, holds in agrees.items() if not holds), "")


#: For each value of `against.kind`, the possible sets of other members of `against`.
_MEMBERS: Final = {
    "registry": [{"registry", "generation"}],
    "snapshot": [{"registry", "generation", "built_on"}, {"generation", "built_on"}],
    "file": [{"size", "sha256"}],
}


def _damaged(fault: str, where: str) -> errors.DamagedReceiptError:
    got = f"a receipt that was truncated or altered: {fault}"
    message = f"the receipt was truncated or altered: {fault}"
    expected = "a receipt that was not altered"
    return errors.DamagedReceiptError(expected, got, where, message=message)
