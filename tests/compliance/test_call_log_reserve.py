"""Simultaneous dialers never exceed the number of allowed attempts."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Final

import pytest

from bloctel import PhoneNumber
from bloctel.compliance.call_log import Attempt, CallLog, Outcome
from bloctel.testing import run_all
from tests.helpers.servers import STORAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


KEYS = [33639980000 + i for i in range(4)]
AT = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)
MOST = 4

#: Storages that several processes can share.
REAL: Final = [kind for kind in STORAGES if kind != "memory"]


def may(attempts: Sequence[Attempt]) -> bool:
    """Return whether one more attempt is allowed."""
    return sum(one.outcome is not Outcome.RELEASED for one in attempts) < MOST


def test_threads_never_exceed_the_limit(storage_url: str) -> None:
    """Exactly the allowed number of simultaneous reservations succeeds."""
    start = Barrier(8)
    taken: list[tuple[int, int]] = []
    with CallLog.create(storage_url) as calls:

        def dial(thread: int) -> Callable[[], None]:
            def do() -> None:
                start.wait()
                for offset in range(len(KEYS)):
                    key = KEYS[(thread + offset) % len(KEYS)]
                    call = calls.reserve_if(key, AT, may)
                    if call is not None:
                        taken.append((key, call))

            return do

        run_all([dial(thread) for thread in range(8)])

        per_key = [sum(key == one for key, _ in taken) for one in KEYS]
        assert per_key == [MOST] * len(KEYS)
        assert len({call for _, call in taken}) == len(taken)
        for key in KEYS:
            assert calls.attempts(key) == [Attempt(AT, Outcome.RESERVED)] * MOST
        assert calls.verify().records == MOST * len(KEYS)


_DIALER: Final = """
import json, sys
from datetime import datetime
from threading import Thread
from bloctel.compliance.call_log import CallLog

url, at, most, keys = json.loads(sys.argv[1])
when = datetime.fromisoformat(at)
taken = []

def dial(calls):
    for key in keys:
        call = calls.reserve_if(key, when, lambda attempts: len(attempts) < most)
        if call is not None:
            taken.append([key, call])

with CallLog.open(url) as calls:
    print("ready", flush=True)
    sys.stdin.readline()
    threads = [Thread(target=dial, args=(calls,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(json.dumps(taken), flush=True)
"""


@pytest.mark.parametrize("storage_url", REAL, indirect=True)
def test_processes_never_exceed_the_limit(storage_url: str) -> None:
    """Two processes cannot both reserve the last allowed attempt."""
    with CallLog.create(storage_url) as calls:
        for key in KEYS[:2]:  # one attempt is left for these numbers
            for _ in range(MOST - 1):
                calls.add(PhoneNumber(key), Outcome.UNANSWERED, at=AT)
        asked = json.dumps([storage_url, AT.isoformat(), MOST, KEYS])
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", _DIALER, asked],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
            for _ in range(4)
        ]
        assert [_line(worker) for worker in workers] == ["ready"] * 4
        done = [worker.communicate("go\n")[0] for worker in _started(workers)]

        taken = [pair for out in done for pair in json.loads(out)]
        per_key = [sum(key == one for key, _ in taken) for one in KEYS]
        assert per_key == [1, 1, MOST, MOST]
        assert len({call for _, call in taken}) == len(taken)
        assert [len(calls.attempts(key)) for key in KEYS] == [MOST] * len(KEYS)
        assert calls.verify().records == MOST * len(KEYS)


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def _started(workers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Tell all worker processes to start at the same time."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return workers


@pytest.mark.parametrize("storage_url", REAL, indirect=True)
def test_a_released_attempt_can_be_reserved_again(storage_url: str) -> None:
    """A released attempt can be reserved again, by any process, but only once."""
    with CallLog.create(storage_url) as ours, CallLog.open(storage_url) as theirs:
        held = [ours.reserve_if(KEYS[0], AT, may) for _ in range(MOST)]
        assert theirs.reserve_if(KEYS[0], AT, may) is None
        assert held[2] is not None
        theirs.conclude(held[2], Outcome.RELEASED, at=AT + timedelta(seconds=1))

        assert theirs.reserve_if(KEYS[0], AT, may) is not None
        assert ours.reserve_if(KEYS[0], AT, may) is None
