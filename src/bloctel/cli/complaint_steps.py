"""What becomes of complaints: `judge`, `forward`, `close`, `erase`, `report`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from bloctel.cli.complaint_report import print_findings, write_page, write_picture
from bloctel.cli.io import print_record
from bloctel.cli.options.common import (
    AtOption,
    Format,
    FormatOption,
    KnownOption,
    SecretFileOption,
    known,
)
from bloctel.cli.options.complaint import IdArgument, UrlArgument, opened, standing
from bloctel.complaints import Known, Outcome
from bloctel.errors import InputError
from bloctel.rules.law import Purpose
from bloctel.scrub import open_against

__all__ = ["close", "erase", "forward", "judge", "report", "verify"]


def judge(
    url: UrlArgument,
    id: IdArgument,
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
    at: AtOption = None,
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
    facts = Known(
        contract=contract,
        consent=consent,
        outside_hours=outside_hours,
        call_back=call_back,
        professional_line=professional_line,
        purpose=purpose,
    )
    with opened(url, secret_file) as complaints:
        if against is None:
            case = complaints.judge(id, known=facts, at=at)
        else:
            with open_against(against) as book:
                case = complaints.judge(id, book, known=facts, at=at)
    print_record(standing(case), format)


def forward(
    url: UrlArgument,
    id: IdArgument,
    to: Annotated[
        Optional[str],
        typer.Option("--to", help="The authority; the DGCCRF if not given."),
    ] = None,
    at: AtOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Note that an admissible complaint was sent to the authority.

    Example:
        bloctel complaint forward sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with opened(url, secret_file) as complaints:
        case = complaints.forward(id, to=to, at=at)
    print_record(standing(case), format)


def close(
    url: UrlArgument,
    id: IdArgument,
    outcome: Annotated[
        Outcome, typer.Option("--outcome", help="Why nothing more happens.")
    ] = Outcome.DONE,
    at: AtOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Note that nothing more happens to a complaint.

    Example:
        bloctel complaint close sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with opened(url, secret_file) as complaints:
        case = complaints.close_case(id, outcome, at=at)
    print_record(standing(case), format)


def erase(
    url: UrlArgument, id: IdArgument, secret_file: SecretFileOption = None
) -> None:
    """Erase all that is known of a complaint, as the person asks (GDPR art. 17).

    Example:
        bloctel complaint erase sqlite:///complaints.db BCDF-GHJK-LMNP
    """
    with opened(url, secret_file) as complaints:
        complaints.erase(id)


def verify(
    url: UrlArgument,
    noted: KnownOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Check that no record was altered, dropped or moved; print place and digest.

    Exit code: 0 as it was written, 3 not.

    Example:
        bloctel complaint verify sqlite:///complaints.db
    """
    with opened(url, secret_file) as complaints:
        print_record(complaints.verify(known=known(noted))._asdict(), format)


def report(
    url: UrlArgument,
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
    with opened(url, secret_file) as complaints:
        cases = list(complaints.cases())
    if plot is not None:
        write_picture(plot, cases, caller=caller, full=full)
    if html is not None:
        write_page(html, cases, title=title, full=full)
    if html != "-":
        print_findings(cases, format, full=full)
