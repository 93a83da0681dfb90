"""`Desk.reserve` records an attempt in the transaction that allows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from bloctel import Registry
from bloctel._util import clock
from bloctel.compliance import (
    Consent,
    ConsentRegister,
    Decision,
    Desk,
    Evidence,
    Outcome,
)
from bloctel.compliance.call_log import Attempt, CallLog
from bloctel.errors import InputError, InvalidNumberError, StorageError
from bloctel.testing import run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

NUMBER = "01 99 00 12 34"
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SALE: Any = {
    "purpose": "sale",
    "sector": "insurance",
    "subject": "insurance",
    "caller": "01 62 00 00 00",
    "automated": False,
}


class Everybody:
    """A register in which every person consented."""

    held = Evidence(
        consents=(
            Consent(
                id="1",
                given_at=AT - timedelta(days=30),
                expires_on=(AT + timedelta(days=300)).date(),
                firm="ACME",
                subject="insurance",
                has_all_mentions=True,
            ),
        )
    )

    def of(self, key: int) -> Evidence:
        """Return the consent."""
        return self.held

    def of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence]:
        """Return the consent of each number."""
        return dict.fromkeys(keys, self.held)


@pytest.fixture
def lists() -> Iterator[Registry]:
    """Return lists without numbers."""
    with Registry.create("memory:", lists=["own"]) as registry:
        yield registry


def desk(calls: Any, lists: Registry) -> Desk:
    """Return a desk with all facts that a call needs."""
    return Desk("FR", book=lists, consents=Everybody(), calls=calls, firm="ACME")


def test_threads_never_make_one_attempt_too_many(
    storage_url: str, lists: Registry
) -> None:
    """Of eight simultaneous dialers, four succeed: the legal maximum (D223-9)."""
    start = Barrier(8)
    answers = []
    with CallLog.create(storage_url) as calls:

        def dial(late: int) -> Callable[[], None]:
            def do() -> None:
                start.wait()  # the clocks of the desks differ by a few seconds
                at = AT + timedelta(seconds=late)
                answers.append(desk(calls, lists).reserve(NUMBER, at=at, **SALE))

            return do

        run_all([dial(late) for late in range(8)])

        made = [each.call for each in answers if each.call is not None]
        assert len(made) == len(set(made)) == 4
        refused = [each.answer for each in answers if each.call is None]
        assert {answer.reasons for answer in refused} == {("attempts",)}
        assert len(calls.attempts(33199001234)) == 4


def test_an_attempt_that_was_never_made_is_given_back(lists: Registry) -> None:
    """A released attempt does not count; a refusal during a call ends the consent."""
    with CallLog.create("memory:") as calls:
        asked = desk(calls, lists)
        made = [asked.reserve(NUMBER, at=AT, **SALE).call for _ in range(4)]
        assert asked.reserve(NUMBER, at=AT, **SALE).call is None
        assert made[0] is not None
        assert made[1] is not None
        calls.conclude(made[0], Outcome.RELEASED, at=AT)

        assert asked.reserve(NUMBER, at=AT, **SALE).answer.allowed

        next_month = AT + timedelta(days=30)
        assert asked.may_call(NUMBER, at=next_month, **SALE).allowed
        calls.conclude(made[1], Outcome.DECLINED, at=AT)
        answer = asked.reserve(NUMBER, at=next_month, **SALE).answer
        assert answer.decision is not Decision.YES


def test_what_is_not_allowed_is_not_counted(lists: Registry) -> None:
    """On a Sunday nothing is reserved, and the answer contains the reason."""
    with CallLog.create("memory:") as calls:
        made = desk(calls, lists).reserve(NUMBER, at=AT - timedelta(days=1), **SALE)

        assert (made.call, made.answer.reasons) == (None, ("day",))
        assert calls.attempts(33199001234) == []


def test_the_answer_is_that_of_the_question(lists: Registry) -> None:
    """`reserve` and `may_call` give the same answer and the same next lawful time."""
    with CallLog.create("memory:") as calls:
        asked = desk(calls, lists)
        sunday = AT - timedelta(days=1)

        answer = asked.reserve(NUMBER, at=sunday, **SALE).answer

        assert answer == asked.may_call(NUMBER, at=sunday, **SALE)
        assert answer.next_allowed_at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_desk_without_a_log_reserves_nothing(lists: Registry) -> None:
    """A desk without a call log cannot reserve."""
    with pytest.raises(InputError, match="call log that can reserve"):
        desk(None, lists).reserve(NUMBER, at=AT, **SALE)


def test_a_log_that_is_gone_is_an_error(lists: Registry) -> None:
    """If the log cannot be written, nothing is reserved."""
    calls = CallLog.create("memory:")
    calls.close()
    with pytest.raises(StorageError):
        desk(calls, lists).reserve(NUMBER, at=AT, **SALE)


def test_what_is_noted_of_a_call_is_kept(lists: Registry) -> None:
    """Details of a call, such as the campaign, are recorded with the attempt."""
    with CallLog.create("memory:") as calls:
        desk(calls, lists).reserve(
            NUMBER, at=AT, details={"campaign": "autumn"}, **SALE
        )

        assert calls.calls(NUMBER)[0].details == {"campaign": "autumn"}


def test_an_input_that_is_misspelt_is_refused(lists: Registry) -> None:
    """A misspelt input such as `chanel="sms"` is refused."""
    with CallLog.create("memory:") as calls:
        wrong: Any = {"chanel": "sms"}

        for country in ("FR", "BE"):
            asked = Desk(country, book=lists, calls=calls)
            with pytest.raises(TypeError, match="chanel"):
                asked.reserve(NUMBER, at=AT, **SALE, **wrong)

        assert calls.attempts(33199001234) == []


class Withdrawing(Everybody):
    """A register in which every consent is withdrawn once an attempt is recorded."""

    def __init__(self, calls: CallLog) -> None:
        self._calls = calls

    def of(self, key: int) -> Evidence:
        """Return the consent; it is withdrawn as soon as an attempt is recorded."""
        if not self._calls.attempts(key):
            return self.held
        consent = replace(self.held.consents[0], withdrawn_at=AT)
        return Evidence(consents=(consent,))


@pytest.mark.parametrize("at", [AT, AT + timedelta(days=7)])
def test_what_is_withdrawn_meanwhile_is_released(
    lists: Registry, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    """If the consent was withdrawn while an attempt was reserved, it is released.

    The same is true for a call that is planned for a later day.
    """
    monkeypatch.setattr(clock, "moment", lambda: AT)
    with CallLog.create("memory:") as calls:
        asked = Desk(
            "FR", book=lists, consents=Withdrawing(calls), calls=calls, firm="ACME"
        )

        made = asked.reserve(NUMBER, at=at, **SALE)

        assert (made.call, made.answer.reasons) == (None, ("no_consent",))
        (attempt,) = calls.attempts(33199001234)
        assert attempt.outcome is Outcome.RELEASED


@pytest.mark.parametrize("record", ["withdrawal", "refusal"])
def test_a_record_of_the_other_line_meanwhile_releases_the_attempt(
    lists: Registry, monkeypatch: pytest.MonkeyPatch, record: str
) -> None:
    """If a record shows meanwhile that the digits are ambiguous, nothing is counted."""
    digits, french, swedish = "465711234", "+33 4 65 71 12 34", "+46 5711234"
    with (
        CallLog.create("memory:") as calls,
        ConsentRegister.create("memory:") as consents,
    ):
        ordinary = calls.reserve_if

        def reserve(*args: Any, **options: Any) -> int | None:
            reserved = ordinary(*args, **options)
            if record == "withdrawal":
                consents.withdraw(swedish, channel="letter", at=AT)
            else:
                calls.add(swedish, Outcome.DECLINED, at=AT)
            return reserved

        monkeypatch.setattr(calls, "reserve_if", reserve)
        asked = Desk("FR", book=lists, consents=consents, calls=calls, firm="ACME")
        with pytest.raises(InvalidNumberError, match="ambiguous"):
            asked.reserve(digits, at=AT, **{**SALE, "purpose": "survey"})
        (call,) = calls.calls(french)
        assert call.outcome is Outcome.RELEASED


class Withdrawn(Everybody):
    """A register with a withdrawal by a clock that is five minutes ahead."""

    def of(self, key: int) -> Evidence:
        """Return the withdrawn consent."""
        consent = super().of(key).consents[0]
        return Evidence(
            consents=(replace(consent, withdrawn_at=AT + timedelta(minutes=5)),)
        )


def test_a_withdrawal_by_a_clock_ahead_counts_at_once(
    lists: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal dated five minutes ahead stops calls of now, but not past calls."""
    monkeypatch.setattr(clock, "moment", lambda: AT)
    with CallLog.create("memory:") as calls:
        asked = Desk("FR", book=lists, consents=Withdrawn(), calls=calls, firm="ACME")

        assert asked.may_call(NUMBER, at=AT, **SALE).allowed
        assert asked.may_call(NUMBER, **SALE).reasons == ("no_consent",)
        assert asked.reserve(NUMBER, **SALE).answer.reasons == ("no_consent",)


