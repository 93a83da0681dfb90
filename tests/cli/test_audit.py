"""`bloctel audit`: the table of breaches and the exit code."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

import bloctel
from bloctel.compliance import CallInputs, CallLog, Desk
from tests.helpers.command_line import run

if TYPE_CHECKING:
    from pathlib import Path

WHAT = ("--purpose", "sale", "--sector", "insurance", "--by-hand")
CALL = "0199001234;2024-03-04T10:30Z"
CALLER = ("--caller", "0199000000")


@pytest.fixture
def lists(tmp_path: Path) -> str:
    """A registry with two empty lists."""
    url = f"sqlite:///{tmp_path}/lists.db"
    lists = ("--list", "fr.bloctel", "--list", "own")
    assert run("registry", "create", url, *lists).code == 0
    return url


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _log(path: Path, *rows: str) -> Path:
    path.write_text("number;at\n" + "".join(f"{row}\n" for row in rows))
    return path


def test_a_breach_has_its_article(tmp_path: Path, lists: str) -> None:
    """The table has the row, the instant, the rule, the fine and the cure."""
    log = _log(
        tmp_path / "calls.csv",
        "0199001234;2024-03-04T10:30:00+01:00",
        "0199001235;2024-03-09T10:30:00+01:00",
    )
    output = tmp_path / "breaches.csv"

    done = run("audit", log, *WHAT, *CALLER, "--against", lists, "--output", output)

    assert done.code == 1
    (breach,) = _rows(output)
    assert breach["row"] == "2"
    assert breach["at"] == "2024-03-09T09:30:00Z"
    assert (breach["ground"], breach["rule"]) == ("day", "fr.hours.2023-03-01")
    assert "D223-9" in breach["article"]
    assert breach["company_max_euros"] == "375000"


def test_the_exit_code_is_the_worst(tmp_path: Path, lists: str) -> None:
    """The exit code is 0 if all were lawful, 1 for a breach, 3 if a fact is missing."""
    lawful = _log(tmp_path / "lawful.csv", "0199001234;2024-03-04T10:30:00+01:00")
    unread = _log(tmp_path / "unread.csv", "none;2024-03-04T10:30:00+01:00")
    options = (*WHAT, "--against", lists)

    assert run("audit", lawful, *options, *CALLER).code == 0
    assert run("audit", lawful, *options).code == 3
    assert run("audit", unread, *options, *CALLER).code == 3
    assert run("audit", lawful, *options, "--caller", "masked").code == 1


def test_calls_that_cannot_be_judged_have_their_own_table(
    tmp_path: Path, lists: str
) -> None:
    """A call that lacks a fact is in a second table, which names the missing fact."""
    log = _log(tmp_path / "calls.csv", "0199001234;2024-03-04T10:30:00+01:00")
    output, unsettled = tmp_path / "breaches.csv", tmp_path / "unsettled.csv"

    run(
        *("audit", log, *WHAT, "--against", lists),
        *("--output", output, "--unsettled", unsettled),
    )

    assert _rows(output) == []
    (row,) = _rows(unsettled)
    assert (row["ground"], row["cure"]) == ("caller_missing", "the presented number")


def test_a_column_goes_before_an_option(tmp_path: Path, lists: str) -> None:
    """A value in a column of the log overrides the option that is for all calls."""
    log = tmp_path / "calls.csv"
    log.write_text(
        "telephone,when,shown\n"
        "0199001234,2024-03-04 10:30,masked\n"
        "0199001235,2024-03-04 10:30,0199000000\n"
    )
    names = ("number=telephone", "at=when", "caller=shown")
    columns = [part for name in names for part in ("--column", name)]

    done = run(
        *("audit", log, *columns, "--log-time-zone", "Europe/Paris", *WHAT, *CALLER),
        *("--against", lists, "--format", "json"),
    )

    assert json.loads(done.stdout)["grounds"] == {"caller_masked": 1}


def test_a_stored_verdict_replaces_erased_data(tmp_path: Path, lists: str) -> None:
    """With the call log, a reserved call of an erased day is judged."""
    at = datetime(2024, 3, 4, 9, 30, tzinfo=UTC)
    with bloctel.Registry.open(lists) as book, CallLog.open(lists) as calls:
        book.register("0199001235", list="own", on=date(2023, 1, 2))
        inputs = CallInputs(purpose="sale", sector="travel", automated=False)
        inputs["caller"] = "0199000000"
        call = Desk("FR", book=book, calls=calls).reserve("0199001234", at=at, **inputs)
        book.forget("0199001235")
    log = tmp_path / "calls.csv"
    log.write_text(
        f"number;at;id\n0199001234;2024-03-04T10:31+01:00;{call.call}\n"
        "0199001234;2024-03-05T10:31+01:00;\n"
    )
    what = (*WHAT, *CALLER, "--sector", "travel", "--against", lists)
    audit = ("audit", log, *what, "--column", "reservation=id", "--format", "json")

    without, with_log = (run(*audit, *more) for more in ((), ("--calls", lists)))

    counts = [json.loads(done.stdout) for done in (without, with_log)]
    assert [(one["lawful"], one["not_known"]) for one in counts] == [(0, 2), (1, 1)]
    assert [one["stored_verdicts"] for one in counts] == [0, 1]
    shown = run("calls", "list", lists, "0199001234", "--format", "json")
    clear = "clear on 2024-03-04"
    assert json.loads(shown.stdout)[0]["verdicts"] == {
        "fr.bloctel": clear,
        "own": clear,
    }


def test_parquet_is_read_like_csv(tmp_path: Path, lists: str) -> None:
    """A log in Parquet is read like CSV, and instants keep their time zone."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    at = datetime(2024, 3, 9, 10, 30, tzinfo=ZoneInfo("Europe/Paris"))
    log = tmp_path / "calls.parquet"
    parquet.write_table(pa.table({"number": ["0199001234"], "at": [at]}), log)

    done = run("audit", log, *WHAT, *CALLER, "--against", lists, "--format", "json")

    assert json.loads(done.stdout)["grounds"] == {"day": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("number;when\n0199001234;2024-03-04T10:30:00+01:00\n", "a column 'at'"),
        ("number;at\n0199001234;2024-03-04T10:30:00\n", "a time zone"),
        ("number;at\n0199001234;0199001235\n", "a date and time"),
        ("number;at;outcome\n0199001234;2024-03-04T10:30Z;0199001235\n", "outcome"),
        ("number;at;sector\n0199001234;2024-03-04T10:30Z;0199001235\n", "sector"),
        ("number;at;automated\n0199001234;2024-03-04T10:30Z;maybe\n", "automated"),
        ("number;at;time_zone\n0199001234;2024-03-04T10:30Z;0199001235\n", "time zone"),
        ("number;at\n0199001234;9999-12-31T23:59-12:00\n", "an instant"),
        (f'number;at;x\n{CALL};"a\n{CALL.replace("34;", "35;")};b"\n', "is not read"),
    ],
)
def test_bad_logs_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """The message gives the error and its position, and shows no number."""
    log = tmp_path / "calls.csv"
    log.write_text(text)

    done = run("audit", log, *WHAT, *CALLER, "--output", tmp_path / "breaches.csv")

    assert done.code == 2
    assert said in done.stderr
    assert "01990012" not in done.stderr
    assert not (tmp_path / "breaches.csv").exists()


def test_the_log_is_not_overwritten(tmp_path: Path) -> None:
    """The output must not be the file of the log."""
    log = _log(tmp_path / "calls.csv", "0199001234;2024-03-04T10:30:00+01:00")
    before = log.read_bytes()

    assert run("audit", log, *WHAT, "--output", log).code == 2
    assert log.read_bytes() == before


def test_a_country_without_legal_rules_is_refused(tmp_path: Path) -> None:
    """A country that cannot be judged is an error, not an empty table."""
    log = _log(tmp_path / "calls.csv", "0199001234;2024-03-04T10:30:00+01:00")

    assert run("audit", log, *WHAT, "--country", "BE").code == 2
