"""Writer of snapshot files, which replaces an older file atomically."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from bloctel._util.atomic_files import replacing
from bloctel.errors import CannotAnswerError, SnapshotError
from bloctel.lookup.prefix_rules import PrefixRule
from bloctel.lookup.question import BookList, Provenance
from bloctel.lookup.table import Table
from bloctel.periods import to_epoch_day
from bloctel.rules import digest, in_force
from bloctel.snapshot import format as layout


def write(
    path: str | Path,
    table: Table,
    lists: Sequence[BookList],
    region: str | None,
    origin: Provenance,
    prefixes: Sequence[PrefixRule],
) -> None:
    """Write a snapshot file; if an error occurs, an older file stays unchanged."""
    built_on = origin.built_on
    if not lists or built_on is None:
        message = "the registry has no list: add one with Registry.add_list"
        expected, got = "a registry with a list", "a registry without lists"
        raise CannotAnswerError(expected, got, message=message)
    contents = _contents_of(table, lists, region)
    if prefixes:
        contents.append((b"PREFIXES", _prefix_rows(prefixes)))
    sections = _with_offsets(contents)
    header = _header_of(table, lists, origin, built_on, sections)
    try:
        with replacing(path, "a snapshot") as file:
            file.write(header)
            for _, offset, data in sections:
                file.write(b"\0" * (offset - file.tell()))
                file.write(data)
    except OSError as error:
        got = error.strerror or "an error"
        message = f"the snapshot cannot be written: {got}"
        where = str(path)
        raise SnapshotError("a writable path", got, where, message=message) from error


def _contents_of(
    table: Table, lists: Sequence[BookList], region: str | None
) -> list[tuple[bytes, Any]]:
    """Return the name and content of every section except the prefix rules."""
    codes = np.empty(len(table.lists), layout.PERIOD)
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
    return np.sort(np.array(rows, layout.PREFIX), order=("list", "prefix", "starts_on"))


def _with_offsets(
    contents: Sequence[tuple[bytes, Any]],
) -> list[tuple[bytes, int, memoryview]]:
    """Return the name, the offset in the file and the bytes of each section."""
    offset = _aligned(layout.HEADER.size + layout.SECTION.size * len(contents))
    sections = []
    for name, content in contents:
        flat = memoryview(content).cast("B") if len(content) else memoryview(b"")
        sections.append((name, offset, flat))
        offset = _aligned(offset + len(flat))
    return sections


def _lists_json(lists: Sequence[BookList], region: str | None) -> bytes:
    described = [
        {
            "name": each.rules.name,
            "rules": digest(each.rules.name),
            "complete_from": each.complete_from and each.complete_from.isoformat(),
        }
        for each in lists
    ]
    return json.dumps({"region": region, "lists": described}).encode()


def _header_of(
    table: Table,
    lists: Sequence[BookList],
    origin: Provenance,
    built_on: date,
    sections: Sequence[tuple[bytes, int, memoryview]],
) -> bytes:
    fields = layout.Header(
        magic=layout.MAGIC,
        version=layout.FORMAT_VERSION,
        n_sections=len(sections),
        file_size=sections[-1][1] + len(sections[-1][2]),
        normalisation=layout.NORMALISATION_VERSION,
        key_domain=layout.KEY_DOMAIN,
        built_on=to_epoch_day(built_on),
        covered_until=to_epoch_day(_covered_until(lists, built_on)),
        generation=origin.generation,
        n_numbers=table.n_numbers,
        n_entries=table.index.n_entries,
        capacity=table.filter.capacity,
        false_positive_rate=table.filter.false_positive_rate,
        registry=origin.registry.bytes if origin.registry else bytes(16),
        token=origin.token,
        reserved=bytes(16),
        checksum=0,
    )
    entries = b"".join(
        layout.SECTION.pack(name, offset, len(data), xxhash.xxh3_64_intdigest(data))
        for name, offset, data in sections
    )
    checksum = xxhash.xxh3_64_intdigest(layout.HEADER.pack(*fields) + entries)
    return layout.HEADER.pack(*fields._replace(checksum=checksum)) + entries


def _covered_until(lists: Sequence[BookList], built_on: date) -> date:
    """Return the first day on which the snapshot is too old, by the lists' rules."""
    valid_days = []
    for each in lists:
        rules = each.rules
        last_day = rules.closes_on and rules.closes_on - timedelta(days=1)
        day = max(min(built_on, last_day or built_on), rules.opens_on)
        valid_days.append(in_force(rules.answer_validity, on=day).days)
    return built_on + timedelta(days=min(valid_days))


def _aligned(offset: int) -> int:
    return -(-offset // layout.ALIGN) * layout.ALIGN
