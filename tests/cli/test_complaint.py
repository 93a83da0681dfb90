"""`bloctel complaint`: adding, judging, exporting and analysing complaints."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import pytest

from bloctel import Registry
from tests.helpers.callers import Population
from tests.helpers.command_line import Done, run, sentence

if TYPE_CHECKING:
    from pathlib import Path

AT: Final = ("--at", "2026-11-25T09:30+01:00")
TOLD: Final = (
    *("--called", "06 39 98 12 34", "--on", "2026-11-23", "--from", "10:30"),
    *("--shown", "01 99 00 56 78", "--sector", "insurance"),
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A storage for complaints."""
    made = f"sqlite:///{tmp_path / 'complaints.db'}"
    assert run("complaint", "create", made) == Done(0, "", "")
    return made


def added(url: str, *given: str) -> dict[str, Any]:
    """Add a complaint and return its status."""
    done = run("complaint", "add", url, *given, *AT, "--format", "json")
    assert (done.code, done.stderr) == (0, "")
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def test_the_life_of_a_complaint(url: str) -> None:
    """Received, admissible, forwarded, closed; the person can read the status."""
    id = added(url, *TOLD)["id"]
    for step in ("judge", "forward", "close"):
        done = run("complaint", step, url, id, *AT, "--format", "json")
        assert (done.code, done.stderr) == (0, "")
        assert json.loads(done.stdout)["missing"] == []

    french = run("complaint", "where", url, id)
    english = run("complaint", "where", url, id, "--lang", "en")

    assert french.stdout.startswith(f"Réclamation {id}\xa0: clôturée.\n")
    assert "25 novembre 2026\xa0: transmise\xa0: DGCCRF" in french.stdout
    assert english.stdout.startswith(f"Complaint {id}: closed.\n")
    assert "39 98" not in french.stdout + english.stdout


def test_the_day_of_a_step_is_a_day_in_paris(url: str) -> None:
    """A step at 00:30 in Paris has the new day, not the day in UTC."""
    at = ("--at", "2026-11-25T00:30+01:00", "--format", "json")
    status = json.loads(run("complaint", "add", url, *TOLD, *at).stdout)
    (listed,) = json.loads(run("complaint", "list", url, "--format", "json").stdout)

    assert (status["since"], listed["since"]) == ("2026-11-25", "2026-11-25")


def test_a_signal_is_completed(url: str) -> None:
    """`complete` adds the missing field to a signal, and keeps its other fields."""
    signal = added(url, *TOLD[:-2], "--caller", "Brelovantis")
    assert (signal["state"], signal["missing"]) == ("signal", ["sector"])

    done = run(
        *("complaint", "complete", url, signal["id"]),
        *("--sector", "insurance", *AT, "--format", "json"),
    )

    assert json.loads(done.stdout)["state"] == "received"
    shown = json.loads(
        run("complaint", "show", url, signal["id"], "--format", "json").stdout
    )
    assert shown["caller"] == "Brelovantis"
    assert shown["sector"] == "insurance"
    assert shown["called"] == "+262639981234"
    assert list(shown["steps"]) == ["1 signal", "2 received"]


def test_a_list_does_not_show_the_called_number(url: str) -> None:
    """The list has one line per complaint, and can be shown to colleagues."""
    id = added(url, *TOLD, "--text", "they rang 0639981234 twice")["id"]
    added(url, *TOLD[:-2], "--shown", "0639 98 12 34")

    everything = run("complaint", "list", url, "--format", "csv")
    received = run("complaint", "list", url, "--state", "received", "--format", "csv")

    assert len(everything.stdout.splitlines()) == 3
    rows = list(csv.DictReader(io.StringIO(received.stdout)))
    assert [row["id"] for row in rows] == [id]
    assert "39" not in everything.stdout.replace("2026-11-23", "")
    assert "[number called]" in everything.stdout


def test_an_earlier_call_is_judged_by_the_list(url: str, tmp_path: Path) -> None:
    """A registry or a snapshot has the list of that day."""
    target = f"sqlite:///{tmp_path / 'oppositions.db'}"
    with Registry.create(target, lists=["fr.bloctel"]) as registry:
        registry.register("06 39 98 12 34", list="fr.bloctel", on=date(2021, 5, 3))
    listed = added(url, *TOLD, "--on", "2022-01-05")["id"]
    early = added(url, *TOLD, "--on", "2021-05-20")["id"]

    assert "fr.bloctel" in sentence(run("complaint", "judge", url, listed))
    details = [
        json.loads(
            run(
                *("complaint", "judge", url, id, "--against", target),
                *("--format", "json"),
            ).stdout
        )["detail"]
        for id in (listed, early)
    ]

    assert details == ["listed", "within_delay"]


