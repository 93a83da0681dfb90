"""Writing a snapshot file, in one stroke."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from bloctel._util.atomic_files import replacing
from bloctel.errors import CannotAnswerError, SnapshotError
from bloctel.periods import to_epoch_day
from bloctel.rules import in_force
from bloctel.snapshot.format import (
    ALIGN,
    FORMAT_VERSION,
    HEADER,
    KEY_DOMAIN,
    MAGIC,
    NORMALISATION_VERSION,
    PERIOD,
    PREFIX,
    SECTION,
    Header,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from uuid import UUID

    from numpy.typing import NDArray

    from bloctel.lookup.prefix_rules import PrefixRule
    from bloctel.lookup.question import BookList
    from bloctel.lookup.table import Table

__all__ = ["Origin", "write"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a snapshot comes from.

    Attributes:
        region: The region by which national forms are read; None for none.
        built_on: The day of the state that it holds.
        generation: The cursor of the last change that it holds.
        registry: The registry whose cursor that is; None if it is no registry's.
    """

    region: str | None
    built_on: date | None
    generation: int = 0
    registry: UUID | None = None


def write(
    path: str | Path,
    table: Table,
    lists: Sequence[BookList],
    origin: Origin,
    prefixes: Sequence[PrefixRule],
) -> None:
    """Write a snapshot file in one stroke.

    Raises:
        CannotAnswerError: There is no list to ask about.
        SnapshotError: The file cannot be written.
    """
    if not lists or origin.built_on is None:
        raise CannotAnswerError("a registry with at least one list", "one without")
    contents = _contents_of(table, lists, origin.region)
    if prefixes:
        contents.append((b"PREFIXES", _prefix_rows(prefixes)))
    sections = _placed(contents)
    header = _header_of(table, lists, origin, sections)
    try:
        with replacing(path) as file:
            file.write(header)
            for _, offset, data in sections:
                file.write(b"\0" * (offset - file.tell()))
                file.write(data)
    except OSError as error:
        raise SnapshotError(
            "a place to write a snapshot to", error.strerror or "an error", str(path)
        ) from error


def _contents_of(
    table: Table, lists: Sequence[BookList], region: str | None
) -> list[tuple[bytes, Any]]:
    """Return name and content of each section that every file has, in file order."""
    codes = np.empty(len(table.lists), PERIOD)
    codes["list"], codes["starts_on"] = table.lists, table.starts
    codes["ends_on"] = table.ends
    return [
        (b"LISTS", _lists_json(lists, region)),
        (b"PERIODS", codes),
        (b"FILTER", table.filter.blocks),
        (b"RUNS", table.index.runs),
        (b"DIRECT", table.index.directory),
        (b"REMAINS", table.index.remainders),
        (b"CODES", table.index.codes),
    ]


def _prefix_rows(prefixes: Sequence[PrefixRule]) -> NDArray[np.void]:
    rows = [
        (rule.prefix, rule.list, rule.starts_on, rule.ends_on, rule.blocks)
        for rule in prefixes
    ]
    return np.sort(np.array(rows, PREFIX), order=("list", "prefix", "starts_on"))


def _placed(
    contents: Sequence[tuple[bytes, Any]],
) -> list[tuple[bytes, int, memoryview]]:
    """Return name, offset and bytes of each section."""
    offset = _aligned(HEADER.size + SECTION.size * len(contents))
    placed = []
    for name, content in contents:
        flat = memoryview(content).cast("B") if len(content) else memoryview(b"")
        placed.append((name, offset, flat))
        offset = _aligned(offset + len(flat))
    return placed


def _lists_json(lists: Sequence[BookList], region: str | None) -> bytes:
    held = [
        {
            "name": held.rules.name,
            "complete_from": held.complete_from and held.complete_from.isoformat(),
        }
        for held in lists
    ]
    return json.dumps({"region": region, "lists": held}).encode()


def _header_of(
    table: Table,
    lists: Sequence[BookList],
    origin: Origin,
    sections: Sequence[tuple[bytes, int, memoryview]],
) -> bytes:
    built_on = origin.built_on
    if built_on is None:
        raise CannotAnswerError("the day of the state", "none")
    fields = Header(
        magic=MAGIC,
        version=FORMAT_VERSION,
        n_sections=len(sections),
        file_size=sections[-1][1] + len(sections[-1][2]),
        normalisation=NORMALISATION_VERSION,
        key_domain=KEY_DOMAIN,
        built_on=to_epoch_day(built_on),
        covered_until=to_epoch_day(_covered_until(lists, built_on)),
        generation=origin.generation,
        n_numbers=table.n_numbers,
        n_entries=table.index.n_entries,
        capacity=table.filter.capacity,
        false_positive_rate=table.filter.false_positive_rate,
        registry=origin.registry.bytes if origin.registry else bytes(16),
        reserved=bytes(24),
        checksum=0,
    )
    entries = b"".join(
        SECTION.pack(name, offset, len(data), xxhash.xxh3_64_intdigest(data))
        for name, offset, data in sections
    )
    checksum = xxhash.xxh3_64_intdigest(HEADER.pack(*fields) + entries)
    return HEADER.pack(*fields._replace(checksum=checksum)) + entries


def _covered_until(lists: Sequence[BookList], built_on: date) -> date:
    """The first day on which an answer is too old to be used, by the lists' rules."""
    valid_days = []
    for held in lists:
        closes_on = held.rules.closes_on
        last = built_on if closes_on is None else min(built_on, _day_before(closes_on))
        day = max(last, held.rules.opens_on)
        valid_days.append(in_force(held.rules.answer_validity, on=day).days)
    return built_on + timedelta(days=min(valid_days))


def _day_before(day: date) -> date:
    return day - timedelta(days=1)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGN) * ALIGN
