"""Time of `import bloctel` in a new process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.results import Row, Table
from benchmarks.subprocesses import output_of
from benchmarks.timing import MS

if TYPE_CHECKING:
    from benchmarks.suite import Scale

__all__ = ["table"]

_TIMED: Final = """\
import time
{first}
began = time.perf_counter()
import {module}
print(time.perf_counter() - began)
"""
_IMPORTS: Final = {
    "bloctel, after numpy": ("import numpy", "bloctel"),
    "numpy": ("", "numpy"),
}


def table(scale: Scale) -> Table:
    """Measure imports, each in a new process."""
    programs = {
        name: _TIMED.format(first=first, module=module)
        for name, (first, module) in _IMPORTS.items()
    }
    values: dict[str, list[float]] = {name: [] for name in programs}
    for each_round in range(scale.rounds + 1):
        for name, program in programs.items():
            seconds = float(output_of("-c", program))
            if each_round:  # the first round fills the page cache
                values[name].append(1e3 * seconds)
    rows = tuple(
        Row(name, None, tuple(read), None, "") for name, read in values.items()
    )
    return Table("import", "time of `import bloctel`", MS.name, "", "", rows)
