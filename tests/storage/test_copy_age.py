"""Age of the data on a copy of a server, with clocks that are wrong."""

from __future__ import annotations

from math import inf

import pytest

from bloctel._util import clock
from bloctel.errors import StorageUnreachableError
from bloctel.storage.interface import CopyAge


def test_the_age_grows_while_nothing_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat that was in the future is not new when its time has come."""
    moments = {"now": 1_000.0, "elapsed": 50.0}
    for name in moments:
        monkeypatch.setattr(clock, name, lambda name=name: moments[name])

    def wait(seconds: float) -> None:
        moments["now"] += seconds
        moments["elapsed"] += seconds

    age = CopyAge("a copy")
    assert age.seconds(0) == inf
    assert age.seconds(998_000) == 2
    with pytest.raises(StorageUnreachableError, match="synchronise the two clocks"):
        age.seconds(1_012_000)
    wait(12)
    assert age.seconds(1_012_000) == 12
    assert age.seconds(1_012_500) == 0  # the next heartbeat has arrived
    moments["now"] -= 3  # the clock was set
    wait(6)
    assert age.seconds(1_012_500) == 6
