"""`bloctel complaint`: store complaints about calls, judge them, analyse them."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bloctel._util import clock
from bloctel._util.messages import format_probability
from bloctel.cli.io import print_record, print_rows, print_text, source
from bloctel.cli.options.common import (
    AtOption,
    Format,
    FormatOption,
    KnownOption,
    Language,
    LanguageOption,
    OptionalAgainstOption,
    SecretOption,
    argument,
    choice,
    option,
    parse_known,
)
from bloctel.complaints import (
    CaseOutcome,
    CaseState,
    Complaints,
    Known,
    ReportOptions,
    find_callers,
    find_patterns,
    plot_caller,
    plot_complaints,
    read_complaint,
    read_file,
    shown_number,
    write_file,
    write_report,
    written,
)
from bloctel.errors import InputError
from bloctel.rules import complaints as forms
from bloctel.rules.law import Channel, Purpose
from bloctel.scrub import open_against

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.complaints import Case

__all__ = ["app"]

app = typer.Typer(
    help="Store complaints about calls, judge them, and analyse them together.",
    no_args_is_help=True,
)


class _FileFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


_Url = Annotated[str, argument("URL", "The storage, such as sqlite:///complaints.db.")]
_Id = Annotated[str, argument("ID", "The complaint, such as BCDF-GHJK-LMNP.")]
_Called = Annotated[str, option("--called NUMBER", "The number that was called.")]
_On = Annotated[str, option("--on YYYY-MM-DD", "The day of the call.")]
_From = Annotated[
    str, option("--from HH:MM", "The time of the call, or the start of its time slot.")
]
_Until = Annotated[str, option("--until HH:MM", "The end of the time slot.")]
_TimeZone = Annotated[
    str,
    option(
        "--time-zone NAME",
        "The time zone of the times, such as Indian/Reunion; Europe/Paris if not "
        "given.",
    ),
]
_Shown = Annotated[
    str, option("--shown NUMBER", "The presented number: what the telephone showed.")
]
_Caller = Annotated[str, option("--caller NAME", "The name that the caller gave.")]
_Sector = Annotated[
    str,
    option(
        "--sector NAME",
        "The sector of what was sold, such as insurance or energy_renovation.",
    ),
]
_Full = Annotated[
    bool,
    option(
        "--full",
        "Show the numbers and names of callers; anyone who publishes them is "
        "responsible for that.",
    ),
]


@app.command()
def create(url: _Url, secret: SecretOption = None) -> None:
    """Create an empty storage for complaints.

    Example:
        bloctel complaint create sqlite:///complaints.db
    """
    Complaints.create(url, secret=secret).close()


@app.command()
def add(
    url: _Url,
    called: _Called = "",
    on: _On = "",
    from_time: _From = "",
    until_time: _Until = "",
    time_zone: _TimeZone = "",
    shown: _Shown = "",
    caller: _Caller = "",
    sector: _Sector = "",
    purpose: Annotated[
        str, option("--purpose TEXT", "The reason for the call, as the caller gave it.")
    ] = "",
    text: Annotated[str, option("--text TEXT", "Any other information.")] = "",
    siren: Annotated[str, option("--siren SIREN", "The SIREN of the firm.")] = "",
    address: Annotated[str, option("--address TEXT", "The address of the firm.")] = "",
    channel: Annotated[
        Channel, choice("--channel", Channel, "How the person was reached.")
    ] = Channel.VOICE,
    at: AtOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Store a complaint; without all mandatory fields, it is stored as a signal.

    Example:
        bloctel complaint add sqlite:///complaints.db --called "06 39 98 12 34"
        --on 2026-11-23 --from 10:30 --shown "01 99 00 56 78" --sector insurance
    """
    given = {
        "called": called,
        "called_on": on,
        "from_time": from_time,
        "until_time": until_time,
        "time_zone": time_zone,
        "shown": shown,
        "caller": caller,
        "sector": sector,
        "purpose": purpose,
        "text": text,
        "siren": siren,
        "address": address,
        "channel": channel.value,
    }
    with Complaints.open(url, secret=secret) as complaints:
        region = complaints.region
        complaint = read_complaint(given, where="the options", region=region)
        case = complaints.add(complaint, at=at)
    print_record(_status(case), format)


