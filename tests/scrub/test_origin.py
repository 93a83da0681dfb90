"""Marks of machines: found in files of machines, and not in real ones."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from benchmarks.origin_tests import MACHINES, PEOPLE, draw, measure, town_halls
from bloctel.numbers.fiction import fiction_ranges
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.scrub.origin.detector import Finding, Makeup
from bloctel.scrub.origin.tests import FEWEST_NUMBERS

_BATCH = 7_000
TOWN_HALLS = town_halls()
#: Where nobody lives.
FICTION = 33_639_980_000


def findings(keys: object) -> tuple[Finding, ...]:
    """Return what is found in a file that comes in batches."""
    makeup = Makeup()
    array = np.asarray(keys, np.uint64)
    for start in range(0, len(array), _BATCH):
        makeup.add(array[start : start + _BATCH])
    return makeup.findings()


def codes(keys: object) -> list[str]:
    """Return the codes of what is found."""
    return [finding.code for finding in findings(keys)]


ORDERS = {
    "as published": TOWN_HALLS,
    "sorted": np.sort(TOWN_HALLS),
    "downwards": np.sort(TOWN_HALLS)[::-1],
    "shuffled": np.random.default_rng(1).permutation(TOWN_HALLS),
    "each twice": np.repeat(TOWN_HALLS, 2),
    "the file twice": np.tile(TOWN_HALLS, 2),
}


@pytest.mark.parametrize("keys", ORDERS.values(), ids=ORDERS)
def test_the_town_halls_are_not_accused(keys: np.ndarray) -> None:
    """A real file bears no mark, in whatever order, though its numbers have runs."""
    assert findings(keys) == ()


@pytest.mark.parametrize("first", range(2, 6))
def test_no_part_of_the_country_is_accused(first: int) -> None:
    """Nor do the town halls of one zone, `02` to `05`, bear one."""
    zone = TOWN_HALLS[TOWN_HALLS // np.uint64(10**8) == 330 + first]

    assert len(zone) >= FEWEST_NUMBERS
    assert findings(zone) == ()


@pytest.mark.parametrize("kind", [kind for kind in PEOPLE if "real" not in kind])
@pytest.mark.parametrize("rows", [2_000, 20_000])
def test_files_of_people_are_not_accused(kind: str, rows: int) -> None:
    """Nor do files that are made as people's are."""
    assert measure(kind, rows, 5).marks == {}


@pytest.mark.parametrize("kind", MACHINES)
def test_files_of_machines_are_found(kind: str) -> None:
    """Twenty thousand numbers that a machine counted or drew bear a mark."""
    rate = measure(kind, 20_000, 5)

    assert rate.found >= (3 if "5 %" in kind and "30" not in kind else 5)


def test_each_mark_is_found_where_it_is() -> None:
    """The marks tell the ways of making a file from one another."""
    few = 3_000
    counted = FICTION + np.arange(few)
    shuffled = np.random.default_rng(1).permutation(counted)

    assert codes(counted) == ["sequence", "neighbours", "dense_blocks", "fiction"]
    assert codes(counted[::-1]) == codes(counted)
    assert codes(shuffled) == ["neighbours", "dense_blocks", "fiction"]
    assert codes(draw("drawn from 06 and 07", 20_000, 1)) == [
        "even_blocks",
        "unassigned",
    ]
    assert "endings" in codes(draw("every seventh number, shuffled", 20_000, 1))


def test_a_finding_says_how_sure_it_is() -> None:
    """Figures, chance, threshold and assumption come with each finding, in words."""
    for finding in findings(FICTION + np.arange(5_000)):
        assert finding.observed > finding.expected
        assert 0 <= finding.probability < 1e-6
        assert "1 in 1,000,000" in finding.threshold
        assert finding.assumption.endswith(".")
        assert "less than 1 in a billion" in str(finding)


def test_invented_numbers_among_real_ones_are_found() -> None:
    """A hundred numbers of works of fiction stand out among 24,000 real ones."""
    mixed = np.concatenate([TOWN_HALLS, FICTION + np.arange(0, 10_000, 100)])

    (found,) = findings(mixed)

    assert (found.code, found.observed) == ("fiction", 100)


def test_a_few_invented_numbers_are_nobody_s_business() -> None:
    """Somebody who tests a form makes no machine of a file."""
    assert codes(np.concatenate([TOWN_HALLS, FICTION + np.arange(0, 300, 100)])) == []


def test_the_metadata_is_named() -> None:
    """Who reads that numbers are unassigned learns by which metadata, and that it lags.

    The numbers are in `07 0`, which only machines of fourteen digits have.
    """
    source = np.random.default_rng(1)
    numbers = 33_700_000_000 + source.integers(0, 10**7, 1_500)

    found = {finding.code: finding for finding in findings(numbers)}

    assert "metadata of phonenumbers" in found["unassigned"].statistic
    assert "lags" in found["unassigned"].assumption


@pytest.mark.parametrize(
    "keys",
    [
        [],
        range(64),
        [33_639_980_000] * 5_000,
        range(FICTION, FICTION + FEWEST_NUMBERS - 1),
        range(354_600_0000, 354_600_0000 + 50_000),
    ],
    ids=["nothing", "refusals", "one number", "too few", "a small country's plan"],
)
def test_of_what_cannot_be_judged_nothing_is_said(keys: object) -> None:
    """Too few numbers, no numbers, or a plan so small that files fill it."""
    assert findings(np.array(keys, np.uint64)) == ()


def test_what_no_country_has_does_no_harm() -> None:
    """Keys that are no numbers of this world are unassigned, and no error."""
    wild = np.random.default_rng(1).integers(10**10, 2**50, 5_000)

    assert "unassigned" in codes(wild)


def test_many_rows_take_no_more_room_than_few() -> None:
    """Two million different numbers are watched in a few megabytes."""
    makeup = Makeup()
    source = np.random.default_rng(1)
    tracemalloc.start()
    for _ in range(20):
        makeup.add(source.integers(33 * 10**9, 34 * 10**9, 100_000).astype(np.uint64))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 8_000_000


def test_batches_are_not_changed() -> None:
    """Who feeds a batch goes on with it."""
    keys = np.random.default_rng(1).permutation(TOWN_HALLS)
    before = keys.copy()
    makeup = Makeup()

    makeup.add(keys)
    makeup.findings()

    assert np.array_equal(keys, before)


def test_the_ranges_of_fiction_are_those_of_the_tests() -> None:
    """Every range that this project's own examples come from is among them."""
    nationals = [PhoneNumber(int(k)).national for k in fiction_ranges().starts]

    assert [national[:8] for national in nationals] == [
        *("01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49", "06 39 98")
    ]
    assert fiction_ranges().certainty in ("V1", "V2", "V3", "R")
    edges = np.array([FICTION - 1, FICTION, FICTION + 9_999, FICTION + 10_000])
    inside = fiction_ranges().contain(edges.astype(np.uint64))
    assert inside.tolist() == [False, True, True, False]
