"""`bloctel scrub`: compare call files with lists, and split or annotate the files."""

import os
import sys
import time
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from bloctel.cli import options
from bloctel.cli.io import print_record, print_rows, progress_bar, source, target
from bloctel.scrub import (
    CsvOptions,
    FileOptions,
    NumberFile,
    Outputs,
    ReceiptOptions,
    ReportOptions,
    ScrubbedFile,
    ScrubSummary,
    scrub_file,
    scrub_files,
)
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.receipts import SigningKey


class _Written(StrEnum):
    """Output that --into can write for each file."""

    CLEAR = "clear"
    BLOCKED = "blocked"
    INVALID = "invalid"
    ANNOTATED = "annotated"


_WRITE = f"--write {'|'.join(_Written)}"


def _output(name: str, rows: str) -> Any:
    return options.new_file(
        f"{name} FILE", f"The file for {rows}; - is standard output."
    )


def scrub(
    files: list[str] = options.argument(
        "FILE",
        "A call file: CSV, compressed CSV (gzip or zstd), Parquet or Excel; - is "
        "standard input.  With --into, also a folder, a pattern, or several files.",
    ),
    against: str = options.AGAINST,
    columns: list[options.Column] = options.required(
        "--column COLUMN",
        "The phone column, by name or by number from 1.  This option may be repeated: "
        "a row is blocked if any of its numbers is blocked.",
    ),
    output: str | None = _output("--output", "clear rows"),
    blocked: str | None = _output("--blocked", "blocked rows"),
    invalid: str | None = _output("--invalid", "invalid rows"),
    annotated: str | None = _output("--annotated", "all rows, each with its status"),
    into: str | None = options.option(
        "--into FOLDER",
        "The folder for the outputs NAME.clear.csv, NAME.blocked.csv and "
        "NAME.invalid.csv of each file NAME.csv.  It replaces --output, --blocked, "
        "--invalid and --annotated.",
    ),
    write: list[_Written] | None = options.option(
        _WRITE,
        "An output that --into writes; may be repeated.  By default, the outputs are "
        "clear, blocked and invalid.",
    ),
    on: date | None = options.ON,
    lists: list[str] | None = options.LISTS,
    region: str | None = options.REGION,
    against_columns: list[options.Column] | None = options.AGAINST_COLUMNS,
    encoding: str | None = options.option(
        "--encoding NAME", "The encoding of the file.  By default, it is detected."
    ),
    delimiter: str | None = options.option(
        "--delimiter CHAR", "The field delimiter.  By default, it is detected."
    ),
    header: bool | None = options.option(
        "--header/--no-header",
        "State whether the first row contains the column names.  By default, this is "
        "detected.",
    ),
    sheet: str | None = options.option(
        "--sheet NAME",
        "The sheet of a workbook.  The default is the first sheet with the phone "
        "column.",
    ),
    unpack_without_limit: bool = options.option(
        "--unpack-without-limit",
        "Unpack an archive to any size; only for archives that you trust.",
        False,
    ),
    receipt: Path | None = options.new_file(
        "--receipt FILE", "Write a receipt of the scrub."
    ),
    journal: Path | None = options.option(
        "--journal FILE", "Append the receipt to this journal of receipts."
    ),
    sign_key: Path | None = options.option(
        "--sign-key FILE", "The key that signs the receipt, from `bloctel receipt key`."
    ),
    report: str | None = options.new_file(
        "--report FILE",
        "Write a report for people, as an HTML page; - is standard output.",
    ),
    secret: bytes | None = options.SECRET,
    format: options.Format = options.FORMAT,
) -> None:
    """Compare call files with the lists on one day; split or annotate the files.

    Every row gets a status: clear, blocked or invalid.  Rows keep their order, and CSV
    rows keep their original bytes.  In the files of blocked and of invalid rows, an
    added column contains the reason.  The annotated file has all rows and two added
    columns: 'bloctel' with the status, and 'bloctel_reason' with the reason.  Added
    columns are the first columns in CSV, and the last columns in other formats.  The
    output files appear only at the end, when they are complete.

    'clear' means that the number is on none of the requested lists.  The status 'clear'
    never means that the law permits a call.

    If the numbers look as if a program had generated them, the command writes warnings
    to standard error.  Warnings do not change the result.

    Example:
        bloctel scrub prospects.csv --against oppositions.bloctel --column telephone
        --output clear.csv --blocked blocked.csv --invalid invalid.csv
    """
    opposition = NumberFile(against, against_columns or None, secret)
    if delimiter in ("\\t", "tab"):
        delimiter = "\t"
    csv = CsvOptions(encoding, delimiter, header)
    shared: dict[str, Any] = {
        "columns": columns,
        "on": on,
        "lists": lists,
        "region": region,
        "options": FileOptions(csv, sheet, unpack_without_limit),
        "receipt": _receipt_options(receipt, journal, sign_key),
    }
    outputs = Outputs(*map(target, (output, blocked, invalid, annotated)))
    if into is not None:
        _refuse_with_into(files, outputs, receipt=receipt, report=report)
        chosen = tuple(write or KINDS)
        with progress_bar("scrub") as progress:
            done = scrub_files(
                files, opposition, into=into, write=chosen, progress=progress, **shared
            )
        _print_files(done, format)
    elif write:
        raise options.usage_error("--write needs --into FOLDER")
    else:
        _scrub_one(_only(files), opposition, outputs, report, format, shared)


