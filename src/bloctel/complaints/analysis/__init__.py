"""Analyses of complaints: callers, spoofed numbers, bursts and sequences of calls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bloctel.complaints.analysis.bursts import bursts, sequences
from bloctel.complaints.analysis.callers import find_actors, several_identities
from bloctel.complaints.analysis.observations import observe
from bloctel.complaints.analysis.pattern import SURPRISING
from bloctel.complaints.analysis.spoofing import false_claims, neighbours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bloctel.complaints.analysis.callers import Actor
    from bloctel.complaints.analysis.pattern import Pattern
    from bloctel.complaints.lifecycle import Case

__all__ = ["find_callers", "find_patterns"]


def find_callers(cases: Iterable[Case]) -> list[Actor]:
    """Return the callers in complaints, in descending order of their complaints.

    Raises:
        MissingExtraError: The packages rapidfuzz and python-stdnum are not installed.
    """
    observations = observe(cases)
    called = {one.called for one in observations}
    return [
        replace(actor, numbers=_uncalled(actor.numbers, called))
        for actor in find_actors(observations)
    ]


def find_patterns(cases: Iterable[Case]) -> list[Pattern]:
    """Return the patterns in complaints, in ascending order of their probability.

    Each pattern is a lead, not a proof.  It names its complaints, its assumptions, and
    its probability if the calls were unrelated.  No pattern contains a number that was
    called.

    Raises:
        MissingExtraError: The packages rapidfuzz and python-stdnum are not installed.
    """
    observations = observe(cases)
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
    shown = [replace(one, numbers=_uncalled(one.numbers, called)) for one in found]
    return sorted(shown, key=lambda one: (one.probability, one.code, one.evidence))


def _uncalled(numbers: tuple[int, ...], called: set[int]) -> tuple[int, ...]:
    """Return the presented numbers that were not called: these belong to people."""
    return tuple(number for number in numbers if number not in called)
