"""Invalid arguments of desks, call logs and consent registers."""

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
INVALID_KEYS = ["+33199001234", True, 1.5, None, -3, 0, 2**70]


@pytest.mark.parametrize("key", INVALID_KEYS)
def test_a_call_log_refuses_invalid_keys(key: Any) -> None:
    """No record is written under an invalid key, and the hash chain is intact."""
    with CallLog.create("memory:") as calls:
        for operation in (
            lambda: calls.reserve_if(key, AT, lambda _: True),
            lambda: calls.attempts(key),
        ):
            with pytest.raises(InputError, match="the key of a phone number"):
                operation()

        assert calls.verify().records == 0


@pytest.mark.parametrize("key", [one for one in INVALID_KEYS if one is not None])
def test_a_consent_register_refuses_invalid_keys(key: Any) -> None:
    """Neither queries nor records accept an invalid key."""
    new = NewConsent(
        given_at=AT,
        firm="A",
        subject="x",
        mentions=(),
        evidence=EvidenceFile("ab" * 32, "box"),
    )
    with ConsentRegister.create("memory:") as register:
        with pytest.raises(InputError):
            register.of(key)
        with pytest.raises(InputError):
            register.record_many([(key, new)])

        assert register.verify().records == 0


def test_dates_outside_calendars_are_not_recorded() -> None:
    """Dates outside calendars are refused on writing, so that reading always works."""
    late = datetime(9999, 12, 31, tzinfo=UTC)
    with CallLog.create("memory:") as calls:
        with pytest.raises(InputError, match="from the year 2 to 2999"):
            calls.add(NUMBER, Outcome.ANSWERED, at=late)

        assert Desk("FR", calls=calls).may_call(NUMBER, at=AT).facts is not None


def test_invalid_outcomes_and_calls() -> None:
    """A misspelt outcome, an invalid call or invalid details raise InputError."""
    bad: Any
    with CallLog.create("memory:") as calls:
        call = calls.add(NUMBER, Outcome.ANSWERED, at=AT).call
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
def test_details_contain_no_number(text: str) -> None:
    """A number in the details is refused in any form: it could not be erased."""
    with (
        CallLog.create("memory:") as calls,
        pytest.raises(InputError, match="without the phone number"),
    ):
        calls.add(NUMBER, Outcome.ANSWERED, at=AT, details={"note": text})


def test_an_entry_shows_no_number() -> None:
    """The repr of an entry contains no number."""
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
def test_invalid_options_of_a_desk(options: Any) -> None:
    """Invalid options of a desk raise InputError, not an error of Python."""
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
def test_invalid_inputs_of_a_call(call: Any) -> None:
    """Invalid inputs of a call raise InputError; the error does not show the number."""
    with pytest.raises(InputError) as raised:
        Desk("FR").may_call(NUMBER, at=AT, **call)
    assert "99 00" not in str(raised.value)


def test_misspelt_inputs_are_not_ignored() -> None:
    """`reserve` refuses unknown inputs, as `may_call` does."""
    strange: Any = {"chanel": "sms"}
    with CallLog.create("memory:") as calls:
        with pytest.raises(TypeError, match="chanel"):
            Desk("FR", calls=calls).reserve(NUMBER, at=AT, **strange)
        assert calls.attempts(KEY) == []


def test_the_command_line_refuses_dates_outside_calendars(tmp_path: Path) -> None:
    """A date outside calendars gives a one-sentence error, not an OverflowError."""
    url = f"sqlite:///{tmp_path}/c.db"
    assert run("consent", "create", url).code == 0
    proof = tmp_path / "form.txt"
    proof.write_text("yes")

    done = run(
        *("consent", "record", url, NUMBER, "--at", "9999-12-31T23:59+00:00"),
        *("--firm", "A", "--subject", "x", "--mention", "all"),
        *("--evidence", proof, "--where", "box"),
    )

    assert done.code == 2
    assert "from the year 2 to 2999" in done.stderr
    assert str(timedelta(0)) not in done.stdout
