"""A call file split by a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import workload
from benchmarks.peers.csv_set import CsvSet
from benchmarks.prepare import SNAPSHOT, write_snapshot
from benchmarks.results import Table
from benchmarks.timing import Contender, Unit, measure
from bloctel.scrub.csv_file import Outputs, scrub_csv
from bloctel.snapshot import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.scale import Scale

__all__ = ["table"]

_RATE: Final = Unit("M rows/s", 1e-6, per_second=True)


def table(scale: Scale, folder: Path) -> Table:
    """Measure a scrub of `code;name;telephone;city`, beside csv and a set."""
    held = workload.registrations(scale.call_list)
    write_snapshot(held.table(), folder)
    asked = workload.draw_queries(held, scale.call_rows).mixed(1)
    calls, few = folder / "calls.csv", folder / "few.csv"
    workload.write_call_file(calls, asked)
    workload.write_call_file(few, asked[: scale.csv_rows])
    nine_digits = {text[1:] for text in workload.as_texts(held.blocked())}
    script = CsvSet(nine_digits)
    with Snapshot.open(folder / SNAPSHOT) as book:
        contenders = [
            Contender("bloctel", lambda: _scrub(book, calls, folder), len(asked)),
            Contender(
                script.name,
                lambda: script.scrub(few, folder),
                min(scale.csv_rows, len(asked)),
                script.note,
            ),
        ]
        rows = measure(contenders, scale.rounds, _RATE)
    size = calls.stat().st_size / 1e6
    return Table(
        "scrub",
        f"scrub of {len(asked):,} rows ({size:,.0f} MB), {len(held.keys):,} numbers",
        _RATE.name,
        "",
        "blocked",
        rows,
    )


def _scrub(book: Snapshot, calls: Path, folder: Path) -> int:
    outputs = Outputs(
        folder / "clear.csv", folder / "blocked.csv", folder / "invalid.csv"
    )
    question = book.question(on=workload.DAY)
    return scrub_csv(calls, question, columns=["telephone"], outputs=outputs).blocked
