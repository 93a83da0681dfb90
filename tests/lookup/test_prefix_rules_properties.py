"""Properties of prefix rules, compared with `str.startswith`."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bloctel import (
    InputError,
    PhoneNumber,
    Snapshot,
    Status,
    is_valid,
    normalize,
    rules,
    snapshot,
)
from bloctel.lookup._key_ranges import Ranges
from bloctel.lookup.book import Book
from bloctel.lookup.prefix_rules import PrefixRule, read_prefix
from bloctel.lookup.question import BookList, Provenance, State
from bloctel.lookup.table import UNDATED, Entry, Overlay, Table
from bloctel.numbers.columns import Spans
from bloctel.numbers.readings import one_line
from bloctel.periods import NO_END, to_epoch_day
from tests.oracles.snapshot import File

FIRST = to_epoch_day(date(2024, 1, 2))
LISTS = ("fr.bloctel", "own")
NEAR = [
    *("01 99 00 12 34", "01 99 00 12 35", "06 39 98 12 34", "06 39 98 12 30"),
    *("+508 41 12 34", "+508 41 12 35", "+44 7700 900123", "+44 7700 900124"),
    *("+687 12 34 56", "+1 202 555 0123", "+39 06 1234 5678", "+683 4001"),
    "+49 30 12345678901",
]
KEYS = [normalize(text).key for text in NEAR]
#: Patterns of the numbers that have another form than their key.
FORMS = [
    form
    for plan in tomllib.loads(
        (files("bloctel.numbers") / "one_line.toml").read_text("utf-8")
    )["plan"]
    for form, _ in plan["forms"]
]
DAY = st.integers(FIRST - 2, FIRST + 3)
PREFIXES = st.one_of(
    st.builds(
        lambda key, n: int(str(key)[:n]), st.sampled_from(KEYS), st.integers(1, 15)
    ),
    st.sampled_from([1, 3, 5, 33, 508, 10**15 - 1, 199, 335]),
)
RULES = st.lists(
    st.builds(
        PrefixRule,
        st.integers(0, 1),
        PREFIXES,
        st.sampled_from([UNDATED, FIRST - 1, FIRST, FIRST + 1]),
        st.sampled_from([NO_END, FIRST, FIRST + 1, FIRST + 2]),
        st.booleans(),
    ),
    max_size=8,
)
ROWS = st.lists(
    st.tuples(st.sampled_from(KEYS), st.integers(0, 1), DAY, DAY), max_size=4
)


class Held(NamedTuple):
    """Content of a book: periods in the table, later changes, and prefix rules."""

    rows: list[tuple[int, int, int, int]]
    changed: dict[int, list[Entry]]
    rules: list[PrefixRule]

    def state(self) -> State:
        """Return the book's state with this content."""
        columns = [np.array([row[i] for row in self.rows], np.int64) for i in range(4)]
        keys, *periods = columns
        table = Table.build(keys.astype(np.uint64), *periods)
        overlay = Overlay(table).replaced(self.changed)
        lists = tuple(BookList(rules.load(name)) for name in LISTS)
        return State(lists, table, overlay, None, tuple(self.rules))

    def blocks(self, key: int, day: int, place: int) -> bool:
        """Return whether a list blocks a key on a day, by a simple loop."""
        periods = self.changed.get(key)
        if periods is None:
            periods = [Entry(*row[1:]) for row in self.rows if row[0] == key]
        if any(p.list == place and p.starts_on <= day < p.ends_on for p in periods):
            return True
        matching = [
            (len(str(rule.prefix)), rule.starts_on, rule.blocks)
            for rule in self.rules
            if rule.list == place
            and rule.starts_on <= day < rule.ends_on
            and str(key).startswith(str(rule.prefix))
        ]
        return bool(matching) and max(matching)[2]


CHANGED = st.dictionaries(
    st.sampled_from(KEYS),
    st.lists(st.builds(Entry, st.integers(0, 1), DAY, DAY), max_size=2),
    max_size=3,
)
HELD = st.builds(Held, ROWS, CHANGED, RULES)
ASKED = st.sampled_from([(0,), (1,), (0, 1)])


def whole(prefix: int, place: int = 1, *, blocks: bool = True) -> PrefixRule:
    """Return a rule for all days."""
    return PrefixRule(place, prefix, UNDATED, NO_END, blocks)


SHIELDED = Held([], {}, [whole(33199), whole(33199001234, blocks=False), whole(331, 0)])
GONE = Held([(KEYS[0], 1, FIRST - 1, FIRST + 9)], {KEYS[0]: []}, [whole(33199)])


