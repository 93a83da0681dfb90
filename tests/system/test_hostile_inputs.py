"""What desks, call logs and registers are given by those who read no docs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bloctel.compliance import (
    CallLog,
    ConsentRegister,
    Desk,
    EvidenceFile,
    NewConsent,
    Outcome,
)
from bloctel.errors import InputError
from bloctel.records.transactions import Entry
from tests.helpers.command_line import run

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = "01 99 00 12 34"
KEY = 33199001234
AT = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)
FULL_WIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in "0199001234")
NO_KEYS = ["+33199001234", True, 1.5, None, -3, 0, 2**70]


@pytest.mark.parametrize("key", NO_KEYS)
def test_what_is_no_key_is_neither_counted_nor_asked(key: Any) -> None:
    """An attempt that nobody could find again is refused; the chain stays whole."""
    with CallLog.create("memory:") as calls:
        for ask in (
            lambda: calls.reserve_if(key, AT, lambda _: True),
            lambda: calls.attempts(key),
        ):
            with pytest.raises(InputError, match="the key of a number"):
                ask()

        assert calls.verify().records == 0


@pytest.mark.parametrize("key", [one for one in NO_KEYS if one is not None])
def test_what_is_no_key_has_no_consent(key: Any) -> None:
    """Neither recorded nor asked."""
    new = NewConsent(
        given_at=AT,
        firm="A",
        goods="x",
        mentions=(),
        evidence=EvidenceFile("ab" * 32, "box"),
    )
    with ConsentRegister.create("memory:") as register:
        with pytest.raises(InputError):
            register.of(key)
        with pytest.raises(InputError):
            register.record_many([(key, new)])

        assert register.verify().records == 0


def test_a_moment_beyond_calendars_poisons_nothing() -> None:
    """It is refused when it is written, not whenever it is read."""
    late = datetime(9999, 12, 31, tzinfo=UTC)
    with CallLog.create("memory:") as calls:
        with pytest.raises(InputError, match="from the year 2 to 2999"):
            calls.add(NUMBER, Outcome.ANSWERED, at=late)

        assert Desk("FR", calls=calls).may_call(NUMBER, at=AT).facts is not None


def test_outcomes_and_calls_that_are_none() -> None:
    """A misspelt outcome is told of, and so is what names no call."""
    bad: Any
    with CallLog.create("memory:") as calls:
        call = calls.add(NUMBER, Outcome.ANSWERED, at=AT)
        for bad in ("bogus", None, 5):
            with pytest.raises(InputError, match="outcome"):
                calls.add(NUMBER, bad, at=AT)
            with pytest.raises(InputError, match="outcome"):
                calls.conclude(call, bad)
        for bad in ("x", None, 1.5, True):
            with pytest.raises(InputError, match="call"):
                calls.conclude(bad, Outcome.ANSWERED)
        for bad in (5, "abc", ["x"]):
            with pytest.raises(InputError, match="details"):
                calls.add(NUMBER, Outcome.ANSWERED, at=AT, details=bad)


@pytest.mark.parametrize(
    "text",
    ["01_99_00_12_34", "01,99,00,12,34", "call 0199001234!", FULL_WIDTH],
    ids=["underscores", "commas", "words", "full width"],
)
def test_a_number_does_not_hide_in_the_details(text: str) -> None:
    """However it is written there, erasure could not reach it."""
    with (
        CallLog.create("memory:") as calls,
        pytest.raises(InputError, match="without the number"),
    ):
        calls.add(NUMBER, Outcome.ANSWERED, at=AT, details={"note": text})


def test_an_entry_shows_no_number() -> None:
    """Not even to whoever debugs."""
    assert str(KEY) not in repr(Entry(KEY, AT, {}))


@pytest.mark.parametrize(
    "options",
    [
        {"country": None},
        {"country": 5},
        {"horizon_days": "x"},
        {"horizon_days": True},
        {"firm": 5},
    ],
)
def test_a_desk_says_what_it_does_not_take(options: Any) -> None:
    """A sentence of ours, whatever is given."""
    with pytest.raises(InputError):
        Desk(**options)


@pytest.mark.parametrize(
    "call",
    [
        {"time_zone": 5},
        {"time_zone": "Europe"},
        {"time_zone": "localtime"},
        {"time_zone": NUMBER},
        {"region": 5},
        {"channel": 5},
        {"automated": "yes"},
    ],
)
def test_a_call_says_what_it_cannot_be(call: Any) -> None:
    """The same of each input."""
    with pytest.raises(InputError) as raised:
        Desk("FR").may_call(NUMBER, at=AT, **call)
    assert "99 00" not in str(raised.value)


def test_a_misspelt_input_is_not_a_missing_one() -> None:
    """`reserve` takes no input that `may_call` would not."""
    strange: Any = {"chanel": "sms"}
    with CallLog.create("memory:") as calls:
        with pytest.raises(TypeError, match="chanel"):
            Desk("FR", calls=calls).reserve(NUMBER, at=AT, **strange)
        assert calls.attempts(KEY) == []


def test_the_command_line_takes_no_moment_beyond_calendars(tmp_path: Path) -> None:
    """It is refused in a sentence, before anything is computed from it."""
    url = f"sqlite:///{tmp_path}/c.db"
    assert run("consent", "create", url).code == 0
    proof = tmp_path / "form.txt"
    proof.write_text("yes")

    done = run(
        *("consent", "record", url, NUMBER, "--at", "9999-12-31T23:59+00:00"),
        *("--firm", "A", "--about", "x", "--mention", "all"),
        *("--evidence", proof, "--where", "box"),
    )

    assert done.code == 2
    assert "from the year 2 to 2999" in done.stderr
    assert str(timedelta(0)) not in done.stdout
