"""One caller behind many numbers and names: complaints, joined by what they share.

What is joined may accuse somebody of what others did, so that a join needs something
that hardly any two firms share.  A number, a SIREN, an address or a name that several
firms are known to have joins nothing by itself; a firm that closes and reopens, with
another SIREN, is joined by two of these.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from math import prod
from typing import TYPE_CHECKING, Final, TypeVar

from bloctel._util.messages import format_probability
from bloctel.complaints.analysis.disjoint_sets import Forest
from bloctel.complaints.analysis.finding import Finding
from bloctel.complaints.analysis.name_similarity import NameTable, name_key, unlike
from bloctel.numbers import french_nsn
from bloctel.numbers.plan import MISTYPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bloctel.complaints.analysis.disjoint_sets import Link
    from bloctel.complaints.analysis.name_similarity import Pair
    from bloctel.complaints.analysis.observations import Observation

__all__ = ["Actor", "Tie", "callers", "find_actors"]

#: A slip of one digit makes one of so many other numbers.
_SLIP: Final = MISTYPED / 81
#: Of the slips in a SIREN, one in ten passes its checksum.
_SIREN_SLIP: Final = _SLIP / 10
#: Joins by a name or an address that are more likely by chance are not made.
_CHANCE: Final = 1e-3
#: So common is the address of a firm among others, at least: many rent one.
_ADDRESS: Final = 1e-5
#: Two firms of one set share a line, or an address, in so many cases: for a call
#: centre, or where addresses are rented.
_FIRMS_SHARE: Final = {"number": 0.05, "address": 0.01, "name": 0.05}
#: What so many firms share belongs to none of them.
_MANY: Final = 3
_TWO: Final = 2
#: A name that is given in fewer of the complaints about a number is somebody else's.
_MISPLACED: Final = 0.1
_FEWEST_WORDS: Final = 3
_FEWEST_DIGITS: Final = 3
#: 01 23 45 67 89 without its 0.
_RUN: Final = ("123456789", "987654321")
#: Of a caller whose joins are more doubtful, nothing is said.
_DOUBTFUL: Final = 0.01
#: Two complaints have a sector in common by chance, at least as often.
_SECTOR: Final = 0.05

_V = TypeVar("_V", int, str)


@dataclass(frozen=True, slots=True)
class Tie:
    """Two values that one complaint, or a join, ties to each other.

    Attributes:
        kind: What joined them.
        chance: The chance that the join is wrong.
        complaints: The two complaints that were joined.
    """

    kind: str
    chance: float
    complaints: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller, as complaints show it: what shares a number, a firm, a place or a name.

    Attributes:
        complaints: The complaints about it, by their names.
        numbers: The keys of the numbers that it showed, the most named first.
        names: The names that it gave, the most named first.
        sirens: The firms that it said to be, or was said to be.
        addresses: Their addresses.
        ties: What joined numbers, names and firms.
    """

    complaints: tuple[str, ...]
    numbers: tuple[int, ...] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    sirens: tuple[str, ...] = field(repr=False)
    addresses: tuple[str, ...] = field(repr=False)
    ties: tuple[Tie, ...]

    @property
    def chance(self) -> float:
        """The chance that any of its ties is wrong, at most."""
        return min(1.0, sum(tie.chance for tie in self.ties))


def find_actors(seen: Sequence[Observation]) -> list[Actor]:
    """Return the callers, those with the most complaints first.

    Raises:
        MissingExtraError: The package rapidfuzz is not installed.
    """
    joining = _Joining(seen)
    joining.by_siren()
    joining.by_number()
    joining.by_address()
    joining.by_name()
    joining.reopened()
    joining.by_number()  # of numbers whose firms turned out to be one
    links: dict[int, list[Link]] = defaultdict(list)
    for link in joining.forest.links:
        links[joining.forest.root(link.first)].append(link)
    actors = [
        _actor(places, links[places[0]], seen) for places in joining.forest.sets()
    ]
    return sorted(actors, key=lambda one: (-len(one.complaints), one.complaints))


