"""Tests of look-ups that a signal interrupts, as a time limit of a task does."""

from __future__ import annotations

import signal
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry
from tests.helpers.servers import KINDS, server, unique

if TYPE_CHECKING:
    from types import FrameType

KEY = 33639981234
ON = date(2024, 1, 2)


class TimeLimitError(Exception):
    """Exception of the signal's handler."""


def _interrupt(_: int, __: FrameType | None) -> None:
    raise TimeLimitError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_look_up(kind: str) -> None:
    """No later look-up reads the reply to an interrupted command, or fails."""
    n_interrupted = n_answered = wrong = 0
    with server(kind) as started:
        url = started.url(unique())
        with Registry.create(url, lists=["own"]) as registry:
            registry.register(KEY, list="own", on=ON)
        with Registry.open(url, refresh_seconds=0.01, exact="storage") as registry:
            registry.is_blocked(KEY, on=ON)
            before = signal.signal(signal.SIGALRM, _interrupt)
            try:
                for i in range(200):
                    try:
                        signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.0015 * (i % 20))
                        for _ in range(30):  # a finalizer may swallow the signal
                            wrong += not registry.is_blocked(KEY, on=ON)
                            wrong += registry.is_blocked(KEY + 1, on=ON)
                            n_answered += 1
                        signal.setitimer(signal.ITIMER_REAL, 0)
                    except Exception:
                        # a driver can convert the exception into an error of its own
                        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
                        n_interrupted += 1
                    assert registry.is_blocked(KEY, on=ON)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
            assert registry.is_blocked_many([KEY, KEY], on=ON).all()
            assert registry.register(KEY + 1, list="own", on=ON).starts_on == ON
            assert registry.is_blocked(KEY + 1, on=ON)
    assert wrong == 0
    assert n_interrupted > 20
    assert n_answered > 0
