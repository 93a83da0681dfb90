"""`bloctel audit`: judge past calls by the law in force on the day of each call."""

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from bloctel.bulk.read_call_log import read_call_log
from bloctel.cli import options
from bloctel.cli.call_options import CallOptions, DeskOptions, opened_desk
from bloctel.cli.io import print_record
from bloctel.cli.options import Format, argument, new_file, option, parse_pairs, taking
from bloctel.compliance import Audit, Decision
from bloctel.tabular.outputs import open_output


@taking(CallOptions, DeskOptions)
def audit(
    calls: Path = argument(
        "CALLS", "A CSV or Parquet file of past calls, one per row."
    ),
    column: list[str] | None = option(
        "--column FIELD=COLUMN",
        "The name of the column of a field; may be repeated.  Fields are number, at, "
        "outcome, reservation, purpose, sector, caller, automated, business_line, "
        "subject, channel, time_zone.",
    ),
    log_time_zone: str | None = option(
        "--log-time-zone ZONE",
        "The time zone of times without a UTC offset, such as Europe/Paris.",
    ),
    call_log: str | None = option(
        "--calls URL",
        "The log in which a desk reserved the calls (see bloctel calls).  It contains "
        "verdicts of the lists, which are used if the data of a list was erased.  The "
        "field reservation is the id of the call in this log.",
    ),
    output: Path | None = new_file(
        "--output FILE",
        "Write the breaches to this CSV file.  There is a row for each breach of a "
        "call, with the article, the fine and the condition for a lawful call.",
    ),
    unsettled: Path | None = new_file(
        "--unsettled FILE", "Write the calls that could not be judged to this CSV file."
    ),
    format: Format = options.FORMAT,
    **given: Any,
) -> None:
    """Judge past calls by the law and the lists in force on the day of each call.

    A column of the file contains a fact about each call.  If the file has no column for
    a fact, an option gives the fact for all calls.  To apply the legal limit of calls,
    the command counts the calls in this file.  This is not legal advice.

    Exit code: 0 all calls were lawful, 1 a call was not lawful, 2 wrong usage or
    invalid input, 3 a call could not be judged and the other calls were lawful.

    Example:
        bloctel audit calls.csv --purpose sale --sector insurance
        --caller "01 62 00 00 00" --automated --against sqlite:///oppositions.db
        --output breaches.csv
    """
    names = parse_pairs("--column", column)
    with opened_desk(given, calls=call_log) as (desk, facts):
        region = facts["region"] or desk.country
        log = read_call_log(calls, names=names, region=region)
        found = desk.audit(log, log_time_zone=log_time_zone, **facts)
    for path, decision in ((output, Decision.NO), (unsettled, Decision.ASK)):
        if path is not None:
            _write(path, found.table(decision))
    print_record(_summary(found), format)
    raise typer.Exit(_exit_code(found))


def _write(path: Path, table: dict[str, Any]) -> None:
    with open_output("the audit", path) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table)
        columns = [column.tolist() for column in table.values()]
        for row in zip(*columns, strict=True):
            writer.writerow(map(_cell, row))
        text.detach()  # this flushes the text; `open_output` closes the file


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
        "stored_verdicts": found.n_stored,
    }


def _exit_code(found: Audit) -> int:
    if found.decisions[Decision.NO]:
        return 1
    return 3 if found.decisions[Decision.ASK] or len(found.unreadable) else 0