@pytest.mark.parametrize(
    ("option", "detail"),
    [
        ("--consent", "consent"),
        ("--contract", "contract"),
        ("--outside-hours", "out_of_hours"),
        ("--professional-line", "professional_line"),
        ("--purpose=survey", "nothing_sold"),
        ("--within-hours", "no_consent"),
    ],
)
def test_each_fact_changes_the_decision(url: str, option: str, detail: str) -> None:
    """Each option about a fact of the call changes the decision on a complaint."""
    id = added(url, *TOLD)["id"]

    done = run("complaint", "judge", url, id, option, "--format", "json")

    assert json.loads(done.stdout)["detail"] == detail


def test_complaints_are_exported_and_imported(url: str, tmp_path: Path) -> None:
    """An export as JSON has the steps of complaints; a second import adds nothing."""
    id = added(url, *TOLD, "--caller", "=HYPERLINK(1)")["id"]
    run("complaint", "judge", url, id, *AT)

    for kind, state in (("json", "admissible"), ("csv", "received")):
        file = tmp_path / f"complaints.{kind}"
        other = f"sqlite:///{tmp_path / kind}.db"
        run("complaint", "create", other)
        assert run("complaint", "export", url, file, "--as", kind).stdout == (
            "exported  1\n"
        )
        first = run("complaint", "import", other, file, "--format", "json")
        again = run("complaint", "import", other, file, "--format", "json")

        assert json.loads(first.stdout)["added"] == 1
        assert json.loads(again.stdout)["known already"] == 1
        listed = json.loads(run("complaint", "list", other, "--format", "json").stdout)
        assert [(row["id"], row["state"]) for row in listed] == [(id, state)]
        assert listed[0]["caller"] == "=HYPERLINK(1)"
    assert b"'=HYPERLINK" in (tmp_path / "complaints.csv").read_bytes()


def test_an_export_can_go_to_standard_output(url: str) -> None:
    """`-` exports to standard output, and imports from standard input."""
    added(url, *TOLD)

    out = run("complaint", "export", url, "-")
    done = run("complaint", "import", url, "-", input=out.stdout.encode())

    assert out.stderr == "exported  1\n"
    assert "known already  1" in done.stdout


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "a header"),
        (b"\xff\xfe", "text in UTF-8"),
        (b"telephone\n0639981234\n", "only the column names"),
        (b"called,called\n1,2\n", "a repeated name"),
        (b"called,shown\n0639981234\n", "2 fields"),
        (b'called\n"0639981234\n', "CSV"),
        (b"called,text\n0639981234,a\x00b\n", "text without control characters"),
        (b"called,text\n0639981234," + b"x" * 200_000 + b"\n", "CSV"),
        (b"called,text\n0639981234," + b"x" * 20_000 + b"\n", "at most 10,000"),
        (b"called,called_on\n0639981234,23/11/2026\n", "a day such as"),
        (b"id\n1\n", "the id of a complaint"),
        (b"received_at\n2026-11-25\n", "a date and time with its offset"),
        (b"{", "a JSON document"),
        (b"[" * 100_000, "only the column names"),
        (b'{"a":' * 100_000, "a JSON document"),
        (b'{"format": "bloctel.complaints", "version": 2}', "version 1"),
        (
            b'{"format": "bloctel.complaints", "version": 1, "complaints": [1]}',
            "an object",
        ),
        (
            b'{"format": "bloctel.complaints", "version": 1, "complaints": '
            b'[{"called": 33639981234}]}',
            "text",
        ),
        (
            b'{"format": "bloctel.complaints", "version": 1, "complaints": '
            b'[{"called": "0639981234", "called": "0639981235"}]}',
            "a JSON document",
        ),
        (
            b'{"format": "bloctel.complaints", "version": 1, "complaints": '
            b'[{"received_at": "2026-11-25T00:00:00Z", "steps": '
            b'[{"state": "closed", "at": "2026-11-25T00:00:00Z", "detail": "done"}]}]}',
            "the state signal or received",
        ),
        (
            b'{"format": "bloctel.complaints", "version": 1, "complaints": '
            b'[{"received_at": "2026-11-25T00:00:00Z", "steps": '
            b'[{"state": "received", "at": "2026-11-25T00:00:00Z"},'
            b'{"state": "forwarded", "at": "2026-11-25T00:00:00Z", "detail": "X"}]}]}',
            "after the state received",
        ),
        (
            b'{"format": "bloctel.complaints", "version": 1, "complaints": '
            b'[{"received_at": "2026-11-25T00:00:00Z", "steps": '
            b'[{"state": "received", "at": "2026-11-25T00:00:00Z"},'
            b'{"state": "admissible", "at": "2026-11-25T00:00:00Z", '
            b'"detail": "no_consent"}]}]}',
            "only the steps signal and closed",
        ),
        (b"id,sector\nBCDF-GHJK-LMNP,press\n", "received_at"),
    ],
)
def test_a_hostile_file_is_refused_in_a_sentence(
    url: str, tmp_path: Path, content: bytes, expected: str
) -> None:
    """The error gives the position, not the content, and nothing is stored."""
    file = tmp_path / "hostile"
    file.write_bytes(content)

    said = sentence(run("complaint", "import", url, file))

    assert said.startswith(f"expected {expected}") or expected in said
    assert "hostile" in said
    assert "639981234" not in said
    assert json.loads(run("complaint", "list", url, "--format", "json").stdout) == []


