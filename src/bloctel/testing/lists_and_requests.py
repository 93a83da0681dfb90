"""Contract tests of lists, prefix rules and requests for registration."""

from bloctel.periods import NO_END
from bloctel.storage.interface import Storage
from bloctel.storage.rows import ChangeKind, PrefixRow, StoredList
from bloctel.testing.base import (
    DAY,
    KEY,
    OWN,
    ContractBase,
    last_cursor,
    new_rows,
    request,
    row,
)


class ListsAndRequestsContract(ContractBase):
    """Contract tests of lists, prefix rules and requests for registration."""

    def test_lists_are_numbered_in_order(self, storage: Storage) -> None:
        """Lists have the ids 1, 2, 3 in the order in which they were added."""
        added = [
            StoredList(2, "fr.bloctel", None, None),
            StoredList(3, "a", "5" * 64, None),
        ]
        with storage.write() as writer:
            assert [writer.add_list(each.name, each.rules) for each in added] == added

        with storage.read() as reader:
            assert reader.lists() == (OWN, *added)

    def test_a_list_is_replaced(self, storage: Storage) -> None:
        """`update_list` replaces the fields `rules` and `complete_from` of a list."""
        with storage.write() as writer:
            added = writer.add_list("a", "5" * 64)

        for rules, complete_from in (("6" * 64, DAY), (None, -5), ("7" * 64, None)):
            changed = added._replace(rules=rules, complete_from=complete_from)
            with storage.write() as writer:
                writer.update_list(changed)
            with storage.read() as reader:
                assert reader.lists() == (OWN, changed)

    def test_prefix_rules_are_stored(self, storage: Storage) -> None:
        """A change of a prefix rule is stored, and adds one event to the journal."""
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

    def test_prefix_rules_have_a_primary_key(self, storage: Storage) -> None:
        """Two rules differ if their list, prefix or first day differs."""
        rules = [
            PrefixRow(list_id, prefix, on, on + 9, list_id == 1)
            for list_id in (1, 2)
            for prefix in (33899, 338991)
            for on in (DAY, DAY + 5)
        ]
        absent = PrefixRow(2, 338992, DAY, NO_END, True)
        with storage.write() as writer:
            writer.add_list("fr.bloctel", None)
        before = last_cursor(storage)
        with storage.write() as writer:
            for rule in rules:
                writer.set_prefix(rule)
            writer.drop_prefix(rules[7]._replace(ends_on=NO_END, blocks=True))
            writer.drop_prefix(absent)

        with storage.read() as reader:
            assert sorted(reader.prefixes()) == rules[:7]
            events = [(e.list_id, e.on) for e in reader.changes(before, 99)]
        expected = [*rules, rules[7], absent]
        assert events == [(rule.list_id, rule.starts_on) for rule in expected]

    def test_requests_are_stored(self, storage: Storage) -> None:
        """Requests can be stored, replaced and found, and dropped after they expire."""
        used = request(id="cd" * 16, key=KEY + 1, used_at=7, made_on=DAY)
        with storage.write() as writer:
            writer.save_request(request())
            writer.save_request(used._replace(used_at=None))
            writer.save_request(used)
            writer.save_request(request(id="ef" * 16, person="other", list_id=2))
            assert sorted(writer.requests_of(1, None)) == [request(), used]

        with storage.read() as reader:
            theirs = reader.requests_by(1, "person")
            assert sorted(theirs) == [request(), used]
            assert reader.requests_of(1, [KEY]) == [request()]
            assert sorted(reader.requests_of(1, None)) == [request(), used]
            assert reader.requests_of(2, [KEY + 1]) == []
            assert reader.request("cd" * 16) == used
        with storage.write() as writer:
            writer.drop_expired_requests(5_000)
            assert writer.request("ab" * 16) == request()
            writer.drop_expired_requests(5_001)

        with storage.read() as reader:
            assert reader.requests_by(1, "person") == [used]

    def test_requests_are_any_text(self, storage: Storage) -> None:
        """A contact can be any text; a request can expire far in the future."""
        contact = ("é\N{TELEPHONE RECEIVER}'\"%s\\\n;" * 40)[:320]
        kinds = {"renewed": None, "withdrawn": 0, "registered": 2**40}
        requests = [
            request(id=f"{i:032x}", kind=ChangeKind(kind), used_at=used_at)._replace(
                contact=contact, expires_at=2**40
            )
            for i, (kind, used_at) in enumerate(kinds.items())
        ]
        with storage.write() as writer:
            for one in requests:
                writer.save_request(one)

        with storage.read() as reader:
            assert [reader.request(one.id) for one in requests] == requests

    def test_persons_are_distinguished(self, storage: Storage) -> None:
        """Two persons whose texts differ only by case or accent are different."""
        names = ["person", "Person", "persón"]
        requests = [request(id=f"{i:032x}", person=n) for i, n in enumerate(names)]
        with storage.write() as writer:
            for one in requests:
                writer.save_request(one)

        with storage.read() as reader:
            found = [reader.requests_by(1, name) for name in names]
        assert found == [[one] for one in requests]

    def test_a_changed_request_is_found_by_its_new_values(
        self, storage: Storage
    ) -> None:
        """A changed request is found only by its new number and its new person."""
        changed = request(list_id=2, key=KEY + 1, person="other", expires_at=9_000)
        with storage.write() as writer:
            writer.save_request(request())
        with storage.write() as writer:
            writer.save_request(changed)
            assert writer.requests_of(1, [KEY]) == []

        with storage.read() as reader:
            assert reader.requests_by(1, "person") == []
            assert reader.requests_of(1, [KEY, KEY + 1]) == []
            assert reader.requests_by(2, "other") == [changed]
            assert reader.requests_of(2, [KEY, KEY + 1]) == [changed]
        with storage.write() as writer:
            writer.drop_expired_requests(8_999)
            assert writer.request(changed.id) == changed

    def test_erasure_erases_requests(self, storage: Storage) -> None:
        """Erasing a number from a list erases requests for that number and list."""
        others = [request(id="0" * 32, key=KEY + 1), request(id="1" * 32, list_id=2)]
        erased = [request(id="2" * 32), request(id="3" * 32, used_at=7)]
        with storage.write() as writer:
            writer.add_registrations([new_rows([row()])])
            for one in (*others, *erased):
                writer.save_request(one)
        with storage.write() as writer:
            writer.erase_registrations([row()])

        with storage.read() as reader:
            assert [reader.request(one.id) for one in others] == others
            assert [reader.request(one.id) for one in erased] == [None, None]
            assert reader.requests_by(1, "person") == others[:1]
