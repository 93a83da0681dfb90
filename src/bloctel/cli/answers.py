"""`bloctel answers`: exchange of files with a list's operator."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from bloctel.bulk import answer_request, import_answers, write_request
from bloctel.cli.io import print_record, progress_bar, source
from bloctel.cli.options.common import (
    AgainstOption,
    CsvArgument,
    Format,
    FormatOption,
    ListsOption,
    OnOption,
    RegionOption,
    RegistryArgument,
    SecretOption,
    day_option,
    option,
    parse_column,
)
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.registry.registry import Registry
from bloctel.scrub import open_against

__all__ = ["app"]

app = typer.Typer(
    help="Write a file for a list's operator, and import the operator's answers.",
    no_args_is_help=True,
)

_Output = Annotated[str, option("--output FILE", "The file to write.")]


@app.command()
def request(
    file: CsvArgument,
    column: Annotated[
        str, option("--column COLUMN", "The phone column, by name or number.")
    ],
    id_column: Annotated[
        str,
        option(
            "--id-column COLUMN",
            "The column that identifies your rows, by name or number.",
        ),
    ],
    output: _Output,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Write the file that is sent to the operator: Telephone;Identifiant.

    Foreign numbers are not written, as they are on no French list.  Cells that are not
    phone numbers are not written either.

    Example:
        bloctel answers request prospects.csv --column telephone --id-column code
        --output to-scrub.csv
    """
    with progress_bar("write") as progress:
        done = write_request(
            source(file),
            output,
            column=parse_column(column),
            id_column=parse_column(id_column),
            region=region or DEFAULT_REGION,
            progress=progress,
        )
    print_record(done._asdict(), format)


@app.command("import")
def import_(
    url: RegistryArgument,
    file: CsvArgument,
    on: Annotated[date, day_option("--on", "The day of the answers.")],
    list_name: Annotated[
        str, option("--list NAME", "The list that the answers are about.")
    ] = "fr.bloctel",
    column: Annotated[
        str, option("--column COLUMN", "The column of numbers, by name or number.")
    ] = "1",
    status_column: Annotated[
        str,
        option("--status-column COLUMN", "The column of statuses, by name or number."),
    ] = "3",
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Record an operator's answers (retour_*.csv): OK is clear, the rest is opposed.

    After that, the registry knows the list by its answers alone.  A number without an
    answer, or with an answer that is too old, is not clear but unknown.

    Example:
        bloctel answers import sqlite:///answers.db retour_2024.csv --on 2024-05-03
    """
    with (
        Registry.open(url, secret=secret) as registry,
        progress_bar("import") as progress,
    ):
        done = import_answers(
            registry,
            source(file),
            on=on,
            list=list_name,
            column=parse_column(column),
            status_column=parse_column(status_column),
            progress=progress,
        )
    print_record(done._asdict(), format)


@app.command()
def give(
    file: CsvArgument,
    against: AgainstOption,
    output: _Output,
    on: OnOption = None,
    lists: ListsOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Answer a file as an operator does: every row unchanged, with a status.

    OK is on none of the requested lists, which does not mean that the law permits a
    call.  OPPOSE is on one of them, or unknown.  INVALIDE is not a phone number.

    Example:
        bloctel answers give to-scrub.csv --against oppositions.bloctel
        --output retour_2026.csv
    """
    with (
        open_against(against, region=region) as book,
        progress_bar("answer") as progress,
    ):
        question = book.question(on=on, lists=lists, region=region)
        counts = answer_request(source(file), question, output, progress=progress)
    print_record(counts, format)
