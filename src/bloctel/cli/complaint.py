"""`bloctel complaint`: keep complaints about calls, judge them, see what they show."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bloctel import clock
from bloctel.cli.complaint_report import print_findings, write_page, write_picture
from bloctel.cli.input import source
from bloctel.cli.opening import secret_in
from bloctel.cli.options import Format, FormatOption, SecretFileOption
from bloctel.cli.output import print_record, print_rows
from bloctel.complaints import (
    Complaints,
    Known,
    Outcome,
    State,
    read_complaint,
    read_file,
    write_file,
    written,
)
from bloctel.errors import InputError
from bloctel.rules.law import Channel, Purpose
from bloctel.scrub import open_against

if TYPE_CHECKING:
    from pathlib import Path

    from bloctel.complaints import Case

__all__ = ["app"]

app = typer.Typer(
    help="Keep complaints about calls, judge them, and see what many of them show.",
    no_args_is_help=True,
)


def _opened(url: str, secret_file: Path | None) -> Complaints:
    """Return the complaints at *url*, to be closed by the caller."""
    return Complaints.open(url, secret=secret_in(secret_file))


class _Language(StrEnum):
    FR = "fr"
    EN = "en"


class _FileFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


def _moment(text: str) -> datetime:
    """Return the moment that an option names."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise typer.BadParameter(
            "expected a moment such as 2026-11-25T09:30+01:00, got something else"
        )
    return moment


_Url = Annotated[
    str,
    typer.Argument(metavar="URL", help="The storage, such as sqlite:///complaints.db."),
]
_Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="The complaint, such as BCDF-GHJK-LMNP."),
]
_At = Annotated[
    Optional[datetime],
    typer.Option(
        "--at",
        parser=_moment,
        metavar="MOMENT",
        help="When, such as 2026-11-25T09:30+01:00; now if not given.",
    ),
]
_Called = Annotated[str, typer.Option("--called", help="The number that was called.")]
_On = Annotated[
    str, typer.Option("--on", metavar="YYYY-MM-DD", help="The day of the call.")
]
_From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="HH:MM",
        help="The time of the call, or when its time slot begins.",
    ),
]
_Until = Annotated[
    str,
    typer.Option("--until", metavar="HH:MM", help="When its time slot ends."),
]
_TimeZone = Annotated[
    str,
    typer.Option(
        "--time-zone",
        metavar="NAME",
        help="The zone of the time, such as Indian/Reunion; Europe/Paris if not given.",
    ),
]
_Shown = Annotated[
    str, typer.Option("--shown", help="The number that the telephone showed.")
]
_Caller = Annotated[
    str, typer.Option("--caller", help="The name that the caller gave.")
]
_Sector = Annotated[
    str,
    typer.Option(
        "--sector", help="What was sold, such as insurance or energy_renovation."
    ),
]
_Purpose = Annotated[str, typer.Option("--purpose", help="What the caller wanted.")]
_Text = Annotated[str, typer.Option("--text", help="What else there is to tell.")]
_Siren = Annotated[str, typer.Option("--siren", help="The SIREN of the firm.")]
_Address = Annotated[str, typer.Option("--address", help="The address of the firm.")]
_Channel = Annotated[
    Channel, typer.Option("--channel", help="Whether it was a call, or a message.")
]


