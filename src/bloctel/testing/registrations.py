"""That registrations come back as they went in, one or many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bloctel.periods import NO_END
from bloctel.storage.rows import ChangeKind, Event
from bloctel.testing.base import DAY, KEY, ContractBase, new_rows, row

if TYPE_CHECKING:
    from bloctel.storage.interface import Storage

__all__ = ["RegistrationsContract"]


class RegistrationsContract(ContractBase):
    """Adding, replacing, finding registrations."""

    def test_rows_come_back_as_they_went_in(self, storage: Storage) -> None:
        """All readings hold every row, with any key and any day."""
        rows = [
            row(),
            row(KEY, DAY + 1, DAY + 9),
            row(KEY + 1, -3, -1),
            row(64),
            row(2**62 - 1, -719_162, 2_932_896),  # year 1 to year 9999
        ]
        with storage.write() as writer:
            assert writer.add_registrations([new_rows(rows)]) == 5
            rows[1] = rows[1]._replace(ends_on=DAY + 5, withdrawn_on=DAY + 5)
            writer.update_registrations([rows[1]])

        keys = {*(r.key for r in rows), *range(KEY - 6_000, KEY + 6_000)}
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

    @pytest.mark.parametrize("n", [3, 7_000])
    def test_what_is_known_stays(self, storage: Storage, n: int) -> None:
        """A registration that is there is neither changed, nor counted, nor told."""
        rows = [row(KEY + i) for i in range(n)]
        with storage.write() as writer:
            assert writer.add_registrations([new_rows(rows), new_rows(rows[:2])]) == n
            cursor = writer.last_change()
        others = [r._replace(starts_on=DAY + 1) for r in rows]
        with storage.write() as writer:
            assert writer.add_registrations([new_rows([*others, row(KEY - 1)])]) == 1

        with storage.read() as reader:
            found = reader.registrations_of([r.key for r in rows])
            assert sorted(found) == rows
            assert [e.key for e in reader.changes(cursor, 9)] == [KEY - 1]

    @pytest.mark.parametrize("n", [1, 7_000])
    def test_an_objection_stands_again(self, storage: Storage, n: int) -> None:
        """One withdrawn on its own first day stands when it comes again that day."""
        gone = [row(KEY + i, ends_on=DAY)._replace(withdrawn_on=DAY) for i in (0, 1)]
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(KEY), row(KEY + 1)])])
            writer.update_registrations(gone)
            cursor = writer.last_change()
        rows = [row(KEY + 2 * i) for i in range(n)]
        with storage.write() as writer:
            assert writer.add_registrations([new_rows(rows), new_rows(rows[:1])]) == n

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
            assert writer.add_registrations(parts) == 70_000

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
            assert writer.add_registrations([]) == 0
            assert (
                writer.add_registrations([new_rows([]), new_rows([]), new_rows([])])
                == 0
            )

    def test_a_look_up_tells_what_was_erased(self, storage: Storage) -> None:
        """Beside what it finds it tells the first complete day of lists."""
        with storage.write() as writer:
            writer.add_list("fr.bloctel")
            writer.add_registrations([new_rows([row()])])
            writer.set_complete_from(2, DAY)

        assert storage.lookup([KEY, KEY + 1]) == ([row()], {2: DAY})

    @pytest.mark.parametrize("n", [2, 7_000])
    def test_what_comes_twice_is_one(self, storage: Storage, n: int) -> None:
        """A registration that comes twice in an addition is stored and told once."""
        rows = [row(KEY + i) for i in range(n)]
        with storage.write() as writer:
            assert writer.add_registrations([new_rows([*rows, *rows[::-1]])]) == n
            assert writer.add_registrations([new_rows([*rows, row(KEY - 1)])] * 2) == 1

        assert len(self.columns_of(storage)) == n + 1
        with storage.read() as reader:
            told = [event.key for event in reader.changes(0, 20_000)]
        assert sorted(key or 0 for key in told) == [*range(KEY - 1, KEY + n)]

    def test_days_of_receipt_are_registrations(self, storage: Storage) -> None:
        """A number has a registration for each day and each list it came."""
        days = [row(on=DAY + i) for i in range(3)]
        elsewhere = row()._replace(list_id=2)
        with storage.write() as writer:
            writer.add_list("fr.bloctel")
            assert (
                writer.add_registrations([new_rows(days), new_rows([elsewhere])]) == 4
            )

        assert sorted(storage.lookup([KEY]).registrations) == [*days, elsewhere]
        assert len(self.columns_of(storage)) == 4

    @pytest.mark.parametrize("n", [1, 7_000])
    def test_many_are_replaced_and_erased(self, storage: Storage, n: int) -> None:
        """What is replaced or erased is that alone, be it one or thousands."""
        rows = [row(KEY + i) for i in range(n + 1)]
        later = [r._replace(ends_on=DAY + 1, withdrawn_on=DAY + 1) for r in rows[:n]]
        with storage.write() as writer:
            writer.add_registrations([new_rows(rows)])
            writer.update_registrations(later)
        keys = [r.key for r in rows]
        assert sorted(storage.lookup(keys).registrations) == [*later, rows[n]]

        with storage.write() as writer:
            writer.erase_registrations(iter(later))
        assert storage.lookup(keys).registrations == [rows[n]]
        with storage.read() as reader:
            told = [event.key for event in reader.changes(0, 9_999)]
        assert [key for key in told if key is not None] == [KEY + n]
        assert len(told) == n + 1

    def test_what_is_not_there_is_not_replaced(self, storage: Storage) -> None:
        """Replacing and erasing what is not there leave everything as it is."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row()])])
            writer.update_registrations([row(KEY + 1), row(on=DAY + 1)])
            writer.erase_registrations([row(KEY + 1), row(on=DAY + 1)])

        assert storage.lookup([KEY, KEY + 1]).registrations == [row()]
        assert len(self.columns_of(storage)) == 1

    def test_what_ends_between_two_days_is_found(self, storage: Storage) -> None:
        """Registrations are found by their end, of one list, all without bounds."""
        with storage.write() as writer:
            writer.add_list("fr.bloctel")
            writer.add_registrations(
                [new_rows([row(KEY + i, -9, i - 1) for i in range(4)])]
            )
            writer.add_registrations([new_rows([row(KEY + 4)])])
            writer.add_registrations(
                [new_rows([row(KEY + 5, -9, 1)._replace(list_id=2)])]
            )

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
