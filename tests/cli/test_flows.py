"""Answers and exit codes of the commands."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.helpers.command_line import LISTED, NOT_LISTED, run, sentence

if TYPE_CHECKING:
    from pathlib import Path


def statuses(text: str) -> list[str]:
    """Return the statuses of a result in CSV."""
    return [row["status"] for row in csv.DictReader(io.StringIO(text))]


@pytest.fixture(params=["plain file", "registry", "snapshot"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file, a registry or a snapshot for `--against`."""
    if request.param == "plain file":
        return str(request.getfixturevalue("lists"))
    url = str(request.getfixturevalue("registry"))
    if request.param == "registry":
        return url
    path = tmp_path / "oppositions.bloctel"
    assert run("snapshot", "build", url, path).code == 0
    return str(path)


def test_the_exit_code_of_check_is_the_worst_answer(target: str) -> None:
    """The exit code is 0 if all are clear, 1 if one is blocked, 2 if one is invalid."""
    for numbers, code in (
        ([NOT_LISTED], 0),
        ([LISTED], 1),
        ([NOT_LISTED, LISTED], 1),
        ([NOT_LISTED, "12", LISTED], 2),
    ):
        done = run("check", *numbers, "--against", target, "--format", "csv")

        assert done.code == code
        assert done.stderr == ""
        names = {NOT_LISTED: "clear", LISTED: "blocked", "12": "invalid"}
        assert statuses(done.stdout) == [names[number] for number in numbers]


def test_a_scrub_gives_the_same_rows_for_every_target(
    target: str, tmp_path: Path
) -> None:
    """A scrub against a file, a registry or a snapshot gives the same rows."""
    text = f"tel;nom\r\n{LISTED};A\r\n{NOT_LISTED};B\r\n;C\r\n"

    clear = run("scrub", "-", "--against", target, "--column", "tel", input=text)
    blocked = run(
        *("scrub", "-", "--against", target, "--column", "tel", "--blocked", "-"),
        input=text.encode(),
    )

    assert clear.code == blocked.code == 0
    counts = [line.split() for line in clear.stdout.splitlines()]
    assert counts[:3] == [["rows", "3"], ["clear", "1"], ["blocked", "1"]]
    assert ["rows/s"] in [count[:1] for count in counts]
    assert blocked.stdout.startswith(f"tel;nom;bloctel\r\n{LISTED};A;own")
    assert len(blocked.stdout.splitlines()) == 2


