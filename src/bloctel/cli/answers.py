"""`bloctel answers`: ask a list's operator about a file, and keep what it answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from bloctel.bulk import answer_request, import_answers, write_request
from bloctel.cli.input import source
from bloctel.cli.io import print_record
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    ListsOption,
    OnOption,
    RegionOption,
    SecretFileOption,
    day,
    place,
)
from bloctel.cli.options.registry import opened
from bloctel.cli.progress import progress_bar
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.scrub import open_against

__all__ = ["app"]

app = typer.Typer(
    help="Ask a list's operator about a file, and keep what it answers.",
    no_args_is_help=True,
)

_File = Annotated[str, typer.Argument(help="A CSV file; - is standard input.")]
_Output = Annotated[
    str, typer.Option("--output", metavar="FILE", help="Where the file goes.")
]


@app.command()
def request(
    file: _File,
    column: Annotated[
        str,
        typer.Option(
            "--column",
            metavar="COLUMN",
            help="The phone column: name, or place.",
        ),
    ],
    id_column: Annotated[
        str,
        typer.Option(
            "--id-column",
            metavar="COLUMN",
            help="The column of marks by which you find rows again: name, or place.",
        ),
    ],
    output: _Output,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Write the file that goes to the operator: Telephone;Identifiant.

    Foreign numbers are on no French list, and stay out; so do cells that are no
    number.

    Example:
        bloctel answers request prospects.csv --column telephone --id-column code
        --output to-scrub.csv
    """
    with progress_bar("write") as progress:
        done = write_request(
            source(file),
            output,
            column=place(column),
            id_column=place(id_column),
            region=region or DEFAULT_REGION,
            progress=progress,
        )
    print_record(done._asdict(), format)


@app.command("import")
def import_(
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="The registry, such as sqlite:///own.db."),
    ],
    file: _File,
    on: Annotated[
        date,
        typer.Option(
            "--on", parser=day, metavar="YYYY-MM-DD", help="The day of the answers."
        ),
    ],
    list_name: Annotated[
        str,
        typer.Option("--list", metavar="NAME", help="The list that was asked."),
    ] = "fr.bloctel",
    column: Annotated[
        str,
        typer.Option("--column", metavar="COLUMN", help="The numbers: name, or place."),
    ] = "1",
    status_column: Annotated[
        str,
        typer.Option(
            "--status-column", metavar="COLUMN", help="The statuses: name, or place."
        ),
    ] = "3",
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Record a file that came back (retour_*.csv): OK is callable, all else opposed.

    From then on the registry knows that list by its answers alone.  A number that
    was never asked about, or too long ago, is not clear: nobody knows.

    Example:
        bloctel answers import sqlite:///answers.db retour_2024.csv --on 2024-05-03
    """
    with opened(url, secret_file) as registry, progress_bar("import") as progress:
        done = import_answers(
            registry,
            source(file),
            on=on,
            list=list_name,
            column=place(column),
            status_column=place(status_column),
            progress=progress,
        )
    print_record(done._asdict(), format)


@app.command()
def give(
    file: _File,
    against: Annotated[
        str,
        typer.Option(
            "--against",
            metavar="TARGET",
            help="A snapshot, a registry's URL, or a CSV file of numbers.",
        ),
    ],
    output: _Output,
    on: OnOption = None,
    lists: ListsOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Answer a file as an operator does: every row as it came, and a status.

    OK is on none of the lists asked: it never means that the law lets call.  OPPOSE
    is on one of them, or not known.  INVALIDE is no number.

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