@given(HELD, st.integers(FIRST - 1, FIRST + 2), ASKED)
@example(SHIELDED, FIRST, (1,))
@example(SHIELDED, FIRST, (0, 1))
@example(GONE, FIRST, (1,))
def test_every_way_to_ask_agrees(held: Held, day: int, asked: tuple[int, ...]) -> None:
    """All look-up methods agree with a simple loop, for numbers, texts and columns."""
    book = Book(held.state(), "FR")
    on, lists = date(1970, 1, 1) + timedelta(days=day), [LISTS[i] for i in asked]
    blocking = {
        key: [LISTS[place] for place in asked if held.blocks(key, day, place)]
        for key in KEYS
    }
    expected = [bool(blocking[key]) for key in KEYS]
    texts = [f"+{key}" for key in KEYS]

    for key, text in zip(KEYS, texts, strict=True):
        number = PhoneNumber(key)
        assert bool(blocking[key]) == book.is_blocked(number, on=on, lists=lists)
        assert bool(blocking[key]) == book.is_blocked(text, on=on, lists=lists)
        verdict = book.check(number, on=on, lists=lists)
        assert (verdict.list in blocking[key]) == bool(blocking[key])
    for column in (texts, pa.array(texts), [PhoneNumber(key) for key in KEYS]):
        assert expected == book.check_many(column, on=on, lists=lists).tolist()
    # without a region, an integer is a complete number
    abroad = Book(held.state(), None)
    for keys in (KEYS, np.array(KEYS), pa.array(KEYS)):
        assert expected == abroad.check_many(keys, on=on, lists=lists).tolist()
    parts = pa.chunked_array([texts, texts])
    found = book.check_many(parts, on=on, lists=lists, threads=3)
    assert 2 * expected == found.tolist()
    question = book.question(on=on, lists=lists)
    assert expected == (question.match_many(np.array(KEYS, np.uint64)) >= 0).tolist()
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    ends = np.cumsum([len(text) for text in texts])
    starts = np.append(0, ends[:-1])
    keys, codes = question.match_block(Spans(data, starts, ends))
    assert keys.tolist() == KEYS
    asked_one_by_one = [question.read_number(PhoneNumber(key)) for key in KEYS]
    assert [question.match(*pair) for pair in asked_one_by_one] == codes.tolist()


@given(HELD, st.integers(FIRST - 1, FIRST + 2))
def test_all_lists_in_one_compiled_call(held: Held, day: int) -> None:
    """The fast path of `is_blocked` on a cached day agrees with the simple loop."""
    book, on = Book(held.state(), "FR"), date(1970, 1, 1) + timedelta(days=day)
    book.is_blocked(NEAR[0], on=on)

    for key in KEYS:
        expected = held.blocks(key, day, 0) or held.blocks(key, day, 1)
        assert expected == book.is_blocked(PhoneNumber(key), on=on)
        assert expected == book.is_blocked(f"+{key}", on=on)


TWICE = [whole(3), PrefixRule(1, 3, UNDATED, FIRST + 1, blocks=True)]


