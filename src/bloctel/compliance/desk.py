"""The desk that is asked before a call: may I make it, and if not, when?"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from bloctel import clock
from bloctel.compliance.abroad import answer_abroad
from bloctel.compliance.answer import Answer
from bloctel.compliance.callers import read_caller
from bloctel.compliance.findings import Decision
from bloctel.compliance.gathering import Case, changes, facts_at, located
from bloctel.compliance.holding import Subject
from bloctel.compliance.judging import DEFAULT_TRUST, judge
from bloctel.compliance.moments import in_utc
from bloctel.errors import CannotAnswerError, InputError
from bloctel.numbers import normalize
from bloctel.rules import Certainty, law
from bloctel.rules.law import Channel, Duty, Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from enum import StrEnum

    from bloctel.compliance.evidence import Calls, Consents
    from bloctel.lookup import Book
    from bloctel.rules.law import Law

__all__ = ["Desk"]

_E = TypeVar("_E", bound="StrEnum")
_T = TypeVar("_T")

_COUNTRY: Final = re.compile("[A-Z]{2}")
#: A zone's name has no digits in a row, so that no message shows a number.
_TIME_ZONE: Final = re.compile(r"[A-Za-z_]+(/[A-Za-z_+-]+[0-9]{0,2})*")
_HORIZON_DAYS: Final = 366


class Desk:
    """Answers whether a call may be made, by the law of the day of the call.

    What nobody gave it, it does not know: the answer is then to ask, never yes.

    >>> from datetime import datetime
    >>> from zoneinfo import ZoneInfo
    >>> desk = Desk(country="FR")
    >>> sunday = datetime(2026, 11, 22, 10, 30, tzinfo=ZoneInfo("Europe/Paris"))
    >>> answer = desk.may_call(
    ...     "01 99 00 12 34", at=sunday, purpose="sale", sector="insurance",
    ...     caller="+33162001234",
    ... )
    >>> answer.allowed, answer.decision.value, answer.reasons
    (False, 'no', ('day',))

    Args:
        country: Whose law to judge by, ISO 3166-1 alpha-2.
        lists: The book to ask, such as a registry or a snapshot.
        consents: Who knows of consents, contracts and requests to be called back.
        calls: The call log.
        firm: The firm that calls, as consents name it.
        only: The names of the lists to ask; all that the book holds if not given.
        local_holidays: Keep the holidays of single territories as well, which the
            texts on calling hours do not name.
        trust: How sure a rule must be to permit a call; by default, what only public
            files quote (V3) asks instead.
        horizon_days: For how many days to look for the next moment at which a call
            may be made.
    """

    def __init__(  # noqa: PLR0913 - each says what the desk knows, or how prudent it is
        self,
        country: str = "FR",
        *,
        lists: Book | None = None,
        consents: Consents | None = None,
        calls: Calls | None = None,
        firm: str | None = None,
        only: Iterable[str] | None = None,
        local_holidays: bool = False,
        trust: Certainty = DEFAULT_TRUST,
        horizon_days: int = _HORIZON_DAYS,
    ) -> None:
        if not _COUNTRY.fullmatch(country):
            raise InputError(
                "a country as ISO 3166-1 alpha-2 writes it, such as FR", "another text"
            )
        if not 0 <= horizon_days <= 10 * _HORIZON_DAYS:
            expected = f"from 0 to {10 * _HORIZON_DAYS} days"
            raise InputError(expected, str(horizon_days), "horizon_days")
        self.country = country
        self.firm = _text(firm, "firm")
        self.law: Law | None = law.load(country) if country in law.names() else None
        self._lists = lists
        self._consents = consents
        self._calls = calls
        self._only = None if only is None else tuple(only)
        self._local_holidays = local_holidays
        self._trust = _one_of(Certainty, trust, "trust")
        self._horizon = timedelta(days=horizon_days)

    def __repr__(self) -> str:
        return f"Desk(country={self.country!r})"

    def may_call(  # noqa: PLR0913 - each is a fact that the law asks for
        self,
        number: object,
        *,
        at: datetime | None = None,
        purpose: str | None = None,
        sector: str | None = None,
        caller: object = None,
        automated: bool | None = None,
        about: str | None = None,
        channel: str = Channel.VOICE,
        time_zone: str | None = None,
        region: str | None = None,
    ) -> Answer:
        """Return whether a call may begin at a moment, why, and when it next may.

        Args:
            number: The number to call: text, an integer, or a `PhoneNumber`.
            at: The moment, with its time zone; now if not given.
            purpose: What for (`Purpose`): `sale` if anything is sold.
            sector: What is sold, as `law.sectors` names it; `other` if nothing fits.
            caller: The number that is shown, or `masked`.
            automated: Whether an automated platform calls.
            about: What the call is about, in the words of a consent or a contract.
            channel: How the person is reached (`Channel`).
            time_zone: Where the person is, if not where the number belongs.
            region: The region of national forms; that of the book, or the country,
                if not given.

        Raises:
            InvalidNumberError: No single number can be read, or no caller's.
            InputError: Another argument is not what it must be.
            UnknownListError: The book lacks a list that is to be asked alone.
            MissingExtraError: The extra `compliance` is not installed.
        """
        moment = in_utc(clock.moment() if at is None else at, "at")
        held = self.law
        if held is None:
            return answer_abroad(self.country, number, moment, region=region)
        book = self._lists
        region = region or (None if book is None else book.region) or self.country
        place, zone = located(
            key := normalize(number, region=region).key, held, _checked(time_zone)
        )
        case = Case(
            key=key,
            place=place,
            zone=zone,
            local_in=self._local_in(held, str(zone)),
            purpose=None if purpose is None else _one_of(Purpose, purpose, "purpose"),
            channel=_one_of(Channel, channel, "channel"),
            caller=None if caller is None else read_caller(caller, region),
            automated=_flag(automated),
            subject=Subject(self.firm, _text(about, "about"), _sector(held, sector)),
            evidence=_known(
                self._consents.of if self._consents is not None else None, key
            ),
            attempts=_known(
                self._calls.attempts if self._calls is not None else None, key
            ),
            book=book,
            only=self._only,
        )
        return self._answer(case, moment, held)

    def _answer(self, case: Case, at: datetime, held: Law) -> Answer:
        facts = facts_at(case, at, held)
        is_sale = facts.purpose is Purpose.SALE
        return Answer(
            judge(facts, held, trust=self._trust),
            facts,
            at.astimezone(case.zone),
            held.eras[facts.version].all(Duty) if is_sale else (),
            _seek=lambda: self._next(case, at, held),
        )

    def _next(self, case: Case, at: datetime, held: Law) -> datetime | None:
        """Return the first moment after *at* at which the call may be made.

        Only moments at which a fact can turn to the better are looked at, so that no
        minute between them has to be.
        """
        for moment in changes(case, held, at, at + self._horizon):
            facts = facts_at(case, moment, held)
            if judge(facts, held, trust=self._trust).decision is Decision.YES:
                return moment.astimezone(case.zone)
        return None

    def _local_in(self, held: Law, time_zone: str) -> Collection[str]:
        if not self._local_holidays:
            return ()
        return {t.code for t in held.territories if t.time_zone == time_zone}


def _one_of(cls: type[_E], value: object, where: str) -> _E:
    if not isinstance(value, str) or value not in list(cls):
        raise InputError(f"one of {', '.join(cls)}", "something else", where)
    return cls(value)


def _sector(held: Law, sector: str | None) -> str | None:
    names = [known.name for known in held.sectors]
    if sector is not None and sector not in names:
        raise InputError(f"one of {', '.join(names)}", "something else", "sector")
    return sector


def _flag(automated: bool | None) -> bool | None:
    if automated is not None and not isinstance(automated, bool):
        raise InputError("True, False or None", "something else", "automated")
    return automated


def _text(value: str | None, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InputError("a text", "something else", where)
    return value


def _checked(time_zone: str | None) -> str | None:
    if time_zone is not None and not _TIME_ZONE.fullmatch(time_zone):
        expected = "a time zone such as Europe/Paris"
        raise InputError(expected, "another text", "time_zone")
    return time_zone


def _known(ask: Callable[[int], _T] | None, key: int) -> _T | None:
    """Return what a store says of a number; None if there is none, or it is down."""
    if ask is None:
        return None
    try:
        return ask(key)
    except CannotAnswerError:
        return None
