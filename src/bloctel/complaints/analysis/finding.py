"""A finding of complaints, and how rare it must be to be one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bloctel._util.messages import format_probability
from bloctel.scrub.origin.tests import Finding as Mark

__all__ = ["SURPRISING", "THRESHOLD", "Finding"]

#: Chances below this are findings: one in ten thousand for each kind, all callers that
#: were looked at together.
SURPRISING: Final = 1e-4
THRESHOLD: Final = (
    f"a chance below {format_probability(SURPRISING)}, all callers together"
)


@dataclass(frozen=True, slots=True)
class Finding(Mark):
    """What complaints show, and how sure that is: a lead, no proof.

    Attributes:
        evidence: The complaints that it rests on, by their names.
        numbers: The keys of the numbers shown that it is about.
        names: The names that it is about, as complaints have them.
    """

    evidence: tuple[str, ...]
    numbers: tuple[int, ...] = field(default=(), repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        chance = format_probability(self.probability)
        return f"{self.says} (chance of being wrong: {chance})"