def _scrub_one(
    file: str,
    against: NumberFile,
    outputs: Outputs,
    report: str | None,
    format: options.Format,
    shared: dict[str, Any],
) -> None:
    began = time.perf_counter()
    page = target(report)
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
    # if rows or the report go to standard output, the counts go to standard error
    is_taken = sys.stdout.buffer in (page, *outputs.wanted().values())
    to = sys.stderr if is_taken else sys.stdout
    print_record(_counts(summary, seconds), format, to=to)
    _warn(summary)


def _receipt_options(
    receipt: Path | None, journal: Path | None, sign_key: Path | None
) -> ReceiptOptions | None:
    if receipt is None and journal is None:
        if sign_key is not None:
            raise options.usage_error("--sign-key needs --receipt or --journal")
        return None
    key = None if sign_key is None else SigningKey.read(sign_key)
    return ReceiptOptions(receipt, journal, key)


def _refuse_with_into(
    files: Sequence[str], outputs: Outputs, *, receipt: Path | None, report: str | None
) -> None:
    if receipt is not None or report is not None:
        given = "--receipt" if receipt is not None else "--report"
        text = f"{given} cannot be used with --into; --journal stores all receipts"
        raise options.usage_error(text)
    if outputs.wanted():
        names = ["output" if n == "clear" else n for n in outputs.wanted()]
        given = ", ".join(f"--{name}" for name in names)
        raise options.usage_error(f"--into replaces {given}: do not give both")
    if "-" in files:
        raise options.usage_error("--into needs files, not standard input")


def _only(files: Sequence[str]) -> str:
    """Return the only file; raise InputError for several files or a folder."""
    got = f"{len(files)} files" if len(files) > 1 else "a folder"
    if len(files) > 1 or os.path.isdir(files[0]):
        raise options.usage_error(f"--into FOLDER is needed to scrub {got}")
    return files[0]


def _print_files(done: Sequence[ScrubbedFile], format: options.Format) -> None:
    """Print the counts of each file, warnings and errors; exit with 2 after errors."""
    counts = ("rows", "clear", "blocked", "invalid")
    rows = [
        (each.source, *(getattr(each.summary, name, None) for name in counts), reason)
        for each in done
        if (reason := each.left_out or "") or each.summary is not None
    ]
    print_rows(("file", *counts, "left out"), rows, format)
    for each in done:
        if each.summary is not None:
            _warn(each.summary, file=each.source)
        elif each.left_out is not None:
            typer.echo(
                f"bloctel: warning: the file was not checked and is in no output: "
                f"{each.left_out} - at {each.source}",
                err=True,
            )
    failed = [each.error for each in done if each.error is not None]
    for error in failed:
        typer.echo(f"bloctel: {error}", err=True)
    if failed:
        raise typer.Exit(2)


def _warn(summary: ScrubSummary, *, file: Path | None = None) -> None:
    """Print warnings about sheets that were not scrubbed, and about anomalies."""
    where = f" - at {file}" if file else ""
    left_out = [
        f"the sheet {name!r}{kind and f' ({kind})'} was not checked, and no output "
        "contains it"
        for name, kind in summary.other_sheets.items()
    ]
    for warning in (*left_out, *summary.anomalies):
        sys.stderr.write(f"bloctel: warning: {warning}{where}\n")


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
