"""`bloctel receipt`: verify and show receipts of scrubs; list files to scrub again."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path

import typer

from bloctel.cli import options
from bloctel.cli.io import entries, print_record, print_rows, progress_bar
from bloctel.cli.options import Format, argument, new_file, option
from bloctel.errors import InputError, TruncatedJournalError
from bloctel.scrub.receipts import (
    Check,
    FileState,
    Journal,
    Receipt,
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

app = typer.Typer(
    help="Verify and show receipts of scrubs, and list the files to scrub again.",
    no_args_is_help=True,
)

_RECEIPT = argument(
    "RECEIPT", "The receipt, or a journal that contains it (with --number)."
)
_NUMBER = option("--number N", "The number of the receipt in a journal.", min=1)
_JOURNAL = argument("JOURNAL", "The journal of receipts.")
_INPUT, _CLEAR, _BLOCKED, _INVALID, _ANNOTATED = (
    option(f"--{name} FILE", f"The {name} file, to compare with the receipt.")
    for name in ("input", "clear", "blocked", "invalid", "annotated")
)


@app.command()
def verify(
    receipt: Path = _RECEIPT,
    number: int | None = _NUMBER,
    input: Path | None = _INPUT,
    clear: Path | None = _CLEAR,
    blocked: Path | None = _BLOCKED,
    invalid: Path | None = _INVALID,
    annotated: Path | None = _ANNOTATED,
    output_folder: Path | None = option(
        "--output-folder FOLDER",
        "Compare all outputs of the scrub with the files of this name in this folder.",
    ),
    public_key: str | None = option(
        "--public-key KEY",
        "The public key of the signature: the text that `bloctel receipt key` printed, "
        "or a file that contains this text.",
    ),
    journal: Path | None = option(
        "--journal FILE", "The journal that must contain the receipt."
    ),
    format: Format = options.FORMAT,
) -> None:
    """Check a receipt, and compare it with files, a public key and a journal.

    Each line of the result is one comparison.  The command checks a signature in the
    receipt with or without --public-key.

    Exit code: 0 all comparisons agree, 1 a comparison differs, 3 the file is not a
    valid receipt.

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
    print_rows(*entries(Check, checks), format)
    raise typer.Exit(0 if all(check.agrees for check in checks) else 1)


@app.command()
def show(
    receipt: Path = _RECEIPT,
    number: int | None = _NUMBER,
    format: Format = options.FORMAT,
) -> None:
    """Show the content of a receipt.

    Example:
        bloctel receipt show receipt.json
    """
    record = _printable(_read(receipt, number).record)
    print_record(record if format is Format.JSON else dict(_flat(record)), format)


@app.command()
def status(
    journal: Path = _JOURNAL,
    on: date | None = option(
        "--on YYYY-MM-DD",
        "The day of the status.  The default is today in the time zone of the lists.",
    ),
    within: int = option(
        "--within DAYS",
        "A file is due if its result expires within this number of days (default: 7).",
        7,
        min=0,
        max=9999,
    ),
    by_name: bool = option(
        "--by-name",
        "Identify files by their names only.  Use this option if no two files have the "
        "same name.",
        False,
    ),
    format: Format = options.FORMAT,
) -> None:
    """Show the latest scrub of each file, and which files must be scrubbed again.

    A file is due some days before its result expires (--within), overdue afterwards.
    The command identifies a file by its name without folders and by its content, so a
    file whose content has changed is shown as another file.

    Exit code: 0 no file is due, 1 a file is due or overdue, 3 the journal is not
    complete.

    Example:
        bloctel receipt status scrubs.jsonl --within 7
    """
    receipts: list[Receipt] = []
    truncated: TruncatedJournalError | None = None
    try:
        receipts.extend(Journal(journal).receipts())
    except TruncatedJournalError as error:
        truncated = error
    files = file_states(receipts, on=on, within_days=within, by_name=by_name)
    columns = [field.name for field in fields(FileState)]
    rows = [tuple(_printable(asdict(file)).values()) for file in files]
    print_rows(columns, rows, format)
    if truncated is not None:
        raise truncated
    raise typer.Exit(0 if all(file.state == State.VALID for file in files) else 1)


@app.command()
def key(
    path: str = new_file("FILE", "The file for the key; it must not exist.", ...),
    format: Format = options.FORMAT,
) -> None:
    """Create a key that signs receipts, and print its public key.

    Only the owner of the new key file can read this file.  Give the public key to the
    people who check your receipts.

    Example:
        bloctel receipt key receipts.pem
    """
    print_record({"public_key": SigningKey.create(path).public_key}, format)


@app.command()
def mend(journal: Path = _JOURNAL, format: Format = options.FORMAT) -> None:
    """Move the incomplete last line of a journal to a separate file, after a crash.

    The interrupted scrub may have written its outputs, but these outputs have no
    receipt.  So scrub the input file again.

    Example:
        bloctel receipt mend scrubs.jsonl
    """
    print_record({"moved to": Journal(journal).mend()}, format)


def _read(path: Path, number: int | None) -> Receipt:
    return read(path) if number is None else Journal(path).receipt(number)


def _key(given: str | None) -> str | None:
    """Return a public key; *given* is the key, or the name of a file with the key."""
    if given is None or re.fullmatch("[0-9a-f]{64}", given):
        return given
    try:
        text = Path(given).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError("a public key", got, "--public-key") from error
    found = re.findall(r"(?<!\w)[0-9a-f]{64}(?!\w)", text)
    if len(found) != 1:
        got = f"a file with {len(found)} keys (texts of 64 hexadecimal digits)"
        raise InputError("one public key", got, "--public-key")
    return str(found[0])


def _printable(value: Mapping[str, object]) -> dict[str, object]:
    """Return a record without control characters, which a terminal would execute."""

    def safe(part: object) -> object:
        if isinstance(part, Mapping):
            return {shown(str(name)): safe(each) for name, each in part.items()}
        if isinstance(part, list):
            return [safe(each) for each in part]
        return shown(part) if isinstance(part, str) else part

    return {name: safe(part) for name, part in value.items()}


def _flat(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield each single value of a record, with a name such as `input.size`."""
    dot = "." if name else ""
    if isinstance(value, Mapping):
        for part, each in value.items():
            yield from _flat(each, f"{name}{dot}{part}")
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from _flat(each, f"{name}{dot}{each['name']}")
    else:
        yield name, value
