"""What the commands of `bloctel consent` share."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bloctel.cli.options.common import moment
from bloctel.compliance import Slot
from bloctel.compliance.consents.register import Kept
from bloctel.errors import InputError

__all__ = [
    "AboutOption",
    "EvidenceOption",
    "GivenOption",
    "NumberArgument",
    "UrlArgument",
    "WhereOption",
    "content_of",
    "kept_in",
    "slot_of",
]

UrlArgument = Annotated[
    str,
    typer.Argument(
        metavar="URL", help="The file of consents, such as sqlite:///consents.db."
    ),
]
NumberArgument = Annotated[str, typer.Argument(help="A phone number.")]
GivenOption = Annotated[
    datetime,
    typer.Option(
        "--at",
        parser=moment,
        metavar="MOMENT",
        help="When it was said, as 2026-09-01T18:12+02:00.",
    ),
]
EvidenceOption = Annotated[
    Path,
    typer.Option(
        "--evidence",
        metavar="FILE",
        help="The evidence, such as a form or a recording; its digest is kept.",
    ),
]
WhereOption = Annotated[
    str,
    typer.Option("--where", metavar="TEXT", help="Where the evidence is kept."),
]
AboutOption = Annotated[
    str,
    typer.Option(
        "--about", metavar="WORDS", help="About what, in words that a call repeats."
    ),
]


def kept_in(evidence: Path, where: str) -> Kept:
    """Return the digest of a file of evidence, and where it is kept.

    Raises:
        InputError: The file cannot be read.
    """
    return Kept(hashlib.sha256(content_of(evidence)).hexdigest(), where)


def content_of(file: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        got = f"one that cannot be read ({error.strerror})"
        raise InputError("a file", got, str(file)) from error


def slot_of(text: str) -> Slot:
    """Return the date and time that two moments with a slash between name."""
    start, _, end = text.partition("/")
    return Slot(moment(start), moment(end))
