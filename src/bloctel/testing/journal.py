"""Contract tests of the journal (the log of changes) and its events (the changes)."""

import pytest

from bloctel.errors import CursorPurgedError
from bloctel.periods import NO_END
from bloctel.storage.interface import Storage
from bloctel.storage.rows import ChangeKind, Event, PrefixRow
from bloctel.testing.base import (
    DAY,
    KEY,
    OWN,
    ContractBase,
    add,
    changes,
    failing,
    new_rows,
    request,
    row,
)


class JournalContract(ContractBase):
    """Contract tests of events in the journal: order, erasure and removal."""

    def test_the_journal_is_in_order_and_complete(self, storage: Storage) -> None:
        """Events can be read in order, also in parts; their cursors increase."""
        kinds = [ChangeKind.RENEWED, ChangeKind.WITHDRAWN, ChangeKind.PURGED]
        appended = [Event(0, kind, 1, KEY + i, DAY + i) for i, kind in enumerate(kinds)]
        for event in appended:
            with storage.write() as writer:
                writer.append_events([event])

        with storage.read() as reader:
            found = reader.changes(0, 100)
            last = reader.position().cursor
            pages = reader.changes(0, 2) + reader.changes(found[1].cursor, 2)
        assert [event._replace(cursor=0) for event in found] == appended
        assert [event.cursor for event in found] == sorted({e.cursor for e in found})
        assert last == found[-1].cursor > found[0].cursor > 0
        assert pages == found

    def test_each_transaction_has_a_token(self, storage: Storage) -> None:
        """`token` returns the token of the transaction that ends with a cursor."""
        known = []
        for i in range(3):
            with storage.write() as writer:
                writer.add_registrations([new_rows([row(KEY + i)])])
                writer.append_events([Event(0, ChangeKind.RENEWED, 1, KEY + i, DAY)])
            with storage.read() as reader:
                position = reader.position()
                assert reader.position() == position
                assert reader.lag() is None
                known.append(position)
                assert [reader.token(p.cursor) for p in known] == [
                    p.token for p in known
                ]
        with storage.write() as writer:
            writer.trim_journal(known[1].cursor)
        with storage.read() as reader:
            assert reader.position() == known[2]
            assert reader.token(known[1].cursor) == known[1].token

    def test_a_heartbeat_is_no_change(self, storage: Storage) -> None:
        """A heartbeat changes neither the position nor the journal."""
        add(storage, row())
        with storage.read() as reader:
            position, events = reader.position(), reader.changes(0, 9)
        storage.write_heartbeat()
        with storage.read() as reader:
            assert (reader.position(), reader.changes(0, 9)) == (position, events)
            assert reader.lag() is None

    def test_erasure_reaches_the_journal(self, storage: Storage) -> None:
        """Erasing the last registration of a number on a list also erases other data.

        The requests for this number and list are erased. The events about the
        registration stay in the journal, but without the number.
        """
        with storage.write() as writer:
            writer.add_list("fr.bloctel", None)
            writer.add_registrations([new_rows([row(), row(on=DAY + 1), row(KEY + 1)])])
            writer.add_registrations([new_rows([row()._replace(list_id=2)])])
            writer.append_events([Event(0, ChangeKind.RENEWED, 1, KEY, DAY + 2)])
            writer.save_request(request())
            before = writer.changes(0, 99)

        with storage.write() as writer:
            writer.erase_registrations([row()])
            assert writer.changes(0, 99) == before
            assert writer.request("ab" * 16) == request()
        with storage.write() as writer:
            writer.erase_registrations([row(on=DAY + 1)])

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

    def test_erasing_a_missing_number_erases_requests(self, storage: Storage) -> None:
        """Erasing a number that was never registered erases the requests about it."""
        with storage.write() as writer:
            writer.save_request(request())
            writer.erase_registrations([row()])

        with storage.read() as reader:
            assert reader.request("ab" * 16) is None

    def test_a_trimmed_journal_refuses_old_cursors(self, storage: Storage) -> None:
        """After the removal of old events, reading from an earlier cursor fails."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(KEY + i) for i in range(5)])])
            writer.append_events([Event(0, ChangeKind.RENEWED, 1, KEY, DAY)])
        events = changes(storage)
        third = events[2].cursor
        with storage.write() as writer:
            assert writer.trim_journal(third) == 3
            assert writer.trim_journal(third) == 0

        with storage.read() as reader:
            with pytest.raises(CursorPurgedError):
                reader.changes(third - 1, 9)
            assert reader.changes(third, 9) == events[3:]
            assert reader.position().cursor == events[-1].cursor
        assert len(self.columns_of(storage)) == 5
        # an erasure does not restore removed events
        with storage.write() as writer:
            writer.erase_registrations([row(KEY)])
            assert writer.changes(third, 9) == [
                event._replace(key=None) if event.key == KEY else event
                for event in events[3:]
            ]

    def test_cursors_continue_after_a_trim(self, url: str, storage: Storage) -> None:
        """No cursor is used twice, even after the removal of all events."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(KEY), row(KEY + 1)])])
            last = writer.changes(0, 9)[-1].cursor
            assert writer.trim_journal(last + 99) == 2
        if self.is_shared:
            storage.close()
            storage = self.open(url)

        with storage.read() as reader:
            assert reader.position().cursor == last
            assert reader.changes(last, 9) == []
        with storage.write() as writer:
            writer.append_events([Event(0, ChangeKind.RENEWED, 1, KEY, DAY)])
        (event,) = changes(storage, last)
        storage.close()
        assert (event.kind, event.key) == (ChangeKind.RENEWED, KEY)
        assert event.cursor > last

    def test_new_lines_can_be_trimmed_and_erased(self, storage: Storage) -> None:
        """A transaction can remove and erase events that it added itself."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(KEY), row(KEY + 1)])])
            stored = writer.changes(0, 9)
        with storage.write() as writer:
            writer.append_events(
                [Event(0, ChangeKind.RENEWED, 1, KEY + i, DAY) for i in (0, 1)]
            )
            new = writer.changes(stored[-1].cursor, 9)
            assert writer.trim_journal(new[0].cursor) == 3
            writer.erase_registrations([row(KEY), row(KEY + 1)])
            expected = [new[1]._replace(key=None)]
            assert writer.changes(new[0].cursor, 9) == expected

        with storage.read() as reader:
            assert reader.changes(new[0].cursor, 9) == expected
            with pytest.raises(CursorPurgedError):
                reader.changes(stored[-1].cursor, 9)

    def test_no_cursor_is_ahead_of_the_journal(self, storage: Storage) -> None:
        """Reading the events after a cursor that does not exist yet raises an error."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row()])])
            last = writer.changes(0, 9)[-1].cursor
            assert writer.changes(last, 9) == []
            with pytest.raises(CursorPurgedError):
                writer.changes(last + 1, 9)

        with storage.read() as reader:
            assert reader.changes(last, 9) == []
            with pytest.raises(CursorPurgedError):
                reader.changes(last + 1, 9)

    @pytest.mark.parametrize("limit", [1, 2, 3, 50])
    def test_pages_hold_events_of_all_kinds(self, storage: Storage, limit: int) -> None:
        """Reading in parts (pages) returns events of all kinds in order."""
        with storage.write() as writer:
            for i in range(4):
                writer.add_registrations([new_rows([row(KEY + i)])])
                writer.append_events(
                    [Event(0, ChangeKind.WITHDRAWN, 1, KEY + i, DAY)] * 2
                )
                writer.set_prefix(PrefixRow(1, 33899, DAY + i, NO_END, True))
                # `update_list` adds no event to the journal
                writer.update_list(OWN._replace(complete_from=DAY + i))

        pages: list[Event] = []
        with storage.read() as reader:
            everything = reader.changes(0, 999)
            while page := reader.changes(pages[-1].cursor if pages else 0, limit):
                assert len(page) <= limit
                pages += page
        assert pages == everything
        kinds = ["registered", "withdrawn", "withdrawn", "prefixes"]
        assert [event.kind for event in everything] == kinds * 4

    def test_an_erased_number_can_be_registered_again(self, storage: Storage) -> None:
        """After an erasure, a number can be registered and erased again."""
        for _ in range(2):
            assert add(storage, row()) == 1
            assert changes(storage)[-1].key == KEY
            with storage.write() as writer:
                writer.erase_registrations([row()])

        events = changes(storage)
        assert [event.key for event in events] == [None, None]
        assert {event.kind for event in events} == {ChangeKind.REGISTERED}

    def test_an_erasure_can_be_rolled_back(self, storage: Storage) -> None:
        """If an erasure is rolled back, every event still has its number."""
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(), row(KEY + 1)])])
            writer.append_events([Event(0, ChangeKind.RENEWED, 1, KEY, DAY)])
            writer.save_request(request())
            before = writer.changes(0, 9)

        for _ in range(2):
            with failing(storage) as writer:
                writer.append_events([Event(0, ChangeKind.WITHDRAWN, 1, KEY, DAY)])
                writer.erase_registrations([row()])
                writer.add_registrations([new_rows([row()])])

        with storage.write() as writer:
            assert writer.changes(0, 9) == before
            assert writer.request("ab" * 16) == request()
            writer.append_events([Event(0, ChangeKind.RENEWED, 1, KEY + 1, DAY)])
            writer.erase_registrations([row(), row(KEY + 1)])
        assert [event.key for event in changes(storage)] == [None] * 4
