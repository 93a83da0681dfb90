"""Objects that a forked process inherits, with locks and connections of its parent.

A fork copies the locks that threads of the parent hold, and the connections that the
parent continues to use, but no thread.
"""

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """Object that does something in a forked child process."""

    def enter_child(self) -> None:
        """Prepare the object for the child process, without waiting for a lock."""


_objects: Final[WeakSet[Inherited]] = WeakSet()


def prepare_in_child(inherited: Inherited) -> None:
    """Call `enter_child` of an object in each later forked child process."""
    _objects.add(inherited)


def keep_forever(inherited: object) -> None:
    """Never release an object: its finalizer would use a file of the parent."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))


def cut_off(fileno: Callable[[], int]) -> None:
    """Replace a socket or a file of the parent by the null device, in this process."""
    with suppress(Exception):  # it is closed
        descriptor = fileno()
        null = os.open(os.devnull, os.O_RDWR)
        try:
            os.dup2(null, descriptor, inheritable=False)
        finally:
            os.close(null)


def _enter_child() -> None:
    for each in list(_objects):
        each.enter_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_enter_child)
