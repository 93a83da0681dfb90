"""`bloctel snapshot`: build, verify and describe snapshot files."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import typer

from bloctel.cli import options
from bloctel.cli.io import print_record
from bloctel.cli.options import Format, argument, new_file
from bloctel.errors import InputError
from bloctel.registry.registry import Registry
from bloctel.snapshot import MAGIC, Snapshot
from bloctel.snapshot import verify as verify_snapshot

app = typer.Typer(
    help="Build, verify and describe snapshot files.", no_args_is_help=True
)

_PATH = argument("FILE", "The snapshot file.")


@app.command()
def build(
    url: str = options.REGISTRY,
    path: str = new_file("FILE", "The snapshot file.", ...),
    on: date | None = options.ON,
    format: Format = options.FORMAT,
    secret: bytes | None = options.SECRET,
) -> None:
    """Write the content of a registry to a snapshot file.

    The new file replaces an older file in one step.  Programs that have opened the
    older file can continue to read the older file.

    Example:
        bloctel snapshot build sqlite:///oppositions.db oppositions.bloctel
    """
    _refuse_other_files(path)
    with Registry.open(url, secret=secret) as registry:
        print_record(asdict(registry.build_snapshot(path, on=on)), format)


@app.command()
def verify(path: str = _PATH, format: Format = options.FORMAT) -> None:
    """Check every byte of a snapshot file, and describe it if it is valid.

    Exit code: 0 the file is valid, 3 the file is not valid.

    Example:
        bloctel snapshot verify oppositions.bloctel
    """
    print_record(asdict(verify_snapshot(path)), format)


@app.command()
def info(path: str = _PATH, format: Format = options.FORMAT) -> None:
    """Describe a snapshot file; only its header is read.

    Example:
        bloctel snapshot info oppositions.bloctel
    """
    with Snapshot.open(path, verify=False) as book:
        print_record(asdict(book.info), format)


def _refuse_other_files(path: str) -> None:
    """Raise InputError if the new snapshot would replace a file of another kind."""
    file = Path(path)
    if not file.exists() or (file.is_file() and file.stat().st_size == 0):
        return
    got = "a file that is not a snapshot"
    if file.is_file():
        with file.open("rb") as stream:
            if stream.read(len(MAGIC)) == MAGIC:
                return
    else:
        got = "a directory" if file.is_dir() else "a device, a pipe or a socket"
    raise InputError("a new file or a snapshot to replace", got, path)
