"""`bloctel scrub`: call files in; clear, blocked and invalid rows out."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bloctel.cli.input import source
from bloctel.cli.options import (
    Format,
    FormatOption,
    ListsOption,
    OnOption,
    RegionOption,
    place,
)
from bloctel.cli.output import print_record, print_rows
from bloctel.cli.progress import progress_bar
from bloctel.errors import InputError
from bloctel.scrub import (
    CsvOptions,
    FileOptions,
    Outputs,
    open_against,
    plan_files,
    refuse_overwriting,
    scrub_file,
    scrub_files,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.scrub import ScrubbedFile, ScrubSummary
    from bloctel.scrub.outputs import Target

__all__ = ["scrub"]


def _output(what: str, option: str) -> object:
    return typer.Option(
        option, metavar="FILE", help=f"Where {what} go; - is standard output."
    )


def scrub(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="A call file: CSV, also in gzip or zstd, Parquet or Excel; - is "
            "standard input.  With --into also a folder, a pattern, or several.",
        ),
    ],
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
    into: Annotated[
        Optional[str],
        typer.Option(
            "--into",
            metavar="FOLDER",
            help="Where NAME.clear.csv, NAME.blocked.csv and NAME.invalid.csv of each "
            "NAME.csv go, instead of --output, --blocked and --invalid.",
        ),
    ] = None,
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
    sheet: Annotated[
        Optional[str],
        typer.Option(
            "--sheet",
            metavar="NAME",
            help="The sheet of a workbook; the first with the phone column if not "
            "given.",
        ),
    ] = None,
    unpack_without_limit: Annotated[
        bool,
        typer.Option(
            "--unpack-without-limit",
            help="Unpack archives that you trust to whatever size.",
        ),
    ] = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Split call files by what the lists say of their numbers on that day.

    Rows go out as they came in, of CSV byte for byte, in order.  Every row lands in
    exactly one of clear, blocked and invalid; blocked and invalid rows say why in one
    added column.  Files appear at the end, whole, or not at all.

    'clear' means: on none of the lists asked.  It never means that the number may be
    called.

    Example:
        bloctel scrub prospects.csv --against oppositions.bloctel --column telephone
        --output clear.csv --blocked blocked.csv --invalid invalid.csv
    """
    began = time.perf_counter()
    outputs = Outputs(_stream(output), _stream(blocked), _stream(invalid))
    csv = CsvOptions(encoding, _mark(delimiter), header)
    options = FileOptions(csv, sheet, unpack_without_limit)
    jobs = [outputs] if into is None else _planned(files, into, outputs)
    for job in jobs:
        refuse_overwriting(job, against)
    places = [place(column) for column in columns]
    with open_against(against, column=place(against_column), region=region) as book:
        question = book.question(on=on, lists=lists, region=region)
        with progress_bar("scrub") as progress:
            if into is not None:
                done = scrub_files(
                    files,
                    question,
                    columns=places,
                    into=into,
                    options=options,
                    progress=progress,
                )
            else:
                summary = scrub_file(
                    source(_only(files)),
                    question,
                    columns=places,
                    outputs=outputs,
                    options=options,
                    progress=progress,
                )
    if into is not None:
        _tell(done, format)
        return
    seconds = time.perf_counter() - began
    # the rows may be on standard output: then the summary goes beside it
    to = sys.stderr if "-" in (output, blocked, invalid) else sys.stdout
    print_record(_record(summary, seconds), format, to=to)


def _only(files: Sequence[str]) -> str:
    """Return the only file that is given."""
    what = "several files" if len(files) > 1 else "a folder"
    if len(files) > 1 or os.path.isdir(files[0]):
        raise InputError(f"--into FOLDER for the results of {what}", "none")
    return files[0]


def _planned(files: Sequence[str], into: str, outputs: Outputs) -> list[Outputs]:
    """Return where the rows of each of many files go."""
    if outputs.wanted():
        raise InputError("--into, or --output, --blocked and --invalid", "both")
    if "-" in files:
        raise InputError("files that have names", "standard input", "--into")
    return [outputs for _, outputs in plan_files(files, into)]


def _tell(done: Sequence[ScrubbedFile], format: Format) -> None:
    """Print what became of each of many files; exit with 2 if any failed."""
    rows = [
        (each.source, s.rows, s.clear, s.blocked, s.invalid)
        for each in done
        if (s := each.summary) is not None
    ]
    print_rows(("file", "rows", "clear", "blocked", "invalid"), rows, format)
    failed = [each.error for each in done if each.error is not None]
    for error in failed:
        typer.echo(f"bloctel: {error}", err=True)
    if failed:
        raise typer.Exit(2)


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
