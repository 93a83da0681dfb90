"""`bloctel complaint`: store complaints about calls, judge them, analyse them."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from bloctel._util import clock
from bloctel._util.messages import format_probability
from bloctel.cli import options
from bloctel.cli.call_options import open_hidden, open_lists
from bloctel.cli.io import Rows, print_record, print_rows, print_text, source, target
from bloctel.cli.options import Format, Language, argument, new_file, option, taking
from bloctel.cli.store_commands import RecordCommands
from bloctel.complaints import (
    Actor,
    Case,
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
from bloctel.complaints.complaint import without_called
from bloctel.errors import InputError
from bloctel.rules import complaints as forms
from bloctel.rules.law import Channel, Purpose

_URL = argument(
    "URL", "The store of complaints, such as sqlite:///complaints.db, or a registry."
)
_group = RecordCommands(
    "complaint",
    Complaints,
    _URL,
    "Store complaints about calls, judge them, and analyse them together.",
)
app = _group.app


class _FileFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


_ID = argument("ID", "The complaint, such as BCDF-GHJK-LMNP.")


_STATE = f"--state {'|'.join(CaseState)}"


class _Fields:
    """Options for the fields of a complaint that can be added later."""

    called: str = option("--called NUMBER", "The number that was called.", "")
    called_on: str = option("--on YYYY-MM-DD", "The day of the call.", "", parser=str)
    from_time: str = option(
        "--from HH:MM", "The time of the call, or the start of its time slot.", ""
    )
    until_time: str = option("--until HH:MM", "The end of the time slot.", "")
    shown: str = option(
        "--shown NUMBER", "The presented number, which the telephone showed.", ""
    )
    caller: str = option("--caller NAME", "The name that the caller gave.", "")
    sector: str = option(
        "--sector NAME",
        "The sector of the offer, such as insurance or energy_renovation.",
        "",
    )


class _OtherFields(_Fields):
    """Options for all fields of a complaint except the channel."""

    time_zone: str = option(
        "--time-zone NAME",
        "The time zone of the times, such as Indian/Reunion.  The default is "
        "Europe/Paris.",
        "",
    )
    purpose: str = option(
        "--purpose TEXT", "The reason for the call, as the caller gave it.", ""
    )
    text: str = option("--text TEXT", "A description of the call.", "")
    siren: str = option("--siren SIREN", "The SIREN of the firm.", "")
    address: str = option("--address TEXT", "The address of the firm.", "")


class _Facts:
    """Options for facts about a call that are needed to judge its complaint."""

    contract: bool = option(
        "--contract", "The person had an active contract with the firm.", False
    )
    consent: bool = option("--consent", "The person had consented to the call.", False)
    outside_hours: bool | None = option(
        "--outside-hours/--within-hours",
        "State whether the call was outside the legal hours.  By default, this is "
        "computed from the time of the call.",
    )
    call_back: bool = option(
        "--call-back", "The person had asked to be called back.", False
    )
    professional_line: bool = option(
        "--professional-line", "The line is used only professionally.", False
    )
    purpose: Purpose = option("--purpose", "The purpose of the call.", Purpose.SALE)


_FULL = option(
    "--full",
    "Show the numbers and names of callers; anyone who publishes them is "
    "responsible for the publication.",
    False,
)


@_group.command(None, _OtherFields)
def add(
    complaints: Complaints,
    channel: Channel = option(
        "--channel", "The channel by which the person was reached.", Channel.VOICE
    ),
    at: datetime | None = options.AT,
    **given: str,
) -> dict[str, object]:
    """Store a complaint; without a mandatory field, it is a signal (incomplete).

    Example:
        bloctel complaint add sqlite:///complaints.db --called "06 39 98 12 34"
        --on 2026-11-23 --from 10:30 --shown "01 99 00 56 78" --sector insurance
    """
    fields = {**given, "channel": channel.value}
    complaint = read_complaint(fields, where="the options", region=complaints.region)
    return _status(complaints.add(complaint, at=at))


@_group.command("import")
def import_(
    complaints: Complaints,
    file: str = argument("FILE", "A CSV or JSON file; - is standard input."),
    at: datetime | None = options.AT,
) -> dict[str, object]:
    """Store every complaint of a file; if a complaint is refused, none is stored.

    The header of a CSV file has the column names that `bloctel complaint export`
    writes.  A file does not need all columns.  A second import of the same file changes
    nothing.

    Example:
        bloctel complaint import sqlite:///complaints.db complaints.csv
    """
    instant = at or clock.moment()
    cases = read_file(source(file), at=instant, region=complaints.region)
    done = complaints.import_cases(list(cases))
    return {"added": done.added, "signals": done.signals, "known already": done.known}


@_group.command()
def export(
    complaints: Complaints,
    file: str = new_file("FILE", "The file; - is standard output.", ...),
    kind: _FileFormat = option(
        "--as",
        "The format: CSV contains the complaints, JSON also contains their steps.",
        _FileFormat.JSON,
    ),
    format: Format = options.FORMAT,
) -> None:
    """Write every complaint to a file, including the numbers that were called.

    Example:
        bloctel complaint export sqlite:///complaints.db complaints.json
    """
    n = write_file(target(file), complaints.cases(), format=kind.value)
    to = sys.stderr if file == "-" else sys.stdout
    print_record({"exported": n}, format, to=to)


@_group.command("list")
def list_(
    complaints: Complaints,
    state: CaseState | None = option(_STATE, "Show only complaints in this state."),
) -> Rows:
    """Show one line for each complaint, without the number that was called.

    Example:
        bloctel complaint list sqlite:///complaints.db --state received
    """
    columns = ("called_on", "shown", "caller", "sector")
    rows = [
        (
            *(case.id, case.state.value, case.day_of(case.steps[-1])),
            *(getattr(without_called(case.complaint), name) for name in columns),
        )
        for case in complaints.cases()
        if state is None or case.state is state
    ]
    return Rows(("id", "state", "since", *columns), rows)


@_group.command()
def show(complaints: Complaints, id: str = _ID) -> dict[str, object]:
    """Show one complaint in full, with the number that was called.

    Example:
        bloctel complaint show sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    case = complaints.case(id)
    steps = {
        f"{n} {step.state.value}": f"{step.at.isoformat()} {step.detail}".rstrip()
        for n, step in enumerate(case.steps, 1)
    }
    return {**_status(case), **written(case.complaint), "steps": steps}


