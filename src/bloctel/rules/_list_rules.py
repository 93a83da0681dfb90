"""What the rules of a list make of a registration."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bloctel.errors import InputError, ListClosedError, NotRegisteredError
from bloctel.periods import RegistrationPeriod, add_days, add_years
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
    in_force,
)

if TYPE_CHECKING:
    from datetime import date

__all__ = ["CLEARED", "ListRules"]

#: What ends the name of the list of numbers that were answered as clear.
CLEARED: Final = ".cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRules:
    """The rules of one list, each as dated versions with their sources.

    A registration lasts for terms that are all counted from the day of the
    registration. At the end of each term the renewal rule of that day decides.
    All days are civil days in the list's time zone.

    Attributes:
        name: How the list is called in this library, as in `fr.bloctel`.
        title: What it is, in English.
        time_zone: The IANA name of the zone in which its days are counted.
        opening: When the list opens.
        closing: When it ends and what applies since; None when it has no end.
        protection_delay: How soon protection begins.
        term: How long a registration lasts.
        renewal: What happens at the end of a term; empty when no term ends.
        retention: How long data is kept.
        answer_validity: For how long an answer may be used.
        confirmation: How a registration is confirmed, if the rules say.
        numbers_per_person: How many numbers a person may register, if they say.
        vouches_for: The list of which this one holds the numbers that are known not
            to be on it; None for a list of oppositions.
    """

    name: str
    title: str
    time_zone: str
    opening: Opening
    closing: Closing | None
    protection_delay: tuple[ProtectionDelay, ...]
    term: tuple[Term, ...]
    renewal: tuple[Renewal, ...]
    retention: tuple[Retention, ...]
    answer_validity: tuple[AnswerValidity, ...]
    confirmation: tuple[Confirmation, ...]
    numbers_per_person: tuple[NumbersPerPerson, ...]
    vouches_for: str | None = None

    def clearances(self) -> ListRules:
        """Return the rules of the list of numbers that were answered as clear.

        A firm that only ever had answers, never the list, keeps each of them as a
        registration there; it lasts as long as an answer may be used.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> cleared = rules.load("fr.bloctel").clearances()
        >>> cleared.name, cleared.vouches_for
        ('fr.bloctel.cleared', 'fr.bloctel')
        >>> cleared.registration_period(date(2024, 5, 3)).ends_on
        datetime.date(2024, 6, 2)
        """
        at_once = (
            ProtectionDelay(**_dated(rule), max_days=0) for rule in self.answer_validity
        )
        term = (Term(**_dated(rule), days=rule.days) for rule in self.answer_validity)
        return replace(
            self,
            name=self.name + CLEARED,
            title=f"Numbers that are answered as clear: {self.title}",
            protection_delay=tuple(at_once),
            term=tuple(term),
            renewal=(),
            confirmation=(),
            numbers_per_person=(),
            vouches_for=self.name,
        )

    @property
    def opens_on(self) -> date:
        """The first day on which the list can be asked."""
        return self.opening.opens_on

    @property
    def closes_on(self) -> date | None:
        """The first day on which it no longer can; None when it has no end."""
        return None if self.closing is None else self.closing.closes_on

    def is_open(self, on: date) -> bool:
        """Tell whether the list can be asked about that day.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> rules.load("fr.bloctel").is_open(date(2026, 8, 11))
        False
        """
        return self.opens_on <= on and not self._has_closed(on)

    def require_open(self, on: date) -> None:
        """Return if the list can be asked about that day.

        Raises:
            ListClosedError: It cannot; the message says what applies instead.

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
        """Return the days on which a registration protects, if nobody acts on it.

        Args:
            registered_on: The day of the registration and of its receipt, from which
                the delay and the terms are counted.
            delay_days: Days until protection begins; by default, the latest
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
                f"a delay of 0 to {most} days", str(delay_days), "delay_days"
            )
        starts_on = add_days(registered_on, delay_days)
        ends_on = self._end(registered_on, sure_terms=1)
        if ends_on is not None:
            # The list may close before protection begins: no day is protected.
            starts_on = min(starts_on, ends_on)
        return RegistrationPeriod(starts_on, ends_on)

    def renewed_period(
        self, current: RegistrationPeriod, registered_on: date, *, on: date
    ) -> RegistrationPeriod:
        """Return the period after the person renewed the registration that day.

        Renewing makes sure of the term after the one in course, no more: doing it
        twice in a term adds nothing.

        Raises:
            NotRegisteredError: The registration is not in course on that day.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> bloctel = rules.load("fr.bloctel")
        >>> first_day = date(2016, 6, 1)
        >>> period = bloctel.registration_period(first_day)
        >>> period.ends_on
        datetime.date(2019, 6, 1)

        One renewal by hand leads into the years of tacit renewal.

        >>> bloctel.renewed_period(period, first_day, on=date(2019, 3, 1)).ends_on
        datetime.date(2026, 8, 11)
        """
        self._require_in_course(current, registered_on, on)
        years = in_force(self.term, on=registered_on).years
        if years is None or current.ends_on is None:
            return current
        terms = 1
        while add_years(registered_on, terms * years) <= on:
            terms += 1
        ends_on = self._end(registered_on, sure_terms=terms + 1)
        if ends_on is not None:
            # Renewals can be recorded out of order: none may undo a later one.
            ends_on = max(ends_on, current.ends_on)
        return RegistrationPeriod(current.starts_on, ends_on)

    def withdrawn_period(
        self, current: RegistrationPeriod, registered_on: date, *, on: date
    ) -> RegistrationPeriod:
        """Return the period after the person withdrew the number that day.

        The day of the withdrawal is not protected any more. Before protection
        began, the period is empty.

        Raises:
            NotRegisteredError: The registration is not in course on that day.

        >>> from datetime import date
        >>> from bloctel import rules
        >>> own = rules.load("own")
        >>> period = own.registration_period(date(2024, 5, 3))
        >>> own.withdrawn_period(period, date(2024, 5, 3), on=date(2025, 1, 2))
        ...     # doctest: +NORMALIZE_WHITESPACE
        RegistrationPeriod(starts_on=datetime.date(2024, 5, 3),
                           ends_on=datetime.date(2025, 1, 2))
        """
        self._require_in_course(current, registered_on, on)
        return RegistrationPeriod(min(current.starts_on, on), on)

    def erase_on(
        self, ends_on: date | None, *, withdrawn_on: date | None = None
    ) -> date | None:
        """Return the first day on which the data of a registration must be gone.

        The rule is the one in force on the last day of the registration, or on the
        day of the withdrawal.

        Args:
            ends_on: The end of its period.
            withdrawn_on: The day on which the person withdrew, if they did.

        Returns:
            The day; None while no end is known, or where no rule sets a day.

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
        """Return the rule that says for how long an answer of that day may be used.

        Raises:
            InputError: No rule covers the day.
        """
        return in_force(self.answer_validity, on=on)

    def answers_until(self, on: date) -> date:
        """Return the first day on which an answer of that day may not be used any more.

        An answer, or a scrubbed file, is of no use either once the list has closed.

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
            # From the first day each time: 29 February stays 29 February.
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

    def _require_in_course(
        self, current: RegistrationPeriod, registered_on: date, on: date
    ) -> None:
        # From the registration, not from the start of protection: one can withdraw
        # a number before it is protected.
        if registered_on <= on and (current.ends_on is None or on < current.ends_on):
            return
        end = "" if current.ends_on is None else f" until {current.ends_on.isoformat()}"
        raise NotRegisteredError(
            f"a day on which the registration is in course, "
            f"from {registered_on.isoformat()}{end}",
            on.isoformat(),
            f"list {self.name}",
        )


def _dated(version: Version) -> dict[str, Any]:
    """Return the days and the source of a version, for another rule that follows."""
    return {field.name: getattr(version, field.name) for field in fields(Version)}
