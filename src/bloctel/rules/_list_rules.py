"""Rules of one list: the periods of its registrations, and its open days."""

from datetime import date, timedelta
from typing import Any, Final, Self

from msgspec import Struct
from msgspec.structs import asdict, replace

from bloctel._util.strict import show
from bloctel.errors import InputError, ListClosedError, NotRegisteredError
from bloctel.periods import RegistrationPeriod, add_days, add_years
from bloctel.rules._toml import ListName, OneOrMore, Sentence, TimeZone, read, require
from bloctel.rules._versions import (
    AnswerValidity,
    Closing,
    Confirmation,
    NumbersPerPerson,
    Opening,
    ProtectionDelay,
    Renewal,
    Retention,
    Term,
    Version,
    check_versions,
    in_force,
    with_keys,
)

#: The end of the name of a list of numbers that were answered as clear.
CLEARED: Final = ".cleared"


class _Identity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: ListName
    title: Sentence
    time_zone: TimeZone


class _Sections(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    opening: Opening
    closing: Closing | None = None
    protection_delay: OneOrMore[ProtectionDelay]
    term: OneOrMore[Term]
    renewal: tuple[Renewal, ...] = ()
    retention: OneOrMore[Retention]
    answer_validity: OneOrMore[AnswerValidity]
    confirmation: tuple[Confirmation, ...] = ()
    numbers_per_person: tuple[NumbersPerPerson, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sections that contradict one another."""
        first, last = self.opening.opens_on, None
        if self.closing is not None:
            last = self.closing.closes_on
            expected = f"a day after {first}, when the list opens"
            require(first < last, expected, last, "closing.closes_on")
        for section in _DATED:
            versions = with_keys(section, getattr(self, section))
            if versions:
                _require_every_day(versions, first, last)
        if not self.renewal and any(term.years is not None for term in self.term):
            raise InputError(
                "the key renewal",
                "terms of years",
                message="the key renewal is missing; terms of years need it",
            )


_DATED: Final = tuple(
    name for name in _Sections.__struct_fields__ if name not in ("opening", "closing")
)


def _require_every_day(
    versions: list[tuple[str, Version]], first: date, last: date | None
) -> None:
    """Refuse versions of one rule that leave a day of the list without a version."""
    check_versions(versions)
    key, version = versions[0]
    start, expected = (
        version.valid_from,
        f"a day not after {first}, when the list opens",
    )
    require(start <= first, expected, start, f"{key}.valid_from")
    key, version = versions[-1]
    end, expected = version.valid_until, "no end, or a day not before the list closes"
    is_late = end is None or (last is not None and last <= end)
    require(is_late, expected, end, f"{key}.valid_until")


class ListRules(_Sections, frozen=True, kw_only=True):
    """The rules of one list, each as dated versions with their sources.

    A registration lasts for terms that are all counted from the day of the
    registration. At the end of each term the renewal rule of that day decides.
    All days are civil days in the list's time zone.

    Attributes:
        name: The name of the list in this library, such as `fr.bloctel`.
        title: Its title, in English.
        time_zone: The IANA name of the zone in which its days are counted.
        opening: The first day of the list.
        closing: The end of the list and the rules since; None when it has no end.
        protection_delay: The time until protection begins.
        term: The duration of a registration.
        renewal: Renewal at the end of a term; empty when no term ends.
        retention: The time for which data is kept.
        answer_validity: The time for which an answer may be used.
        confirmation: Confirmation of a registration, if the rules ask for it.
        numbers_per_person: Greatest count of numbers of a person, if there is one.
        opposition_list: For a list of cleared numbers: the list that they are known not
            to be on.  None for a list of oppositions.
    """

    name: str
    title: str
    time_zone: str
    opposition_list: str | None = None

    def clearances(self) -> Self:
        """Return the rules of the list of numbers that were answered as clear.

        A firm that has answers, but not the list, stores each answer as a registration
        on that list.  The registration lasts as long as the answer may be used.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> cleared = rules.load("fr.bloctel").clearances()
        >>> cleared.name, cleared.opposition_list
        ('fr.bloctel.cleared', 'fr.bloctel')
        >>> cleared.registration_period(date(2024, 5, 3)).ends_on
        datetime.date(2024, 6, 2)
        """
        versions = [(rule, _common_fields(rule)) for rule in self.answer_validity]
        return replace(
            self,
            name=self.name + CLEARED,
            title=f"Numbers that are answered as clear: {self.title}",
            protection_delay=tuple(
                ProtectionDelay(**common, max_days=0) for _, common in versions
            ),
            term=tuple(Term(**common, days=rule.days) for rule, common in versions),
            renewal=(),
            confirmation=(),
            numbers_per_person=(),
            opposition_list=self.name,
        )

    @property
    def opens_on(self) -> date:
        """The first day on which the list can answer."""
        return self.opening.opens_on

    @property
    def closes_on(self) -> date | None:
        """The first day on which the list no longer can; None when it has no end."""
        return None if self.closing is None else self.closing.closes_on

    def is_open(self, on: date) -> bool:
        """Return True if the list can answer for that day.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> rules.load("fr.bloctel").is_open(date(2026, 8, 11))
        False
        """
        return self.opens_on <= on and not self._has_closed(on)

    def require_open(self, on: date) -> None:
        """Check that the list can answer for that day.

        Raises:
            ListClosedError: It cannot.  The message says which rules apply instead.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> rules.load("own").require_open(date(2026, 8, 11))
        """
        if self.is_open(on):
            return
        explanation = ""
        if self.closing is not None and self._has_closed(on):
            closed = self.closing
            explanation = f"since {closed.closes_on.isoformat()}, {closed.since}"
        raise ListClosedError(self.name, on, self._open_days(), explanation)

    def registration_period(
        self, registered_on: date, *, delay_days: int | None = None
    ) -> RegistrationPeriod:
        """Return the period of a registration, without renewal or withdrawal by hand.

        Args:
            registered_on: The day of the registration and of its receipt; the delay
                and the terms are counted from it.
            delay_days: Days until protection begins; by default, the longest delay
                that the rules allow.

        Raises:
            ListClosedError: The list is not open on that day.
            InputError: The rules do not allow that delay.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> rules.load("fr.bloctel").registration_period(date(2018, 5, 3))
        ...     # doctest: +NORMALIZE_WHITESPACE
        RegistrationPeriod(starts_on=datetime.date(2018, 6, 2),
                           ends_on=datetime.date(2021, 5, 3))
        """
        self.require_open(registered_on)
        most = in_force(self.protection_delay, on=registered_on).max_days
        if delay_days is None:
            delay_days = most
        if type(delay_days) is not int or not 0 <= delay_days <= most:
            raise InputError(
                f"a delay of 0 to {most} days", show(delay_days), "delay_days"
            )
        starts_on = add_days(registered_on, delay_days)
        ends_on = self._end(registered_on, sure_terms=1)
        if ends_on is not None:
            # the list may close before protection begins: no day is protected
            starts_on = min(starts_on, ends_on)
        return RegistrationPeriod(starts_on, ends_on)

    def renewed_period(
        self, current: RegistrationPeriod, registered_on: date, *, on: date
    ) -> RegistrationPeriod:
        """Return the period after the person renewed the registration that day.

        A renewal adds the term after the current one.  A second renewal in the same
        term adds nothing.

        Raises:
            NotRegisteredError: The registration is not active on that day.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> bloctel = rules.load("fr.bloctel")
        >>> first_day = date(2016, 6, 1)
        >>> period = bloctel.registration_period(first_day)
        >>> period.ends_on
        datetime.date(2019, 6, 1)

        This renewal by hand lasts until the years of tacit renewal.

        >>> bloctel.renewed_period(period, first_day, on=date(2019, 3, 1)).ends_on
        datetime.date(2026, 8, 11)
        """
        self._require_active(current, registered_on, on)
        years = in_force(self.term, on=registered_on).years
        if years is None or current.ends_on is None:
            return current
        terms = 1
        while add_years(registered_on, terms * years) <= on:
            terms += 1
        ends_on = self._end(registered_on, sure_terms=terms + 1)
        if ends_on is not None:
            # renewals can be recorded out of order: no renewal shortens the period
            ends_on = max(ends_on, current.ends_on)
        return RegistrationPeriod(current.starts_on, ends_on)

    def withdrawn_period(
        self, current: RegistrationPeriod, registered_on: date, *, on: date
    ) -> RegistrationPeriod:
        """Return the period after the person withdrew the number that day.

        The day of the withdrawal is no longer protected.  If protection had not begun,
        the period is empty.

        Raises:
            NotRegisteredError: The registration is not active on that day.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> own = rules.load("own")
        >>> period = own.registration_period(date(2024, 5, 3))
        >>> own.withdrawn_period(period, date(2024, 5, 3), on=date(2025, 1, 2))
        ...     # doctest: +NORMALIZE_WHITESPACE
        RegistrationPeriod(starts_on=datetime.date(2024, 5, 3),
                           ends_on=datetime.date(2025, 1, 2))
        """
        self._require_active(current, registered_on, on)
        return RegistrationPeriod(min(current.starts_on, on), on)

    def erase_on(
        self, ends_on: date | None, *, withdrawn_on: date | None = None
    ) -> date | None:
        """Return the first day on which the data of a registration must be erased.

        The rule in force on the last day of the registration applies, or the one in
        force on the day of the withdrawal.

        Args:
            ends_on: The end of its period.
            withdrawn_on: The day of the withdrawal, if there was one.

        Returns:
            The day; None if no end is known, or if no rule sets a day.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> rules.load("fr.bloctel").erase_on(date(2019, 6, 1))
        datetime.date(2022, 6, 1)
        """
        if withdrawn_on is not None:
            rule = in_force(self.retention, on=withdrawn_on)
            return add_days(withdrawn_on, rule.withdrawn_days)
        if ends_on is None:
            return None
        years = in_force(self.retention, on=ends_on - timedelta(days=1)).lapsed_years
        return None if years is None else add_years(ends_on, years)

    def answer_rule(self, on: date) -> AnswerValidity:
        """Return the rule on how long an answer of that day may be used.

        Raises:
            InputError: No rule covers the day.
        """
        return in_force(self.answer_validity, on=on)

    def answers_until(self, on: date) -> date:
        """Return the first day on which an answer of that day may no longer be used.

        Answers, and scrubbed files, expire when the list closes at the latest.

        Raises:
            InputError: No rule covers the day.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> rules.load("fr.bloctel").answers_until(date(2024, 5, 3))
        datetime.date(2024, 6, 2)
        >>> rules.load("fr.bloctel").answers_until(date(2026, 8, 1))
        datetime.date(2026, 8, 11)
        """
        end = add_days(on, self.answer_rule(on).days)
        closes_on = self.closes_on
        return end if closes_on is None else min(end, closes_on)

    def _end(self, registered_on: date, *, sure_terms: int) -> date | None:
        term = in_force(self.term, on=registered_on)
        if term.days is not None:
            end = add_days(registered_on, term.days)
            return self.closes_on if self._has_closed(end) else end
        years = term.years
        if years is None:
            return self.closes_on
        while True:
            # count from the first day each time, so that 29 February stays 29 February
            term_end = add_years(registered_on, sure_terms * years)
            if self._has_closed(term_end):
                return self.closes_on
            rule = in_force(self.renewal, on=term_end)
            if not rule.is_tacit_for(term_end):
                return term_end
            if rule.valid_until is None:
                return self.closes_on
            sure_terms += 1

    def _has_closed(self, on: date) -> bool:
        return self.closes_on is not None and on >= self.closes_on

    def _open_days(self) -> str:
        first = self.opens_on.isoformat()
        if self.closes_on is None:
            return f"a day from {first} on"
        last = self.closes_on - timedelta(days=1)
        return f"a day from {first} to {last.isoformat()}"

    def _require_active(
        self, current: RegistrationPeriod, registered_on: date, on: date
    ) -> None:
        # from the registration, not from the start of protection: a number can be
        # withdrawn before it is protected
        if registered_on <= on and (current.ends_on is None or on < current.ends_on):
            return
        end = "" if current.ends_on is None else f" until {current.ends_on.isoformat()}"
        raise NotRegisteredError(
            f"a day on which the registration is active, "
            f"from {registered_on.isoformat()}{end}",
            on.isoformat(),
            f"list {self.name}",
        )


def _common_fields(version: Version) -> dict[str, Any]:
    """Return the fields that versions of all rules have."""
    return {name: getattr(version, name) for name in Version.__struct_fields__}


class _Document(_Sections, frozen=True, kw_only=True):
    list: _Identity


def parse(text: str, where: str) -> ListRules:
    """Parse the rules of a list from a TOML document.

    Args:
        text: The document; `fr.bloctel.toml` in this package is the model.
        where: The name of the document in messages, such as a file name.

    Raises:
        InputError: The rules are incomplete or contradict one another.  `where` has
            the key.

    >>> parse("[lists]", "mine.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys answer_validity, ...
    """
    document = read(_Document, text, where)
    sections = {name: getattr(document, name) for name in _Sections.__struct_fields__}
    return ListRules(**asdict(document.list), **sections)
