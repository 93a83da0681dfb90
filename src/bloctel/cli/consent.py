"""`bloctel consent`: consents, contracts, requests to be called back, and proofs."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Any

from bloctel._util.whole_files import read_file
from bloctel.bulk import ConsentColumns, import_consents
from bloctel.cli import options
from bloctel.cli.io import Rows, print_record, print_text, progress_bar, source
from bloctel.cli.store_commands import RecordCommands
from bloctel.compliance import CallBackRequest, Contract, Evidence, Slot
from bloctel.compliance.consents.proof import check_proof
from bloctel.compliance.consents.records import EvidenceFile, NewConsent
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.tabular.outputs import open_output

_group = RecordCommands(
    "consent",
    ConsentRegister,
    options.argument("URL", "The consent register, such as sqlite:///consents.db."),
    "Record consents and contracts with their evidence; withdraw, prove, erase.",
)
app = _group.app


class _ProofFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class _Subject(options.Number):
    """Options for the phone number, the firm and the subject of a record."""

    firm: str = options.required(
        "--firm NAME", "The firm that the consent, contract or request names."
    )
    subject: str = options.required(
        "--subject WORDS", "The subject, in the same words as in --subject of a call."
    )


class _Given(_Subject):
    """Options for the time and the evidence of a consent or a call-back request."""

    at: datetime = options.required(
        "--at INSTANT",
        "The time of the consent or request, such as 2026-09-01T18:12+02:00.",
    )
    evidence: Path = options.required(
        "--evidence FILE",
        "The evidence, such as a form or a recording; its digest is recorded.",
    )
    where: str = options.required(
        "--where TEXT", "The place where the evidence is stored."
    )


def _parse_slot(text: str) -> Slot:
    """Parse a time slot: two instants, separated by a slash."""
    start, _, end = text.partition("/")
    return Slot(options.parse_instant(start), options.parse_instant(end))


@_group.command(None, _Given)
def record(
    register: ConsentRegister,
    mention: list[str] | None = options.option(
        "--mention NAME",
        "An item of information that the person got, or 'all'; may be repeated.",
    ),
    expires_on: date | None = options.option(
        "--expires-on YYYY-MM-DD",
        "The first day on which the consent is no longer valid.  The default is the "
        "latest day that the law allows.",
    ),
    slot: list[Slot] | None = options.option(
        "--slot FROM/UNTIL",
        "The start and end of a time slot in which the person agreed to be called; may "
        "be repeated.",
        parser=_parse_slot,
    ),
    **given: Any,
) -> dict[str, object]:
    """Record a consent with its evidence, and print its id.

    A consent without all mandatory mentions (items of information that the person must
    get) is recorded, but it does not permit a call.

    Example:
        bloctel consent record sqlite:///consents.db "01 99 00 12 34"
        --at 2026-09-01T18:12+02:00 --firm "Exemple SA" --subject insurance
        --mention all --evidence form.json --where "archive, form.json"
    """
    consent = NewConsent(
        given_at=given["at"],
        firm=given["firm"],
        subject=given["subject"],
        mentions=mention or (),
        evidence=_evidence(given),
        expires_on=expires_on,
        slots=slot or (),
    )
    id = register.record(given["number"], consent, region=given["region"])
    return {"id": id}


@_group.command("import")
def import_(
    register: ConsentRegister,
    file: str = options.CSV_FILE,
    column: list[str] | None = options.option(
        "--column FIELD=COLUMN",
        "The column of a field, by name or by number from 1; may be repeated.  "
        "Fields are number, given_at, firm, subject, mentions, sha256, where, "
        "expires_on.",
    ),
    value: list[str] | None = options.option(
        "--set FIELD=TEXT",
        "The value of a field, except number, in all rows; may be repeated.",
    ),
    time_zone: str | None = options.option(
        "--time-zone ZONE",
        "The time zone of times without a UTC offset, such as Europe/Paris.",
    ),
    region: str | None = options.REGION,
) -> dict[str, object]:
    """Record every consent of a file; if a row is refused, no consent is recorded.

    A second import of the same file changes nothing.

    Example:
        bloctel consent import sqlite:///consents.db crm.csv --column number=telephone
        --set firm="Exemple SA" --set mentions=all --time-zone Europe/Paris
    """
    fields = options.parse_pairs("--column", column).items()
    columns = {name: options.parse_column(text) for name, text in fields}
    chosen = ConsentColumns(columns, options.parse_pairs("--set", value), time_zone)
    with progress_bar("import") as progress:
        done = import_consents(
            register, source(file), chosen, region=region, progress=progress
        )
    names = ("rows", "recorded", "known already")
    return dict(zip(names, done, strict=True))


@_group.command(None, options.Number)
def withdraw(
    register: ConsentRegister,
    channel: str = options.required(
        "--channel TEXT", "The form of the withdrawal, such as: by word, by e-mail."
    ),
    at: datetime | None = options.AT,
    of: str | None = options.option(
        "--id ID",
        "The id of the consent.  By default, every consent that was recorded or given "
        "until the time of --at is withdrawn.",
    ),
    **number: Any,
) -> dict[str, object]:
    """Record the withdrawal of a consent; a person can withdraw it in any form.

    Example:
        bloctel consent withdraw sqlite:///consents.db "01 99 00 12 34"
        --channel "by word in a call"
    """
    return {"id": register.withdraw(channel=channel, at=at, of=of, **number)}


@_group.command(None, _Subject)
def contract(
    register: ConsentRegister,
    starts_on: date = options.required(
        "--starts-on YYYY-MM-DD", "The first day of the contract."
    ),
    ends_on: date | None = options.option(
        "--ends-on YYYY-MM-DD", "The first day after the contract, if the end is known."
    ),
    **given: Any,
) -> dict[str, object]:
    """Record a contract with the person, and print its id.

    Example:
        bloctel consent contract sqlite:///consents.db "01 99 00 12 34"
        --firm "Exemple SA" --subject "home insurance" --starts-on 2024-01-01
    """
    firm, subject = given["firm"], given["subject"]
    new = Contract(starts_on=starts_on, ends_on=ends_on, firm=firm, subject=subject)
    id = register.add_contract(given["number"], new, region=given["region"])
    return {"id": id}


@_group.command("end-contract", options.Number)
def end_contract(
    register: ConsentRegister,
    id: str = options.argument("ID", "The id of the contract."),
    ends_on: date = options.required(
        "--ends-on YYYY-MM-DD", "The first day after the contract."
    ),
    **number: Any,
) -> None:
    """Record the end of a contract; this end replaces an end that was recorded before.

    Example:
        bloctel consent end-contract sqlite:///consents.db "01 99 00 12 34" 2
        --ends-on 2027-01-01
    """
    register.end_contract(id=id, ends_on=ends_on, **number)


@_group.command("call-back", _Given)
def call_back(register: ConsentRegister, **given: Any) -> dict[str, object]:
    """Record that the person asked to be called back, and print the record's id.

    Example:
        bloctel consent call-back sqlite:///consents.db "01 99 00 12 34"
        --at 2026-10-02T18:12+02:00 --firm "Exemple SA" --subject "heat pump"
        --evidence form.json --where "archive, form.json"
    """
    request = CallBackRequest(
        asked_at=given["at"], firm=given["firm"], subject=given["subject"]
    )
    id = register.add_call_back(
        given["number"], request, evidence=_evidence(given), region=given["region"]
    )
    return {"id": id}


@_group.command(None, options.Number)
def show(
    register: ConsentRegister,
    known_at: datetime | None = options.option(
        "--known-at INSTANT",
        "Show only records made until this time.  By default, all records are shown.",
    ),
    **number: Any,
) -> Rows:
    """Show the records of a number, as they are now or as they were at an earlier time.

    Example:
        bloctel consent show sqlite:///consents.db "01 99 00 12 34"
        --known-at 2026-11-23T10:30+01:00
    """
    view = register if known_at is None else register.as_known_at(known_at)
    columns = ("kind", "subject", "firm", "from", "until", "withdrawn_at", "complete")
    return Rows(columns, _rows(view.of(register.key_of(**number))))


@_group.command(None, options.Number)
def proof(
    register: ConsentRegister,
    format: _ProofFormat = options.option(
        "--format", "The format: a page to print, or JSON.", _ProofFormat.TEXT
    ),
    lang: options.Language = options.language(options.Language.FR),
    output: Path | None = options.new_file(
        "--output FILE", "The file.  The default is standard output."
    ),
    **number: Any,
) -> None:
    """Write the proof for one person, with every record of the number.

    Example:
        bloctel consent proof sqlite:///consents.db "01 99 00 12 34" --output proof.txt
    """
    made = register.proof(**number)
    is_page = format is _ProofFormat.TEXT
    text = made.text(lang=lang.value) if is_page else made.json()
    if output is None:
        print_text(text)
        return
    with open_output("the proof", output) as file:
        file.write(text.encode())


@app.command()
def check(
    file: Path = options.argument("FILE", "A proof as JSON."),
    format: options.Format = options.FORMAT,
) -> None:
    """Check that the records in a proof agree with their digests; show their count.

    The command cannot detect invented records, missing records or a wrong time in
    the proof.  So compare the proof with the consent register of the firm.

    Exit code: 0 all records agree with their digests, 2 the file is not a proof, 3 a
    record or its digest was altered.

    Example:
        bloctel consent check proof.json
    """
    n_records = check_proof(read_file(file, "a proof"), str(file))
    print_record({"records": n_records}, format)


@_group.command()
def purge(
    register: ConsentRegister,
    on: date | None = options.option(
        "--on YYYY-MM-DD",
        "Erase the records whose retention period has ended by this day.  The default "
        "is today in Paris.",
        parser=options.parse_day,
    ),
) -> dict[str, object]:
    """Erase the records whose legal retention period has ended.

    Example:
        bloctel consent purge sqlite:///consents.db
    """
    return {"erased": register.purge(on=on)}


@_group.command(None, options.Number)
def forget(register: ConsentRegister, **number: Any) -> dict[str, object]:
    """Erase every record of a number, including proofs (GDPR art. 17).

    A legal duty to keep a proof has priority over the person's request (art. 17(3)(b)).
    So check first that you do not have to show the proof to anyone.

    Example:
        bloctel consent forget sqlite:///consents.db "01 99 00 12 34"
    """
    return {"erased": register.forget(**number)}


def _evidence(given: Mapping[str, Any]) -> EvidenceFile:
    """Return the digest of the file with the evidence, and the stated location."""
    digest = hashlib.sha256(read_file(given["evidence"], "a file with the evidence"))
    return EvidenceFile(digest.hexdigest(), given["where"])


def _rows(evidence: Evidence) -> list[tuple[object, ...]]:
    consent = attrgetter(
        *(
            "subject",
            "firm",
            "given_at",
            "expires_on",
            "withdrawn_at",
            "has_all_mentions",
        )
    )
    contract = attrgetter("subject", "firm", "starts_on", "ends_on")
    call_back = attrgetter("subject", "firm", "asked_at")
    return [
        *(("consent", *consent(each)) for each in evidence.consents),
        *(("contract", *contract(each), None, None) for each in evidence.contracts),
        *(("call_back", *call_back(each), *[None] * 3) for each in evidence.call_backs),
    ]
