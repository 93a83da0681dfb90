"""`bloctel consent`: consents, contracts, requests to be called back, and proofs."""

import hashlib
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from bloctel._util.whole_files import read_file
from bloctel.bulk import ConsentColumns, import_consents
from bloctel.cli import options
from bloctel.cli.io import print_record, print_rows, print_text, progress_bar, source
from bloctel.cli.options import (
    Format,
    Language,
    argument,
    choice,
    new_file,
    option,
    parse_column,
    parse_instant,
    parse_pairs,
    required,
)
from bloctel.cli.store_commands import RecordCommands
from bloctel.compliance import CallBackRequest, Contract, Evidence, Slot
from bloctel.compliance.consents.proof import check_proof
from bloctel.compliance.consents.records import EvidenceFile, NewConsent
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.tabular.outputs import open_output

_group = RecordCommands(
    "consent",
    ConsentRegister,
    argument("URL", "The consent register, such as sqlite:///consents.db."),
    "Record consents and contracts with their evidence; withdraw, prove, erase.",
)
app = _group.app


class _ProofFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


_GIVEN = required(
    "--at INSTANT",
    "The time of the consent or request, such as 2026-09-01T18:12+02:00.",
)
_FIRM = required("--firm NAME", "The firm that the consent, contract or request names.")
_ABOUT = required(
    "--about WORDS", "The subject, in the same words as in --about of a call."
)
_EVIDENCE = required(
    "--evidence FILE",
    "The evidence, such as a form or a recording; its digest is recorded.",
)
_WHERE = required("--where TEXT", "Where the evidence is stored.")


def _parse_slot(text: str) -> Slot:
    """Parse a time slot: two instants, separated by a slash."""
    start, _, end = text.partition("/")
    return Slot(parse_instant(start), parse_instant(end))


@_group.command()
def record(
    register: ConsentRegister,
    number: str = options.NUMBER,
    at: datetime = _GIVEN,
    firm: str = _FIRM,
    about: str = _ABOUT,
    evidence: Path = _EVIDENCE,
    where: str = _WHERE,
    mention: list[str] | None = option(
        "--mention NAME",
        "A notice that the person received, or 'all'; may be repeated.",
    ),
    expires_on: date | None = option(
        "--expires-on YYYY-MM-DD",
        "The first day on which the consent is no longer valid.  The default is the "
        "latest day that the law allows.",
    ),
    slot: list[Slot] | None = option(
        "--slot FROM/UNTIL",
        "A time slot that the person agreed to, from its start to its end; may be "
        "repeated.",
        parser=_parse_slot,
    ),
    region: str | None = options.REGION,
) -> dict[str, object]:
    """Record a consent with its evidence, and print its id.

    A consent without all mandatory notices is recorded, but it does not permit a call.

    Example:
        bloctel consent record sqlite:///consents.db "01 99 00 12 34"
        --at 2026-09-01T18:12+02:00 --firm "Exemple SA" --about insurance
        --mention all --evidence form.json --where "archive, form.json"
    """
    consent = NewConsent(
        given_at=at,
        firm=firm,
        goods=about,
        mentions=mention or (),
        evidence=_evidence_file(evidence, where),
        expires_on=expires_on,
        slots=slot or (),
    )
    id = register.record(number, consent, region=region)
    return {"id": id}


