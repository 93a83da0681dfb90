"""Crash test: kill processes that use a registry, and check that nothing is lost.

Each round forks a process that writes, imports or builds snapshots, kills it with
SIGKILL after a random time, and compares the storage with a model: a registry in
memory that received every acknowledged change.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bloctel import BloctelError, PhoneNumber, Registry, Snapshot
from bloctel.errors import NotRegisteredError, SnapshotError
from bloctel.periods import to_epoch_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LostError", "Tally", "rounds"]

# these ranges are reserved for fiction: 06 39 98, 01 99 00 and 02 61 91
_FIRST_KEY: Final = 33639980000
_FIRST_IMPORTED: Final = (33199000000, 33261910000)
_N_THREADS: Final = 4
_N_KEYS: Final = 400  # each thread has its own numbers, so their changes have an order
_IMPORTED: Final = 20_000  # all numbers of the two ranges
_LONGEST: Final = 0.5  # the longest time before a process is killed, in seconds
_SHARE_AT_WORK: Final = 0.8


class LostError(AssertionError):
    """Error: an acknowledged change is missing, or only a part of it is stored."""


@dataclass
class Tally:
    """Counts of what happened in the rounds.

    Attributes:
        rounds: Number of rounds.
        in_work: Rounds in which the process was killed while it worked.
        acknowledged: Changes that were acknowledged and then found.
        unacknowledged: Changes that were stored, though not yet acknowledged.
        imports: Imports that were stored completely; the others left nothing.
        snapshots: Snapshot files that were opened and verified.
        leftovers: Hidden files of killed builders, which were removed.
    """

    rounds: int = 0
    in_work: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0
    imports: int = 0
    snapshots: int = 0
    leftovers: int = 0


@dataclass
class _State:
    """Expected content of the storage.

    Attributes:
        model: A registry with every change that is stored.
        positions: Last compared positions of the two journals: storage, model.
        generation: Generation of the last snapshot file.
    """

    url: str
    folder: Path
    seed: int
    model: Registry = field(default_factory=lambda: Registry.create("memory:"))
    positions: tuple[str | None, str | None] = (None, None)
    generation: int = 0
    tally: Tally = field(default_factory=Tally)


def rounds(
    url: str, folder: Path, n: int, seed: int, crash: Callable[[], None] | None = None
) -> Tally:
    """Create a registry at *url* and do *n* rounds on it; return their counts.

    Args:
        url: URL of a storage without a registry.
        folder: Folder of the snapshot files.
        n: Number of rounds.
        seed: Seed of the random numbers.
        crash: Kills and restarts the server; called in one round of ten.

    Raises:
        LostError: Something was lost; the message says what, and how to repeat it.
    """
    Registry.create(url, lists=["own"]).close()
    state = _State(url, folder, seed)
    for turn in range(n):
        chance = random.Random(f"{seed} {turn}")  # noqa: S311
        work = chance.choice([_write, _write, _import, _build])
        try:
            log = _run_and_kill(work, state, turn, chance, crash)
            _CHECKS[work](state, turn, log)
        except LostError as error:
            raise LostError(
                f"{error} - seed {seed}, round {turn}, {work.__name__}"
            ) from None
        state.tally.rounds += 1
    return state.tally


def _run_and_kill(
    work: Callable[[_State, int, int], None],
    state: _State,
    turn: int,
    chance: random.Random,
    crash: Callable[[], None] | None,
) -> list[Any]:
    """Start a process, kill it, and return the lines that it reported."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reads)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            work(state, turn, writes)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writes)
    told: list[bytes] = []
    at_work = threading.Event()
    listener = threading.Thread(target=_listen, args=(reads, told, at_work))
    listener.start()
    # most processes are killed while they work, a few before they begin
    if work is _write and chance.random() < _SHARE_AT_WORK:
        at_work.wait()
    time.sleep(chance.uniform(0, _LONGEST))
    crashes = crash is not None and chance.random() < 0.1
    if crash is not None and crashes:
        crash()
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    listener.join()
    if os.WIFEXITED(status) and not crashes:  # a process works until it is killed
        raise LostError("the process failed before it was killed")
    lines = b"".join(told).split(b"\n")
    state.tally.in_work += len(lines) > 1 or work is not _write
    return [json.loads(line) for line in lines[:-1]]


def _listen(reads: int, told: list[bytes], at_work: threading.Event) -> None:
    while data := os.read(reads, 1 << 16):
        told.append(data)
        at_work.set()
    os.close(reads)
    at_work.set()


# -- a process that writes --------------------------------------------------------


