"""Tests of each method of a registry, and of each error that it raises."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import bloctel
from bloctel import Registry, Status, bulk, normalize_many, rules
from bloctel._util import _clocks, clock
from bloctel.errors import (
    CannotAnswerError,
    DayNotCoveredError,
    InputError,
    InvalidNumberError,
    ListClosedError,
    NotRegisteredError,
    StorageError,
    UnknownListError,
)
from bloctel.lookup.question import Question
from bloctel.periods import RegistrationPeriod, to_epoch_day
from bloctel.registry import journal, replica
from bloctel.storage.rows import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = 33639981234
TEXT = "06 39 98 12 34"
ON = date(2024, 1, 2)
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def empty() -> Registry:
    """Return a registry in memory with the list `own` and without numbers."""
    return Registry.create("memory:")


@pytest.fixture
def national() -> Registry:
    """Return a registry in memory with the national list and without numbers."""
    return Registry.create("memory:", lists=["fr.bloctel"])


@pytest.fixture
def own(empty: Registry) -> Registry:
    """Return a registry with one number on a firm's own list."""
    empty.register(TEXT, list="own", on=ON)
    return empty


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return the URL of a registry in a file, with one list and without numbers."""
    url = f"sqlite:///{tmp_path}/r.db"
    Registry.create(url, lists=["own"]).close()
    return url


# -- days ---------------------------------------------------------------------

DAYS_TAKEN: dict[str, Callable[[Registry, Any], object]] = {
    "register": lambda r, on: r.register(TEXT, list="own", on=on),
    "register_many": lambda r, on: r.register_many([TEXT], list="own", on=on),
    "column": lambda r, on: r.register_many([TEXT], list="own", on=[on]),
    "in step": lambda r, on: r.register_many([TEXT], list="own", on=iter([on])),
    "renew": lambda r, on: r.renew(TEXT, list="own", on=on),
    "withdraw": lambda r, on: r.withdraw(TEXT, list="own", on=on),
    "purge": lambda r, on: r.purge(on=on),
    "is_blocked": lambda r, on: r.is_blocked(TEXT, on=on),
    "check": lambda r, on: r.check(TEXT, on=on),
    "is_blocked_many": lambda r, on: r.is_blocked_many([TEXT], on=on),
    "check_many": lambda r, on: r.check_many([TEXT], on=on),
    "question": lambda r, on: r.question(on=on),
    "build_snapshot": lambda r, on: r.build_snapshot("/nowhere/s", on=on),
}


@pytest.mark.parametrize(
    "name", ["register", "register_many", "column", "in step", "parts", "prefix"]
)
@pytest.mark.parametrize("list", ["own", "fr.bloctel"])
def test_a_day_of_receipt_in_the_future_is_refused(
    name: str, list: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day after today in the list's time zone is accepted only on request."""
    registry = Registry.create("memory:", lists=[list])
    begun, future = date(2024, 1, 3), date(2024, 1, 4)
    # in the time zone of the lists, it is 3 January, 0:30
    moment = datetime(2024, 1, 2, 23, 30, tzinfo=UTC).timestamp()
    monkeypatch.setattr(clock, "now", lambda: moment)
    calls: dict[str, Callable[..., object]] = {
        "register": lambda on, **more: registry.register(
            TEXT, list=list, on=on, **more
        ),
        "register_many": lambda on, **more: registry.register_many(
            [TEXT], list=list, on=on, **more
        ),
        "column": lambda on, **more: registry.register_many(
            [TEXT, KEY], list=list, on=[on, ON], **more
        ),
        "in step": lambda on, **more: registry.register_many(
            [TEXT, KEY], list=list, on=iter([ON, on]), **more
        ),
        "parts": lambda on, **more: registry.register_parts(
            [(np.array([KEY], np.uint64), np.array([to_epoch_day(on)]))],
            list=list,
            **more,
        ),
        "prefix": lambda on, **more: registry.block_prefix(
            "0899", list=list, on=on, **more
        ),
    }

    with pytest.raises(InputError, match="allow_future"):
        calls[name](future)
    assert [*registry.changes()] == []
    calls[name](begun)
    calls[name](future, allow_future=True)
    registry.forget(TEXT)  # also erases registrations of days in the future
    assert registry.history(TEXT) == []


