"""Running processes, read from `/proc`; systems other than Linux give an empty list."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

__all__ = ["Process", "frozen_family", "kill_family", "living"]


class Process(NamedTuple):
    """A running process; its id and start time identify it."""

    id: int
    parent: int
    born: int


def living() -> list[Process]:
    """Return all running processes, without zombies."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # the process has ended
            # the name, which is in parentheses, may contain parentheses too
            state, parent, *rest = file.read_text().rpartition(")")[2].split()
            if state not in "ZX":
                found.append(Process(int(file.parent.name), int(parent), int(rest[17])))
    return found


@contextmanager
def frozen_family(head: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop a process and its children until the block ends."""
    family = [head.pid, *(p.id for p in living() if p.parent == head.pid)]
    try:
        for each in family:
            with suppress(ProcessLookupError):  # a worker of the server can end
                os.kill(each, signal.SIGSTOP)
        yield
    finally:
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


def kill_family(head: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children at once, and wait until all have ended."""
    children = {(p.id, p.born) for p in living() if p.parent == head.pid}
    head.kill()
    for child, _ in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    head.wait()
    while children & {(p.id, p.born) for p in living()}:
        time.sleep(0.01)
