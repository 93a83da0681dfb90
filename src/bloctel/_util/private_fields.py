"""Decorator that hides phone numbers and contacts in the `repr` of named tuples."""

from collections.abc import Callable
from typing import Any, TypeVar

_C = TypeVar("_C", bound=type[Any])


def not_shown(*names: str) -> Callable[[_C], _C]:
    """Return a class decorator that omits the given fields from a tuple's `repr`.

    >>> from typing import NamedTuple
    >>> @not_shown("key")
    ... class Row(NamedTuple):
    ...     seq: int
    ...     key: int
    >>> Row(1, 33639981234)
    Row(seq=1)
    """

    def decorate(cls: _C) -> _C:
        shown = [name for name in cls._fields if name not in names]

        def text(row: object) -> str:
            fields = (f"{name}={getattr(row, name)!r}" for name in shown)
            return f"{cls.__name__}({', '.join(fields)})"

        cls.__repr__ = text  # type: ignore[assignment]
        return cls

    return decorate
