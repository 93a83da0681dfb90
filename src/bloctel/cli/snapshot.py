"""`bloctel snapshot`: build, verify and describe snapshot files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bloctel.cli.io import print_record
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    OnOption,
    RegistryArgument,
    SecretOption,
    argument,
)
from bloctel.errors import InputError
from bloctel.registry.registry import Registry
from bloctel.snapshot import MAGIC, Snapshot, SnapshotInfo
from bloctel.snapshot import verify as verify_snapshot

__all__ = ["app"]

app = typer.Typer(
    help="Build, verify and describe snapshot files.", no_args_is_help=True
)

_Path = Annotated[str, argument("FILE", "The snapshot file.")]


@app.command()
def build(
    url: RegistryArgument,
    path: _Path,
    on: OnOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Write the content of a registry to a snapshot file.

    The file replaces an older one at once; programs that have opened the old one can
    go on reading it.

    Example:
        bloctel snapshot build sqlite:///oppositions.db oppositions.bloctel
    """
    _refuse_other_files(path)
    with Registry.open(url, secret=secret) as registry:
        _print(registry.build_snapshot(path, on=on), format)


@app.command()
def verify(path: _Path, format: FormatOption = Format.TABLE) -> None:
    """Check every byte of a snapshot file, and describe it if it is valid.

    Exit code: 0 valid, 3 not valid.

    Example:
        bloctel snapshot verify oppositions.bloctel
    """
    _print(verify_snapshot(path), format)


@app.command()
def info(path: _Path, format: FormatOption = Format.TABLE) -> None:
    """Describe a snapshot file by its header, without reading the rest.

    Example:
        bloctel snapshot info oppositions.bloctel
    """
    with Snapshot.open(path, verify=False) as book:
        _print(book.info, format)


def _refuse_other_files(path: str) -> None:
    """Refuse to replace a file that is not a snapshot, such as a registry."""
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


def _print(info: SnapshotInfo, format: Format) -> None:
    print_record(asdict(info), format)
