"""`bloctel scrub`: split or annotate call files."""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bloctel.cli.io import print_record, print_rows, progress_bar, source
from bloctel.cli.options.common import (
    AgainstOption,
    Format,
    FormatOption,
    ListsOption,
    OnOption,
    RegionOption,
    argument,
    choice,
    option,
    parse_column,
)
from bloctel.errors import InputError
from bloctel.scrub import (
    CsvOptions,
    FileOptions,
    NumberFile,
    Outputs,
    ReceiptOptions,
    ReportOptions,
    scrub_file,
    scrub_files,
)
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.receipts import SigningKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.scrub import ScrubbedFile, ScrubSummary
    from bloctel.tabular.outputs import Target

__all__ = ["scrub"]


class _Written(StrEnum):
    """Outputs that --into can write for each file."""

    CLEAR = "clear"
    BLOCKED = "blocked"
    INVALID = "invalid"
    ANNOTATED = "annotated"


def _output(name: str, rows: str) -> Any:
    return option(f"{name} FILE", f"The file for {rows}; - is standard output.")


def scrub(
    files: Annotated[
        list[str],
        argument(
            "FILE",
            "A call file: CSV, also in gzip or zstd, Parquet or Excel; - is standard "
            "input.  With --into, also a folder, a pattern, or several files.",
        ),
    ],
    against: AgainstOption,
    columns: Annotated[
        list[str],
        option(
            "--column COLUMN",
            "The phone column, by name or by number from 1.  May be repeated: a row is "
            "blocked if any of its numbers is.",
        ),
    ],
    output: Annotated[str | None, _output("--output", "clear rows")] = None,
    blocked: Annotated[str | None, _output("--blocked", "blocked rows")] = None,
    invalid: Annotated[str | None, _output("--invalid", "invalid rows")] = None,
    annotated: Annotated[
        str | None, _output("--annotated", "all rows, each with its status")
    ] = None,
    into: Annotated[
        str | None,
        option(
            "--into FOLDER",
            "The folder for NAME.clear.csv, NAME.blocked.csv and NAME.invalid.csv of "
            "each NAME.csv, instead of --output, --blocked, --invalid and --annotated.",
        ),
    ] = None,
    write: Annotated[
        list[_Written] | None,
        choice(
            "--write",
            _Written,
            "An output that --into writes; may be repeated.  Clear, blocked and "
            "invalid if not given.",
        ),
    ] = None,
    on: OnOption = None,
    lists: ListsOption = None,
    region: RegionOption = None,
    against_column: Annotated[
        str | None,
        option(
            "--against-column COLUMN",
            "The column of numbers if --against is a CSV file; detected by its name or "
            "its content if not given.",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        option("--encoding NAME", "The file's encoding; detected if not given."),
    ] = None,
    delimiter: Annotated[
        str | None,
        option("--delimiter CHAR", "The field delimiter; detected if not given."),
    ] = None,
    header: Annotated[
        bool | None,
        option(
            "--header/--no-header",
            "Whether the first row contains the column names; detected if not given.",
        ),
    ] = None,
    sheet: Annotated[
        str | None,
        option(
            "--sheet NAME",
            "The sheet of a workbook; the first with the phone column if not given.",
        ),
    ] = None,
    unpack_without_limit: Annotated[
        bool,
        option(
            "--unpack-without-limit",
            "Unpack an archive to any size; only for archives that you trust.",
        ),
    ] = False,
    receipt: Annotated[
        Path | None, option("--receipt FILE", "Write a receipt of the scrub.")
    ] = None,
    journal: Annotated[
        Path | None,
        option("--journal FILE", "Append the receipt to this journal of receipts."),
    ] = None,
    sign_key: Annotated[
        Path | None,
        option(
            "--sign-key FILE",
            "The key that signs the receipt, from `bloctel receipt key`.",
        ),
    ] = None,
    report: Annotated[
        str | None,
        option(
            "--report FILE",
            "Write a report for people, as an HTML page; - is standard output.",
        ),
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Split or annotate call files by the lists, as they are on that day.

    Rows keep their order, and those of CSV files their bytes.  Every row is either
    clear, blocked or invalid; blocked and invalid rows get an added column with the
    reason.  The annotated file has all rows and two added columns: 'bloctel' is clear,
    blocked or invalid, 'bloctel_reason' is the reason; they come first in CSV, last in
    other formats.  Files appear at the end, complete, or not at all.

    'clear' means: on none of the requested lists.  It never means that the number may
    be called.

    If the numbers look like counted or random ones, warnings on standard error say so.
    They change nothing else.

    Example:
        bloctel scrub prospects.csv --against oppositions.bloctel --column telephone
        --output clear.csv --blocked blocked.csv --invalid invalid.csv
    """
    opposition = NumberFile(against, parse_column(against_column))
    shared: dict[str, Any] = {
        "columns": [parse_column(column) for column in columns],
        "on": on,
        "lists": lists,
        "region": region,
        "options": FileOptions(
            CsvOptions(encoding, _delimiter(delimiter), header),
            sheet,
            unpack_without_limit,
        ),
        "receipt": _receipt_options(receipt, journal, sign_key),
    }
    outputs = Outputs(*map(_target, (output, blocked, invalid, annotated)))
    if into is not None:
        _refuse_with_into(files, outputs, receipt=receipt, report=report)
        chosen = tuple(write or KINDS)
        with progress_bar("scrub") as progress:
            done = scrub_files(
                files,
                opposition,
                into=into,
                write=chosen,
                progress=progress,
                **shared,
            )
        _print_files(done, format)
    elif write:
        text = "--write needs --into FOLDER"
        raise InputError("--into FOLDER with --write", "no --into", message=text)
    else:
        _scrub_one(_only(files), opposition, outputs, report, format, shared)


def _scrub_one(
    file: str,
    against: NumberFile,
    outputs: Outputs,
    report: str | None,
    format: Format,
    shared: dict[str, Any],
) -> None:
    began = time.perf_counter()
    page = _target(report)
    name = "standard input" if file == "-" else file
    with progress_bar("scrub") as progress:
        summary = scrub_file(
            source(file),
            against,
            outputs=outputs,
            report=None if page is None else ReportOptions(page, file=name),
            progress=progress,
            **shared,
        )
    seconds = time.perf_counter() - began
    # standard output must contain only the rows or the report
    is_taken = sys.stdout.buffer in (page, *outputs.wanted().values())
    to = sys.stderr if is_taken else sys.stdout
    print_record(_counts(summary, seconds), format, to=to)
    _warn(summary)


def _receipt_options(
    receipt: Path | None, journal: Path | None, sign_key: Path | None
) -> ReceiptOptions | None:
    """Return the destination of the receipts; None if no receipt is requested."""
    if receipt is None and journal is None:
        if sign_key is not None:
            expected = "--receipt or --journal with --sign-key"
            text = "--sign-key needs --receipt or --journal"
            raise InputError(expected, "neither", message=text)
        return None
    key = None if sign_key is None else SigningKey.read(sign_key)
    return ReceiptOptions(receipt, journal, key)


def _refuse_with_into(
    files: Sequence[str],
    outputs: Outputs,
    *,
    receipt: Path | None,
    report: str | None,
) -> None:
    """Refuse options and files that several files cannot share."""
    if receipt is not None or report is not None:
        given = "--receipt" if receipt is not None else "--report"
        text = f"{given} is for one file; receipts of many files go to a --journal"
        raise InputError("--journal with --into", given, message=text)
    if outputs.wanted():
        names = ["output" if n == "clear" else n for n in outputs.wanted()]
        given = ", ".join(f"--{name}" for name in names)
        text = f"--into replaces {given}: give one or the other"
        raise InputError(f"--into or {given}", "both", message=text)
    if "-" in files:
        text = "--into needs files with names, not standard input"
        raise InputError("files that have names", "standard input", message=text)


def _only(files: Sequence[str]) -> str:
    """Return the only file that is given."""
    got = f"{len(files)} files" if len(files) > 1 else "a folder"
    if len(files) > 1 or os.path.isdir(files[0]):
        text = f"--into FOLDER is needed to scrub {got}"
        raise InputError("one call file", got, message=text)
    return files[0]


def _print_files(done: Sequence[ScrubbedFile], format: Format) -> None:
    """Print the counts of each file, warnings and errors; exit with 2 after errors."""
    rows = [
        (each.source, s.rows, s.clear, s.blocked, s.invalid)
        for each in done
        if (s := each.summary) is not None
    ]
    print_rows(("file", "rows", "clear", "blocked", "invalid"), rows, format)
    for each in done:
        if each.summary is not None:
            _warn(each.summary, file=each.source)
    failed = [each.error for each in done if each.error is not None]
    for error in failed:
        typer.echo(f"bloctel: {error}", err=True)
    if failed:
        raise typer.Exit(2)


def _warn(summary: ScrubSummary, *, file: Path | None = None) -> None:
    """Print the anomalies of a file to standard error."""
    where = f" - at {file}" if file else ""
    for anomaly in summary.anomalies:
        sys.stderr.write(f"bloctel: warning: {anomaly}{where}\n")


def _target(path: str | None) -> Target | None:
    return sys.stdout.buffer if path == "-" else path


def _delimiter(text: str | None) -> str | None:
    return "\t" if text in ("\\t", "tab") else text


def _counts(summary: ScrubSummary, seconds: float) -> dict[str, object]:
    return {
        "rows": summary.rows,
        "clear": summary.clear,
        "blocked": summary.blocked,
        "blocked by list": dict(summary.blocked_lists),
        "invalid": summary.invalid,
        "invalid by reason": dict(summary.invalid_reasons),
        "rows/s": round(summary.rows / seconds),
    }
