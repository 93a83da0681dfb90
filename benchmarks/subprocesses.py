"""Another Python process: where memory and imports can be measured from nothing."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["output_of"]


def output_of(*arguments: str) -> str:
    """Return what `python *arguments` prints, with the modules of this process.

    Raises:
        RuntimeError: It failed; the message is the last line of what it said.
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
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(said[-1])
    return done.stdout