def test_answers_of_the_future_are_refused(
    national: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator cannot have answered on a day in the future."""
    monkeypatch.setattr(clock, "now", NOON.timestamp)
    keys, none = np.array([KEY], np.uint64), np.array([], np.uint64)
    for opposed, clear in ((keys, none), (none, keys)):
        with pytest.raises(InputError, match=r"up to today, 2024-01-02, got"):
            national.record_answers(
                list="fr.bloctel", on=date(2024, 1, 4), opposed=opposed, clear=clear
            )
    assert [*national.changes()] == []


@pytest.mark.parametrize("name", DAYS_TAKEN)
@pytest.mark.parametrize("on", [NOON, NOON.replace(tzinfo=None), 20240102])
def test_a_datetime_is_not_a_day(name: str, on: object, own: Registry) -> None:
    """A datetime is refused as a day: its day depends on a time zone."""
    with pytest.raises(InputError):
        DAYS_TAKEN[name](own, on)

    assert len(list(own.changes())) == 1


def test_an_empty_registry_refuses_a_datetime(empty: Registry) -> None:
    """A purge of an empty registry refuses a datetime as the day."""
    with pytest.raises(InputError):
        empty.purge(on=NOON)


# -- registering --------------------------------------------------------------


def test_a_registration_follows_the_rules(national: Registry) -> None:
    """The period is returned, and stored in the history and the journal."""
    period = national.register(
        TEXT, list="fr.bloctel", on=date(2018, 5, 3), delay_days=7
    )

    assert period == RegistrationPeriod(date(2018, 5, 10), date(2021, 5, 3))
    (held,) = national.history("+33 6 39 98 12 34")
    assert (held.starts_on, held.ends_on) == (period.starts_on, period.ends_on)
    assert (held.list, held.withdrawn_on) == ("fr.bloctel", None)
    (change,) = national.changes()
    assert (change.kind, change.on) == (ChangeKind.REGISTERED, date(2018, 5, 3))
    assert change.number == bloctel.normalize(TEXT)
    verdict = national.check(TEXT, on=date(2018, 5, 9))
    assert (verdict.status, verdict.reason) == (Status.CLEAR, "not_yet_protected")


def test_the_returned_period_is_the_stored_one(national: Registry) -> None:
    """A second registration returns the period of the first."""
    first = national.register(TEXT, list="fr.bloctel", on=ON)
    assert national.register(TEXT, list="fr.bloctel", on=ON, delay_days=0) == first


@pytest.mark.parametrize(("delay", "starts_on"), [(0, ON), (30, date(2024, 2, 1))])
def test_a_registration_after_a_withdrawal_counts(
    national: Registry, delay: int, starts_on: date
) -> None:
    """A number that was withdrawn from a later day is registered again on its day.

    The days on which the number was protected stay protected.
    """
    national.register(TEXT, list="fr.bloctel", on=ON, delay_days=delay)
    national.withdraw(TEXT, list="fr.bloctel", on=date(2024, 1, 3))

    period = national.register(TEXT, list="fr.bloctel", on=ON)

    assert period == RegistrationPeriod(starts_on, date(2026, 8, 11))
    (entry,) = national.history(TEXT)
    assert (entry.starts_on, entry.ends_on) == (period.starts_on, period.ends_on)
    assert entry.withdrawn_on is None
    assert [change.kind for change in national.changes()] == [
        ChangeKind.REGISTERED,
        ChangeKind.WITHDRAWN,
        ChangeKind.REGISTERED,
    ]
    assert national.is_blocked(TEXT, on=starts_on)
    assert national.register_many([TEXT], list="fr.bloctel", on=ON) == 0


def test_errors_of_registering_change_nothing(national: Registry) -> None:
    """A refused registration adds no number, no list and no journal line."""
    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (InvalidNumberError, lambda: national.register("x", list="fr.bloctel", on=ON)),
        (UnknownListError, lambda: national.register(TEXT, list="fr.blocktel", on=ON)),
        (
            ListClosedError,
            lambda: national.register(TEXT, list="fr.bloctel", on=date(2026, 8, 11)),
        ),
        (
            InputError,
            lambda: national.register(TEXT, list="fr.bloctel", on=ON, delay_days=31),
        ),
        (UnknownListError, lambda: national.renew(TEXT, list="own", on=ON)),
    ]
    for error, act in refused:
        with pytest.raises(error):
            act()
    assert not list(national.changes())
    assert list(national.changes()) == []


def test_a_column_with_its_days(empty: Registry) -> None:
    """A column of days gives each phone number its own day of registration."""
    numbers = ["0639980001", "0639980002", "0639980001"]
    days = [date(2020, 1, 1), date(2021, 1, 1), date(2022, 1, 1)]

    assert empty.register_many(numbers, list="own", on=days) == 3

    assert empty.is_blocked_many(numbers, on=date(2020, 6, 1)).tolist() == [1, 0, 1]
    as_array = np.array(days, "datetime64[D]")
    assert empty.register_many(numbers, list="own", on=as_array) == 0


@pytest.mark.parametrize(
    ("numbers", "on"),
    [
        (["0639980001"] * 3, [ON]),
        (["0639980001"] * 3, [ON] * 2),
        (["0639980001"] * 3, [ON] * 4),
        (["0639980001"], []),
        ([], [ON]),
    ],
)
@pytest.mark.parametrize("in_step", [False, True])
def test_columns_of_different_lengths_are_refused(
    numbers: list[str], on: list[date], in_step: bool, empty: Registry
) -> None:
    """A column of days must have as many rows as the column of phone numbers."""
    days: Any = iter(on) if in_step else on

    with pytest.raises(InputError, match="days for"):
        empty.register_many(numbers, list="own", on=days)

    assert not list(empty.changes())


@pytest.mark.parametrize("as_iterator", [False, True])
def test_one_bad_row_registers_nothing(as_iterator: bool, file: str) -> None:
    """The error of an invalid number names its row, and nothing is stored."""
    numbers: list[object] = [33639900000 + i for i in range(70_000)]
    numbers[69_000] = "06 39 98 12 3O"
    column: Any = iter(numbers) if as_iterator else numbers
    with Registry.open(file) as opened:
        with pytest.raises(InvalidNumberError, match="row 69000") as caught:
            opened.register_many(column, list="own", on=ON)

        assert "39 98" not in str(caught.value)
        assert opened.lists == ("own",)
        assert not opened.is_blocked(33639900000, on=ON)
        assert list(opened.changes()) == []


def test_a_bad_day_of_an_iterator_is_named_by_its_row(empty: Registry) -> None:
    """The row in the message counts from the start of the iterator."""
    numbers = (33639900000 + i for i in range(70_000))
    on: list[Any] = [ON] * 70_000
    on[69_000] = None

    with pytest.raises(InputError, match="row 69000"):
        empty.register_many(numbers, list="own", on=iter(on))

    assert not list(empty.changes())


def test_duplicates_count_once(empty: Registry) -> None:
    """A number that occurs twice, in one block or in two, is registered once."""
    numbers = [33639900000 + i % 40_000 for i in range(80_000)]

    assert empty.register_many(iter(numbers), list="own", on=ON) == 40_000
    assert len(list(empty.changes())) == 40_000


def test_a_column_is_loaded_in_bounded_memory(tmp_path: Path) -> None:
    """An iterator of any length takes the memory of one block."""
    code = (
        "import resource, sys\n"
        "from datetime import date\n"
        "from bloctel import Registry\n"
        "r = Registry.create(f'sqlite:///{sys.argv[1]}', lists=['own'])\n"
        "def peak(first, n):\n"
        "    numbers = (33600000000 + first + i for i in range(n))\n"
        "    r.register_many(numbers, list='own', on=date(2024, 1, 2))\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(peak(0, 66_000), peak(66_000, 132_000))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "r.db")],
        capture_output=True,
        text=True,
        check=True,
    )

    before, after = map(int, done.stdout.split())
    assert after < 1.3 * before


# -- renewing, withdrawing, erasing ------------------------------------------


def test_a_withdrawal_ends_the_protection_that_day(own: Registry) -> None:
    """The day before is protected, the day itself is not."""
    period = own.withdraw(TEXT, list="own", on=date(2024, 6, 1))

    assert period.ends_on == date(2024, 6, 1)
    assert own.is_blocked(TEXT, on=date(2024, 5, 31))
    assert own.check(TEXT, on=date(2024, 6, 1)).reason == "period_ended"
    with pytest.raises(NotRegisteredError):
        own.withdraw(TEXT, list="own", on=date(2024, 6, 1))


def test_an_objection_on_the_day_of_a_withdrawal_stands(own: Registry) -> None:
    """A number withdrawn and then registered on one day is blocked from that day."""
    for _ in range(2):
        own.withdraw(TEXT, list="own", on=ON)
        assert not own.is_blocked(TEXT, on=ON)
        own.register(TEXT, list="own", on=ON)
        assert own.is_blocked(TEXT, on=ON)


def test_a_withdrawal_recorded_late_spares_later_objections(own: Registry) -> None:
    """A withdrawal that is recorded late does not end registrations after its day."""
    own.register(TEXT, list="own", on=date(2024, 3, 1))

    own.withdraw(TEXT, list="own", on=date(2024, 2, 1))

    days = [date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 29), date(2024, 3, 1)]
    assert [own.is_blocked(TEXT, on=on) for on in days] == [True, False, False, True]


def test_a_renewal_never_undoes_a_withdrawal(national: Registry) -> None:
    """A renewal before the withdrawal, recorded after it, is refused."""
    national.register(TEXT, list="fr.bloctel", on=date(2018, 1, 1))
    national.withdraw(TEXT, list="fr.bloctel", on=date(2020, 1, 1))

    with pytest.raises(NotRegisteredError):
        national.renew(TEXT, list="fr.bloctel", on=date(2019, 1, 1))

    assert not national.is_blocked(TEXT, on=date(2020, 1, 1))


def test_unknown_lists_and_numbers_are_distinguished(own: Registry) -> None:
    """A missing list and a missing number raise different errors."""
    for act in (own.renew, own.withdraw):
        with pytest.raises(NotRegisteredError):
            act("0639980001", list="own", on=ON)
        with pytest.raises(UnknownListError, match="own"):
            act(TEXT, list="fr.bloctel", on=ON)
        with pytest.raises(ListClosedError):
            act(TEXT, list="fr.bloctel", on=date(2026, 8, 11))


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_days_of_erased_answers_are_unknown(file: str, exact: Any) -> None:
    """No number is blocked after a purge on a past day on which it was clear."""
    cleared, listed = (np.array([KEY + i], np.uint64) for i in (0, 1))
    on = date(2023, 1, 2)
    Registry.create(f"{file}2", lists=["fr.bloctel"]).close()
    with Registry.open(f"{file}2", exact=exact) as registry:
        registry.record_answers(
            list="fr.bloctel", on=date(2019, 10, 2), opposed=listed, clear=cleared
        )
        assert not registry.is_blocked(TEXT, on=date(2019, 10, 10))
        before = registry.preview_purge(on=on)

        assert registry.purge(on=on) == {each.list: each.n_due for each in before}

        assert sorted(each.n_due for each in before) == [0, 1]
        for each in registry.preview_purge(on=on):
            assert each.answers_from == date(2019, 11, 1)
        assert {each.answers_from_after for each in before} == {date(2019, 11, 1)}
        with pytest.raises(DayNotCoveredError):
            registry.is_blocked(TEXT, on=date(2019, 10, 10))


def test_erased_days_are_unknown_not_clear(empty: Registry) -> None:
    """After a purge, look-ups for days of erased registrations raise an error."""
    empty.register(TEXT, list="own", on=date(2020, 1, 2))
    empty.withdraw(TEXT, list="own", on=date(2020, 6, 1))
    assert empty.purge(on=date(2023, 6, 1)) == {"own": 0}
    [preview] = empty.preview_purge(on=date(2023, 6, 2))
    assert (preview.list, preview.n_due) == ("own", 1)
    assert preview.retention == rules.load("own").retention[0]
    assert preview.answers_from == date(2016, 6, 1)
    assert preview.answers_from_after == date(2020, 6, 1)
    assert empty.is_blocked(TEXT, on=date(2020, 5, 31))

    assert empty.purge(on=date(2023, 6, 2)) == {"own": 1}

    with pytest.raises(DayNotCoveredError):
        empty.is_blocked("0639980001", on=date(2020, 5, 31))
    assert empty.check(TEXT, on=date(2020, 6, 1)).reason == "not_listed"
    assert empty.history(TEXT) == []
    assert [change.number for change in empty.changes()] == [None] * 3


# -- lists --------------------------------------------------------------------


def test_a_closed_list_cites_the_law(
    national: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up in the closed list Bloctel cites the law, and never answers CLEAR."""
    national.register(TEXT, list="fr.bloctel", on=ON)
    monkeypatch.setattr(clock, "now", lambda: 1795435200.0)  # 23 November 2026
    asks: list[Callable[[], object]] = [
        lambda: national.is_blocked(TEXT),
        lambda: national.check(TEXT),
        lambda: national.check_many([TEXT]),
        lambda: national.is_blocked_many([TEXT], on=date(2026, 8, 11)),
    ]
    for ask in asks:
        with pytest.raises(ListClosedError, match=r"prior consent.*L223-1"):
            ask()
    assert national.is_blocked(TEXT, on=date(2026, 8, 10))
    with pytest.raises(ListClosedError):
        national.is_blocked(TEXT, on=date(2016, 5, 31))


def test_an_open_list_answers_alongside_a_closed_one(own: Registry) -> None:
    """A look-up in an open and a closed list uses only the open list."""
    own.add_list("fr.bloctel")
    own.register("0639980001", list="fr.bloctel", on=ON)
    after = date(2026, 8, 11)

    assert own.check(TEXT, on=after).list == "own"
    assert own.check("0639980001", on=after).status is Status.CLEAR
    with pytest.raises(ListClosedError):
        own.check(TEXT, on=after, lists=["fr.bloctel"])


def test_lists_restrict_a_look_up(own: Registry) -> None:
    """Only the requested lists count; a single name or an iterator works too."""
    own.add_list("fr.bloctel")
    own.register(TEXT, list="fr.bloctel", on=date(2024, 3, 1))

    narrow: list[Any] = ["own", ["own"], {"own"}, iter(["own"]), (n for n in ["own"])]
    for lists in narrow:
        assert own.is_blocked(TEXT, on=ON, lists=lists)
    assert not own.is_blocked(TEXT, on=ON, lists=["fr.bloctel"])


@pytest.mark.parametrize("lists", [["fr.blocktel"], "owm", ["own", "x"], ("OWN",)])
def test_a_typo_in_a_list_is_an_error(lists: Any, own: Registry) -> None:
    """An unknown list is never treated as an empty list."""
    with pytest.raises(UnknownListError, match="the existing lists are: own"):
        own.is_blocked(TEXT, on=ON, lists=lists)


def test_only_add_list_adds_a_list(empty: Registry, tmp_path: Path) -> None:
    """Each method refuses a list that was not added, and names the most similar one."""
    empty.add_list("own:solar")
    empty.add_list("own:solar")
    file = tmp_path / "numbers.csv"
    file.write_text("tel\n0639981234\n")
    snapshot = tmp_path / "own.bloctel"
    empty.build_snapshot(snapshot, on=ON)
    outputs = bloctel.Outputs(*(tmp_path / kind for kind in ("c", "b", "i")))
    name = "own:solare"
    none = np.array([], np.uint64)
    acts: list[Callable[[], object]] = [
        lambda: empty.register(TEXT, list=name, on=ON),
        lambda: empty.register_many([TEXT], list=name, on=ON),
        lambda: empty.register_parts([(none, None)], list=name, on=ON),
        lambda: empty.record_answers(list=name, on=ON, opposed=none, clear=none),
        lambda: bulk.import_numbers(empty, file, list=name, on=ON),
        lambda: empty.request(TEXT, "a@b.example", list=name),
        lambda: empty.renew(TEXT, list=name, on=ON),
        lambda: empty.withdraw(TEXT, list=name, on=ON),
        lambda: empty.block_prefix("0899", list=name, on=ON),
        lambda: empty.allow_prefix("0899", list=name, on=ON),
        lambda: empty.drop_prefix("0899", list=name, on=ON),
        lambda: next(empty.registrations(list=name)),
        lambda: bulk.export_numbers(empty, tmp_path / "o.csv", list=name),
        lambda: empty.is_blocked(TEXT, on=ON, lists=name),
        lambda: empty.check(TEXT, on=ON, lists=[name]),
        lambda: empty.check_many([TEXT], on=ON, lists=["own", name]),
        lambda: empty.question(on=ON, lists=[name]),
        lambda: bloctel.open(snapshot).is_blocked(TEXT, on=ON, lists=[name]),
        lambda: bloctel.scrub_file(
            file, snapshot, columns="tel", on=ON, lists=[name], outputs=outputs
        ),
    ]
    similar = r"no list own:solare \(did you mean own:solar\?\); .* own, own:solar"
    for act in acts:
        with pytest.raises(UnknownListError, match=similar):
            act()

    assert empty.lists == ("own", "own:solar")
    assert not list(empty.changes())


def test_no_list_at_all_is_an_error(own: Registry, empty: Registry) -> None:
    """An empty selection of lists is refused."""
    none: list[Any] = [[], (), iter([])]
    for lists in none:
        with pytest.raises(InputError):
            own.is_blocked(TEXT, on=ON, lists=lists)


def test_a_number_given_as_a_list_is_not_shown(own: Registry) -> None:
    """An error about the name of a list never shows a phone number."""
    with pytest.raises(UnknownListError) as caught:
        own.is_blocked(TEXT, on=ON, lists=["0639981234"])

    assert "0639981234" not in str(caught.value) + repr(caught.value)


def test_an_empty_registry_does_not_answer() -> None:
    """A look-up in a registry without a list is an error, not CLEAR."""
    empty = Registry.create("memory:", lists=())
    with pytest.raises(CannotAnswerError):
        empty.is_blocked(TEXT, on=ON)
    with pytest.raises(CannotAnswerError):
        empty.check_many([], on=ON)


# -- time ---------------------------------------------------------------------


def test_today_is_the_day_of_the_list(
    empty: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look-ups use the new day of Paris from midnight on."""
    empty.register(TEXT, list="own", on=date(2024, 7, 1))
    midnight = datetime(2024, 6, 30, 22, tzinfo=UTC).timestamp()
    monkeypatch.setattr(clock, "now", lambda: midnight - 0.001)
    assert not empty.is_blocked(TEXT)
    assert not empty.is_blocked(TEXT)

    monkeypatch.setattr(clock, "now", lambda: midnight)

    assert empty.is_blocked(TEXT)
    assert empty.is_blocked_many([TEXT]).all()
    assert empty.register("0639980001", list="own").starts_on == date(2024, 7, 1)


@pytest.mark.parametrize("midnight", ["2024-03-31T00+01:00", "2024-10-28T00+01:00"])
def test_the_day_changes_at_midnight(
    midnight: str, empty: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look-up before midnight uses the old day; each one from then on the new."""
    start = datetime.fromisoformat(midnight)
    moment = [start.timestamp() - 1.5]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    empty.register(TEXT, list="own", on=start.date(), allow_future=True)
    empty.build_snapshot(tmp_path / "s")

    with bloctel.open(tmp_path / "s") as snapshot:
        while moment[0] < start.timestamp() + 1:
            is_new_day = moment[0] >= start.timestamp()
            for book in (empty, snapshot):
                assert book.is_blocked(TEXT) == is_new_day
                assert (book.check(TEXT).status is Status.BLOCKED) == is_new_day
            step = 1 / 128
            moment[0] += step
            _clocks.skip(step)


@pytest.mark.parametrize("step", [3600, -3600])
def test_today_follows_a_clock_that_is_set(
    step: int, empty: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look-ups use the new day at once after the clock was set, or after a sleep."""
    moment = [datetime(2024, 3, 30, 23, 30, tzinfo=UTC).timestamp() - max(step, 0)]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    empty.register(TEXT, list="own", on=date(2024, 3, 31), allow_future=True)
    empty.build_snapshot(tmp_path / "s")

    with bloctel.open(tmp_path / "s") as snapshot:
        books = (empty, snapshot)
        assert [book.is_blocked(TEXT) for book in books] == [step < 0] * 2
        assert [book.is_blocked_many([TEXT])[0] for book in books] == [step < 0] * 2
        moment[0] += step
        _clocks.adjust(step)
        try:
            assert [book.is_blocked(TEXT) for book in books] == [step > 0] * 2
            assert [book.is_blocked_many([TEXT])[0] for book in books] == [step > 0] * 2
        finally:
            _clocks.adjust(-step)


def test_changes_of_others_are_seen_in_time(file: str) -> None:
    """A registry sees its own changes at once, and others within refresh_seconds."""
    with Registry.open(file, refresh_seconds=3600) as one, Registry.open(file) as other:
        assert not one.is_blocked(KEY, on=ON)
        other.register(KEY, list="own", on=ON)
        assert other.is_blocked(KEY, on=ON)
        _clocks.skip(1800)
        assert not one.is_blocked(KEY, on=ON)

        _clocks.skip(1800)

        assert one.is_blocked(KEY, on=ON)
        one.withdraw(KEY, list="own", on=ON)
        assert not one.is_blocked(KEY, on=ON)


def test_a_storage_that_is_down_does_not_answer(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the storage is down and the data in memory is old, look-ups raise an error."""
    with Registry.open(file, refresh_seconds=0) as opened:
        opened.is_blocked(KEY, on=ON)

        def fail(**_: object) -> None:
            raise StorageError("a storage that answers", "none")

        monkeypatch.setattr(opened._storage, "read", fail)
        for _ in range(2):
            with pytest.raises(StorageError):
                opened.is_blocked(KEY, on=ON)


def test_a_question_of_an_old_state_is_not_cached(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list lookup that began before a change is not cached for later look-ups."""
    monkeypatch.setattr(replica, "_RELOAD_AFTER", 0)
    with Registry.open(file) as one:
        one.is_blocked(KEY, on=ON)
        make = Question.__init__
        once = [True]

        def slow(self: Question, *args: Any) -> None:
            make(self, *args)
            if once and once.pop():  # write and refresh during the look-up
                one.register(KEY, list="own", on=ON)
                one.is_blocked(KEY, on=date(2024, 5, 5))

        monkeypatch.setattr(Question, "__init__", slow)
        one.is_blocked(KEY, on=date(2024, 3, 3))

        assert one.is_blocked(KEY, on=date(2024, 3, 3))


def test_look_ups_continue_during_an_import(file: str) -> None:
    """Look-ups do not wait for a long import, and see it when it is done."""
    with Registry.open(file, refresh_seconds=0) as opened:
        started, asked = threading.Event(), threading.Event()

        def numbers() -> Iterator[int]:
            yield KEY
            started.set()
            asked.wait(20)

        importer = threading.Thread(
            target=opened.register_many, args=(numbers(),), kwargs={"list": "own"}
        )
        importer.start()
        started.wait(20)
        during = opened.is_blocked(KEY, on=date(2030, 1, 1)), importer.is_alive()
        asked.set()
        importer.join()

        assert during == (False, True)
        assert opened.is_blocked(KEY, on=date(2030, 1, 1))


def test_the_overlay_and_the_table_agree(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recent changes give the verdicts that the loaded table gives afterwards."""
    with Registry.open(file) as one:
        one.is_blocked(KEY, on=ON)
        for begin, off in ((1, 3), (3, 5), (5, None), (8, None)):
            one.register(KEY, list="own", on=date(2024, begin, 1))
            if off:
                one.withdraw(KEY, list="own", on=date(2024, off, 1))
        one.add_list("fr.bloctel")
        one.register(KEY, list="fr.bloctel", on=date(2018, 1, 1))
        with Registry.open(file) as fresh:
            for month in range(1, 13):
                on = date(2024, month, 1)
                assert one.check(KEY, on=on) == fresh.check(KEY, on=on)
            assert one.check(KEY, on=date(2024, 9, 1)).since == date(2024, 1, 1)
            assert len(one._state.overlay) == 1
            assert len(fresh._state.overlay) == 0


def test_the_journal_is_paged(own: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading changes in pages of any size returns each change once."""
    own.register_many(range(KEY + 1, KEY + 6), list="own", on=ON)
    monkeypatch.setattr(journal, "_PAGE", 2)

    changes = list(own.changes())

    assert len(changes) == 6
    assert list(own.changes(since=changes[2].position)) == changes[3:]


def test_regions_read_their_national_formats() -> None:
    """The region is stored in the registry; a call may give another region."""
    belgian = Registry.create("memory:", region="BE", lists=["own"])
    belgian.register(TEXT, list="own", on=ON, region="FR")

    assert belgian.region == "BE"
    assert belgian.is_blocked(KEY, on=ON)
    with pytest.raises(InputError):
        Registry.create("memory:", region="XX")


AMBIGUOUS = 687_123_456  # +687 12 34 56, or 06 87 12 34 56 without its 0


@pytest.mark.parametrize("number", [AMBIGUOUS, np.int64(AMBIGUOUS)])
def test_an_integer_that_is_blocked_abroad_is_never_clear(
    empty: Registry, number: object
) -> None:
    """A nine-digit integer blocked only in its foreign reading is refused."""
    empty.register("+687 12 34 56", list="own", on=ON)
    keys = normalize_many(["+687 12 34 56", "06 39 98 00 01"])

    assert empty.check(number, on=ON).reason == "ambiguous"
    assert empty.check_many([number, TEXT], on=ON).tolist() == [2, 0]
    assert empty.check_many(keys, on=ON).tolist() == [2, 0]
    with pytest.raises(InvalidNumberError):
        empty.is_blocked(number, on=ON)
    assert empty.is_blocked("+687 12 34 56", on=ON)
    assert not empty.is_blocked("06 87 12 34 56", on=ON)


def test_an_integer_that_is_blocked_at_home_is_blocked(empty: Registry) -> None:
    """A nine-digit integer blocked in its French reading is blocked."""
    empty.register("06 39 98 00 01", list="own", on=ON)

    assert empty.is_blocked(639980001, on=ON)
    assert empty.check_many(np.array([639980001]), on=ON).tolist() == [1]
