"""`bloctel consent` and `bloctel calls`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.helpers.command_line import run, sentence

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = "01 99 00 12 34"
AT = "2026-09-01T18:12+02:00"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A consent register, with a file of evidence in the same folder."""
    made = f"sqlite:///{tmp_path}/consents.db"
    (tmp_path / "form.json").write_text('{"yes": true}')
    assert run("consent", "create", made).code == 0
    return made


def record(url: str, tmp_path: Path, *more: str) -> str:
    """Record a consent, and return its id."""
    done = run(
        "consent",
        "record",
        url,
        NUMBER,
        *("--at", AT, "--firm", "Exemple SA", "--subject", "insurance"),
        *("--evidence", tmp_path / "form.json", "--where", "archive"),
        *("--format", "json", *(more or ("--mention", "all"))),
    )
    assert done.code == 0, done.stderr
    id: str = json.loads(done.stdout)["id"]
    return id


def shown(url: str, *more: str) -> list[dict[str, object]]:
    """Return the records of the number."""
    done = run("consent", "show", url, NUMBER, "--format", "json", *more)
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_from_a_consent_to_its_withdrawal(url: str, tmp_path: Path) -> None:
    """A recorded consent is shown, and later the time of its withdrawal.

    A second record of the same consent is withdrawn with it.
    """
    id = record(url, tmp_path)
    assert record(url, tmp_path, "--mention", "proposal") != id
    done = run(
        *("consent", "withdraw", url, NUMBER, "--channel", "letter"),
        *("--at", "2026-10-01T09:00+02:00", "--id", id),
    )
    assert done.code == 0

    complete, incomplete = shown(url)
    assert complete["complete"] is True
    assert complete["until"] == "2027-09-01"
    assert complete["withdrawn_at"] == "2026-10-01T07:00:00+00:00"
    assert incomplete["complete"] is False
    assert incomplete["withdrawn_at"] == complete["withdrawn_at"]  # the same act
    assert shown(url, "--known-at", AT) == []


def test_slots_and_ends(url: str, tmp_path: Path) -> None:
    """A consent may have a date and time, and an end before the latest legal day."""
    slot = "2026-10-03T18:00+02:00/2026-10-03T19:00+02:00"
    record(url, tmp_path, "--slot", slot, "--expires-on", "2026-11-01")

    assert shown(url)[0]["until"] == "2026-11-01"
    for bad in ("2026-10-03T18:00+02:00", "x/y", "2026-10-03T18:00/2026-10-03T19:00"):
        done = run(
            *("consent", "record", url, NUMBER, "--at", AT, "--firm", "x"),
            *("--subject", "x", "--evidence", tmp_path / "form.json"),
            *("--where", "x", "--slot", bad),
        )
        assert done.code == 2


def test_contracts_and_requests(url: str, tmp_path: Path) -> None:
    """Contracts and requests are shown next to consents."""
    subject = ("--subject", "home insurance")
    done = run(
        *("consent", "contract", url, NUMBER, *subject, "--firm", "Exemple SA"),
        *("--starts-on", "2024-01-01"),
        *("--format", "json"),
    )
    id = json.loads(done.stdout)["id"]
    ended = run("consent", "end-contract", url, NUMBER, id, "--ends-on", "2027-01-01")
    asked = run(
        *("consent", "call-back", url, NUMBER, "--at", AT, "--subject", "heat pump"),
        *("--firm", "Exemple SARL"),
        *("--evidence", tmp_path / "form.json", "--where", "archive"),
    )

    assert ended.code == asked.code == 0
    contract, call_back = shown(url)
    assert (contract["kind"], contract["until"]) == ("contract", "2027-01-01")
    assert (call_back["kind"], call_back["subject"]) == ("call_back", "heat pump")
    assert (contract["firm"], call_back["firm"]) == ("Exemple SA", "Exemple SARL")


