"""Contract tests of concurrency: threads, other storages and watchers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bloctel.storage.rows import ChangeKind, Event
from bloctel.testing.base import DAY, KEY, ContractBase, new_rows, row, run_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from bloctel.storage.interface import Storage

__all__ = ["ConcurrencyContract"]


class ConcurrencyContract(ContractBase):
    """Concurrent readers and writers."""

    def test_threads_share_a_storage(self, storage: Storage) -> None:
        """Writers are serialised, and no change is lost."""

        def work(n: int) -> Callable[[], None]:
            def do() -> None:
                for i in range(15):
                    with storage.write() as writer:
                        writer.add_registrations([new_rows([row(KEY + 100 * n + i)])])
                        writer.append_events([Event(0, ChangeKind.RENEWED, 1, KEY, i)])

            return do

        run_all([work(n) for n in range(6)])

        assert len(self.columns_of(storage)) == 90
        with storage.read() as reader:
            cursors = [event.cursor for event in reader.changes(0, 999)]
        assert len(cursors) == len(set(cursors)) == 180

    def test_a_reader_never_misses_an_event(
        self, shared_url: str, storage: Storage
    ) -> None:
        """Cursors grow in the order in which changes become visible."""
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

        with storage.read() as reader:
            assert seen == [event.cursor for event in reader.changes(0, 999)]
        assert len(seen) == 80

    def test_a_reader_sees_whole_transactions(self, storage: Storage) -> None:
        """If two numbers change together, a look-up never sees only one change."""
        keys = [
            KEY,
            KEY + 123_456_789,
        ]  # far apart, so probably in different places of the storage
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(key) for key in keys])])
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
                found = storage.lookup(keys).registrations
                with storage.read() as reader:
                    later = reader.registrations_of(keys)
                seen.extend({row.ends_on for row in rows} for rows in (found, later))

        run_all([write, read, read])

        assert {len(ends) for ends in seen} == {1}

    def test_a_number_registered_twice_at_once_is_one(self, storage: Storage) -> None:
        """Of two simultaneous registrations of one number, one is new."""
        start = threading.Barrier(2)
        counts: list[int] = []

        def register() -> None:
            start.wait()
            with storage.write() as writer:
                counts.append(writer.add_registrations([new_rows([row()])]))

        run_all([register, register])

        assert sorted(counts) == [0, 1]

    def test_a_watcher_wakes(self, storage: Storage) -> None:
        """A wait ends after a change, and the change is visible then."""
        watcher = storage.watch()
        changed = threading.Event()

        def change() -> None:
            changed.set()
            with storage.write() as writer:
                writer.add_registrations([new_rows([row()])])

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
