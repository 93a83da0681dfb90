"""Other processes, as Linux shows them in `/proc`; elsewhere there seem to be none."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import subprocess

__all__ = ["Process", "kill_family", "living"]


class Process(NamedTuple):
    """A process that lives; the number alone could be another's by now."""

    id: int
    parent: int
    born: int


def living() -> list[Process]:
    """Return all processes that live; one that waits to be buried does not."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            # a name in parentheses, which may hold anything, comes before the rest
            state, parent, *rest = file.read_text().rpartition(")")[2].split()
            if state not in "ZX":
                found.append(Process(int(file.parent.name), int(parent), int(rest[17])))
    return found


def kill_family(head: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children at once, and wait until all are gone."""
    children = {(p.id, p.born) for p in living() if p.parent == head.pid}
    head.kill()
    for child, _ in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    head.wait()
    while children & {(p.id, p.born) for p in living()}:
        time.sleep(0.01)