@_group.command("import")
def import_(
    register: ConsentRegister,
    file: str = options.CSV_FILE,
    column: list[str] | None = option(
        "--column FIELD=COLUMN",
        "The column of a field, by name or by number from 1; may be repeated.  "
        "Fields are number, given_at, firm, goods, mentions, sha256, where, "
        "expires_on.",
    ),
    value: list[str] | None = option(
        "--set FIELD=TEXT", "The value of a field in all rows; may be repeated."
    ),
    time_zone: str | None = option(
        "--time-zone ZONE",
        "The time zone of times without a UTC offset, such as Europe/Paris.",
    ),
    region: str | None = options.REGION,
) -> dict[str, object]:
    """Record every consent of a file; if a row is refused, no consent is recorded.

    A second import of a file changes nothing.

    Example:
        bloctel consent import sqlite:///consents.db crm.csv --column number=telephone
        --set firm="Exemple SA" --set mentions=all --time-zone Europe/Paris
    """
    fields = parse_pairs("--column", column).items()
    columns = {name: parse_column(text) for name, text in fields}
    chosen = ConsentColumns(columns, parse_pairs("--set", value), time_zone)
    with progress_bar("import") as progress:
        done = import_consents(
            register, source(file), chosen, region=region, progress=progress
        )
    names = ("rows", "recorded", "known already")
    return dict(zip(names, done, strict=True))


@_group.command()
def withdraw(
    register: ConsentRegister,
    number: str = options.NUMBER,
    channel: str = required(
        "--channel TEXT", "The means, such as: by word in a call, by letter, by e-mail."
    ),
    at: datetime | None = options.AT,
    of: str | None = option(
        "--id ID",
        "The id of the consent.  By default, every consent that was recorded or given "
        "until the time of --at is withdrawn.",
    ),
    region: str | None = options.REGION,
) -> dict[str, object]:
    """Record the withdrawal of a consent; any form is valid, such as a spoken word.

    Example:
        bloctel consent withdraw sqlite:///consents.db "01 99 00 12 34"
        --channel "by word in a call"
    """
    id = register.withdraw(number, channel=channel, at=at, of=of, region=region)
    return {"id": id}


@_group.command()
def contract(
    register: ConsentRegister,
    number: str = options.NUMBER,
    firm: str = _FIRM,
    about: str = _ABOUT,
    starts_on: date = required(
        "--starts-on YYYY-MM-DD", "The first day of the contract."
    ),
    ends_on: date | None = option(
        "--ends-on YYYY-MM-DD", "The first day after the contract, if the end is known."
    ),
    region: str | None = options.REGION,
) -> dict[str, object]:
    """Record a contract with the person, and print its id.

    Example:
        bloctel consent contract sqlite:///consents.db "01 99 00 12 34"
        --firm "Exemple SA" --about "home insurance" --starts-on 2024-01-01
    """
    new = Contract(starts_on=starts_on, ends_on=ends_on, firm=firm, object=about)
    id = register.add_contract(number, new, region=region)
    return {"id": id}


@_group.command("end-contract")
def end_contract(
    register: ConsentRegister,
    number: str = options.NUMBER,
    id: str = argument("ID", "The id of the contract."),
    ends_on: date = required(
        "--ends-on YYYY-MM-DD", "The first day after the contract."
    ),
    region: str | None = options.REGION,
) -> None:
    """Record the end of a contract; this end replaces an end that was recorded before.

    Example:
        bloctel consent end-contract sqlite:///consents.db "01 99 00 12 34" 2
        --ends-on 2027-01-01
    """
    register.end_contract(number, id, ends_on=ends_on, region=region)


@_group.command("call-back")
def call_back(
    register: ConsentRegister,
    number: str = options.NUMBER,
    at: datetime = _GIVEN,
    firm: str = _FIRM,
    about: str = _ABOUT,
    evidence: Path = _EVIDENCE,
    where: str = _WHERE,
    region: str | None = options.REGION,
) -> dict[str, object]:
    """Record that the person asked to be called back, and print the record's id.

    Example:
        bloctel consent call-back sqlite:///consents.db "01 99 00 12 34"
        --at 2026-10-02T18:12+02:00 --firm "Exemple SA" --about "heat pump"
        --evidence form.json --where "archive, form.json"
    """
    request = CallBackRequest(asked_at=at, firm=firm, object=about)
    file = _evidence_file(evidence, where)
    id = register.add_call_back(number, request, evidence=file, region=region)
    return {"id": id}


