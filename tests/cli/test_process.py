"""Command line as a process: streams, signals and exit codes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.call_files import write
from tests.helpers.command_line import LISTED, NOT_LISTED
from tests.helpers.servers import small_disk

pytestmark = pytest.mark.slow  # each command starts a Python interpreter

COMMAND = (sys.executable, "-m", "bloctel")
SOURCE = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def process(
    *arguments: object,
    input: str | None = None,
    closed: int | None = None,
    stdout: int | None = subprocess.PIPE,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command, with one of its three streams closed if requested."""
    return subprocess.run(
        [*COMMAND, *[a if isinstance(a, bytes) else str(a) for a in arguments]],
        input=input,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**ENVIRONMENT, **(environment or {})},
        preexec_fn=None if closed is None else lambda: os.close(closed),
    )


def test_the_main_flow(tmp_path: Path) -> None:
    """Run the commands from `registry create` to `scrub`, each in its own process."""
    url, snapshot = f"sqlite:///{tmp_path / 'o.db'}", tmp_path / "o.bloctel"
    calls = tmp_path / "calls.csv"
    calls.write_text(f"nom;tel\nA;{LISTED}\nB;{NOT_LISTED}\nC;12\n")
    names = ("clear", "blocked", "invalid")

    codes = [
        process(*command).returncode
        for command in (
            ("registry", "create", url),
            ("registry", "register", url, LISTED, "--list", "own"),
            ("snapshot", "build", url, snapshot),
            ("snapshot", "verify", snapshot),
            ("check", NOT_LISTED, "--against", snapshot),
            ("check", LISTED, "--against", snapshot),
            ("check", "12", "--against", snapshot),
            ("check", LISTED, "--against", snapshot, "--on", "2015-01-01"),
        )
    ]
    outputs = [tmp_path / name for name in names]
    options = zip(("--output", "--blocked", "--invalid"), outputs, strict=True)
    done = process(
        *("scrub", calls, "--against", snapshot, "--column", "tel"),
        *(part for option in options for part in option),
    )

    assert codes == [0, 0, 0, 0, 0, 1, 2, 3]
    assert (done.returncode, done.stderr) == (0, "")
    assert [output.read_text().splitlines()[1][0] for output in outputs] == [
        "B",
        "A",
        "C",
    ]


def test_rows_flow_through_pipes(lists: Path) -> None:
    """Standard input and standard output are bytes: line endings stay."""
    done = subprocess.run(
        [*COMMAND, "scrub", "-", "--against", lists, "--column", "1", "--output", "-"],
        input=f"tel\r\n{LISTED}\r\n{NOT_LISTED}\n".encode(),
        capture_output=True,
        env=ENVIRONMENT,
    )

    assert done.returncode == 0
    assert done.stdout == f"tel\r\n{NOT_LISTED}\n".encode()
    assert done.stderr.startswith(b"rows")


@posix
def test_a_list_through_a_pipe_loses_nothing() -> None:
    """A pipe can be read once: format detection must not consume its start."""
    command = ("check", LISTED, "--against", "/dev/stdin", "--format", "csv")

    done = process(*command, input=f"{LISTED}\n{NOT_LISTED}\n")

    assert done.returncode == 1
    assert ",blocked,own," in done.stdout


@posix
@pytest.mark.parametrize("command", ["check", "scrub", "scrub rows"])
def test_a_full_disk_is_an_error(command: str, lists: Path) -> None:
    """A failed write is an error: one sentence, exit code 3."""
    arguments = {
        "check": ("check", NOT_LISTED, "--against", lists),
        "scrub": ("scrub", lists, "--against", lists, "--column", "1"),
        "scrub rows": (
            *("scrub", lists, "--against", lists, "--column", "1", "--output", "-"),
        ),
    }[command]
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        done = process(*arguments, stdout=full.fileno())

    assert done.returncode == 3
    assert done.stderr == (
        "bloctel: I/O error: no space left on device (standard output)\n"
    )


