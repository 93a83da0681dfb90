"""`bloctel registry`: create registries, register, renew, withdraw, erase."""

from __future__ import annotations

import sys
from dataclasses import asdict, fields
from typing import Annotated, Optional

import typer

from bloctel.bulk import export_numbers, import_numbers
from bloctel.cli.input import all_numbers, source
from bloctel.cli.io import print_record, print_rows
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    ListOption,
    NewRegionOption,
    OnOption,
    RegionOption,
    SecretFileOption,
    place,
)
from bloctel.cli.options.registry import opened, secret_in
from bloctel.cli.progress import progress_bar
from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers.phone_number import DEFAULT_REGION, PhoneNumber, normalize
from bloctel.registry.journal import HistoryEntry
from bloctel.registry.prefix_rules import PrefixEntry
from bloctel.registry.registry import Registry

__all__ = ["app"]

app = typer.Typer(
    help="Create registries; register, renew, withdraw and purge numbers.",
    no_args_is_help=True,
)

_Url = Annotated[
    str,
    typer.Argument(metavar="URL", help="The registry, such as sqlite:///own.db."),
]
_Numbers = Annotated[
    list[str],
    typer.Argument(help="Phone numbers; - reads one a line from standard input."),
]


@app.command()
def create(
    url: _Url,
    region: NewRegionOption = DEFAULT_REGION,
    lists: Annotated[
        Optional[list[str]],
        typer.Option(
            "--list",
            metavar="NAME",
            help="A list that it holds from the start; may be repeated.",
        ),
    ] = None,
    secret_file: SecretFileOption = None,
) -> None:
    """Make an empty registry where there is none.

    Example:
        bloctel registry create sqlite:///oppositions.db --list own
    """
    Registry.create(
        url, region=region, lists=lists or (), secret=secret_in(secret_file)
    ).close()


