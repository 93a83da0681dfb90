"""Contract tests of transactions: all or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bloctel.periods import NO_END
from bloctel.storage.rows import NewRegistrations, PrefixRow
from bloctel.testing.base import (
    DAY,
    KEY,
    ContractBase,
    new_rows,
    request,
    row,
    run_all,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel.storage.interface import Storage

__all__ = ["TransactionsContract"]


class TransactionsContract(ContractBase):
    """Commits and rollbacks."""

    def test_a_transaction_is_all_or_nothing(self, storage: Storage) -> None:
        """An error in a transaction undoes all its changes."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(KEY + 9)])])
            before = writer.last_change()

        def fail() -> None:
            with storage.write() as writer:
                writer.add_list("fr.bloctel")
                writer.add_registrations([new_rows([row()])])
                writer.update_registrations([row(KEY + 9, ends_on=DAY + 1)])
                writer.erase_registrations([row(KEY + 9)])
                writer.set_complete_from(1, DAY)
                writer.set_prefix(PrefixRow(1, 33899, DAY, NO_END, True))
                writer.save_request(request())
                writer.trim_journal(before)
                raise KeyError

        with pytest.raises(KeyError):
            fail()

        with storage.read() as reader:
            assert [stored.name for stored in reader.lists()] == ["own"]
            assert reader.lists()[0].complete_from is None
            assert reader.registrations_of([KEY, KEY + 9]) == [row(KEY + 9)]
            assert reader.last_change() == before
            assert [e.key for e in reader.changes(0, 9)] == [KEY + 9]
            assert reader.prefixes() == []
            assert reader.request("ab" * 16) is None
        with storage.write() as writer:  # the id of the undone list is free again
            assert writer.add_list("a").id == 2

    def test_an_error_between_parts_adds_nothing(self, storage: Storage) -> None:
        """An error while parts are read adds nothing, and the next addition works."""

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
        """A transaction reads its own changes."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(), row(KEY + 1)])])
            assert writer.registrations_of([KEY]) == [row()]
            writer.update_registrations([row(ends_on=DAY + 3)])
            writer.erase_registrations([row(KEY + 1)])
            assert writer.registrations_of([KEY, KEY + 1]) == [row(ends_on=DAY + 3)]
            assert writer.add_list("own:brand-a").id == 2
            writer.set_complete_from(2, DAY)
            assert writer.lists()[1].complete_from == DAY
            assert [e.key for e in writer.changes(0, 9)] == [KEY, None]
            writer.save_request(request())
            assert writer.requests_by(1, "person") == [request()]
            writer.set_prefix(PrefixRow(1, 33899, DAY, NO_END, True))
            assert len(writer.prefixes()) == 1

    def test_only_changes_move_the_cursor(self, storage: Storage) -> None:
        """Each change moves `last_change`; a transaction without changes does not."""
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
        change(write("add_registrations", [new_rows([row()])]))
        change(write("set_complete_from", 1, DAY))
        change(write("set_prefix", PrefixRow(1, 33899, DAY, NO_END, True)))
        change(write("drop_prefix", PrefixRow(1, 33899, DAY, NO_END, True)))
        assert cursors == sorted(set(cursors))
        change(write("add_registrations", [new_rows([row()])]))
        change(write("lists"))
        assert len(set(cursors[-3:])) == 1

    def test_after_an_error_others_can_write(self, storage: Storage) -> None:
        """An interrupted writer, even by Ctrl-C, blocks no other writer."""

        def fail(error: type[BaseException]) -> None:
            with storage.write() as writer:
                writer.add_registrations([new_rows([row()])])
                raise error

        for error in (KeyError, KeyboardInterrupt):
            with pytest.raises(error):
                fail(error)

        def write() -> None:
            with storage.write() as writer:
                assert writer.add_registrations([new_rows([row()])]) == 1

        run_all([write])

        assert storage.lookup([KEY]).registrations == [row()]

    def test_a_read_may_be_interrupted(self, storage: Storage) -> None:
        """A reader that stops in the middle of a result blocks no one."""
        with storage.write() as writer:
            rows = [row(KEY + i) for i in range(70_000)]
            writer.add_registrations([new_rows(rows)])

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

        with storage.write() as writer:
            assert writer.add_registrations([new_rows([row(KEY - 1)])]) == 1
        found = storage.lookup([KEY - 1, KEY]).registrations
        assert sorted(found) == [row(KEY - 1), row()]
