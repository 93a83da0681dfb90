"""`bloctel registry`: create registries; register, renew, withdraw and erase."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from bloctel.bulk import export_numbers, import_numbers
from bloctel.cli.io import (
    print_entries,
    print_record,
    progress_bar,
    read_numbers,
    source,
)
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    ListOption,
    NewRegionOption,
    NumberArgument,
    NumbersArgument,
    OnOption,
    RegionOption,
    RegistryArgument,
    SecretOption,
    argument,
    option,
    parse_column,
)
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

_Prefix = Annotated[str, argument("PREFIX", "A prefix such as 0899 or +33162.")]


@app.command()
def create(
    url: RegistryArgument,
    region: NewRegionOption = DEFAULT_REGION,
    lists: Annotated[
        list[str] | None,
        option("--list NAME", "A list to create in it; may be repeated."),
    ] = None,
    secret: SecretOption = None,
) -> None:
    """Create an empty registry.

    Example:
        bloctel registry create sqlite:///oppositions.db --list own
    """
    Registry.create(url, region=region, lists=lists or (), secret=secret).close()


@app.command()
def register(
    url: RegistryArgument,
    numbers: NumbersArgument,
    list_name: ListOption,
    on: OnOption = None,
    delay_days: Annotated[
        int | None,
        option(
            "--delay-days DAYS",
            "Days until the protection begins; the longest delay that the list's rules "
            "allow if not given.",
            min=0,
            max=999,
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Put numbers on a list; if one is refused, none is registered.

    Example:
        bloctel registry register sqlite:///oppositions.db "06 39 98 12 34" --list own
    """
    with Registry.open(url, secret=secret) as registry:
        texts = read_numbers(numbers)
        parsed = _parse(texts, registry.region if region is None else region)
        added = registry.register_many(
            parsed, list=list_name, on=on, delay_days=delay_days
        )
    print_record({"registered": added, "known already": len(parsed) - added}, format)


def _parse(texts: list[str], region: str | None) -> list[PhoneNumber]:
    """Parse numbers; an error gives the position of the number, counted from 1."""
    parsed = []
    for position, text in enumerate(texts, 1):
        try:
            parsed.append(normalize(text, region=region))
        except InvalidNumberError as error:
            raise InvalidNumberError(error.reason, f"number {position}") from None
    return parsed


