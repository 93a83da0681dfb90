"""`bloctel answers`: files for the operator of a list, and files with its answers."""

from datetime import date

from bloctel.bulk import answer_request, import_answers, write_request
from bloctel.cli import options
from bloctel.cli.io import print_record, progress_bar, source
from bloctel.cli.options import Column, Format, new_file, option, required
from bloctel.cli.store_commands import StoreCommands
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.registry.registry import Registry
from bloctel.scrub import NumberFile, open_against

_group = StoreCommands(
    Registry,
    options.REGISTRY,
    "Write a file for a list's operator, and import the operator's answers.",
)
app = _group.app

_OUTPUT = new_file("--output FILE", "The file to write.", ...)


@app.command()
def request(
    file: str = options.CSV_FILE,
    column: Column = required(
        "--column COLUMN", "The phone column, by name or number."
    ),
    id_column: Column = required(
        "--id-column COLUMN", "The column that identifies your rows, by name or number."
    ),
    output: str = _OUTPUT,
    region: str | None = options.REGION,
    format: Format = options.FORMAT,
) -> None:
    """Write a file of numbers for the operator, the company that runs a list.

    The file has the columns Telephone and Identifiant.  Foreign numbers are not
    written, because no French list contains them.  Rows without a phone number are not
    written either.

    Example:
        bloctel answers request prospects.csv --column telephone --id-column code
        --output to-scrub.csv
    """
    with progress_bar("write") as progress:
        done = write_request(
            source(file),
            output,
            column=column,
            id_column=id_column,
            region=region or DEFAULT_REGION,
            progress=progress,
        )
    print_record(done._asdict(), format)


@_group.command("import")
def import_(
    registry: Registry,
    file: str = options.CSV_FILE,
    on: date = required("--on YYYY-MM-DD", "The day of the answers."),
    list_name: str = option(
        "--list NAME", "The list that the answers are about.", "fr.bloctel"
    ),
    column: Column = option(
        "--column COLUMN",
        "The column of numbers, by name or number.  By default, the only column that "
        "may contain phone numbers is detected by its name and its content.",
    ),
    status_column: Column = option(
        "--status-column COLUMN",
        "The column of statuses, by name or number.  By default, it is the column "
        "named Statut, or the third of three columns without names.",
    ),
) -> dict[str, object]:
    """Record the answers (retour_*.csv) of the operator, the body that runs a list.

    OK means that a number is not on the list; any other status means that it is.  A
    number without an answer, or with an answer that is too old, is never clear.

    Example:
        bloctel answers import sqlite:///answers.db retour_2024.csv --on 2024-05-03
    """
    with progress_bar("import") as progress:
        done = import_answers(
            registry,
            source(file),
            on=on,
            list=list_name,
            column=column,
            status_column=status_column,
            progress=progress,
        )
    return done._asdict()


@app.command()
def give(
    file: str = options.CSV_FILE,
    against: str = options.AGAINST,
    output: str = _OUTPUT,
    on: date | None = options.ON,
    lists: list[str] | None = options.LISTS,
    region: str | None = options.REGION,
    format: Format = options.FORMAT,
    secret: bytes | None = options.SECRET,
) -> None:
    """Add a status to every row of a file of numbers, as the operator of a list does.

    OK means that the number is on none of the requested lists; OK does not mean that
    the law permits a call.  OPPOSE means that the number is on a requested list, or
    that the answer is unknown.  INVALIDE means that the text is not a phone number.

    Example:
        bloctel answers give to-scrub.csv --against oppositions.bloctel
        --output retour_2026.csv
    """
    with (
        open_against(NumberFile(against, secret=secret), region=region) as book,
        progress_bar("answer") as progress,
    ):
        question = book.question(on=on, lists=lists, region=region)
        counts = answer_request(source(file), question, output, progress=progress)
    print_record(counts, format)