@_group.command()
def show(
    register: ConsentRegister,
    number: str = options.NUMBER,
    known_at: datetime | None = option(
        "--known-at INSTANT",
        "Show only records made until this time.  By default, all records are shown.",
    ),
    region: str | None = options.REGION,
    format: Format = options.FORMAT,
) -> None:
    """Show the records of a number, as they are now or as they were at an earlier time.

    Example:
        bloctel consent show sqlite:///consents.db "01 99 00 12 34"
        --known-at 2026-11-23T10:30+01:00
    """
    key = register.key_of(number, region=region)
    view = register if known_at is None else register.as_known_at(known_at)
    rows = _rows(view.of(key))
    columns = ("kind", "about", "firm", "from", "until", "withdrawn_at", "complete")
    print_rows(columns, rows, format)


@_group.command()
def proof(
    register: ConsentRegister,
    number: str = options.NUMBER,
    format: _ProofFormat = choice(
        "--format",
        _ProofFormat,
        "The format: a page to print, or JSON.",
        _ProofFormat.TEXT,
    ),
    lang: Language = options.language(Language.FR),
    output: Path | None = new_file(
        "--output FILE", "The file.  The default is standard output."
    ),
    region: str | None = options.REGION,
) -> None:
    """Write the proof for one person, with every record of the number.

    Example:
        bloctel consent proof sqlite:///consents.db "01 99 00 12 34" --output proof.txt
    """
    made = register.proof(number, region=region)
    is_page = format is _ProofFormat.TEXT
    text = made.text(lang=lang.value) if is_page else made.json()
    if output is None:
        print_text(text)
        return
    with open_output("the proof", output) as file:
        file.write(text.encode())


@app.command()
def check(
    file: Path = argument("FILE", "A proof as JSON."), format: Format = options.FORMAT
) -> None:
    """Check that a proof was not altered after it was written.

    Exit code: 0 the proof is unaltered, 2 the file is not a proof, 3 the proof is
    altered.

    Example:
        bloctel consent check proof.json
    """
    print_record(
        {"records": check_proof(read_file(file, "a proof"), str(file))}, format
    )


@_group.command()
def purge(register: ConsentRegister, on: date | None = options.ON) -> dict[str, object]:
    """Erase the records whose legal retention period has ended by the given day.

    Example:
        bloctel consent purge sqlite:///consents.db
    """
    return {"erased": register.purge(on=on)}


@_group.command()
def forget(
    register: ConsentRegister,
    number: str = options.NUMBER,
    region: str | None = options.REGION,
) -> dict[str, object]:
    """Erase every record of a number, including proofs (GDPR art. 17).

    A legal duty to keep a proof has priority over the person's request (art. 17(3)(b)).
    So check first that you do not have to show the proof to anyone.

    Example:
        bloctel consent forget sqlite:///consents.db "01 99 00 12 34"
    """
    return {"erased": register.forget(number, region=region)}


def _evidence_file(path: Path, where: str) -> EvidenceFile:
    """Return the digest and the location of a file with evidence."""
    digest = hashlib.sha256(read_file(path, "a file with the evidence"))
    return EvidenceFile(digest.hexdigest(), where)


def _rows(evidence: Evidence) -> list[tuple[object, ...]]:
    consents: list[tuple[object, ...]] = [
        (
            "consent",
            each.goods,
            each.firm,
            each.given_at,
            each.expires_on,
            each.withdrawn_at,
            each.has_all_mentions,
        )
        for each in evidence.consents
    ]
    contracts = [
        ("contract", each.object, each.firm, each.starts_on, each.ends_on, None, None)
        for each in evidence.contracts
    ]
    call_backs = [
        ("call_back", each.object, each.firm, each.asked_at, *[None] * 3)
        for each in evidence.call_backs
    ]
    return [*consents, *contracts, *call_backs]
