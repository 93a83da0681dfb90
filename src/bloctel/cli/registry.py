"""`bloctel registry`: create registries; register, renew, withdraw, erase numbers."""

import sys
from dataclasses import asdict
from datetime import date
from threading import Event
from typing import Any, Final

from bloctel.bulk import export_numbers, import_numbers, import_register
from bloctel.bulk.register_layouts import Layout
from bloctel.cli import io, options
from bloctel.cli.store_commands import StoreCommands
from bloctel.errors import InvalidNumberError
from bloctel.numbers.phone_number import PhoneNumber, number_to_store
from bloctel.registry.journal import HistoryEntry
from bloctel.registry.prefix_rules import PrefixEntry
from bloctel.registry.registry import Registry
from bloctel.storage import open_storage

_group = StoreCommands(
    Registry,
    options.REGISTRY,
    "Create registries; register, renew, withdraw and purge numbers.",
)
app = _group.app

#: Time between two heartbeats, much less than MAX_LAG_SECONDS, the maximum age of data.
_HEARTBEAT_SECONDS: Final = 1.0

_PREFIX = options.argument("PREFIX", "A prefix such as 0899 or +33162.")


@app.command()
def create(
    url: str = options.REGISTRY,
    region: str = options.NEW_REGION,
    lists: list[str] = options.option(
        "--list NAME", "A list of the registry; may be repeated.", ["own"]
    ),
    secret: bytes | None = options.SECRET,
) -> None:
    """Create a registry with empty lists; 'registry add-list' adds a list later.

    Example:
        bloctel registry create sqlite:///oppositions.db --list own
    """
    Registry.create(url, region=region, lists=lists, secret=secret).close()


@_group.command("add-list")
def add_list(registry: Registry, list_name: str = options.LIST) -> None:
    """Add an empty list, unless the registry has this list already.

    Only this command adds a list to an existing registry.  Commands such as 'registry
    register' refuse an unknown list, because its name is probably misspelled.

    Example:
        bloctel registry add-list sqlite:///oppositions.db --list own:brand-a
    """
    registry.add_list(list_name)


@app.command("update-rules")
def update_rules(
    url: str = options.REGISTRY,
    list_name: str = options.LIST,
    secret: bytes | None = options.SECRET,
) -> None:
    """Replace the rules of a list by the rules in the file of --rules.

    Programs that have other rules for the list can no longer open the registry.
    Restart these programs with the new rules, and build snapshots again.  Stored
    registrations keep their periods.

    Example:
        bloctel registry update-rules sqlite:///lists.db --list members --rules new.toml
    """
    Registry.update_rules(url, list=list_name, secret=secret)


@_group.command(None, options.OnList)
def register(
    registry: Registry,
    numbers: list[str] = options.NUMBERS,
    delay_days: int | None = options.option(
        "--delay-days DAYS",
        "Days until the protection begins.  The default is the longest delay that the "
        "rules of the list allow.",
        min=0,
        max=999,
    ),
    allow_future: bool = options.ALLOW_FUTURE,
    region: str | None = options.REGION,
    **given: Any,
) -> dict[str, Any]:
    """Put numbers on a list; if a number is refused, no number is registered.

    Example:
        bloctel registry register sqlite:///oppositions.db "06 39 98 12 34" --list own
    """
    parsed = _parse(
        io.read_numbers(numbers), registry.region if region is None else region
    )
    added = registry.register_many(
        parsed, delay_days=delay_days, allow_future=allow_future, **given
    )
    return {"registered": added, "known already": len(parsed) - added}


def _parse(texts: list[str], region: str | None) -> list[PhoneNumber]:
    """Parse numbers; an error gives the position of the number, counted from 1."""
    parsed = []
    for position, text in enumerate(texts, 1):
        try:
            parsed.append(number_to_store(text, region))
        except InvalidNumberError as error:
            raise InvalidNumberError(error.reason, f"number {position}") from None
    return parsed


@_group.command(None, options.NumberOnList)
def renew(registry: Registry, **given: Any) -> dict[str, Any]:
    """Renew the registration of a number for another term of protection.

    Example:
        bloctel registry renew sqlite:///oppositions.db "06 39 98 12 34"
        --list fr.bloctel --on 2021-03-01
    """
    return asdict(registry.renew(**given))


@_group.command(None, options.NumberOnList)
def withdraw(registry: Registry, **given: Any) -> dict[str, Any]:
    """Withdraw a number from a list, which then no longer protects the number.

    Example:
        bloctel registry withdraw sqlite:///oppositions.db "06 39 98 12 34" --list own
    """
    return asdict(registry.withdraw(**given))


