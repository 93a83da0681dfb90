"""The desk that is asked before a call: may I make it, and if not, when?"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel.compliance.answer import Answer
from bloctel.compliance.audit.audit import Audit, audit_calls
from bloctel.compliance.audit.call_columns import read_calls
from bloctel.compliance.audit.facts import Known
from bloctel.compliance.call_facts import Case, changes, facts_at, located
from bloctel.compliance.call_inputs import (
    check_flag,
    check_names,
    check_sector,
    check_text,
    one_of,
)
from bloctel.compliance.caller_id import read_caller
from bloctel.compliance.evidence_state import Subject
from bloctel.compliance.findings import Decision
from bloctel.compliance.interfaces import ManyConsents, Outcome, Reserving
from bloctel.compliance.judgement import DEFAULT_TRUST, judge
from bloctel.compliance.other_countries import answer_abroad
from bloctel.compliance.territories import check_time_zone, territory_of
from bloctel.errors import CannotAnswerError, InputError
from bloctel.numbers.phone_number import normalize
from bloctel.rules import Certainty, law
from bloctel.rules.law import Channel, Duty, Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Unpack

    from bloctel.compliance.call_inputs import CallInputs
    from bloctel.compliance.interfaces import Attempt, Calls, Consents, Evidence
    from bloctel.lookup.book import Book
    from bloctel.rules.law import Law

__all__ = ["Desk", "Reservation"]

_K = TypeVar("_K")
_T = TypeVar("_T")

_COUNTRY: Final = re.compile("[A-Z]{2}")
_HORIZON_DAYS: Final = 366
_MOST_DAYS: Final = 10 * _HORIZON_DAYS


class Reservation(NamedTuple):
    """An attempt that was counted, or the answer why it may not be made.

    Attributes:
        answer: Whether the call may be made, and why.
        call: What names the attempt in the call log; None if it may not be made.
    """

    answer: Answer
    call: int | None


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
        book: The book to ask, such as a registry or a snapshot.
        consents: Who knows of consents, contracts and requests to be called back.
        calls: The call log.
        firm: The firm that calls, as consents name it.
        lists: The names of the lists to ask; all lists of the book if not given.
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
        book: Book | None = None,
        consents: Consents | None = None,
        calls: Calls | None = None,
        firm: str | None = None,
        lists: Iterable[str] | None = None,
        local_holidays: bool = False,
        trust: Certainty = DEFAULT_TRUST,
        horizon_days: int = _HORIZON_DAYS,
    ) -> None:
        if not isinstance(country, str) or not _COUNTRY.fullmatch(country):
            raise InputError(
                "a country as ISO 3166-1 alpha-2 writes it, such as FR", "another text"
            )
        if type(horizon_days) is not int or not 0 <= horizon_days <= _MOST_DAYS:
            got = "another number"
            raise InputError(f"from 0 to {_MOST_DAYS} days", got, "horizon_days")
        self.country = country
        self.firm = check_text(firm, "firm")
        self.law: Law | None = law.load(country) if country in law.names() else None
        self._book = book
        self._consents = consents
        self._calls = calls
        self._lists = None if lists is None else tuple(lists)
        self._local_holidays = local_holidays
        self._trust = one_of(Certainty, trust, "trust")
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
        call: CallInputs = {
            "purpose": purpose,
            "sector": sector,
            "caller": caller,
            "automated": automated,
            "about": about,
            "channel": channel,
            "time_zone": time_zone,
            "region": region,
        }
        if held is None:
            return answer_abroad(self.country, number, moment, **call)
        case = self._case(number, held, **call)
        log = self._calls
        attempts = _known(None if log is None else log.attempts, case.key)
        return self._answer(replace(case, attempts=attempts), moment, held)

    def reserve(
        self,
        number: object,
        *,
        at: datetime | None = None,
        details: Mapping[str, str] | None = None,
        **call: Unpack[CallInputs],
    ) -> Reservation:
        """Ask whether a call may begin, and count it as an attempt at once if it may.

        Between the question and the attempt nobody else writes to the call log: of two
        workers who ask at once, in whatever process, the second sees the first, and
        both never make the last attempt that is allowed.  Consents are read once more
        afterwards, and the attempt is released if one was withdrawn meanwhile.

        Args:
            number: The number to call.
            at: The moment; now if not given.  What others have noted for later, by
                clocks that differ, counts as well: so this can be refused where
                `may_call` says yes of the same moment, to which later attempts do not
                count yet.
            details: What to note of the call, as `CallLog.add` does.
            call: The other inputs of `may_call`.

        Returns:
            The answer, and the attempt's id if the call may be made: tell the log what
            became of it (`CallLog.conclude`).

        Raises:
            InputError: The desk has no call log that can reserve (`CallLog`), or an
                argument is not what it must be.
            TypeError: Something is no input of `may_call`.
            StorageError: The call log failed, and nothing is reserved: do not call.
            InvalidNumberError: As for `may_call`, as the other errors.
        """
        check_names(call)
        log = self._calls
        if not isinstance(log, Reserving):
            raise InputError("a call log that can reserve", "another or none", "calls")
        moment = in_utc(clock.moment() if at is None else at, "at")
        held = self.law
        if held is None:
            answer = answer_abroad(self.country, number, moment, **call)
            return Reservation(answer, None)
        case = self._case(number, held, **call)
        answers: list[Answer] = []
        before: list[Sequence[Attempt]] = []

        def may(attempts: Sequence[Attempt]) -> bool:
            before.append(attempts)
            seen = replace(case, attempts=attempts, counts_later=True)
            answers.append(self._answer(seen, moment, held))
            return answers[-1].allowed

        made = log.reserve_if(case.key, moment, may, details=details)
        if made is None:
            return Reservation(answers[-1], None)
        # consent may have been withdrawn since it was read
        case = replace(case, evidence=self._evidence(case.key))
        if may(before[-1]):
            return Reservation(answers[-1], made)
        log.conclude(made, Outcome.RELEASED, at=moment)
        return Reservation(answers[-1], None)

    def audit(
        self,
        calls: Any,
        *,
        log_time_zone: str | None = None,
        **same: Unpack[CallInputs],
    ) -> Audit:
        """Judge a log of past calls by the law and the lists of the day of each.

        Each call gets the answer that `may_call` would have given at its moment, the
        calls before it in the log being the call log; ten million take minutes.

        Args:
            calls: A frame of pandas, polars or pyarrow, or a mapping from names to
                columns: `number`, `at` (moments with their time zone, or text as
                ISO 8601 writes them), and, where the log has them, `outcome`
                (`Outcome`; what was `released` is no call) and the columns named as
                the other inputs of `may_call`.  The calls of anyone for the firm belong
                in it: attempts are counted from it.
            log_time_zone: The time zone of moments that have none of their own, such as
                Europe/Paris; without it they are refused.
            same: The other inputs of `may_call`: what holds for every call, if the log
                has no such column.

        Raises:
            InputError: The log or another argument is not what it must be; or the law
                of the country is not one to judge by.
            UnknownListError: The book lacks a list that is to be asked alone.
            MissingExtraError: The extra `compliance` is not installed.
        """
        held = self.law
        if held is None:
            raise InputError("a country whose law is known", self.country, "the desk")
        region = self._region(same.pop("region", None))
        past = read_calls(calls, same, held, region=region, log_time_zone=log_time_zone)
        evidence = _known(self._evidence_of_many, np.unique(past.keys).tolist())
        known = Known(
            law=held,
            book=self._book,
            lists=self._lists,
            evidence=evidence,
            firm=self.firm,
            local_in=partial(self._local_in, held),
        )
        return audit_calls(past, known, trust=self._trust)

    def _case(
        self,
        number: object,
        held: Law,
        **call: Unpack[CallInputs],
    ) -> Case:
        """Return a call with all that is known of it but the attempts before."""
        region = self._region(call.get("region"))
        key = normalize(number, region=region).key
        place, zone = located(key, held, check_time_zone(call.get("time_zone")))
        purpose, caller = call.get("purpose"), call.get("caller")
        return Case(
            key=key,
            place=place,
            zone=zone,
            local_in=self._local_in(held, key, str(zone)),
            purpose=None if purpose is None else one_of(Purpose, purpose, "purpose"),
            channel=one_of(Channel, call.get("channel", Channel.VOICE), "channel"),
            caller=None if caller is None else read_caller(caller, region),
            automated=check_flag(call.get("automated"), "automated"),
            subject=Subject(
                self.firm,
                check_text(call.get("about"), "about"),
                check_sector(held, call.get("sector")),
                held.vague,
            ),
            evidence=self._evidence(key),
            attempts=None,
            book=self._book,
            lists=self._lists,
        )

    def _evidence_of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence] | None:
        consents = self._consents
        if consents is None:
            return None
        if isinstance(consents, ManyConsents):
            return consents.of_many(keys)
        return {key: consents.of(key) for key in keys}

    def _evidence(self, key: int) -> Evidence | None:
        """Return what is known of consents and contracts; None if nobody knows."""
        consents = self._consents
        return _known(None if consents is None else consents.of, key)

    def _region(self, region: str | None) -> str:
        """Return the region of national forms."""
        book = self._book
        return (
            check_text(region, "region")
            or (None if book is None else book.region)
            or self.country
        )

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

    def _local_in(self, held: Law, key: int, time_zone: str) -> frozenset[str]:
        """Return where a person may be: by the time there, and by the number."""
        if not self._local_holidays:
            return frozenset()
        own = territory_of(key, held)
        return frozenset(
            place.code
            for place in held.territories
            if place is own or time_zone in (place.time_zone, *place.other_zones)
        )


def _known(ask: Callable[[_K], _T] | None, asked: _K) -> _T | None:
    """Return what a store says of numbers; None if there is none, or it is down."""
    if ask is None:
        return None
    try:
        return ask(asked)
    except CannotAnswerError:
        return None