def _write(state: _State, turn: int, pipe: int) -> None:
    """Change numbers from many threads; report each change before and after it."""
    registry = Registry.open(state.url)
    chance = random.Random(f"{state.seed} {turn} child")  # noqa: S311
    seeds = [chance.random() for _ in range(_N_THREADS)]

    def change(thread: int) -> None:
        mine = random.Random(seeds[thread])  # noqa: S311
        first = _FIRST_KEY + thread * _N_KEYS
        while True:
            key = first + mine.randrange(_N_KEYS)
            day = 19_000 + mine.randrange(1_000)
            kind = mine.choice(["register", "register", "withdraw", "renew"])
            operation = [thread, kind, key, day]
            _tell(pipe, ["begun", *operation])
            try:
                _change(registry, operation)
            except NotRegisteredError:
                _tell(pipe, ["refused", *operation])
            except BloctelError:
                continue  # a killed server acknowledges no change
            else:
                _tell(pipe, ["done", *operation])

    threads = [threading.Thread(target=change, args=(i,)) for i in range(_N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _tell(pipe: int, line: object) -> None:
    os.write(pipe, json.dumps(line).encode() + b"\n")  # short lines stay whole


def _change(registry: Registry, operation: list[Any]) -> None:
    _, kind, key, day = operation
    on = date(1970, 1, 1) + timedelta(days=day)
    getattr(registry, kind)(PhoneNumber(key), list="own", on=on)


def _check_writer(state: _State, turn: int, log: list[Any]) -> None:
    del turn
    pending: dict[int, list[list[Any]]] = {}
    for word, *operation in log:
        if word == "begun":
            pending.setdefault(operation[0], []).append(operation)
            continue
        # an operation that a failure of the server left open is older than this one
        pending[operation[0]].remove(operation)
        if word == "done":
            _change(state.model, operation)
            state.tally.acknowledged += 1
    with Registry.open(state.url) as registry:
        for operation in (op for left in pending.values() for op in left):
            _settle(state, registry, operation)
        _compare(state, registry, [PhoneNumber(op[2]) for _, *op in log])
        # no lock is left behind
        registry.register(PhoneNumber(_FIRST_KEY - 1), list="own", on=date(2024, 1, 1))
        state.model.register(
            PhoneNumber(_FIRST_KEY - 1), list="own", on=date(2024, 1, 1)
        )


def _settle(state: _State, registry: Registry, operation: list[Any]) -> None:
    """Find out whether an unacknowledged change was stored."""
    number = PhoneNumber(operation[2])
    if registry.history(number) == state.model.history(number) and (
        _n_events(registry, state.positions[0], number)
        == _n_events(state.model, state.positions[1], number)
    ):
        return
    try:
        _change(state.model, operation)
    except NotRegisteredError:
        raise LostError("a change is stored that was not possible") from None
    state.tally.unacknowledged += 1


def _n_events(registry: Registry, since: str | None, number: PhoneNumber) -> int:
    return sum(change.number == number for change in registry.changes(since=since))


def _compare(state: _State, registry: Registry, numbers: list[PhoneNumber]) -> None:
    for number in set(numbers):
        if registry.history(number) != state.model.history(number):
            raise LostError("an acknowledged change is missing or incomplete")
    there = list(registry.changes(since=state.positions[0]))
    here = list(state.model.changes(since=state.positions[1]))
    cursors = [change.cursor for change in there]
    if cursors != sorted(set(cursors)):
        raise LostError("the journal is not in order")
    if _told(there) != _told(here):
        raise LostError("the journal differs from the changes that were made")
    state.positions = (
        there[-1].position if there else state.positions[0],
        here[-1].position if here else state.positions[1],
    )


def _told(changes: list[Any]) -> Counter[object]:
    return Counter((c.kind, c.number, c.on) for c in changes if c.list == "own")


# -- a process that imports ---------------------------------------------------------


def _import(state: _State, turn: int, pipe: int) -> None:
    """Import many numbers onto a list of this round."""
    registry = Registry.open(state.url)
    registry.add_list(_scope(turn))
    registry.register_parts(_parts(), list=_scope(turn), on=date(2024, 1, 1))
    _tell(pipe, ["imported"])
    threading.Event().wait()


def _scope(turn: int) -> str:
    letters = "".join(chr(ord("a") + int(digit)) for digit in str(turn))
    return f"own:{letters}"


def _parts() -> Any:
    half = np.arange(_IMPORTED // 2, dtype=np.uint64)
    keys = np.concatenate([half + np.uint64(first) for first in _FIRST_IMPORTED])
    day = np.full(len(keys) // 4, to_epoch_day(date(2024, 1, 1)), np.int64)
    for part in np.split(keys, 4):
        yield part, day


def _check_import(state: _State, turn: int, log: list[Any]) -> None:
    with Registry.open(state.url) as registry:
        found = 0
        if _scope(turn) in registry.lists:
            parts = registry.registrations(list=_scope(turn))
            found = sum(len(part.keys) for part in parts)
        if found not in (0, _IMPORTED) or (log and found == 0):
            raise LostError(f"an import of {_IMPORTED} numbers stored {found}")
        state.tally.imports += found == _IMPORTED
        registry.add_list(_scope(turn))
        again = registry.register_parts(
            _parts(), list=_scope(turn), on=date(2024, 1, 1)
        )
        if again != _IMPORTED - found:
            raise LostError(f"a repeated import added {again} numbers to {found}")


# -- a process that builds snapshots --------------------------------------------------


def _build(state: _State, turn: int, pipe: int) -> None:
    """Build the snapshot again and again."""
    del turn
    registry = Registry.open(state.url)
    while True:
        info = registry.build_snapshot(state.folder / "s.bloctel")
        _tell(pipe, [info.generation])


def _check_build(state: _State, turn: int, log: list[Any]) -> None:
    del turn
    path = state.folder / "s.bloctel"
    for leftover in state.folder.glob(".bloctel-*.part"):
        leftover.unlink()
        state.tally.leftovers += 1
    if not path.exists():
        if log:
            raise LostError("a snapshot that was built is missing")
        return
    try:
        with Snapshot.open(path) as snapshot:
            snapshot.verify()
            generation = snapshot.info.generation
    except SnapshotError as error:
        raise LostError(f"the snapshot file is damaged: {error}") from None
    if generation < max([state.generation, *(line[0] for line in log)]):
        raise LostError("the snapshot file is older than one that was built")
    state.generation = generation
    state.tally.snapshots += 1


_CHECKS: Final[dict[Callable[..., None], Callable[[_State, int, list[Any]], None]]] = {
    _write: _check_writer,
    _import: _check_import,
    _build: _check_build,
}
