"""Everything that a report of an error can show: its chain, with all attributes."""

from __future__ import annotations

__all__ = ["shown_by"]


def shown_by(error: BaseException) -> str:
    """Return the texts, arguments and attributes of an error and of its chain."""
    shown, waiting, seen = "", [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        shown += f"{one}\n{one!r}\n{one.args!r}\n{vars(one)!r}\n"
        linked = [one.__cause__, one.__context__, *vars(one).values(), *one.args]
        waiting += [link for link in linked if isinstance(link, BaseException)]
    return shown
