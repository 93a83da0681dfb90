"""Invalid input gives one sentence and an exit code, and writes nothing."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command_line import LISTED, NOT_LISTED, run, sentence
from tests.helpers.own_rules import TEXT


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, with their content."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


CONTENTS = {
    "no such column": (b"nom;mobile\nA;0199000001\n", "the columns 'nom', 'mobile'"),
    "no header": (b"A;0199000001\n", "a first row of 2 cells with numbers"),
    "empty": (b"", "an empty file"),
    "binary": (b"tel\n\x00\x01\x02", "a binary file"),
    "workbook": (b"PK\x03\x04\x14\x00", "the format of the input, Excel"),
    "database": (b"SQLite format 3\x00", "a SQLite database"),
    "cut in a quoted field": (b'tel\n0199000001\n"02619', "inside a quoted field"),
    "floats": (b"tel\n48.85\n2.35\n", "decimal numbers"),
    "one long line": (b"x" * 100_000, "the columns 'xxx"),
}


@pytest.mark.parametrize(("content", "got"), CONTENTS.values(), ids=CONTENTS)
def test_a_bad_call_file_is_one_sentence(
    content: bytes, got: str, lists: Path, tmp_path: Path
) -> None:
    """The error says what content was expected, what was found, and in which file."""
    calls = tmp_path / "calls.csv"
    calls.write_bytes(content)
    before = files(tmp_path)

    done = run(
        *("scrub", calls, "--against", lists, "--column", "tel"),
        *("--output", tmp_path / "clear.csv", "--blocked", tmp_path / "blocked.csv"),
    )

    said = sentence(done)
    assert got in said
    assert str(calls if content[:2] != b"PK" else tmp_path / "clear.csv") in said
    assert len(said) < 500 + len(str(calls))
    assert files(tmp_path) == before


def test_errors_give_the_row_and_the_column(lists: Path, tmp_path: Path) -> None:
    """The position is the one that an editor or a spreadsheet shows."""
    calls = tmp_path / "calls.csv"
    calls.write_text('nom;tel\nA;0199000001\nB;"02619\n')
    bad_list = tmp_path / "list.csv"
    bad_list.write_text("nom;tel\nA;0199000001\nB;O261910002\n")

    cut = run("scrub", calls, "--against", lists, "--column", "tel")
    unread = run("scrub", lists, "--against", bad_list, "--column", "telephone")

    assert sentence(cut).endswith(f"{calls}, row 3")
    assert sentence(unread).endswith(f"{bad_list}, row 3, column 'tel'")


def test_a_directory_or_a_missing_file(lists: Path, tmp_path: Path) -> None:
    """A folder or a missing file is refused as a call file and as a list."""
    for path, got in ((tmp_path, "a directory"), (tmp_path / "no", "no such file")):
        asked = run("check", LISTED, "--against", path)

        assert sentence(asked) == f"expected a CSV file, got {got} - at {path}"
    missing = run("scrub", tmp_path / "no", "--against", lists, "--column", "tel")
    folder = run("scrub", tmp_path, "--against", lists, "--column", "tel")
    several = run("scrub", lists, lists, "--against", lists, "--column", "tel")

    assert sentence(missing) == (
        f"expected a call file, got no such file - at {tmp_path / 'no'}"
    )
    assert sentence(folder) == "--into FOLDER is needed to scrub a folder"
    assert sentence(several) == "--into FOLDER is needed to scrub 2 files"


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs Linux")
def test_an_io_error_of_a_call_file(lists: Path) -> None:
    """A call file that the system cannot read gives a one-sentence error."""
    said = sentence(run("scrub", "/proc/self/mem", "--against", lists, "--column", "1"))

    assert said.startswith("expected a call file, got a file that cannot be read (")


def test_a_file_without_read_permission(
    lists: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test simulates the missing permission, because root may read every file."""
    calls = tmp_path / "calls.csv"
    calls.write_text("tel\n")
    ordinary = open

    def refuse(file: object, *args: Any, **options: Any) -> object:
        if str(file) == str(calls):
            raise PermissionError(13, "Permission denied", str(calls))
        return ordinary(file, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", refuse)

    said = sentence(run("scrub", calls, "--against", lists, "--column", "tel"))

    assert said == (
        "expected a call file, got a file that cannot be read (Permission denied)"
        f" - at {calls}"
    )


@pytest.mark.skipif(not os.path.exists("/proc"), reason="needs Linux")
def test_a_folder_without_write_permission(lists: Path) -> None:
    """The test writes to /proc, in which root cannot create files either."""
    done = run(
        *("scrub", lists, "--against", lists, "--column", "telephone"),
        *("--output", "/proc/clear.csv"),
    )

    assert "a folder that cannot be written to (" in sentence(done)


def test_invalid_outputs_are_refused(
    lists: Path, registry: str, tmp_path: Path
) -> None:
    """An output must not be the input, the list, a folder or another output."""
    calls = tmp_path / "calls.csv"
    calls.write_text(f"tel\n{LISTED}\n")
    (tmp_path / "soft").symlink_to(lists)
    os.link(lists, tmp_path / "hard")
    before = files(tmp_path)
    database = registry.removeprefix("sqlite:///")
    own = "expected a separate file, got the same file as "
    replaced = own + "--against"
    cases = [
        (lists, ("--output", calls), own + "FILE - at --output"),
        (lists, ("--output", "x", "--blocked", "./x"), own + "--output - at --blocked"),
        (lists, ("--output", tmp_path / "no" / "x"), "got no such folder"),
        (lists, ("--invalid", tmp_path), "got a directory"),
        (lists, ("--output", "-", "--blocked", "-"), own + "--output - at --blocked"),
        (lists, ("--output", lists), replaced + " - at --output"),
        (lists, ("--blocked", tmp_path / "soft"), replaced),
        (lists, ("--invalid", tmp_path / "hard"), replaced),
        (registry, ("--output", database), replaced),
    ]
    for against, outputs, expected in cases:
        done = run("scrub", calls, "--against", against, "--column", "tel", *outputs)

        assert expected in sentence(done)
    assert files(tmp_path) == before


def test_no_output_replaces_a_file_that_the_command_uses(
    lists: Path, registry: str, tmp_path: Path
) -> None:
    """Keys, secrets, journals and rules are not replaced, however they are named."""
    calls, key, rules = (
        tmp_path / "calls.csv",
        tmp_path / "key.pem",
        tmp_path / "r.toml",
    )
    calls.write_text(f"tel\n{LISTED}\n")
    assert run("receipt", "key", key).code == 0
    rules.write_text(TEXT)
    secret, journal = tmp_path / "secret", tmp_path / "j.jsonl"
    secret.write_bytes(b"0123456789abcdef")
    scrub = ("scrub", calls, "--against", lists, "--column", "tel")
    assert run(*scrub, "--journal", journal).code == 0
    os.link(secret, tmp_path / "hard")
    (tmp_path / "soft").symlink_to(journal)
    used = (calls, key, rules, secret, journal, lists)
    before = [path.read_bytes() for path in used]
    signed = (*scrub, "--journal", journal, "--sign-key", key)
    proof = ("consent", "proof", registry, LISTED, "--secret-file", secret)
    cases: list[tuple[tuple[object, ...], str]] = [
        ((*signed, "--output", key), "the same file as --sign-key - at --output"),
        ((*signed, "--report", tmp_path / "soft"), "as --journal - at --report"),
        ((*scrub, "--receipt", lists), "the same file as --against - at --receipt"),
        ((*scrub, "--rules", rules, "--blocked", rules), "as rules - at --blocked"),
        ((*scrub, "--invalid", journal), "would replace a file with receipts"),
        ((*scrub, "--invalid", rules), "the same file as rules - at --invalid"),
        ((*scrub, "--report", key), "would replace a file with a key"),
        ((*proof, "--output", tmp_path / "hard"), "as the secret - at --output"),
        (("registry", "backup", registry, key), "would replace a file with a key"),
        (("snapshot", "build", registry, secret, "--secret-file", secret), "at FILE"),
    ]
    for arguments, expected in cases:
        assert expected in sentence(run(*arguments))
        assert [path.read_bytes() for path in used] == before


def test_a_snapshot_never_replaces_another_file(registry: str, tmp_path: Path) -> None:
    """A snapshot is not written over another kind of file or over a device."""
    database = Path(registry.removeprefix("sqlite:///"))
    before = database.read_bytes()

    for path, got in (
        (tmp_path, "a directory"),
        (Path(os.devnull), "a device, a pipe or a socket"),
    ):
        said = sentence(run("snapshot", "build", registry, path))

        assert said == (
            f"expected a new file or a snapshot to replace, got {got} - at {path}"
        )
    said = sentence(run("snapshot", "build", registry, database))
    assert said == "expected a separate file, got the same file as URL - at FILE"
    assert database.read_bytes() == before
    assert not Path(os.devnull).is_file()
    (tmp_path / "empty").touch()
    assert run("snapshot", "build", registry, tmp_path / "empty").code == 0
    assert run("snapshot", "build", registry, tmp_path / "empty").code == 0
    assert run("snapshot", "build", registry, tmp_path / "no" / "s").code == 3


def test_a_backup_that_cannot_be_written(registry: str, tmp_path: Path) -> None:
    """The error of a folder, and of a file in a missing folder, is one sentence."""
    for path, reason in (
        (tmp_path, "Is a directory"),
        (tmp_path / "no" / "copy", "No such file or directory"),
    ):
        assert sentence(run("registry", "backup", registry, path)) == (
            "expected a file for the backup, got a file that cannot be written "
            f"({reason}) - at {path}"
        )


def test_damaged_snapshots_give_no_answer(registry: str, tmp_path: Path) -> None:
    """The exit code is 3 if the file is truncated, altered or another format."""
    sound = tmp_path / "s.bloctel"
    run("snapshot", "build", registry, sound)
    content = sound.read_bytes()
    altered = bytearray(content)
    altered[-1] ^= 1
    for damaged in (content[:-1], content[:100], content[:8], bytes(altered)):
        sound.write_bytes(damaged)

        for command in (
            ("check", LISTED, "--against", sound),
            ("scrub", sound, "--against", sound, "--column", "1"),
            ("snapshot", "verify", sound),
        ):
            assert str(sound) in sentence(run(*command), 3)
    sound.write_text("tel\n")
    assert "snapshot" in sentence(run("snapshot", "verify", sound), 3)
    assert sentence(run("snapshot", "info", tmp_path / "none"), 3)
    assert sentence(run("check", LISTED, "--against", tmp_path / "none.bloctel"), 3)


def test_unreadable_registries(tmp_path: Path) -> None:
    """A text, another database or a folder gives no answer, and no file changes."""
    (tmp_path / "text").write_text("tel\n0199000001\n")
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    before = files(tmp_path)

    for name in ("text", "other", "", "none", "no/none"):
        done = run("check", LISTED, "--against", f"sqlite:///{tmp_path / name}")

        assert done.code in (2, 3)
        sentence(done, done.code)
    assert files(tmp_path) == before


def test_a_missing_registry_is_never_created(tmp_path: Path) -> None:
    """A missing registry is an error, because a mistyped path must not create one."""
    url = f"sqlite:///{tmp_path / 'typo.db'}"
    own = ("--list", "own")
    numbers = tmp_path / "n.csv"
    numbers.write_text(f"tel\n{LISTED}\n")
    commands: list[tuple[object, ...]] = [
        ("registry", "register", url, LISTED, *own),
        ("registry", "renew", url, LISTED, *own),
        ("registry", "withdraw", url, LISTED, *own),
        ("registry", "history", url, LISTED),
        ("registry", "import", url, numbers, *own),
        ("registry", "purge", url),
        ("snapshot", "build", url, tmp_path / "s.bloctel"),
        ("check", LISTED, "--against", url),
        ("scrub", numbers, "--against", url, "--column", "tel"),
    ]
    for command in commands:
        assert "there is no registry" in sentence(run(*command))
    assert list(files(tmp_path)) == ["n.csv"]


def test_a_registry_is_never_overwritten(registry: str) -> None:
    """`create` does not change an existing registry."""
    assert "a registry exists already" in sentence(run("registry", "create", registry))
    assert run("check", LISTED, "--against", registry).code == 1


def test_invalid_options_are_refused(
    registry: str, lists: Path, tmp_path: Path
) -> None:
    """Unknown lists, regions, encodings and days without an answer are refused."""
    ask = ("check", LISTED, "--against", registry)
    csv = ("scrub", lists, "--against", lists, "--column", "telephone")
    add = ("registry", "register", registry, LISTED, "--list")
    assert run("registry", "add-list", registry, "--list", "fr.bloctel").code == 0
    new = f"sqlite:///{tmp_path / 'new.db'}"
    cases: list[tuple[tuple[object, ...], int, str]] = [
        ((*ask, "--list", "nope"), 2, "there is no list nope"),
        ((*ask, "--list", "owns"), 2, "owns (did you mean own?)"),
        ((*add, "own:solar"), 2, "bloctel registry add-list"),
        (("registry", "create", new, "--list", "nope"), 2, "for the list nope"),
        (("registry", "create", new, "--region", "XX"), 2, "got 'XX'"),
        (("registry", "create", "oracle://h/d"), 2, "the scheme 'oracle'"),
        (("registry", "create", tmp_path / "new.db"), 2, "text without a scheme"),
        (("registry", "create", "ORACLE://h/d"), 2, "the scheme 'oracle'"),
        ((*ask, "--region", "XX"), 2, "got 'XX'"),
        ((*csv, "--region", "fr"), 2, "got 'fr'"),
        ((*csv, "--encoding", "ebcdic"), 2, "got 'ebcdic'"),
        ((*csv, "--delimiter", ",,"), 2, "got ',,'"),
        ((*ask, "--on", "2016-05-31"), 3, "a day from 2016-06-01 on"),
        ((*csv, "--on", "2015-12-31"), 3, "a day from 2016-06-01 on"),
        ((*add, "fr.bloctel", "--on", "2026-11-23"), 3, "prior consent"),
        ((*add, "own", "--delay-days", "1"), 2, "a delay of 0 to 0 days, got 1"),
        (
            ("registry", "withdraw", registry, NOT_LISTED, "--list", "own"),
            2,
            "no active registration",
        ),
    ]
    for command, code, got in cases:
        assert got in sentence(run(*command), code)
    assert not (tmp_path / "new.db").exists()


def test_wrong_usage_is_exit_code_2(lists: Path, registry: str) -> None:
    """Wrong arguments give exit code 2 and show the usage of the command."""
    commands: list[tuple[object, ...]] = [
        ("nonsense",),
        ("registry", "nonsense"),
        ("check", LISTED),
        ("check", "--against", lists),
        ("check", LISTED, "--against", lists, "--on", "today"),
        ("check", LISTED, "--against", lists, "--on", "2026-02-30"),
        ("check", LISTED, "--against", lists, "--format", "xml"),
        ("check", LISTED, "--against", lists, "--region", "33"),
        ("check", LISTED, "--against", lists, "--list", "33"),
        ("scrub", lists, "--against", lists),
        ("registry", "register", registry, LISTED, "--list", "own", "--nonsense"),
    ]
    for command in commands:
        done = run(*command)

        assert (done.code, done.stdout) == (2, "")
        assert "Error: " in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("audit", "x", "--column", "tel"), "--column"),
        (("calls", "verify", "sqlite:///x", "--known", "1:2"), "--known"),
        (("check", LISTED, "--against", "x", "--format", "xml"), "--format"),
        (
            (
                *("consent", "record", "sqlite:///x", LISTED, "--slot", "now"),
                *("--at", "2026-09-01T18:12+02:00", "--firm", "Exemple SA"),
                *("--subject", "x", "--evidence", "x", "--where", "x"),
            ),
            "--slot",
        ),
    ],
)
def test_wrong_usage_names_the_option(command: tuple[str, ...], option: str) -> None:
    """The message about an invalid value begins with the name of the option."""
    done = run(*command)

    said = " ".join(done.stderr.split())
    assert done.code == 2
    assert f"Error: Invalid value for '{option}': " in said
    assert "Value error" not in said


