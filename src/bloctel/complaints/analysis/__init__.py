"""Analyses of complaints: callers, spoofed numbers, bursts and sequences of calls."""

from collections.abc import Iterable
from dataclasses import replace

from bloctel.complaints.analysis.bursts import bursts, sequences
from bloctel.complaints.analysis.callers import (
    find_actors,
    several_identities,
    uncalled,
)
from bloctel.complaints.analysis.observations import observe
from bloctel.complaints.analysis.pattern import SURPRISING, Pattern
from bloctel.complaints.analysis.spoofing import false_claims, neighbours
from bloctel.complaints.lifecycle import Case


def find_patterns(cases: Iterable[Case]) -> list[Pattern]:
    """Return the patterns in complaints; the least likely pattern comes first.

    Each pattern is a reason to investigate, not a proof.  A pattern contains the ids
    of the complaints that show it, its assumptions, and the probability that unrelated
    calls show such a pattern by chance.  No pattern contains a number that was called.

    Raises:
        MissingExtraError: The package rapidfuzz or python-stdnum is not installed.
    """
    observations = list(map(observe, cases))
    actors = find_actors(observations)
    by_id = {one.id: one for one in observations}
    called = {one.called for one in observations}
    tested = [
        *false_claims(observations),
        *neighbours(actors, by_id),
        *bursts(actors, by_id),
        *sequences(actors, by_id),
    ]
    found = [one for one in tested if one.probability < SURPRISING]
    found += several_identities(actors)
    shown = [replace(one, numbers=uncalled(one.numbers, called)) for one in found]
    return sorted(shown, key=lambda one: (one.probability, one.code, one.evidence))