@app.command()
def register(
    url: _Url,
    numbers: _Numbers,
    list_name: ListOption,
    on: OnOption = None,
    delay_days: Annotated[
        Optional[int],
        typer.Option(
            "--delay-days",
            min=0,
            max=999,
            help="Days until protection begins; the latest that the list's rules "
            "allow if not given.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Put numbers on a list: all of them, or none if one is refused.

    Example:
        bloctel registry register sqlite:///oppositions.db "06 39 98 12 34" --list own
    """
    with opened(url, secret_file) as registry:
        asked = all_numbers(numbers)
        parsed = _read(asked, registry.region if region is None else region)
        added = registry.register_many(
            parsed, list=list_name, on=on, delay_days=delay_days
        )
    print_record({"registered": added, "known already": len(parsed) - added}, format)


def _read(numbers: list[str], region: str | None) -> list[PhoneNumber]:
    """Read all the numbers; an error tells which of them, counted from 1."""
    read = []
    for count, number in enumerate(numbers, 1):
        try:
            read.append(normalize(number, region=region))
        except InvalidNumberError as error:
            raise InvalidNumberError(error.reason, f"number {count}") from None
    return read


@app.command()
def renew(
    url: _Url,
    number: Annotated[str, typer.Argument(help="A phone number.")],
    list_name: ListOption,
    on: OnOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Renew a number's registration by hand.

    Example:
        bloctel registry renew sqlite:///oppositions.db "06 39 98 12 34"
        --list fr.bloctel --on 2021-03-01
    """
    with opened(url, secret_file) as registry:
        period = registry.renew(number, list=list_name, on=on, region=region)
    print_record(asdict(period), format)


@app.command()
def withdraw(
    url: _Url,
    number: Annotated[str, typer.Argument(help="A phone number.")],
    list_name: ListOption,
    on: OnOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Take a number off a list: from that day on it is not protected any more.

    Example:
        bloctel registry withdraw sqlite:///oppositions.db "06 39 98 12 34" --list own
    """
    with opened(url, secret_file) as registry:
        period = registry.withdraw(number, list=list_name, on=on, region=region)
    print_record(asdict(period), format)


@app.command()
def history(
    url: _Url,
    number: Annotated[str, typer.Argument(help="A phone number.")],
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Show every registration that is known of a number.

    Example:
        bloctel registry history sqlite:///oppositions.db "06 39 98 12 34"
    """
    with opened(url, secret_file) as registry:
        entries = registry.history(number, region=region)
    columns = [field.name for field in fields(HistoryEntry)]
    rows = [tuple(asdict(entry).values()) for entry in entries]
    print_rows(columns, rows, format)


@app.command("import")
def import_(
    url: _Url,
    file: Annotated[
        str, typer.Argument(help="A CSV or Parquet file; - is standard input.")
    ],
    list_name: ListOption,
    column: Annotated[
        Optional[str],
        typer.Option(
            "--column",
            help="The column of numbers: its name, or its place from 1.  Found by "
            "its name or its content if not given.",
        ),
    ] = None,
    on: OnOption = None,
    on_column: Annotated[
        Optional[str],
        typer.Option("--on-column", help="The column of days (YYYY-MM-DD)."),
    ] = None,
    keep_going: Annotated[
        Optional[str],
        typer.Option(
            "--keep-going",
            metavar="REJECTS",
            help="Where rows that are refused go, with place and reason; all others "
            "are registered.",
        ),
    ] = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Register every number of a file: all of them, or none if one is refused.

    Importing a file again changes nothing.

    Example:
        bloctel registry import sqlite:///oppositions.db objections.csv --list own
    """
    if on is not None and on_column is not None:
        raise InputError("--on or --on-column", "both")
    with opened(url, secret_file) as registry, progress_bar("import") as progress:
        done = import_numbers(
            registry,
            source(file),
            list=list_name,
            column=place(column),
            on=on,
            on_column=place(on_column),
            rejects=keep_going,
            progress=progress,
        )
    known = done.rows - done.rejected - done.registered
    record = {
        "rows": done.rows,
        "registered": done.registered,
        "known already": known,
    }
    if keep_going is not None:
        record["rejected"] = done.rejected
    print_record(record, format)


@app.command()
def export(
    url: _Url,
    file: Annotated[
        str,
        typer.Argument(
            help="Where to: Parquet if it ends in .parquet, else CSV; - is standard "
            "output."
        ),
    ],
    list_name: ListOption,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Write every registration of a list to a file, which is the list then.

    Example:
        bloctel registry export sqlite:///oppositions.db objections.csv --list own
    """
    target = sys.stdout.buffer if file == "-" else file
    with opened(url, secret_file) as registry, progress_bar("export") as progress:
        n = export_numbers(registry, target, list=list_name, progress=progress)
    to = sys.stderr if file == "-" else sys.stdout
    print_record({"exported": n}, format, to=to)


@app.command()
def purge(
    url: _Url,
    on: OnOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Erase what the lists' rules say must be erased by that day.

    Example:
        bloctel registry purge sqlite:///oppositions.db
    """
    with opened(url, secret_file) as registry:
        erased = registry.purge(on=on)
    print_record({f"erased from {name}": n for name, n in erased.items()}, format)


@app.command()
def forget(
    url: _Url,
    number: Annotated[str, typer.Argument(help="A phone number.")],
    on: OnOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Erase all that is known of a number, as its holder asks (GDPR art. 17).

    No list protects it any more.  Days on which it was protected cannot be asked
    about afterwards.

    Example:
        bloctel registry forget sqlite:///oppositions.db "06 39 98 12 34"
    """
    with opened(url, secret_file) as registry:
        erased = registry.forget(number, on=on, region=region)
    print_record({"erased": erased}, format)


@app.command()
def migrate(url: _Url) -> None:
    """Bring a registry that an earlier version made to the form of this one.

    Example:
        bloctel registry migrate sqlite:///oppositions.db
    """
    Registry.migrate(url)


@app.command()
def restored(url: _Url, secret_file: SecretFileOption = None) -> None:
    """Say that a backup was put in the place of a registry, before it is opened.

    Followers, caches and readers of the journal begin anew then; otherwise they could
    take new changes for old ones, and miss them.

    Example:
        bloctel registry restored sqlite:///oppositions.db
    """
    Registry.mark_restored(url, secret=secret_in(secret_file))


_Prefix = Annotated[
    str, typer.Argument(metavar="PREFIX", help="A prefix such as 0899 or +33162.")
]


@app.command("block-prefix")
def block_prefix(
    url: _Url,
    prefix: _Prefix,
    list_name: ListOption,
    on: OnOption = None,
    secret_file: SecretFileOption = None,
) -> None:
    """Block all numbers that begin alike; a longer prefix counts more.

    Example:
        bloctel registry block-prefix sqlite:///oppositions.db 0899 --list own
    """
    with opened(url, secret_file) as registry:
        registry.block_prefix(prefix, list=list_name, on=on)


@app.command("allow-prefix")
def allow_prefix(
    url: _Url,
    prefix: _Prefix,
    list_name: ListOption,
    on: OnOption = None,
    secret_file: SecretFileOption = None,
) -> None:
    """Let numbers through that a shorter prefix of the list blocks.

    Example:
        bloctel registry allow-prefix sqlite:///oppositions.db 089912 --list own
    """
    with opened(url, secret_file) as registry:
        registry.allow_prefix(prefix, list=list_name, on=on)


@app.command("drop-prefix")
def drop_prefix(
    url: _Url,
    prefix: _Prefix,
    list_name: ListOption,
    on: OnOption = None,
    secret_file: SecretFileOption = None,
) -> None:
    """End the rule of a prefix.

    Example:
        bloctel registry drop-prefix sqlite:///oppositions.db 0899 --list own
    """
    with opened(url, secret_file) as registry:
        registry.drop_prefix(prefix, list=list_name, on=on)


@app.command()
def prefixes(
    url: _Url,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Show every prefix rule that there is or was.

    Example:
        bloctel registry prefixes sqlite:///oppositions.db
    """
    with opened(url, secret_file) as registry:
        entries = registry.prefixes()
    columns = [field.name for field in fields(PrefixEntry)]
    rows = [tuple(asdict(entry).values()) for entry in entries]
    print_rows(columns, rows, format)
