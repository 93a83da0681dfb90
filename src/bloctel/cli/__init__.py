"""Command line: reads arguments, calls the library, prints results, sets exit codes.

| exit code | meaning |
| --- | --- |
| 0 | the command is done; all numbers are clear |
| 1 | a blocked number, an unlawful call, a file to scrub again, or a changed file |
| 2 | wrong usage, or invalid input |
| 3 | no reliable answer: a closed list, a damaged file, or the answer 'ask' |
| 129, 143 | stopped because the terminal was closed (129), or by `kill` (143) |
| 130, 141 | stopped by Ctrl-C (130), or because no program read the output (141) |
"""

import os
import signal
import sys
from io import TextIOWrapper

from bloctel.errors import MissingExtraError

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    _prepare_streams()
    _handle_signals()
    try:
        # these modules need the extra `cli`
        from bloctel.cli.app import app, ran_as_written  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        missing = MissingExtraError("the command line", "cli")
        sys.stderr.write(f"bloctel: {missing}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        app()
    except SystemExit as stop:
        answers = stop.code in (None, 0, 1)
        if answers and not (_asks_for_help() or ran_as_written(sys.argv[1:])):
            sys.stderr.write(
                "bloctel: the installed version of typer misread the command; install "
                "the versions that bloctel[cli] requires\n"
            )
            sys.exit(3)
        raise


def _asks_for_help() -> bool:
    """Return True if the arguments ask for help, the version or shell completion."""
    asked = {"-h", "--help", "--version", "--install-completion", "--show-completion"}
    return not asked.isdisjoint(sys.argv[1:]) or "_BLOCTEL_COMPLETE" in os.environ


def _handle_signals() -> None:
    """Make SIGTERM and SIGHUP stop a command like Ctrl-C, so that it can clean up."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # keep the action that the parent process has set: `nohup` ignores SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _prepare_streams() -> None:
    """Escape characters that the output's encoding lacks; refuse a closed output."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stderr.write("bloctel: standard output is closed\n")
        sys.exit(3)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