def test_the_life_of_a_registration(tmp_path: Path) -> None:
    """Registering, renewing, withdrawing and purging each have an effect."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    own = ("--list", "own")
    ask = ("check", LISTED, "--against", url, "--on")
    create = run("registry", "create", url, *own)
    assert (create.code, create.stdout, create.stderr) == (0, "", "")

    register = ("registry", "register", url, LISTED, *own, "--on", "2020-03-01")
    assert run(*register).stdout.split() == ["registered", "1", "known", "already", "0"]
    assert run(*register).stdout.split() == ["registered", "0", "known", "already", "1"]
    assert run(*ask, "2020-02-29").code == 0
    assert run(*ask, "2020-03-01").code == 1
    renew = run("registry", "renew", url, LISTED, *own, "--on", "2020-04-01")
    assert renew.stdout.splitlines() == ["starts_on  2020-03-01", "ends_on"]
    withdraw = run("registry", "withdraw", url, LISTED, *own, "--on", "2020-05-01")
    assert withdraw.stdout.splitlines()[1] == "ends_on    2020-05-01"
    assert run(*ask, "2020-05-01").code == 0
    history = run("registry", "history", url, LISTED, "--format", "csv").stdout
    assert history == (
        "list,registered_on,starts_on,ends_on,withdrawn_on\n"
        "own,2020-03-01,2020-03-01,2020-05-01,2020-05-01\n"
    )
    purge = ("registry", "purge", url, "--format", "csv", "--on")
    early = run(*purge, "2020-06-01").stdout
    assert ",0,0,2016-06-01,2016-06-01," in early
    shown = run(*purge, "2023-05-02")
    assert ",1,0,2016-06-01,2020-05-01," in shown.stdout
    assert shown.stderr == "nothing was erased; to erase, add --yes\n"
    assert run(*ask, "2020-03-01").code == 1
    erased = run(*purge, "2023-05-02", "--yes")
    assert ",1,1,2016-06-01,2020-05-01," in erased.stdout
    assert erased.stderr == ""
    assert run(*ask, "2020-03-01").code == 3
    history = run("registry", "history", url, LISTED, "--format", "json").stdout
    assert history == "[]\n"


def test_a_day_in_the_future_needs_an_option(registry: str, tmp_path: Path) -> None:
    """A day after today is refused, unless `--allow-future` is given."""
    (tmp_path / "list.csv").write_text("telephone\n01 99 00 00 03\n")
    for command in (
        ("register", registry, NOT_LISTED),
        ("import", registry, tmp_path / "list.csv"),
        ("block-prefix", registry, "0899"),
    ):
        arguments = ("registry", *command, "--list", "own", "--on", "2999-01-01")
        assert "allow_future" in sentence(run(*arguments), 2)

        assert run(*arguments, "--allow-future").code == 0


def test_a_backup_is_opened_after_it_is_marked(registry: str, tmp_path: Path) -> None:
    """`backup` writes a copy, and `mark-restored` makes it a registry."""
    copy = str(tmp_path / "copy.db")
    ask = ("check", LISTED, "--against", f"sqlite:///{copy}")
    assert run("registry", "backup", registry, copy).code == 0
    assert run(*ask).code == 3
    assert run("registry", "mark-restored", f"sqlite:///{copy}").code == 0
    assert run(*ask).code == 1
    assert run("registry", "backup", registry, str(tmp_path)).code == 2


def test_a_hyphen_reads_numbers_line_by_line(registry: str) -> None:
    """`check` and `register` skip blank lines, BOM and CRLF in standard input."""
    text = f"\ufeff{LISTED}\r\n\r\n  \n{NOT_LISTED}"

    first = run("check", "-", "--against", registry, "--format", "csv", input=text)
    added = run("registry", "register", registry, "-", "--list", "own", input=text)
    then = run("check", "-", "--against", registry, "--format", "csv", input=text)

    assert statuses(first.stdout) == ["blocked", "clear"]
    assert added.stdout.split()[1] == "2"
    assert statuses(then.stdout) == ["blocked", "blocked"]


def test_an_empty_standard_input_is_no_answer(registry: str) -> None:
    """An empty input means that the other command failed, so it is an error."""
    for command in (
        ("check", "-", "--against", registry),
        ("registry", "register", registry, "-", "--list", "own"),
        ("scrub", "-", "--against", registry, "--column", "1"),
        ("registry", "import", registry, "-", "--list", "own"),
    ):
        assert "expected " in sentence(run(*command, input=""))


def test_bytes_that_are_not_text_are_invalid(lists: Path) -> None:
    """Bytes in standard input that are not text count as an invalid number."""
    done = run("check", "-", "--against", lists, "--format", "csv", input=b"\xff01\n")

    assert done.code == 2
    assert statuses(done.stdout) == ["invalid"]


def test_lists_limit_the_look_up(registry: str) -> None:
    """Only lists given by `--list` are searched; a closed list gives an error."""
    assert run("registry", "add-list", registry, "--list", "fr.bloctel").code == 0
    add = ("registry", "register", registry, NOT_LISTED, "--list", "fr.bloctel")
    assert run(*add, "--on", "2024-01-01").code == 0
    ask = ("check", NOT_LISTED, "--against", registry, "--on")

    assert run(*ask, "2024-06-01").code == 1
    assert run(*ask, "2024-06-01", "--list", "own").code == 0
    assert run(*ask, "2024-06-01", "--list", "own", "--list", "fr.bloctel").code == 1
    assert run(*ask, "2026-11-23").code == 0
    closed = sentence(run(*ask, "2026-11-23", "--list", "fr.bloctel"), 3)
    assert "prior consent" in closed


def test_a_region_reads_national_forms(tmp_path: Path) -> None:
    """The region of the registry is used, unless an option is given."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    run("registry", "create", url, "--region", "RE")
    done = run("registry", "register", url, LISTED, "--list", "own")

    assert done.code == 0
    assert run("check", LISTED, "--against", url).code == 1
    assert run("check", LISTED, "--against", url, "--region", "DE").code != 1


