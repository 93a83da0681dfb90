"""New Python processes, in which memory and imports are measured."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["output_of"]


def output_of(*arguments: str) -> str:
    """Return the output of `python *arguments`, with the import paths of this process.

    Raises:
        RuntimeError: The process failed; the message is the last line of its standard
            error.
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(lines[-1])
    return done.stdout
