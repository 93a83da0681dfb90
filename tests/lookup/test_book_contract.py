"""Confirmation tokens, prefix rules and erasure, in every storage."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bloctel import PhoneNumber, Registry, Snapshot
from bloctel._util import clock
from bloctel.errors import (
    DayNotCoveredError,
    ExpiredTokenError,
    ForgedTokenError,
    InputError,
    ListClosedError,
    NotRegisteredError,
    TooManyNumbersError,
    UsedTokenError,
)
from bloctel.registry.journal import DueRenewal
from bloctel.registry.prefix_rules import PrefixEntry
from bloctel.storage.rows import ChangeKind
from bloctel.testing import run_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bloctel.registry.confirmations import Action

TEXT = "06 39 98 12 34"
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAY = date(2025, 3, 1)


@pytest.fixture
def registry(storage_url: str) -> Iterator[Registry]:
    """A registry with three empty lists, in each storage."""
    lists = ["own", "own:brand-a", "fr.bloctel"]
    with Registry.create(storage_url, lists=lists) as created:
        yield created


def later(**time: int) -> datetime:
    """Return an instant after `NOW`."""
    return NOW + timedelta(**time)


# -- tokens -----------------------------------------------------------------------


def test_a_token_registers_once(registry: Registry) -> None:
    """Nothing changes before the confirmation, and a token can be used once."""
    token = registry.request(TEXT, "a@b.example", list="own", now=NOW)
    assert not registry.is_blocked(TEXT, on=DAY)
    assert "639981234" not in token

    period = registry.confirm(token, now=later(hours=47))

    assert (period.starts_on, period.ends_on) == (date(2025, 3, 3), None)
    assert registry.is_blocked(TEXT, on=date(2025, 3, 3))
    with pytest.raises(UsedTokenError):
        registry.confirm(token, now=later(hours=47))
    with pytest.raises(ExpiredTokenError):
        registry.confirm(token, now=later(hours=49))
    with pytest.raises(ForgedTokenError):
        registry.confirm(token[:-1] + ("A" if token[-1] != "A" else "B"), now=NOW)


def test_a_token_of_another_registry_is_forged(registry: Registry) -> None:
    """Each registry signs with its own key, so other registries refuse its tokens."""
    other = Registry.create("memory:")
    token = other.request(TEXT, "a@b.example", list="own", now=NOW)

    with pytest.raises(ForgedTokenError):
        registry.confirm(token, now=NOW)


THEN = datetime(2018, 1, 1, tzinfo=UTC)


def ask(registry: Registry, action: Action, contact: str = "a@b") -> str:
    """Return a token for a request to the list of 2018."""
    return registry.request(TEXT, contact, list="fr.bloctel", action=action, now=THEN)


def test_tokens_renew_and_withdraw(registry: Registry) -> None:
    """Only an active registration can be renewed or withdrawn."""
    actions: tuple[Action, ...] = ("renew", "withdraw")
    for action in actions:
        with pytest.raises(NotRegisteredError):
            registry.confirm(ask(registry, action), now=THEN)
    registry.confirm(ask(registry, "register"), now=THEN)

    renew, away = (ask(registry, action) for action in actions)
    assert registry.confirm(renew, now=THEN).ends_on == date(2026, 8, 11)
    assert registry.confirm(away, now=THEN).is_empty

    kinds = [change.kind for change in registry.changes()]
    assert kinds == [ChangeKind.REGISTERED, ChangeKind.RENEWED, ChangeKind.WITHDRAWN]


@pytest.mark.parametrize("registered", ["by the holder", "by us", "not"])
def test_nobody_withdraws_the_number_of_another_person(
    registry: Registry, registered: str
) -> None:
    """A stranger may request a withdrawal, but the confirmation is refused."""
    if registered == "by the holder":
        registry.confirm(ask(registry, "register"), now=THEN)
    elif registered == "by us":
        registry.register(TEXT, list="fr.bloctel", on=date(2017, 12, 1))
    before = len(list(registry.changes()))
    other = "someone@else.example"

    with pytest.raises(NotRegisteredError):
        registry.confirm(ask(registry, "withdraw", other), now=THEN)

    assert len(list(registry.changes())) == before
    registry.confirm(ask(registry, "register", other), now=THEN)
    if registered != "not":
        with pytest.raises(NotRegisteredError):
            registry.confirm(ask(registry, "withdraw", other), now=THEN)
        assert registry.is_blocked(TEXT, on=date(2018, 3, 1))


def _as_firm(registry: Registry, how: str) -> None:
    """Register or renew the number without a confirmation, on the day of `THEN`."""
    day, listed = THEN.date(), "fr.bloctel"
    if how == "renew":
        registry.renew(TEXT, list=listed, on=day)
    elif how == "register":
        registry.register(TEXT, list=listed, on=day)
    elif how == "register many":
        registry.register_many([TEXT, "0199001234"], list=listed, on=day)
    else:
        registry.withdraw(TEXT, list=listed, on=day)
        registry.register(TEXT, list=listed, on=day)


@pytest.mark.parametrize("how", ["register", "register many", "renew", "anew"])
def test_a_registration_that_the_firm_made_too_is_kept(
    registry: Registry, how: str
) -> None:
    """A person cannot withdraw a registration that the firm also made that day."""
    stranger = "someone@else.example"
    if how.startswith("register"):
        _as_firm(registry, how)
        registry.confirm(ask(registry, "register", stranger), now=THEN)
        with pytest.raises(NotRegisteredError):
            registry.confirm(ask(registry, "withdraw", stranger), now=THEN)
        registry.forget(TEXT, on=THEN.date())
    registry.confirm(ask(registry, "register", stranger), now=THEN)
    _as_firm(registry, how)

    with pytest.raises(NotRegisteredError):
        registry.confirm(ask(registry, "withdraw", stranger), now=THEN)

    assert registry.is_blocked(TEXT, on=date(2018, 3, 1))
    assert registry.confirm(ask(registry, "withdraw", TEXT), now=THEN)


def test_two_persons_do_not_withdraw_their_common_registration(
    registry: Registry,
) -> None:
    """If two contacts confirmed one registration, neither of them can withdraw it."""
    for contact in ("a@b", "a@b"):
        registry.confirm(ask(registry, "register", contact), now=THEN)
    assert registry.confirm(ask(registry, "withdraw"), now=THEN)

    for contact in ("a@b", "c@d"):
        registry.confirm(ask(registry, "register", contact), now=THEN)
    for contact in ("a@b", "c@d"):
        with pytest.raises(NotRegisteredError):
            registry.confirm(ask(registry, "withdraw", contact), now=THEN)


def test_an_erased_registration_gives_no_right_to_its_successor(
    registry: Registry,
) -> None:
    """A person cannot withdraw what the firm registered again after a purge."""
    early = datetime(2016, 6, 2, tzinfo=UTC)
    token = registry.request(TEXT, "a@b", list="fr.bloctel", now=early)
    registry.confirm(token, now=early)
    registry.register(TEXT, list="fr.bloctel", on=date(2024, 1, 1))
    french = registry.preview_purge(on=date(2024, 1, 2))[2]
    assert (french.n_due, french.answers_from_after) == (1, date(2019, 6, 2))
    assert registry.purge(on=date(2024, 1, 2))["fr.bloctel"] == 1
    registry.register(TEXT, list="fr.bloctel", on=early.date())
    now = early + timedelta(days=9)
    token = registry.request(TEXT, "a@b", list="fr.bloctel", action="withdraw", now=now)

    with pytest.raises(NotRegisteredError):
        registry.confirm(token, now=now)


def test_the_number_itself_is_a_contact_that_may_withdraw(registry: Registry) -> None:
    """A token sent by SMS is confirmed by the subscriber."""
    registry.register(TEXT, list="fr.bloctel", on=date(2017, 12, 1))

    token = ask(registry, "withdraw", "+33 6 39 98 12 34")

    assert registry.confirm(token, now=THEN)
    assert not registry.is_blocked(TEXT, on=date(2018, 3, 1))


@pytest.mark.parametrize("prefix", [TEXT, "+33639981234", "+1 202 555 0123"])
def test_a_whole_number_is_no_prefix(registry: Registry, prefix: str) -> None:
    """A prefix is not hidden by a secret, and would remain after an erasure."""
    for rule in (registry.block_prefix, registry.allow_prefix):
        with pytest.raises(InputError, match="is a complete number"):
            rule(prefix, list="own", on=DAY)

    registry.block_prefix("+49 30 123456", list="own", on=DAY)  # others begin so too
    assert registry.is_blocked("+49 30 1234567", on=DAY)


def test_nothing_is_erased_ahead_of_its_day(registry: Registry) -> None:
    """A future day, or a day before the registration, is refused."""
    registry.register(TEXT, list="own", on=DAY)
    for day in (date(2199, 1, 1), DAY - timedelta(days=1)):
        with pytest.raises(InputError, match="a day"):
            registry.forget(TEXT, on=day)
    with pytest.raises(InputError, match="up to today"):
        registry.purge(on=date(2199, 1, 1))
    with pytest.raises(InputError, match="up to today"):
        registry.preview_purge(on=date(2199, 1, 1))

    assert registry.is_blocked(TEXT, on=DAY)
    assert registry.forget(TEXT, on=DAY) == 1


def test_one_person_has_at_most_ten_numbers(registry: Registry) -> None:
    """All spellings of an address are one person; withdrawn numbers do not count."""

    def ask(i: int, contact: str) -> str:
        number = f"01 99 00 00 {i:02}"
        return registry.request(number, contact, list="fr.bloctel", now=NOW)

    waiting = ask(99, "A@b.example ")
    for i in range(10):
        registry.confirm(ask(i, "a@B.example"), now=NOW)

    with pytest.raises(TooManyNumbersError, match="at most 10"):
        ask(10, "a@b.example")
    with pytest.raises(TooManyNumbersError):
        registry.confirm(waiting, now=NOW)
    registry.confirm(ask(3, "a@b.example"), now=NOW)  # the same number again
    registry.confirm(ask(11, "other@b.example"), now=NOW)
    registry.withdraw("01 99 00 00 00", list="fr.bloctel", on=DAY)
    assert registry.confirm(waiting, now=NOW)


def test_one_of_several_simultaneous_confirmations_succeeds(registry: Registry) -> None:
    """Threads that confirm one token at the same time register it once."""
    token = registry.request(TEXT, "a@b.example", list="own", now=NOW)
    outcomes: list[type] = []

    def confirm() -> None:
        try:
            outcomes.append(type(registry.confirm(token, now=NOW)))
        except UsedTokenError as error:
            outcomes.append(type(error))

    run_all([confirm] * 6)

    assert outcomes.count(UsedTokenError) == 5


def test_bad_requests_are_refused(registry: Registry) -> None:
    """Bad contacts, actions, durations and instants and a closed list are refused."""
    refused: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"contact": " "}, InputError),
        ({"contact": "x" * 321}, InputError),
        ({"action": "delete"}, InputError),
        ({"valid_for": timedelta(0)}, InputError),
        ({"now": datetime(2025, 3, 1)}, InputError),  # noqa: DTZ001
        ({"now": datetime.now(UTC) + timedelta(minutes=6)}, InputError),
        ({"list": "fr.bloctel", "now": later(days=530)}, ListClosedError),
    ]
    for changed, error in refused:
        arguments: dict[str, Any] = {
            "contact": "a@b",
            "list": "own",
            "now": NOW,
            **changed,
        }
        with pytest.raises(error):
            registry.request(TEXT, **arguments)
    assert list(registry.changes()) == []


def test_a_clock_that_is_ahead(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A confirmation at 0:01 by another machine's clock counts on the present day."""
    present = datetime(2025, 3, 2, 22, 57, tzinfo=UTC)  # 23:57 in Paris
    ahead = present + timedelta(minutes=4)
    monkeypatch.setattr(clock, "now", present.timestamp)

    token = registry.request(TEXT, "a@b.example", list="own", now=ahead)

    assert registry.confirm(token, now=ahead).starts_on == date(2025, 3, 2)
    assert registry.is_blocked(TEXT)


