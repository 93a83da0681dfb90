"""Replacement of the numbers of a list by the numbers in a file from its operator.

A file contains all numbers of one area or of several areas. An area contains all
numbers with the same first digits, such as a North American area code. If a number of
such an area is not in the file, its registration ends on the day of the file.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel import rules
from bloctel.errors import InputError
from bloctel.periods import to_epoch_day
from bloctel.registry import registrations
from bloctel.rules import ListRules
from bloctel.storage.interface import Reader, Writer
from bloctel.storage.rows import ChangeKind, Event, PrefixRow, day_of

_PART: Final = 1 << 14
#: A file is refused if more than one in ten numbers of an area would leave the list.
_FEWER: Final = 10
_POWERS: Final = np.array([10**n for n in range(16)], np.uint64)


class Replaced(NamedTuple):
    """Counts of the changes that one file made.

    Attributes:
        areas: The count of areas whose numbers were replaced.
        registered: The count of numbers that were added to the list.
        ended: The count of numbers that are no longer on the list.
    """

    areas: int
    registered: int
    ended: int


def replace_numbers(
    writer: Writer,
    rule: ListRules,
    keys: NDArray[np.uint64],
    *,
    on: date,
    area_digits: int,
    allow_fewer: bool,
) -> Replaced:
    """Replace the numbers of the areas of *keys* (`Registry.replace_numbers`)."""
    list_id = registrations.find_list(writer, rule.name).id
    coverage = _Coverage(writer, rule, on)
    builder = registrations.RegistrationBuilder(rule, 0, on)
    areas = _by_area(np.unique(keys), area_digits)
    stored = _registered(writer, list_id, areas, to_epoch_day(on))
    stored_in = _by_area(stored, area_digits)
    n_registered = n_ended = 0
    for area, in_file in areas.items():
        coverage.refuse_newer(area)
        listed = stored_in.get(area, stored[:0])
        ended = np.setdiff1d(listed, in_file, assume_unique=True)
        if _FEWER * len(ended) > len(listed) and not allow_fewer:
            raise _too_few(area, len(ended), len(listed))
        new = np.setdiff1d(in_file, listed, assume_unique=True)
        parts = (builder.build(list_id, part) for part in _parts(new))
        n_registered += registrations.add_parts(writer, list_id, parts)
        for part in _parts(ended):
            _end(writer, list_id, part, to_epoch_day(on))
        n_ended += len(ended)
        coverage.add(area)
    return Replaced(len(areas), n_registered, n_ended)


def _first_digits(keys: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    n_digits = np.searchsorted(_POWERS, keys, "right")
    return keys // _POWERS[np.maximum(n_digits - n, 0)]


def _by_area(keys: NDArray[np.uint64], n: int) -> dict[int, NDArray[np.uint64]]:
    """Return the keys of each area, which is their first *n* digits."""
    areas = _first_digits(keys, n)
    order = np.argsort(areas, kind="stable")
    distinct, starts = np.unique(areas[order], return_index=True)
    parts = np.split(keys[order], starts[1:])
    return dict(zip(distinct.tolist(), parts, strict=False))


def _registered(
    reader: Reader, list_id: int, areas: Iterable[int], day: int
) -> NDArray[np.uint64]:
    """Return the registered numbers from the first area to the last area."""
    # one read for all areas, because some storages read all numbers each time
    ends = [edge for area in areas for edge in _keys_of(area)]
    found = [np.empty(0, np.uint64)]
    for part in reader.columns(range(min(ends, default=0), max(ends, default=0))):
        rows = (part.list_ids == list_id) & (part.starts_on <= day)
        found.append(part.keys[rows & (day < part.ends_on)])
    return np.unique(np.concatenate(found))


def _keys_of(area: int) -> tuple[int, int]:
    """Return the first key of an area, and the first key after the area."""
    n = len(str(area))
    # numbers that begin with 1 have 11 digits; all others have at most 15 digits
    first, last = (11 - n, 11 - n) if str(area).startswith("1") else (0, 15 - n)
    return area * 10**first, (area + 1) * 10**last


def _too_few(area: int, n_ended: int, n_known: int) -> InputError:
    expected = "a file with at least nine tenths of the numbers that are on the list"
    got = f"a file without {n_ended} of {n_known} numbers"
    message = (
        f"the file lacks {n_ended} of the {n_known} numbers of the area +{area}: it "
        "may be a list of changes, or a part of a file; if the file is complete, "
        "accept it with allow_fewer=True or --allow-fewer"
    )
    return InputError(expected, got, message=message)


def _parts(keys: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    for first in range(0, len(keys), _PART):
        yield keys[first : first + _PART]


def _end(writer: Writer, list_id: int, keys: NDArray[np.uint64], day: int) -> None:
    rows = [
        row._replace(ends_on=day)
        for row in writer.registrations_of(keys.tolist())
        if row.list_id == list_id and row.starts_on <= day < row.ends_on
    ]
    writer.update_registrations(rows)
    writer.append_events(
        Event(0, ChangeKind.WITHDRAWN, list_id, row.key, day) for row in rows
    )


class _Coverage:
    """Areas that files cover, stored as prefix rules of a list of cleared numbers."""

    def __init__(self, writer: Writer, rule: ListRules, on: date) -> None:
        name = rules.cleared_name(rule.name)
        self._list_id = registrations.find_or_add_list(writer, name).id
        self._writer = writer
        self._day = to_epoch_day(on)
        self._end = to_epoch_day(rule.answers_until(on))
        self._last: dict[int, PrefixRow] = {}
        for row in writer.prefixes():  # in the order of the first days
            if row.list_id == self._list_id:
                self._last[row.prefix] = row

    def refuse_newer(self, area: int) -> None:
        """Raise InputError if a newer file was imported for an area."""
        last = self._last.get(area)
        if last is not None and last.starts_on > self._day:
            newest, day = day_of(last.starts_on), day_of(self._day)
            message = (
                f"the file of {day} is older than the file of {newest}, which was "
                f"imported for the area +{area}: import the files in the order of "
                "their days"
            )
            expected = f"a file of {newest} or later"
            raise InputError(expected, f"{day}", "on", message=message)

    def add(self, area: int) -> None:
        last = self._last.get(area)
        if last is not None and last.starts_on < self._day < last.ends_on:
            self._writer.set_prefix(last._replace(ends_on=self._day))
        row = PrefixRow(self._list_id, area, self._day, self._end, blocks=True)
        if row != last:
            self._writer.set_prefix(row)
