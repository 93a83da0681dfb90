"""Tests of the clock: the time for which today stays the same."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel._util import clock
from bloctel.errors import BloctelError, CannotAnswerError, InputError

#: The first moment of a day in a time zone, or a moment at which the clocks change.
MOMENTS = [
    ("Europe/Paris", datetime(2026, 11, 30, 23, tzinfo=UTC)),
    ("Europe/Paris", datetime(2024, 3, 30, 23, tzinfo=UTC)),
    ("Europe/Paris", datetime(2024, 10, 27, 1, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2024, 4, 25, 22, tzinfo=UTC)),  # a day begins at 1:00
    ("America/Santiago", datetime(2024, 4, 7, 3, tzinfo=UTC)),  # 24:00 becomes 23:00
    ("America/Santiago", datetime(2024, 4, 7, 4, tzinfo=UTC)),
    ("America/St_Johns", datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),  # a day ends again
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # a day is left out
]


@pytest.mark.parametrize(("zone", "moment"), MOMENTS)
@given(before=st.one_of(st.floats(-0.1, 3), st.sampled_from([0.0, 0.001, 1.0, 1.02])))
def test_today_stays_the_same(zone: str, moment: datetime, before: float) -> None:
    """No day ends in the returned time, and the time is not shorter than necessary."""
    at = moment.timestamp() - before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: at)
        seconds = clock.seconds_of_today(["UTC", zone])

    end = at + seconds + 0.02
    assert 0 <= seconds <= 1
    for name in ("UTC", zone):
        assert seconds == 0 or clock.day_at(end, name) == clock.day_at(at, name)
    after = moment.timestamp() - at
    assert seconds == 1 or 0 < after < 1.02
    assert seconds >= (after - 0.06) / 2 or seconds == 1


@pytest.mark.parametrize(
    ("available", "kind", "sentence"),
    [
        ({"UTC"}, InputError, "got the unknown name 'Europe/Pari'"),
        (set(), CannotAnswerError, "this machine has no data about time zones"),
    ],
)
def test_an_unknown_time_zone_is_an_input_error(
    available: set[str],
    kind: type[BloctelError],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine without data about time zones is another error than a wrong name."""
    monkeypatch.setattr(clock, "available_timezones", lambda: available)

    with pytest.raises(kind, match=sentence):
        clock.zone("Europe/Pari")
    with pytest.raises(kind) as refused:
        clock.zone("06 39 98 12 34")
    assert "39" not in str(refused.value)