def test_due_renewals(registry: Registry) -> None:
    """Only numbers whose protection ends soon are returned, with their contacts."""
    for number, on in (
        (TEXT, date(2018, 6, 1)),
        ("01 99 00 00 01", date(2018, 5, 1)),
        ("01 99 00 00 02", date(2018, 6, 1)),
        ("01 99 00 00 03", date(2018, 5, 1)),
    ):
        now = datetime.combine(on, NOW.timetz())
        token = registry.request(number, "a@b.example", list="fr.bloctel", now=now)
        registry.confirm(token, now=now)
    registry.renew("01 99 00 00 01", list="fr.bloctel", on=date(2021, 3, 1))
    registry.withdraw("01 99 00 00 02", list="fr.bloctel", on=date(2021, 4, 1))

    due = registry.due_for_renewal(within=timedelta(days=90), on=date(2021, 3, 3))

    ends_on = date(2021, 6, 1)
    assert sorted(due, key=lambda d: d.ends_on) == [
        DueRenewal(
            PhoneNumber(33199000003), "fr.bloctel", date(2021, 5, 1), "a@b.example"
        ),
        DueRenewal(PhoneNumber(33639981234), "fr.bloctel", ends_on, "a@b.example"),
    ]


# -- scopes and prefixes ------------------------------------------------------------


