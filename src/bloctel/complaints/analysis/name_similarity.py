"""Similarity of names, and the chance that two firms have similar names."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from bloctel._util.optional import optional_module
from bloctel.complaints.analysis.disjoint_sets import DisjointSets

_FILE: Final = Path(__file__).with_name("name_words.toml")
#: The minimum score (0 to 100) of similar names.  About one letter in ten may differ,
#: and the order of the words does not matter.
_ALIKE: Final = 88.0
_SAME_WORD: Final = 80.0
_COMMON: Final = 75.0
#: Shorter common words (`name_words.toml`) are not searched inside longer words.
_LONG: Final = 5
#: The estimated share of names with a given word is 10 ** (-0.6 * letters): a word of 5
#: letters is in one of a thousand names, a word of 10 letters in one of a million.  The
#: estimate is never lower than one in a million, because firms prefer some words.
_TENTHS_PER_LETTER: Final = 0.6
_RAREST: Final = 1e-6
#: The assumed number of firms if the complaints contain fewer names.
_FIRMS: Final = 300
#: The number of names that are compared with all other names in one step.
_ROWS: Final = 256


class Pair(NamedTuple):
    """Two similar names, and the chance that a different firm has a similar name."""

    first: str
    second: str
    chance: float


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def name_key(plain: str) -> str:
    """Return the sorted words of a name, without legal forms and articles."""
    words = _words()
    left_out = {*words["legal_forms"], *words["fillers"]}
    return " ".join(sorted(set(plain.split()) - left_out))


def unlike(keys: Iterable[str]) -> list[str]:
    """Return the first name of each group of similar names.

    >>> unlike(["eco habisol", "eco habisols", "martin"])
    ['eco habisol', 'martin']
    """
    fuzz = _rapidfuzz().fuzz
    found: list[str] = []
    for key in keys:
        if key and all(fuzz.token_sort_ratio(key, one) < _ALIKE for one in found):
            found.append(key)
    return found


class NameTable:
    """Names (results of `name_key`), grouped into families of similar names."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = sorted({key for key in keys if key})
        self._pairs = list(_similar_pairs(self._keys))
        sets = DisjointSets([False] * len(self._keys))
        for first, second in self._pairs:
            sets.join(first, second, "name", 0.0)
        self._family = {key: sets.root(i) for i, key in enumerate(self._keys)}
        self._n_families = len(set(self._family.values()))
        self._having: dict[str, set[int]] = defaultdict(set)
        for key, family in self._family.items():
            for word in key.split():
                self._having[word].add(family)
        self._known = [*self._having]
        self._similar: dict[str, frozenset[int]] = {}

    def alike(self) -> Iterator[Pair]:
        """Yield a pair of each name with itself, and all pairs of similar names."""
        for key in self._keys:
            yield self._pair(key, key)
        for first, second in self._pairs:
            yield self._pair(self._keys[first], self._keys[second])

    def family(self, key: str) -> int:
        """Return the index of the family that contains a name; -1 for an empty name."""
        return self._family[key] if key else -1

    def _pair(self, first: str, second: str) -> Pair:
        """Return two names with the chance that a different firm has a similar name.

        Each word that both names contain occurs in a certain share of all names.  The
        chance is the product of these shares and the number of firms, but at most 1.
        """
        chance, fuzz = float(max(_FIRMS, self._n_families)), _rapidfuzz().fuzz
        for word in first.split():
            if any(fuzz.ratio(word, other) >= _SAME_WORD for other in second.split()):
                others = len(self._families_with(word) - {self._family[first]})
                share = max(_least_share(word), others / self._n_families)
                chance *= min(1.0, share)
        return Pair(first, second, min(1.0, chance))

    def _families_with(self, word: str) -> frozenset[int]:
        if word not in self._similar:
            rapidfuzz = _rapidfuzz()
            found = rapidfuzz.process.extract(
                word,
                self._known,
                scorer=rapidfuzz.fuzz.ratio,
                score_cutoff=_SAME_WORD,
                limit=None,
            )
            families = (self._having[other] for other, _, _ in found)
            self._similar[word] = frozenset().union(*families)
        return self._similar[word]


@lru_cache(maxsize=1 << 14)
def _least_share(word: str) -> float:
    """Estimate the share of all names that contain a word, from its spelling only."""
    fuzz, words = _rapidfuzz().fuzz, _words()
    share: float = words["common_share"]
    if any(fuzz.ratio(word, common) >= _COMMON for common in words["common"]):
        return share
    inside = max((w for w in words["common"] if w in word), key=len, default="")
    if len(inside) < _LONG:
        return _rarity(len(word))
    return share * _rarity(len(word) - len(inside))


def _rarity(letters: int) -> float:
    """Estimate the share of names that contain one word with this number of letters."""
    share: float = 10.0 ** (-_TENTHS_PER_LETTER * letters)
    return max(_RAREST, share)


def _similar_pairs(keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    rapidfuzz = _rapidfuzz()
    for start in range(0, len(keys), _ROWS):
        rows = keys[start : start + _ROWS]
        scores = rapidfuzz.process.cdist(
            rows,
            keys[start:],
            scorer=rapidfuzz.fuzz.token_sort_ratio,
            score_cutoff=_ALIKE,
        )
        for row, column in zip(*np.nonzero(scores), strict=True):
            if row < column:
                yield start + int(row), start + int(column)


def _rapidfuzz() -> Any:
    return optional_module("rapidfuzz", "similar names", "complaints")
