"""Command line of the library, run inside the process of the tests."""

from __future__ import annotations

from dataclasses import dataclass

from typer.testing import CliRunner

from bloctel.cli.app import app

#: A number on the lists of these tests, and one that is on none of them.
LISTED = "01 99 00 00 01"
NOT_LISTED = "02 61 91 00 02"


@dataclass(frozen=True)
class Done:
    """Exit code and output of a command."""

    code: int
    stdout: str
    stderr: str


def run(*arguments: object, input: str | bytes | None = None) -> Done:
    """Run a command; an exception that it does not handle fails the test."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=input)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    # `result.stdout` would turn CRLF into LF
    stdout, stderr = result.stdout_bytes.decode(), result.stderr_bytes.decode()
    return Done(result.exit_code, stdout, stderr)


def sentence(done: Done, code: int = 2) -> str:
    """Return the error message of a failed command; it must be one sentence."""
    assert done.code == code, done
    assert done.stdout == ""
    assert done.stderr.startswith("bloctel: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("bloctel: ").rstrip("\n")