@app.command("import")
def import_(
    url: _Url,
    file: Annotated[str, argument("FILE", "CSV or JSON; - is standard input.")],
    at: AtOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Store every complaint of a file; if one is refused, none is stored.

    The header of a CSV file has the names that `bloctel complaint export` writes; any
    column may be missing.  A second import of a file changes nothing.

    Example:
        bloctel complaint import sqlite:///complaints.db complaints.csv
    """
    with Complaints.open(url, secret=secret) as complaints:
        instant = at or clock.moment()
        cases = read_file(source(file), at=instant, region=complaints.region)
        done = complaints.import_cases(list(cases))
    record = {"added": done.added, "signals": done.signals, "known already": done.known}
    print_record(record, format)


@app.command()
def export(
    url: _Url,
    file: Annotated[str, argument("FILE", "The file; - is standard output.")],
    kind: Annotated[
        _FileFormat,
        choice("--as", _FileFormat, "CSV has the complaints, JSON also their steps."),
    ] = _FileFormat.JSON,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Write every complaint to a file, with the numbers that were called.

    Example:
        bloctel complaint export sqlite:///complaints.db complaints.json
    """
    target = sys.stdout.buffer if file == "-" else file
    with Complaints.open(url, secret=secret) as complaints:
        n = write_file(target, complaints.cases(), format=kind.value)
    to = sys.stderr if file == "-" else sys.stdout
    print_record({"exported": n}, format, to=to)


@app.command("list")
def list_(
    url: _Url,
    state: Annotated[
        CaseState | None, choice("--state", CaseState, "Only complaints in this state.")
    ] = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Show one line for each complaint, without the number that was called.

    Example:
        bloctel complaint list sqlite:///complaints.db --state received
    """
    columns = ("id", "state", "since", "called_on", "shown", "caller", "sector")
    with Complaints.open(url, secret=secret) as complaints:
        rows = [
            (
                case.id,
                case.state.value,
                case.steps[-1].at.date(),
                case.complaint.called_on,
                case.complaint.shown,
                case.complaint.caller,
                case.complaint.sector,
            )
            for case in complaints.cases()
            if state is None or case.state is state
        ]
    print_rows(columns, rows, format)


@app.command()
def show(
    url: _Url, id: _Id, format: FormatOption = Format.TABLE, secret: SecretOption = None
) -> None:
    """Show one complaint in full, with the number that was called.

    Example:
        bloctel complaint show sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with Complaints.open(url, secret=secret) as complaints:
        case = complaints.case(id)
    steps = {
        f"{n} {step.state.value}": f"{step.at.isoformat()} {step.detail}".rstrip()
        for n, step in enumerate(case.steps, 1)
    }
    record = {**_status(case), **written(case.complaint), "steps": steps}
    print_record(record, format)


@app.command()
def where(
    url: _Url, id: _Id, lang: LanguageOption = Language.FR, secret: SecretOption = None
) -> None:
    """Print the status of a complaint, for the person who complained.

    Example:
        bloctel complaint where sqlite:///complaints.db BCDF-GHJK-LMNP --lang en
    """
    with Complaints.open(url, secret=secret) as complaints:
        text = complaints.describe_status(id, lang=lang.value)
    print_text(f"{text}\n")


@app.command()
def complete(
    url: _Url,
    id: _Id,
    called: _Called = "",
    on: _On = "",
    from_time: _From = "",
    until_time: _Until = "",
    shown: _Shown = "",
    caller: _Caller = "",
    sector: _Sector = "",
    at: AtOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Add missing fields to a signal; fields that are not given do not change.

    Example:
        bloctel complaint complete sqlite:///complaints.db BCDF-GHJK-LMNP
        --sector insurance
    """
    given = {
        "called": called,
        "called_on": on,
        "from_time": from_time,
        "until_time": until_time,
        "shown": shown,
        "caller": caller,
        "sector": sector,
    }
    added = {name: text for name, text in given.items() if text}
    with Complaints.open(url, secret=secret) as complaints:
        fields = {**written(complaints.case(id).complaint), **added}
        region = complaints.region
        complaint = read_complaint(fields, where="the options", region=region)
        case = complaints.complete(id, complaint, at=at)
    print_record(_status(case), format)


@app.command()
def judge(
    url: _Url,
    id: _Id,
    against: OptionalAgainstOption = None,
    contract: Annotated[
        bool, option("--contract", "The person had an active contract.")
    ] = False,
    consent: Annotated[
        bool, option("--consent", "The person had consented to the call.")
    ] = False,
    outside_hours: Annotated[
        bool | None,
        option(
            "--outside-hours/--within-hours",
            "Whether the call was outside the legal hours; computed from its time if "
            "not given.",
        ),
    ] = None,
    call_back: Annotated[
        bool, option("--call-back", "The person had asked to be called back.")
    ] = False,
    professional_line: Annotated[
        bool, option("--professional-line", "The line is used only professionally.")
    ] = False,
    purpose: Annotated[
        Purpose, choice("--purpose", Purpose, "The purpose of the call.")
    ] = Purpose.SALE,
    at: AtOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Judge a complaint by the law and the list of the day of the call.

    Calls until 2026-08-10 need --against, with the list as it was on that day.  A fact
    that is not given counts in favour of the complaint: the professional has to prove
    consent.  This is not legal advice.

    Example:
        bloctel complaint judge sqlite:///complaints.db BCDF-GHJK-LMNP
        --against sqlite:///oppositions.db
    """
    facts = Known(
        contract=contract,
        consent=consent,
        outside_hours=outside_hours,
        call_back=call_back,
        professional_line=professional_line,
        purpose=purpose,
    )
    with Complaints.open(url, secret=secret) as complaints:
        if against is None:
            case = complaints.judge(id, known=facts, at=at)
        else:
            with open_against(against) as book:
                case = complaints.judge(id, book, known=facts, at=at)
    print_record(_status(case), format)


@app.command()
def forward(
    url: _Url,
    id: _Id,
    to: Annotated[
        str | None, option("--to AUTHORITY", "The authority; the DGCCRF if not given.")
    ] = None,
    at: AtOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Record that an admissible complaint was sent to the authority.

    Example:
        bloctel complaint forward sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with Complaints.open(url, secret=secret) as complaints:
        case = complaints.forward(id, to=to, at=at)
    print_record(_status(case), format)


@app.command()
def close(
    url: _Url,
    id: _Id,
    outcome: Annotated[
        CaseOutcome, choice("--outcome", CaseOutcome, "The reason to close it.")
    ] = CaseOutcome.DONE,
    at: AtOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Close a complaint: nothing more will be done about it.

    Example:
        bloctel complaint close sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with Complaints.open(url, secret=secret) as complaints:
        case = complaints.close_case(id, outcome, at=at)
    print_record(_status(case), format)


@app.command()
def erase(url: _Url, id: _Id, secret: SecretOption = None) -> None:
    """Erase a complaint, at the person's request (GDPR art. 17).

    Example:
        bloctel complaint erase sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with Complaints.open(url, secret=secret) as complaints:
        complaints.erase(id)


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
        bloctel complaint verify sqlite:///complaints.db
    """
    with Complaints.open(url, secret=secret) as complaints:
        print_record(complaints.verify(known=parse_known(known))._asdict(), format)


@app.command()
def report(
    url: _Url,
    html: Annotated[
        str | None,
        option(
            "--html FILE",
            "Write an HTML page that can be published; - is standard output.",
        ),
    ] = None,
    plot: Annotated[
        str | None,
        option(
            "--plot FILE",
            "Write a picture, .svg or .png: complaints over time and by sector.",
        ),
    ] = None,
    caller: Annotated[
        int | None,
        option(
            "--caller N",
            "Draw caller N of the report instead: its numbers, names and firms.",
            min=1,
        ),
    ] = None,
    title: Annotated[
        str | None, option("--title TEXT", "The title of the page.")
    ] = None,
    full: _Full = False,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Analyse all complaints together; the patterns are leads, not proofs.

    Example:
        bloctel complaint report sqlite:///complaints.db --html report.html
        --plot report.svg
    """
    if caller is not None and plot is None:
        text = "--caller needs --plot FILE"
        raise InputError("--plot with --caller", "--caller alone", message=text)
    with Complaints.open(url, secret=secret) as complaints:
        cases = list(complaints.cases())
    if plot is not None:
        _plot(plot, cases, caller=caller, full=full)
    if html is not None:
        _write_page(html, cases, title=title, full=full)
    if html != "-":
        _print_findings(cases, format, full=full)


def _status(case: Case) -> dict[str, object]:
    """Return the status of a complaint for the operator of the storage."""
    return {
        "id": case.id,
        "state": case.state.value,
        "since": case.steps[-1].at.date(),
        "detail": case.steps[-1].detail,
        "missing": case.missing,
    }


def _plot(file: str, cases: Sequence[Case], *, caller: int | None, full: bool) -> None:
    """Draw all complaints, or one caller."""
    if caller is None:
        plot_complaints(file, cases)
        return
    callers = [found for found in find_callers(cases) if found.numbers]
    if caller > len(callers):
        raise InputError(f"a caller from 1 to {len(callers)}", str(caller), "--caller")
    plot_caller(file, callers[caller - 1], cases, full=full)


def _write_page(
    file: str, cases: Sequence[Case], *, title: str | None, full: bool
) -> None:
    """Write the report as an HTML page."""
    options = ReportOptions(
        title=title or "", made_on=clock.today(forms.load("FR").time_zone), full=full
    )
    write_report(sys.stdout.buffer if file == "-" else file, cases, options)


def _print_findings(cases: Sequence[Case], format: Format, *, full: bool) -> None:
    """Print the patterns, with a probability in words in a table."""
    in_words = format is Format.TABLE
    columns = ("pattern", "says", "chance of being wrong", "complaints", "shown")
    rows = [
        (
            pattern.code,
            pattern.says,
            format_probability(pattern.probability)
            if in_words
            else pattern.probability,
            len(pattern.evidence) if in_words else pattern.evidence,
            tuple(shown_number(key, full=full) for key in pattern.numbers),
        )
        for pattern in find_patterns(cases)
    ]
    print_rows(columns, rows, format)