@app.command()
def renew(
    url: RegistryArgument,
    number: NumberArgument,
    list_name: ListOption,
    on: OnOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Renew the registration of a number.

    Example:
        bloctel registry renew sqlite:///oppositions.db "06 39 98 12 34"
        --list fr.bloctel --on 2021-03-01
    """
    with Registry.open(url, secret=secret) as registry:
        period = registry.renew(number, list=list_name, on=on, region=region)
    print_record(asdict(period), format)


@app.command()
def withdraw(
    url: RegistryArgument,
    number: NumberArgument,
    list_name: ListOption,
    on: OnOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Take a number off a list: from that day on, it is no longer protected.

    Example:
        bloctel registry withdraw sqlite:///oppositions.db "06 39 98 12 34" --list own
    """
    with Registry.open(url, secret=secret) as registry:
        period = registry.withdraw(number, list=list_name, on=on, region=region)
    print_record(asdict(period), format)


@app.command()
def history(
    url: RegistryArgument,
    number: NumberArgument,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Show every registration of a number, past and present.

    Example:
        bloctel registry history sqlite:///oppositions.db "06 39 98 12 34"
    """
    with Registry.open(url, secret=secret) as registry:
        print_entries(HistoryEntry, registry.history(number, region=region), format)


@app.command("import")
def import_(
    url: RegistryArgument,
    file: Annotated[
        str, argument("FILE", "A CSV or Parquet file; - is standard input.")
    ],
    list_name: ListOption,
    column: Annotated[
        str | None,
        option(
            "--column COLUMN",
            "The column of numbers, by name or by number from 1; detected by its name "
            "or its content if not given.",
        ),
    ] = None,
    on: OnOption = None,
    on_column: Annotated[
        str | None, option("--on-column COLUMN", "The column of days (YYYY-MM-DD).")
    ] = None,
    keep_going: Annotated[
        str | None,
        option(
            "--keep-going REJECTS",
            "Write refused rows to this file, with row number and reason, and register "
            "all others.",
        ),
    ] = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Register every number of a file; if one is refused, none is registered.

    A second import of a file changes nothing.

    Example:
        bloctel registry import sqlite:///oppositions.db objections.csv --list own
    """
    if on is not None and on_column is not None:
        text = "--on and --on-column are both given; give one of them"
        raise InputError("--on or --on-column", "both", message=text)
    with (
        Registry.open(url, secret=secret) as registry,
        progress_bar("import") as progress,
    ):
        done = import_numbers(
            registry,
            source(file),
            list=list_name,
            column=parse_column(column),
            on=on,
            on_column=parse_column(on_column),
            rejects=keep_going,
            progress=progress,
        )
    record = {
        "rows": done.rows,
        "registered": done.registered,
        "known already": done.rows - done.rejected - done.registered,
    }
    if keep_going is not None:
        record["rejected"] = done.rejected
    print_record(record, format)


@app.command()
def export(
    url: RegistryArgument,
    file: Annotated[
        str,
        argument(
            "FILE",
            "The file: Parquet if it ends in .parquet, else CSV; - is standard output.",
        ),
    ],
    list_name: ListOption,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Write every registration of a list to a file, which contains the list then.

    Example:
        bloctel registry export sqlite:///oppositions.db objections.csv --list own
    """
    target = sys.stdout.buffer if file == "-" else file
    with (
        Registry.open(url, secret=secret) as registry,
        progress_bar("export") as progress,
    ):
        n = export_numbers(registry, target, list=list_name, progress=progress)
    to = sys.stderr if file == "-" else sys.stdout
    print_record({"exported": n}, format, to=to)


@app.command()
def purge(
    url: RegistryArgument,
    on: OnOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Erase the registrations that the lists' rules say must be erased by that day.

    Example:
        bloctel registry purge sqlite:///oppositions.db
    """
    with Registry.open(url, secret=secret) as registry:
        erased = registry.purge(on=on)
    print_record({f"erased from {name}": n for name, n in erased.items()}, format)


@app.command()
def forget(
    url: RegistryArgument,
    number: NumberArgument,
    on: OnOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Erase every registration of a number, at the person's request (GDPR art. 17).

    No list protects the number any more.  After that, look-ups for days on which it was
    protected are refused.

    Example:
        bloctel registry forget sqlite:///oppositions.db "06 39 98 12 34"
    """
    with Registry.open(url, secret=secret) as registry:
        erased = registry.forget(number, on=on, region=region)
    print_record({"erased": erased}, format)


@app.command("mark-restored")
def mark_restored(url: RegistryArgument, secret: SecretOption = None) -> None:
    """Mark a registry as restored from a backup, before it is opened again.

    Followers, caches and readers of the journal then begin again.  Otherwise they
    could take new changes for old ones, and miss them.

    Example:
        bloctel registry mark-restored sqlite:///oppositions.db
    """
    Registry.mark_restored(url, secret=secret)


@app.command("block-prefix")
def block_prefix(
    url: RegistryArgument,
    prefix: _Prefix,
    list_name: ListOption,
    on: OnOption = None,
    secret: SecretOption = None,
) -> None:
    """Block all numbers with a prefix; the rule of the longest prefix applies.

    Example:
        bloctel registry block-prefix sqlite:///oppositions.db 0899 --list own
    """
    with Registry.open(url, secret=secret) as registry:
        registry.block_prefix(prefix, list=list_name, on=on)


@app.command("allow-prefix")
def allow_prefix(
    url: RegistryArgument,
    prefix: _Prefix,
    list_name: ListOption,
    on: OnOption = None,
    secret: SecretOption = None,
) -> None:
    """Allow numbers that a shorter prefix of the list blocks.

    Example:
        bloctel registry allow-prefix sqlite:///oppositions.db 089912 --list own
    """
    with Registry.open(url, secret=secret) as registry:
        registry.allow_prefix(prefix, list=list_name, on=on)


@app.command("drop-prefix")
def drop_prefix(
    url: RegistryArgument,
    prefix: _Prefix,
    list_name: ListOption,
    on: OnOption = None,
    secret: SecretOption = None,
) -> None:
    """End the rule of a prefix.

    Example:
        bloctel registry drop-prefix sqlite:///oppositions.db 0899 --list own
    """
    with Registry.open(url, secret=secret) as registry:
        registry.drop_prefix(prefix, list=list_name, on=on)


@app.command()
def prefixes(
    url: RegistryArgument,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Show every prefix rule, past and present.

    Example:
        bloctel registry prefixes sqlite:///oppositions.db
    """
    with Registry.open(url, secret=secret) as registry:
        print_entries(PrefixEntry, registry.prefixes(), format)
