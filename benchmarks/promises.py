"""The figures that the library holds itself to, as data, and what a run says of each.

A claim is worked out round by round, and a round's contenders ran one after the other:
what slows the machine down for a while slows both sides of a ratio.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from benchmarks.results import Results

__all__ = ["CLAIMS", "PROMISES", "Claim", "Promise", "Reading", "judge"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a run says of a claim.

    Attributes:
        values: The figure, round by round; empty if it was not measured.
        why_not: Why it was not.
    """

    values: tuple[float, ...]
    why_not: str = ""


#: How a figure is worked out of a run.
Measure: TypeAlias = Callable[["Results"], Reading]


def value(table: str, name: str, at: int | None = None) -> Measure:
    """Return what reads one row."""

    def measure(results: Results) -> Reading:
        held = results.table(table)
        rows = held.rows if held else ()
        row = next((row for row in rows if (row.name, row.at) == (name, at)), None)
        if row is None:
            return Reading((), "not in this suite")
        return Reading(row.values, "" if row.values else row.note)

    return measure


def ratio(above: Measure, below: Measure) -> Measure:
    """Return what divides one reading by another, round by round."""

    def measure(results: Results) -> Reading:
        over, under = above(results), below(results)
        pairs = zip(over.values, under.values, strict=False)
        values = tuple(a / b for a, b in pairs)
        return Reading(values, over.why_not or under.why_not)

    return measure


