"""`bloctel receipt`: check and show the receipts of scrubs, and see what is due."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bloctel.cli.io import print_record, print_rows
from bloctel.cli.options.common import Format, FormatOption, day
from bloctel.cli.progress import progress_bar
from bloctel.errors import InputError, TruncatedJournalError
from bloctel.scrub.receipts import (
    Check,
    FileState,
    Journal,
    SigningKey,
    State,
    check_files,
    check_journal,
    check_signature,
    file_states,
    files_in,
    read,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel.scrub.receipts import Receipt

__all__ = ["app"]

app = typer.Typer(
    help="Check and show the receipts of scrubs, and see which files are due again.",
    no_args_is_help=True,
)

_Receipt = Annotated[
    Path,
    typer.Argument(
        metavar="RECEIPT", help="The receipt's file; a journal with --number."
    ),
]
_Number = Annotated[
    Optional[int],
    typer.Option("--number", min=1, help="Which receipt of a journal."),
]
_Journal = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="The journal of receipts.")
]


def _file(what: str, option: str) -> object:
    return typer.Option(option, metavar="FILE", help=f"Compare this with {what}.")


@app.command()
def verify(
    receipt: _Receipt,
    number: _Number = None,
    input_file: Annotated[Optional[Path], _file("the input", "--input")] = None,
    clear: Annotated[Optional[Path], _file("the clear output", "--clear")] = None,
    blocked: Annotated[Optional[Path], _file("the blocked output", "--blocked")] = None,
    invalid: Annotated[Optional[Path], _file("the invalid output", "--invalid")] = None,
    annotated: Annotated[
        Optional[Path], _file("the annotated output", "--annotated")
    ] = None,
    output_folder: Annotated[
        Optional[Path],
        typer.Option(
            "--output-folder",
            metavar="FOLDER",
            help="Compare all outputs, which have the names there that they had.",
        ),
    ] = None,
    public_key: Annotated[
        Optional[str],
        typer.Option(
            "--public-key",
            metavar="KEY",
            help="Who must have signed: what `bloctel receipt key` printed, or a file "
            "that holds it.",
        ),
    ] = None,
    journal: Annotated[
        Optional[Path],
        typer.Option(
            "--journal", metavar="FILE", help="The journal that it must be in."
        ),
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Check a receipt, and whether files, a key and a journal agree with it.

    One line for each thing that is compared says whether it agrees.  A signature is
    checked whether or not a key is given.

    Exit code: 0 all agrees, 1 something differs, 3 not to be believed.

    Example:
        bloctel receipt verify receipt.json --input prospects.csv --output-folder .
        --journal scrubs.jsonl
    """
    held = _read(receipt, number)
    files: dict[str, Path | None] = {}
    if input_file is not None:
        files["input"] = input_file
    if output_folder is not None:
        files |= files_in(output_folder, held)
    given = {"clear": clear, "blocked": blocked, "invalid": invalid}
    given["annotated"] = annotated
    files |= {kind: path for kind, path in given.items() if path is not None}
    checks = [Check("receipt", True, "a whole one", f"digest {held.digest}")]
    with progress_bar("verify") as progress:
        checks += check_files(held, files, progress)
    if public_key is not None or held.signature is not None:
        checks.append(check_signature(held, _key(public_key)))
    if journal is not None:
        checks.append(check_journal(held, Journal(journal)))
    columns = [field.name for field in fields(Check)]
    print_rows(columns, [tuple(asdict(check).values()) for check in checks], format)
    raise typer.Exit(0 if all(check.agrees for check in checks) else 1)


@app.command()
def show(
    receipt: _Receipt, number: _Number = None, format: FormatOption = Format.TABLE
) -> None:
    """Show what a receipt says.

    Example:
        bloctel receipt show receipt.json
    """
    record = _showable(_read(receipt, number).record)
    print_record(record if format == Format.JSON else dict(_flat(record)), format)


@app.command()
def status(
    journal: _Journal,
    on: Annotated[
        Optional[date],
        typer.Option(
            "--on",
            parser=day,
            metavar="YYYY-MM-DD",
            help="The day; today where the lists' days are counted if not given.",
        ),
    ] = None,
    within: Annotated[
        int,
        typer.Option(
            "--within",
            min=0,
            max=9999,
            metavar="DAYS",
            help="How soon the result of a scrub must end for the file to be due "
            "again; 7 days if not given.",
        ),
    ] = 7,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show the latest scrub of each file, and which files are due again.

    A file is overdue from the day on which the result may not be relied upon any
    more.  Files are told apart by their names.

    Exit code: 0 none is due, 1 one is due or overdue, 3 the journal is not whole.

    Example:
        bloctel receipt status scrubs.jsonl --within 7
    """
    receipts: list[Receipt] = []
    torn: TruncatedJournalError | None = None
    try:
        receipts.extend(Journal(journal).receipts())
    except TruncatedJournalError as error:
        torn = error
    files = file_states(receipts, on=on, within_days=within)
    columns = [field.name for field in fields(FileState)]
    rows = [tuple(_showable(asdict(file)).values()) for file in files]
    print_rows(columns, rows, format)
    if torn is not None:
        raise torn
    raise typer.Exit(0 if all(file.state == State.VALID for file in files) else 1)


@app.command()
def key(
    path: Annotated[
        str, typer.Argument(metavar="FILE", help="Where the key goes: a new file.")
    ],
    format: FormatOption = Format.TABLE,
) -> None:
    """Make a key that signs receipts, and print its public key.

    Only the owner can read the file.  Give the public key to whoever checks your
    receipts.

    Example:
        bloctel receipt key receipts.pem
    """
    print_record({"public_key": SigningKey.create(path).public_key}, format)


@app.command()
def mend(journal: _Journal, format: FormatOption = Format.TABLE) -> None:
    """Move half a line at a journal's end, as a crash leaves it, to a file beside.

    The outputs of that scrub may be there, and have no receipt: scrub the file again.

    Example:
        bloctel receipt mend scrubs.jsonl
    """
    print_record({"moved to": Journal(journal).mend()}, format)


def _read(path: Path, number: int | None) -> Receipt:
    return read(path) if number is None else Journal(path).receipt(number)


def _key(given: str | None) -> str | None:
    """Return the public key that an option or a file holds.

    Raises:
        InputError: Neither does.
    """
    if given is None or re.fullmatch("[0-9a-f]{64}", given):
        return given
    try:
        text = Path(given).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError("a public key", got, "--public-key") from error
    found = re.findall(r"(?<!\w)[0-9a-f]{64}(?!\w)", text)
    if len(found) != 1:
        raise InputError("a public key", "a file without one", "--public-key")
    return str(found[0])


def _showable(value: Mapping[str, object]) -> dict[str, object]:
    """Return a record whose texts a terminal shows and does not obey."""

    def safe(part: object) -> object:
        if isinstance(part, Mapping):
            return {shown(str(name)): safe(each) for name, each in part.items()}
        if isinstance(part, list):
            return [safe(each) for each in part]
        return shown(part) if isinstance(part, str) else part

    return {name: safe(part) for name, part in value.items()}


def _flat(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of a record under names such as `input.size`."""
    dot = "." if name else ""
    if isinstance(value, Mapping):
        for part, each in value.items():
            yield from _flat(each, f"{name}{dot}{part}")
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from _flat(each, f"{name}{dot}{each['name']}")
    else:
        yield name, value
