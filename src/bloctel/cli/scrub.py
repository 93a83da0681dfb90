"""`bloctel scrub`: call files in; clear, blocked and invalid rows out."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Optional, cast

import typer

from bloctel.cli.input import source
from bloctel.cli.io import print_record, print_rows
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    ListsOption,
    OnOption,
    RegionOption,
    place,
)
from bloctel.cli.options.receipt import (
    JournalOption,
    ReceiptOption,
    SignKeyOption,
    receipt_maker,
)
from bloctel.cli.progress import progress_bar
from bloctel.cli.scrub_report import report_on, warn_of
from bloctel.errors import InputError
from bloctel.scrub import (
    CsvOptions,
    FileOptions,
    Outputs,
    open_against,
    plan_files,
    refuse_overwriting,
    require_place,
    scrub_file,
    scrub_files,
)
from bloctel.scrub.classifier import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from bloctel.lookup.question import Question
    from bloctel.scrub import ScrubbedFile, ScrubSummary
    from bloctel.scrub.receipts import ReceiptMaker
    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.outputs import Target

__all__ = ["scrub"]


class _Written(StrEnum):
    """What can be written of each of many files."""

    CLEAR = "clear"
    BLOCKED = "blocked"
    INVALID = "invalid"
    ANNOTATED = "annotated"


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
            help="The phone column: its name, or its number from 1.  May be repeated: "
            "a row is blocked if any of its numbers is.",
        ),
    ],
    output: Annotated[Optional[str], _output("clear rows", "--output")] = None,
    blocked: Annotated[Optional[str], _output("blocked rows", "--blocked")] = None,
    invalid: Annotated[Optional[str], _output("invalid rows", "--invalid")] = None,
    annotated: Annotated[
        Optional[str], _output("all rows, each with its answer,", "--annotated")
    ] = None,
    into: Annotated[
        Optional[str],
        typer.Option(
            "--into",
            metavar="FOLDER",
            help="Where NAME.clear.csv, NAME.blocked.csv and NAME.invalid.csv of each "
            "NAME.csv go, instead of --output, --blocked, --invalid and --annotated.",
        ),
    ] = None,
    write: Annotated[
        Optional[list[_Written]],
        typer.Option(
            "--write",
            help="Which files --into gets: clear, blocked and invalid if not given.  "
            "May be repeated.",
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
    """Split or annotate call files by what the lists say of their numbers on that day.

    Rows go out as they came in, of CSV byte for byte, in order.  Every row lands in
    exactly one of clear, blocked and invalid; blocked and invalid rows say why in one
    added column.  The annotated file has all rows and two added columns: 'bloctel' says
    clear, blocked or invalid, 'bloctel_reason' why; they come first in CSV, last in
    other files.  Files appear at the end, whole, or not at all.

    'clear' means: on none of the lists asked.  It never means that the number may be
    called.

    If the numbers look as if a machine had counted or drawn them, warnings say so on
    standard error.  They change nothing else.

    Example:
        bloctel scrub prospects.csv --against oppositions.bloctel --column telephone
        --output clear.csv --blocked blocked.csv --invalid invalid.csv
    """
    wanted = _Wanted(
        columns=columns,
        options=FileOptions(
            CsvOptions(encoding, _mark(delimiter), header), sheet, unpack_without_limit
        ),
        against=against,
        against_column=against_column,
        on=on,
        lists=lists,
        region=region,
        keeping=(receipt, journal, sign_key),
        report=report,
        format=format,
    )
    outputs = Outputs(*map(_stream, (output, blocked, invalid, annotated)))
    if into is not None:
        _scrub_many(files, into, outputs, tuple(write or KINDS), wanted)
    elif write:
        raise InputError("--into FOLDER with --write", "none")
    else:
        _scrub_one(_only(files), outputs, wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is asked of one file as of many."""

    columns: list[str]
    options: FileOptions
    against: str
    against_column: str | None
    on: date | None
    lists: list[str] | None
    region: str | None
    keeping: tuple[Path | None, Path | None, Path | None]
    report: str | None
    format: Format

    @property
    def places(self) -> list[str | int]:
        """The phone columns."""
        return [place(column) for column in self.columns]

    @contextmanager
    def question(self) -> Iterator[Question]:
        """Open what is scrubbed against, and give the question to it."""
        with open_against(
            self.against, column=place(self.against_column), region=self.region
        ) as book:
            yield book.question(on=self.on, lists=self.lists, region=self.region)

    def receipt_maker(self, source: Source, outputs: Outputs) -> ReceiptMaker | None:
        """Return what makes the receipt, if one is asked for."""
        receipt, journal, sign_key = self.keeping
        return receipt_maker(
            *(source, outputs),
            against=self.against,
            receipt=receipt,
            journal=journal,
            sign_key=sign_key,
        )