def worst(table: str, name: str) -> Measure:
    """Return what reads the row of the greatest median of that name."""

    def measure(results: Results) -> Reading:
        held = results.table(table)
        rows = [row for row in held.rows if row.name == name] if held else []
        rows = [row for row in rows if row.values]
        if not rows:
            return Reading((), "not in this suite")
        return Reading(max(rows, key=lambda row: row.median).values)

    return measure


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure and what it must reach.

    Attributes:
        figure: What is measured.
        measure: How it is worked out.
        limit: What it must reach.
        unit: What it is in; empty for a ratio.
        at_least: Whether more is better.
    """

    figure: str
    measure: Measure
    limit: float
    unit: str = "times"
    at_least: bool = False

    @property
    def target(self) -> str:
        """What it must reach, in words."""
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.limit:g} {self.unit}".rstrip()

    def holds(self, values: tuple[float, ...]) -> bool:
        """Tell whether the median reaches it."""
        read = median(values)
        return read >= self.limit if self.at_least else read <= self.limit


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


CLAIMS: Final = (
    Claim(
        "is_blocked(str), beside abloom's `in` on the same strings",
        ratio(_text("bloctel"), _text("abloom")),
        1,
    ),
    Claim(
        "is_blocked(str), beside `in` on a set[str]",
        ratio(_text("bloctel"), _text("set[str]")),
        0.6,
    ),
    Claim(
        "check_many of int keys, 12 M, beside the C floor",
        ratio(_batch("bloctel"), _batch("C floor: the filter alone")),
        1.3,
    ),
    Claim(
        "the same, beside the bitmap of the plan in numpy",
        ratio(_batch("bloctel"), _batch("numpy bitmap of the plan")),
        1,
    ),
    Claim(
        "fastbloom-rs's batch, beside the same",
        ratio(_batch("fastbloom-rs"), _batch("bloctel")),
        10,
        at_least=True,
    ),
    Claim(
        "check_many at 250 M, beside its own time at 12 M",
        ratio(
            value("batch_sizes", "bloctel", _LARGEST),
            value("batch_sizes", "bloctel", _MAIN),
        ),
        2,
    ),
    Claim("check_many of an Arrow column, clean", _column("clean", _ARROW), 30, "ns"),
    Claim("check_many of an Arrow column, dirty", _column("dirty", _ARROW), 60, "ns"),
    Claim(
        "phonenumbers + set, beside the clean column",
        ratio(_column("clean", _CAREFUL), _column("clean", _ARROW)),
        300,
        at_least=True,
    ),
    Claim(
        "phonenumbers + set, beside the dirty column",
        ratio(_column("dirty", _CAREFUL), _column("dirty", _ARROW)),
        300,
        at_least=True,
    ),
    Claim(
        "one thread beside two, keys",
        ratio(
            value("threads", "bloctel, keys", 1), value("threads", "bloctel, keys", 2)
        ),
        1.8,
        at_least=True,
    ),
    Claim(
        "one thread beside two, Arrow column",
        ratio(value("threads", _ARROW, 1), value("threads", _ARROW, 2)),
        1.8,
        at_least=True,
    ),
    Claim(
        "memory, filter + index, 12 M",
        value("memory", "filter + index", _MAIN),
        30,
        "bits a number",
    ),
    Claim(
        "memory, periods included, 12 M",
        value("memory", "filter + index + periods", _MAIN),
        48,
        "bits a number",
    ),
    Claim(
        "open a snapshot, verify=False, the slowest size",
        worst("open", "open, verify=False"),
        5,
        "ms",
    ),
    Claim(
        "build from unsorted keys, 12 M",
        value("build_sizes", "bloctel", _MAIN),
        150,
        "ns a number",
    ),
    Claim(
        "memory that a build takes, 12 M",
        value("build_memory", "bloctel", _MAIN),
        3,
        "times the result",
    ),
    Claim(
        "scrub of a CSV file of 12 columns, all cores",
        value("scrub", "bloctel"),
        5,
        "M rows/s",
        at_least=True,
    ),
    Claim(
        "the same, beside DuckDB",
        ratio(value("scrub", "bloctel"), value("scrub", "DuckDB")),
        5,
        at_least=True,
    ),
    Claim(
        "the same, beside polars",
        ratio(value("scrub", "bloctel"), value("scrub", "polars")),
        5,
        at_least=True,
    ),
    Claim(
        "annotated Parquet file of 12 columns, compared with a copy by pyarrow",
        ratio(
            value("scrub_parquet", "bloctel, annotated"),
            value("scrub_parquet", "copy by pyarrow"),
        ),
        0.8,
        at_least=True,
    ),
    Claim(
        "annotated Parquet file of one column, compared with a copy by pyarrow",
        ratio(
            value("scrub_parquet_narrow", "bloctel, annotated"),
            value("scrub_parquet_narrow", "copy by pyarrow"),
        ),
        0.5,
        at_least=True,
    ),
    Claim(
        "memory of a scrub, the mapped snapshot included",
        value("scrub_memory", "whole process, all rows"),
        200,
        "MB",
    ),
    Claim(
        "the same, beside that of few rows",
        ratio(
            value("scrub_memory", "whole process, all rows"),
            value("scrub_memory", "whole process, few rows"),
        ),
        1.2,
    ),
    Claim(
        "import bloctel, over bare numpy",
        value("import", "bloctel, once numpy is there"),
        60,
        "ms",
    ),
    Claim(
        "look-ups that differ from an oracle of the whole plan",
        value("differential", "differences"),
        0,
        "",
    ),
)


def judge(claim: Claim, results: Results) -> tuple[Reading, str]:
    """Return a claim's reading in a run, and `pass`, `FAIL` or `not measured`."""
    reading = claim.measure(results)
    if not reading.values:
        only = results.suite != "full" and reading.why_not == "not in this suite"
        reason = "full suite only" if only else reading.why_not
        return reading, f"not measured ({reason})"
    return reading, "pass" if claim.holds(reading.values) else "FAIL"


@dataclass(frozen=True, slots=True)
class Promise:
    """What no figure shows.

    Attributes:
        text: The promise.
        shown_by: The files, in this repository, that show it.
    """

    text: str
    shown_by: tuple[str, ...]


PROMISES: Final = (
    Promise(
        "no false negative, no false positive",
        ("scripts/differential", "tests/filter/test_index_properties.py"),
    ),
    Promise(
        "the filter is Parquet's, bit for bit", ("tests/filter/test_filter_parquet.py",)
    ),
    Promise(
        "compiled and plain twin agree",
        (
            "tests/numbers/test_digits_properties.py",
            "tests/filter/test_filter_properties.py",
            "tests/scrub/test_csv_properties.py",
        ),
    ),
    Promise(
        "no acknowledged write is lost",
        ("scripts/crash-test", "tests/system/test_crashes.py"),
    ),
    Promise(
        "no damaged file is believed", ("tests/snapshot/test_snapshot_properties.py",)
    ),
    Promise(
        "nothing crashes the process",
        (
            "tests/numbers/test_digits_properties.py",
            "tests/tabular/test_csv_scan_properties.py",
        ),
    ),
)
