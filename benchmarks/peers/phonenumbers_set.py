"""Package phonenumbers and a set: a careful program without this library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phonenumbers import NumberParseException, parse

from benchmarks.peers import BasePeer, as_list

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["PhonenumbersSet"]


class PhonenumbersSet(BasePeer):
    """Parses each text with the region FR, and looks up its key in a set of int."""

    name = "phonenumbers + set"
    requires = "phonenumbers"
    note = "exact; no periods; reads all written forms"
    is_slow = True

    def build(self, keys: Column) -> None:
        """Add these keys; texts of ten digits are converted to keys."""
        self._members = {self._key(key) for key in as_list(keys)}

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Parse and look up one by one."""
        members, found = self._members, 0
        for text in keys:
            if _read(str(text)) in members:
                found += 1
        return found

    def parse_all(self, texts: list[str]) -> int:
        """Return the number of *texts* that can be parsed."""
        return sum(_read(text) is not None for text in texts)

    @staticmethod
    def _key(key: int | str) -> int:
        # parsing millions of texts would take minutes, with the same result
        return key if isinstance(key, int) else int("33" + key[1:])


def _read(text: str) -> int | None:
    try:
        number = parse(text, "FR")
    except NumberParseException:
        return None
    return int(f"{number.country_code}{number.national_number}")
