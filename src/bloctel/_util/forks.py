"""Preparation of objects for use in a forked child process.

A fork copies locks and connections of the parent process, but not its threads.  So the
child must not wait for a copied lock, and must not use a copied connection.
"""

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """Object with a method that runs in each forked child process."""

    def enter_child(self) -> None:
        """Prepare the object for the child process, without waiting for a lock."""


_objects: Final[WeakSet[Inherited]] = WeakSet()


def prepare_in_child(inherited: Inherited) -> None:
    """Register an object: later forked child processes call its `enter_child`."""
    _objects.add(inherited)


def keep_forever(inherited: object) -> None:
    """Never free an object: its finalizer would use a file of the parent process."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))


def cut_off(fileno: Callable[[], int]) -> None:
    """Replace a file or socket, copied from the parent process, by the null device."""
    with suppress(Exception):  # *fileno* raises an error if the file is already closed
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
