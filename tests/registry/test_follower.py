"""Tests of followers: at most a moment behind the registry, or they raise."""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import threading
import time
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bloctel import Follower, Registry
from bloctel._util import clock
from bloctel.errors import (
    CannotAnswerError,
    DayNotCoveredError,
    InputError,
    StorageUnreachableError,
)
from bloctel.registry import follower as follower_module
from tests.helpers.servers import KINDS, STORAGES, server, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = 33639981234
ON = date(2024, 1, 2)
SHARED = [kind for kind in STORAGES if kind != "memory"]
HANG = 60  # after this number of seconds, the test fails


def eventually(is_so: Callable[[], bool]) -> None:
    """Return when the condition is true."""
    end = time.monotonic() + HANG
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


@pytest.fixture
def registry(storage_url: str) -> Iterator[Registry]:
    """Return a registry with one number, which other processes can open."""
    with Registry.create(storage_url, lists=["own"]) as created:
        created.register(KEY, list="own", on=ON)
        yield created


def _register(url: str, key: int) -> None:
    with Registry.open(url) as registry:
        registry.register(key, list="own", on=ON)


@pytest.mark.parametrize("storage_url", SHARED, indirect=True)
def test_a_follower_sees_another_process(storage_url: str, registry: Registry) -> None:
    """A number that another process registers is soon blocked here."""
    with Follower.open(storage_url) as follower:
        assert follower.is_blocked(KEY, on=ON)
        assert not follower.is_blocked(KEY + 1, on=ON)
        spawn = multiprocessing.get_context("spawn")
        other = spawn.Process(target=_register, args=(storage_url, KEY + 1))
        other.start()
        other.join()

        eventually(lambda: follower.is_blocked(KEY + 1, on=ON))
        registry.withdraw(KEY, list="own", on=ON)
        eventually(lambda: not follower.is_blocked(KEY, on=ON))
        registry.block_prefix("0199", list="own", on=ON)
        eventually(lambda: follower.is_blocked("0199001234", on=ON))