def test_both_on_and_on_column(registry: str, lists: Path) -> None:
    """A day for all rows and a column of days cannot be given together."""
    done = run(
        *("registry", "import", registry, lists, "--list", "own"),
        *("--on", "2026-01-02", "--on-column", "jour"),
    )

    assert sentence(done) == "--on and --on-column are both given; give one of them"


def test_an_error_gives_the_position_of_the_number(registry: str) -> None:
    """The second of two arguments is number 2; the first is not registered."""
    done = run("registry", "register", registry, NOT_LISTED, "O1", "--list", "own")

    assert sentence(done).endswith("(reason: letters) - at number 2")
    assert run("check", NOT_LISTED, "--against", registry).code == 0


def test_a_snapshot_of_a_future_day_is_refused(registry: str, tmp_path: Path) -> None:
    """A snapshot of a future day would lack the registrations until that day."""
    done = run(
        *("snapshot", "build", registry, tmp_path / "s.bloctel"),
        *("--on", "9999-12-31", "--format", "json"),
    )

    assert done.code == 2
    assert done.stderr.startswith("bloctel: expected a day up to today")
    assert not (tmp_path / "s.bloctel").exists()


def test_no_error_shows_a_number(registry: str, lists: Path, tmp_path: Path) -> None:
    """A phone number given as another argument is not shown in the error."""
    number, parts = "0639980001", ("06", "39", "98", "00", "01")
    calls = tmp_path / "calls.csv"
    calls.write_text(f"nom;tel\nDupont;{number}\nDurand;{number} {number}x\n")
    headerless = tmp_path / "headerless.csv"
    headerless.write_text(f"Dupont;{number}\n")
    own = ("--list", "own")
    commands: list[tuple[object, ...]] = [
        (number,),
        ("check", number),
        ("check", number, "--against", number),
        ("check", number, "--against", lists, "--on", number),
        ("check", number, "--against", lists, "--list", number),
        ("check", number, "--against", lists, "--region", number),
        ("check", f"{number}/{number}", "--against", calls),
        ("scrub", calls, number, "--against", lists, "--column", "tel"),
        ("scrub", calls, "--against", lists, "--column", number),
        ("scrub", calls, "--against", lists, "--column", number.strip("0")),
        ("scrub", headerless, "--against", lists, "--column", "tel"),
        ("scrub", headerless, "--against", calls, "--column", "2"),
        ("scrub", calls, "--against", lists, "--column", "1", "--no-header"),
        ("scrub", calls, "--against", lists, "--column", "2", "--encoding", number),
        ("scrub", calls, "--against", lists, "--column", "2", "--delimiter", number),
        ("consent", "import", registry, calls, "--time-zone", number),
        ("check", number, "--against", lists, "--on", "postgresql://me:Dupont@h/d"),
        ("snapshot", "info", lists, "postgresql://me:Dupont@h/d"),
        ("registry", "history", registry, *parts),
        ("registry", "register", registry, *parts, *own),
        ("registry", "register", registry, f"{number}x", *own),
        ("registry", "register", registry, number, *own, "--delay-days", number),
        ("registry", "withdraw", registry, number, *own),
        ("registry", "import", registry, calls, *own),
        ("registry", "import", registry, calls, *own, "--on-column", number),
        ("registry", "import", registry, calls, *own, "--on-column", "tel"),
    ]
    for command in commands:
        done = run(*command)

        # the path in the user's spelling is the only part that must be shown
        shown = done.stderr.replace(str(tmp_path), "")
        if command[-1] == number and "--against" in command[-2:]:
            shown = shown.replace(f"at {number}", "")
        assert not re.search(r"\d(?:[ .]?\d){5,}", shown), command
        assert "Dupont" not in shown


