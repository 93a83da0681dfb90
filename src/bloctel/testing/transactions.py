"""Contract tests of transactions, including concurrent transactions."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from bloctel.periods import NO_END
from bloctel.storage.interface import Storage
from bloctel.storage.rows import ChangeKind, Event, NewRegistrations, PrefixRow
from bloctel.testing.base import (
    DAY,
    KEY,
    OWN,
    ContractBase,
    add,
    changes,
    failing,
    last_cursor,
    look_up,
    new_rows,
    request,
    row,
    run_all,
)


class TransactionsContract(ContractBase):
    """Contract tests of transactions, also in several threads and storages."""

    def test_a_transaction_is_all_or_nothing(self, storage: Storage) -> None:
        """After an error in a transaction, none of its changes is stored."""
        add(storage, row(KEY + 9))
        before = last_cursor(storage)

        with failing(storage) as writer:
            writer.add_list("fr.bloctel", None)
            writer.add_registrations([new_rows([row()])])
            writer.update_registrations([row(KEY + 9, ends_on=DAY + 1)])
            writer.erase_registrations([row(KEY + 9)])
            writer.update_list(OWN._replace(rules="ab" * 32, complete_from=DAY))
            writer.set_prefix(PrefixRow(1, 33899, DAY, NO_END, True))
            writer.save_request(request())
            writer.trim_journal(before)

        with storage.read() as reader:
            assert reader.lists() == (OWN,)
            assert reader.registrations_of([KEY, KEY + 9]) == [row(KEY + 9)]
            assert reader.position().cursor == before
            assert [e.key for e in reader.changes(0, 9)] == [KEY + 9]
            assert reader.prefixes() == []
            assert reader.request("ab" * 16) is None
        # the transaction that failed did not use up the id 2
        with storage.write() as writer:
            assert writer.add_list("a", None).id == 2

    def test_an_error_between_parts_adds_nothing(self, storage: Storage) -> None:
        """If the iterator that supplies the rows raises an error, no row is added."""

        def parts() -> Iterator[NewRegistrations]:
            for first in range(0, 30_000, 10_000):
                yield new_rows([row(KEY + first + i) for i in range(10_000)])
            raise KeyError

        for _ in range(2):
            with pytest.raises(KeyError), storage.write() as writer:
                writer.add_registrations(parts())

        with storage.write() as writer:
            assert writer.registrations_of([KEY]) == []
            assert writer.add_registrations([new_rows([row()])]) == 1

    def test_a_writer_sees_its_own_changes(self, storage: Storage) -> None:
        """A transaction sees the changes that it has made itself."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(), row(KEY + 1)])])
            assert writer.registrations_of([KEY]) == [row()]
            writer.update_registrations([row(ends_on=DAY + 3)])
            writer.erase_registrations([row(KEY + 1)])
            assert writer.registrations_of([KEY, KEY + 1]) == [row(ends_on=DAY + 3)]
            added = writer.add_list("own:brand-a", None)
            writer.update_list(added._replace(complete_from=DAY))
            assert writer.lists() == (OWN, added._replace(complete_from=DAY))
            assert [e.key for e in writer.changes(0, 9)] == [KEY, None]
            writer.save_request(request())
            assert writer.requests_by(1, "person") == [request()]
            writer.set_prefix(PrefixRow(1, 33899, DAY, NO_END, True))
            assert len(writer.prefixes()) == 1

    def test_only_changes_move_the_cursor(self, storage: Storage) -> None:
        """The last cursor increases with each change, and only with a change."""
        cursors = []

        def change(do: Callable[[], object]) -> None:
            do()
            cursors.append(last_cursor(storage))

        def write(name: str, *arguments: object) -> Callable[[], object]:
            def do() -> None:
                with storage.write() as writer:
                    getattr(writer, name)(*arguments)

            return do

        change(write("add_list", "fr.bloctel", None))
        change(write("add_registrations", [new_rows([row()])]))
        change(write("update_list", OWN._replace(complete_from=DAY)))
        change(write("set_prefix", PrefixRow(1, 33899, DAY, NO_END, True)))
        change(write("drop_prefix", PrefixRow(1, 33899, DAY, NO_END, True)))
        assert cursors == sorted(set(cursors))
        change(write("add_registrations", [new_rows([row()])]))
        change(write("lists"))
        assert len(set(cursors[-3:])) == 1

    def test_after_an_error_others_can_write(self, storage: Storage) -> None:
        """After an error in a transaction, even Ctrl-C, other writers can write."""

        def fail(error: type[BaseException]) -> None:
            with storage.write() as writer:
                writer.add_registrations([new_rows([row()])])
                raise error

        for error in (KeyError, KeyboardInterrupt):
            with pytest.raises(error):
                fail(error)

        def write() -> None:
            assert add(storage, row()) == 1

        run_all([write])

        assert look_up(storage, [KEY]).registrations == [row()]

    def test_a_read_may_be_interrupted(self, storage: Storage) -> None:
        """If an error interrupts a read, later transactions are not blocked."""
        add(storage, *(row(KEY + i) for i in range(70_000)))

        def read_some() -> None:
            with storage.read() as reader:
                assert len(next(iter(reader.columns())).keys) > 0
                raise KeyError

        for _ in range(3):
            with pytest.raises(KeyError):
                read_some()
            with storage.read() as reader:
                parts = reader.registrations(1, ends_from=None, ends_before=None)
                assert len(next(iter(parts))) > 0

        assert add(storage, row(KEY - 1)) == 1
        found = look_up(storage, [KEY - 1, KEY]).registrations
        assert sorted(found) == [row(KEY - 1), row()]

    def test_an_erasure_does_not_wait_for_readers(
        self, shared_url: str, storage: Storage
    ) -> None:
        """A reader that has read half of a result delays no erasure and no addition."""
        add(storage, *(row(KEY + i) for i in range(70_000)))

        with closing(self.open(shared_url)) as other, other.read() as reader:
            parts = reader.registrations(1, ends_from=None, ends_before=None)
            n = len(next(iter(parts)))
            with storage.write() as writer:
                writer.erase_registrations([row(KEY)])
            assert add(storage, row(KEY - 1)) == 1
            n += sum(map(len, parts))

        assert n >= 69_999
        assert look_up(storage, [KEY - 1, KEY]).registrations == [row(KEY - 1)]

    # -- concurrency ------------------------------------------------------------

    def test_threads_share_a_storage(self, storage: Storage) -> None:
        """Writers in several threads wait for each other, and no change is lost."""

        def work(n: int) -> Callable[[], None]:
            def do() -> None:
                for i in range(15):
                    with storage.write() as writer:
                        writer.add_registrations([new_rows([row(KEY + 100 * n + i)])])
                        writer.append_events([Event(0, ChangeKind.RENEWED, 1, KEY, i)])

            return do

        run_all([work(n) for n in range(6)])

        assert len(self.columns_of(storage)) == 90
        cursors = [event.cursor for event in changes(storage)]
        assert len(cursors) == len(set(cursors)) == 180

    def test_a_reader_never_misses_an_event(
        self, shared_url: str, storage: Storage
    ) -> None:
        """A reader that continues from its last cursor never misses an event."""
        others = [self.open(shared_url) for _ in range(2)]
        seen: list[int] = []
        is_done = threading.Event()

        def write(n: int) -> Callable[[], None]:
            def do() -> None:
                for i in range(20):
                    with others[n % 2].write() as writer:
                        writer.add_registrations([new_rows([row(KEY + 100 * n + i)])])

            return do

        def follow() -> None:
            last = False
            while not last:
                last = is_done.is_set()
                with storage.read() as reader:
                    page = reader.changes(seen[-1] if seen else 0, 7)
                seen.extend(event.cursor for event in page)
                last = last and not page

        def write_all() -> None:
            try:
                run_all([write(n) for n in range(4)])
            finally:
                is_done.set()

        run_all([follow, write_all])
        for other in others:
            other.close()

        assert seen == [event.cursor for event in changes(storage)]
        assert len(seen) == 80

    def test_a_reader_sees_whole_transactions(self, storage: Storage) -> None:
        """If a transaction changes two numbers, a look-up sees both changes or none."""
        keys = [KEY, KEY + 123_456_789]  # a storage may read them one by one
        add(storage, *(row(key) for key in keys))
        seen: list[set[int]] = []
        is_done = threading.Event()

        def write() -> None:
            try:
                for i in range(60):
                    with storage.write() as writer:
                        writer.update_registrations(
                            [row(key, ends_on=DAY + i) for key in keys]
                        )
            finally:
                is_done.set()

        def read() -> None:
            last = False
            while not last:
                last = is_done.is_set()
                found = look_up(storage, keys).registrations
                with storage.read() as reader:
                    later = reader.registrations_of(keys)
                seen.extend({row.ends_on for row in rows} for rows in (found, later))

        run_all([write, read, read])

        assert {len(ends) for ends in seen} == {1}

    def test_a_number_registered_twice_at_once_is_one(self, storage: Storage) -> None:
        """If two threads register a number at the same time, it is registered once."""
        start = threading.Barrier(2)
        counts: list[int] = []

        def register() -> None:
            start.wait()
            counts.append(add(storage, row()))

        run_all([register, register])

        assert sorted(counts) == [0, 1]

    def test_a_watcher_wakes(self, storage: Storage) -> None:
        """A thread that waits for a change continues when the change can be read."""
        watcher = storage.watch()
        changed = threading.Event()

        def change() -> None:
            changed.set()
            add(storage, row())

        thread = threading.Thread(target=change)
        thread.start()
        n_found = 0
        while not n_found:
            watcher.wait_for_change(5)
            with storage.read() as reader:
                n_found = len(reader.registrations_of([KEY]))
        thread.join()
        watcher.close()
        assert changed.is_set()