def _scrub_one(file: str, outputs: Outputs, wanted: _Wanted) -> None:
    began = time.perf_counter()
    refuse_overwriting(outputs, wanted.against)
    calls, page = source(file), _stream(wanted.report)
    if page is not None:
        require_place(page, source=calls, outputs=outputs, against=wanted.against)
    maker = wanted.receipt_maker(calls, outputs)
    with wanted.question() as question:
        with progress_bar("scrub") as progress:
            summary = scrub_file(
                maker.source if maker else calls,
                question,
                columns=wanted.places,
                outputs=maker.outputs if maker else outputs,
                options=wanted.options,
                progress=progress,
            )
        made = maker.make(summary, question, columns=wanted.places) if maker else None
    seconds = time.perf_counter() - began
    if page is not None:
        report_on(
            *(summary, page),
            file=file,
            columns=wanted.columns,
            against=wanted.against,
            asked=question,
            receipt=made,
        )
    # what is on standard output may not be mixed: then the summary goes beside it
    is_taken = sys.stdout.buffer in (page, *outputs.wanted().values())
    to = sys.stderr if is_taken else sys.stdout
    print_record(_record(summary, seconds), wanted.format, to=to)
    warn_of(summary)


def _scrub_many(
    files: Sequence[str],
    into: str,
    outputs: Outputs,
    write: Sequence[str],
    wanted: _Wanted,
) -> None:
    receipt, journal, sign_key = wanted.keeping
    if receipt is not None or wanted.report is not None:
        raise InputError(
            "--journal for the receipts of many files", "another", "--into"
        )
    if sign_key is not None and journal is None:
        raise InputError("--journal with --sign-key", "none")
    for job in _planned(files, into, outputs, write):
        refuse_overwriting(job, wanted.against)

    def watch(source: Path, outputs: Outputs) -> ReceiptMaker:
        return cast("ReceiptMaker", wanted.receipt_maker(source, outputs))

    with wanted.question() as question, progress_bar("scrub") as progress:
        done = scrub_files(
            files,
            question,
            columns=wanted.places,
            into=into,
            write=write,
            options=wanted.options,
            progress=progress,
            watch=watch if journal else None,
        )
    _tell(done, wanted.format)


def _only(files: Sequence[str]) -> str:
    """Return the only file that is given."""
    what = "several files" if len(files) > 1 else "a folder"
    if len(files) > 1 or os.path.isdir(files[0]):
        raise InputError(f"--into FOLDER for the results of {what}", "none")
    return files[0]


def _planned(
    files: Sequence[str], into: str, outputs: Outputs, write: Sequence[str]
) -> list[Outputs]:
    """Return where the rows of each of many files go."""
    if outputs.wanted():
        expected = "--into, or --output, --blocked, --invalid and --annotated"
        raise InputError(expected, "both")
    if "-" in files:
        raise InputError("files that have names", "standard input", "--into")
    return [outputs for _, outputs in plan_files(files, into, write)]


def _tell(done: Sequence[ScrubbedFile], format: Format) -> None:
    """Print what became of each of many files; exit with 2 if any failed."""
    rows = [
        (each.source, s.rows, s.clear, s.blocked, s.invalid)
        for each in done
        if (s := each.summary) is not None
    ]
    print_rows(("file", "rows", "clear", "blocked", "invalid"), rows, format)
    for each in done:
        if each.summary is not None:
            warn_of(each.summary, of=each.source)
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
