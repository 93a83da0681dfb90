"""The options of a scrub that keep a receipt of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bloctel.errors import InputError
from bloctel.scrub.receipts import Keeping, ReceiptMaker, SigningKey

if TYPE_CHECKING:
    from bloctel.scrub import Outputs
    from bloctel.tabular.csv_reader import Source

__all__ = ["JournalOption", "ReceiptOption", "SignKeyOption", "receipt_maker"]

ReceiptOption = Annotated[
    Optional[Path],
    typer.Option(
        "--receipt", metavar="FILE", help="Where a receipt of the scrub goes."
    ),
]
JournalOption = Annotated[
    Optional[Path],
    typer.Option(
        "--journal",
        metavar="FILE",
        help="The journal of receipts that this one is appended to.",
    ),
]
SignKeyOption = Annotated[
    Optional[Path],
    typer.Option(
        "--sign-key",
        metavar="FILE",
        help="The key that signs the receipt, from `bloctel receipt key`.",
    ),
]


def receipt_maker(
    source: Source,
    outputs: Outputs,
    *,
    against: str,
    receipt: Path | None,
    journal: Path | None,
    sign_key: Path | None,
) -> ReceiptMaker | None:
    """Return what makes the receipt that a user asks for, if one is asked for."""
    if receipt is None and journal is None:
        if sign_key is not None:
            raise InputError("--receipt or --journal with --sign-key", "neither")
        return None
    key = None if sign_key is None else SigningKey.read(sign_key)
    keeping = Keeping(receipt, journal, key)
    return ReceiptMaker(source, outputs, against=against, keeping=keeping)
