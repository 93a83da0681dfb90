"""Receipts for tests, written by hand and by scrubs."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from msgspec.structs import replace

from bloctel.rules import Certainty
from bloctel.scrub import Outputs, open_against
from bloctel.scrub.csv import split_csv
from bloctel.scrub.options import Job
from bloctel.scrub.receipts import (
    Against,
    Counts,
    FileDigest,
    Journal,
    JournalPosition,
    JudgedList,
    Receipt,
    ReceiptOptions,
)
from bloctel.scrub.receipts.writer import ReceiptMaker, stamped
from bloctel.tabular.outputs import NOT_WRITTEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from bloctel.lookup.question import Question
    from bloctel.scrub import ScrubSummary
    from bloctel.scrub.receipts import SigningKey

__all__ = [
    "EXAMPLE",
    "FOLDER",
    "chain",
    "edited",
    "respelled",
    "scrub_for",
    "scrubbed",
    "write_files",
]

FOLDER: Final = Path(__file__).parents[1] / "data" / "receipts"

#: The receipt on the page about the format.
EXAMPLE: Final = Receipt(
    input=FileDigest(
        name="prospects.csv",
        size=33_972,
        sha256="326a93eae5303a89eb228685979810957b9a701a28ce263504c94bb9ac0496d8",
    ),
    outputs={},
    columns=("telephone",),
    region="FR",
    against=Against(
        kind="snapshot",
        name="oppositions.bloctel",
        registry=UUID("6b1f0f5a-54c5-4b4c-8f6e-3a53b10c7e01"),
        generation=400,
        built_on=date(2026, 10, 6),
    ),
    lists=(
        JudgedList(
            name="own",
            on=date(2026, 10, 6),
            time_zone="Europe/Paris",
            valid_until=date(2026, 11, 5),
            days=30,
            source="The same rhythm as the French list; no text sets one",
            certainty=Certainty.R,
        ),
    ),
    counts=Counts(rows=1000, clear=921, blocked=75, invalid=4),
    invalid_reasons={"too_short": 1, "short_number": 3},
    blocked_lists={"own": 75},
    made_at=datetime(2026, 10, 6, 8, tzinfo=UTC),
    valid_until=date(2026, 11, 5),
    software="bloctel 0.1.0",
    journal=JournalPosition(number=1, previous=None),
)


def respelled(record: dict[str, Any]) -> bytes:
    """Return the line of a record, with a digest that fits its content."""
    import hashlib

    body = {name: value for name, value in record.items() if name != "digest"}
    digest = hashlib.sha256(_written(body)).hexdigest()
    return _written(body | {"digest": digest}) + b"\n"


def _written(value: object) -> bytes:
    """Return canonical JSON; unlike the library, accept fractions as values."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode()


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the line of the example after a change, with a digest that fits."""
    record = json.loads(EXAMPLE.line)
    change(record)
    return respelled(record)


def chain(n: int, key: SigningKey | None = None) -> list[Receipt]:
    """Return the receipts of a journal."""
    made: list[Receipt] = []
    for number in range(1, n + 1):
        previous = made[-1].digest if made else None
        receipt = replace(
            EXAMPLE, journal=JournalPosition(number=number, previous=previous)
        )
        made.append(receipt if key is None else key.sign(receipt))
    return made


def write_files(folder: Path) -> None:
    """Write a call file and a list to scrub it against."""
    (folder / "calls.csv").write_text("tel\n0199001234\n0199001235\n12\n")
    (folder / "list.csv").write_text("tel\n0199001234\n")


_NOWHERE: Final = ReceiptOptions()


def scrubbed(
    folder: Path, options: ReceiptOptions = _NOWHERE, *, on: date | None = None
) -> Receipt:
    """Scrub the call file of a folder, and return the receipt."""
    outputs = Outputs(*(folder / f"{kind}.csv" for kind in ("clear", "blocked")))
    against = str(folder / "list.csv")
    maker = ReceiptMaker(
        folder / "calls.csv", outputs, against=stamped(against), options=options
    )
    with open_against(against) as book:
        question = book.question(on=on)
        summary = scrub_for(maker, question, outputs)
    return maker.make(summary, question, columns=["tel"])


def scrub_for(
    maker: ReceiptMaker, question: Question, outputs: Outputs = NOT_WRITTEN
) -> ScrubSummary:
    """Scrub a CSV file by the code that `scrub_file` runs if it writes a receipt."""
    job = Job(question, ("tel",), outputs, written=maker.written)
    with maker.reading() as stream:
        return split_csv(stream, job)


def main() -> None:
    """Write the sample files that are missing; never overwrite an existing file."""
    from bloctel.scrub.receipts import SigningKey

    FOLDER.mkdir(exist_ok=True)
    example, journal = FOLDER / "example.json", FOLDER / "journal.jsonl"
    if not example.exists():
        example.write_bytes(EXAMPLE.line)
    if not journal.exists():
        pem = FOLDER / "key.pem"
        key = SigningKey.create(pem)
        journal.write_bytes(b"".join(receipt.line for receipt in chain(3, key)))
        pem.unlink()
        sum(1 for _ in Journal(journal).receipts())


if __name__ == "__main__":
    main()
