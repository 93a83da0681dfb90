"""The command line: parse, call, print, exit code.

| exit code | meaning |
| --- | --- |
| 0 | done, or clear |
| 1 | blocked; of receipts: something differs, or is due; of calls: not lawful |
| 2 | wrong usage, or bad input |
| 3 | no trustworthy answer: a closed list, a damaged file, a call to ask about |
| 129, 143 | stopped by a terminal that was closed, or by `kill`, as shells count it |
| 130, 141 | stopped by Ctrl-C, or by a reader that has gone |
"""

import io
import os
import signal
import sys

from bloctel.errors import MissingExtraError

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    _mend_streams()
    _end_in_order()
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


def _end_in_order() -> None:
    """Make SIGTERM and SIGHUP end the run as Ctrl-C does: no half file is left."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # who starts us may have chosen otherwise, as nohup does
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _mend_streams() -> None:
    """Make sure that messages have somewhere to go, and that any text can be shown."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stderr.write(
            "bloctel: expected an open standard output, got a closed one\n"
        )
        sys.exit(3)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
