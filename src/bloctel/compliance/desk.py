"""Desk that decides if a call may be made, and finds the next lawful time."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar, Unpack

import numpy as np

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel._util.strict import convert, show
from bloctel.compliance.answer import Answer
from bloctel.compliance.audit.audit import Audit, audit_calls
from bloctel.compliance.audit.call_columns import read_calls
from bloctel.compliance.audit.facts import AuditSources
from bloctel.compliance.call_facts import (
    CallScope,
    CallUnderReview,
    facts_at,
    improvement_times,
)
from bloctel.compliance.call_inputs import CallInputs, check_inputs, check_names
from bloctel.compliance.call_log import (
    Attempt,
    CallLog,
    Calls,
    Details,
    LoggedCall,
    ManyCalls,
    Objections,
    Outcome,
    Reserving,
)
from bloctel.compliance.caller_id import read_caller
from bloctel.compliance.consents.records import Consents, Evidence, ManyConsents
from bloctel.compliance.judgement import (
    DEFAULT_TRUST,
    Decision,
    Effect,
    Finding,
    Ground,
    Judgement,
    judge,
)
from bloctel.compliance.list_state import list_verdicts
from bloctel.compliance.territories import locate, possible_territories
from bloctel.errors import CannotAnswerError, InputError, InvalidNumberError
from bloctel.lookup.book import Book
from bloctel.numbers.phone_number import Reason, check_region, normalize, readings_of
from bloctel.numbers.readings import Readings
from bloctel.rules import Certainty
from bloctel.rules.law import (
    Channel,
    Consequence,
    Duty,
    Law,
    LawVersion,
    LegalRule,
    Purpose,
    Sanction,
    countries,
)
from bloctel.rules.law import load as load_law
from bloctel.rules.law import names as law_names

_S = TypeVar("_S")
_T = TypeVar("_T")

_COUNTRY: Final = re.compile("[A-Z]{2}")
_HORIZON_DAYS: Final = 366
_MAX_HORIZON: Final = 10 * _HORIZON_DAYS


class Reservation(NamedTuple):
    """Result of `Desk.reserve`: the answer, and the attempt that was reserved.

    Attributes:
        answer: The answer about the call, with its reasons.
        call: The identifier of the attempt; None if the call may not be made.
    """

    answer: Answer
    call: int | None


class Desk:
    """Desk that decides if a call may be made, by the law on the day of the call.

    If a necessary fact is not known, the answer is never *yes*.

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
        country: The two-letter code (ISO 3166-1) of the country whose law applies.
        book: The opposition lists, such as a registry or a snapshot.
        consents: The register of consents, contracts and requests to be called back.
        calls: The log of attempts to call.  If the book is a registry, a `CallLog`
            without a registry also registers objections on the list `own` of the book.
        firm: The name of the firm that calls, written as in the consents.
        lists: The names of the lists to query; by default, all lists of the book.
        local_holidays: True to count the holidays of single territories as holidays.
            The legal texts on calling hours do not mention local holidays.
        trust: The certainty that a rule needs to permit a call.  With V2, the default,
            a rule that is known only from a quotation in a public file (V3) leads to
            the answer *ask*.
        horizon_days: The maximum of days from a call to its next lawful time.
    """

    def __init__(  # noqa: PLR0913 - each argument is data or a setting
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
            expected = "a country code of two capital letters, such as FR"
            raise InputError(expected, show(country), "country")
        if type(horizon_days) is not int or not 0 <= horizon_days <= _MAX_HORIZON:
            expected = f"a whole number of days from 0 to {_MAX_HORIZON}"
            raise InputError(expected, show(horizon_days), "horizon_days")
        self.country = country
        self.firm = None if firm is None else convert(firm, str, "firm")
        self.law: Law | None = load_law(country) if country in law_names() else None
        self._book = book
        self._consents = consents
        self._calls = calls
        if isinstance(calls, CallLog) and isinstance(book, Objections):
            calls.registry = book if calls.registry is None else calls.registry
        self._lists = None if lists is None else tuple(lists)
        self._local_holidays = local_holidays
        self._trust = convert(trust, Certainty, "trust")
        self._horizon = timedelta(days=horizon_days)

    def __repr__(self) -> str:
        return f"Desk(country={self.country!r})"

    def may_call(  # noqa: PLR0913 - each argument is a fact about the call
        self,
        number: object,
        *,
        at: datetime | None = None,
        purpose: str | None = None,
        sector: str | None = None,
        caller: object = None,
        automated: bool | None = None,
        business_line: bool | None = None,
        subject: str | None = None,
        channel: str = Channel.VOICE,
        time_zone: str | None = None,
        region: str | None = None,
    ) -> Answer:
        """Decide if a call may be made; return the reasons and the next lawful time.

        Args:
            number: The number to call: text, an integer, or a `PhoneNumber`.
            at: The time of the call, with its time zone; by default now.  If *at* is
                not given, recorded attempts, refusals and withdrawals with a time after
                now also count, because the clock of another machine can be ahead.
            purpose: The purpose of the call (`Purpose`); `sale` if anything is sold.
            sector: The sector of the goods or services, as `law.sectors` names it;
                `other` if no sector fits.
            caller: The presented number (caller ID), or `masked` if none is shown.
            automated: True if an automated platform makes the call.
            business_line: True if you know that the number is the line of a business.
                Rules that protect consumers then make the answer *ask*, not *no*.
            subject: The subject of the call, in the words of a consent or a contract.
            channel: The kind of call or message (`Channel`); by default a voice call.
            time_zone: The called person's time zone, if the number does not show it.
            region: The region of phone numbers without a country code; by default the
                region of the book, or the country of the desk.

        Raises:
            InvalidNumberError: The called or the presented number cannot be read.  Or
                the called digits can mean two phone numbers, and the less likely number
                has records, or is on a list that does not contain the other number.
            InputError: Another argument is not valid.
            UnknownListError: A name in the desk's `lists` is not a list of the book.
            MissingExtraError: The extra `compliance` is not installed.
        """
        instant = in_utc(clock.moment() if at is None else at, "at")
        inputs: CallInputs = {
            "purpose": purpose,
            "sector": sector,
            "caller": caller,
            "automated": automated,
            "business_line": business_line,
            "subject": subject,
            "channel": channel,
            "time_zone": time_zone,
            "region": region,
        }
        if self.law is None:
            return self._answer_without_law(number, instant, inputs)
        call = self._call_under_review(number, self.law, inputs)
        attempts = self._attempts(call.readings)
        call = replace(call, attempts=attempts, counts_later=at is None)
        return self._answer(call, instant)

    def reserve(
        self,
        number: object,
        *,
        at: datetime | None = None,
        details: Details = None,
        **call: Unpack[CallInputs],
    ) -> Reservation:
        """Answer like `may_call`; if the call is allowed, also record the attempt.

        The decision and the reservation are one transaction of the call log, so that
        two dialers (threads or processes) never both make the last attempt that the law
        allows.  After the reservation, the desk reads the consents again.  If a consent
        was withdrawn in the meantime, or an error is raised, the attempt is released.

        The verdicts of the lists about the number are stored with the attempt, unless
        *at* is after now.  So `audit` can judge the call after data was erased.

        Args:
            number: The number to call.
            at: The time of the call; by default now.  Attempts, refusals and
                withdrawals with a time after *at* also count, so this method can
                refuse a call that `may_call` allows.
            details: Notes about the call, as in `CallLog.add`.
            call: The other inputs of `may_call`.

        Returns:
            The answer, and the identifier of the attempt if the call may be made.
            Record the outcome of the call with `CallLog.conclude`.

        Raises:
            InputError: The desk has no call log that can reserve attempts (`CallLog`),
                or an argument is not valid.
            TypeError: An argument is not an input of `may_call`.
            StorageError: The storage failed and no attempt is reserved, so do not call.
            InvalidNumberError: As in `may_call`, which can also raise other errors.
        """
        check_names(call)
        log = self._calls
        if not isinstance(log, Reserving):
            got = "no call log" if log is None else type(log).__name__
            expected = "a call log that can reserve attempts, such as CallLog"
            raise InputError(expected, got, "calls")
        instant = in_utc(clock.moment() if at is None else at, "at")
        if self.law is None:
            return Reservation(self._answer_without_law(number, instant, call), None)
        review = self._call_under_review(number, self.law, call)
        answers: list[Answer] = []
        seen: list[Sequence[Attempt]] = []

        def is_allowed(attempts: Sequence[Attempt]) -> bool:
            seen.append(attempts)
            current = replace(review, attempts=attempts, counts_later=True)
            answers.append(self._answer(current, instant))
            return answers[-1].allowed

        if review.readings[1:]:
            # raise an error if the digits can mean another number that has attempts
            self._attempts(review.readings)
        key = review.readings[0]
        verdicts = None
        if instant <= clock.moment():  # a person can still object before a later call
            verdicts = list_verdicts(self._book, key, instant, self._lists)
        reserved = log.reserve_if(
            key, instant, is_allowed, details=details, verdicts=verdicts
        )
        if reserved is None:
            return Reservation(answers[-1], None)
        is_kept = False
        try:
            # a person may have withdrawn consent since `_call_under_review` read it
            review = replace(review, evidence=self._evidence(review.readings))
            if review.readings[1:]:
                self._attempts(review.readings)
            is_kept = is_allowed(seen[-1])
        finally:
            if not is_kept:
                log.conclude(reserved, Outcome.RELEASED)
        return Reservation(answers[-1], reserved if is_kept else None)

    def audit(
        self,
        calls: Any,
        *,
        log_time_zone: str | None = None,
        **defaults: Unpack[CallInputs],
    ) -> Audit:
        """Judge each past call by the law and the lists on the day of the call.

        Each call gets the answer that `may_call` would have given at the time of the
        call.  Earlier calls in *calls* count as attempts.  An audit of ten million
        calls takes minutes.

        Args:
            calls: A frame of pandas, polars or pyarrow, or a mapping from names to
                columns.  The columns `number` and `at` are mandatory; `at` contains
                times with a time zone, or ISO 8601 text.  A column `outcome`
                (`Outcome`) is optional; a `released` attempt is not a call.  A column
                `reservation` is optional: it contains the id of the attempt in the
                desk's call log (`Reservation.call`).  If the data of a list for the day
                was erased, the verdict that was stored with this attempt is used; the
                attempt must be about the same number, and at most one hour from `at`.
                Other columns have the names of inputs of `may_call`.  The frame must
                contain all calls that were made for the firm, because the audit counts
                earlier attempts in this frame.
            log_time_zone: The time zone, such as Europe/Paris, of times without a time
                zone.  By default, a time without a time zone is an error.
            defaults: Inputs of `may_call` that have no column; they apply to all calls.

        Raises:
            InputError: *calls* or another argument is not valid, or the library does
                not contain the law of the country.
            UnknownListError: A name in the desk's `lists` is not a list of the book.
            MissingExtraError: The extra `compliance` is not installed.
        """
        law = self.law
        if law is None:
            expected = "a country whose law the library contains"
            raise InputError(expected, self.country, "the desk")
        region = self._region(defaults.pop("region", None))
        past = read_calls(
            calls, defaults, law, region=region, log_time_zone=log_time_zone
        )
        others = [key for found in past.others.values() for key in found]
        keys = np.union1d(past.keys, np.array(others, np.uint64)).tolist()
        sources = AuditSources(
            law=law,
            book=self._book,
            lists=self._lists,
            logged=self._logged,
            evidence=_none_if_down(
                self._consents,
                lambda consents: (
                    consents.of_many(keys)
                    if isinstance(consents, ManyConsents)
                    else {key: consents.of(key) for key in keys}
                ),
            ),
            firm=self.firm,
            local_holidays=self._local_holidays,
        )
        return audit_calls(past, sources, trust=self._trust)

    def _call_under_review(
        self, number: object, law: Law, inputs: CallInputs
    ) -> CallUnderReview:
        """Return all known facts about a call, except the earlier attempts."""
        region = self._region(inputs.get("region"))
        key = normalize(number, region=region).key
        readings = readings_of(number, region)
        checked = check_inputs(inputs, [sector.name for sector in law.sectors])
        territory, zone = locate(key, law, checked.time_zone)
        near = possible_territories(key, law, zone) if self._local_holidays else ()
        caller = inputs.get("caller")
        return CallUnderReview(
            law=law,
            readings=readings,
            territory=territory,
            zone=zone,
            holiday_territories=near,
            inputs=checked,
            caller=None if caller is None else read_caller(caller, region),
            scope=CallScope(self.firm, checked.subject, checked.sector, law.vague),
            evidence=self._evidence(readings),
            book=self._book,
            lists=self._lists,
        )

    def _answer_without_law(
        self, number: object, at: datetime, inputs: CallInputs
    ) -> Answer:
        """Return the answer *ask* for a country whose law the library does not have."""
        region = check_region(inputs.get("region"))
        if region is None:
            with suppress(InputError):  # `phonenumbers` may not know this country
                region = check_region(self.country)
        normalize(number, region=region)
        check_inputs(inputs)
        known = next((c for c in countries() if c.code == self.country), None)
        ground = Ground.COUNTRY_UNKNOWN if known is None else Ground.COUNTRY_NOT_JUDGED
        judgement = Judgement.of([Finding(Effect.ASKS, ground)])
        facts = () if known is None else known.facts_on(at.date())
        return Answer(judgement, None, at, known=facts)

    def _evidence(self, readings: Readings) -> Evidence | None:
        return _of_first(self._consents, lambda each: [*map(each.of, readings)])

    def _attempts(self, readings: Readings) -> Sequence[Attempt] | None:
        return _of_first(self._calls, lambda log: [*map(log.attempts, readings)])

    def _logged(self, keys: Collection[int]) -> Mapping[int, Mapping[int, LoggedCall]]:
        """Return the logged attempts by key and id; none if the log cannot answer."""
        log = self._calls if isinstance(self._calls, ManyCalls) else None
        return _none_if_down(log, lambda log: log.calls_of_many(keys)) or {}

    def _region(self, region: str | None) -> str:
        of_book = None if self._book is None else self._book.region
        return check_region(region) or of_book or self.country

    def _answer(self, call: CallUnderReview, at: datetime) -> Answer:
        facts = facts_at(call, at)
        duties = call.law.versions[facts.version_index].all(Duty)
        sectors = {facts.sector, facts.subject_sector}
        judgement = judge(facts, call.law, trust=self._trust)
        return Answer(
            judgement,
            facts,
            at.astimezone(call.zone),
            tuple(
                one
                for one in duties
                if not one.sectors or sectors & {*one.sectors}
                if not one.automated or facts.automated
            )
            if facts.purpose is Purpose.SALE
            else (),
            _consequences(
                judgement, call.law.versions[facts.version_index], facts.channel
            ),
            _seek=lambda: self._next_allowed(call, at, judgement),
        )

    def _next_allowed(
        self, call: CallUnderReview, at: datetime, now: Judgement
    ) -> datetime | None:
        """Return the first instant after *at* at which the call may be made.

        At instants that are not in `improvement_times`, a call cannot become lawful.
        """
        if any(found.ground is Ground.SILENCE_DOUBTFUL for found in now.findings):
            return None  # no text gives the day on which the doubt ends
        for instant in improvement_times(call, at, at + self._horizon):
            judgement = judge(facts_at(call, instant), call.law, trust=self._trust)
            if judgement.decision is Decision.YES:
                return instant.astimezone(call.zone)
        return None


def _consequences(
    judgement: Judgement, version: LawVersion, channel: Channel
) -> tuple[LegalRule, ...]:
    """Return the fines for a forbidden call, and the other consequences."""
    if judgement.decision is not Decision.NO:
        return ()
    breaches = {finding.rule.sanction for finding in judgement.deciding if finding.rule}
    fines = tuple(fine for fine in version.all(Sanction) if fine.breach in breaches)
    # the other consequences exist only for calls, not for messages
    others = () if channel.is_message or not fines else version.all(Consequence)
    return (*fines, *others)


def _of_first(store: _S | None, query: Callable[[_S], list[_T]]) -> _T | None:
    """Return the records of the most likely number that digits can mean.

    If a less likely number has records, raise InvalidNumberError.
    """
    found = _none_if_down(store, query)
    if found and any(found[1:]):
        raise InvalidNumberError(Reason.AMBIGUOUS)
    return found[0] if found else None


def _none_if_down(store: _S | None, query: Callable[[_S], _T]) -> _T | None:
    """Return the result of *query*; None if *store* is None or cannot answer."""
    if store is None:
        return None
    try:
        return query(store)
    except CannotAnswerError:
        return None
