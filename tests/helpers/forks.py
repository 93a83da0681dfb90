"""Child processes of real forks, which report what they did."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds after which a child process that hangs is killed, which fails the test.
_WATCHDOG_SECONDS = 60


def in_child(*works: Callable[[], object]) -> list[Any]:
    """Call functions in a forked child; return their results, or errors as text.

    Args:
        works: The functions.  Each is called, even after an error of another.
    """
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_WATCHDOG_SECONDS)
        try:
            os.close(reads)
            os.write(writes, json.dumps([_result(work) for work in works]).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with open(reads, "rb") as pipe:
        told = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, f"the child process hung, or was ended by a signal ({code})"
    results: list[Any] = json.loads(told)
    return results


def _result(work: Callable[[], object]) -> object:
    try:
        return work()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
