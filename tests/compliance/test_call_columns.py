"""Audits of hostile logs of past calls."""

from __future__ import annotations

from datetime import UTC, datetime
from time import process_time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bloctel.compliance import Contract, Desk, Evidence
from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBER = "01 99 00 12 34"
AT = datetime(2024, 3, 4, 10, 30, tzinfo=UTC)


def test_missing_values_of_pandas_are_missing() -> None:
    """`pandas.NA`, `NaN` and `NaT` are missing values in columns of any type."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "number": [NUMBER, NUMBER],
            "at": [AT, AT],
            "purpose": pd.array(["sale", pd.NA], dtype="string"),
            "automated": pd.array([True, pd.NA], dtype="boolean"),
            "subject": [float("nan"), "x"],
        }
    )

    table = Desk("FR").audit(frame).table("ask")

    assert "purpose_missing" in table["ground"][table["row"] == 2].tolist()
    assert "purpose_missing" not in table["ground"][table["row"] == 1].tolist()


def test_the_hour_that_occurs_twice_is_read_row_by_row() -> None:
    """Two times that differ only by `fold` are two instants."""
    first = datetime(2024, 11, 3, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    times = [first, first.replace(fold=1), first]
    log = {"number": ["01 99 00 12 34", "01 99 00 12 35", "01 99 00 12 36"]}

    found = Desk("FR").audit(log | {"at": times}).table("ask")

    minutes = dict(zip(found["row"].tolist(), found["at"].tolist(), strict=True))
    hours = [datetime(2024, 11, 3, hour, 30) for hour in (5, 6, 5)]  # noqa: DTZ001
    assert [minutes[row] for row in (1, 2, 3)] == hours


def test_equal_values_of_other_types_are_read_by_their_type() -> None:
    """A float is no phone number, also next to an equal integer."""
    callers = [33162001234, 33162001234.0]
    log = {"number": [NUMBER] * 2, "at": [AT] * 2, "caller": callers}

    table = Desk("FR").audit(log).table("ask")

    rows = table["row"][table["ground"] == "caller_missing"].tolist()
    assert rows == [2]


@pytest.mark.parametrize("bad", [[1, 2], {"a": 1}, {1}])
@pytest.mark.parametrize("name", ["at", "outcome", "subject", "caller"])
def test_nested_values_are_refused(name: str, bad: Any) -> None:
    """A list in a cell raises an error."""
    log = {"number": [NUMBER], "at": [AT], name: [bad]}

    with pytest.raises(InputError, match=name):
        Desk("FR").audit(log)


def test_moments_out_of_reach_are_refused() -> None:
    """Arrow timestamps outside the calendar are refused."""
    pa = pytest.importorskip("pyarrow")
    for value, unit in ((2**62, "us"), (2**60, "s"), (-(2**62), "us")):
        column = pa.array([value]).cast(pa.timestamp(unit, "UTC"))

        with pytest.raises(InputError, match="the year 2 to 2999"):
            Desk("FR").audit({"number": [NUMBER], "at": column})


def test_moments_of_arrow_are_those_of_python() -> None:
    """Arrow timestamps of any unit are read; without a time zone they are refused."""
    pa = pytest.importorskip("pyarrow")
    for unit in ("s", "ms", "us", "ns"):
        column = pa.array([AT], pa.timestamp(unit, "Europe/Paris"))
        audit = Desk("FR").audit({"number": [NUMBER], "at": column})
        assert audit.table("ask")["at"][0] == np.datetime64("2024-03-04T10:30")
    naive = pa.array([0]).cast(pa.timestamp("us"))
    with pytest.raises(InputError, match="time zone"):
        Desk("FR").audit({"number": [NUMBER], "at": naive})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"log_time_zone": 5}, "log_time_zone"), ({"log_time_zone": NUMBER}, "time zone")],
)
def test_arguments_are_checked(arguments: Any, says: str) -> None:
    """An invalid argument is named, without a number in the message."""
    with pytest.raises(InputError, match=says) as raised:
        Desk("FR").audit({"number": [NUMBER], "at": [AT]}, **arguments)
    assert "99 00" not in str(raised.value)


def test_unknown_inputs_are_refused() -> None:
    """A misspelt input is refused, because it would count as a missing one."""
    log: Any = {"number": [NUMBER], "at": [AT]}
    strange: Any = {"chanel": "sms"}
    with pytest.raises(TypeError, match="chanel"):
        Desk("FR").audit(log, **strange)


@pytest.mark.parametrize("decision", ["yes", "bogus", None, 5])
def test_only_breaches_and_what_is_not_known_have_a_table(decision: Any) -> None:
    """`table` accepts only the decisions no and ask."""
    with pytest.raises(InputError, match="no or ask"):
        Desk("FR").audit({"number": [], "at": []}).table(decision)


def test_a_file_that_knows_numbers_one_by_one_will_do() -> None:
    """`of_many` is optional."""

    class File:
        def of(self, key: int) -> Evidence:
            return Evidence()

    log = {"number": [NUMBER], "at": ["2026-11-23T10:30:00+01:00"]}
    audit = Desk("FR", consents=File()).audit(log, purpose="sale", sector="other")

    assert audit.grounds == {"no_consent": 1}


def _contracts(n: int) -> float:
    """Return the duration of an audit with one contract for each call."""

    class File:
        def of(self, key: int) -> Evidence:
            raise NotImplementedError

        def of_many(self, keys: list[int]) -> dict[int, Evidence]:
            held = {"starts_on": datetime(2020, 1, 1, tzinfo=UTC).date()}
            return {
                key: Evidence(contracts=[_contract(f"contract {key}", held)])
                for key in keys
            }

    numbers = np.arange(33_639_980_000, 33_639_980_000 + n)
    log = {
        "number": numbers,
        "at": [AT] * n,
        "subject": [f"contract {key}" for key in numbers.tolist()],
    }
    begin = process_time()
    Desk("FR", consents=File(), firm="A").audit(log, purpose="sale", sector="other")
    return process_time() - begin


def _contract(subject: str, held: dict[str, Any]) -> Contract:
    return Contract(firm="A", ends_on=None, subject=subject, **held)


def _far(year: int) -> float:
    log = {"number": [NUMBER] * 2, "at": [AT, AT.replace(year=year)]}
    begin = process_time()
    Desk("FR").audit(log)
    return process_time() - begin


@pytest.mark.parametrize(
    ("takes", "small", "large", "most"),
    [
        # four times as many records take about four times as long, not sixteen times
        (_contracts, 1_000, 4_000, 10),
        # a date with a typo adds one day, not nine centuries of days
        (_far, 2025, 2925, 20),
    ],
)
def test_time_grows_with_what_is_there(
    takes: Callable[[int], float], small: int, large: int, most: float
) -> None:
    """The time of an audit is proportional to the number of calls and records."""
    takes(small)  # the first call reads the rules

    assert min(takes(large) for _ in range(3)) < most * max(
        min(takes(small) for _ in range(3)), 0.01
    )
