"""The commands that show, prove, check and erase what is on record of consents."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bloctel._util.atomic_files import replacing
from bloctel.cli.io import print_record, print_rows
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    KnownOption,
    OnOption,
    RegionOption,
    SecretFileOption,
    known,
    moment,
)
from bloctel.cli.options.consent import NumberArgument, UrlArgument, content_of
from bloctel.cli.options.registry import secret_in
from bloctel.compliance.consents.proof import check_proof
from bloctel.compliance.consents.register import ConsentRegister

if TYPE_CHECKING:
    from bloctel.compliance import Evidence

__all__ = ["check", "forget", "proof", "purge", "show", "verify"]


class _Lang(StrEnum):
    EN = "en"
    FR = "fr"


class _ProofFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


def show(
    url: UrlArgument,
    number: NumberArgument,
    known_at: Annotated[
        Optional[datetime],
        typer.Option(
            "--known-at",
            parser=moment,
            metavar="MOMENT",
            help="What was on record at that moment; all of it if not given.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Show what is on record of a number, or was when it was dialled.

    Example:
        bloctel consent show sqlite:///consents.db "01 99 00 12 34"
        --known-at 2026-11-23T10:30+01:00
    """
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        key = register.key_of(number, region=region)
        asked = register if known_at is None else register.as_known_at(known_at)
        rows = _rows(asked.of(key))
    columns = ("kind", "about", "firm", "from", "until", "withdrawn_at", "complete")
    print_rows(columns, rows, format)


def _rows(evidence: Evidence) -> list[tuple[object, ...]]:
    consents: list[tuple[object, ...]] = [
        (
            "consent",
            held.goods,
            held.firm,
            held.given_at.isoformat(),
            held.expires_on,
            None if held.withdrawn_at is None else held.withdrawn_at.isoformat(),
            held.has_all_mentions,
        )
        for held in evidence.consents
    ]
    contracts = [
        ("contract", held.object, held.firm, held.starts_on, held.ends_on, None, None)
        for held in evidence.contracts
    ]
    call_backs = [
        (
            *("call_back", asked.object, asked.firm),
            *(asked.asked_at.isoformat(), None, None, None),
        )
        for asked in evidence.call_backs
    ]
    return [*consents, *contracts, *call_backs]


def proof(
    url: UrlArgument,
    number: NumberArgument,
    format: Annotated[
        _ProofFormat, typer.Option("--format", help="A page to print, or JSON.")
    ] = _ProofFormat.TEXT,
    lang: Annotated[
        _Lang, typer.Option("--lang", help="The language of the page.")
    ] = _Lang.FR,
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output", metavar="FILE", help="Where to; standard output if not given."
        ),
    ] = None,
    region: RegionOption = None,
    secret_file: SecretFileOption = None,
) -> None:
    """Write the proof for one person: all that is on record of the number.

    Example:
        bloctel consent proof sqlite:///consents.db "01 99 00 12 34" --output proof.txt
    """
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        made = register.proof(number, region=region)
    is_page = format is _ProofFormat.TEXT
    written = made.text(lang=lang.value) if is_page else made.json()
    if output is None:
        sys.stdout.write(written)
        return
    with replacing(output) as file:
        file.write(written.encode())


def check(
    file: Annotated[Path, typer.Argument(help="A proof as JSON.")],
    format: FormatOption = Format.TABLE,
) -> None:
    """Check that a proof was not altered since it was made.

    Exit code: 0 as it was made, 2 no proof, 3 altered.

    Example:
        bloctel consent check proof.json
    """
    print_record({"records": check_proof(content_of(file), str(file))}, format)


def verify(
    url: UrlArgument,
    noted: KnownOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Check that no record was altered, dropped or moved; print place and digest.

    Exit code: 0 as it was written, 3 not.

    Example:
        bloctel consent verify sqlite:///consents.db
    """
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        print_record(register.verify(known=known(noted))._asdict(), format)


def purge(
    url: UrlArgument,
    on: OnOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Erase what the law says need not be kept any more on that day.

    Example:
        bloctel consent purge sqlite:///consents.db
    """
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        print_record({"erased": register.purge(on=on)}, format)


def forget(
    url: UrlArgument,
    number: NumberArgument,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Erase all that is on record of a number, proofs too (GDPR art. 17).

    A duty to keep a proof outweighs the wish (art. 17(3)(b)): ask before whom you may
    have to show it.

    Example:
        bloctel consent forget sqlite:///consents.db "01 99 00 12 34"
    """
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        print_record({"erased": register.forget(number, region=region)}, format)