class _Joining:
    """Complaints on their way to being joined.

    The sets of the forest that have a SIREN are marked: two of them are two firms.
    """

    def __init__(self, seen: Sequence[Observation]) -> None:
        self._seen = seen
        self.forest = Forest([bool(one.siren) for one in seen])
        self._firms = self.forest.marked
        self._numbers = _places([_joining_number(one) for one in seen])
        self._addresses = _places([_whole_address(one.address) for one in seen])
        self._names = _places([name_key(one.caller) for one in seen])
        table = NameTable(self._names)
        self._alike = [(pair.chance, self._places_of(pair)) for pair in table.alike()]
        self._families = [table.family(name_key(one.caller)) for one in seen]
        self._shown_under: dict[int, set[int]] = defaultdict(set)
        for family, one in zip(self._families, seen, strict=True):
            # where nobody says who calls, nobody uses a name
            self._shown_under[family] |= {one.shown} if family >= 0 else set()
        self._sectors = Counter(one.sector for one in seen)

    def _places_of(self, pair: Pair) -> list[int]:
        return sorted({*self._names[pair.first], *self._names[pair.second]})

    # -- what joins ----------------------------------------------------------------

    def by_siren(self) -> None:
        """Join what is of one firm of the register."""
        for places in _places([one.siren for one in self._seen]).values():
            self._join_all(places, "siren", _SIREN_SLIP)

    def by_number(self) -> None:
        """Join what was called from one number, unless several firms use it."""
        for places in self._numbers.values():
            if len(self._firms(places)) < _TWO and not self._is_platform(places):
                self._join_all(places, "number", _SLIP)

    def by_address(self) -> None:
        """Join what has an address in common that few have, or a sector besides."""
        chance = len(self.forest.sets()) * _ADDRESS
        for places in self._addresses.values():
            if len(self._one_each(places)) <= _MANY:
                self._join_likely(places, "address", chance)

    def by_name(self) -> None:
        """Join what has names that look alike, and that hardly any other firm has."""
        for chance, places in self._alike:
            self._join_likely(places, "name", chance)

    def reopened(self) -> None:
        """Join firms, each with its SIREN, that share two things that firms do not."""
        shared: dict[tuple[int, int], dict[str, float]] = defaultdict(dict)
        for kind, places, chance in self._shared():
            firms = self._firms(places)
            # a call centre, a rented address, a common name: nobody's own
            if len(firms) < _MANY:
                for pair in combinations(firms, 2):
                    known = shared[pair].get(kind, 1.0)
                    shared[pair][kind] = min(known, chance)
        for (first, second), kinds in shared.items():
            if len(kinds) >= _TWO:
                self.forest.join(first, second, "reopened", prod(kinds.values()))

    def _shared(self) -> Iterator[tuple[str, list[int], float]]:
        for places in self._numbers.values():
            yield "number", places, _FIRMS_SHARE["number"]
        for places in self._addresses.values():
            yield "address", places, _FIRMS_SHARE["address"]
        for chance, places in self._alike:
            if chance < _FIRMS_SHARE["name"]:
                yield "name", places, _FIRMS_SHARE["name"]

    def _join_all(self, places: Sequence[int], kind: str, chance: float) -> None:
        for place in places[1:]:
            self.forest.join(places[0], place, kind, chance)

    def _join_likely(self, places: Sequence[int], kind: str, chance: float) -> None:
        """Join the sets of some places whose likeness is no chance, if of one firm."""
        if len(self._firms(places)) >= _TWO:
            return
        for first, second in combinations(self._one_each(places), 2):
            both = chance * self._sector_chance(first, second)
            if both < _CHANCE and len(self._firms([first, second])) < _TWO:
                self.forest.join(first, second, kind, both)

    # -- what stands in the way -----------------------------------------------------

    def _one_each(self, places: Iterable[int]) -> list[int]:
        """Return a place of each set, and of each sector in it, that places are in."""
        seen = self._seen
        found = {(self.forest.root(i), seen[i].sector): i for i in places}
        return sorted(found.values())

    def _sector_chance(self, first: int, second: int) -> float:
        """Return the chance that two complaints agree in the sector as these do."""
        sector = self._seen[first].sector
        if not sector or sector != self._seen[second].sector:
            return 1.0
        return max(_SECTOR, self._sectors[sector] / len(self._seen))

    def _is_platform(self, places: Sequence[int]) -> bool:
        """Tell whether a number is used under names that are used elsewhere too.

        That of a call centre that works for several firms is.
        """
        days: dict[int, list[int]] = defaultdict(list)
        for place in places:
            days[self._families[place]].append(self._seen[place].day)
        number = self._seen[places[0]].shown
        spans = sorted(
            (min(each), max(each), len(each))
            for family, each in days.items()
            # a number that is mistyped brings a name that is not its caller's
            if len(each) >= _MISPLACED * len(places)
            and self._shown_under[family] - {0, number}
        )
        # one after the other, they may be the names of one firm that opened again
        follows = len(spans) < _MANY and all(
            end < start and min(count, other) >= _TWO
            for (_, end, count), (start, _, other) in pairwise(spans)
        )
        return not follows


