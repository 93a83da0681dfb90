"""`bloctel receipt`: verify and show receipts of scrubs; list files that are due."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bloctel.cli.io import print_entries, print_record, print_rows, progress_bar
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    argument,
    day_option,
    option,
)
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
    help="Verify and show receipts of scrubs, and list the files that are due again.",
    no_args_is_help=True,
)

_Receipt = Annotated[
    Path, argument("RECEIPT", "The receipt; or its journal, with --number.")
]
_Number = Annotated[
    int | None, option("--number N", "The number of the receipt in a journal.", min=1)
]
_Journal = Annotated[Path, argument("JOURNAL", "The journal of receipts.")]


def _file(name: str) -> Any:
    return option(f"--{name} FILE", f"The {name} file, to compare with the receipt.")


@app.command()
def verify(
    receipt: _Receipt,
    number: _Number = None,
    input: Annotated[Path | None, _file("input")] = None,
    clear: Annotated[Path | None, _file("clear")] = None,
    blocked: Annotated[Path | None, _file("blocked")] = None,
    invalid: Annotated[Path | None, _file("invalid")] = None,
    annotated: Annotated[Path | None, _file("annotated")] = None,
    output_folder: Annotated[
        Path | None,
        option(
            "--output-folder FOLDER",
            "Compare all outputs, found in this folder by their names.",
        ),
    ] = None,
    public_key: Annotated[
        str | None,
        option(
            "--public-key KEY",
            "The key that must have signed: the text that `bloctel receipt key` "
            "printed, or a file with it.",
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        option("--journal FILE", "The journal that must contain the receipt."),
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Check a receipt, and compare it with files, a public key and a journal.

    Each line of the result is one comparison.  A signature is checked even if no key is
    given.

    Exit code: 0 everything agrees, 1 something differs, 3 not a valid receipt.

    Example:
        bloctel receipt verify receipt.json --input prospects.csv --output-folder .
        --journal scrubs.jsonl
    """
    found = _read(receipt, number)
    files: dict[str, Path | None] = {} if input is None else {"input": input}
    if output_folder is not None:
        files |= files_in(output_folder, found)
    outputs = {"clear": clear, "blocked": blocked, "invalid": invalid}
    outputs["annotated"] = annotated
    files |= {kind: path for kind, path in outputs.items() if path is not None}
    checks = [Check("receipt", True, "a complete receipt", f"digest {found.digest}")]
    with progress_bar("verify") as progress:
        checks += check_files(found, files, progress)
    if public_key is not None or found.signature is not None:
        checks.append(check_signature(found, _key(public_key)))
    if journal is not None:
        checks.append(check_journal(found, Journal(journal)))
    print_entries(Check, checks, format)
    raise typer.Exit(0 if all(check.agrees for check in checks) else 1)


@app.command()
def show(
    receipt: _Receipt, number: _Number = None, format: FormatOption = Format.TABLE
) -> None:
    """Show the content of a receipt.

    Example:
        bloctel receipt show receipt.json
    """
    record = _printable(_read(receipt, number).record)
    print_record(record if format is Format.JSON else dict(_flat(record)), format)


@app.command()
def status(
    journal: _Journal,
    on: Annotated[
        date | None,
        day_option("--on", "The day; today in the lists' time zone if not given."),
    ] = None,
    within: Annotated[
        int,
        option(
            "--within DAYS",
            "A file is due if its result ends within this number of days; 7 if not "
            "given.",
            min=0,
            max=9999,
        ),
    ] = 7,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show the latest scrub of each file, and which files are due again.

    A file is overdue from the first day on which its result may no longer be relied
    upon.  Files are identified by their names.

    Exit code: 0 no file is due, 1 one is due or overdue, 3 the journal is not complete.

    Example:
        bloctel receipt status scrubs.jsonl --within 7
    """
    receipts: list[Receipt] = []
    truncated: TruncatedJournalError | None = None
    try:
        receipts.extend(Journal(journal).receipts())
    except TruncatedJournalError as error:
        truncated = error
    files = file_states(receipts, on=on, within_days=within)
    columns = [field.name for field in fields(FileState)]
    rows = [tuple(_printable(asdict(file)).values()) for file in files]
    print_rows(columns, rows, format)
    if truncated is not None:
        raise truncated
    raise typer.Exit(0 if all(file.state == State.VALID for file in files) else 1)


@app.command()
def key(
    path: Annotated[str, argument("FILE", "The file for the key; it must not exist.")],
    format: FormatOption = Format.TABLE,
) -> None:
    """Create a key that signs receipts, and print its public key.

    Only the owner can read the file.  Give the public key to those who check your
    receipts.

    Example:
        bloctel receipt key receipts.pem
    """
    print_record({"public_key": SigningKey.create(path).public_key}, format)


@app.command()
def mend(journal: _Journal, format: FormatOption = Format.TABLE) -> None:
    """Move an incomplete last line, as a crash leaves it, from a journal to a file.

    The outputs of that scrub can exist, but have no receipt: scrub the file again.

    Example:
        bloctel receipt mend scrubs.jsonl
    """
    print_record({"moved to": Journal(journal).mend()}, format)


def _read(path: Path, number: int | None) -> Receipt:
    return read(path) if number is None else Journal(path).receipt(number)


def _key(given: str | None) -> str | None:
    """Return the public key in an option, or in the file that it names.

    Raises:
        InputError: Neither is a public key.
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
        got = f"a file with {len(found)} texts of 64 hexadecimal digits"
        raise InputError("a public key", got, "--public-key")
    return str(found[0])


def _printable(value: Mapping[str, object]) -> dict[str, object]:
    """Return a record whose texts have no control characters for a terminal."""

    def safe(part: object) -> object:
        if isinstance(part, Mapping):
            return {shown(str(name)): safe(each) for name, each in part.items()}
        if isinstance(part, list):
            return [safe(each) for each in part]
        return shown(part) if isinstance(part, str) else part

    return {name: safe(part) for name, part in value.items()}


def _flat(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of a record with names such as `input.size`."""
    dot = "." if name else ""
    if isinstance(value, Mapping):
        for part, each in value.items():
            yield from _flat(each, f"{name}{dot}{part}")
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from _flat(each, f"{name}{dot}{each['name']}")
    else:
        yield name, value
