"""Territories of numbers: where a number is called, and the time zone there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel._util import clock
from bloctel.compliance.facts import TerritoryState
from bloctel.numbers.phone_number import french_nsn

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from bloctel.rules.law import Law, Territory

__all__ = ["locate", "possible_territories", "territory_of"]


def territory_of(key: int, law: Law) -> Territory | None:
    """Return the territory of a number by its first digits; None if they decide none.

    The number does not say where a person has taken a mobile phone.

    >>> from bloctel.rules import law
    >>> territory_of(33639981234, law.load("FR")).time_zone
    'Indian/Mayotte'
    >>> territory_of(33199001234, law.load("FR")).code
    'FR'
    """
    nsn = french_nsn(key)
    if nsn is None:
        return None
    known = law.by_prefix
    prefixes = (nsn[:length] for length in range(len(nsn), 0, -1))
    return next((known[prefix] for prefix in prefixes if prefix in known), None)


def locate(
    key: int, law: Law, time_zone: str | None = None
) -> tuple[TerritoryState, ZoneInfo]:
    """Return the state of a number's territory, and the time zone.

    The zone is *time_zone* if the user gave one for a French number, and that of the
    capital if the territory is unknown or foreign.
    """
    capital = law.territories[0]
    if french_nsn(key) is None:
        return TerritoryState.FOREIGN, clock.zone(capital.time_zone)
    if time_zone is not None:
        return TerritoryState.KNOWN, clock.zone(time_zone)
    territory = territory_of(key, law)
    if territory is None:
        return TerritoryState.UNKNOWN, clock.zone(capital.time_zone)
    return TerritoryState.KNOWN, clock.zone(territory.time_zone)


def possible_territories(key: int, law: Law, zone: ZoneInfo) -> frozenset[str]:
    """Return the codes of the territories of a number and of a time zone."""
    own = territory_of(key, law)
    return frozenset(
        territory.code
        for territory in law.territories
        if territory is own
        or str(zone) in (territory.time_zone, *territory.other_zones)
    )
