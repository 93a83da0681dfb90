"""Properties of registries: each storage and file answers like a model."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import bloctel
from bloctel import Registry, Snapshot, Status
from bloctel._util import clock
from bloctel.errors import BloctelError
from bloctel.registry import replica
from tests.oracles import snapshot as oracle_snapshot
from tests.oracles.registry import Answer, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bloctel.lookup.book import Book

# a filter must separate the similar French keys; the others are of other countries
KEYS = [33639980001, 33639980002, 33199000001, 33536490007, 447700900123, 12025550143]
LISTS = ["own", "fr.bloctel"]
EDGES = [
    date(2016, 6, 1),
    date(2018, 3, 31),
    date(2018, 12, 31),
    date(2019, 1, 1),
    date(2019, 3, 31),
    date(2019, 4, 1),
    date(2020, 2, 29),
    date(2022, 1, 1),
    date(2022, 3, 31),
    date(2022, 4, 1),
    date(2026, 7, 20),
    date(2026, 8, 10),
    date(2026, 8, 11),
    date(2016, 5, 31),
    date(2026, 11, 23),
]
DAYS = st.one_of(
    st.sampled_from(EDGES),
    st.builds(
        lambda day, more: day + timedelta(days=more),
        st.sampled_from(EDGES),
        st.integers(-40, 40),
    ),
)
ASKED = [None, ["own"], ["fr.bloctel"], LISTS, ["own", "other"]]


def outcome(act: Callable[[], Any]) -> object:
    """Return the result of *act*, or the class of its BloctelError."""
    try:
        return act()
    except BloctelError as error:
        return type(error)


def previewed_purge(registry: Registry, on: date) -> dict[str, int]:
    """Purge a registry as its preview says; return the numbers of erased rows."""
    before = registry.preview_purge(on=on)
    erased = registry.purge(on=on)
    after = registry.preview_purge(on=on)
    assert {each.list: each.n_due for each in before} == erased
    assert not any(each.n_due for each in after)
    first_days = [each.answers_from_after for each in before]
    assert [each.answers_from for each in after] == first_days
    return erased


class RegistryMachine(RuleBasedStateMachine):
    """State machine that applies the same changes to storages and a model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{self.folder.name}/r.db"
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(
            clock, "now", datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp
        )
        self.model = Model(clock.today("Europe/Paris"))
        self.days: set[date] = set()
        self.turn = 0

    @initialize(reload_after=st.sampled_from([0, 1, 3, 100_000]))
    def create(self, reload_after: int) -> None:
        """Create empty registries that reload their table often."""
        self.patch.setattr(replica, "_RELOAD_AFTER", reload_after)
        self.registries = [
            Registry.create("memory:", lists=()),
            Registry.create(self.url, lists=()),
        ]
        self.others = [
            Registry.open(self.url, refresh_seconds=0),
            Registry.open(self.url, refresh_seconds=0, exact="storage"),
        ]

    def teardown(self) -> None:
        """Remove the files, and restore the limit and the clock."""
        self.patch.undo()
        for each in [*getattr(self, "registries", ()), *getattr(self, "others", ())]:
            each.close()
        self.folder.cleanup()

    def same(
        self, wanted: Callable[[], object], act: Callable[[Registry], object]
    ) -> None:
        """Change all registries; results or error classes must be the model's."""
        want = outcome(wanted)
        for each in self.registries:
            got = outcome(lambda each=each: act(each))  # type: ignore[misc]
            assert got == want

    def seen(self, on: date) -> None:
        """Add this day and days near it to the days that are checked."""
        self.days |= {on + timedelta(days=i) for i in (-1, 0, 1, 30, 1096)}

    @rule(list=st.sampled_from(LISTS))
    def add_list(self, list: str) -> None:
        """Add a list, which may exist already."""
        self.same(lambda: self.model.add_list(list), lambda r: r.add_list(list))

    @rule(
        list=st.sampled_from(LISTS),
        key=st.sampled_from(KEYS),
        on=DAYS,
        delay=st.sampled_from([None, 0, 5, 31]),
        future=st.booleans(),
    )
    def register(
        self, list: str, key: int, on: date, delay: int | None, *, future: bool
    ) -> None:
        """Register one number; a day in the future is allowed or not."""
        self.seen(on)

        def wanted() -> object:
            self.model.register(list, [key], on, delay, allow_future=future)
            return self.model.stored[list, key, on].period

        self.same(
            wanted,
            lambda r: r.register(
                key, list=list, on=on, delay_days=delay, allow_future=future
            ),
        )

    @rule(
        list=st.sampled_from(LISTS),
        rows=st.lists(st.tuples(st.sampled_from(KEYS), DAYS), max_size=8),
        in_step=st.booleans(),
        future=st.booleans(),
    )
    def register_many(
        self, list: str, rows: list[tuple[int, date]], *, in_step: bool, future: bool
    ) -> None:
        """Register a column with a column of days: all rows or none."""
        for _, on in rows:
            self.seen(on)

        def wanted() -> int:
            before = dict(self.model.stored)
            try:
                self.model.require_list(list)
                if rows and not future:
                    self.model.refuse_future(max(on for _, on in rows))
                return sum(
                    self.model.register(list, [key], on, None, allow_future=future)
                    for key, on in rows
                )
            except BloctelError:
                self.model.stored = before
                raise

        def act(each: Registry) -> int:
            keys: Any = [key for key, _ in rows]
            on: Any = [day for _, day in rows]
            if in_step:
                keys, on = iter(keys), iter(on)
            return each.register_many(keys, list=list, on=on, allow_future=future)

        self.same(wanted, act)

    @rule(list=st.sampled_from(LISTS), key=st.sampled_from(KEYS), on=DAYS)
    def renew(self, list: str, key: int, on: date) -> None:
        """Renew one number."""
        self.seen(on)
        self.same(
            lambda: self.model.renew(list, key, on),
            lambda r: r.renew(key, list=list, on=on) and None,
        )

    @rule(
        data=st.data(),
        list=st.sampled_from(LISTS),
        key=st.sampled_from(KEYS),
        on=DAYS,
        more=st.integers(0, 40),
    )
    def withdraw(
        self, data: st.DataObject, list: str, key: int, on: date, more: int
    ) -> None:
        """Withdraw a number, which is often registered."""
        if data.draw(st.booleans()) and self.model.stored:
            name = data.draw(st.sampled_from(sorted(self.model.stored)))
            list, key, on = name[0], name[1], name[2] + timedelta(days=more)
        self.seen(on)
        self.same(
            lambda: self.model.withdraw(list, key, on),
            lambda r: r.withdraw(key, list=list, on=on) and None,
        )

    @rule(on=DAYS)
    def purge(self, on: date) -> None:
        """Purge registrations that are due."""
        self.seen(on)
        self.same(lambda: self.model.purge(on), lambda r: previewed_purge(r, on))

    @rule(key=st.sampled_from(KEYS), on=DAYS)
    def forget(self, key: int, on: date) -> None:
        """Erase a number."""
        self.seen(on)
        self.same(lambda: self.model.forget(key, on), lambda r: r.forget(key, on=on))

    @rule()
    def reopen(self) -> None:
        """Close the file and open it again."""
        self.registries[1].close()
        self.registries[1] = Registry.open(self.url)

    @rule(on=st.sampled_from([date(2022, 3, 2), date(2026, 11, 23)]))
    def snapshot(self, on: date) -> None:
        """Build a snapshot, which must answer like its registry."""
        files = [Path(self.folder.name) / f"{i}.bloctel" for i in (0, 1)]
        if not self.model.lists:
            for each, file in zip(self.registries, files, strict=True):
                made = outcome(lambda e=each, f=file: e.build_snapshot(f, on=on))  # type: ignore[misc]
                assert made is bloctel.CannotAnswerError
                assert not file.exists()
            return
        for each, file in zip(self.registries, files, strict=True):
            each.build_snapshot(file, on=on)
        assert oracle_snapshot.content_of(files[0]) == oracle_snapshot.content_of(
            files[1]
        )
        with Snapshot.open(files[0]) as snapshot:
            snapshot.verify()
            self.model.covered_until = on + timedelta(days=30)
            self.agree(snapshot, ASKED)
            self.model.covered_until = None

    @invariant()
    def all_agree(self) -> None:
        """Each book gives the answers of the model, on all relevant days."""
        if not hasattr(self, "registries"):
            return
        for each in [*self.registries, *self.others]:
            self.agree(each, [None])
        self.turn += 1
        self.agree(self.registries[1], [ASKED[self.turn % len(ASKED)]])

    def agree(self, book: Book, asked: list[list[str] | None]) -> None:
        """Compare the results of all four look-up methods with the model."""
        days = {*sorted(self.days)[:: max(1, len(self.days) // 5)], *EDGES[-4:]}
        for on in days:
            for lists in asked:
                self.agree_on(book, on, lists)

    def agree_on(self, book: Book, on: date, lists: Collection[str] | None) -> None:
        """Compare one day."""
        want = outcome(lambda: [self.model.answer(key, on, lists) for key in KEYS])
        many = outcome(lambda: book.is_blocked_many(KEYS, on=on, lists=lists).tolist())
        codes = outcome(
            lambda: book.check_many(np.array(KEYS), on=on, lists=lists).tolist()
        )
        if isinstance(want, type):
            one = outcome(lambda: book.is_blocked(KEYS[0], on=on, lists=lists))
            told = outcome(lambda: book.check(KEYS[0], on=on, lists=lists))
            assert [one, told, many, codes] == [want] * 4
            return
        assert isinstance(want, list)
        blocked = [answer.blocked for answer in want]
        assert many == blocked
        assert codes == [int(one) for one in blocked]
        for key, answer in zip(KEYS, want, strict=True):
            assert book.is_blocked(key, on=on, lists=lists) == answer.blocked
            told = book.check(key, on=on, lists=lists)
            is_blocked = told.status is Status.BLOCKED
            assert answer == Answer(
                is_blocked, told.list, told.since, told.until, told.reason
            )


RegistryMachine.TestCase.settings = settings(
    max_examples=settings().max_examples // 7,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class TestRegistry(RegistryMachine.TestCase):  # type: ignore[misc, valid-type]
    """After any changes, registries, files and snapshots answer like the model."""


REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["register", "column", "withdraw"]),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=8,
)


def test_the_last_request_counts(storage_url: str) -> None:
    """In any order of requests and days, the last accepted request applies.

    A withdrawal ends all registrations that were received until its day.  Each registry
    of the same storage answers in the same way.
    """
    first, numbers = date(2024, 1, 2), itertools.count(33199000000)
    with contextlib.ExitStack() as stack:
        books = [stack.enter_context(Registry.create(storage_url, lists=["own"]))]
        if storage_url != "memory:":
            books = [
                stack.enter_context(
                    Registry.open(storage_url, refresh_seconds=0, exact=exact)
                )
                for exact in ("memory", "storage")
            ]

        @settings(max_examples=settings().max_examples // 2)
        @given(REQUESTS)
        def check(requests: list[tuple[str, int, bool]]) -> None:
            key, ends = next(numbers), dict[int, int]()
            for request, day, by_other in requests:
                on, writer = first + timedelta(days=day), books[by_other and -1]
                if request == "withdraw":
                    ended = [start for start, end in ends.items() if start <= day < end]
                    withdraw = partial(writer.withdraw, key, list="own", on=on)
                    is_refused = outcome(withdraw) is bloctel.errors.NotRegisteredError
                    assert is_refused == (not ended)
                    ends |= dict.fromkeys(ended, day)
                elif request == "register":
                    writer.register(key, list="own", on=on)
                    ends[day] = 1000
                else:
                    writer.register_many([key], list="own", on=[on])
                    ends[day] = 1000
            for book, i in itertools.product(books, range(8)):
                blocked = book.is_blocked(key, on=first + timedelta(days=i))
                assert blocked == any(s <= i < end for s, end in ends.items())

        check()
