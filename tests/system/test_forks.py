"""Forks of a process that uses registries: the child answers rightly, or refuses."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bloctel import Follower, Registry, Snapshot
from bloctel._util.atomic_files import replacing
from bloctel.compliance import Desk
from bloctel.records import RecordStore
from tests.helpers.forks import in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = 33639981000
ON = date(2024, 1, 2)
TODAY = date(2026, 10, 6)
AT = datetime(2026, 10, 6, 9, tzinfo=UTC)


@contextmanager
def busy(*works: Callable[[int], object]) -> Iterator[None]:
    """Call each function in a thread, again and again, until the end of the block."""
    failed: list[BaseException] = []
    is_done = threading.Event()

    def repeat(work: Callable[[int], object], has_run: threading.Event) -> None:
        n = 0
        try:
            while not is_done.is_set():
                work(n)
                n += 1
                has_run.set()
        except BaseException as error:
            failed.append(error)
            has_run.set()

    events = [threading.Event() for _ in works]
    threads = [
        threading.Thread(target=repeat, args=pair)
        for pair in zip(works, events, strict=True)
    ]
    for thread in threads:
        thread.start()
    # a thread that opens its connection can hold locks of the resolver or of OpenSSL,
    # which a child process would never get
    for has_run in events:
        has_run.wait()
    try:
        yield
    finally:
        is_done.set()
        for thread in threads:
            thread.join()
    assert failed == []


def opened(url: str, stack: ExitStack, **options: Any) -> Registry:
    """Return a registry that has one number."""
    registry = stack.enter_context(Registry.create(url, lists=["own"]))
    if url != "memory:":
        registry.close()
        registry = stack.enter_context(Registry.open(url, **options))
    registry.register(KEY, list="own", on=ON)
    return registry


def use_elsewhere(url: str) -> tuple[bool, bool]:
    """Open the registry in this process, change it, and look numbers up."""
    with Registry.open(url) as registry:
        registry.register(KEY + 500, list="own", on=ON)
        return registry.is_blocked(KEY, on=ON), registry.is_blocked(KEY + 999, on=ON)


def changes(registry: Registry) -> list[Callable[[int], object]]:
    """Return functions that change a registry and look numbers up."""

    def change(n: int) -> None:
        registry.register(KEY + 1 + n % 300, list="own", on=ON)

    def look_up(_: int) -> None:
        assert registry.is_blocked_many([KEY, KEY + 999], on=ON).tolist() == [1, 0]

    return [change, change, look_up]


def all_refused(results: list[Any]) -> bool:
    """Return True if each result is the error that names the fork."""
    return all("was opened before this process was forked" in each for each in results)


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_a_fork_while_threads_look_up_and_change(storage_url: str, exact: str) -> None:
    """A child at once refuses an inherited registry; its parent goes on."""
    with ExitStack() as stack:
        registry = opened(storage_url, stack, refresh_seconds=0, exact=exact)
        with busy(*changes(registry)):
            for _ in range(10):
                *refused, closed = in_child(
                    lambda: registry.is_blocked(KEY, on=ON),
                    lambda: registry.is_blocked_many([KEY], on=ON).tolist(),
                    lambda: str(registry.check(KEY, on=ON)),
                    lambda: str(registry.question(on=ON)),
                    lambda: registry.lists,
                    lambda: registry.register(KEY + 400, list="own", on=ON),
                    lambda: registry.history(KEY),
                    lambda: list(registry.changes()),
                    registry.close,
                )
                assert all_refused(refused), refused
                assert closed is None
        assert registry.is_blocked(KEY, on=ON)
        assert not registry.is_blocked(KEY + 400, on=ON)


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_child_opens_its_own_registry(storage_url: str, is_busy: bool) -> None:
    """A child works, or refuses SQLite at once if a thread used it at the fork."""
    if storage_url == "memory:":
        pytest.skip("a child cannot open a registry in the memory of its parent")
    with ExitStack() as stack:
        registry = opened(storage_url, stack)
        with busy(*(changes(registry) if is_busy else [])):
            for _ in range(10):
                (result,) = in_child(lambda: use_elsewhere(storage_url))
                may_refuse = is_busy and storage_url.startswith("sqlite")
                if not (may_refuse and "while a thread of its parent" in result):
                    assert result == [True, False]


def test_inherited_records_refuse(storage_url: str) -> None:
    """A child neither reads nor changes inherited records."""
    if storage_url == "memory:":
        pytest.skip("records in memory have no URL")
    with ExitStack() as stack:
        opened(storage_url, stack)
        store = stack.enter_context(RecordStore.open(storage_url))
        with busy(lambda _: store.run(lambda _: 0), lambda _: store.verify("a")):
            for _ in range(10):
                *refused, closed = in_child(
                    lambda: store.run(lambda _: 0),
                    lambda: store.verify("a"),
                    store.close,
                )
                assert all_refused(refused), refused
                assert closed is None


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_an_inherited_question(storage_url: str, exact: str) -> None:
    """A fixed question answers from memory, or refuses to ask the storage."""
    with ExitStack() as stack:
        registry = opened(storage_url, stack, exact=exact)
        question = registry.question(on=ON)

        def ask() -> list[bool]:
            found: list[bool] = question.is_blocked_many([KEY, KEY + 999]).tolist()
            return found

        (result,) = in_child(ask)
        assert result == [True, False] or all_refused([result])
        assert ask() == [True, False]


def test_an_inherited_follower_refuses(storage_url: str) -> None:
    """A follower without its thread never answers "clear", and can be closed."""
    if storage_url == "memory:":
        pytest.skip("a registry in memory has no followers")
    with ExitStack() as stack:
        registry = opened(storage_url, stack)
        follower = stack.enter_context(
            Follower.open(storage_url, when_silent="answer", max_silence_seconds=0)
        )
        follower.on_blocked(lambda _: None, lambda: [KEY])
        for _ in range(5):
            look_up, refresh, close = in_child(
                lambda: follower.is_blocked(KEY, on=ON),
                lambda: str(follower.question(on=ON)),
                follower.close,
            )
            assert all_refused([look_up, refresh])
            assert close is None
        registry.register(KEY + 1, list="own", on=ON)
        while not follower.is_blocked(KEY + 1, on=ON):
            threading.Event().wait(0.01)


_EXITS = """
import os, signal, sys, threading
from datetime import date
from bloctel import Registry

