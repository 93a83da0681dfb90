"""Promised figures as data, and their evaluation in a run.

A figure is computed round by round, and the contenders of a round ran one after the
other: a machine that is slow for a while slows both sides of a ratio.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from benchmarks.results import Results

__all__ = ["PROMISES", "TARGETS", "Promise", "Reading", "Target", "evaluate"]


@dataclass(frozen=True, slots=True)
class Reading:
    """Readings of a promised figure in a run.

    Attributes:
        values: The figure of each round; empty if it was not measured.
        why_not: The reason why the figure was not measured, or "".
    """

    values: tuple[float, ...]
    why_not: str = ""


#: Function that computes a figure from a run.
Measure: TypeAlias = Callable[["Results"], Reading]


def value(table: str, name: str, at: int | None = None) -> Measure:
    """Return a function that reads one row."""

    def measure(results: Results) -> Reading:
        found = results.table(table)
        rows = found.rows if found else ()
        row = next((row for row in rows if (row.name, row.at) == (name, at)), None)
        if row is None:
            return Reading((), "not in this suite")
        return Reading(row.values, "" if row.values else row.note)

    return measure


def ratio(above: Measure, below: Measure) -> Measure:
    """Return a function that divides one reading by another, round by round."""

    def measure(results: Results) -> Reading:
        over, under = above(results), below(results)
        pairs = zip(over.values, under.values, strict=False)
        values = tuple(a / b for a, b in pairs)
        return Reading(values, over.why_not or under.why_not)

    return measure


def worst(table: str, name: str) -> Measure:
    """Return a function that reads the row of this name with the greatest median."""

    def measure(results: Results) -> Reading:
        found = results.table(table)
        rows = [row for row in found.rows if row.name == name] if found else []
        rows = [row for row in rows if row.values]
        if not rows:
            return Reading((), "not in this suite")
        return Reading(max(rows, key=lambda row: row.median).values)

    return measure


@dataclass(frozen=True, slots=True)
class Target:
    """Promised figure and its limit.

    Attributes:
        figure: The name of the figure.
        measure: Computes the figure from a run.
        limit: The worst value that keeps the promise.
        unit: The unit.
        at_least: Whether the limit is the least allowed value, not the greatest.
    """

    figure: str
    measure: Measure
    limit: float
    unit: str = "times"
    at_least: bool = False

    @property
    def bound(self) -> str:
        """The limit as text, with a comparison sign and the unit."""
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.limit:g} {self.unit}".rstrip()

    def holds(self, values: tuple[float, ...]) -> bool:
        """Return whether the median keeps the promise."""
        middle = median(values)
        return middle >= self.limit if self.at_least else middle <= self.limit


_MAIN: Final = 12_000_000
_LARGEST: Final = 250_000_000
_ARROW: Final = "bloctel, Arrow column"
_CAREFUL: Final = "phonenumbers + set"


def _batch(name: str) -> Measure:
    return value("batch", name)


def _text(name: str) -> Measure:
    return value("text_loop", name)


def _column(kind: str, name: str) -> Measure:
    return value(f"column_{kind}", name)


TARGETS: Final = (
    Target(
        "time of is_blocked(str), compared with `in` on abloom's filter",
        ratio(_text("bloctel"), _text("abloom")),
        1,
    ),
    Target(
        "time of is_blocked(str), compared with `in` on a set[str]",
        ratio(_text("bloctel"), _text("set[str]")),
        0.6,
    ),
    Target(
        "time of check_many of integer keys, list of 12 M numbers, compared with "
        "a C loop that only looks up the filter",
        ratio(_batch("bloctel"), _batch("C loop: filter only")),
        1.3,
    ),
    Target(
        "time of check_many of integer keys, list of 12 M numbers, compared with "
        "a numpy bitmap of all numbers",
        ratio(_batch("bloctel"), _batch("numpy bitmap of all numbers")),
        1,
    ),
    Target(
        "time of a batch in fastbloom-rs, compared with check_many of integer keys",
        ratio(_batch("fastbloom-rs"), _batch("bloctel")),
        10,
        at_least=True,
    ),
    Target(
        "time of check_many with a list of 250 M numbers, compared with 12 M",
        ratio(
            value("batch_sizes", "bloctel", _LARGEST),
            value("batch_sizes", "bloctel", _MAIN),
        ),
        2,
    ),
    Target(
        "time per row of check_many of a clean Arrow column",
        _column("clean", _ARROW),
        30,
        "ns",
    ),
    Target(
        "time per row of check_many of a dirty Arrow column",
        _column("dirty", _ARROW),
        60,
        "ns",
    ),
    Target(
        "time of phonenumbers and a set, compared with check_many of the clean column",
        ratio(_column("clean", _CAREFUL), _column("clean", _ARROW)),
        300,
        at_least=True,
    ),
    Target(
        "time of phonenumbers and a set, compared with check_many of the dirty column",
        ratio(_column("dirty", _CAREFUL), _column("dirty", _ARROW)),
        300,
        at_least=True,
    ),
    Target(
        "time of check_many of integer keys with one thread, compared with two",
        ratio(
            value("threads", "bloctel, keys", 1), value("threads", "bloctel, keys", 2)
        ),
        1.8,
        at_least=True,
    ),
    Target(
        "time of check_many of an Arrow column with one thread, compared with two",
        ratio(value("threads", _ARROW, 1), value("threads", _ARROW, 2)),
        1.8,
        at_least=True,
    ),
    Target(
        "memory of filter and index, list of 12 M numbers",
        value("memory", "filter + index", _MAIN),
        30,
        "bits per number",
    ),
    Target(
        "memory of filter, index and periods, list of 12 M numbers",
        value("memory", "filter + index + periods", _MAIN),
        48,
        "bits per number",
    ),
    Target(
        "time to open the slowest snapshot with verify=False",
        worst("open", "open, verify=False"),
        5,
        "ms",
    ),
    Target(
        "time of a build from 12 M unsorted keys",
        value("build_sizes", "bloctel", _MAIN),
        150,
        "ns per number",
    ),
    Target(
        "peak memory of a build from 12 M keys",
        value("build_memory", "bloctel", _MAIN),
        3,
        "times the result",
    ),
    Target(
        "speed of a scrub of a CSV file with 12 columns, on all cores",
        value("scrub", "bloctel"),
        5,
        "M rows/s",
        at_least=True,
    ),
    Target(
        "speed of a scrub of a CSV file, compared with DuckDB",
        ratio(value("scrub", "bloctel"), value("scrub", "DuckDB")),
        5,
        at_least=True,
    ),
    Target(
        "speed of a scrub of a CSV file, compared with polars",
        ratio(value("scrub", "bloctel"), value("scrub", "polars")),
        5,
        at_least=True,
    ),
    Target(
        "speed of writing an annotated Parquet file with 12 columns, compared with "
        "a copy by pyarrow",
        ratio(
            value("scrub_parquet", "bloctel, annotated"),
            value("scrub_parquet", "copy by pyarrow"),
        ),
        0.8,
        at_least=True,
    ),
    Target(
        "speed of writing an annotated Parquet file with one column, compared with "
        "a copy by pyarrow",
        ratio(
            value("scrub_parquet_narrow", "bloctel, annotated"),
            value("scrub_parquet_narrow", "copy by pyarrow"),
        ),
        0.5,
        at_least=True,
    ),
    Target(
        "memory of a scrub of many rows, including the mapped snapshot",
        value("scrub_memory", "whole process, all rows"),
        200,
        "MB",
    ),
    Target(
        "memory of a scrub of many rows, compared with few rows",
        ratio(
            value("scrub_memory", "whole process, all rows"),
            value("scrub_memory", "whole process, few rows"),
        ),
        1.2,
    ),
    Target(
        "time of import bloctel, if numpy is already imported",
        value("import", "bloctel, after numpy"),
        60,
        "ms",
    ),
)


def evaluate(target: Target, results: Results) -> tuple[Reading, str]:
    """Return the readings of a figure, and `pass`, `FAIL` or `not measured`."""
    reading = target.measure(results)
    if not reading.values:
        only = results.suite != "full" and reading.why_not == "not in this suite"
        reason = "full suite only" if only else reading.why_not
        return reading, f"not measured ({reason})"
    return reading, "pass" if target.holds(reading.values) else "FAIL"


@dataclass(frozen=True, slots=True)
class Promise:
    """Promise that is shown by tests, not by a figure.

    Attributes:
        text: The promise.
        shown_by: Paths of the tests in this repository.
    """

    text: str
    shown_by: tuple[str, ...]


PROMISES: Final = (
    Promise(
        "a look-up never gives a false negative or a false positive",
        (
            "scripts/differential",
            "tests/lookup/test_plan_bitmap.py",
            "tests/filter/test_index_properties.py",
        ),
    ),
    Promise(
        "the filter has the same bits as Parquet's filter",
        ("tests/filter/test_filter_parquet.py",),
    ),
    Promise(
        "compiled code gives the same results as plain Python code",
        (
            "tests/numbers/test_digits_properties.py",
            "tests/filter/test_filter_properties.py",
            "tests/scrub/test_csv_properties.py",
        ),
    ),
    Promise(
        "no change is lost after it was confirmed",
        ("scripts/crash-test", "tests/system/test_crashes.py"),
    ),
    Promise(
        "a damaged snapshot is never accepted",
        ("tests/snapshot/test_snapshot_properties.py",),
    ),
    Promise(
        "no input crashes the process",
        (
            "tests/numbers/test_digits_properties.py",
            "tests/tabular/test_csv_scan_properties.py",
        ),
    ),
)