def test_a_proof_is_written_and_checked(url: str, tmp_path: Path) -> None:
    """The page goes to standard output, JSON to a file; an altered file is refused."""
    record(url, tmp_path)
    page = run("consent", "proof", url, NUMBER, "--lang", "en")
    assert "2026-09-01 18:12:00+02:00" in page.stdout
    path = tmp_path / "proof.json"
    run("consent", "proof", url, NUMBER, "--format", "json", "--output", path)
    assert run("consent", "check", path, "--format", "csv").stdout == "records\n1\n"

    path.write_text(path.read_text().replace("Exemple SA", "Autre SA", 1))

    sentence(run("consent", "check", path), 3)
    sentence(run("consent", "check", tmp_path / "form.json"), 2)
    sentence(run("consent", "check", tmp_path / "none.json"), 2)


def test_a_crm_is_imported(url: str, tmp_path: Path) -> None:
    """Columns and fixed values are given by options; a second import adds nothing."""
    file = tmp_path / "crm.csv"
    file.write_text(f"tel,on,sum\n{NUMBER},2026-09-01 18:12,{'ab' * 32}\n")
    command = (
        *("consent", "import", url, file, "--column", "number=tel"),
        *("--column", "given_at=on", "--column", "sha256=3", "--set", "where=box"),
        *(
            "--set",
            "firm=Exemple SA",
            "--set",
            "subject=travel",
            "--set",
            "mentions=all",
        ),
        *("--time-zone", "Europe/Paris", "--format", "json"),
    )
    first, again = (json.loads(run(*command).stdout) for _ in range(2))

    assert first == {"rows": 1, "recorded": 1, "known already": 0}
    assert again == {"rows": 1, "recorded": 0, "known already": 1}
    for bad in ("=x", "x", "number"):
        assert run(*command, "--set", bad).code == 2
    assert run(*command, "--set", "where=other").code == 2


def test_altered_records_are_refused(url: str, tmp_path: Path) -> None:
    """`verify` prints a digest to note, and ends with 3 after an alteration."""
    record(url, tmp_path)
    digest = json.loads(run("consent", "verify", url, "--format", "json").stdout)
    assert run("consent", "verify", url, "--known", f"1:{digest['digest']}").code == 0
    sentence(run("consent", "verify", url, "--known", f"1:{'0' * 64}"), 3)
    sentence(run("consent", "verify", url, "--known", f"9:{digest['digest']}"), 3)
    assert run("consent", "verify", url, "--known", "1").code == 2
    with closing(sqlite3.connect(tmp_path / "consents.db")) as raw, raw:
        raw.execute("UPDATE bloctel_record SET at = at - 1")

    assert "record 1 of consents" in sentence(run("consent", "verify", url), 3)
    sentence(run("consent", "show", url, NUMBER), 3)


@pytest.mark.usefixtures("in_2035")
def test_purge_and_forget(url: str, tmp_path: Path) -> None:
    """A proof is erased after three years; a person can have all records erased."""
    record(url, tmp_path)
    for on, n in (("2029-08-31", 0), ("2029-09-01", 1)):
        done = run("consent", "purge", url, "--on", on, "--format", "csv")
        assert done.stdout == f"erased\n{n}\n"
    record(url, tmp_path)
    done = run("consent", "forget", url, NUMBER, "--format", "csv")
    assert done.stdout == "erased\n1\n"
    assert shown(url) == []


