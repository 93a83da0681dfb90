"""Pages of the documentation, and the fences in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAGES", "ROOT", "Fence", "fences", "name_of"]

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_OPENING: Final = re.compile(r"(`{3,}|:{3,})\s*(\{?[\w-]*\}?).*")


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of code in a page.

    Attributes:
        language: The word after the opening marks.
        line: The line of the opening marks, from 1.
        text: The lines between the marks.
    """

    language: str
    line: int
    text: str


def name_of(page: Path) -> str:
    """Return the path of a page, relative to the repository."""
    return page.relative_to(ROOT).as_posix()


def fences(page: Path) -> Iterator[Fence]:
    """Yield the fences of backticks in a page, in order."""
    opened: tuple[str, str, int] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if opened is None:
            found = _OPENING.fullmatch(line.strip())
            if found and found[1].startswith("`"):
                opened, inside = (found[1], found[2], number), []
        elif line.strip() == opened[0]:
            yield Fence(opened[1], opened[2], "".join(f"{row}\n" for row in inside))
            opened = None
        else:
            inside.append(line)
    if opened is not None:
        raise ValueError(f"{name_of(page)}: the fence of line {opened[2]} has no end")
