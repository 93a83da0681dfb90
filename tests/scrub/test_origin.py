"""Origin check: anomalies in generated files, and none in real files."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from benchmarks.origin_tests import MACHINES, PEOPLE, draw, measure, town_halls
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.numbers.plan import fiction_ranges
from bloctel.scrub.origin.anomalies import FEWEST_NUMBERS, Anomaly
from bloctel.scrub.origin.detector import OriginDetector

_BATCH = 7_000
TOWN_HALLS = town_halls()
#: The first number of a range for works of fiction.
FICTION = 33_639_980_000


def anomalies(keys: object) -> tuple[Anomaly, ...]:
    """Return the anomalies of a file that comes in batches."""
    detector = OriginDetector()
    array = np.asarray(keys, np.uint64)
    for start in range(0, len(array), _BATCH):
        detector.add_numbers(array[start : start + _BATCH])
    return detector.anomalies()


def codes(keys: object) -> list[str]:
    """Return the codes of the anomalies."""
    return [anomaly.code for anomaly in anomalies(keys)]


ORDERS = {
    "as published": TOWN_HALLS,
    "sorted": np.sort(TOWN_HALLS),
    "downwards": np.sort(TOWN_HALLS)[::-1],
    "shuffled": np.random.default_rng(1).permutation(TOWN_HALLS),
    "each twice": np.repeat(TOWN_HALLS, 2),
    "the file twice": np.tile(TOWN_HALLS, 2),
}


@pytest.mark.parametrize("keys", ORDERS.values(), ids=ORDERS)
def test_the_town_halls_have_no_anomaly(keys: np.ndarray) -> None:
    """A real file has no anomaly, in any order, although it has consecutive numbers."""
    assert anomalies(keys) == ()


@pytest.mark.parametrize("first", range(2, 6))
def test_no_part_of_the_country_has_an_anomaly(first: int) -> None:
    """The town halls of one zone, `02` to `05`, have no anomaly."""
    zone = TOWN_HALLS[TOWN_HALLS // np.uint64(10**8) == 330 + first]

    assert len(zone) >= FEWEST_NUMBERS
    assert anomalies(zone) == ()


@pytest.mark.parametrize("kind", [kind for kind in PEOPLE if "real" not in kind])
@pytest.mark.parametrize("rows", [2_000, 20_000])
def test_files_of_people_have_no_anomaly(kind: str, rows: int) -> None:
    """Synthetic files of people have no anomaly."""
    assert measure(kind, rows, 5).anomalies == {}


@pytest.mark.parametrize("kind", MACHINES)
def test_files_of_machines_are_found(kind: str) -> None:
    """Twenty thousand generated numbers have an anomaly."""
    rate = measure(kind, 20_000, 5)

    assert rate.found >= (3 if "5 %" in kind and "30" not in kind else 5)


def test_each_anomaly_is_found_where_it_is() -> None:
    """Different ways to generate numbers give different anomalies."""
    few = 3_000
    counted = FICTION + np.arange(few)
    shuffled = np.random.default_rng(1).permutation(counted)

    assert codes(counted) == ["sequence", "neighbours", "dense_blocks", "fiction"]
    assert codes(counted[::-1]) == codes(counted)
    assert codes(shuffled) == ["neighbours", "dense_blocks", "fiction"]
    assert codes(draw("random numbers from 06 and 07", 20_000, 1)) == [
        "even_blocks",
        "unassigned",
    ]
    assert "endings" in codes(
        draw("every seventh number of a range, shuffled", 20_000, 1)
    )


def test_an_anomaly_states_its_probability() -> None:
    """Each anomaly has figures, chance, threshold and assumption, in words."""
    for anomaly in anomalies(FICTION + np.arange(5_000)):
        assert anomaly.observed > anomaly.expected
        assert 0 <= anomaly.probability < 1e-6
        assert "1 in 1,000,000" in anomaly.threshold
        assert anomaly.assumption.endswith(".")
        assert "less than 1 in a billion" in str(anomaly)


def test_invented_numbers_among_real_ones_are_found() -> None:
    """A hundred numbers of works of fiction are found among 24,000 real numbers."""
    mixed = np.concatenate([TOWN_HALLS, FICTION + np.arange(0, 10_000, 100)])

    (found,) = anomalies(mixed)

    assert (found.code, found.observed) == ("fiction", 100)


def test_a_few_invented_numbers_are_nobody_s_business() -> None:
    """Three fictional numbers among thousands of real numbers are not an anomaly."""
    assert codes(np.concatenate([TOWN_HALLS, FICTION + np.arange(0, 300, 100)])) == []


def test_the_metadata_is_named() -> None:
    """The anomaly for unassigned numbers names the metadata and its possible age.

    The numbers are in `07 0`, which only 14-digit machine numbers use.
    """
    source = np.random.default_rng(1)
    numbers = 33_700_000_000 + source.integers(0, 10**7, 1_500)

    found = {anomaly.code: anomaly for anomaly in anomalies(numbers)}

    assert "metadata of phonenumbers" in found["unassigned"].statistic
    assert "opened after this version" in found["unassigned"].assumption


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
    """Files with few numbers, or with numbers of a small country, have no anomaly."""
    assert anomalies(np.array(keys, np.uint64)) == ()


def test_what_no_country_has_does_no_harm() -> None:
    """Keys outside all numbering plans are unassigned, and not an error."""
    wild = np.random.default_rng(1).integers(10**10, 2**50, 5_000)

    assert "unassigned" in codes(wild)


def test_many_rows_take_no_more_room_than_few() -> None:
    """The check of two million distinct numbers takes a few megabytes of memory."""
    detector = OriginDetector()
    source = np.random.default_rng(1)
    tracemalloc.start()
    for _ in range(20):
        detector.add_numbers(
            source.integers(33 * 10**9, 34 * 10**9, 100_000).astype(np.uint64)
        )
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 8_000_000


def test_batches_are_not_changed() -> None:
    """The check does not change the arrays of the caller."""
    keys = np.random.default_rng(1).permutation(TOWN_HALLS)
    before = keys.copy()
    detector = OriginDetector()

    detector.add_numbers(keys)
    detector.anomalies()

    assert np.array_equal(keys, before)


def test_the_ranges_of_fiction_are_those_of_the_tests() -> None:
    """The library's ranges for fiction are the six ranges that these tests use."""
    nationals = [PhoneNumber(int(k)).national for k in fiction_ranges().starts]

    assert [national[:8] for national in nationals] == [
        *("01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49", "06 39 98")
    ]
    assert fiction_ranges().certainty in ("V1", "V2", "V3", "R")
    edges = np.array([FICTION - 1, FICTION, FICTION + 9_999, FICTION + 10_000])
    inside = fiction_ranges().contain(edges.astype(np.uint64))
    assert inside.tolist() == [False, True, True, False]
