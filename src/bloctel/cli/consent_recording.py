"""The commands that record consents, contracts and requests to be called back."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Optional

import typer

from bloctel.bulk import ConsentColumns, import_consents
from bloctel.cli.input import source
from bloctel.cli.io import print_record
from bloctel.cli.options.common import (
    AtOption,
    Format,
    FormatOption,
    NewRegionOption,
    RegionOption,
    SecretFileOption,
    day,
    named,
    place,
)
from bloctel.cli.options.consent import (
    AboutOption,
    EvidenceOption,
    GivenOption,
    NumberArgument,
    UrlArgument,
    WhereOption,
    kept_in,
    slot_of,
)
from bloctel.cli.options.registry import secret_in
from bloctel.cli.progress import progress_bar
from bloctel.compliance import CallBackRequest, Contract
from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.register import ConsentRegister, NewConsent
from bloctel.numbers.phone_number import DEFAULT_REGION

__all__ = [
    "call_back",
    "contract",
    "create",
    "end_contract",
    "import_",
    "record",
    "withdraw",
]


def create(
    url: UrlArgument,
    region: NewRegionOption = DEFAULT_REGION,
    secret_file: SecretFileOption = None,
) -> None:
    """Make an empty file of consents; a registry can hold them as it is.

    Example:
        bloctel consent create sqlite:///consents.db
    """
    ConsentRegister.create(url, region=region, secret=secret_in(secret_file)).close()


def record(
    url: UrlArgument,
    number: NumberArgument,
    at: GivenOption,
    firm: Annotated[
        str,
        typer.Option("--firm", metavar="NAME", help="To whose calls they consented."),
    ],
    about: AboutOption,
    evidence: EvidenceOption,
    where: WhereOption,
    mention: Annotated[
        Optional[list[str]],
        typer.Option(
            "--mention",
            metavar="NAME",
            help="What the person was told, or 'all'; may be repeated.",
        ),
    ] = None,
    expires_on: Annotated[
        Optional[date],
        typer.Option(
            "--expires-on",
            parser=day,
            metavar="YYYY-MM-DD",
            help="The first day on which it no longer holds; as late as the law allows "
            "if not given.",
        ),
    ] = None,
    slot: Annotated[
        Optional[list[str]],
        typer.Option(
            "--slot",
            metavar="FROM/UNTIL",
            help="A date and time consented to, as two moments; may be repeated.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Record a consent with its evidence, and print its id.

    One without all mandatory mentions is recorded, and permits nothing.

    Example:
        bloctel consent record sqlite:///consents.db "01 99 00 12 34"
        --at 2026-09-01T18:12+02:00 --firm "Exemple SA" --about insurance
        --mention all --evidence form.json --where "archive, form.json"
    """
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        key = register.key_of(number, region=region)
        collected_on = at.astimezone(zone_of(key)).date()
        told = mention or []
        if told == ["all"]:
            told = list(register.figures(collected_on).mentions)
        new = NewConsent(
            given_at=at,
            firm=firm,
            goods=about,
            mentions=told,
            kept=kept_in(evidence, where),
            expires_on=expires_on,
            slots=[slot_of(text) for text in slot or ()],
        )
        print_record({"id": register.record(number, new, region=region)}, format)