@app.command()
def create(url: _Url, secret_file: SecretFileOption = None) -> None:
    """Make a storage for complaints where there is none.

    Example:
        bloctel complaint create sqlite:///complaints.db
    """
    Complaints.create(url, secret=secret_in(secret_file)).close()


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
    purpose: _Purpose = "",
    text: _Text = "",
    siren: _Siren = "",
    address: _Address = "",
    channel: _Channel = Channel.VOICE,
    at: _At = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Keep a complaint; one that lacks a mandatory field is kept as a signal.

    Example:
        bloctel complaint add sqlite:///complaints.db --called "06 39 98 12 34"
        --on 2026-11-23 --from 10:30 --shown "01 99 00 56 78" --sector insurance
    """
    told = {
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
    with _opened(url, secret_file) as complaints:
        region = complaints.region
        complaint = read_complaint(told, where="the options", region=region)
        case = complaints.add(complaint, at=at)
    print_record(_standing(case), format)


def _standing(case: Case) -> dict[str, object]:
    """Return where a complaint stands, for who keeps it."""
    return {
        "id": case.id,
        "state": case.state.value,
        "since": case.steps[-1].at.date(),
        "detail": case.steps[-1].detail,
        "missing": case.missing,
    }


@app.command("import")
def import_(
    url: _Url,
    file: Annotated[str, typer.Argument(help="CSV or JSON; - is standard input.")],
    at: _At = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Keep every complaint of a file: all of them, or none if one is refused.

    CSV has a header with the names that `bloctel complaint export` writes; any column
    may be missing.  Importing a file again changes nothing.

    Example:
        bloctel complaint import sqlite:///complaints.db complaints.csv
    """
    moment = at or clock.moment()
    with _opened(url, secret_file) as complaints:
        cases = read_file(source(file), at=moment, region=complaints.region)
        done = complaints.take(list(cases))
    record = {
        "added": done.added,
        "of them signals": done.signals,
        "known already": done.known,
    }
    print_record(record, format)