@_group.command()
def where(
    complaints: Complaints,
    id: str = _ID,
    lang: Language = options.language(Language.FR),
) -> None:
    """Print the status of a complaint, for the person who complained.

    Example:
        bloctel complaint where sqlite:///complaints.db BCDF-GHJK-LMNP --lang en
    """
    text = complaints.describe_status(id, lang=lang.value)
    print_text(f"{text}\n")


@_group.command(None, _Fields)
def complete(
    complaints: Complaints,
    id: str = _ID,
    at: datetime | None = options.AT,
    **given: str,
) -> dict[str, object]:
    """Add missing fields to a signal (an incomplete complaint); keep its other fields.

    Example:
        bloctel complaint complete sqlite:///complaints.db BCDF-GHJK-LMNP
        --sector insurance
    """
    return _status(complaints.complete(id, given, at=at))


@app.command()
@taking(_Facts)
def judge(
    url: str = _URL,
    id: str = _ID,
    against: str | None = options.OPTIONAL_AGAINST,
    at: datetime | None = options.AT,
    format: Format = options.FORMAT,
    secret: bytes | None = options.SECRET,
    **facts: Any,
) -> None:
    """Judge a complaint by the law and the list in force on the day of the call.

    A complaint about a call on 2026-08-10 or earlier needs --against, with the list as
    it was on the day of the call.  Without options, the command assumes neither consent
    nor contract, because the firm must prove the consent.
    This is not legal advice.

    Example:
        bloctel complaint judge sqlite:///complaints.db BCDF-GHJK-LMNP
        --against sqlite:///oppositions.db
    """
    with ExitStack() as stack:
        book = None
        if against is not None:
            book = stack.enter_context(open_lists(against, secret))
        complaints = open_hidden(partial(Complaints.open, url), secret)
        case = stack.enter_context(complaints).judge(
            id, book, known=Known(**facts), at=at
        )
    print_record(_status(case), format)


@_group.command()
def forward(
    complaints: Complaints,
    id: str = _ID,
    to: str | None = option(
        "--to AUTHORITY", "The authority.  The default is the DGCCRF."
    ),
    at: datetime | None = options.AT,
) -> dict[str, object]:
    """Record that an admissible complaint was sent to the authority.

    Example:
        bloctel complaint forward sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    return _status(complaints.forward(id, to=to, at=at))


@_group.command()
def close(
    complaints: Complaints,
    id: str = _ID,
    outcome: CaseOutcome = option(
        "--outcome", "The reason to close the complaint.", CaseOutcome.DONE
    ),
    at: datetime | None = options.AT,
) -> dict[str, object]:
    """Close a complaint; after that, no further step is possible.

    Example:
        bloctel complaint close sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    return _status(complaints.close_case(id, outcome, at=at))


@_group.command()
def erase(complaints: Complaints, id: str = _ID) -> None:
    """Erase a complaint, at the person's request (GDPR art. 17).

    Example:
        bloctel complaint erase sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    complaints.erase(id)


@_group.command()
def report(
    complaints: Complaints,
    html: str | None = new_file(
        "--html FILE", "Write an HTML page that can be published; - is standard output."
    ),
    plot: str | None = new_file(
        "--plot FILE",
        "Write a picture (.svg or .png) of the complaints over time and by sector.",
    ),
    caller: int | None = option(
        "--caller N",
        "With --plot, draw the numbers, names and firms of caller N of the report.",
        min=1,
    ),
    title: str | None = option("--title TEXT", "The title of the page."),
    full: bool = _FULL,
    format: Format = options.FORMAT,
) -> None:
    """Analyse all complaints together; a pattern is a clue, not a proof.

    Example:
        bloctel complaint report sqlite:///complaints.db --html report.html
        --plot report.svg
    """
    if caller is not None and plot is None:
        raise options.usage_error("--caller needs --plot FILE")
    cases = list(complaints.cases())
    if plot is not None:
        if caller is None:
            plot_complaints(plot, cases)
        else:
            plot_caller(plot, _caller(cases, caller), cases, full=full)
    if html is not None:
        today = clock.today(forms.load("FR").time_zone)
        page = ReportOptions(title=title or "", made_on=today, full=full)
        write_report(target(html), cases, page)
    if html != "-":
        _print_findings(cases, format, full=full)


def _status(case: Case) -> dict[str, object]:
    """Return the status of a complaint as a record to print."""
    return {
        "id": case.id,
        "state": case.state.value,
        "since": case.day_of(case.steps[-1]),
        "detail": case.steps[-1].detail,
        "missing": case.missing,
    }


def _caller(cases: Sequence[Case], n: int) -> Actor:
    """Return the caller with the number *n* in the report."""
    callers = [found for found in find_callers(cases) if found.numbers]
    if n > len(callers):
        expected = f"the number of a caller in the report, from 1 to {len(callers)}"
        raise InputError(expected, str(n), "--caller")
    return callers[n - 1]


def _print_findings(cases: Sequence[Case], format: Format, *, full: bool) -> None:
    """Print the patterns; a table shows probabilities in words."""
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