@_group.command(None, options.Number)
def history(registry: Registry, **number: Any) -> io.Rows:
    """Show every registration of a number, past and present.

    Example:
        bloctel registry history sqlite:///oppositions.db "06 39 98 12 34"
    """
    return io.entries(HistoryEntry, registry.history(**number))


@_group.command("import", options.OnList)
def import_(
    registry: Registry,
    file: str = options.argument("FILE", "A CSV or Parquet file; - is standard input."),
    columns: list[options.Column] | None = options.LIST_COLUMNS,
    on_column: options.Column = options.option(
        "--on-column COLUMN", "The column with each registration's day (YYYY-MM-DD)."
    ),
    keep_going: str | None = options.new_file(
        "--keep-going REJECTS",
        "Write refused rows to this file, with row number and reason, and register all "
        "other rows.",
    ),
    allow_future: bool = options.ALLOW_FUTURE,
    **given: Any,
) -> dict[str, Any]:
    """Register every number of a file; if a row is refused, no number is registered.

    A second import of the same file changes nothing.

    Example:
        bloctel registry import sqlite:///oppositions.db objections.csv --list own
    """
    if given["on"] is not None and on_column is not None:
        text = "--on and --on-column are both given; give one of them"
        raise options.usage_error(text)
    with io.progress_bar("import") as progress:
        done = import_numbers(
            registry,
            io.source(file),
            columns=columns or None,
            on_column=on_column,
            rejects=keep_going,
            allow_future=allow_future,
            progress=progress,
            **given,
        )
    record = {
        "rows": done.rows,
        "registered": done.registered,
        "known already": done.known,
    }
    if keep_going is not None:
        record["rejected"] = done.rejected
    return record


@_group.command("import-register")
def import_register_(
    registry: Registry,
    file: str = options.argument("FILE", "A zip archive, an XML file or a text file."),
    list_name: str = options.LIST,
    layout: Layout = options.required("--layout LAYOUT", "The layout of the file."),
    on: date = options.required(
        "--on YYYY-MM-DD", "The day on which the operator handed out the file."
    ),
    n_numbers: int | None = options.option(
        "--numbers N",
        "The number of phone numbers in the file.  A text file that is not in a zip "
        "archive needs this option, because such a file can be truncated.",
        min=1,
    ),
    allow_fewer: bool = options.option(
        "--allow-fewer",
        "Accept that more than a tenth of the numbers of an area are no longer on the "
        "list.",
        False,
    ),
) -> dict[str, Any]:
    """Replace a list by a file that its operator hands out, such as us.dnc.

    The file replaces the numbers of its area codes, or the whole list gb.tps.  Numbers
    of these areas that are missing from the file end on the given day.  Look-ups know
    these areas until the file is too old: 31 days for us.dnc and ca.dncl, 28 for
    gb.tps.

    Example:
        bloctel registry import-register sqlite:///lists.db 212.zip --list us.dnc
        --layout us-dnc --on 2026-11-23
    """
    with io.progress_bar("import") as progress:
        done = import_register(
            registry,
            io.source(file),
            list=list_name,
            layout=layout,
            on=on,
            n_numbers=n_numbers,
            allow_fewer=allow_fewer,
            progress=progress,
        )
    return done._asdict()


@_group.command()
def export(
    registry: Registry,
    file: str = options.new_file(
        "FILE",
        "The file: Parquet if its name ends in .parquet, otherwise CSV; - is standard "
        "output.",
        ...,
    ),
    list_name: str = options.LIST,
    numbers_only: bool = options.option(
        "--numbers-only",
        "Accept that the file lacks prefix rules, or numbers without an answer of the "
        "operator.",
        False,
    ),
    format: options.Format = options.FORMAT,
) -> None:
    """Write every registration of a list to a file.

    Example:
        bloctel registry export sqlite:///oppositions.db objections.csv --list own
    """
    with io.progress_bar("export") as progress:
        n = export_numbers(
            registry,
            io.target(file),
            list=list_name,
            numbers_only=numbers_only,
            progress=progress,
        )
    to = sys.stderr if file == "-" else sys.stdout
    io.print_record({"exported": n}, format, to=to)


