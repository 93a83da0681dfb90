"""Processes that append to one journal at once, and processes that are killed."""

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
from bloctel.scrub.receipts import Journal, Keeping, Receipt, read
from tests.helpers.receipt_samples import EXAMPLE, scrubbed, write_files
from tests.oracles import receipt as oracle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bloctel.scrub.receipts import Place

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system does not fork"
)


def append(path: Path, region: str = "FR") -> Receipt:
    """Append a receipt to a journal."""

    def make(place: Place) -> Receipt:
        return replace(EXAMPLE, region=region, journal=place)

    return Journal(path).append(make)


def fork(work: Callable[[], object]) -> int:
    """Return the process that does the work; it ends with 0 if that ends well."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def test_processes_at_once_do_not_fork_the_chain(tmp_path: Path) -> None:
    """Each receipt of each of them is there, in one chain."""
    path, n = tmp_path / "j.jsonl", 60

    def work(region: str) -> Callable[[], None]:
        return lambda: [append(path, region) for _ in range(n)].clear()

    children = [fork(work(region)) for region in ("AA", "BB")]

    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    found = [receipt.region for receipt in Journal(path).receipts()]
    assert sorted(map(str, found)) == ["AA"] * n + ["BB"] * n
    assert oracle.is_whole(path.read_bytes())


def test_threads_at_once_do_not_either(tmp_path: Path) -> None:
    """Each opens the file for itself, so that locks work between them as well."""
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


def test_readers_never_see_half_a_line(tmp_path: Path) -> None:
    """They wait for the writer that is at it."""
    path = tmp_path / "j.jsonl"
    append(path)
    child = fork(lambda: [append(path) for _ in range(40)])

    while os.waitpid(child, os.WNOHANG) == (0, 0):
        assert list(Journal(path).receipts())

    assert len(list(Journal(path).receipts())) == 41


def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Two writers, of which one is killed at any moment, again and again."""
    path, chance = tmp_path / "j.jsonl", random.Random(7)  # noqa: S311
    append(path)
    reads, writes = os.pipe()

    def work() -> None:
        while True:
            os.write(writes, b"%d\n" % _number(append(path)))

    for turn in range(12):
        children = [fork(work), fork(work)]
        if turn == 0:  # one has acknowledged something, however slow the machine is
            told = os.read(reads, 1 << 10)
        time.sleep(chance.uniform(0.005, 0.06))
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if not _is_whole(path):
            Journal(path).mend()
        numbers = [_number(receipt) for receipt in Journal(path).receipts()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert _number(append(path)) == len(numbers) + 1  # no lock is left behind
    os.close(writes)
    with os.fdopen(reads, "rb") as rest:
        acknowledged = [int(line) for line in (told + rest.read()).split()]

    held = {_number(receipt) for receipt in Journal(path).receipts()}
    assert len(set(acknowledged)) == len(acknowledged) > 0
    assert set(acknowledged) <= held
    assert oracle.is_whole(path.read_bytes())


def _is_whole(path: Path) -> bool:
    try:
        return bool(list(Journal(path).receipts()))
    except TruncatedJournalError:
        return False


def _number(receipt: Receipt) -> int:
    assert receipt.journal is not None
    return receipt.journal.number


def test_a_killed_scrub_leaves_no_receipt_without_its_outputs(tmp_path: Path) -> None:
    """Whatever receipt is there, its files are there and are those it names."""
    write_files(tmp_path)
    chance = random.Random(7)  # noqa: S311
    keeping = Keeping(tmp_path / "r.json", tmp_path / "j.jsonl")

    reads, writes = os.pipe()

    def work(rounds: int) -> None:
        for _ in range(rounds):
            calls = b"tel\n" + b"0199001235\n" * chance.randrange(1, 5000)
            for name in ("r.json", "clear.csv", "blocked.csv"):  # the receipt first
                (tmp_path / name).unlink(missing_ok=True)
            (tmp_path / "calls.csv").write_bytes(calls)
            scrubbed(tmp_path, keeping)
            os.write(writes, b".")
        threading.Event().wait()

    def kill(child: int) -> bool:
        """Kill it; return whether there is a receipt, which agrees with its files."""
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
        os.read(reads, 1)  # it is at work, however slow the machine is
        time.sleep(chance.uniform(0, 0.1))
        kill(child)
    os.set_blocking(reads, False)
    with suppress(BlockingIOError):
        while os.read(reads, 1 << 16):
            pass
    os.set_blocking(reads, True)

    child = fork(lambda: work(1))
    os.read(reads, 1)
    assert kill(child)  # one that waits after its scrub