@pytest.mark.parametrize(
    "command",
    [
        ("check", "-33639981234", "--against", "x"),
        ("check", "--against", "x", "-0639981234"),
        ("registry", "register", "sqlite:///x.db", "-33639981234", "--list", "own"),
        ("may-call", "-33639981234"),
    ],
)
def test_a_number_with_a_minus_is_not_an_option(command: tuple[str, ...]) -> None:
    """The message says what to write, and does not show the number."""
    done = run(*command)

    said = " ".join(done.stderr.split())
    assert done.code == 2
    assert "a phone number does not begin with a minus: write the digits" in said
    assert "981234" not in said


@pytest.mark.parametrize(
    ("option", "value", "form"),
    [("--on", "30/11/2026", "YYYY-MM-DD"), ("--at", "30/11/2026", "YYYY-MM-DDTHH:MM")],
)
def test_a_day_in_another_form_is_refused_with_the_right_form(
    option: str, value: str, form: str
) -> None:
    """The error shows the form of a day in letters, because errors hide digits."""
    command = "check" if option == "--on" else "may-call"
    against = ("--against", "x") if option == "--on" else ()

    done = run(command, NOT_LISTED, *against, option, value)

    said = " ".join(done.stderr.split())
    assert done.code == 2
    assert form in said
    assert "(digits)" not in said


def test_digits_of_any_width_and_a_plus_are_read(registry: str) -> None:
    """A number with a plus, or with digits of full width, is not another number."""
    full_width = LISTED.translate({ord(c): 0xFF10 + int(c) for c in "0123456789"})

    assert run("check", full_width, "--against", registry).code == 1
    assert run("check", "+1 202 555 0123", "--against", registry).code == 0