def import_(
    url: UrlArgument,
    file: Annotated[str, typer.Argument(help="A CSV file; - is standard input.")],
    column: Annotated[
        Optional[list[str]],
        typer.Option(
            "--column",
            metavar="FIELD=COLUMN",
            help="Where a field is, by name or place from 1; may be repeated.  Fields "
            "are number, given_at, firm, goods, mentions, sha256, where, expires_on.",
        ),
    ] = None,
    value: Annotated[
        Optional[list[str]],
        typer.Option(
            "--set",
            metavar="FIELD=TEXT",
            help="What a field is in all rows; may be repeated.",
        ),
    ] = None,
    time_zone: Annotated[
        Optional[str],
        typer.Option(
            "--time-zone",
            metavar="ZONE",
            help="Of moments without an offset, as Europe/Paris.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Record every consent of a file: all of them, or none if one is refused.

    Importing a file again changes nothing.

    Example:
        bloctel consent import sqlite:///consents.db crm.csv --column number=telephone
        --set firm="Exemple SA" --set mentions=all --time-zone Europe/Paris
    """
    columns = {name: place(text) for name, text in named(column).items()}
    chosen = ConsentColumns(columns, named(value), time_zone)
    with (
        ConsentRegister.open(url, secret=secret_in(secret_file)) as register,
        progress_bar("import") as progress,
    ):
        done = import_consents(
            register, source(file), chosen, region=region, progress=progress
        )
    names = ("rows", "recorded", "known already")
    print_record(dict(zip(names, done, strict=True)), format)


def withdraw(
    url: UrlArgument,
    number: NumberArgument,
    channel: Annotated[
        str,
        typer.Option(
            "--channel", metavar="TEXT", help="How: by word in a call, letter, e-mail."
        ),
    ],
    at: AtOption = None,
    of: Annotated[
        Optional[str],
        typer.Option(
            "--id", metavar="ID", help="The one consent; all until then if not given."
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Record that consent was withdrawn, by whatever way; a word is enough.

    Example:
        bloctel consent withdraw sqlite:///consents.db "01 99 00 12 34"
        --channel "by word in a call"
    """
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        id = register.withdraw(number, channel=channel, at=at, of=of, region=region)
    print_record({"id": id}, format)


def contract(
    url: UrlArgument,
    number: NumberArgument,
    firm: Annotated[
        str, typer.Option("--firm", metavar="NAME", help="Whose contract it is.")
    ],
    about: AboutOption,
    starts_on: Annotated[
        date,
        typer.Option(
            "--starts-on", parser=day, metavar="YYYY-MM-DD", help="Its first day."
        ),
    ],
    ends_on: Annotated[
        Optional[date],
        typer.Option(
            "--ends-on",
            parser=day,
            metavar="YYYY-MM-DD",
            help="The first day after it, if one is known.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Record a contract with the person, and print its id.

    Example:
        bloctel consent contract sqlite:///consents.db "01 99 00 12 34"
        --firm "Exemple SA" --about "home insurance" --starts-on 2024-01-01
    """
    held = Contract(starts_on=starts_on, ends_on=ends_on, firm=firm, object=about)
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        print_record({"id": register.add_contract(number, held, region=region)}, format)


def end_contract(
    url: UrlArgument,
    number: NumberArgument,
    id: Annotated[str, typer.Argument(metavar="ID", help="What names the contract.")],
    ends_on: Annotated[
        date,
        typer.Option(
            "--ends-on",
            parser=day,
            metavar="YYYY-MM-DD",
            help="The first day after it.",
        ),
    ],
    region: RegionOption = None,
    secret_file: SecretFileOption = None,
) -> None:
    """Record the end of a contract, whatever was recorded before.

    Example:
        bloctel consent end-contract sqlite:///consents.db "01 99 00 12 34" 2
        --ends-on 2027-01-01
    """
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        register.end_contract(number, id, ends_on=ends_on, region=region)


def call_back(
    url: UrlArgument,
    number: NumberArgument,
    at: GivenOption,
    firm: Annotated[
        str, typer.Option("--firm", metavar="NAME", help="Who was asked to call.")
    ],
    about: AboutOption,
    evidence: EvidenceOption,
    where: WhereOption,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Record that the person asked to be called back, and print the record's id.

    Example:
        bloctel consent call-back sqlite:///consents.db "01 99 00 12 34"
        --at 2026-10-02T18:12+02:00 --firm "Exemple SA" --about "heat pump"
        --evidence form.json --where "archive, form.json"
    """
    asked = CallBackRequest(asked_at=at, firm=firm, object=about)
    kept = kept_in(evidence, where)
    with ConsentRegister.open(url, secret=secret_in(secret_file)) as register:
        id = register.add_call_back(number, asked, kept=kept, region=region)
    print_record({"id": id}, format)
