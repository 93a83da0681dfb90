"""`bloctel complaint`: keep complaints about calls, judge them, see what they show."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Optional

import typer

from bloctel._util import clock
from bloctel.cli import complaint_steps
from bloctel.cli.input import source
from bloctel.cli.io import print_record, print_rows
from bloctel.cli.options.common import AtOption, Format, FormatOption, SecretFileOption
from bloctel.cli.options.complaint import (
    AddressOption,
    CalledOption,
    CallerOption,
    ChannelOption,
    FromOption,
    IdArgument,
    OnOption,
    PurposeOption,
    SectorOption,
    ShownOption,
    SirenOption,
    TextOption,
    TimeZoneOption,
    UntilOption,
    UrlArgument,
    opened,
    standing,
    told_of,
)
from bloctel.cli.options.registry import secret_in
from bloctel.complaints import Complaints, State, read_complaint, read_file, write_file
from bloctel.rules.law import Channel

__all__ = ["app"]

app = typer.Typer(
    help="Keep complaints about calls, judge them, and see what many of them show.",
    no_args_is_help=True,
)


class _Language(StrEnum):
    FR = "fr"
    EN = "en"


class _FileFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


@app.command()
def create(url: UrlArgument, secret_file: SecretFileOption = None) -> None:
    """Make a storage for complaints where there is none.

    Example:
        bloctel complaint create sqlite:///complaints.db
    """
    Complaints.create(url, secret=secret_in(secret_file)).close()


@app.command()
def add(
    url: UrlArgument,
    called: CalledOption = "",
    on: OnOption = "",
    from_time: FromOption = "",
    until_time: UntilOption = "",
    time_zone: TimeZoneOption = "",
    shown: ShownOption = "",
    caller: CallerOption = "",
    sector: SectorOption = "",
    purpose: PurposeOption = "",
    text: TextOption = "",
    siren: SirenOption = "",
    address: AddressOption = "",
    channel: ChannelOption = Channel.VOICE,
    at: AtOption = None,
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
    with opened(url, secret_file) as complaints:
        region = complaints.region
        complaint = read_complaint(told, where="the options", region=region)
        case = complaints.add(complaint, at=at)
    print_record(standing(case), format)


@app.command("import")
def import_(
    url: UrlArgument,
    file: Annotated[str, typer.Argument(help="CSV or JSON; - is standard input.")],
    at: AtOption = None,
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
    with opened(url, secret_file) as complaints:
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
    url: UrlArgument,
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
    with opened(url, secret_file) as complaints:
        n = write_file(target, complaints.cases(), format=kind.value)
    to = sys.stderr if file == "-" else sys.stdout
    print_record({"exported": n}, format, to=to)


@app.command("list")
def list_(
    url: UrlArgument,
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
    with opened(url, secret_file) as complaints:
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
    url: UrlArgument,
    id: IdArgument,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Show all of one complaint, with the number that was called.

    Example:
        bloctel complaint show sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with opened(url, secret_file) as complaints:
        case = complaints.case(id)
    steps = {
        f"{place} {step.state.value}": f"{step.at.isoformat()} {step.detail}".rstrip()
        for place, step in enumerate(case.steps, 1)
    }
    print_record({**standing(case), **told_of(case), "steps": steps}, format)


@app.command()
def where(
    url: UrlArgument,
    id: IdArgument,
    lang: Annotated[
        _Language, typer.Option("--lang", help="The language.")
    ] = _Language.FR,
    secret_file: SecretFileOption = None,
) -> None:
    """Tell the person who complained where the complaint stands.

    Example:
        bloctel complaint where sqlite:///complaints.db BCDF-GHJK-LMNP --lang en
    """
    with opened(url, secret_file) as complaints:
        told = complaints.where(id, lang=lang.value)
    typer.echo(told)


@app.command()
def complete(
    url: UrlArgument,
    id: IdArgument,
    called: CalledOption = "",
    on: OnOption = "",
    from_time: FromOption = "",
    until_time: UntilOption = "",
    shown: ShownOption = "",
    caller: CallerOption = "",
    sector: SectorOption = "",
    at: AtOption = None,
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
    with opened(url, secret_file) as complaints:
        told = told_of(complaints.case(id))
        told |= {name: text for name, text in given.items() if text}
        region = complaints.region
        complaint = read_complaint(told, where="the options", region=region)
        case = complaints.complete(id, complaint, at=at)
    print_record(standing(case), format)


app.command("judge")(complaint_steps.judge)
app.command("forward")(complaint_steps.forward)
app.command("close")(complaint_steps.close)
app.command("erase")(complaint_steps.erase)
app.command("verify")(complaint_steps.verify)
app.command("report")(complaint_steps.report)
