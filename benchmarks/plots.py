"""Plots that need no colour to be read: hatches, markers and labels say it again.

The colours are those of Okabe and Ito.  The same readings make the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Table


def draw(table: Table, folder: Path) -> bool:
    return False