def test_a_brand_has_its_own_list(registry: Registry) -> None:
    """A scope has the rules of its list, and is looked up alone or with all."""
    registry.register(TEXT, list="own:brand-a", on=DAY)

    assert registry.lists == ("own", "own:brand-a", "fr.bloctel")
    assert registry.check(TEXT, on=DAY).list == "own:brand-a"
    assert not registry.is_blocked(TEXT, on=DAY, lists=["own"])
    assert registry.is_blocked(TEXT, on=DAY, lists=["own:brand-a"])


def test_the_longest_prefix_decides(registry: Registry, tmp_path: Path) -> None:
    """The longest prefix decides; a registration overrides all prefixes."""
    registry.is_blocked(TEXT, on=DAY)  # look-ups see later changes at once
    registry.block_prefix("06 39 98", list="own", on=DAY)
    registry.allow_prefix("+33 6 39 98 12", list="own", on=DAY)
    registry.register("06 39 98 12 00", list="own", on=DAY)
    registry.block_prefix("0199 00", list="own:brand-a", on=DAY)
    registry.drop_prefix("019900", list="own:brand-a", on=date(2025, 4, 1))

    asked = ["0639980000", "0639981299", "0639981200", "0199000000", "0261910000"]
    wanted = [True, False, True, True, False]
    registry.build_snapshot(tmp_path / "s.bloctel", on=date(2025, 4, 2))
    with Snapshot.open(tmp_path / "s.bloctel") as snapshot:
        for book in (registry, snapshot):
            assert book.is_blocked_many(asked, on=DAY).tolist() == wanted
            assert [book.is_blocked(number, on=DAY) for number in asked] == wanted
            assert book.check("0639980000", on=DAY).reason == "prefix"
            assert not book.is_blocked("0199000000", on=date(2025, 4, 1))
            assert not book.is_blocked("0639980000", on=date(2025, 2, 28))


