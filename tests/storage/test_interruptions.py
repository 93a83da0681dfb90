"""Exceptions of signal handlers at every step of a change: each change is whole."""

from __future__ import annotations

import sys
import threading
from copy import deepcopy
from datetime import date
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

from bloctel import rules
from bloctel.periods import NO_END
from bloctel.registry import registrations
from bloctel.storage.group_commit import GroupCommit
from bloctel.storage.memory import MemoryStorage
from bloctel.storage.opening import create_storage
from bloctel.storage.rows import ChangeKind, Event, PrefixRow
from bloctel.testing.base import DAY, KEY, OWN, new_rows, request, row
from bloctel.testing.records import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from bloctel.storage.interface import Writer


# in a finalizer, Python ignores all exceptions, as those of real signal handlers
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


class TimeIsOverError(Exception):
    """Exception of a user's signal handler."""


def interrupt(work: Callable[[], object], step: int, error: type[BaseException]) -> str:
    """Call a function, and raise an error in it at a step.

    Steps are the places where CPython runs signal handlers: the begin of each function
    of Python, and the end of each function of C.

    Returns:
        "done", "interrupted", or "over" if the function has fewer steps.
    """
    n = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal n
        if event in {"call", "c_return"}:
            n += 1
            if n == step:
                raise error

    try:
        sys.setprofile(count)
        try:
            work()
        finally:
            sys.setprofile(None)
    except error:
        return "interrupted"
    return "done" if n >= step else "over"


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeIsOverError])
@pytest.mark.parametrize(
    "scheme", ["memory", pytest.param("sqlite", marks=pytest.mark.slow)]
)
def test_an_interrupted_change(
    scheme: str, error: type[BaseException], tmp_path: Path
) -> None:
    """An interrupted change is stored or not, and the other threads continue."""
    url = "memory:" if scheme == "memory" else f"sqlite:///{tmp_path}/r.db"
    storage = create_storage(url, {}, None)
    commits = GroupCommit(storage, lambda: None)
    commits.run(lambda writer: writer.add_list("own", None))
    list_rules = rules.load("own")
    acknowledged: set[int] = set()

    def add(key: int) -> None:
        new = registrations.new_row(list_rules, key, date(2024, 1, 2), None)
        commits.run_batched(registrations.add_rows, new)
        acknowledged.add(key)

    def begin_and_add(begun: SimpleQueue[None], key: int) -> None:
        begun.put(None)
        add(key)

    def wait_and_add(begun: SimpleQueue[None], key: int) -> None:
        begun.get()
        add(key)

    outcome, step = "", 0
    while outcome != "over":
        step += 1
        begun = SimpleQueue[None]()
        mine, others, later = (KEY + 3 * step + i for i in range(3))
        thread = threading.Thread(target=wait_and_add, args=(begun, others))
        thread.start()

        outcome = interrupt(partial(begin_and_add, begun, mine), step, error)
        begun.put(None)
        thread.join()
        add(later)

        assert {others, later} <= acknowledged, step
        assert outcome == "interrupted" or mine in acknowledged, step
    with storage.read() as reader:
        parts = reader.registrations(1, ends_from=None, ends_before=None)
        stored = [row.key for part in parts for row in part]
        journal = [event.key for event in reader.changes(0, 10 * step) if event.key]
    storage.close()
    assert sorted(stored) == sorted(journal)
    assert acknowledged <= set(stored)


def test_an_interrupted_leader_loses_no_other_change() -> None:
    """A change that waits behind the one of an interrupted leader is stored."""
    outcome, step = "", 0
    while outcome != "over":
        step += 1
        outcome = interrupt_leader(step)


def interrupt_leader(step: int) -> str:
    """Interrupt a change while another one waits behind it; check the other one."""
    storage = create_storage("memory:", {}, None)
    commits = GroupCommit(storage, lambda: None)
    begun, go_on, tried = (SimpleQueue[None]() for _ in range(3))

    def hold(_: Writer) -> None:
        begun.put(None)
        go_on.get()

    def call_when_waiting(n: int, work: Callable[[], object]) -> None:
        while len(commits._waiting) < n and tried.empty():
            threading.Event().wait(0.001)
        work()

    add_list = partial(commits.run, lambda writer: writer.add_list("own", None))
    threads = [
        threading.Thread(target=commits.run_alone, args=(hold,)),
        threading.Thread(target=call_when_waiting, args=(1, add_list)),
        threading.Thread(target=call_when_waiting, args=(2, partial(go_on.put, None))),
    ]
    threads[0].start()
    begun.get()
    for thread in threads[1:]:
        thread.start()
    outcome = interrupt(
        partial(commits.run, lambda writer: writer.lists()), step, KeyboardInterrupt
    )
    tried.put(None)
    for thread in threads:
        thread.join()

    with storage.read() as reader:
        assert [each.name for each in reader.lists()] == ["own"], step
    return outcome


def write_all(writer: Writer) -> None:
    """Call all methods that change a registry; each changes something."""
    writer.add_list("own:brand-a", None)
    writer.add_registrations([new_rows([row(), row(KEY + 1), row(KEY + 3)])])
    writer.update_registrations([row(ends_on=DAY + 3)])
    writer.erase_registrations([row(KEY + 1), row(KEY + 2)])
    writer.update_list(OWN._replace(complete_from=DAY))
    writer.append_events([Event(0, ChangeKind.WITHDRAWN, 1, KEY, DAY)])
    writer.trim_journal(4)
    for prefix in 33899, 33898:
        writer.set_prefix(PrefixRow(1, prefix, DAY, NO_END, True))
    writer.drop_prefix(PrefixRow(1, 33899, DAY, NO_END, True))
    writer.save_request(request(used_at=1))
    writer.save_request(request(id="cd" * 16))
    writer.drop_expired_requests(9_000)
    writer.append_records([record(3), record(4)])
    writer.erase_records("calls", [1, 3])


def test_an_interrupted_transaction_in_memory() -> None:
    """A transaction in memory is rolled back as a whole, from every step."""
    expected: dict[str, Any] = {}
    outcome, step = "", 0
    while outcome != "over":
        step += 1
        storage = MemoryStorage()
        storage.create({})
        with storage.write() as writer:
            writer.add_list("own", None)
            writer.add_registrations([new_rows([row(KEY + 1), row(KEY + 2)])])
            writer.save_request(request(id="ef" * 16, key=KEY + 2))
            writer.append_records([record(1), record(2)])
        before = content_of(storage)

        def write(storage: MemoryStorage = storage) -> None:
            with storage.write() as writer:
                write_all(writer)

        outcome = interrupt(write, step, KeyboardInterrupt)

        after = content_of(storage)
        if outcome == "interrupted" and after == before:
            write()  # the lock is free
            after = content_of(storage)
        expected = after if step == 1 else expected
        assert after == expected != before, step


def content_of(storage: MemoryStorage) -> dict[str, Any]:
    """Return a copy of the content, without its random token and empty streams."""
    content = deepcopy(vars(storage._content))
    del content["token"]
    return {
        name: {key: each for key, each in value.items() if each}
        if isinstance(value, dict)
        else value
        for name, value in content.items()
    }
