"""`bloctel snapshot`: build, verify and describe snapshot files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bloctel.cli.io import print_record
from bloctel.cli.options.common import Format, FormatOption, OnOption, SecretFileOption
from bloctel.cli.options.registry import opened
from bloctel.errors import InputError
from bloctel.snapshot import MAGIC, Snapshot, SnapshotInfo
from bloctel.snapshot import verify as verify_snapshot

__all__ = ["app"]

app = typer.Typer(
    help="Build, verify and describe snapshot files.", no_args_is_help=True
)

_Path = Annotated[str, typer.Argument(metavar="FILE", help="The snapshot file.")]


@app.command()
def build(
    registry: Annotated[str, typer.Argument(metavar="URL", help="The registry.")],
    path: _Path,
    on: OnOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Write all that a registry knows to a snapshot file.

    The file replaces an older one whole; programs that read the old one go on.

    Example:
        bloctel snapshot build sqlite:///oppositions.db oppositions.bloctel
    """
    _refuse_another_file(path)
    with opened(registry, secret_file) as book:
        _print(book.build_snapshot(path, on=on), format)


@app.command()
def verify(path: _Path, format: FormatOption = Format.TABLE) -> None:
    """Check every byte of a snapshot file, and describe it if it is sound.

    Exit code: 0 sound, 3 not to be believed.

    Example:
        bloctel snapshot verify oppositions.bloctel
    """
    _print(verify_snapshot(path), format)


@app.command()
def info(path: _Path, format: FormatOption = Format.TABLE) -> None:
    """Describe a snapshot file by its header, without reading all of it.

    Example:
        bloctel snapshot info oppositions.bloctel
    """
    with Snapshot.open(path, verify=False) as book:
        _print(book.info, format)


def _refuse_another_file(path: str) -> None:
    """Refuse to replace what is no snapshot: a mistyped name costs no registry."""
    file = Path(path)
    if not file.exists() or (file.is_file() and file.stat().st_size == 0):
        return
    if file.is_file():
        with file.open("rb") as stream:
            if stream.read(len(MAGIC)) == MAGIC:
                return
    raise InputError("a new file or a snapshot to replace", "something else", path)


def _print(info: SnapshotInfo, format: Format) -> None:
    print_record(asdict(info), format)
