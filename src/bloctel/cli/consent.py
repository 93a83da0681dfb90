"""`bloctel consent`: consents, contracts, requests to be called back, and proofs."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bloctel._util.atomic_files import replacing
from bloctel.bulk import ConsentColumns, import_consents
from bloctel.cli.io import print_record, print_rows, print_text, progress_bar, source
from bloctel.cli.options.common import (
    AtOption,
    CsvArgument,
    Format,
    FormatOption,
    KnownOption,
    Language,
    LanguageOption,
    NewRegionOption,
    NumberArgument,
    OnOption,
    RegionOption,
    SecretOption,
    argument,
    choice,
    day_option,
    instant_option,
    option,
    parse_column,
    parse_instant,
    parse_known,
    parse_pairs,
)
from bloctel.compliance import CallBackRequest, Contract, Slot
from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.proof import check_proof
from bloctel.compliance.consents.register import (
    ConsentRegister,
    EvidenceFile,
    NewConsent,
)
from bloctel.errors import InputError
from bloctel.numbers.phone_number import DEFAULT_REGION

if TYPE_CHECKING:
    from bloctel.compliance import Evidence

__all__ = ["app"]

app = typer.Typer(
    help="Record consents and contracts with their evidence; withdraw, prove, erase.",
    no_args_is_help=True,
)


class _ProofFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


_Url = Annotated[
    str, argument("URL", "The consent register, such as sqlite:///consents.db.")
]
_Given = Annotated[
    datetime,
    instant_option(
        "--at", "When the consent or request was given, such as 2026-09-01T18:12+02:00."
    ),
]
_Firm = Annotated[
    str, option("--firm NAME", "The firm that the consent, contract or request names.")
]
_About = Annotated[
    str, option("--about WORDS", "The subject, in the words that calls use for it.")
]
_Evidence = Annotated[
    Path,
    option(
        "--evidence FILE",
        "The evidence, such as a form or a recording; its digest is recorded.",
    ),
]
_Where = Annotated[str, option("--where TEXT", "Where the evidence is stored.")]


@app.command()
def create(
    url: _Url, region: NewRegionOption = DEFAULT_REGION, secret: SecretOption = None
) -> None:
    """Create an empty register; a registry can contain consents without this command.

    Example:
        bloctel consent create sqlite:///consents.db
    """
    ConsentRegister.create(url, region=region, secret=secret).close()


@app.command()
def record(
    url: _Url,
    number: NumberArgument,
    at: _Given,
    firm: _Firm,
    about: _About,
    evidence: _Evidence,
    where: _Where,
    mention: Annotated[
        list[str] | None,
        option(
            "--mention NAME",
            "A notice that the person received, or 'all'; may be repeated.",
        ),
    ] = None,
    expires_on: Annotated[
        date | None,
        day_option(
            "--expires-on",
            "The first day on which the consent no longer holds; the latest legal day "
            "if not given.",
        ),
    ] = None,
    slot: Annotated[
        list[str] | None,
        option(
            "--slot FROM/UNTIL",
            "A date and time that the person consented to, as two instants; may be "
            "repeated.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Record a consent with its evidence, and print its id.

    A consent without all mandatory notices is recorded, but permits nothing.

    Example:
        bloctel consent record sqlite:///consents.db "01 99 00 12 34"
        --at 2026-09-01T18:12+02:00 --firm "Exemple SA" --about insurance
        --mention all --evidence form.json --where "archive, form.json"
    """
    with ConsentRegister.open(url, secret=secret) as register:
        mentions = mention or []
        if mentions == ["all"]:
            key = register.key_of(number, region=region)
            collected_on = at.astimezone(zone_of(key)).date()
            mentions = list(register.figures(collected_on).mentions)
        consent = NewConsent(
            given_at=at,
            firm=firm,
            goods=about,
            mentions=mentions,
            evidence=_evidence_file(evidence, where),
            expires_on=expires_on,
            slots=[_parse_slot(text) for text in slot or ()],
        )
        id = register.record(number, consent, region=region)
    print_record({"id": id}, format)


