"""`bloctel scrub --receipt` and `bloctel receipt`."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bloctel._util import clock
from bloctel.scrub.receipts import FileDigest, read
from tests.helpers.command_line import Done, run, sentence
from tests.helpers.receipt_samples import EXAMPLE, chain, edited
from tests.oracles import receipt as oracle

TODAY = clock.today("Europe/Paris")


@pytest.fixture
def folder(tmp_path: Path, lists: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a call file and a list."""
    monkeypatch.chdir(tmp_path)
    Path("calls.csv").write_text("tel\n0199000001\n0261910002\n12\n")
    assert lists.name == "oppositions.csv"
    return tmp_path


def scrub(*options: object, file: str = "calls.csv", input: str | None = None) -> Done:
    """Run `scrub` on the call file of the folder, with these options."""
    against = ("--against", "oppositions.csv", "--column", "1")
    outputs = ("--output", "clear.csv", "--blocked", "blocked.csv")
    return run("scrub", file, *against, *outputs, *options, input=input)


def checks(*options: object, code: int) -> dict[str, bool]:
    """Run `receipt verify`; return for each part whether it agrees."""
    done = run("receipt", "verify", "r.json", *options, "--format", "json")
    assert done.code == code, done
    return {check["part"]: check["agrees"] for check in json.loads(done.stdout)}


def test_a_receipt_from_beginning_to_end(folder: Path) -> None:
    """Create a key, scrub, verify everything, list files that are due."""
    made = run("receipt", "key", "key.pem", "--format", "json")
    public_key = json.loads(made.stdout)["public_key"]
    Path("key.pub").write_text(run("receipt", "key", "other.pem").stdout)

    done = scrub(
        *("--receipt", "r.json", "--journal", "j.jsonl", "--sign-key", "key.pem")
    )

    assert done.code == 0
    assert stat.S_IMODE(Path("key.pem").stat().st_mode) & 0o077 == 0 or os.name == "nt"
    files = ("--input", "calls.csv", "--output-folder", ".", "--journal", "j.jsonl")
    all_of_them = ["receipt", "input", "blocked", "clear", "signature", "journal"]
    assert checks(*files, "--public-key", public_key, code=0) == dict.fromkeys(
        all_of_them, True
    )
    wrong = checks(*files, "--public-key", "key.pub", code=1)
    assert [part for part, agrees in wrong.items() if not agrees] == ["signature"]
    shown = json.loads(run("receipt", "show", "r.json", "--format", "json").stdout)
    assert shown == json.loads(Path("r.json").read_bytes())
    numbered = run("receipt", "show", "j.jsonl", "--number", 1, "--format", "json")
    assert json.loads(numbered.stdout) == shown
    (file,) = json.loads(run("receipt", "status", "j.jsonl", "--format", "json").stdout)
    assert file["input"] == "calls.csv"
    assert file["state"] == "valid"
    assert oracle.is_complete(Path("j.jsonl").read_bytes())


def test_differences_are_named(folder: Path) -> None:
    """`verify` prints a line for each difference, and its exit code is 1."""
    scrub("--receipt", "r.json", "--journal", "j.jsonl")
    scrub("--receipt", "s.json", "--journal", "k.jsonl")
    files = ("--input", "calls.csv", "--output-folder", ".", "--journal", "j.jsonl")
    assert all(checks(*files, code=0).values())

    Path("calls.csv").write_text("tel\n0199000001\n0261910002\n13\n")
    Path("clear.csv").unlink()
    Path("blocked.csv").write_text("")

    assert checks(*files, code=1) == {
        "receipt": True,
        "input": False,
        "clear": False,
        "blocked": False,
        "journal": True,
    }
    given = ("--clear", "calls.csv", "--blocked", "r.json", "--invalid", "r.json")
    found = checks(*given, "--journal", "k.jsonl", code=1)
    assert {part for part, agrees in found.items() if not agrees} >= {
        "clear",
        "blocked",
        "invalid",
    }


def test_a_signature_that_is_demanded_must_be_there(folder: Path) -> None:
    """A receipt without a signature does not agree with a key."""
    scrub("--receipt", "r.json")

    assert checks("--public-key", "a" * 64, code=1) == {
        "receipt": True,
        "signature": False,
    }


@pytest.mark.parametrize("key", ["0199000001", "none.pub", "calls.csv"])
def test_an_invalid_public_key_is_not_repeated(key: str, folder: Path) -> None:
    """The error about an invalid public key does not repeat it."""
    scrub("--receipt", "r.json")

    said = sentence(run("receipt", "verify", "r.json", "--public-key", key))

    assert said.endswith("- at --public-key")
    assert "0199" not in said


def test_standard_streams_are_in_the_receipt(folder: Path) -> None:
    """The receipt has no file names for standard streams."""
    text = Path("calls.csv").read_text()

    done = run(
        *("scrub", "-", "--against", "oppositions.csv", "--column", "tel"),
        *("--output", "-", "--receipt", "r.json"),
        input=text,
    )

    assert done.stdout == "tel\n0261910002\n"
    receipt = read("r.json")
    assert receipt.input.name is None
    Path("clear").write_text(done.stdout)
    assert all(checks("--input", "calls.csv", "--clear", "clear", code=0).values())
    assert not checks("--output-folder", ".", code=1)["clear"]