def _places(values: Sequence[_V]) -> dict[_V, list[int]]:
    """Return where each value is; what is 0 or empty joins nothing."""
    found: dict[_V, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        if value:
            found[value].append(place)
    return found


def _joining_number(one: Observation) -> int:
    """Return the number shown if it can be somebody's; else 0.

    One that was made up on the keys, such as 01 23 45 67 89, is many people's, and the
    number of the called person is everybody's.
    """
    digits = french_nsn(one.shown) or str(one.shown)
    is_made_up = len(set(digits)) < _FEWEST_DIGITS or digits in _RUN
    return 0 if is_made_up or one.shown == one.called else one.shown


def _whole_address(address: str) -> str:
    """Return an address that names a house; else nothing."""
    words = address.split()
    has_number = any(word.isdigit() for word in words)
    return address if has_number and len(words) >= _FEWEST_WORDS else ""


def _actor(
    places: Sequence[int], links: Sequence[Link], seen: Sequence[Observation]
) -> Actor:
    told = [seen[i] for i in places]
    return Actor(
        complaints=tuple(one.id for one in told),
        numbers=_most_first([_joining_number(one) for one in told]),
        names=_most_first([one.caller for one in told]),
        sirens=_most_first([one.siren for one in told]),
        addresses=_most_first([one.address for one in told]),
        ties=tuple(
            Tie(link.kind, link.chance, (seen[link.first].id, seen[link.second].id))
            for link in links
            if _joins(link, seen)
        ),
    )


def _joins(link: Link, seen: Sequence[Observation]) -> bool:
    """Tell whether a link joins more than what one number joins anyway."""
    first, second = seen[link.first], seen[link.second]
    is_one_number = _joining_number(first) == _joining_number(second)
    return link.kind == "reopened" or not is_one_number


def _most_first(values: Sequence[_V]) -> tuple[_V, ...]:
    counts = Counter(value for value in values if value)
    return tuple(value for value, _ in counts.most_common())


def callers(
    actors: Sequence[Actor], seen: Mapping[str, Observation]
) -> Iterator[Finding]:
    """Yield the callers behind several numbers or firms.

    Args:
        actors: The callers.
        seen: What was observed, by the names of the complaints.
    """
    for actor in actors:
        firms, numbers = len(actor.sirens), len(actor.numbers)
        if max(firms, numbers) < _TWO or not actor.ties or actor.chance >= _DOUBTFUL:
            continue
        names = len(unlike([name_key(name) for name in actor.names]))
        yield Finding(
            code="reopened" if firms >= _TWO else "one_caller",
            says=f"one caller is behind {_count(numbers, 'number')}, "
            f"{_count(names, 'name')} and {_count(firms, 'firm')} of the register",
            statistic="numbers, firms and names that are joined, by "
            + ", ".join(sorted({tie.kind for tie in actor.ties})),
            observed=numbers + firms,
            expected=1.0,
            probability=actor.chance,
            threshold=_THRESHOLD,
            assumption=_ASSUMED,
            evidence=actor.complaints,
            numbers=actor.numbers,
            names=actor.names,
        )


_THRESHOLD: Final = (
    f"a chance below {format_probability(_CHANCE)} for each join by a name or an "
    f"address, below {format_probability(_DOUBTFUL)} for all joins of a caller"
)


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_ASSUMED: Final = (
    f"At most {100 * MISTYPED:.0f} % of numbers are mistyped. A word of a name is "
    "the rarer the longer it is, unless it is a common one, and at least as common as "
    "among the names at hand. Two firms share a number in "
    f"{100 * _FIRMS_SHARE['number']:.0f} % of the cases, an address in "
    f"{100 * _FIRMS_SHARE['address']:.0f} %, without regard to one another. The chance "
    "is the sum of those of the joins."
)