@app.command("import")
def import_(
    url: _Url,
    file: CsvArgument,
    column: Annotated[
        list[str] | None,
        option(
            "--column FIELD=COLUMN",
            "The column of a field, by name or by number from 1; may be repeated.  "
            "Fields are number, given_at, firm, goods, mentions, sha256, where, "
            "expires_on.",
        ),
    ] = None,
    value: Annotated[
        list[str] | None,
        option(
            "--set FIELD=TEXT", "The value of a field in all rows; may be repeated."
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        option(
            "--time-zone ZONE",
            "The time zone of times without a UTC offset, such as Europe/Paris.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Record every consent of a file; if one is refused, none is recorded.

    A second import of a file changes nothing.

    Example:
        bloctel consent import sqlite:///consents.db crm.csv --column number=telephone
        --set firm="Exemple SA" --set mentions=all --time-zone Europe/Paris
    """
    columns = {name: parse_column(text) for name, text in parse_pairs(column).items()}
    chosen = ConsentColumns(columns, parse_pairs(value), time_zone)
    with (
        ConsentRegister.open(url, secret=secret) as register,
        progress_bar("import") as progress,
    ):
        done = import_consents(
            register, source(file), chosen, region=region, progress=progress
        )
    names = ("rows", "recorded", "known already")
    print_record(dict(zip(names, done, strict=True)), format)


@app.command()
def withdraw(
    url: _Url,
    number: NumberArgument,
    channel: Annotated[
        str, option("--channel TEXT", "How: by word in a call, by letter, by e-mail.")
    ],
    at: AtOption = None,
    of: Annotated[
        str | None,
        option("--id ID", "The consent; all consents until then if not given."),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Record that a consent was withdrawn, in any form; a spoken word is enough.

    Example:
        bloctel consent withdraw sqlite:///consents.db "01 99 00 12 34"
        --channel "by word in a call"
    """
    with ConsentRegister.open(url, secret=secret) as register:
        id = register.withdraw(number, channel=channel, at=at, of=of, region=region)
    print_record({"id": id}, format)


@app.command()
def contract(
    url: _Url,
    number: NumberArgument,
    firm: _Firm,
    about: _About,
    starts_on: Annotated[date, day_option("--starts-on", "Its first day.")],
    ends_on: Annotated[
        date | None,
        day_option("--ends-on", "The first day after it, if the end is known."),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Record a contract with the person, and print its id.

    Example:
        bloctel consent contract sqlite:///consents.db "01 99 00 12 34"
        --firm "Exemple SA" --about "home insurance" --starts-on 2024-01-01
    """
    new = Contract(starts_on=starts_on, ends_on=ends_on, firm=firm, object=about)
    with ConsentRegister.open(url, secret=secret) as register:
        id = register.add_contract(number, new, region=region)
    print_record({"id": id}, format)


@app.command("end-contract")
def end_contract(
    url: _Url,
    number: NumberArgument,
    id: Annotated[str, argument("ID", "The id of the contract.")],
    ends_on: Annotated[
        date, day_option("--ends-on", "The first day after the contract.")
    ],
    region: RegionOption = None,
    secret: SecretOption = None,
) -> None:
    """Record the end of a contract; it replaces an end that was recorded before.

    Example:
        bloctel consent end-contract sqlite:///consents.db "01 99 00 12 34" 2
        --ends-on 2027-01-01
    """
    with ConsentRegister.open(url, secret=secret) as register:
        register.end_contract(number, id, ends_on=ends_on, region=region)


@app.command("call-back")
def call_back(
    url: _Url,
    number: NumberArgument,
    at: _Given,
    firm: _Firm,
    about: _About,
    evidence: _Evidence,
    where: _Where,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Record that the person asked to be called back, and print the record's id.

    Example:
        bloctel consent call-back sqlite:///consents.db "01 99 00 12 34"
        --at 2026-10-02T18:12+02:00 --firm "Exemple SA" --about "heat pump"
        --evidence form.json --where "archive, form.json"
    """
    request = CallBackRequest(asked_at=at, firm=firm, object=about)
    file = _evidence_file(evidence, where)
    with ConsentRegister.open(url, secret=secret) as register:
        id = register.add_call_back(number, request, evidence=file, region=region)
    print_record({"id": id}, format)


@app.command()
def show(
    url: _Url,
    number: NumberArgument,
    known_at: Annotated[
        datetime | None,
        instant_option(
            "--known-at",
            "Only what was recorded at that instant; everything if not given.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Show the records of a number, as they are or as they were when it was dialled.

    Example:
        bloctel consent show sqlite:///consents.db "01 99 00 12 34"
        --known-at 2026-11-23T10:30+01:00
    """
    with ConsentRegister.open(url, secret=secret) as register:
        key = register.key_of(number, region=region)
        view = register if known_at is None else register.as_known_at(known_at)
        rows = _rows(view.of(key))
    columns = ("kind", "about", "firm", "from", "until", "withdrawn_at", "complete")
    print_rows(columns, rows, format)


@app.command()
def proof(
    url: _Url,
    number: NumberArgument,
    format: Annotated[
        _ProofFormat, choice("--format", _ProofFormat, "A page to print, or JSON.")
    ] = _ProofFormat.TEXT,
    lang: LanguageOption = Language.FR,
    output: Annotated[
        Path | None, option("--output FILE", "The file; standard output if not given.")
    ] = None,
    region: RegionOption = None,
    secret: SecretOption = None,
) -> None:
    """Write the proof for one person: every record of the number.

    Example:
        bloctel consent proof sqlite:///consents.db "01 99 00 12 34" --output proof.txt
    """
    with ConsentRegister.open(url, secret=secret) as register:
        made = register.proof(number, region=region)
    is_page = format is _ProofFormat.TEXT
    text = made.text(lang=lang.value) if is_page else made.json()
    if output is None:
        print_text(text)
        return
    with replacing(output) as file:
        file.write(text.encode())


@app.command()
def check(
    file: Annotated[Path, argument("FILE", "A proof as JSON.")],
    format: FormatOption = Format.TABLE,
) -> None:
    """Check that a proof was not altered since it was written.

    Exit code: 0 unaltered, 2 not a proof, 3 altered.

    Example:
        bloctel consent check proof.json
    """
    print_record({"records": check_proof(_content(file), str(file))}, format)


@app.command()
def verify(
    url: _Url,
    known: KnownOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Check that no record was altered, deleted or moved; print count and digest.

    Exit code: 0 unaltered, 3 altered.

    Example:
        bloctel consent verify sqlite:///consents.db
    """
    with ConsentRegister.open(url, secret=secret) as register:
        print_record(register.verify(known=parse_known(known))._asdict(), format)


@app.command()
def purge(
    url: _Url,
    on: OnOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Erase the records whose legal retention period has ended on that day.

    Example:
        bloctel consent purge sqlite:///consents.db
    """
    with ConsentRegister.open(url, secret=secret) as register:
        print_record({"erased": register.purge(on=on)}, format)


@app.command()
def forget(
    url: _Url,
    number: NumberArgument,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Erase every record of a number, proofs too (GDPR art. 17).

    A legal duty to keep a proof goes before the person's request (art. 17(3)(b)): check
    first that you do not have to show the proof to anyone.

    Example:
        bloctel consent forget sqlite:///consents.db "01 99 00 12 34"
    """
    with ConsentRegister.open(url, secret=secret) as register:
        print_record({"erased": register.forget(number, region=region)}, format)


def _evidence_file(path: Path, where: str) -> EvidenceFile:
    """Return the digest of a file of evidence, and where the file is stored."""
    return EvidenceFile(hashlib.sha256(_content(path)).hexdigest(), where)


def _content(file: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        got = f"one that cannot be read ({error.strerror})"
        text = f"the file cannot be read ({error.strerror})"
        raise InputError("a file", got, str(file), message=text) from error


def _parse_slot(text: str) -> Slot:
    """Parse two instants that a slash separates."""
    start, _, end = text.partition("/")
    return Slot(parse_instant(start), parse_instant(end))


def _rows(evidence: Evidence) -> list[tuple[object, ...]]:
    consents: list[tuple[object, ...]] = [
        (
            "consent",
            each.goods,
            each.firm,
            each.given_at.isoformat(),
            each.expires_on,
            None if each.withdrawn_at is None else each.withdrawn_at.isoformat(),
            each.has_all_mentions,
        )
        for each in evidence.consents
    ]
    contracts = [
        ("contract", each.object, each.firm, each.starts_on, each.ends_on, None, None)
        for each in evidence.contracts
    ]
    call_backs = [
        ("call_back", each.object, each.firm, each.asked_at.isoformat(), *[None] * 3)
        for each in evidence.call_backs
    ]
    return [*consents, *contracts, *call_backs]