@app.command()
def export(
    url: _Url,
    file: Annotated[str, typer.Argument(help="Where to; - is standard output.")],
    kind: Annotated[
        _FileFormat,
        typer.Option(
            "--as", help="CSV holds what people told, JSON their steps as well."
        ),
    ] = _FileFormat.JSON,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Write every complaint to a file, with the numbers that were called.

    Example:
        bloctel complaint export sqlite:///complaints.db complaints.json
    """
    target = sys.stdout.buffer if file == "-" else file
    with _opened(url, secret_file) as complaints:
        n = write_file(target, complaints.cases(), format=kind.value)
    to = sys.stderr if file == "-" else sys.stdout
    print_record({"exported": n}, format, to=to)


@app.command("list")
def list_(
    url: _Url,
    state: Annotated[
        Optional[State], typer.Option("--state", help="Those that stand there alone.")
    ] = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Show every complaint in a line, without the number that was called.

    Example:
        bloctel complaint list sqlite:///complaints.db --state received
    """
    columns = ("id", "state", "since", "called_on", "shown", "caller", "sector")
    with _opened(url, secret_file) as complaints:
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
    url: _Url,
    id: _Id,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Show all of one complaint, with the number that was called.

    Example:
        bloctel complaint show sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with _opened(url, secret_file) as complaints:
        case = complaints.case(id)
    steps = {
        f"{place} {step.state.value}": f"{step.at.isoformat()} {step.detail}".rstrip()
        for place, step in enumerate(case.steps, 1)
    }
    print_record({**_standing(case), **_told(case), "steps": steps}, format)


def _told(case: Case) -> dict[str, object]:
    return dict(written(case.complaint))


@app.command()
def where(
    url: _Url,
    id: _Id,
    lang: Annotated[
        _Language, typer.Option("--lang", help="The language.")
    ] = _Language.FR,
    secret_file: SecretFileOption = None,
) -> None:
    """Tell the person who complained where the complaint stands.

    Example:
        bloctel complaint where sqlite:///complaints.db BCDF-GHJK-LMNP --lang en
    """
    with _opened(url, secret_file) as complaints:
        told = complaints.where(id, lang=lang.value)
    typer.echo(told)


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
    at: _At = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Add what a signal lacks; what is not given stays as it is.

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
    with _opened(url, secret_file) as complaints:
        told = _told(complaints.case(id))
        told |= {name: text for name, text in given.items() if text}
        region = complaints.region
        complaint = read_complaint(told, where="the options", region=region)
        case = complaints.complete(id, complaint, at=at)
    print_record(_standing(case), format)


@app.command()
def judge(
    url: _Url,
    id: _Id,
    against: Annotated[
        Optional[str],
        typer.Option(
            "--against",
            metavar="BOOK",
            help="The registry or snapshot that knows the list of the day of the call; "
            "needed for calls until 2026-08-10.",
        ),
    ] = None,
    contract: Annotated[
        bool, typer.Option("--contract", help="The person had a contract in course.")
    ] = False,
    consent: Annotated[
        bool, typer.Option("--consent", help="The person had consented to the call.")
    ] = False,
    outside_hours: Annotated[
        Optional[bool],
        typer.Option(
            "--outside-hours/--within-hours",
            help="Whether the call came outside the hours of the law; by its time if "
            "not given.",
        ),
    ] = None,
    call_back: Annotated[
        bool,
        typer.Option("--call-back", help="The person had asked to be called back."),
    ] = False,
    professional_line: Annotated[
        bool,
        typer.Option("--professional-line", help="The line is purely professional."),
    ] = False,
    purpose: Annotated[
        Purpose, typer.Option("--purpose", help="What the call was for.")
    ] = Purpose.SALE,
    at: _At = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Judge a complaint by the law and the list of the day of the call.

    What is not known speaks for the complaint: it is for the professional to prove
    consent.  This is no legal advice.

    Example:
        bloctel complaint judge sqlite:///complaints.db BCDF-GHJK-LMNP
        --against sqlite:///oppositions.db
    """
    known = Known(
        contract=contract,
        consent=consent,
        outside_hours=outside_hours,
        call_back=call_back,
        professional_line=professional_line,
        purpose=purpose,
    )
    with _opened(url, secret_file) as complaints:
        if against is None:
            case = complaints.judge(id, known=known, at=at)
        else:
            with open_against(against) as book:
                case = complaints.judge(id, book, known=known, at=at)
    print_record(_standing(case), format)


@app.command()
def forward(
    url: _Url,
    id: _Id,
    to: Annotated[
        Optional[str],
        typer.Option("--to", help="The authority; the DGCCRF if not given."),
    ] = None,
    at: _At = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Note that an admissible complaint was sent to the authority.

    Example:
        bloctel complaint forward sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with _opened(url, secret_file) as complaints:
        case = complaints.forward(id, to=to, at=at)
    print_record(_standing(case), format)


@app.command()
def close(
    url: _Url,
    id: _Id,
    outcome: Annotated[
        Outcome, typer.Option("--outcome", help="Why nothing more happens.")
    ] = Outcome.DONE,
    at: _At = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Note that nothing more happens to a complaint.

    Example:
        bloctel complaint close sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with _opened(url, secret_file) as complaints:
        case = complaints.close_case(id, outcome, at=at)
    print_record(_standing(case), format)


@app.command()
def erase(url: _Url, id: _Id, secret_file: SecretFileOption = None) -> None:
    """Erase all that is known of a complaint, as the person asks (GDPR art. 17).

    Example:
        bloctel complaint erase sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with _opened(url, secret_file) as complaints:
        complaints.erase(id)


@app.command()
def report(
    url: _Url,
    html: Annotated[
        Optional[str],
        typer.Option(
            "--html",
            metavar="FILE",
            help="Where a page of HTML goes that can be published; - is standard "
            "output.",
        ),
    ] = None,
    plot: Annotated[
        Optional[str],
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Where a picture goes, .svg or .png: complaints over time and by "
            "sector.",
        ),
    ] = None,
    caller: Annotated[
        Optional[int],
        typer.Option(
            "--caller",
            min=1,
            metavar="N",
            help="Draw this caller of the report instead: numbers, names and firms.",
        ),
    ] = None,
    title: Annotated[
        Optional[str], typer.Option("--title", help="The title of the page.")
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Show numbers and names of callers; who publishes that answers for "
            "it.",
        ),
    ] = False,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Show what all complaints together show: leads, no proofs.

    Example:
        bloctel complaint report sqlite:///complaints.db --html report.html
        --plot report.svg
    """
    if caller is not None and plot is None:
        raise InputError("--plot with --caller", "--caller alone")
    with _opened(url, secret_file) as complaints:
        cases = list(complaints.cases())
    if plot is not None:
        write_picture(plot, cases, caller=caller, full=full)
    if html is not None:
        write_page(html, cases, title=title, full=full)
    if html != "-":
        print_findings(cases, format, full=full)