@pytest.mark.parametrize("exact", ["memory", "storage"])
@pytest.mark.parametrize("storage_url", SHARED, indirect=True)
def test_erasures_reach_a_follower(
    storage_url: str, registry: Registry, exact: Any
) -> None:
    """A forgotten number is not blocked; look-ups for erased days raise."""
    with Follower.open(storage_url, exact=exact) as follower:
        assert follower.is_blocked(KEY, on=ON)
        registry.forget(KEY, on=date(2024, 6, 1))

        eventually(lambda: not follower.is_blocked(KEY, on=date(2024, 6, 1)))
        with pytest.raises(DayNotCoveredError):
            follower.is_blocked(KEY, on=ON)


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_follower_starts_from_its_cache(
    storage_url: str, registry: Registry, tmp_path: Path
) -> None:
    """A cached snapshot is updated from the journal; a damaged snapshot is replaced."""
    cache = tmp_path / "cache.bloctel"
    Follower.open(storage_url, cache=cache).close()
    made = cache.read_bytes()
    registry.register(KEY + 1, list="own", on=ON)

    with Follower.open(storage_url, cache=cache) as follower:
        assert cache.read_bytes() == made
        assert follower.is_blocked_many([KEY, KEY + 1], on=ON).all()

    other = Registry.create("memory:", lists=["own"])
    other.build_snapshot(tmp_path / "other.bloctel")
    for content in (
        made[:-1],
        b"something else",
        (tmp_path / "other.bloctel").read_bytes(),
    ):
        cache.write_bytes(content)
        with Follower.open(storage_url, cache=cache) as follower:
            assert follower.is_blocked_many([KEY, KEY + 1], on=ON).all()
        assert cache.read_bytes() not in (content, made)


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_cache_that_cannot_be_written(
    storage_url: str,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After an erasure, the registry is read without it; the path is absolute."""
    (tmp_path / "cache").mkdir()
    monkeypatch.chdir(tmp_path)
    with Follower.open(storage_url, cache="cache/c.bloctel") as follower:
        monkeypatch.chdir(tmp_path / "cache")
        shutil.rmtree(tmp_path / "cache")
        registry.forget(KEY)

        eventually(lambda: "cache of the follower cannot be written" in caplog.text)
        eventually(lambda: not follower._state.has_erased)
        assert not follower.is_blocked(KEY)


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_follower_that_fell_behind_starts_again(
    storage_url: str, registry: Registry, tmp_path: Path
) -> None:
    """A trimmed journal, or erased numbers, cause a new cache."""
    cache = tmp_path / "cache.bloctel"
    Follower.open(storage_url, cache=cache).close()
    registry.register(KEY + 1, list="own", on=ON)
    registry.trim_journal(before=10**9)
    with Follower.open(storage_url, cache=cache) as follower:
        assert follower.is_blocked_many([KEY, KEY + 1], on=ON).all()
    made = cache.read_bytes()

    registry.forget(KEY, on=ON)
    with Follower.open(storage_url, cache=cache) as follower:
        eventually(lambda: cache.read_bytes() != made)
        eventually(lambda: not follower.is_blocked(KEY, on=ON))
        assert follower.is_blocked(KEY + 1, on=ON)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreachable_storage_is_logged_then_refused(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the storage, look-ups work for a while, then raise until it is back."""
    caplog.set_level(logging.ERROR, "bloctel")
    with server(kind) as started:
        url = started.url(unique())
        with Registry.create(url, lists=["own"]) as registry:
            registry.register(KEY, list="own", on=ON)
        with (
            Follower.open(url, max_silence_seconds=0.7) as strict,
            Follower.open(url, max_silence_seconds=0.7, when_silent="answer") as lax,
        ):
            started.kill()
            assert strict.is_blocked(KEY, on=ON)

            def refuses() -> bool:
                try:
                    return not strict.is_blocked(KEY, on=ON)
                except StorageUnreachableError:
                    return True

            eventually(refuses)
            eventually(
                lambda: "last changes of the registry are unknown" in caplog.text
            )
            with pytest.raises(StorageUnreachableError, match=r"0\.7 seconds"):
                strict.check_many([KEY], on=ON)
            assert lax.is_blocked(KEY, on=ON)
            assert strict.silent_seconds > 0.7
            started.start()

            eventually(lambda: not refuses())
            with Registry.open(url) as registry:
                registry.register(KEY + 1, list="own", on=ON)
            for each in (strict, lax):
                eventually(lambda each=each: each.is_blocked(KEY + 1, on=ON))  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_server_that_hangs_is_unreachable(
    kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that hangs is logged and refused, and look-ups do not wait."""
    caplog.set_level(logging.ERROR, "bloctel")
    monkeypatch.setattr(follower_module, "_CLOSE_SECONDS", 0.1)
    with server(kind) as started:
        url = started.url(unique())
        with Registry.create(url, lists=["own"]) as registry:
            registry.register(KEY, list="own", on=ON)
        follower = Follower.open(url, max_silence_seconds=0.7)
        with started.frozen():

            def refuses() -> bool:
                try:
                    return not follower.is_blocked(KEY, on=ON)
                except StorageUnreachableError:
                    return True

            eventually(refuses)
            assert "last changes of the registry are unknown" in caplog.text
            follower.close()
        with pytest.raises(CannotAnswerError):
            follower.is_blocked(KEY, on=ON)


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_queued_numbers_that_become_blocked(
    storage_url: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook gets each number once, on its registration or first day."""
    moment = [1_700_000_000.0]  # 14 November 2023
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    told: list[object] = []
    queue: list[object] = ["06 39 98 12 34", "0199001234", 33199001235]
    with Follower.open(storage_url) as follower:
        follower.on_blocked(told.extend, lambda: list(queue))
        assert told == []

        registry.register("0199001234", list="own", on=date(2023, 11, 1))
        registry.register("0261911234", list="own", on=date(2023, 11, 1))
        eventually(lambda: told == ["0199001234"])
        registry.register(33199001235, list="own", on=date(2023, 11, 1))
        eventually(lambda: told == ["0199001234", 33199001235])
        moment[0] += 60 * 86_400  # the protection of KEY starts on 2 January
        eventually(lambda: told[2:] == ["06 39 98 12 34"])


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_hook_that_fails_stops_nothing(
    storage_url: str, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of a hook is logged without its text, and the follower continues."""
    number = "0639981234"

    def fail(_: list[object]) -> None:
        raise KeyError(number)

    with Follower.open(storage_url) as follower:
        follower.on_blocked(fail, lambda: [KEY])
        assert "the hook for blocked numbers failed: KeyError" in caplog.text
        assert number not in caplog.text
        registry.register(KEY + 1, list="own", on=ON)
        eventually(lambda: follower.is_blocked(KEY + 1, on=ON))


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_hook_that_failed_is_called_again(
    storage_url: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook gets the same number again within a minute, until it succeeds."""
    moment = [1_710_000_000.0]  # 9 March 2024
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    told: list[list[object]] = []

    def fail_twice(numbers: list[object]) -> None:
        told.append(numbers)
        if len(told) <= 2:
            raise OSError("the dialer does not answer")

    with Follower.open(storage_url) as follower:
        assert registry.is_blocked(KEY)
        follower.on_blocked(fail_twice, lambda: [KEY])
        eventually(lambda: len(told) == 2)
        assert follower.hook_delay_seconds > 0
        moment[0] += 60
        eventually(lambda: len(told) == 3)
        eventually(lambda: follower.hook_delay_seconds == 0)
    assert told == [[KEY]] * 3


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_queued_numbers_without_an_answer_are_reported(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook gets the blocked numbers, and the numbers without an answer."""
    monkeypatch.setattr(clock, "now", lambda: 1_783_000_000.0)  # 2 July 2026
    opposed, clear = np.array([[KEY], [KEY + 1]], np.uint64)
    with Registry.create(storage_url, lists=["fr.bloctel"]) as registry:
        day = date(2026, 7, 1)
        registry.record_answers(list="fr.bloctel", on=day, opposed=opposed, clear=clear)
    told: list[object] = []
    with Follower.open(storage_url) as follower:
        follower.on_blocked(told.extend, lambda: [KEY, KEY + 1, KEY + 2])
    assert set(told) == {KEY, KEY + 2}


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_threads_look_up_during_changes(storage_url: str, registry: Registry) -> None:
    """In eight threads a number that was blocked once never looks clear."""
    errors: list[BaseException] = []
    is_over = threading.Event()

    def ask(follower: Follower) -> None:
        seen = np.zeros(60, bool)
        try:
            while not is_over.is_set():
                # a batch is not atomic: a change during it may be only in later rows,
                # so compare each number with its own earlier answers
                found = follower.is_blocked_many(range(KEY, KEY + 60), on=ON)
                assert not np.any(seen & ~found), np.flatnonzero(seen & ~found)
                seen = found
        except BaseException as error:
            errors.append(error)

    with Follower.open(storage_url) as follower:
        threads = [threading.Thread(target=ask, args=(follower,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for i in range(1, 60):
            registry.register(KEY + i, list="own", on=ON)
            if i == 30:
                registry.forget("0199009999")
                with follower._changing:  # makes the follower read everything again
                    follower._set_state(replace(follower._state, has_erased=True))
        eventually(lambda: follower.is_blocked(KEY + 59, on=ON))
        is_over.set()
        for thread in threads:
            thread.join()

    assert errors == []


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_closed_follower_answers_nothing(
    storage_url: str, registry: Registry
) -> None:
    """The threads of a closed follower end, and its look-ups raise."""
    assert registry.lists == ("own",)
    before = {thread.name for thread in threading.enumerate()}
    follower = Follower.open(storage_url)
    follower.close()

    assert {thread.name for thread in threading.enumerate()} == before
    with pytest.raises(CannotAnswerError, match="is closed"):
        follower.is_blocked(KEY, on=ON)
    with pytest.raises(InputError, match="when_silent"):
        Follower.open(storage_url, when_silent="guess")  # type: ignore[arg-type]


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_hook_that_hangs_is_reported(
    storage_url: str,
    registry: Registry,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hook that does not return stops no catch-up; its delay is known and logged."""
    monkeypatch.setattr(follower_module, "_HOOK_SECONDS", 0.1)
    release, told = threading.Event(), []

    def hang(numbers: list[object]) -> None:
        told.append(numbers)
        if len(told) == 2:
            release.wait(HANG)

    with Follower.open(storage_url) as follower:
        follower.on_blocked(hang, lambda: [KEY, KEY + 1, KEY + 3])
        assert told == [[KEY]]
        assert follower.hook_delay_seconds == 0
        registry.register(KEY + 1, list="own", on=ON)
        eventually(lambda: told[1:] == [[KEY + 1]])
        for key in (KEY + 2, KEY + 3):
            registry.register(key, list="own", on=ON)
            eventually(lambda key=key: follower.is_blocked(key, on=ON))  # type: ignore[misc]
        eventually(lambda: "hook for blocked numbers is late" in caplog.text)
        assert follower.hook_delay_seconds > 0.1
        assert follower.silent_seconds < HANG

        release.set()
        eventually(lambda: told[2:] == [[KEY + 3]])
        eventually(lambda: follower.hook_delay_seconds == 0)