def test_a_key_alone_is_refused(folder: Path) -> None:
    """`--sign-key` without a receipt or journal is refused, and nothing is written."""
    run("receipt", "key", "key.pem")

    assert "--receipt or --journal" in sentence(scrub("--sign-key", "key.pem"))
    assert not Path("clear.csv").exists()


def test_a_receipt_that_cannot_be_written_stops_the_scrub(folder: Path) -> None:
    """The scrub stops before it writes; a truncated journal gives exit code 3."""
    Path("j.jsonl").write_bytes(b"".join(r.line for r in chain(2))[:-5])

    assert sentence(scrub("--receipt", "calls.csv"))
    assert sentence(scrub("--receipt", "clear.csv"))
    said = sentence(scrub("--journal", "j.jsonl"), code=3)

    assert "bloctel receipt mend" in said
    assert not Path("clear.csv").exists()
    mended = run("receipt", "mend", "j.jsonl", "--format", "json")
    assert Path(json.loads(mended.stdout)["moved to"]).exists()
    assert scrub("--journal", "j.jsonl").code == 0


@pytest.mark.parametrize("verb", ["verify", "show"])
def test_an_invalid_receipt_is_exit_code_3(verb: str, folder: Path) -> None:
    """A receipt that is damaged, newer, missing or another format gives exit code 3."""
    for content in (
        EXAMPLE.line[:-1],
        b"tel\n",
        edited(lambda record: record.update(version=2)),
        edited(lambda record: record.update(region=3)),
        None,
    ):
        Path("r.json").unlink(missing_ok=True)
        if content is not None:
            Path("r.json").write_bytes(content)

        assert sentence(run("receipt", verb, "r.json"), code=3)


def test_a_broken_chain_is_exit_code_3_for_status_and_a_line_for_verify(
    folder: Path,
) -> None:
    """A journal with a removed line is refused by `status`, and fails `verify`."""
    first, second, third = chain(3)
    Path("r.json").write_bytes(third.line)
    Path("j.jsonl").write_bytes(first.line + third.line)

    assert "line 2" in sentence(run("receipt", "status", "j.jsonl"), code=3)
    assert not checks("--journal", "j.jsonl", code=1)["journal"]
    assert sentence(run("receipt", "show", "j.jsonl", "--number", 2), code=3)
    assert second.line not in Path("j.jsonl").read_bytes()


def test_status_is_valid_due_or_overdue(folder: Path) -> None:
    """A due file gives exit code 1; a truncated line is reported at the end."""
    scrub("--journal", "j.jsonl")
    ends = TODAY + timedelta(days=30)

    def status(on: object, *options: object) -> tuple[str, int]:
        done = run(
            *("receipt", "status", "j.jsonl", "--on", on, *options),
            *("--format", "csv"),
        )
        (row,) = csv.DictReader(io.StringIO(done.stdout))
        return row["state"], done.code

    assert status(TODAY) == ("valid", 0)
    assert status(ends - timedelta(days=7)) == ("due", 1)
    assert status(ends - timedelta(days=7), "--within", 6) == ("valid", 0)
    assert status(ends) == ("overdue", 1)
    with Path("j.jsonl").open("ab") as file:
        file.write(b'{"aga')
    assert status(TODAY) == ("valid", 3)


def test_names_reach_the_terminal_escaped(folder: Path) -> None:
    """Escape sequences, line feeds and direction marks are shown as escapes."""
    name = "a\x1b[2J\n\x9b\u202e.csv"
    mark = FileDigest(name=name, size=1, sha256="a" * 64)
    hostile = replace(EXAMPLE, input=mark, outputs={"clear": mark}, columns=(name,))
    Path("r.json").write_bytes(hostile.line)
    for command in (
        ("receipt", "show", "r.json"),
        ("receipt", "status", "r.json"),
        ("receipt", "verify", "r.json", "--output-folder", "."),
    ):
        for format in ("table", "json", "csv"):
            done = run(*command, "--format", format)

            assert done.code in (0, 1)
            for char in name.replace(".csv", "").replace("\n", ""):
                if not char.isprintable():
                    assert char not in done.stdout + done.stderr
            assert "2J\n" not in done.stdout


def test_every_format_has_the_same_fields(folder: Path) -> None:
    """CSV and JSON have the same fields, for each `receipt` command."""
    scrub("--receipt", "r.json", "--journal", "j.jsonl")
    for command in (
        ("receipt", "verify", "r.json", "--input", "calls.csv"),
        ("receipt", "status", "j.jsonl"),
        ("receipt", "mend", "j.jsonl"),
    ):
        record = json.loads(run(*command, "--format", "json").stdout)
        record = record[0] if isinstance(record, list) else record
        header = next(csv.reader(io.StringIO(run(*command, "--format", "csv").stdout)))
        assert list(record) == header
        assert run(*command).stdout