def test_a_refusal_counts_from_the_time_it_is_known(lists: Registry) -> None:
    """A consent given during a call ends if the person refuses later in that call."""
    minute = timedelta(minutes=1)
    given_at = AT + 2 * minute

    class During(Everybody):
        held = Evidence(
            consents=(replace(Everybody.held.consents[0], given_at=given_at),)
        )

    with CallLog.create("memory:") as calls:
        asked = Desk("FR", book=lists, consents=During(), calls=calls, firm="ACME")
        call = calls.add(NUMBER, Outcome.ANSWERED, at=AT).call
        assert asked.may_call(NUMBER, at=AT + 5 * minute, **SALE).allowed
        calls.conclude(call, Outcome.DECLINED, at=AT + 3 * minute)

        assert not asked.may_call(NUMBER, at=AT + 5 * minute, **SALE).allowed
        assert asked.may_call(NUMBER, at=AT + 2 * minute, **SALE).allowed


def test_a_refusal_by_a_clock_ahead_counts_at_once(
    lists: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal dated four minutes ahead stops calls of now, but not past calls."""
    monkeypatch.setattr(clock, "moment", lambda: AT)
    with CallLog.create("memory:") as calls:
        asked = desk(calls, lists)
        call = calls.add(NUMBER, Outcome.ANSWERED, at=AT - timedelta(hours=1)).call
        assert asked.may_call(NUMBER, **SALE).allowed
        calls.conclude(call, Outcome.DECLINED, at=AT + timedelta(minutes=4))

        assert asked.may_call(NUMBER, at=AT, **SALE).allowed
        assert asked.may_call(NUMBER, **SALE).reasons == ("no_consent", "refused")
        assert asked.reserve(NUMBER, **SALE).answer.reasons == ("no_consent", "refused")


def test_a_refusal_is_not_before_its_attempt(lists: Registry) -> None:
    """A refusal that is dated before its attempt ends a consent given before the call.

    The clock of the machine that recorded the refusal was wrong.
    """
    given_at = Everybody.held.consents[0].given_at

    class Calls:
        def attempts(self, key: int) -> Sequence[Attempt]:
            del key
            early = given_at - timedelta(days=1)
            return [Attempt(AT - timedelta(hours=1), Outcome.DECLINED, early)]

    asked = Desk("FR", book=lists, consents=Everybody(), calls=Calls(), firm="ACME")

    assert asked.may_call(NUMBER, at=AT, **SALE).reasons == ("no_consent", "refused")


def test_the_next_moment_is_that_of_what_was_noted(lists: Registry) -> None:
    """`reserve` counts attempts that are dated later, for 30 days from their time."""
    later = AT + timedelta(hours=4)
    with CallLog.create("memory:") as calls:
        for _ in range(4):
            calls.add(NUMBER, Outcome.UNANSWERED, at=later)
        asked = desk(calls, lists)

        made = asked.reserve(NUMBER, at=AT, **SALE)

        assert (made.call, made.answer.reasons) == (None, ("attempts",))
        assert asked.may_call(NUMBER, at=AT, **SALE).allowed  # no call is made yet
        found = made.answer.next_allowed_at
        assert found == later + timedelta(days=30)
        assert asked.reserve(NUMBER, at=found, **SALE).call is not None