def test_missing_complaints_are_reported(url: str, tmp_path: Path) -> None:
    """A mistyped URL or id of a complaint is an error, and creates no storage."""
    assert run("complaint", "list", f"sqlite:///{tmp_path}/none.db").code == 2
    assert "a stored complaint" in sentence(
        run("complaint", "where", url, "BCDF-GHJK-LMNP")
    )
    assert "39 98" not in sentence(run("complaint", "where", url, "06 39 98 12 34"))
    assert "signal" in sentence(
        run("complaint", "complete", url, added(url, *TOLD)["id"])
    )


def test_an_erased_complaint_is_gone(url: str) -> None:
    """A complaint is erased at the person's request (GDPR art. 17)."""
    id = added(url, *TOLD)["id"]

    assert run("complaint", "erase", url, id) == Done(0, "", "")

    assert run("complaint", "where", url, id).code == 2


def test_records_can_be_verified(url: str) -> None:
    """Records are verified alone, and against a digest that was noted earlier."""
    added(url, *TOLD)
    done = run("complaint", "verify", url, "--format", "json")
    verified = json.loads(done.stdout)
    assert (done.code, verified["records"]) == (0, 1)
    added(url, *TOLD)

    known = f"1:{verified['digest']}"
    assert run("complaint", "verify", url, "--known", known).code == 0
    assert run("complaint", "verify", url, "--known", f"1:{'0' * 64}").code == 3


def test_a_secret_file_is_needed_to_read(tmp_path: Path) -> None:
    """Without the secret, nothing can be read."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"0123456789abcdef\n")
    url = f"sqlite:///{tmp_path / 'hidden.db'}"
    run("complaint", "create", url, "--secret-file", secret)
    done = run("complaint", "add", url, *TOLD, "--secret-file", secret)
    assert done.code == 0

    assert run("complaint", "list", url).code == 3
    assert "insurance" in run("complaint", "list", url, "--secret-file", secret).stdout


# -- analysis of many complaints --------------------------------------------------


@pytest.fixture
def many(url: str, tmp_path: Path) -> str:
    """A storage with complaints about many callers."""
    from bloctel.complaints import write_file

    file = tmp_path / "many.json"
    cases = [case for case, _ in Population(3).complaints(300)]
    write_file(file, cases, format="json")
    assert run("complaint", "import", url, file).code == 0
    return url


def test_a_report_is_printed_and_written(many: str, tmp_path: Path) -> None:
    """Patterns go to standard output, and the page and the picture go to files."""
    page, picture = tmp_path / "report.html", tmp_path / "report.svg"

    done = run(
        *("complaint", "report", many, "--html", page, "--plot", picture),
        *("--title", "Autumn", "--format", "json"),
    )

    assert (done.code, done.stderr) == (0, "")
    patterns = json.loads(done.stdout)
    assert {"fiction", "one_caller"} <= {row["pattern"] for row in patterns}
    for row in patterns:
        assert 0 <= row["chance of being wrong"] < 0.01
        assert row["complaints"]
        assert all("•" in number for number in row["shown"])
    assert "<h1><bdi>Autumn</bdi></h1>" in page.read_text(encoding="utf-8")
    assert picture.read_bytes().startswith(b"<?xml")


def test_a_report_shows_numbers_on_request(many: str) -> None:
    """Numbers are masked unless --full is given."""
    masked = run("complaint", "report", many)
    full = run("complaint", "report", many, "--full")

    assert "•" in masked.stdout
    assert "•" not in full.stdout


def test_a_page_can_go_to_standard_output(many: str) -> None:
    """With `-` only the page is written to standard output."""
    done = run("complaint", "report", many, "--html", "-")

    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stdout.rstrip().endswith("</html>")


def test_one_caller_is_drawn(many: str, tmp_path: Path) -> None:
    """The caller is selected by its number in the report."""
    picture = tmp_path / "caller.png"

    assert run("complaint", "report", many, "--plot", picture, "--caller", 1).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    too_many = run("complaint", "report", many, "--plot", picture, "--caller", 9_999)
    assert "a caller in the report, from 1 to" in sentence(too_many)
    assert "--plot" in sentence(run("complaint", "report", many, "--caller", 1))
