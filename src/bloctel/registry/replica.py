"""What look-ups know of a storage, kept up with its journal.

A `Mirror` holds a table of everything at one moment, and an overlay of what changed
since.  It knows no thread: whoever owns it says when to catch up.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Literal, get_args
from uuid import UUID

from bloctel.errors import CursorPurgedError, InputError
from bloctel.lookup.question import Provenance, State
from bloctel.lookup.table import Overlay
from bloctel.registry import registrations
from bloctel.registry.filter_only_replica import StoredNumbers
from bloctel.storage.rows import ChangeKind

if TYPE_CHECKING:
    from bloctel.lookup.table import Table
    from bloctel.storage.interface import Reader, Storage
    from bloctel.storage.rows import Event

__all__ = ["Exact", "Mirror", "require_exact"]

#: Where the exact step is made: in memory, or in the storage, behind a filter.
Exact = Literal["memory", "storage"]

#: A journal longer than this is not replayed: reading everything anew is faster.
_RELOAD_AFTER: Final = 100_000


def require_exact(exact: str) -> Exact:
    """Return where the exact step is made.

    Raises:
        InputError: It is neither `memory` nor `storage`.
    """
    for known in get_args(Exact):
        if exact == known:
            return known  # type: ignore[no-any-return]
    raise InputError("'memory' or 'storage'", repr(exact), "exact")


class Mirror:
    """A storage's content as look-ups need it.

    Args:
        storage: What is mirrored.
        exact: Where the exact step is made.

    Attributes:
        exact: Where the exact step is made.
        state: What look-ups know; another object after each change.
        cursor: The last change that it holds; None if nothing was read yet.
        is_behind: Whether it should be loaded anew: it holds numbers that have been
            erased, or too many that changed.
    """

    def __init__(self, storage: Storage, exact: Exact = "memory") -> None:
        self._storage = storage
        self.exact = exact
        # what is asked of the storage lies in the overlay, all of it
        self._most_overlaid = inf if exact == "storage" else _RELOAD_AFTER
        empty = registrations.no_table()
        self.state = State((), empty, Overlay(empty))
        self.cursor: int | None = None
        self.is_behind = False
        self._identity: UUID | None = None

    def load(self) -> None:
        """Read everything anew."""
        with self._storage.read() as reader:
            self._load(reader)

    def start_from(self, table: Table, cursor: int) -> None:
        """Begin with a table that holds all changes up to *cursor*.

        Raises:
            CursorPurgedError: The journal does not reach back to it.
        """
        with self._storage.read() as reader:
            events = reader.changes(cursor, 1)
            del events  # it is only asked whether it can be
            self._take_up(reader, table, Overlay(table), cursor)
        self.is_behind = False

    def catch_up(self, *, reload: bool = True) -> bool:
        """Take in what has changed; tell whether anything has.

        Args:
            reload: Whether to read everything anew at once when `is_behind`.  Left
                for later, answers stay right: questions about days on which erased
                numbers were protected are refused.
        """
        with self._storage.read() as reader:
            last = reader.last_change()
            if self.cursor == last:
                return False
            events = self._events(reader, last)
            if events is None:
                self._load(reader)
                return True
            cursor = max(last, events[-1].cursor if events else last)
            changed = {e.key for e in events if e.key is not None}
            self._overlay(reader, changed, cursor)
            self.is_behind |= any(map(_is_erased, events))
            self.is_behind |= len(self.state.overlay) > self._most_overlaid
            if self.is_behind and reload:
                self._load(reader)
        return True

    def _events(self, reader: Reader, last: int) -> list[Event] | None:
        """Return what happened since the last time; None: read all anew."""
        if self.cursor is None or last - self.cursor > _RELOAD_AFTER:
            return None
        try:
            return reader.changes(self.cursor, 2 * _RELOAD_AFTER)
        except CursorPurgedError:
            return None

    def _load(self, reader: Reader) -> None:
        cursor = reader.last_change()
        if self.exact == "storage":
            table = registrations.no_table()
            numbers = StoredNumbers(self._storage, table)
            numbers.expect(registrations.keys_of(reader))
            self._take_up(reader, table, numbers, cursor)
        else:
            table = registrations.load(reader)
            self._take_up(reader, table, Overlay(table), cursor)
        self.is_behind = False

    def _overlay(self, reader: Reader, changed: set[int], cursor: int) -> None:
        overlay = self.state.overlay
        if isinstance(overlay, StoredNumbers):
            overlay.add(changed, reader)
        else:
            for key, entries in registrations.entries_of(reader, changed).items():
                overlay.replace(key, entries)
        self._take_up(reader, self.state.table, overlay, cursor)

    def _take_up(
        self, reader: Reader, table: Table, overlay: Overlay, cursor: int
    ) -> None:
        # the lists last: what was erased meanwhile must be known to be missing
        prefixes = registrations.prefix_rules(reader)
        if isinstance(overlay, StoredNumbers):
            overlay.complete_from = registrations.complete_from(reader)
        lists = registrations.book_lists(reader)
        if self._identity is None:
            self._identity = UUID(reader.settings()["identity"])
        known = Provenance(self._identity, cursor)
        self.state = State(lists, table, overlay, None, prefixes, known)
        self.cursor = cursor


def _is_erased(event: Event) -> bool:
    return event.key is None and event.kind != ChangeKind.PREFIXES
