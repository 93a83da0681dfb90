"""Contract tests of registrations."""

import numpy as np
import pytest

from bloctel.errors import StorageUnreachableError
from bloctel.periods import NO_END
from bloctel.storage.interface import Storage
from bloctel.storage.rows import ChangeKind, Event, Position
from bloctel.testing.base import (
    DAY,
    KEY,
    ContractBase,
    add,
    changes,
    last_cursor,
    look_up,
    new_rows,
    row,
)


class RegistrationsContract(ContractBase):
    """Contract tests of adding, replacing, erasing and finding registrations."""

    def test_rows_are_stored(self, storage: Storage) -> None:
        """Every registration is stored and found, even with an unusual key or day."""
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
        some = range(KEY, KEY + 1)
        assert self.columns_of(storage, some) == [c for c in columns if c[1] in some]
        assert sorted(found) == sorted(rows)
        looked_up = look_up(storage, keys)
        assert sorted(looked_up.registrations) == sorted(rows)
        assert looked_up.complete_from == {}
        assert look_up(storage, []).registrations == []

    @pytest.mark.parametrize("n", [3, 7_000])
    def test_existing_registrations_stay(self, storage: Storage, n: int) -> None:
        """If a registration already exists, adding it again changes nothing."""
        rows = [row(KEY + i) for i in range(n)]
        with storage.write() as writer:
            assert writer.add_registrations([new_rows(rows), new_rows(rows[:2])]) == n
        cursor = last_cursor(storage)
        others = [r._replace(starts_on=DAY + 1) for r in rows]
        assert add(storage, *others, row(KEY - 1)) == 1

        with storage.read() as reader:
            found = reader.registrations_of([r.key for r in rows])
            assert sorted(found) == rows
            assert [e.key for e in reader.changes(cursor, 9)] == [KEY - 1]

    @pytest.mark.parametrize("n", [2, 7_000])
    def test_a_withdrawn_registration_is_replaced(
        self, storage: Storage, n: int
    ) -> None:
        """A new registration replaces a withdrawn one with the same day of receipt."""
        gone = [row(KEY + i, ends_on=DAY)._replace(withdrawn_on=DAY) for i in (0, 1)]
        later = row(KEY + 2, ends_on=DAY + 1)._replace(withdrawn_on=DAY + 1)
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(KEY + i) for i in range(3)])])
            writer.update_registrations([*gone, later])
        cursor = last_cursor(storage)
        rows = [row(KEY + 2 * i)._replace(starts_on=DAY + 3) for i in range(n)]
        with storage.write() as writer:
            assert writer.add_registrations([new_rows(rows), new_rows(rows[:1])]) == n

        with storage.read() as reader:
            assert reader.registrations_of([KEY]) == rows[:1]
            assert reader.registrations_of([KEY + 1]) == gone[1:]
            # KEY + 2 was already protected on DAY, so DAY is its first day again
            assert reader.registrations_of([KEY + 2]) == [row(KEY + 2)]
            events = [e for e in reader.changes(0, 10**6) if e.key == KEY]
            assert {e.kind for e in events} == {ChangeKind.REGISTERED}
            assert [e.cursor > cursor for e in events] == [False, True]

    def test_a_large_addition_has_its_events(self, storage: Storage) -> None:
        """If many registrations are added, the journal has one event for each."""
        keys = np.random.default_rng(1).permutation(70_000) + KEY
        parts = [
            new_rows([row(key) for key in some]) for some in np.array_split(keys, 3)
        ]
        before = last_cursor(storage)
        with storage.write() as writer:
            assert writer.add_registrations(parts) == 70_000

        events: list[Event] = []
        with storage.read() as reader:
            while page := reader.changes(events[-1].cursor if events else before, 9999):
                events += page
            assert reader.position().cursor == events[-1].cursor
        cursors = [event.cursor for event in events]
        assert cursors == sorted(set(cursors))
        assert sorted(e.key or 0 for e in events) == sorted(keys.tolist())
        assert {e._replace(cursor=0, key=None) for e in events} == {
            Event(0, ChangeKind.REGISTERED, 1, None, DAY)
        }
        assert len(self.columns_of(storage)) == 70_000

    def test_an_empty_addition_adds_nothing(self, storage: Storage) -> None:
        """An addition without parts, or with empty parts, adds nothing."""
        with storage.write() as writer:
            assert writer.add_registrations([]) == 0
            assert writer.add_registrations([new_rows([])] * 3) == 0

    def test_a_look_up_returns_complete_days(self, storage: Storage) -> None:
        """After an erasure, a look-up returns the first day with complete data."""
        with storage.write() as writer:
            added = writer.add_list("fr.bloctel", None)
            writer.add_registrations([new_rows([row()])])
            writer.update_list(added._replace(complete_from=DAY))

        assert look_up(storage, [KEY, KEY + 1]) == ([row()], {2: DAY})

    @pytest.mark.parametrize("n", [1, 7_000])
    def test_a_look_up_needs_the_history_of_its_position(
        self, storage: Storage, n: int
    ) -> None:
        """A look-up fails if the storage lacks the last change that a caller knows."""
        keys = range(KEY, KEY + n)
        positions: list[Position] = []
        for _ in range(2):
            add(storage, row(KEY + len(positions)))
            with storage.read() as reader:
                positions.append(reader.position())
        for position in positions:
            assert row() in storage.lookup(keys, position).registrations
        (cursor, token) = positions[1]
        for wrong in (Position(cursor + 1, token), Position(cursor, token + 1)):
            with pytest.raises(StorageUnreachableError):
                storage.lookup(keys, wrong)

    @pytest.mark.parametrize("n", [2, 7_000])
    def test_duplicates_are_added_once(self, storage: Storage, n: int) -> None:
        """A registration that is added twice is stored once, and has one event."""
        rows = [row(KEY + i) for i in range(n)]
        with storage.write() as writer:
            assert writer.add_registrations([new_rows([*rows, *rows[::-1]])]) == n
            assert writer.add_registrations([new_rows([*rows, row(KEY - 1)])] * 2) == 1

        assert len(self.columns_of(storage)) == n + 1
        events = [event.key for event in changes(storage)]
        assert sorted(key or 0 for key in events) == [*range(KEY - 1, KEY + n)]

    def test_each_day_of_receipt_is_a_registration(self, storage: Storage) -> None:
        """A number has a separate registration for each list and day of receipt."""
        days = [row(on=DAY + i) for i in range(3)]
        elsewhere = row()._replace(list_id=2)
        with storage.write() as writer:
            writer.add_list("fr.bloctel", None)
            parts = [new_rows(days), new_rows([elsewhere])]
            assert writer.add_registrations(parts) == 4

        assert sorted(look_up(storage, [KEY]).registrations) == [*days, elsewhere]
        assert len(self.columns_of(storage)) == 4

    @pytest.mark.parametrize("n", [1, 7_000])
    def test_many_are_replaced_and_erased(self, storage: Storage, n: int) -> None:
        """Replacing or erasing many registrations changes only these registrations."""
        rows = [row(KEY + i) for i in range(n + 1)]
        later = [r._replace(ends_on=DAY + 1, withdrawn_on=DAY + 1) for r in rows[:n]]
        with storage.write() as writer:
            writer.add_registrations([new_rows(rows)])
            writer.update_registrations(later)
        keys = [r.key for r in rows]
        assert sorted(look_up(storage, keys).registrations) == [*later, rows[n]]

        with storage.write() as writer:
            writer.erase_registrations(iter(later))
        assert look_up(storage, keys).registrations == [rows[n]]
        events = [event.key for event in changes(storage)]
        assert [key for key in events if key is not None] == [KEY + n]
        assert len(events) == n + 1

    def test_missing_registrations_are_not_replaced(self, storage: Storage) -> None:
        """Replacing or erasing a registration that does not exist changes nothing."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row()])])
            writer.update_registrations([row(KEY + 1), row(on=DAY + 1)])
            writer.erase_registrations([row(KEY + 1), row(on=DAY + 1)])

        assert look_up(storage, [KEY, KEY + 1]).registrations == [row()]
        assert len(self.columns_of(storage)) == 1

    def test_registrations_are_found_by_their_end(self, storage: Storage) -> None:
        """Registrations of a list can be selected by the day on which they end."""
        with storage.write() as writer:
            writer.add_list("fr.bloctel", None)
            rows = [*(row(KEY + i, -9, i - 1) for i in range(4)), row(KEY + 4)]
            other = row(KEY + 5, -9, 1)._replace(list_id=2)
            writer.add_registrations([new_rows(rows), new_rows([other])])

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
