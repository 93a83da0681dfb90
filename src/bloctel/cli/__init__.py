"""The command line: parse, call, print, exit code.

| exit code | meaning |
| --- | --- |
| 0 | done, or clear |
| 1 | blocked |
| 2 | wrong usage, or bad input |
| 3 | no trustworthy answer: a closed list, a damaged file, a storage that is down |
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    try:
        from bloctel.cli.app import app  # noqa: PLC0415 - needs the extra `cli`
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.stderr.write(
            "bloctel: expected the extra 'cli', got an installation without it "
            "(cure: python -m pip install 'bloctel[cli]')\n"
        )
        sys.exit(2)
    app()
