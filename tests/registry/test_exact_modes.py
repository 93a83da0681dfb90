"""Registries with `exact` in memory or in the storage: answers and round trips."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bloctel import Follower, Registry, Status
from bloctel.errors import InputError, StorageUnreachableError
from tests.helpers.proxy import proxy_to
from tests.helpers.servers import KINDS, Server, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ON = date(2024, 1, 2)
HOUR = 3600
FIRST = 33639980000


@pytest.fixture
def registry(storage_url: str) -> Iterator[Registry]:
    """Return a registry with numbers on two lists, some withdrawn."""
    with Registry.create(storage_url, lists=["own", "fr.bloctel"]) as created:
        created.register_many(range(FIRST, FIRST + 500, 5), list="own", on=ON)
        created.register_many(
            range(FIRST, FIRST + 300, 3), list="fr.bloctel", on=date(2023, 1, 1)
        )
        for key in range(FIRST, FIRST + 50, 5):
            created.withdraw(key, list="own", on=ON + timedelta(days=9))
        created.register("+44 7700 900001", list="own", on=ON)
        yield created


def opened(registry: Registry, exact: Any) -> Registry:
    """Return another registry object on the same storage."""
    return Registry(registry._storage, exact=exact)


def test_both_modes_give_the_same_answers(registry: Registry) -> None:
    """All look-ups agree, for text, integers and columns, on several days."""
    one = opened(registry, "memory")
    other = opened(registry, "storage")
    keys = [*range(FIRST - 5, FIRST + 510), 447700900001, 447700900002]
    texts = ["06 39 98 00 00", "0639980001", "+44 7700 900001", "0601", "639980005"]

    for on in (date(2023, 6, 1), ON, ON + timedelta(days=10)):
        for column in (keys, texts, np.array(keys)):
            expected = one.check_many(column, on=on).tolist()
            assert other.check_many(column, on=on).tolist() == expected
        for number in (*keys[::37], *texts, 639980005, "rubbish"):
            assert other.check(number, on=on) == one.check(number, on=on)
            if one.check(number, on=on).number:
                assert other.is_blocked(number, on=on) == one.is_blocked(number, on=on)


def test_changes_are_seen_in_the_storage(registry: Registry) -> None:
    """Changes through either registry object are seen immediately."""
    other = Registry(registry._storage, refresh_seconds=0, exact="storage")
    new = FIRST + 7_777
    assert not other.is_blocked(new, on=ON)

    for each in (registry, other):
        each.register(new, list="own", on=ON)
        assert other.is_blocked(new, on=ON)
        each.withdraw(new, list="own", on=ON)
        assert not other.is_blocked(new, on=ON)


def test_the_filter_grows(registry: Registry) -> None:
    """A full filter is replaced by a larger filter, and no number is missed."""
    other = Registry(registry._storage, refresh_seconds=0, exact="storage")
    assert other.is_blocked(FIRST + 100, on=ON)

    more = range(33199000000, 33199003000)
    registry.register_many(more, list="own", on=ON)

    assert other.is_blocked_many(more, on=ON).all()
    assert other.is_blocked(FIRST + 100, on=ON)


@pytest.mark.parametrize("kind", KINDS)
def test_round_trips_of_look_ups(kind: str, request: pytest.FixtureRequest) -> None:
    """A number on no list needs no query; one or many listed numbers need one query."""
    server: Server = request.getfixturevalue(kind)
    url = server.url(unique())
    with Registry.create(url, lists=["own"]) as created:
        created.register_many(range(FIRST, FIRST + 3000), list="own", on=ON)
    with proxy_to(server.port) as proxy:
        through = url.replace(f":{server.port}", f":{proxy.port}")
        counted: list[int] = []

        def cost(asked: object) -> bool:
            before = proxy.round_trips
            found = book.is_blocked_many(asked, on=ON)
            counted.append(proxy.round_trips - before)
            return bool(found.all())

        for exact, hit in (("memory", 0), ("storage", 1)):
            with Registry.open(through, refresh_seconds=HOUR, exact=exact) as book:  # type: ignore[arg-type]
                book.is_blocked(FIRST, on=ON)  # connects, and reads the storage
                counted.clear()
                for key in range(33199000000, 33199000020):
                    assert not book.is_blocked(key, on=ON)
                misses = [f"026191{i:04}" for i in range(2000)]
                found = book.is_blocked_many(misses, on=ON)
                assert not found.any()
                before = proxy.round_trips
                assert book.is_blocked("06 39 98 00 01", on=ON)
                assert book.check("06 39 98 00 01", on=ON).list == "own"
                assert proxy.round_trips - before == 2 * hit
                assert cost(list(range(FIRST, FIRST + 30)))
                assert cost(np.arange(FIRST, FIRST + 30))
                assert counted == [hit, hit]


def test_there_are_two_modes(storage_url: str) -> None:
    """Another mode is refused, and exact='storage' with a cache is refused."""
    with pytest.raises(InputError, match="'memory' or 'storage'"):
        Registry.open(storage_url, exact="perhaps")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no cache"):
        Follower.open(storage_url, exact="storage", cache="x.bloctel")


def test_a_look_up_after_the_journal_was_trimmed(registry: Registry) -> None:
    """A look-up reads the position again if the storage no longer has the old one."""
    other = Registry(registry._storage, refresh_seconds=HOUR, exact="storage")
    assert other.is_blocked(FIRST + 300, on=ON)
    look_ups: list[Callable[[], bool]] = [
        lambda: other.is_blocked(FIRST + 300, on=ON),
        lambda: other.check(FIRST + 300, on=ON).status == Status.BLOCKED,
    ]
    for look_up in look_ups:
        registry.register(FIRST - 1, list="own", on=ON)
        registry.register(FIRST - 2, list="fr.bloctel", on=ON)
        registry.withdraw(FIRST - 1, list="own", on=ON)
        registry.trim_journal(before=10**9)
        assert look_up()


@pytest.mark.parametrize("moves_to", ["prefix", "list"])
def test_a_number_that_stays_blocked_is_never_clear(
    registry: Registry, moves_to: str
) -> None:
    """A look-up in the storage uses no older rules and lists than its registrations."""
    number = FIRST + 400
    other = Registry(registry._storage, refresh_seconds=HOUR, exact="storage")
    question = other.question(on=ON + timedelta(days=9))
    assert other.is_blocked(number, on=ON + timedelta(days=9))
    assert question.is_blocked_many([number]).all()
    if moves_to == "prefix":
        registry.block_prefix(f"+{number}"[:9], list="own", on=ON)
    else:
        registry.add_list("own:brand")
        registry.register(number, list="own:brand", on=ON)
    registry.withdraw(number, list="own", on=ON + timedelta(days=2))

    with pytest.raises(StorageUnreachableError, match="rules or the lists"):
        question.is_blocked_many([number])
    assert other.is_blocked(number, on=ON + timedelta(days=9))
    assert other.check(number, on=ON + timedelta(days=9)).status == Status.BLOCKED
