"""Properties of nine digits that are a French number, or a foreign one without plus."""

from __future__ import annotations

from datetime import date

import numpy as np
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from bloctel import Registry, Status, is_valid, normalize
from bloctel.errors import InvalidNumberError
from bloctel.numbers.phone_number import readings_of

ON = date(2026, 10, 5)


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(st.integers(10**8, 10**9 - 1), st.booleans())
@example(490301234, True)  # +49 (0)30 1234 has another key
@example(378984599, True)  # so has a number of San Marino
@example(687123456, False)
def test_every_path_agrees(digits: int, is_in_table: bool) -> None:
    """If the foreign line is registered, all paths refuse its digits, or none does."""
    assume(is_valid(str(digits)) and is_valid(f"+{digits}"))
    foreign = normalize(f"+{digits}")
    assume(foreign != normalize(digits))  # an overseas line has one key
    with Registry.create("memory:", lists=["own"]) as registry:
        if not is_in_table:
            registry.check("0199001234", on=ON)  # the next change is in the overlay
        registry.register(foreign, list="own", on=ON)
        is_reading = foreign.key in readings_of(digits, "FR")
        expected = Status.INVALID if is_reading else Status.CLEAR
        for number in (str(digits), digits):
            assert registry.check(number, on=ON).status is expected
            assert _status(registry, number) is expected
        for column in ([str(digits)], np.array([digits])):
            assert registry.check_many(column, on=ON).tolist() == [expected]


def _status(registry: Registry, number: str | int) -> Status:
    """Return the answer of `is_blocked`."""
    try:
        is_blocked = registry.is_blocked(number, on=ON)
    except InvalidNumberError:
        return Status.INVALID
    return Status.BLOCKED if is_blocked else Status.CLEAR
