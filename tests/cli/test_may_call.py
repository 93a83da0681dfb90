"""`bloctel may-call` and `bloctel countries`."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel.registry.registry import Registry
from bloctel.rules import law
from tests.helpers.command_line import LISTED, NOT_LISTED, run, sentence

if TYPE_CHECKING:
    from pathlib import Path

#: Before there were hours, so that neither a call log nor consents are missing.
IN_2022 = ("--at", "2022-05-31T21:00+02:00", "--caller", "01 62 00 00 00")
SALE = ("--purpose", "sale", "--sector", "travel")


@pytest.fixture
def both(tmp_path: Path) -> str:
    """A registry with one number on the French list, and an empty list `own`."""
    url = f"sqlite:///{tmp_path / 'both.db'}"
    with Registry.create(url, lists=["fr.bloctel", "own"]) as created:
        created.register(LISTED, list="fr.bloctel", on=date(2022, 1, 3))
    return url


def test_the_exit_code_is_the_answer(both: str) -> None:
    """The text begins with yes, no or ask, and the exit code is 0, 1 or 3."""
    for number, known, code, starts in (
        (NOT_LISTED, SALE, 0, "Yes: "),
        (LISTED, SALE, 1, "No: "),
        (LISTED, SALE[:2], 1, "No: "),
        (NOT_LISTED, SALE[:2], 3, "Ask: "),
        (NOT_LISTED, (), 3, "Ask: "),
        (LISTED, ("--purpose", "survey"), 0, "Yes: "),
    ):
        done = run("may-call", number, *IN_2022, *known, "--against", both)

        assert (done.code, done.stderr) == (code, "")
        assert done.stdout.startswith(starts)
        assert done.stdout.rstrip().endswith("This is not legal advice.")


def test_programs_get_a_record(both: str) -> None:
    """JSON and CSV contain the same record."""
    command = ("may-call", LISTED, *IN_2022, *SALE, "--against", both, "--format")

    record = json.loads(run(*command, "json").stdout)
    [row] = csv.DictReader(io.StringIO(run(*command, "csv").stdout))

    assert record == {
        "decision": "no",
        "reasons": ["listed"],
        "missing": ["consents"],
        "rules": ["fr.regime.2020-07-26"],
        "sources": [
            "Code de la consommation, L223-1, al. 1 (version in force on 2020-07-26)"
        ],
        "certainty": "V1",
        "next_allowed_at": None,
    }
    assert row["decision"] == "no"
    assert row["next_allowed_at"] == ""


def test_the_answer_gives_the_next_allowed_instant(both: str) -> None:
    """The answer says from when the call may be made."""
    command = ("may-call", NOT_LISTED, "--purpose", "survey", "--against", both)
    before = ("--at", "2016-05-31T21:00+02:00", "--caller", "01 62 00 00 00")

    words = run(*command, *before)
    french = run(*command, *before, "--lang", "fr")
    record = json.loads(run(*command, *before, "--format", "json").stdout)

    at = "2016-06-01T00:00:00+02:00"
    assert words.stdout.endswith(
        f"From what is known now, the call may be made from {at}\n"
    )
    assert french.stdout.startswith("À vérifier\xa0: ")
    assert french.stdout.endswith(f"il est permis à partir de {at}\n")
    assert record["next_allowed_at"] == at


def test_options_reach_the_desk(both: str) -> None:
    """Each option changes the answer about at least one call."""
    survey = ("may-call", NOT_LISTED, *IN_2022[:2], "--purpose", "survey")
    late = ("may-call", NOT_LISTED, "--at", "2024-05-22T15:30-04:00")
    for arguments, reason in (
        ((*survey, "--caller", "masked"), "caller_masked"),
        ((*survey, "--channel", "sms"), "other_channel"),
        (
            (*late, *SALE, "--time-zone", "America/Martinique", "--local-holidays"),
            "holiday",
        ),
        (
            (*late, *SALE, "--caller", "0199000000", "--automated"),
            "caller_not_verified",
        ),
        (("may-call", "+32470000000", "--country", "BE"), "country_not_judged"),
    ):
        done = run(*arguments, "--against", both, "--format", "json")
        assert reason in json.loads(done.stdout)["reasons"]
    public = ("may-call", NOT_LISTED, *IN_2022, "--purpose", "public_service")
    assert run(*public).code == 3
    assert run(*public, "--trust", "R").code == 0
    own = ("may-call", NOT_LISTED, *IN_2022, *SALE, "--against", both, "--list", "own")
    assert run(*own).code == 3


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("O199000000",), "(reason: letters)"),
        ((NOT_LISTED, "--caller", "O199000000"), "(reason: letters) - at caller"),
        ((NOT_LISTED, "--sector", "0199001234"), "expected one of energy_renovation"),
        ((NOT_LISTED, "--country", "0199001234"), "a country code of two cap"),
        ((NOT_LISTED, "--time-zone", "0199001234"), "a time zone such as"),
    ],
)
def test_invalid_facts_are_errors(arguments: tuple[str, ...], text: str) -> None:
    """The error is one sentence without the digits of the argument."""
    said = sentence(run("may-call", *arguments))

    assert text in said
    assert "1234" not in said


@pytest.mark.parametrize(
    "at", ["2026-11-23", "2026-11-23T10:30", "10:30", "now", "0199001234"]
)
def test_an_instant_needs_its_offset(at: str) -> None:
    """A time without its UTC offset is refused."""
    done = run("may-call", NOT_LISTED, "--at", at)

    assert done.code == 2
    assert "with its UTC offset" in " ".join(done.stderr.split())
    assert "1234" not in done.stderr


def test_countries_are_listed_with_their_certainty() -> None:
    """The command lists all facts, or only the facts of given countries or of a day."""
    rows = list(csv.DictReader(io.StringIO(run("countries", "--format", "csv").stdout)))

    assert len(rows) == sum(len(country.facts) for country in law.countries())
    assert {row["certainty"] for row in rows} == {"V1", "V2"}
    some = json.loads(run("countries", "US", "GB", "--format", "json").stdout)
    assert list(dict.fromkeys(row["country"] for row in some)) == ["US", "GB"]
    on = json.loads(
        run("countries", "US", "--on", "2020-01-01", "--format", "json").stdout
    )
    assert len(on) == len([row for row in some if row["country"] == "US"]) - 2
    assert "a registration is permanent" in run("countries", "AU").stdout


def test_an_unknown_country_is_refused() -> None:
    """An unknown country is refused: an empty table would look like "no rules"."""
    assert "expected one of the countries AU, BE" in sentence(run("countries", "XX"))
    assert "1234" not in sentence(run("countries", "0199001234"))
