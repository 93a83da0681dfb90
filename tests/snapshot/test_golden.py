"""Golden files: snapshots of format version 1, which must not change by a byte."""

from __future__ import annotations

import struct
from datetime import date
from typing import TYPE_CHECKING

import pytest
import xxhash

from bloctel import Snapshot, normalize_many, rules
from bloctel.errors import DamagedSnapshotError, NewerSnapshotError
from tests.helpers.golden import FOLDER, GOLDEN, Beginning, Golden, Row, write
from tests.helpers.own_rules import TEXT, no_registrations
from tests.oracles.snapshot import File

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = sorted(GOLDEN)
DAYS = [date(2019, 7, 1), date(2021, 5, 1), date(2024, 1, 2), date(2024, 1, 20)]


@pytest.fixture(autouse=True)
def _rules() -> Iterator[None]:
    """Register the rules of one list of the file `own-rules`."""
    with no_registrations():
        rules.register(rules.parse(TEXT, "rules"))
        yield


def covers(row: Row | Beginning, on: date) -> bool:
    """Return whether a period or a rule covers a day."""
    return (row.starts_on is None or row.starts_on <= on) and (
        row.ends_on is None or on < row.ends_on
    )


def lists_by_prefix(golden: Golden, key: int, on: date) -> set[str]:
    """Return the lists whose longest rule that matches a key blocks it."""
    longest: dict[str, Beginning] = {}
    for rule in sorted(golden.prefixes, key=lambda rule: rule.prefix):
        if str(key).startswith(str(rule.prefix)) and covers(rule, on):
            longest[rule.list] = rule
    return {name for name, rule in longest.items() if rule.blocks}


@pytest.mark.parametrize("name", NAMES)
def test_the_writer_writes_them_again(name: str, tmp_path: Path) -> None:
    """The writer writes each golden file again with the same bytes."""
    made = tmp_path / "made.bloctel"

    write(made, GOLDEN[name])

    assert made.read_bytes() == (FOLDER / f"{name}.bloctel").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_both_readers_read_what_they_hold(name: str) -> None:
    """The library and the second reader read the entries that were written."""
    path, golden = FOLDER / f"{name}.bloctel", GOLDEN[name]
    file = File(path.read_bytes())
    assert file.rules == [rules.digest(name) for name in golden.lists]
    keys = {row.key for row in golden.rows} | {33199001235, 33261911000, 447700900124}
    keys |= {33199001234, 33199011234, 33639981235, 447700900123}

    assert sorted(map(tuple, file.entries()), key=str) == sorted(
        map(tuple, golden.rows), key=str
    )
    assert {Beginning(*rule) for rule in file.prefixes} == {*golden.prefixes}
    with Snapshot.open(path) as opened:
        opened.verify()
        for key in keys:
            rows = {row for row in golden.rows if row.key == key}
            assert {Row(*found) for found in file.look_up(key)} == rows
            for on in DAYS:
                blocking = {row.list for row in rows if covers(row, on)}
                blocking |= lists_by_prefix(golden, key, on)
                assert file.blocking_lists(key, on) == blocking
                assert opened.is_blocked(key, on=on) == bool(blocking)
                found = opened.check(key, on=on).list
                assert found in blocking if blocking else found is None


def test_keys_are_those_that_normalisation_gives() -> None:
    """Keys must not change: existing files would miss the numbers."""
    texts = ["01 99 00 12 34", "+262 639 98 12 34", "+508 41 12 34", "+44 7700 900123"]

    keys = normalize_many(texts).tolist()

    assert keys == [33199001234, 33639981234, 508411234, 447700900123]


def with_section(content: bytes, name: bytes, more: bytes) -> bytes:
    """Return a file with one more section, as a later format could have."""
    fields = list(struct.unpack("<8sIIQIIiiQQQQd16sQ16sQ", content[:128]))
    table = [
        list(entry)
        for entry in struct.iter_unpack("<8sQQQ", content[128 : 128 + 7 * 32])
    ]
    old_start = min(entry[1] for entry in table)
    new_start = -(-(128 + 8 * 32) // 64) * 64
    body = content[old_start:]
    body += bytes(-len(body) % 64)
    for entry in table:
        entry[1] += new_start - old_start
    table.append(
        [name, new_start + len(body), len(more), xxhash.xxh3_64_intdigest(more)]
    )
    packed = b"".join(struct.pack("<8sQQQ", *entry) for entry in table)
    fields[2], fields[3], fields[-1] = 8, new_start + len(body) + len(more), 0
    header = struct.pack("<8sIIQIIiiQQQQd16sQ16sQ", *fields)
    fields[-1] = xxhash.xxh3_64_intdigest(header + packed)
    header = struct.pack("<8sIIQIIiiQQQQd16sQ16sQ", *fields)
    whole = header + packed
    return whole + bytes(new_start - len(whole)) + body + more


def test_a_section_is_there_only_if_it_is_needed() -> None:
    """Files without prefix rules lack the section PREFIXES."""
    for name in NAMES:
        sections = File((FOLDER / f"{name}.bloctel").read_bytes()).sections
        assert ("PREFIXES" in sections) == bool(GOLDEN[name].prefixes)


GOOD_RULE = (33199, 0, 19000, 19900, 1)


@pytest.mark.parametrize(
    "rules",
    [
        struct.pack("<QIiiI", 0, *GOOD_RULE[1:]),
        struct.pack("<QIiiI", 10**15, *GOOD_RULE[1:]),
        struct.pack("<QIiiI", 33199, 2, *GOOD_RULE[2:]),
        struct.pack("<QIiiI", *GOOD_RULE[:4], 2),
        struct.pack("<QIiiI", *GOOD_RULE[:2], -(2**31), *GOOD_RULE[3:]),
        struct.pack("<QIiiI", *GOOD_RULE[:3], 2**31 - 2, 1),
        struct.pack("<QIiiI", *GOOD_RULE)[:-1],
        struct.pack("<QIiiI", *GOOD_RULE) + b"\0",
    ],
)
def test_rules_that_nobody_writes_are_damage(rules: bytes, tmp_path: Path) -> None:
    """Prefix rules with an invalid prefix, list or kind are refused as damaged."""
    content = (FOLDER / "two-lists.bloctel").read_bytes()
    path = tmp_path / "damaged.bloctel"
    whole = struct.pack("<QIiiI", *GOOD_RULE)

    path.write_bytes(with_section(content, b"PREFIXES", whole))
    with Snapshot.open(path) as opened:
        assert opened.info.n_prefixes == 1

    path.write_bytes(with_section(content, b"PREFIXES", rules))
    for verify in (False, True):
        with pytest.raises(DamagedSnapshotError, match="prefix rules"):
            Snapshot.open(path, verify=verify)


def test_sections_to_come_are_skipped_or_refused(tmp_path: Path) -> None:
    """Unknown sections are skipped if the name is lower-case, else refused."""
    content = (FOLDER / "two-lists.bloctel").read_bytes()
    path = tmp_path / "later.bloctel"

    path.write_bytes(with_section(content, b"notes", b"for later readers"))
    with Snapshot.open(path) as opened:
        opened.verify()
        assert opened.is_blocked(33199001234, on=date(2024, 1, 2))
    assert File(path.read_bytes()).look_up(33199001234)

    path.write_bytes(with_section(content, b"PREFIX", b"for later readers"))
    with pytest.raises(NewerSnapshotError, match="sections"):
        Snapshot.open(path)
