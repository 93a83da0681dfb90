"""Territories of phone numbers, and the time zones of the territories."""

from zoneinfo import ZoneInfo

from bloctel._util import clock
from bloctel.compliance.facts import TerritoryState
from bloctel.numbers.phone_number import french_nsn
from bloctel.rules import law as laws
from bloctel.rules.law import Law, Territory


def territory_of(key: int, law: Law) -> Territory | None:
    """Return the territory to which the first digits of a number belong, or None.

    A person can take a mobile phone to a different territory; the phone number does not
    show the new territory.

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
    """Return the `TerritoryState` of a number, and the time zone of the called person.

    For a French number, the argument *time_zone* replaces the time zone of the first
    digits.  If the time zone is not known, return the time zone of the capital.
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


def zone_of(key: int) -> ZoneInfo:
    """Return a number's time zone; Europe/Paris if the time zone is not known.

    >>> zone_of(33639981234).key, zone_of(447700900123).key
    ('Indian/Mayotte', 'Europe/Paris')
    """
    return locate(key, laws.load("FR"))[1]


def possible_territories(key: int, law: Law, zone: ZoneInfo) -> frozenset[str]:
    """Return the territory of a number, and all territories in the time zone *zone*."""
    own = territory_of(key, law)
    return frozenset(
        territory.code
        for territory in law.territories
        if territory is own
        or str(zone) in (territory.time_zone, *territory.other_zones)
    )