on = date(2024, 1, 2)
registry = Registry.open(sys.argv[1], refresh_seconds=0)
is_done = threading.Event()

def change(first):
    n = 0
    while not is_done.is_set():
        registry.register(first + n % 100, list="own", on=on)
        n += 1

threads = [threading.Thread(target=change, args=(33639981100 + i,)) for i in (0, 100)]
for thread in threads:
    thread.start()
for _ in range(10):
    pages = registry.changes()  # a page is read, and the transaction is open
    next(pages)
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a watchdog: a child that hangs is killed
        del pages
        sys.exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        sys.exit(f"the child ended with {code}")
    list(pages)
is_done.set()
for thread in threads:
    thread.join()
numbers = range(33639981100, 33639981110)
sys.exit(not registry.is_blocked_many(numbers, on=on).all())
"""


def test_a_child_that_exits_harms_no_connection(storage_url: str) -> None:
    """The finalizers of a child end no connection and no transaction of its parent."""
    if storage_url == "memory:":
        pytest.skip("another process cannot open a registry in memory")
    with ExitStack() as stack:
        opened(storage_url, stack).close()
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _EXITS, storage_url],
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert b"Error" not in ended.stderr, ended.stderr.decode()


def test_an_inherited_desk_refuses(tmp_path: Path) -> None:
    """A desk permits no call from an inherited registry."""
    with ExitStack() as stack:
        registry = opened(f"sqlite:///{tmp_path}/r.db", stack)
        desk = Desk(book=registry)
        (result,) = in_child(lambda: str(desk.may_call(KEY + 1, at=AT)))
        assert "decision='ask'" in result
        assert "list_unanswered" in result


def test_inherited_snapshots_answer(tmp_path: Path) -> None:
    """Copied, mapped and followed snapshots answer in a child, also from a new file."""
    path = tmp_path / "s.bloctel"
    with ExitStack() as stack:
        registry = opened("memory:", stack)
        registry.build_snapshot(path, on=TODAY)
        books = [
            stack.enter_context(Snapshot.open(path)),
            stack.enter_context(Snapshot.open(path, verify=False)),
            stack.enter_context(Snapshot.follow(path, refresh_seconds=0)),
        ]

        def look_up(_: int) -> None:
            assert all(book.is_blocked(KEY, on=TODAY) for book in books)

        with busy(look_up, look_up):
            for _ in range(10):
                *answers, closed = in_child(
                    lambda: [book.is_blocked(KEY, on=TODAY) for book in books],
                    lambda: [book.is_blocked(KEY + 1, on=TODAY) for book in books],
                    lambda: deque(map(Snapshot.close, books), 0).maxlen,
                )
                assert answers == [[True] * 3, [False] * 3]
                assert closed == 0


def test_a_child_inside_a_transaction_changes_nothing(storage_url: str) -> None:
    """A fork inside a transaction: the child can neither continue nor end it."""
    with ExitStack() as stack:
        registry = opened(storage_url, stack)
        with registry._storage.write() as writer:
            writer.add_list("fr.bloctel", None)

            in_child(lambda: writer.add_list("own:brand-a", None), stack.close)
            writer.add_list("own:brand-b", None)
        found = set(registry.lists)
    assert {"own", "fr.bloctel", "own:brand-b"} <= found
    assert storage_url == "memory:" or "own:brand-a" not in found


def test_a_child_leaves_the_output_of_its_parent(tmp_path: Path) -> None:
    """A child neither writes to nor removes a file that its parent is writing."""
    path = tmp_path / "out"
    with ExitStack() as stack:
        file = stack.enter_context(replacing(path))
        file.write(b"once")
        in_child(stack.close)
        file.write(b" and again")
    assert path.read_bytes() == b"once and again"