@_group.command()
def purge(
    registry: Registry,
    on: date | None = options.ON,
    yes: bool = options.option(
        "--yes", "Erase the registrations, not only show them.", False
    ),
) -> io.Rows:
    """Show the registrations whose retention period has ended; --yes erases them.

    For each list, the table contains the rule of the list on the day of the purge, the
    count of registrations whose period has ended (due), and the first day for which the
    list can answer, now and after the purge.  An erasure cannot be undone.

    Example:
        bloctel registry purge sqlite:///oppositions.db --yes
    """
    found = registry.preview_purge(on=on)
    erased = registry.purge(on=on) if yes else {}
    if not yes:
        io.print_text("nothing was erased; to erase, add --yes\n", sys.stderr)
    rows = [
        (
            *(each.list, each.retention.withdrawn_days, each.retention.lapsed_years),
            *(each.retention.certainty.value, each.n_due, erased.get(each.list, 0)),
            *(each.answers_from, each.answers_from_after, each.retention.source),
        )
        for each in found
    ]
    return io.Rows(_PURGE_COLUMNS, rows)


_PURGE_COLUMNS: Final = (
    *("list", "withdrawn_days", "lapsed_years", "certainty", "due", "erased"),
    *("answers_from", "answers_from_after", "source"),
)


@_group.command(None, options.Number)
def forget(
    registry: Registry, on: date | None = options.ON, **number: Any
) -> dict[str, Any]:
    """Erase every registration of a number, at the person's request (GDPR art. 17).

    After the erasure, no list of the registry protects the number.  The registry then
    refuses look-ups for days on which the number was protected.

    Example:
        bloctel registry forget sqlite:///oppositions.db "06 39 98 12 34"
    """
    return {"erased": registry.forget(on=on, **number)}


@_group.command()
def backup(
    registry: Registry,
    file: str = options.new_file("FILE", "The file; an older backup is replaced.", ...),
) -> None:
    """Copy an SQLite registry to a file; programs may use the registry meanwhile.

    The copy can be opened only after the command 'bloctel registry mark-restored'.  To
    copy a registry in another database, use the backup tools of its server.

    Example:
        bloctel registry backup sqlite:///oppositions.db oppositions.backup
    """
    registry.backup(file)


@app.command("mark-restored")
def mark_restored(
    url: str = options.REGISTRY, secret: bytes | None = options.SECRET
) -> None:
    """Mark an SQLite registry as restored from a backup, so that it can be opened.

    A backup cannot be opened before this command, because changes made after the backup
    are missing.  If the command is interrupted, run the command again.  Afterwards,
    register the missing changes again.  Only SQLite registries need this command.

    Example:
        bloctel registry mark-restored sqlite:///oppositions.db
    """
    Registry.mark_restored(url, secret=secret)


@app.command()
def heartbeat(url: str = options.REGISTRY) -> None:
    """Store the current time every second, for look-ups on copies of the server.

    A copy is a standby or a replica of the database server.  The last time that reached
    a copy shows the age of its data; look-ups refuse data that is too old.  Run this
    command all the time, with the URL of the primary server.  If the server does not
    answer, the command ends with an error: let a service manager restart the command.

    Example:
        bloctel registry heartbeat postgresql://bloctel@db.example/oppositions
    """
    storage = open_storage(url)
    storage.check()
    while True:
        storage.write_heartbeat()
        Event().wait(_HEARTBEAT_SECONDS)


@_group.command("block-prefix", options.OnList)
def block_prefix(
    registry: Registry,
    prefix: str = _PREFIX,
    allow_future: bool = options.ALLOW_FUTURE,
    **given: Any,
) -> None:
    """Block all numbers with a prefix; a rule for a longer prefix has priority.

    Example:
        bloctel registry block-prefix sqlite:///oppositions.db 0899 --list own
    """
    registry.block_prefix(prefix, allow_future=allow_future, **given)


@_group.command("allow-prefix", options.OnList)
def allow_prefix(registry: Registry, prefix: str = _PREFIX, **given: Any) -> None:
    """Exempt all numbers with a prefix from a rule that blocks a shorter prefix.

    Example:
        bloctel registry allow-prefix sqlite:///oppositions.db 089912 --list own
    """
    registry.allow_prefix(prefix, **given)


@_group.command("drop-prefix", options.OnList)
def drop_prefix(registry: Registry, prefix: str = _PREFIX, **given: Any) -> None:
    """End the prefix rule for the numbers with a prefix.

    Example:
        bloctel registry drop-prefix sqlite:///oppositions.db 0899 --list own
    """
    registry.drop_prefix(prefix, **given)


@_group.command()
def prefixes(registry: Registry) -> io.Rows:
    """Show every prefix rule of the registry, past and present.

    Example:
        bloctel registry prefixes sqlite:///oppositions.db
    """
    return io.entries(PrefixEntry, registry.prefixes())
