"""What every storage must pass, for those of this library and of others.

```python
from bloctel.testing import StorageContract

class TestMyStorage(StorageContract):
    @pytest.fixture
    def url(self, tmp_path):
        return f"mine://{tmp_path}/registry"
```

The fixture `url` gives the URL of a registry that is not there yet, for
`bloctel.storage.open_storage`; or override the method `open`.  It needs pytest, and is
imported by tests alone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bloctel.errors import (
    CursorPurgedError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageError,
)
from bloctel.periods import NO_END
from bloctel.storage import (
    ChangeKind,
    Event,
    NewRegistrations,
    PrefixRow,
    Registration,
    RequestRow,
    open_storage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bloctel.storage import Storage

__all__ = ["StorageContract", "new_rows", "run_all"]

KEY = 33639981234  # 06 39 98 12 34, of a range that is reserved for fiction
DAY = 19_700


def row(key: int = KEY, on: int = DAY, ends_on: int = NO_END) -> Registration:
    """Return a registration on the first list."""
    return Registration(1, key, on, on, ends_on)


def new_rows(rows: Sequence[Registration]) -> NewRegistrations:
    """Return registrations of one list as columns."""
    columns = np.array([r[1:5] for r in rows], np.int64).reshape(-1, 4).T
    list_id = rows[0].list_id if rows else 1
    return NewRegistrations(list_id, columns[0].astype(np.uint64), *columns[1:])


def run_all(works: Sequence[Callable[[], object]]) -> None:
    """Run functions in threads of their own; raise what one of them raised."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class StorageContract:
    """The contract of `bloctel.storage.Storage`."""

    #: Whether two storages opened on one URL share their content.
    is_shared = True

    @pytest.fixture
    def url(self) -> str:
        """Give the URL of a storage that is not there yet."""
        raise NotImplementedError

    def open(self, url: str) -> Storage:
        """Open the storage at *url*."""
        return open_storage(url)

    @pytest.fixture
    def storage(self, url: str) -> Iterator[Storage]:
        """Give an empty registry with one list."""
        opened = self.open(url)
        opened.create({"region": "FR", "identity": "0" * 32})
        with opened.write() as writer:
            assert writer.add_list("own").id == 1
        yield opened
        opened.close()

    # -- creating and opening ---------------------------------------------------

    def test_creation_never_overwrites(self, storage: Storage) -> None:
        """What is there stays as it is when somebody creates it again."""
        with storage.write() as writer:
            assert writer.add([new_rows([row()])]) == 1

        with pytest.raises(RegistryExistsError):
            storage.create({"region": "BE"})

        storage.check()
        with storage.read() as reader:
            assert reader.settings()["region"] == "FR"
            assert reader.registrations_of([KEY]) == [row()]

    def test_opening_never_creates(self, url: str) -> None:
        """Where nothing is, there is no registry."""
        opened = self.open(url)
        for ask in (opened.check, opened.migrate, opened.check):
            with pytest.raises(RegistryNotFoundError):
                ask()
        opened.close()

    def test_a_closed_storage_does_nothing(self, storage: Storage) -> None:
        """After its closing a storage says that it is closed."""
        storage.close()

        for ask in (storage.check, lambda: storage.lookup([KEY])):
            with pytest.raises(StorageError):
                ask()

    def test_migrating_what_is_current_changes_nothing(self, storage: Storage) -> None:
        """A registry of this version stays as it is."""
        storage.migrate()
        storage.check()

    # -- transactions -----------------------------------------------------------

    def test_a_transaction_is_all_or_nothing(self, storage: Storage) -> None:
        """An error in a transaction undoes everything."""
        with storage.write() as writer:
            writer.add([new_rows([row(KEY + 9)])])
            before = writer.last_change()

        def fail() -> None:
            with storage.write() as writer:
                writer.add_list("fr.bloctel")
                writer.add([new_rows([row()])])
                writer.update([row(KEY + 9, ends_on=DAY + 1)])
                writer.erase([row(KEY + 9)])
                writer.set_complete_from(1, DAY)
                writer.set_prefix(PrefixRow(1, 33899, DAY, NO_END, True))
                writer.save_request(self.request())
                writer.trim(before)
                raise KeyError

        with pytest.raises(KeyError):
            fail()

        with storage.read() as reader:
            assert [held.name for held in reader.lists()] == ["own"]
            assert reader.lists()[0].complete_from is None
            assert reader.registrations_of([KEY, KEY + 9]) == [row(KEY + 9)]
            assert reader.last_change() == before
            assert [e.key for e in reader.changes(0, 9)] == [KEY + 9]
            assert reader.prefixes() == []
            assert reader.request("ab" * 16) is None

    def test_an_error_while_parts_come_adds_nothing(self, storage: Storage) -> None:
        """Parts that break off leave nothing behind, and the next addition works."""

        def parts() -> Iterator[NewRegistrations]:
            for first in range(0, 30_000, 10_000):
                yield new_rows([row(KEY + first + i) for i in range(10_000)])
            raise KeyError

        for _ in range(2):
            with pytest.raises(KeyError), storage.write() as writer:
                writer.add(parts())

        with storage.write() as writer:
            assert writer.registrations_of([KEY]) == []
            assert writer.add([new_rows([row()])]) == 1

    def test_a_writer_sees_its_own_changes(self, storage: Storage) -> None:
        """What a transaction reads is what it has written."""
        with storage.write() as writer:
            writer.add([new_rows([row(), row(KEY + 1)])])
            assert writer.registrations_of([KEY]) == [row()]
            writer.update([row(ends_on=DAY + 3)])
            writer.erase([row(KEY + 1)])
            assert writer.registrations_of([KEY, KEY + 1]) == [row(ends_on=DAY + 3)]
            assert writer.add_list("own:brand-a").id == 2
            writer.set_complete_from(2, DAY)
            assert writer.lists()[1].complete_from == DAY
            assert [e.key for e in writer.changes(0, 9)] == [KEY, None]
            writer.save_request(self.request())
            assert writer.requests_by(1, "person") == [self.request()]
            writer.set_prefix(PrefixRow(1, 33899, DAY, NO_END, True))
            assert len(writer.prefixes()) == 1

    def test_only_changes_move_the_cursor(self, storage: Storage) -> None:
        """Each change moves `last_change`, and a transaction without one does not."""
        cursors = []

        def change(do: Callable[[], object]) -> None:
            do()
            with storage.read() as reader:
                cursors.append(reader.last_change())

        def write(name: str, *arguments: object) -> Callable[[], object]:
            def do() -> None:
                with storage.write() as writer:
                    getattr(writer, name)(*arguments)

            return do

        change(write("add_list", "fr.bloctel"))
        change(write("add", [new_rows([row()])]))
        change(write("set_complete_from", 1, DAY))
        change(write("set_prefix", PrefixRow(1, 33899, DAY, NO_END, True)))
        change(write("drop_prefix", PrefixRow(1, 33899, DAY, NO_END, True)))
        assert cursors == sorted(set(cursors))
        change(write("add", [new_rows([row()])]))
        change(write("lists"))
        assert len(set(cursors[-3:])) == 1

    # -- adding -----------------------------------------------------------------

    def test_rows_come_back_as_they_went_in(self, storage: Storage) -> None:
        """All readings hold every row, with `NO_END`, negative days, any key."""
        rows = [
            row(),
            row(KEY, DAY + 1, DAY + 9),
            row(KEY + 1, -3, -1),
            row(64),
            row(2**62 - 10_000),
        ]
        with storage.write() as writer:
            assert writer.add([new_rows(rows)]) == 5
            rows[1] = rows[1]._replace(ends_on=DAY + 5, withdrawn_on=DAY + 5)
            writer.update([rows[1]])

        keys = {key for r in rows for key in (r.key, r.key + 7_000)}
        columns = self.columns_of(storage)
        with storage.read() as reader:
            found = reader.registrations_of(keys)
            assert reader.registrations_of([]) == []
        assert columns == sorted((r[0], r[1], r[3], r[4]) for r in rows)
        assert sorted(found, key=str) == sorted(rows, key=str)
        looked_up = storage.lookup(keys)
        assert sorted(looked_up.registrations, key=str) == sorted(rows, key=str)
        assert looked_up.complete_from == {}
        assert storage.lookup([]).registrations == []

    def columns_of(self, storage: Storage) -> list[tuple[int, ...]]:
        """Return all that `columns` gives, sorted, each row once."""
        with storage.read() as reader:
            return sorted(
                values
                for part in reader.columns()
                for values in zip(
                    part.list_ids.tolist(),
                    part.keys.tolist(),
                    part.starts_on.tolist(),
                    part.ends_on.tolist(),
                    strict=True,
                )
            )

    @pytest.mark.parametrize("n", [3, 7_000])
    def test_what_is_known_stays(self, storage: Storage, n: int) -> None:
        """A registration that is there is neither changed, nor counted, nor told."""
        rows = [row(KEY + i) for i in range(n)]
        with storage.write() as writer:
            assert writer.add([new_rows(rows), new_rows(rows[:2])]) == n
            cursor = writer.last_change()
        others = [r._replace(starts_on=DAY + 1) for r in rows]
        with storage.write() as writer:
            assert writer.add([new_rows([*others, row(KEY - 1)])]) == 1

        with storage.read() as reader:
            found = reader.registrations_of([r.key for r in rows])
            assert sorted(found) == rows
            assert [e.key for e in reader.changes(cursor, 9)] == [KEY - 1]

    @pytest.mark.parametrize("n", [1, 7_000])
    def test_an_objection_stands_again(self, storage: Storage, n: int) -> None:
        """One withdrawn on its own first day stands when it comes again that day."""
        gone = [row(KEY + i, ends_on=DAY)._replace(withdrawn_on=DAY) for i in (0, 1)]
        with storage.write() as writer:
            writer.add([new_rows([row(KEY), row(KEY + 1)])])
            writer.update(gone)
            cursor = writer.last_change()
        rows = [row(KEY + 2 * i) for i in range(n)]
        with storage.write() as writer:
            assert writer.add([new_rows(rows), new_rows(rows[:1])]) == n

        with storage.read() as reader:
            assert reader.registrations_of([KEY]) == [row()]
            assert reader.registrations_of([KEY + 1]) == gone[1:]
            told = [e for e in reader.changes(0, 10**6) if e.key == KEY]
            assert {e.kind for e in told} == {ChangeKind.REGISTERED}
            assert [e.cursor > cursor for e in told] == [False, True]

    def test_a_large_addition_is_told_in_order(self, storage: Storage) -> None:
        """Of many registrations in many parts each has its event, once."""
        keys = np.random.default_rng(1).permutation(70_000) + KEY
        parts = [
            new_rows([row(key) for key in some])
            for some in np.array_split(keys, 3)  # each too many to be few
        ]
        with storage.write() as writer:
            before = writer.last_change()
            assert writer.add(parts) == 70_000

        events: list[Event] = []
        with storage.read() as reader:
            while page := reader.changes(events[-1].cursor if events else before, 9999):
                events += page
            assert reader.last_change() == events[-1].cursor
        cursors = [event.cursor for event in events]
        assert cursors == sorted(set(cursors))
        assert sorted(e.key or 0 for e in events) == sorted(keys.tolist())
        assert {e._replace(cursor=0, key=None) for e in events} == {
            Event(0, ChangeKind.REGISTERED, 1, None, DAY)
        }
        assert len(self.columns_of(storage)) == 70_000

    def test_nothing_can_be_added(self, storage: Storage) -> None:
        """No parts, and empty ones, add nothing."""
        with storage.write() as writer:
            assert writer.add([]) == 0
            assert writer.add([new_rows([]), new_rows([]), new_rows([])]) == 0

    def test_a_look_up_tells_what_was_erased(self, storage: Storage) -> None:
        """Beside what it finds it tells the first complete day of lists."""
        with storage.write() as writer:
            writer.add_list("fr.bloctel")
            writer.add([new_rows([row()])])
            writer.set_complete_from(2, DAY)

        assert storage.lookup([KEY, KEY + 1]) == ([row()], {2: DAY})

    # -- lists, ends --------------------------------------------------------------

    def test_lists_are_numbered_as_they_come(self, storage: Storage) -> None:
        """Ids are 1, 2, 3, whatever the names."""
        with storage.write() as writer:
            assert writer.add_list("fr.bloctel").id == 2
            assert writer.add_list("a").id == 3

        with storage.read() as reader:
            assert [(h.id, h.name) for h in reader.lists()] == [
                (1, "own"),
                (2, "fr.bloctel"),
                (3, "a"),
            ]

    def test_what_ends_between_two_days_is_found(self, storage: Storage) -> None:
        """Registrations are found by their end, of one list, all without bounds."""
        with storage.write() as writer:
            writer.add_list("fr.bloctel")
            writer.add([new_rows([row(KEY + i, -9, i - 1) for i in range(4)])])
            writer.add([new_rows([row(KEY + 4)])])
            writer.add([new_rows([row(KEY + 5, -9, 1)._replace(list_id=2)])])

        def found(first: int | None, last: int | None) -> list[int]:
            with storage.read() as reader:
                parts = reader.registrations(1, ends_from=first, ends_before=last)
                return sorted(r.key - KEY for part in parts for r in part)

        assert found(None, None) == [0, 1, 2, 3, 4]
        assert found(0, 2) == [1, 2]
        assert found(None, 0) == [0]
        assert found(2, None) == [3, 4]
        assert found(NO_END, None) == [4]
        assert found(3, NO_END) == []

    # -- the journal --------------------------------------------------------------

    def test_the_journal_is_in_order_and_complete(self, storage: Storage) -> None:
        """Events come back as they were logged, by growing cursors, page by page."""
        kinds = [ChangeKind.RENEWED, ChangeKind.WITHDRAWN, ChangeKind.PURGED]
        logged = [Event(0, kind, 1, KEY + i, DAY + i) for i, kind in enumerate(kinds)]
        for event in logged:
            with storage.write() as writer:
                writer.log([event])

        with storage.read() as reader:
            found = reader.changes(0, 100)
            last = reader.last_change()
            pages = reader.changes(0, 2) + reader.changes(found[1].cursor, 2)
        assert [event._replace(cursor=0) for event in found] == logged
        assert [event.cursor for event in found] == sorted({e.cursor for e in found})
        assert last == found[-1].cursor > found[0].cursor > 0
        assert pages == found

    def test_erasure_reaches_the_journal(self, storage: Storage) -> None:
        """A number leaves journal and requests with its last registration, not before.

        Its events stay without it, in their places.
        """
        with storage.write() as writer:
            writer.add_list("fr.bloctel")
            writer.add([new_rows([row(), row(on=DAY + 1), row(KEY + 1)])])
            writer.add([new_rows([row()._replace(list_id=2)])])
            writer.log([Event(0, ChangeKind.RENEWED, 1, KEY, DAY + 2)])
            writer.save_request(self.request())
            before = writer.changes(0, 99)

        with storage.write() as writer:
            writer.erase([row()])
            assert writer.changes(0, 99) == before
            assert writer.request("ab" * 16) == self.request()
        with storage.write() as writer:
            writer.erase([row(on=DAY + 1)])

        with storage.read() as reader:
            after = reader.changes(0, 99)
            assert reader.registrations_of([KEY]) == [row()._replace(list_id=2)]
            assert reader.request("ab" * 16) is None
        assert after == [
            event._replace(key=None)
            if (event.list_id, event.key) == (1, KEY)
            else event
            for event in before
        ]

    def test_erasing_what_is_not_there_forgets_requests(self, storage: Storage) -> None:
        """A request for a number that was never registered goes as well."""
        with storage.write() as writer:
            writer.save_request(self.request())
            writer.erase([row()])

        with storage.read() as reader:
            assert reader.request("ab" * 16) is None

    def test_a_trimmed_journal_says_so(self, storage: Storage) -> None:
        """Lines are dropped up to a cursor; who needs them is told, the state stays."""
        with storage.write() as writer:
            writer.add([new_rows([row(KEY + i) for i in range(5)])])
            writer.log([Event(0, ChangeKind.RENEWED, 1, KEY, DAY)])
        with storage.read() as reader:
            events = reader.changes(0, 99)
        third = events[2].cursor
        with storage.write() as writer:
            assert writer.trim(third) == 3
            assert writer.trim(third) == 0

        with storage.read() as reader:
            with pytest.raises(CursorPurgedError):
                reader.changes(third - 1, 9)
            assert reader.changes(third, 9) == events[3:]
            assert reader.last_change() == events[-1].cursor
        assert len(self.columns_of(storage)) == 5
        with storage.write() as writer:  # of dropped lines no tombstone is left
            left = {e.key for e in events[3:]} - {KEY}
            writer.erase([row(KEY)])
            told = [e.key for e in writer.changes(third, 9)]
            assert [key for key in told if key is not None] == [
                k for k in (e.key for e in events[3:]) if k in left
            ]
            assert len(told) == 3

    # -- prefixes, requests -------------------------------------------------------

    def test_prefix_rules_are_kept(self, storage: Storage) -> None:
        """Rules are stored, replaced and dropped by name, with an event each."""
        rule = PrefixRow(1, 33899, DAY, NO_END, True)
        other = PrefixRow(1, 33162, DAY, DAY + 1, False)
        with storage.write() as writer:
            writer.set_prefix(rule)
            writer.set_prefix(other)
            writer.set_prefix(rule._replace(ends_on=DAY + 9))

        with storage.read() as reader:
            assert sorted(reader.prefixes()) == [other, rule._replace(ends_on=DAY + 9)]
            assert [(e.kind, e.key) for e in reader.changes(0, 9)] == [
                (ChangeKind.PREFIXES, None)
            ] * 3
        with storage.write() as writer:
            writer.drop_prefix(rule)
            assert writer.prefixes() == [other]

    def request(self, **changes: Any) -> RequestRow:
        """Return a request."""
        kind = ChangeKind.REGISTERED
        whole = RequestRow("ab" * 16, kind, 1, KEY, "person", "a@b.example", 5_000)
        return whole._replace(**changes)

    def test_requests_are_kept(self, storage: Storage) -> None:
        """Requests are stored, replaced, found by person and number, and expire."""
        used = self.request(id="cd" * 16, key=KEY + 1, used_at=7)
        with storage.write() as writer:
            writer.save_request(self.request())
            writer.save_request(used._replace(used_at=None))
            writer.save_request(used)
            writer.save_request(self.request(id="ef" * 16, person="other", list_id=2))

        with storage.read() as reader:
            theirs = reader.requests_by(1, "person")
            assert sorted(theirs) == [self.request(), used]
            assert reader.requests_of(1, [KEY]) == [self.request()]
            assert reader.requests_of(2, [KEY + 1]) == []
            assert reader.request("cd" * 16) == used
        with storage.write() as writer:
            writer.drop_requests(5_000)
            assert writer.request("ab" * 16) == self.request()
            writer.drop_requests(5_001)

        with storage.read() as reader:
            assert reader.requests_by(1, "person") == [used]

    # -- many at once -------------------------------------------------------------

    def test_threads_share_a_storage(self, storage: Storage) -> None:
        """Writers come one after the other, and lose nothing."""

        def work(place: int) -> Callable[[], None]:
            def do() -> None:
                for i in range(15):
                    with storage.write() as writer:
                        writer.add([new_rows([row(KEY + 100 * place + i)])])
                        writer.log([Event(0, ChangeKind.RENEWED, 1, KEY, i)])

            return do

        run_all([work(place) for place in range(6)])

        assert len(self.columns_of(storage)) == 90
        with storage.read() as reader:
            cursors = [event.cursor for event in reader.changes(0, 999)]
        assert len(cursors) == len(set(cursors)) == 180

    def test_a_reader_never_misses_an_event(self, url: str, storage: Storage) -> None:
        """Cursors grow in the order in which changes become visible."""
        if not self.is_shared:
            pytest.skip("this storage is not shared")
        others = [self.open(url) for _ in range(3)]
        seen: list[int] = []
        is_done = threading.Event()

        def write(place: int) -> Callable[[], None]:
            def do() -> None:
                for i in range(20):
                    with others[place].write() as writer:
                        writer.add([new_rows([row(KEY + 100 * place + i)])])

            return do

        def follow() -> None:
            last = False
            while not last:
                last = is_done.is_set()
                with storage.read() as reader:
                    page = reader.changes(seen[-1] if seen else 0, 7)
                seen.extend(event.cursor for event in page)
                last = last and not page

        follower = threading.Thread(target=follow)
        follower.start()
        try:
            run_all([write(place) for place in range(3)])
        finally:
            is_done.set()
            follower.join()
            for other in others:
                other.close()

        with storage.read() as reader:
            assert seen == [event.cursor for event in reader.changes(0, 999)]
        assert len(seen) == 60

    def test_a_number_registered_twice_at_once_is_one(self, storage: Storage) -> None:
        """Of two registrations of one number at the same moment one is new."""
        start = threading.Barrier(2)
        counts: list[int] = []

        def register() -> None:
            start.wait()
            with storage.write() as writer:
                counts.append(writer.add([new_rows([row()])]))

        run_all([register, register])

        assert sorted(counts) == [0, 1]

    def test_a_watcher_wakes(self, storage: Storage) -> None:
        """A wait ends after a change, and every change is there when it has ended."""
        watcher = storage.watch()
        changed = threading.Event()

        def change() -> None:
            changed.set()
            with storage.write() as writer:
                writer.add([new_rows([row()])])

        thread = threading.Thread(target=change)
        thread.start()
        n_found = 0
        while not n_found:
            watcher.wait(5)
            with storage.read() as reader:
                n_found = len(reader.registrations_of([KEY]))
        thread.join()
        watcher.close()
        assert changed.is_set()
