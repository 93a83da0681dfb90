"""Commands: `python -m benchmarks run`, `report`, `registries` and others."""

from __future__ import annotations

import argparse
import tempfile
import textwrap
from pathlib import Path

from benchmarks import (
    compliance,
    registers,
    registries,
    report_page,
    scrub,
    spark,
    suite,
)
from benchmarks.environment import environment
from benchmarks.results import Results
from benchmarks.suite import SCALES
from benchmarks.tables import as_plain, table_cells


def main(arguments: list[str] | None = None) -> None:
    """Run a suite, or write the page of a run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run", help="measure; print each table when it is ready")
    runs.add_argument("--suite", choices=SCALES, default="quick")
    runs.add_argument("--json", type=Path, metavar="FILE")
    runs.set_defaults(command=_run)
    reports = commands.add_parser("report", help="write tables and plots of a run")
    reports.add_argument("results", type=Path)
    reports.add_argument("--out", type=Path, default=Path("benchmarks.md"))
    reports.set_defaults(command=_report)
    registries.add_to(commands.add_parser("registries", help="measure registries"))
    registers.add_to(
        commands.add_parser("registers", help="measure registers of other countries")
    )
    compliance.add_to(
        commands.add_parser("permission", help="measure permission to call")
    )
    scrub.add_to(commands.add_parser("scrub", help="measure scrubs of call files"))
    spark.add_to(commands.add_parser("spark", help="measure scrubs in Spark"))
    options = parser.parse_args(arguments)
    options.command(options)


def _run(options: argparse.Namespace) -> None:
    machine = environment()
    print(_opening(machine))
    tables = []
    with tempfile.TemporaryDirectory(prefix="bloctel-bench-") as folder:
        for table in suite.run(SCALES[options.suite], Path(folder)):
            cells = table_cells(table)
            print(f"## {table.title}, {table.unit}\n\n{as_plain(cells)}\n", flush=True)
            tables.append(table)
    results = Results(options.suite, machine, tuple(tables))
    if options.json:
        options.json.write_text(results.to_json(), encoding="utf-8")
    print(report_page.as_terminal(results))


def _opening(machine: dict[str, str]) -> str:
    """Return the introduction that stands before the first table."""
    losses = "\n".join(
        textwrap.fill(loss, 88, initial_indent="- ", subsequent_indent="  ")
        for loss in report_page.LOSSES
    )
    lines = "\n".join(f"{name:18} {text}" for name, text in machine.items())
    return (
        f"Not measured here:\n{report_page.NOT_MEASURED}\n\n"
        f"Where something else is better:\n{losses}\n\n"
        f"{report_page.READING}\n\n{lines}\n"
    )


def _report(options: argparse.Namespace) -> None:
    text = options.results.read_text(encoding="utf-8")
    report_page.write(Results.from_json(text), options.out)


if __name__ == "__main__":
    main()
