"""Benchmarks of permission to call: single questions, reservations and audits.

`python -m benchmarks permission --calls 10000000`.  All called persons consented, a
thirtieth of the numbers is on a list, and the calls are spread over all days and hours
of two years: an audit finds breaches of all kinds.
"""

from __future__ import annotations

import resource
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.environment import environment
from benchmarks.registries import Reading
from benchmarks.tables import as_plain
from bloctel import Registry
from bloctel.compliance import Consent, Desk, Evidence
from bloctel.compliance.call_log import CallLog

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["add_to", "run"]

_FIRST: Final = 33_600_000_000
_NUMBERS: Final = 300_000_000
_BEGIN: Final = datetime(2025, 1, 1, tzinfo=UTC)
_DAYS: Final = 690
_MONDAY: Final = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
_SALE: Final[Any] = {
    "purpose": "sale",
    "sector": "insurance",
    "subject": "insurance",
    "caller": "01 62 00 00 00",
    "automated": True,
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Measure, and print the table."""
    for name, text in environment().items():
        print(f"{name:18} {text}")
    with Registry.create("memory:", lists=["fr.bloctel", "own"]) as lists:
        readings = [*_questions(lists), *_reservations(lists)]
        readings += _audits(lists, options.calls)
    head = ["what", "reading", "must reach", ""]
    print("\n" + as_plain([head, *(reading.cells() for reading in readings)]))


class _AllConsented:
    """Consents in which each person consented for as long as the law allows."""

    def __init__(self) -> None:
        self._evidence = Evidence(
            consents=(
                Consent(
                    id="1",
                    given_at=datetime(2026, 6, 1, 12, tzinfo=UTC),
                    expires_on=date(2027, 6, 1),
                    firm="Exemple SA",
                    subject="insurance",
                    has_all_mentions=True,
                ),
            )
        )

    def of(self, key: int) -> Evidence:
        """Return the evidence for one number."""
        return self._evidence

    def of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence]:
        """Return the same evidence for each number."""
        return dict.fromkeys(keys, self._evidence)


def _desk(lists: Registry, calls: Any) -> Desk:
    return Desk(
        "FR", book=lists, consents=_AllConsented(), calls=calls, firm="Exemple SA"
    )


def _questions(lists: Registry) -> Iterator[Reading]:
    n_calls = 2_000
    with CallLog.create("memory:") as calls:
        desk = _desk(lists, calls)
        desk.may_call(_FIRST, at=_MONDAY, **_SALE)  # reads the rules
        begin = perf_counter()
        for key in range(_FIRST, _FIRST + n_calls):
            _require(desk.may_call(key, at=_MONDAY, **_SALE).allowed)
        seconds = perf_counter() - begin
        yield Reading("may_call", 1e6 * seconds / n_calls, "µs")
        for what, at in (
            ("next_allowed_at, after a night", _MONDAY - timedelta(hours=12)),
            ("next_allowed_at, none exists", _MONDAY.replace(year=2027)),
        ):
            begin = perf_counter()
            found = desk.may_call(_FIRST, at=at, **_SALE).next_allowed_at
            _require((found is None) == ("none" in what))
            yield Reading(what, 1e3 * (perf_counter() - begin), "ms")


def _reservations(lists: Registry) -> Iterator[Reading]:
    with tempfile.TemporaryDirectory(prefix="bloctel-bench-") as name:
        folder = Path(name)
        for what, url, n_threads in (
            ("memory, one thread", "memory:", 1),
            ("SQLite, one thread", f"sqlite:///{folder}/one.db", 1),
            ("SQLite, 32 threads", f"sqlite:///{folder}/many.db", 32),
        ):
            n_each = 3_200 // n_threads
            with CallLog.create(url) as calls:
                seconds = _reserve(_desk(lists, calls), n_threads, n_each)
            rate = n_threads * n_each / seconds
            yield Reading(f"reservations: {what}", rate, "/s")


def _reserve(desk: Desk, n_threads: int, n_each: int) -> float:
    def work(first: int) -> None:
        for key in range(first, first + n_each):
            _require(desk.reserve(key, at=_MONDAY, **_SALE).call is not None)

    threads = [
        Thread(target=work, args=(_FIRST + n_each * i,)) for i in range(n_threads)
    ]
    begin = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter() - begin


def _audits(lists: Registry, n_calls: int) -> Iterator[Reading]:
    log = _log(n_calls)
    some = np.unique(log["number"])[: n_calls // 30 + 1]
    lists.register_many(some, list="fr.bloctel", on=date(2024, 5, 1))
    before = _peak_megabytes()
    begin = perf_counter()
    audit = _desk(lists, None).audit(log, **_SALE)
    seconds = perf_counter() - begin
    _require(audit.n_calls == n_calls)
    limit = 300 * n_calls / 10_000_000  # "in minutes"
    yield Reading(f"an audit of {n_calls:,} calls", seconds, "s", limit)
    yield Reading("memory of this audit", _peak_megabytes() - before, "MB")


def _log(n_calls: int) -> dict[str, Any]:
    """Return columns of *n_calls* calls, on average three to each number."""
    import pyarrow as pa  # noqa: PLC0415

    random = np.random.default_rng(1)
    numbers = _FIRST + random.integers(0, _NUMBERS, n_calls // 3 + 1)
    seconds = random.integers(0, _DAYS * 86_400, n_calls)
    moments: NDArray[np.int64] = (int(_BEGIN.timestamp()) + seconds) * 1_000_000
    outcomes = np.array(["answered", "unanswered", "declined"])
    drawn = random.choice(len(outcomes), n_calls, p=[0.5, 0.48, 0.02])
    return {
        "number": random.choice(numbers, n_calls),
        "at": pa.array(moments).cast(pa.timestamp("us", "UTC")),
        "outcome": outcomes[drawn],
    }


def _require(is_correct: bool) -> None:
    """Raise RuntimeError for a wrong answer, because its speed would mean nothing."""
    if not is_correct:
        raise RuntimeError("wrong answer: the benchmark would measure a defect")


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
