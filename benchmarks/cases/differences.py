"""Answers that the plainest oracle contradicts: none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import differential
from benchmarks.results import Row, Table

if TYPE_CHECKING:
    from benchmarks.suite import Scale

__all__ = ["table"]

_SEED: Final = 20_240_102


def table(scale: Scale) -> Table:
    """Compare look-ups with an array of the whole plan."""
    numbers = min(scale.call_list, scale.differential)
    outcome = differential.compare(
        scale.differential,
        numbers,
        _SEED,
        whole_plan=scale.differential >= differential.PLAN,
    )
    note = f"{outcome.blocked:,} of them blocked; {outcome.seconds:,.0f} s"
    made, differences = float(outcome.look_ups), float(outcome.differences)
    rows = (
        Row("look-ups", None, (made,), None, note),
        Row("differences", None, (differences,), None, ""),
    )
    title = f"look-ups compared with an oracle, {numbers:,} registrations"
    return Table("differential", title, "count", "", "", rows)
