"""`bloctel audit`: judge past calls by the law of their day."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bloctel._util.atomic_files import is_same_file, replacing
from bloctel.bulk.read_call_log import read_call_log
from bloctel.cli.io import print_record
from bloctel.cli.options.call import (
    AboutOption,
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
    OptionalAgainstOption,
    RegionOption,
    SecretOption,
    argument,
    option,
    parse_pairs,
)
from bloctel.compliance import Decision
from bloctel.errors import InputError
from bloctel.rules import Certainty
from bloctel.rules.law import Channel

if TYPE_CHECKING:
    from bloctel.compliance import Audit

__all__ = ["audit"]


def audit(
    calls: Annotated[
        Path, argument("CALLS", "A CSV or Parquet file of past calls, one per row.")
    ],
    column: Annotated[
        list[str] | None,
        option(
            "--column FIELD=COLUMN",
            "The column of a field, by name; may be repeated.  Fields are number, at, "
            "outcome, purpose, sector, caller, automated, about, channel, time_zone.",
        ),
    ] = None,
    log_time_zone: Annotated[
        str | None,
        option(
            "--log-time-zone ZONE",
            "The time zone of times without a UTC offset, such as Europe/Paris.",
        ),
    ] = None,
    purpose: PurposeOption = None,
    sector: SectorOption = None,
    caller: CallerOption = None,
    automated: AutomatedOption = None,
    about: AboutOption = None,
    channel: ChannelOption = Channel.VOICE,
    against: OptionalAgainstOption = None,
    lists: ListsOption = None,
    country: CountryOption = "FR",
    time_zone: TimeZoneOption = None,
    consents: ConsentsOption = None,
    firm: FirmOption = None,
    local_holidays: LocalHolidaysOption = False,
    trust: TrustOption = Certainty.V2,
    output: Annotated[
        Path | None,
        option(
            "--output FILE",
            "Write the breaches to this file, as CSV: a row for each call and ground, "
            "with the article, the fine and what would have made the call lawful.",
        ),
    ] = None,
    unsettled: Annotated[
        Path | None,
        option(
            "--unsettled FILE",
            "Write the same table of the calls that could not be judged.",
        ),
    ] = None,
    secret: SecretOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Judge past calls by the law and the lists of the day of each call.

    A column gives a fact for each call.  Without that column, an option gives it for
    all calls.  Attempts are counted from the log itself.  This is not legal advice.

    Exit code: 0 all were lawful, 1 one was not, 2 wrong usage or invalid input, 3 some
    could not be judged and the others were lawful.

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
        secret=secret,
        region=region,
        lists=lists,
        firm=firm,
        local_holidays=local_holidays,
        trust=trust,
    ) as desk:
        found = desk.audit(
            read_call_log(calls, names=parse_pairs(column)),
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
            raise InputError(
                "an output that is not the log",
                "the log itself",
                str(target),
                message="the output would overwrite the log",
            )


def _write(path: Path, table: dict[str, Any]) -> None:
    with replacing(path) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table)
        columns = [column.tolist() for column in table.values()]
        for row in zip(*columns, strict=True):
            writer.writerow(map(_cell, row))
        text.detach()  # flushes; `replacing` closes the file


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
