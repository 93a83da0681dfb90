"""`bloctel audit`: which calls of a log did the law of their day forbid?"""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from bloctel._util.atomic_files import is_same_file, replacing
from bloctel.bulk.read_call_log import read_call_log
from bloctel.cli.io import print_record
from bloctel.cli.options.call import (
    AboutOption,
    AgainstOption,
    AutomatedOption,
    CallerOption,
    ChannelOption,
    ConsentsOption,
    CountryOption,
    FirmOption,
    LocalHolidaysOption,
    PurposeOption,
    SectorOption,
    TimeZoneOption,
    TrustOption,
    opened_desk,
)
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    ListsOption,
    RegionOption,
    SecretFileOption,
)
from bloctel.compliance import Decision
from bloctel.errors import InputError
from bloctel.rules import Certainty
from bloctel.rules.law import Channel

if TYPE_CHECKING:
    from bloctel.compliance import Audit

__all__ = ["audit"]


def _names(texts: list[str] | None) -> dict[str, str]:
    """Return the file's names of columns by ours, from NAME=THEIRS."""
    names = {}
    for text in texts or ():
        name, equals, theirs = text.partition("=")
        if not (equals and name and theirs):
            raise typer.BadParameter("expected a column as number=telephone")
        names[name] = theirs
    return names


def audit(
    calls: Annotated[
        Path,
        typer.Argument(
            metavar="CALLS", help="A CSV or Parquet file of past calls, one a row."
        ),
    ],
    column: Annotated[
        Optional[list[str]],
        typer.Option(
            "--column",
            metavar="NAME=THEIRS",
            help="What the file calls a column: number, at, outcome, purpose, sector, "
            "caller, automated, about, channel or time_zone; may be repeated.",
        ),
    ] = None,
    log_time_zone: Annotated[
        Optional[str],
        typer.Option(
            "--log-time-zone",
            metavar="ZONE",
            help="The time zone of moments written without one, as Europe/Paris.",
        ),
    ] = None,
    purpose: PurposeOption = None,
    sector: SectorOption = None,
    caller: CallerOption = None,
    automated: AutomatedOption = None,
    about: AboutOption = None,
    channel: ChannelOption = Channel.VOICE,
    against: AgainstOption = None,
    lists: ListsOption = None,
    country: CountryOption = "FR",
    time_zone: TimeZoneOption = None,
    consents: ConsentsOption = None,
    firm: FirmOption = None,
    local_holidays: LocalHolidaysOption = False,
    trust: TrustOption = Certainty.V2,
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output",
            metavar="FILE",
            help="Where the table of breaches goes, as CSV: a row for each call and "
            "ground, with the article, the fine and what would have cured it.",
        ),
    ] = None,
    unsettled: Annotated[
        Optional[Path],
        typer.Option(
            "--unsettled",
            metavar="FILE",
            help="Where the same table goes of calls of which we do not know.",
        ),
    ] = None,
    secret_file: SecretFileOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Judge past calls by the law and the lists of the day of each.

    What a column says of each call, an option says of all, where there is no such
    column.  Attempts are counted from the log itself.  This is no legal advice.

    Exit code: 0 all were lawful, 1 one was not, 2 wrong usage or bad input, 3 none was
    unlawful, and of some we do not know.

    Example:
        bloctel audit calls.csv --purpose sale --sector insurance
        --caller "01 62 00 00 00" --automated --against sqlite:///oppositions.db
        --output breaches.csv
    """
    _refuse_overwriting(calls, output, unsettled)
    with opened_desk(
        country,
        against=against,
        consents=consents,
        secret_file=secret_file,
        region=region,
        lists=lists,
        firm=firm,
        local_holidays=local_holidays,
        trust=trust,
    ) as desk:
        found = desk.audit(
            read_call_log(calls, names=_names(column)),
            log_time_zone=log_time_zone,
            purpose=purpose,
            sector=sector,
            caller=caller,
            automated=automated,
            about=about,
            channel=channel,
            time_zone=time_zone,
            region=region,
        )
    for path, decision in ((output, Decision.NO), (unsettled, Decision.ASK)):
        if path is not None:
            _write(path, found.table(decision))
    print_record(_summary(found), format)
    raise typer.Exit(_exit_code(found))


def _refuse_overwriting(calls: Path, *targets: Path | None) -> None:
    for target in targets:
        if target is not None and is_same_file(calls, target):
            raise InputError("a file of its own", "the log itself", "the output")


def _write(path: Path, table: dict[str, Any]) -> None:
    with replacing(path) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table)
        columns = [column.tolist() for column in table.values()]
        for row in zip(*columns, strict=True):
            writer.writerow(map(_cell, row))
        text.detach()  # which writes what is left; the file is closed by its owner


def _cell(value: object) -> object:
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value


def _summary(found: Audit) -> dict[str, object]:
    decisions = found.decisions
    return {
        "rows": found.n_rows,
        "calls": found.n_calls,
        "lawful": decisions[Decision.YES],
        "breaches": decisions[Decision.NO],
        "grounds": found.grounds,
        "not_known": decisions[Decision.ASK],
        "unreadable": len(found.unreadable),
    }


def _exit_code(found: Audit) -> int:
    if found.decisions[Decision.NO]:
        return 1
    return 3 if found.decisions[Decision.ASK] or len(found.unreadable) else 0
