"""Contract tests of the records of calls and consents: order and erasure."""

import pytest

from bloctel.errors import DamagedRecordsError
from bloctel.storage.interface import Storage
from bloctel.storage.rows import RecordRow
from bloctel.testing.base import KEY, ContractBase, failing, run_all

_AT = 1_790_000_000_123_456


def record(seq: int, key: int | None = KEY, stream: str = "calls") -> RecordRow:
    """Return a record with invalid digests; a storage does not check digests."""
    body = f'{{"seq":{seq}}}'
    return RecordRow(stream, seq, key, _AT + seq, body, f"{seq:064x}", f"{seq:064X}")


class RecordsContract(ContractBase):
    """Contract tests of record streams, such as the stream `calls`."""

    def test_there_are_no_records_at_first(self, storage: Storage) -> None:
        """Reading a stream without records returns nothing, and raises no error."""
        with storage.read() as reader:
            assert reader.last_record("calls") is None
            assert reader.records("calls", 0, 9) == []
            assert reader.records_of("calls", [KEY]) == []
            assert reader.records_of("calls", []) == []

    def test_records_are_stored_in_order(self, storage: Storage) -> None:
        """Records can be read in order, in pages, and by phone number."""
        rows = [record(i, KEY + i % 3) for i in range(1, 8)]
        with storage.write() as writer:
            writer.append_records(rows[:2])
            writer.append_records([])
            writer.append_records(rows[2:5])
        with storage.write() as writer:
            writer.append_records(rows[5:])

        with storage.read() as reader:
            assert reader.records("calls", 0, 99) == rows
            assert reader.records("calls", 2, 3) == rows[2:5]
            assert reader.records("calls", 7, 3) == []
            assert reader.last_record("calls") == rows[-1]
            assert reader.records_of("calls", [KEY + 1]) == [rows[0], rows[3], rows[6]]
            assert reader.records_of("calls", [KEY + 2, KEY, KEY]) == [
                row for row in rows if row.key != KEY + 1
            ]
            assert reader.records_of("calls", [KEY + 5]) == []

    def test_streams_are_separate(self, storage: Storage) -> None:
        """Each stream has its own sequence numbers, and is searched separately."""
        call, consent = record(1), record(1, KEY, "consents")
        upper = record(1, KEY, "Calls")
        with storage.write() as writer:
            for row in (call, consent, upper):
                writer.append_records([row])
            writer.erase_records("consents", [1])

        with storage.read() as reader:
            assert reader.records_of("calls", [KEY]) == [call]
            assert reader.records_of("consents", [KEY]) == []
            assert reader.last_record("consents") == consent.erased()
            assert reader.last_record("Calls") == upper

    def test_records_are_any_text(self, storage: Storage) -> None:
        """A body can be any text of 32 KiB; the phone number can be missing."""
        body = ("é\N{TELEPHONE RECEIVER}'\"%s\\\n;" * 4_000)[:16_000]
        rows = [
            record(1, None)._replace(body=body, at=-(2**50)),
            record(2, 2**50)._replace(body="", at=2**57),
        ]
        with storage.write() as writer:
            writer.append_records(rows)

        with storage.read() as reader:
            assert reader.records("calls", 0, 9) == rows
            assert reader.records_of("calls", [2**50]) == rows[1:]

    def test_sequence_numbers_have_no_gap(self, storage: Storage) -> None:
        """A record that does not have the next sequence number is refused."""

        def append(*seqs: int) -> None:
            with storage.write() as writer:
                writer.append_records([record(seq) for seq in seqs])

        append(1)
        for seqs in ([1], [3], [2, 4], [2, 2], [0], [3, 2]):
            with pytest.raises(DamagedRecordsError):
                append(*seqs)

        with storage.read() as reader:
            assert reader.records("calls", 0, 9) == [record(1)]
        append(2)

    def test_erased_records_stay_in_place(self, storage: Storage) -> None:
        """Erasure of a record removes its phone number and body, but not the record."""
        rows = [record(i, KEY + i % 2) for i in range(1, 6)]
        with storage.write() as writer:
            writer.append_records(rows)
        with storage.write() as writer:
            writer.erase_records("calls", {2, 5})
            writer.erase_records("calls", [])
            writer.erase_records("calls", [99])
        with storage.write() as writer:
            writer.erase_records("calls", [2])

        left = [row.erased() if row.seq in (2, 5) else row for row in rows]
        with storage.read() as reader:
            assert reader.records("calls", 0, 9) == left
            assert reader.records_of("calls", [KEY]) == [rows[3]]
            assert reader.records_of("calls", [KEY + 1]) == [rows[0], rows[2]]
            assert reader.last_record("calls") == rows[4].erased()
        with storage.write() as writer:
            writer.append_records([record(6)])

    def test_a_writer_sees_its_own_records(self, storage: Storage) -> None:
        """A transaction sees the records that it has appended and erased itself."""
        rows = [record(i) for i in range(1, 5)]
        with storage.write() as writer:
            writer.append_records(rows[:2])
        with storage.write() as writer:
            writer.append_records(rows[2:])
            assert writer.last_record("calls") == rows[3]
            assert writer.records_of("calls", [KEY]) == rows
            writer.erase_records("calls", [1, 3])
            assert writer.records_of("calls", [KEY]) == [rows[1], rows[3]]
            left = [rows[0].erased(), rows[1], rows[2].erased(), rows[3]]
            assert writer.records("calls", 0, 9) == left
            assert writer.records("calls", 1, 2) == left[1:3]

        with storage.read() as reader:
            assert reader.records("calls", 0, 9) == left

    def test_an_error_rolls_back_records(self, storage: Storage) -> None:
        """After an error, no record of the transaction is appended or erased."""
        with storage.write() as writer:
            writer.append_records([record(1), record(2, KEY + 1)])

        with failing(storage) as writer:
            writer.append_records([record(3), record(4, None)])
            writer.append_records([record(1, KEY, "consents")])
            writer.erase_records("calls", [1, 3])

        with storage.read() as reader:
            assert reader.records("calls", 0, 9) == [record(1), record(2, KEY + 1)]
            assert reader.records_of("calls", [KEY]) == [record(1)]
            assert reader.last_record("consents") is None
        with storage.write() as writer:
            writer.append_records([record(3)])

    def test_records_move_no_cursor(self, storage: Storage) -> None:
        """A new record does not change the last cursor of the journal."""
        with storage.read() as reader:
            before = reader.position().cursor
        with storage.write() as writer:
            writer.append_records([record(1)])
        with storage.write() as writer:
            writer.erase_records("calls", [1])

        with storage.read() as reader:
            assert reader.position().cursor == before
            assert reader.changes(before, 9) == []
        with storage.write() as writer:
            writer.append_records([record(2)])
            writer.add_list("fr.bloctel", None)
        with storage.read() as reader:
            assert reader.position().cursor > before

    def test_writers_of_records_are_serialised(self, storage: Storage) -> None:
        """Two writers never append a record with the same sequence number."""

        def append_eight() -> None:
            for _ in range(8):
                with storage.write() as writer:
                    last = writer.last_record("calls")
                    writer.append_records([record(last.seq + 1 if last else 1)])

        run_all([append_eight] * 5)

        with storage.read() as reader:
            assert reader.records("calls", 0, 99) == [record(i) for i in range(1, 41)]

    def test_another_storage_sees_records(
        self, shared_url: str, storage: Storage
    ) -> None:
        """A second storage at the same URL reads the records of the first storage."""
        other = self.open(shared_url)
        with other.read() as reader:
            assert reader.last_record("calls") is None
        with storage.write() as writer:
            writer.append_records([record(1)])

        with other.read() as reader:
            assert reader.records_of("calls", [KEY]) == [record(1)]
        other.close()