def test_prefix_rules_have_a_history(registry: Registry) -> None:
    """A new rule ends the older one; ending a rule on its first day removes it."""
    registry.block_prefix("0199", list="own", on=DAY)
    registry.allow_prefix("0199", list="own", on=date(2025, 5, 1))
    registry.block_prefix("0261", list="own", on=DAY)
    registry.drop_prefix("0261", list="own", on=DAY)
    with pytest.raises(NotRegisteredError):
        registry.drop_prefix("0261", list="own", on=DAY)
    with pytest.raises(InputError):
        registry.block_prefix("98", list="own", on=DAY)

    assert registry.prefixes() == [
        PrefixEntry("own", "+33199", True, DAY, date(2025, 5, 1)),
        PrefixEntry("own", "+33199", False, date(2025, 5, 1), None),
    ]


# -- erasure ------------------------------------------------------------------------


def test_a_forgotten_number_is_erased_everywhere(registry: Registry) -> None:
    """The number is not in state, journal or requests; its days have no answer."""
    registry.register(TEXT, list="own", on=date(2024, 1, 1))
    token = registry.request(TEXT, "a@b.example", list="own", now=NOW)

    assert registry.forget(TEXT, on=DAY) == 2

    assert registry.history(TEXT) == []
    assert [change.number for change in registry.changes()] == [None, None]
    assert [change.kind for change in registry.changes()] == [
        ChangeKind.REGISTERED,
        ChangeKind.FORGOTTEN,
    ]
    assert not registry.is_blocked(TEXT, on=DAY)
    with pytest.raises(DayNotCoveredError):
        registry.is_blocked("0199000000", on=date(2025, 2, 28))
    with pytest.raises(UsedTokenError):
        registry.confirm(token, now=NOW)
    assert registry.forget(TEXT, on=DAY) == 0


def test_expired_requests_are_purged(registry: Registry) -> None:
    """A purge erases requests that were not confirmed in time."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    registry.request(TEXT, "a@b.example", list="own", now=long_ago)
    with registry._storage.read() as reader:
        assert len(reader.requests_of(1, [33639981234])) == 1

    registry.purge()

    with registry._storage.read() as reader:
        assert reader.requests_of(1, [33639981234]) == []


def test_a_pending_request_survives_a_purge(registry: Registry) -> None:
    """Who asks again after an earlier registration can confirm it after the purge."""
    registry.register(TEXT, list="own", on=date(2020, 1, 5))
    registry.withdraw(TEXT, list="own", on=date(2021, 5, 2))
    token = registry.request(TEXT, "a@b.example", list="own")

    assert registry.purge()["own"] == 1

    registry.confirm(token)
    assert registry.is_blocked(TEXT)