def test_columns_by_name_and_by_number(lists: Path) -> None:
    """A row is blocked if any of its numbers is; columns have names and numbers."""
    text = f"a;b\n{NOT_LISTED};{LISTED}\n{NOT_LISTED};\n"

    for columns in (("a", "b"), ("1", "2"), ("2", "a")):
        options = [part for column in columns for part in ("--column", column)]
        done = run(
            *("scrub", "-", "--against", lists, *options, "--output", "-"), input=text
        )

        assert done.stdout == f"a;b\n{NOT_LISTED};\n"


def test_options_of_a_csv_file_can_be_given(lists: Path, tmp_path: Path) -> None:
    """Encoding, delimiter and header are detected, unless an option gives them."""
    calls = tmp_path / "calls.csv"
    calls.write_bytes(f"é\t{LISTED}\nà\t{NOT_LISTED}\n".encode("cp1252"))

    for delimiter in ("tab", "\\t", "\t"):
        done = run(
            *("scrub", calls, "--against", lists, "--column", "2", "--no-header"),
            *("--encoding", "latin-1", "--delimiter", delimiter),
            *("--output", tmp_path / "clear.csv"),
        )

        assert done.code == 0
        clear = (tmp_path / "clear.csv").read_bytes()
        assert clear == f"à\t{NOT_LISTED}\n".encode("cp1252")


def test_the_column_of_the_list_can_be_given(tmp_path: Path) -> None:
    """If a list has two columns of numbers, one or both must be given."""
    two = tmp_path / "two.csv"
    two.write_text(f"tel;mobile\n{LISTED};{NOT_LISTED}\n")
    calls = f"tel\n{LISTED}\n"
    command = ("scrub", "-", "--against", two, "--column", "tel", "--output", "-")

    assert "2 columns may contain the phone numbers" in sentence(
        run(*command, input=calls)
    )
    for column, clear in (("tel", "tel\n"), ("2", calls)):
        done = run(*command, "--against-column", column, input=calls)
        assert done.stdout == clear
    both = ("--against-column", "1", "--against-column", "mobile")
    calls = f"tel\n{LISTED}\n{NOT_LISTED}\n"
    assert run(*command, *both, input=calls).stdout == "tel\n"


def test_a_file_of_very_many_columns(lists: Path) -> None:
    """The number of columns has no limit, as long as the header fits the sample."""
    names = [f"c{number}" for number in range(15_000)]
    row = ["x"] * len(names)
    row[-1] = LISTED
    text = ";".join(names) + "\n" + ";".join(row) + "\n"

    done = run(
        *("scrub", "-", "--against", lists, "--column", names[-1], "--format", "csv"),
        input=text,
    )

    assert done.stdout.splitlines()[1].startswith("1,0,1,own: 1,0,")


@pytest.mark.parametrize("name", ["-calls.csv", "mes appels.csv", "téléphones é.csv"])
def test_odd_file_names(name: str, lists: Path, tmp_path: Path) -> None:
    """File names may have blanks, accents and, after `--`, a leading dash."""
    calls = tmp_path / name
    calls.write_text(f"tel\n{LISTED}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)

        done = run(
            *("scrub", "--against", lists, "--column", "tel", f"--blocked=out{name}"),
            *("--", name),
        )

    assert done.code == 0
    written = (tmp_path / f"out{name}").read_text()
    assert written.splitlines()[1].startswith(LISTED)


def test_the_version_is_the_one_of_the_package() -> None:
    """`--version` prints the version of the package to standard output."""
    from bloctel import __version__

    assert run("--version").stdout == f"bloctel {__version__}\n"
