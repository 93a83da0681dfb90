"""Peak memory of a scrub, measured in a separate process.

`python -m benchmarks.scrub_memory SNAPSHOT CALLS FOLDER` prints a JSON object.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Final

from benchmarks import workload
from bloctel.scrub import Outputs, scrub_csv
from bloctel.snapshot import Snapshot

__all__ = ["main"]

_SELF: Final = Path("/proc/self")


def main(snapshot: Path, calls: Path, folder: Path) -> dict[str, int]:
    """Scrub; return this process's peak memory, and how much of it is the snapshot."""
    outputs = Outputs(folder / "a.csv", folder / "b.csv", folder / "c.csv")
    with Snapshot.open(snapshot) as book:
        question = book.question(on=workload.DAY)
        scrub_csv(calls, question, columns=["telephone"], outputs=outputs)
        for path in outputs.wanted().values():
            Path(str(path)).unlink()
        if not (_SELF / "smaps").is_file():  # not Linux
            return {}
        return {"peak": _peak(), "mapped": _mapped(snapshot)}


def _peak() -> int:
    [line] = [
        line
        for line in (_SELF / "status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    return int(line.split()[1]) * 1024


def _mapped(path: Path) -> int:
    """Return how many bytes of a mapped file are in this process's memory."""
    found, of_it = 0, False
    for line in (_SELF / "smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            of_it = line.endswith(str(path))
        elif of_it and line.startswith("Rss:"):
            found += int(line.split()[1]) * 1024
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(Path, sys.argv[1:4]))))
