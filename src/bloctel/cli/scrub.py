"""`bloctel scrub`: a call file in; clear, blocked and invalid rows out."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bloctel.cli.input import source
from bloctel.cli.keeping import (
    JournalOption,
    ReceiptOption,
    SignKeyOption,
    receipt_maker,
)
from bloctel.cli.options import (
    Format,
    FormatOption,
    ListsOption,
    OnOption,
    RegionOption,
    place,
)
from bloctel.cli.output import print_record
from bloctel.cli.progress import progress_bar
from bloctel.cli.scrub_report import report_on, warn_of
from bloctel.scrub import (
    CsvOptions,
    Outputs,
    open_against,
    refuse_overwriting,
    require_place,
    scrub_csv,
)

if TYPE_CHECKING:
    from bloctel.scrub import ScrubSummary
    from bloctel.scrub.outputs import Target

__all__ = ["scrub"]


def _output(what: str, option: str) -> object:
    return typer.Option(
        option, metavar="FILE", help=f"Where {what} go; - is standard output."
    )


def scrub(
    file: Annotated[str, typer.Argument(help="A CSV file; - is standard input.")],
    against: Annotated[
        str,
        typer.Option(
            "--against",
            metavar="TARGET",
            help="A snapshot, a registry's URL, or a CSV file of numbers.",
        ),
    ],
    columns: Annotated[
        list[str],
        typer.Option(
            "--column",
            metavar="COLUMN",
            help="The phone column: its name, or its place from 1.  May be repeated: "
            "a row is blocked if any of its numbers is.",
        ),
    ],
    output: Annotated[Optional[str], _output("clear rows", "--output")] = None,
    blocked: Annotated[Optional[str], _output("blocked rows", "--blocked")] = None,
    invalid: Annotated[Optional[str], _output("invalid rows", "--invalid")] = None,
    on: OnOption = None,
    lists: ListsOption = None,
    region: RegionOption = None,
    against_column: Annotated[
        Optional[str],
        typer.Option(
            "--against-column",
            metavar="COLUMN",
            help="The column of numbers of a CSV file after --against; found by its "
            "name or its content if not given.",
        ),
    ] = None,
    encoding: Annotated[
        Optional[str],
        typer.Option("--encoding", help="The file's encoding; detected if not given."),
    ] = None,
    delimiter: Annotated[
        Optional[str],
        typer.Option("--delimiter", help="Between two fields; detected if not given."),
    ] = None,
    header: Annotated[
        Optional[bool],
        typer.Option(
            "--header/--no-header",
            help="Whether the first row names the columns; detected if not given.",
        ),
    ] = None,
    receipt: ReceiptOption = None,
    journal: JournalOption = None,
    sign_key: SignKeyOption = None,
    report: Annotated[
        Optional[str],
        typer.Option(
            "--report",
            metavar="FILE",
            help="Where a report for people goes, one page of HTML; - is standard "
            "output.",
        ),
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Split a CSV file by what the lists say of its numbers on that day.

    Rows go out byte for byte as they came in, in order.  Every row lands in exactly
    one of clear, blocked and invalid; blocked and invalid rows say why in one added
    column.  Files appear at the end, whole, or not at all.

    'clear' means: on none of the lists asked.  It never means that the number may be
    called.

    If the numbers look as if a machine had counted or drawn them, warnings say so on
    standard error.  They change nothing else.

    Example:
        bloctel scrub prospects.csv --against oppositions.bloctel --column telephone
        --output clear.csv --blocked blocked.csv --invalid invalid.csv
    """
    began = time.perf_counter()
    outputs = Outputs(_stream(output), _stream(blocked), _stream(invalid))
    refuse_overwriting(outputs, against)
    calls, chosen = source(file), [place(column) for column in columns]
    page = _stream(report)
    if page is not None:
        require_place(page, source=calls, outputs=outputs, against=against)
    maker = receipt_maker(
        *(calls, outputs),
        against=against,
        receipt=receipt,
        journal=journal,
        sign_key=sign_key,
    )
    with open_against(against, column=place(against_column), region=region) as book:
        question = book.question(on=on, lists=lists, region=region)
        with progress_bar("scrub") as progress:
            summary = scrub_csv(
                maker.source if maker else calls,
                question,
                columns=chosen,
                outputs=maker.outputs if maker else outputs,
                options=CsvOptions(encoding, _mark(delimiter), header),
                progress=progress,
            )
        made = maker.make(summary, question, columns=chosen) if maker else None
    seconds = time.perf_counter() - began
    if page is not None:
        report_on(
            *(summary, page),
            file=file,
            columns=columns,
            against=against,
            asked=question,
            receipt=made,
        )
    # the rows may be on standard output: then the summary goes beside it
    taken = "-" in (output, blocked, invalid, report)
    print_record(
        _record(summary, seconds), format, to=sys.stderr if taken else sys.stdout
    )
    warn_of(summary)


def _stream(path: str | None) -> Target | None:
    return sys.stdout.buffer if path == "-" else path


def _mark(delimiter: str | None) -> str | None:
    return "\t" if delimiter in ("\\t", "tab") else delimiter


def _record(summary: ScrubSummary, seconds: float) -> dict[str, object]:
    return {
        "rows": summary.rows,
        "clear": summary.clear,
        "blocked": summary.blocked,
        "blocked by list": dict(summary.blocked_lists),
        "invalid": summary.invalid,
        "invalid by reason": dict(summary.invalid_reasons),
        "rows/s": round(summary.rows / seconds),
    }
