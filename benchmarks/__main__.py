"""The command: `python -m benchmarks run --suite quick|full [--json FILE]`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.environment import environment
from benchmarks.suite import SCALES, run


def main(arguments: list[str] | None = None) -> None:
    """Run a suite; print its tables as they come."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    command = parser.add_subparsers(required=True).add_parser("run")
    command.add_argument("--suite", choices=SCALES, default="quick")
    command.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    machine = environment()
    print(report.opening(options.suite, machine))
    tables = []
    with tempfile.TemporaryDirectory(prefix="bloctel-bench-") as folder:
        for table in run(SCALES[options.suite], Path(folder)):
            print(report.as_text(table), flush=True)
            tables.append(table)
    if options.json:
        options.json.write_text(report.as_json(options.suite, machine, tables))


if __name__ == "__main__":
    main()