def test_the_log_of_calls(tmp_path: Path) -> None:
    """Attempts are logged, concluded, shown, verified, purged and forgotten."""
    url = f"sqlite:///{tmp_path}/calls.db"
    assert run("calls", "create", url).code == 0
    add = ("calls", "add", url, NUMBER, "--at", AT, "--outcome")
    id = json.loads(run(*add, "reserved", "--format", "json").stdout)["id"]
    caller = ("--detail", "caller=+33162000000", "--format", "json")
    other = json.loads(run(*add, "unanswered", *caller).stdout)["id"]
    conclude = ("calls", "conclude", url, id, "--outcome")
    done = run(*conclude, "declined", "--format", "json")
    assert json.loads(done.stdout) == {"id": id, "must_register": False}
    sentence(run(*conclude, "released"), 2)
    sentence(run("calls", "conclude", url, 99, "--outcome", "answered"), 2)

    found = json.loads(run("calls", "list", url, NUMBER, "--format", "json").stdout)
    assert [(call["id"], call["outcome"]) for call in found] == [
        (id, "declined"),
        (other, "unanswered"),
    ]
    assert found[1]["details"] == {"caller": "+33162000000"}
    checked = json.loads(run("calls", "verify", url, "--format", "json").stdout)
    assert (checked["records"], checked["erased"]) == (3, 0)
    before = ("--before", "2026-09-02T00:00+02:00")
    now = datetime.now(UTC).isoformat()
    assert "30 days" in sentence(run("calls", "purge", url, "--before", now), 2)
    purged = run("calls", "purge", url, *before, "--format", "csv")
    assert purged.stdout == "erased\n2\n"
    assert run(*add, "objected", "--format", "csv").stdout.endswith(",True\n")
    done = run("calls", "forget", url, NUMBER, "--format", "csv")
    assert done.stdout == "erased\n2\n"


def test_hidden_lists_are_searched(tmp_path: Path) -> None:
    """Each command with lists opens a hidden registry; without the secret, none does.

    With the secret of other stores, the lists may be hidden or not.
    """
    secret, wrong = tmp_path / "secret", tmp_path / "wrong"
    secret.write_bytes(b"sixteen bytes or more")
    wrong.write_bytes(b"another sixteen bytes or more")
    url, plain, complaints = (f"sqlite:///{tmp_path}/{n}.db" for n in "hpc")
    csv = tmp_path / "calls.csv"
    csv.write_text(f"tel\n{NUMBER}\n")
    with_it = ("--secret-file", secret)
    for lists, options in ((url, with_it), (plain, ())):
        run("registry", "create", lists, "--list", "own", *options)
        run("registry", "register", lists, NUMBER, "--list", "own", *options)
    run("complaint", "create", complaints)
    added = run(
        *("complaint", "add", complaints, "--called", NUMBER, "--on"),
        *("2024-03-04", "--from", "10:30", "--format", "json"),
    )
    case = json.loads(added.stdout)["id"]
    may_call = ("may-call", NUMBER, "--by-hand", "--purpose", "sale", "--at", AT)
    commands = {
        ("check", NUMBER): 1,
        ("scrub", csv, "--column", "tel"): 0,
        ("answers", "give", csv, "--output", tmp_path / "answers.csv"): 0,
        may_call: 3,
        ("complaint", "judge", complaints, case): 2,  # it needs another list
    }

    for command, code in commands.items():
        found = run(*command, "--against", url, *with_it)
        assert "encrypted" not in found.stderr
        assert found.code == code
        for options in ((), ("--secret-file", wrong)):
            refused = run(*command, "--against", url, *options)
            assert (refused.code, "encrypted" in refused.stderr) == (3, True)
    assert "encrypted" not in run(*may_call, "--against", plain, *with_it).stderr
    sentence(run("check", NUMBER, "--against", plain, *with_it), 3)


@pytest.mark.parametrize("command", ["consent", "calls"])
def test_a_missing_storage_is_not_created(tmp_path: Path, command: str) -> None:
    """A typing error in the URL is an error, and creates no file."""
    url = f"sqlite:///{tmp_path}/typo.db"

    sentence(run(command, "verify", url), 2)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_hides_numbers(tmp_path: Path) -> None:
    """With the secret everything works; without it nothing can be read."""
    url = f"sqlite:///{tmp_path}/calls.db"
    secret = tmp_path / "secret"
    secret.write_bytes(b"sixteen bytes or more")
    with_it = ("--secret-file", secret)
    run("calls", "create", url, *with_it)
    run("calls", "add", url, NUMBER, "--outcome", "answered", "--at", AT, *with_it)

    listed = run("calls", "list", url, NUMBER, "--format", "csv", *with_it)

    assert len(listed.stdout.splitlines()) == 2
    sentence(run("calls", "list", url, NUMBER), 3)
