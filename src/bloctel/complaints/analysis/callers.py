"""Linkage of complaints: finds the complaints that are about the same caller.

A wrong link accuses a firm of the calls of another firm.  So two complaints are linked
only if they share a feature that two firms rarely share.  If several firms are known to
share a number, an address or a name, this feature alone links no complaints.  Firms
with different SIRENs (register numbers) are linked if they share two features, because
a firm can be closed and opened again with a new SIREN.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from math import prod
from typing import Any, Final, TypeVar

from bloctel.complaints.analysis.disjoint_sets import DisjointSets, Link
from bloctel.complaints.analysis.name_similarity import NameTable, name_key, unlike
from bloctel.complaints.analysis.observations import Observation, observe
from bloctel.complaints.analysis.pattern import Chance, Keys, Pattern
from bloctel.complaints.lifecycle import Case
from bloctel.numbers.phone_number import french_nsn
from bloctel.numbers.plan import MISTYPED

#: The chance that a person types one certain wrong number: nine wrong digits in nine
#: positions give 81 wrong numbers.
_SLIP: Final = MISTYPED / 81
#: The same chance for a SIREN: only one of ten mistyped SIRENs passes the checksum.
_SIREN_SLIP: Final = _SLIP / 10
#: A name or an address links complaints if a wrong link is less likely than this.
_CHANCE: Final = 1e-3
#: The assumed share of firms that use a given address, which several firms can rent.
_ADDRESS: Final = 1e-5
#: The chance that two firms share a feature, such as the number of a call centre.
_FIRMS_SHARE: Final = {"number": 0.05, "address": 0.01, "name": 0.05}
#: If this number of firms share a feature, or more, the feature identifies no firm.
_MANY: Final = 3
_TWO: Final = 2
#: A name is ignored if less than this share of the complaints about a number has it.
_MISPLACED: Final = 0.1
_FEWEST_WORDS: Final = 3
_FEWEST_DIGITS: Final = 3
#: Invented numbers that people type in a complaint; the leading 0 is left out here.
_INVENTED: Final = ("123456789", "987654321")
#: Complaints are joined under one caller only if it is less likely than this that they
#: are about different callers.
_DOUBTFUL: Final = 0.01
#: The chance that two firms have the same sector is never estimated lower than this.
_SECTOR: Final = 0.05

_V = TypeVar("_V", int, str)


@dataclass(frozen=True, slots=True)
class Tie:
    """Link between two complaints that are about one caller.

    Attributes:
        kind: The feature that links the complaints.
        chance: The chance that the link is wrong.
        complaints: The ids of the two complaints.
    """

    kind: str
    chance: float
    complaints: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Actor:
    """Caller, found by complaints that share a number, a firm, an address or a name.

    Attributes:
        complaints: The ids of the complaints about the caller.
        numbers: The keys of the presented numbers, the most frequent first.
        names: The names that the caller gave, the most frequent first.
        sirens: The SIRENs in the complaints, the most frequent first.
        addresses: The addresses of the firms, the most frequent first.
        ties: The links that connect different numbers, names and firms.
    """

    complaints: tuple[str, ...]
    numbers: tuple[int, ...] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    sirens: tuple[str, ...] = field(repr=False)
    addresses: tuple[str, ...] = field(repr=False)
    ties: tuple[Tie, ...]

    @property
    def chance(self) -> float:
        """Upper limit of the chance that any link is wrong: the sum of all chances."""
        return min(1.0, sum(tie.chance for tie in self.ties))


def find_actors(observations: Sequence[Observation]) -> list[Actor]:
    """Return the callers; the caller with the most complaints comes first."""
    sets = _Linkage(observations).joined()
    links: dict[int, list[Link]] = defaultdict(list)
    for link in sets.links:
        links[sets.root(link.first)].append(link)
    actors = [_actor(group, links[group[0]], observations) for group in sets.sets()]
    return sorted(actors, key=lambda one: (-len(one.complaints), one.complaints))


class _Linkage:
    """Complaints that are linked step by step into sets, one set per caller.

    A set is marked if one of its complaints has a SIREN (the number of a French firm).
    Two marked sets have different SIRENs, so they are about two firms.
    """

    def __init__(self, observations: Sequence[Observation]) -> None:
        self._all = observations
        self._sets = DisjointSets([bool(one.siren) for one in observations])
        self._firms = self._sets.marked_roots
        self._numbers = _by_value([_own_number(one) for one in observations])
        addresses = [_full_address(one.address) for one in observations]
        self._addresses = _by_value(addresses)
        self._names = _by_value([name_key(one.caller) for one in observations])
        table = NameTable(self._names)
        self._alike = [
            (pair.chance, sorted({*self._names[pair.first], *self._names[pair.second]}))
            for pair in table.alike()
        ]
        self._families = [table.family(name_key(one.caller)) for one in observations]
        self._shown_under: dict[int, set[int]] = defaultdict(set)
        for family, one in zip(self._families, observations, strict=True):
            if family >= 0:
                self._shown_under[family].add(one.shown)
        self._sectors = Counter(one.sector for one in observations)

    def joined(self) -> DisjointSets:
        """Link the complaints; each set of the result is about one caller."""
        for indexes in _by_value([one.siren for one in self._all]).values():
            self._sets.join_all(indexes, "siren", _SIREN_SLIP)
        self._join_by_number()
        self._join_by_address()
        for chance, indexes in self._alike:
            self._join_unlikely(indexes, "name", chance)
        self._join_reopened()
        self._join_by_number()  # again, because `_join_reopened` joins firms
        return self._sets

    def _join_by_number(self) -> None:
        """Link complaints with the same presented number, if only one firm uses it."""
        for indexes in self._numbers.values():
            if len(self._firms(indexes)) < _TWO and not self._is_platform(indexes):
                self._sets.join_all(indexes, "number", _SLIP)

    def _join_by_address(self) -> None:
        chance = len(self._sets.sets()) * _ADDRESS
        for indexes in self._addresses.values():
            if len(self._one_each(indexes)) <= _MANY:
                self._join_unlikely(indexes, "address", chance)

    def _join_reopened(self) -> None:
        features = [("number", indexes) for indexes in self._numbers.values()]
        features += [("address", indexes) for indexes in self._addresses.values()]
        features += [
            ("name", indexes)
            for chance, indexes in self._alike
            if chance < _FIRMS_SHARE["name"]
        ]
        shared: dict[tuple[int, int], dict[str, float]] = defaultdict(dict)
        for kind, indexes in features:
            firms = self._firms(indexes)
            if len(firms) < _MANY:
                for pair in combinations(firms, 2):
                    shared[pair][kind] = _FIRMS_SHARE[kind]
        for (first, second), kinds in shared.items():
            if len(kinds) >= _TWO:
                self._sets.join(first, second, "reopened", prod(kinds.values()))

    def _join_unlikely(self, indexes: Sequence[int], kind: str, chance: float) -> None:
        """Link complaints that share a feature which two firms rarely share."""
        if len(self._firms(indexes)) >= _TWO:
            return
        for first, second in combinations(self._one_each(indexes), 2):
            both = chance * self._sector_chance(first, second)
            if both < _CHANCE and len(self._firms([first, second])) < _TWO:
                self._sets.join(first, second, kind, both)

    def _one_each(self, indexes: Iterable[int]) -> list[int]:
        """Return one of *indexes* for each combination of a set and a sector."""
        found = {(self._sets.root(i), self._all[i].sector): i for i in indexes}
        return sorted(found.values())

    def _sector_chance(self, first: int, second: int) -> float:
        """Return the chance that two firms have one sector; 1 if the sectors differ."""
        sector = self._all[first].sector
        if not sector or sector != self._all[second].sector:
            return 1.0
        return max(_SECTOR, self._sectors[sector] / len(self._all))

    def _is_platform(self, indexes: Sequence[int]) -> bool:
        """Return True if callers with different names share one presented number.

        An example is the number of a call centre that works for several firms.
        """
        days: dict[int, list[int]] = defaultdict(list)
        for index in indexes:
            days[self._families[index]].append(self._all[index].day)
        number = self._all[indexes[0]].shown
        spans = sorted(
            (min(each), max(each), len(each))
            for family, each in days.items()
            # ignore a rare name: a person may have mistyped the number of this caller
            if len(each) >= _MISPLACED * len(indexes)
            # ignore a name given only with this number: it may be the caller's alias
            and self._shown_under[family] - {0, number}
        )
        # if the names are from different periods, one firm may have changed its name
        is_one_firm = len(spans) < _MANY and all(
            end < start and min(count, other) >= _TWO
            for (_, end, count), (start, _, other) in pairwise(spans)
        )
        return not is_one_firm


def _by_value(values: Sequence[_V]) -> dict[_V, list[int]]:
    """Map each value to the indexes at which it occurs; leave out 0 and empty texts."""
    found: dict[_V, list[int]] = defaultdict(list)
    for index, value in enumerate(values):
        if value:
            found[value].append(index)
    return found


def _own_number(one: Observation) -> int:
    """Return the presented number; 0 if it is invented, or is the called number."""
    digits = french_nsn(one.shown) or str(one.shown)
    is_made_up = len(set(digits)) < _FEWEST_DIGITS or digits in _INVENTED
    return 0 if is_made_up or one.shown == one.called else one.shown


def _full_address(address: str) -> str:
    """Return an address if it has a house number; otherwise an empty text."""
    words = address.split()
    has_number = any(word.isdigit() for word in words)
    return address if has_number and len(words) >= _FEWEST_WORDS else ""


def _actor(
    indexes: Sequence[int], links: Sequence[Link], observations: Sequence[Observation]
) -> Actor:
    own = [observations[i] for i in indexes]
    pairs = [(one, observations[one.first], observations[one.second]) for one in links]
    return Actor(
        complaints=tuple(one.id for one in own),
        numbers=_most_first([_own_number(one) for one in own]),
        names=_most_first([one.caller for one in own]),
        sirens=_most_first([one.siren for one in own]),
        addresses=_most_first([one.address for one in own]),
        ties=tuple(
            Tie(link.kind, link.chance, (first.id, second.id))
            for link, first, second in pairs
            # leave out a link between complaints that already have the same number
            if link.kind == "reopened" or _own_number(first) != _own_number(second)
        ),
    )


def _most_first(values: Sequence[_V]) -> tuple[_V, ...]:
    counts = Counter(value for value in values if value)
    return tuple(value for value, _ in counts.most_common())


def pattern_about(actor: Actor, **known: Any) -> Pattern:
    """Return a pattern in the complaints about one caller."""
    return Pattern(
        evidence=actor.complaints, numbers=actor.numbers, names=actor.names, **known
    )


def several_identities(actors: Sequence[Actor]) -> Iterator[Pattern]:
    """Yield a pattern for each caller that uses several numbers or firms."""
    for actor in actors:
        firms, numbers = len(actor.sirens), len(actor.numbers)
        if max(firms, numbers) < _TWO or not actor.ties or actor.chance >= _DOUBTFUL:
            continue
        kinds = sorted({tie.kind for tie in actor.ties})
        details = {
            "numbers": numbers,
            "names": len(unlike([name_key(name) for name in actor.names])),
            "firms": firms,
            "kinds": Keys(f"complaints.tie.{kind}" for kind in kinds),
        }
        yield pattern_about(
            actor,
            code="reopened" if firms >= _TWO else "one_caller",
            observed=numbers + firms,
            expected=1.0,
            probability=actor.chance,
            details=details | _ASSUMED,
        )


_ASSUMED: Final[dict[str, Any]] = {
    "join": Chance(_CHANCE),
    "all_joins": Chance(_DOUBTFUL),
    "mistyped": round(100 * MISTYPED),
    "share_number": round(100 * _FIRMS_SHARE["number"]),
    "share_address": round(100 * _FIRMS_SHARE["address"]),
}


def find_callers(cases: Iterable[Case]) -> list[Actor]:
    """Return the callers in complaints; the caller with most complaints comes first.

    Raises:
        MissingExtraError: The package rapidfuzz or python-stdnum is not installed.
    """
    observations = list(map(observe, cases))
    called = {one.called for one in observations}
    return [
        replace(actor, numbers=uncalled(actor.numbers, called))
        for actor in find_actors(observations)
    ]


def uncalled(numbers: tuple[int, ...], called: set[int]) -> tuple[int, ...]:
    """Return *numbers* without those in *called*, which are numbers of people."""
    return tuple(number for number in numbers if number not in called)
