"""Names that look alike, and how likely it is that two firms have them by chance."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bloctel.complaints.analysis.disjoint_sets import Forest
from bloctel.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["NameTable", "Pair", "name_key", "unlike"]

_FILE: Final = Path(__file__).with_name("name_words.toml")
#: Names that differ in one letter of ten look alike, whatever the order of the words.
_ALIKE: Final = 88.0
_SAME_WORD: Final = 80.0
_COMMON: Final = 75.0
#: A common word of so many letters is found in a longer one, as in `habisolutions`.
_LONG: Final = 5
#: A word of 5 letters is in one of a thousand names, one of 10 in one of a million,
#: which is as rare as a word can be: firms like some words better than others.
_TENTHS_PER_LETTER: Final = 0.6
_RAREST: Final = 1e-6
#: Few names at hand do not make a name rare: so many firms could be meant at least.
_FIRMS: Final = 300
#: So many names are compared with all others at once.
_ROWS: Final = 256


class Pair(NamedTuple):
    """Two names that look alike.

    Attributes:
        first: One of them.
        second: The other one; the same, if it is one name that is judged.
        chance: The chance that some other firm has such a name.
    """

    first: str
    second: str
    chance: float


class _Words(NamedTuple):
    left_out: frozenset[str]
    common: tuple[str, ...]
    share: float


@cache
def _words() -> _Words:
    held = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    left_out = frozenset(held["legal_forms"]) | frozenset(held["fillers"])
    return _Words(left_out, tuple(held["common"]), held["common_share"])


def name_key(plain: str) -> str:
    """Return the words of a plain name that tell something, in order of the alphabet.

    >>> name_key("sarl eco habisol"), name_key("la societe")
    ('eco habisol', '')
    """
    return " ".join(sorted(set(plain.split()) - _words().left_out))


def unlike(keys: Iterable[str]) -> list[str]:
    """Return the first of each run of names that look alike.

    >>> unlike(["eco habisol", "eco habisols", "martin"])
    ['eco habisol', 'martin']
    """
    fuzz, _ = _rapidfuzz()
    found: list[str] = []
    for key in keys:
        if key and all(fuzz.token_sort_ratio(key, one) < _ALIKE for one in found):
            found.append(key)
    return found


class NameTable:
    """The names at hand, in families of names that look alike.

    Args:
        keys: Each name as `name_key` gives it.

    Raises:
        MissingExtraError: The package rapidfuzz is not installed.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = sorted({key for key in keys if key})
        self._pairs = list(_look_alike(self._keys))
        forest = Forest([False] * len(self._keys))
        for first, second in self._pairs:
            forest.join(first, second, "name", 0.0)
        self._family = [forest.root(place) for place in range(len(self._keys))]
        self._families = len(set(self._family))
        self._places = {key: place for place, key in enumerate(self._keys)}
        self._having: dict[str, set[int]] = defaultdict(set)
        for place, key in enumerate(self._keys):
            for word in key.split():
                self._having[word].add(self._family[place])
        self._known = [*self._having]
        self._like: dict[str, frozenset[int]] = {}

    def alike(self) -> Iterator[Pair]:
        """Yield each name with itself, and the pairs of names that look alike."""
        for place in range(len(self._keys)):
            yield self._pair(place, place)
        for first, second in self._pairs:
            yield self._pair(first, second)

    def family(self, key: str) -> int:
        """Return what stands for the family of a name; -1 for no name."""
        return self._family[self._places[key]] if key else -1

    def _pair(self, first: int, second: int) -> Pair:
        """Return two names with the chance that some other firm has such a name.

        It is the product of the shares of the words that they have in common, times
        the number of firms.
        """
        one, other = self._keys[first], self._keys[second]
        chance = float(max(_FIRMS, self._families))
        for word in _shared(one.split(), other.split()):
            chance *= self._share(word, self._family[first])
        return Pair(one, other, min(1.0, chance))

    def _share(self, word: str, family: int) -> float:
        """Return which share of the other families have a word, or one like it."""
        others = len(self._families_with(word) - {family})
        return min(1.0, max(_least_share(word), others / self._families))

    def _families_with(self, word: str) -> frozenset[int]:
        if word not in self._like:
            fuzz, process = _rapidfuzz()
            found = process.extract(
                word,
                self._known,
                scorer=fuzz.ratio,
                score_cutoff=_SAME_WORD,
                limit=None,
            )
            families = (self._having[like] for like, _, _ in found)
            self._like[word] = frozenset().union(*families)
        return self._like[word]


@lru_cache(maxsize=1 << 14)
def _least_share(word: str) -> float:
    """Return how common a word is at least, whatever the names at hand."""
    fuzz, process = _rapidfuzz()
    known = _words()
    if process.extractOne(word, known.common, scorer=fuzz.ratio, score_cutoff=_COMMON):
        return known.share
    inside = max((w for w in known.common if w in word), key=len, default="")
    if len(inside) < _LONG:
        return _rarity(len(word))
    return known.share * _rarity(len(word) - len(inside))


def _rarity(letters: int) -> float:
    """Return the share of names that have a certain word of so many letters."""
    share: float = 10.0 ** (-_TENTHS_PER_LETTER * letters)
    return max(_RAREST, share)


def _shared(first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    """Yield the words of a name that the other one has too, or nearly."""
    fuzz, _ = _rapidfuzz()
    for word in first:
        if any(fuzz.ratio(word, other) >= _SAME_WORD for other in second):
            yield word


def _look_alike(keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places of the pairs of names that look alike."""
    fuzz, process = _rapidfuzz()
    for start in range(0, len(keys), _ROWS):
        rows = keys[start : start + _ROWS]
        scores = process.cdist(
            rows, keys[start:], scorer=fuzz.token_sort_ratio, score_cutoff=_ALIKE
        )
        for row, column in zip(*np.nonzero(scores), strict=True):
            if row < column:
                yield start + int(row), start + int(column)


def _rapidfuzz() -> tuple[Any, Any]:
    try:
        from rapidfuzz import fuzz, process  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("names that look alike", "complaints") from error
    return fuzz, process
