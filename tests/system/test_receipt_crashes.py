"""Concurrent writers of one receipt journal, and killed processes."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from bloctel.errors import TruncatedJournalError
from bloctel.scrub.receipts import Journal, Receipt, ReceiptOptions, read
from tests.helpers.receipt_samples import EXAMPLE, scrubbed, write_files
from tests.oracles import receipt as oracle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bloctel.scrub.receipts import JournalPosition

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system does not fork"
)


def append(path: Path, region: str = "FR") -> Receipt:
    """Append a receipt to a journal."""

    def make(place: JournalPosition) -> Receipt:
        return replace(EXAMPLE, region=region, journal=place)

    return Journal(path).append(make)


def fork(work: Callable[[], object]) -> int:
    """Start a child process for the work; its exit code is 0 if the work succeeds."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def test_concurrent_processes_write_one_hash_chain(tmp_path: Path) -> None:
    """All receipts of both processes are there, in one hash chain."""
    path, n = tmp_path / "j.jsonl", 60

    def work(region: str) -> Callable[[], None]:
        return lambda: [append(path, region) for _ in range(n)].clear()

    children = [fork(work(region)) for region in ("AA", "BB")]

    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    found = [receipt.region for receipt in Journal(path).receipts()]
    assert sorted(map(str, found)) == ["AA"] * n + ["BB"] * n
    assert oracle.is_complete(path.read_bytes())


def test_concurrent_threads_write_one_hash_chain(tmp_path: Path) -> None:
    """Each thread opens the file, so that the lock also works between threads."""
    path = tmp_path / "j.jsonl"
    threads = [
        threading.Thread(target=lambda: [append(path) for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(list(Journal(path).receipts())) == 80


def test_readers_never_see_partial_lines(tmp_path: Path) -> None:
    """A reader of a journal waits until the current writer has written its line."""
    path = tmp_path / "j.jsonl"
    append(path)
    child = fork(lambda: [append(path) for _ in range(40)])

    while os.waitpid(child, os.WNOHANG) == (0, 0):
        assert list(Journal(path).receipts())

    assert len(list(Journal(path).receipts())) == 41


def test_killed_writers_lose_no_acknowledged_receipt(tmp_path: Path) -> None:
    """After writers are killed, the journal has every receipt that was acknowledged."""
    path, chance = tmp_path / "j.jsonl", random.Random(7)  # noqa: S311
    append(path)
    reads, writes = os.pipe()

    def work() -> None:
        while True:
            os.write(writes, b"%d\n" % _number(append(path)))

    for round_number in range(12):
        children = [fork(work), fork(work)]
        if round_number == 0:  # wait until the first receipt is written
            first = os.read(reads, 1 << 10)
        time.sleep(chance.uniform(0.005, 0.06))
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if not _is_complete(path):
            Journal(path).mend()
        numbers = [_number(receipt) for receipt in Journal(path).receipts()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert _number(append(path)) == len(numbers) + 1  # the lock is free again
    os.close(writes)
    with os.fdopen(reads, "rb") as rest:
        acknowledged = [int(line) for line in (first + rest.read()).split()]

    found = {_number(receipt) for receipt in Journal(path).receipts()}
    assert len(set(acknowledged)) == len(acknowledged) > 0
    assert set(acknowledged) <= found
    assert oracle.is_complete(path.read_bytes())


def _is_complete(path: Path) -> bool:
    try:
        return bool(list(Journal(path).receipts()))
    except TruncatedJournalError:
        return False


def _number(receipt: Receipt) -> int:
    assert receipt.journal is not None
    return receipt.journal.number


def test_a_killed_scrub_leaves_no_receipt_without_outputs(tmp_path: Path) -> None:
    """If a receipt exists, its outputs exist and agree with it."""
    write_files(tmp_path)
    chance = random.Random(7)  # noqa: S311
    options = ReceiptOptions(tmp_path / "r.json", tmp_path / "j.jsonl")

    reads, writes = os.pipe()

    def work(rounds: int) -> None:
        for _ in range(rounds):
            calls = b"tel\n" + b"0199001235\n" * chance.randrange(1, 5000)
            for name in ("r.json", "clear.csv", "blocked.csv"):  # the receipt first
                (tmp_path / name).unlink(missing_ok=True)
            (tmp_path / "calls.csv").write_bytes(calls)
            scrubbed(tmp_path, options)
            os.write(writes, b".")
        threading.Event().wait()

    def kill(child: int) -> bool:
        """Kill a process; return whether there is a receipt, after comparing it."""
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if not (tmp_path / "r.json").exists():
            return False
        receipt = read(tmp_path / "r.json")
        outputs = receipt.record["outputs"]
        for kind in ("clear", "blocked"):
            assert oracle.agrees(outputs[kind], tmp_path / f"{kind}.csv")
        assert receipt in list(Journal(tmp_path / "j.jsonl").receipts())
        return True

    for _ in range(20):
        child = fork(lambda: work(10**6))
        os.read(reads, 1)  # wait for the first round, also on a slow machine
        time.sleep(chance.uniform(0, 0.1))
        kill(child)
    os.set_blocking(reads, False)
    with suppress(BlockingIOError):
        while os.read(reads, 1 << 16):
            pass
    os.set_blocking(reads, True)

    child = fork(lambda: work(1))
    os.read(reads, 1)
    assert kill(child)  # the process waits after its scrub
