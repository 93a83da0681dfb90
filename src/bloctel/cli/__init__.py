"""Command line: parses arguments, calls the library, prints, sets the exit code.

| exit code | meaning |
| --- | --- |
| 0 | done, or clear |
| 1 | blocked; of receipts: something differs, or is due; of calls: not lawful |
| 2 | wrong usage, or invalid input |
| 3 | no reliable answer: a closed list, a damaged file, a call to ask about |
| 129, 143 | stopped by a closed terminal, or by `kill`, as shells count it |
| 130, 141 | stopped by Ctrl-C, or because the reader of the output ended |
"""

import io
import os
import signal
import sys

from bloctel.errors import MissingExtraError

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    _prepare_streams()
    _handle_signals()
    try:
        from bloctel.cli.app import app  # noqa: PLC0415 - needs the extra `cli`
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        missing = MissingExtraError("the command line", "cli")
        sys.stderr.write(f"bloctel: {missing}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    app()


def _handle_signals() -> None:
    """Make SIGTERM and SIGHUP end the run as Ctrl-C does: no incomplete file stays."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # the parent process may have set another action, as nohup does
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _prepare_streams() -> None:
    """Replace a closed standard error, and make both streams accept any text."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stderr.write("bloctel: standard output is closed\n")
        sys.exit(3)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