@given(HELD, st.integers(FIRST - 1, FIRST + 2))
@example(Held([], {}, TWICE), FIRST)
@settings(max_examples=settings().max_examples // 2)
def test_a_snapshot_answers_as_its_state(held: Held, day: int) -> None:
    """A file contains the rules, and a second reader finds the same lists."""
    state = held._replace(changed={}).state()
    book, on = Book(state, "FR"), date(1970, 1, 1) + timedelta(days=day)
    origin = Provenance(None, 0, date(2024, 1, 10))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.bloctel"
        info = snapshot.build(path, state.table, state.lists, "FR", origin, held.rules)
        file = File(path.read_bytes())
        with Snapshot.open(path) as opened:
            opened.verify()
            found = [opened.check(PhoneNumber(key), on=on) for key in KEYS]

    assert len(held.rules) == info.n_prefixes == len(file.prefixes)
    assert [book.check(PhoneNumber(key), on=on) for key in KEYS] == found
    for key, verdict in zip(KEYS, found, strict=True):
        blocking = file.blocking_lists(key, on)
        assert bool(blocking) == (verdict.status is Status.BLOCKED)
        assert verdict.list in blocking if blocking else verdict.list is None


INTEGERS = [199001234, 639981234, 687123456, 508411234, 447700900, 112345678, 12, 0]


@given(HELD, st.lists(st.sampled_from([*INTEGERS, *KEYS]), max_size=20))
@example(Held([], {}, [whole(687)]), [687123456, 687123456])
@example(Held([], {687123456: []}, [whole(687)]), [687123456])
@example(Held([], {}, [whole(1), whole(44)]), INTEGERS)
def test_integers_that_can_be_read_in_two_ways(held: Held, rows: list[int]) -> None:
    """Nine digits that are clear in France and a blocked line abroad are refused."""
    book, on = Book(held.state(), "FR"), date(2024, 1, 2)

    def blocked(key: int) -> bool:
        return held.blocks(key, FIRST, 0) or held.blocks(key, FIRST, 1)

    def expected(row: int) -> Status:
        if row < 10**8:
            return Status.INVALID
        key = row if row >= 10**9 or row // 10**6 == 508 else 33 * 10**9 + row
        if blocked(key):
            return Status.BLOCKED
        two_ways = row < 10**9 and is_valid(f"+{row}", region=None) and blocked(row)
        return Status.INVALID if two_ways else Status.CLEAR

    statuses = [expected(row) for row in rows]

    assert statuses == book.check_many(rows, on=on).tolist()
    assert statuses == book.check_many(np.array(rows, np.int64), on=on).tolist()
    assert statuses == [book.check(row, on=on).status for row in rows]
    for row, status in zip(rows, statuses, strict=True):
        if status is not Status.INVALID:
            assert bool(status) == book.is_blocked(row, on=on)


def test_a_verdict_says_which_rule_blocks() -> None:
    """The verdict has the list and days of the rule, or of an exact registration."""
    day = date(2024, 1, 2)
    rule = PrefixRule(1, 33199, FIRST - 1, FIRST + 9, blocks=True)
    rows = [(KEYS[0], 1, FIRST, NO_END)]
    book = Book(Held(rows, {}, [whole(44, 0), rule]).state(), "FR")

    by_rule = book.check(NEAR[1], on=day)
    exact = book.check(NEAR[0], on=day)
    undated = book.check("+44 7700 900123", on=day)

    assert (by_rule.list, by_rule.reason) == ("own", "prefix")
    assert (date(2024, 1, 1), date(2024, 1, 11)) == (by_rule.since, by_rule.until)
    assert ("own", "registered", day) == (exact.list, exact.reason, exact.since)
    assert (undated.list, undated.since) == ("fr.bloctel", None)
    assert book.check("06 39 98 12 34", on=day).reason == "not_listed"


# -- ranges ----------------------------------------------------------------------

EDGE = st.one_of(
    st.integers(64, 70),
    st.integers(33_199_001_000, 33_199_001_040),
    st.integers(64, 2**53),
    st.sampled_from([10**n for n in range(2, 16)]),
)
CODE = st.sampled_from([-1, 0, 7, 2**31 - 1])


@given(
    st.lists(st.tuples(EDGE, CODE), unique_by=lambda pair: pair[0], max_size=20),
    st.lists(EDGE | st.integers(0, 2**64 - 1), max_size=20),
)
def test_ranges_are_a_search_from_the_left(
    pairs: list[tuple[int, int]], others: list[int]
) -> None:
    """A key gets the code of the last range that starts at the key or before it."""
    pairs = [(0, -1), *sorted(pairs)]
    pairs[-1] = pairs[-1][0], -1
    starts = np.array([start for start, _ in pairs], np.uint64)
    codes = np.array([code for _, code in pairs], np.int32)
    edges = [start + step for start, _ in pairs for step in (-1, 0, 1)]
    keys = [key for key in [*edges, *others] if key >= 0]
    made = Ranges(starts, codes)

    expected = [[c for s, c in pairs if s <= key][-1] for key in keys]
    out = np.full(len(keys), -1, np.int32)
    made.find_many(np.array(keys, np.uint64), out)
    assert expected == [made.find(key) for key in keys] == out.tolist()
    out = np.full(len(keys), 3, np.int32)
    made.find_many(np.array(keys, np.uint64), out)
    assert [3] * len(keys) == out.tolist()


@pytest.mark.parametrize(
    ("starts", "codes"),
    [
        ([], []),
        ([1], [-1]),
        ([0], [0]),
        ([0, 100, 100], [-1, 1, -1]),
        ([0, 200, 100], [-1, 1, -1]),
        ([0, 2**53 + 1], [-1, -1]),
        ([0, 63, 100], [-1, 1, -1]),
        ([0, 100], [-1, 1]),
        ([0, 100, 200], [-1, -2, -1]),
    ],
)
def test_other_ranges_are_refused(starts: list[int], codes: list[int]) -> None:
    """Invalid ranges are refused, such as unsorted or repeated starts."""
    with pytest.raises(InputError):
        Ranges(np.array(starts, np.uint64), np.array(codes, np.int32))


def test_ranges_without_a_code_each_are_refused() -> None:
    """A different number of codes than ranges is refused."""
    with pytest.raises(ValueError, match="expected codes of length 2, got 1"):
        Ranges(np.array([0, 100], np.uint64), np.array([-1], np.int32))


@given(
    st.sampled_from(FORMS).flatmap(
        lambda form: st.from_regex(form, fullmatch=True, alphabet="0123456789")
    ),
    st.integers(4, 12),
)
def test_a_prefix_matches_the_numbers_that_are_written_with_it(
    number: str, length: int
) -> None:
    """A prefix is refused if a number that begins with it has another key."""
    with suppress(InputError):
        prefix = read_prefix(f"+{number[:length]}", region=None)
        assert one_line(number).startswith(str(prefix))