@posix
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "xlsx"])
def test_an_output_on_a_full_disk_is_named(
    ending: str, lists: Path, tmp_path: Path
) -> None:
    """On a full disk, the error has the path that was given, not a temporary path."""
    rows = [["tel"], *([f"06 39 98 {i % 10_000:04}"] for i in range(30_000))]
    calls = write(tmp_path / f"calls.{ending.removesuffix('.gz')}", rows)
    with small_disk(1) as disk:
        (disk / "other").write_bytes(bytes(1024 * 1024 - 32 * 1024))
        clear = disk / f"clear.{ending}"
        done = process(
            *("scrub", calls, "--against", lists, "--column", "tel"),
            *("--output", clear),
        )

        assert os.listdir(disk) == ["other"]
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"bloctel: I/O error: no space left on device ({clear})\n"


@posix
def test_a_reader_that_closes_the_pipe_is_not_a_success(
    lists: Path, tmp_path: Path
) -> None:
    """As in other tools, the exit code is 128 + SIGPIPE, without a message."""
    calls, blocked = tmp_path / "calls.csv", tmp_path / "blocked.csv"
    calls.write_text("tel\n" + f"{NOT_LISTED}\n" * 50_000)
    command = ("scrub", calls, "--against", lists, "--column", "tel")
    with subprocess.Popen(
        [*COMMAND, *command, "--output", "-", "--blocked", blocked],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        said = done.stderr.read()

    assert done.returncode == 141
    assert said == b""
    assert not blocked.exists()


@posix
@pytest.mark.parametrize(
    ("closed", "code", "got"),
    [
        (0, 2, "standard input is closed; give a file instead of -"),
        (1, 3, "standard output is closed"),
        (2, 1, ""),
    ],
)
def test_closed_streams(closed: int, code: int, got: str, lists: Path) -> None:
    """A closed standard input or output is reported on standard error."""
    number = "-" if closed == 0 else LISTED
    done = process("check", number, "--against", lists, closed=closed)

    assert done.returncode == code
    assert done.stderr == (f"bloctel: {got}\n" if got else "")
    if closed == 0:
        command = ("scrub", "-", "--against", lists, "--column", "1")
        assert process(*command, closed=0).stderr == f"bloctel: {got}\n"


@posix
def test_any_text_can_be_shown(lists: Path) -> None:
    """`check` shows invalid input even if it is not text or the terminal is ASCII."""
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for format in ("table", "json", "csv"):
        for number in (b"\xff\xfe", "é".encode()):
            done = process(
                *("check", number, "--against", lists, "--format", format),
                environment=ascii_only,
            )

            assert done.returncode == 2
            assert done.stderr == ""
            assert "invalid" in done.stdout


def big_scrub(lists: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a scrub that cannot end by itself, and wait until it runs."""
    folder.mkdir()
    outputs = ("--output", folder / "clear", "--blocked", folder / "blocked")
    running = subprocess.Popen(
        [*COMMAND, "scrub", "-", "--against", lists, "--column", "1", *outputs],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        # the parent process may ignore signals, as `nohup` does
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    assert running.stdin is not None
    rows = f"tel\n{NOT_LISTED}\n".encode() * 500_000
    # when the process has read all these rows, it has started and waits for more rows
    running.stdin.write(rows)
    running.stdin.flush()
    return running


@posix
def test_heartbeats_are_written_until_a_signal(tmp_path: Path) -> None:
    """`registry heartbeat` stores the time again and again, until it is stopped."""
    path = tmp_path / "own.db"
    url = f"sqlite:///{path}"
    process("registry", "create", url)
    seen: set[int] = set()
    command = (*COMMAND, "registry", "heartbeat", url)
    with (
        subprocess.Popen(command, env=ENVIRONMENT) as running,
        contextlib.closing(sqlite3.connect(path, timeout=30)) as connection,
    ):
        while len(seen) < 3 and running.poll() is None:
            seen.update(*connection.execute("SELECT at FROM bloctel_heartbeat"))
        running.send_signal(signal.SIGTERM)
    assert running.returncode == 128 + signal.SIGTERM
    assert sorted(seen)[0] == 0


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_run_that_is_stopped_leaves_nothing(
    name: str, lists: Path, tmp_path: Path
) -> None:
    """Ctrl-C, `kill` or a closed terminal leaves no traceback and no file."""
    folder = tmp_path / "out"
    running = big_scrub(lists, folder)
    assert len(list(folder.iterdir())) == 2
    number = getattr(signal, name)

    running.send_signal(number)
    stdout, stderr = running.communicate()

    assert running.returncode == 128 + number
    assert stdout == b""
    assert b"Traceback" not in stderr
    assert list(folder.iterdir()) == []


@posix
def test_a_killed_run_leaves_nothing_under_the_final_names(
    lists: Path, tmp_path: Path
) -> None:
    """A killed run leaves no file with the final name of a result."""
    folder = tmp_path / "out"
    running = big_scrub(lists, folder)

    running.kill()
    running.communicate()

    assert not {path.name for path in folder.iterdir()} & {"clear", "blocked"}


@posix
def test_a_run_after_a_killed_one_starts_clean(lists: Path, tmp_path: Path) -> None:
    """The new run removes files of the killed run, but not of a running process."""
    folder, calls = tmp_path / "out", tmp_path / "calls.csv"
    calls.write_text(f"tel\n{NOT_LISTED}\n")
    killed = big_scrub(lists, folder)
    killed.kill()
    killed.communicate()
    assert len(list(folder.iterdir())) == 2
    living = big_scrub(lists, tmp_path / "other")
    parts = set((tmp_path / "other").iterdir())
    command = ("scrub", calls, "--against", lists, "--column", "tel")

    for output in (folder / "clear", tmp_path / "other" / "clear"):
        assert process(*command, "--output", output).returncode == 0

    assert [path.name for path in folder.iterdir()] == ["clear"]
    assert parts < set((tmp_path / "other").iterdir())
    living.kill()
    living.communicate()


@posix
def test_signals_that_are_ignored_stay_so() -> None:
    """A run under `nohup` continues when the terminal is closed."""
    code = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "from bloctel.cli import _handle_signals; _handle_signals();"
        "os.kill(os.getpid(), signal.SIGHUP); print('on')"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT
    )

    assert (done.returncode, done.stdout) == (0, "on\n")


@posix
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_progress_is_only_shown_on_a_terminal(
    terminal: bool, lists: Path, tmp_path: Path
) -> None:
    """A terminal shows a bar, which disappears at the end; a log does not."""
    import pty

    calls = tmp_path / "calls.csv"
    calls.write_text("tel\n" + f"{NOT_LISTED}\n" * 1_000_000)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with subprocess.Popen(
        [*COMMAND, "scrub", calls, "--against", lists, "--column", "tel"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "80"},
    ) as done:
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # raised when the other side is closed
            while piece := os.read(ours, 1 << 16):
                drawn += piece
        assert done.stdout is not None
        summary = done.stdout.read().decode()
    os.close(ours)

    assert done.returncode == 0
    assert re.match(r"rows +1,000,000\n", summary)
    if terminal:
        assert "━".encode() in drawn
        assert re.search(rb"MB|bytes", drawn)
    else:
        assert drawn == b""


def test_the_command_names_a_missing_extra(lists: Path) -> None:
    """Without typer, the command prints one sentence instead of an ImportError."""
    code = (
        "import sys; sys.modules['typer'] = None\nfrom bloctel.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT
    )

    assert done.returncode == 2
    assert done.stderr.startswith("bloctel: the extra 'cli' is not installed")
    assert "pip install 'bloctel[cli]'" in done.stderr


MISREAD = {
    "nothing": "sys.exit(0)",
    "the version": "real(args=['--version'])",
    "another command": "real(args=['countries'])",
}


@pytest.mark.parametrize("misread", MISREAD.values(), ids=MISREAD)
@pytest.mark.parametrize("asked", ["['check', '0199000001']", "['registry', 'create']"])
def test_a_command_that_did_not_run_does_not_succeed(asked: str, misread: str) -> None:
    """Some versions of typer and click run another command, and exit with 0."""
    code = (
        "import sys; from bloctel.cli import app, main\n"
        f"real = app.app; app.app = lambda: {misread}\n"
        f"sys.argv[1:] = {asked}; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT
    )

    assert done.returncode == 3
    assert "misread the command" in done.stderr


def test_an_output_is_not_appended_to_a_file_in_use(tmp_path: Path) -> None:
    """`>> own.db` cannot append the export of a registry to its own file."""
    file = tmp_path / "own.db"
    url = f"sqlite:///{file}"
    assert process("registry", "create", url, "--list", "own").returncode == 0
    before = file.read_bytes()

    with file.open("ab") as stdout:
        done = process(
            *("registry", "export", url, "-", "--list", "own"), stdout=stdout.fileno()
        )

    assert (done.returncode, file.read_bytes()) == (2, before)
    assert "the same file as URL - at FILE" in done.stderr
