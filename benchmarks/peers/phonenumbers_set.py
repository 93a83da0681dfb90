"""phonenumbers and a set: what a careful program does without this library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phonenumbers import NumberParseException, parse

from benchmarks.peers.python_set import as_list

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["PhonenumbersSet"]


class PhonenumbersSet:
    """Each text parsed with the region FR, its key looked up in a set of int."""

    name = "phonenumbers + set"
    requires = "phonenumbers"
    note = "exact; no periods; fewer queries"

    def __init__(self) -> None:
        self._members: set[object] = set()

    def build(self, keys: Column) -> None:
        """Hold these keys: integers, not texts."""
        self._members = set(as_list(keys))

    def contains_many(self, keys: Column) -> int:
        """Ask one by one: it has no batch."""
        return self.contains_loop(keys)

    def contains_loop(self, keys: Column) -> int:
        """Parse and ask one by one."""
        members = self._members
        return sum(self._key(text) in members for text in as_list(keys))

    def parse_all(self, texts: list[str]) -> int:
        """Return how many of *texts* it can parse."""
        return sum(self._key(text) is not None for text in texts)

    def _key(self, text: object) -> int | None:
        try:
            number = parse(str(text), "FR")
        except NumberParseException:
            return None
        return int(f"{number.country_code}{number.national_number}")
