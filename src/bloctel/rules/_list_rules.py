"""Rules of opposition lists: search by name, and periods of registrations."""

import re
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from msgspec import Struct, to_builtins
from msgspec.structs import asdict, replace

from bloctel._util import canonical_json, clock
from bloctel._util.protected_files import protect
from bloctel._util.strict import show
from bloctel._util.whole_files import in_utf8, read_file
from bloctel.errors import (
    InputError,
    ListClosedError,
    ListRulesError,
    NotRegisteredError,
    UnknownListError,
)
from bloctel.periods import RegistrationPeriod, add_days, add_years
from bloctel.rules._toml import (
    LIST_NAME,
    ListName,
    OneOrMore,
    Sentence,
    TimeZone,
    read,
    require,
)
from bloctel.rules._versions import (
    AnswerValidity,
    Closing,
    Confirmation,
    Distribution,
    NumbersPerPerson,
    Opening,
    ProtectionDelay,
    Renewal,
    Retention,
    Term,
    Version,
    check_versions,
    in_force,
)

#: The end of the name of a list of cleared numbers, such as `fr.bloctel.cleared`.
CLEARED: Final = ".cleared"

_FOLDER: Final = Path(__file__).parent
#: The scope of a list's name: the part after the colon.  A scope does not contain five
#: consecutive digits, because these could be part of a phone number.
_SCOPE: Final = re.compile(r"(?!.*\d[\d-]{4})[a-z][a-z0-9-]{0,31}")

_LONGEST_FILE: Final = 1 << 20

#: Keys of a rules file whose values only inform people; they never change an answer.
_TEXTS: Final = frozenset({"title", "source", "certainty", "note", "since"})

_registered: Final[dict[str, "ListRules"]] = {}


class _Identity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: ListName
    title: Sentence
    time_zone: TimeZone


class _Sections(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    opening: Opening
    closing: Closing | None = None
    distribution: Distribution | None = None
    protection_delay: OneOrMore[ProtectionDelay]
    term: OneOrMore[Term]
    renewal: tuple[Renewal, ...] = ()
    retention: OneOrMore[Retention]
    answer_validity: OneOrMore[AnswerValidity]
    confirmation: tuple[Confirmation, ...] = ()
    numbers_per_person: tuple[NumbersPerPerson, ...] = ()

    def __post_init__(self) -> None:
        first, last = self.opening.opens_on, None
        if self.closing is not None:
            last = self.closing.closes_on
            expected = f"a day after {first} (the day on which the list opens)"
            require(first < last, expected, last, "closing.closes_on")
        for section in _DATED:
            if versions := getattr(self, section):
                _require_every_day(section, versions, first, last)
        if not self.renewal and any(term.years is not None for term in self.term):
            message = "the section renewal is missing; a term in years needs it"
            raise InputError("the section renewal", "none", message=message)


_DATED: Final = tuple(
    name
    for name in _Sections.__struct_fields__
    if name not in ("opening", "closing", "distribution")
)


def _require_every_day(
    section: str, versions: Sequence[Version], first: date, last: date | None
) -> None:
    check_versions(section, versions)
    start, end = versions[0].valid_from, versions[-1].valid_until
    expected = f"{first} (the day on which the list opens), or an earlier day"
    require(start <= first, expected, start, f"{section}[0].valid_from")
    closes = f"{last} (the day on which the list closes), a later day, or "
    expected = f"{closes if last else ''}no end"
    is_late = end is None or (last is not None and last <= end)
    require(is_late, expected, end, f"{section}[{len(versions) - 1}].valid_until")


class ListRules(_Sections, frozen=True, kw_only=True):
    """Rules of one opposition list, in versions with dates and sources.

    A registration lasts for one or more terms.  All terms are counted from the day of
    the registration.  On the last day of a term, the renewal rule in force decides if
    another term follows.  All days are calendar days in the list's time zone.

    Attributes:
        name: The name of the list in this library, such as `fr.bloctel`.
        title: The title of the list, in English.
        time_zone: The IANA name of the time zone in which days are counted.
        opening: The first day of the list.
        closing: The end of the list, and the rules that apply after the end; None if
            the list has no end.
        distribution: The distribution of the list as files; None if the list is not
            handed out.  On a list that is handed out, a phone number that no recent
            file covers is not known, so it is never clear.
        protection_delay: The time between a registration and the beginning of
            protection.
        term: The duration of a registration.
        renewal: The renewal at the end of a term; empty if terms cannot be renewed.
        retention: The time for which data is kept after a registration.
        answer_validity: The time for which an operator's answer, or a file of the list,
            may be used.
        confirmation: The confirmation of a registration; empty if the rules require no
            confirmation.
        numbers_per_person: Maximum count of phone numbers of a person; empty if there
            is no maximum.
        opposition_list: For a list of cleared numbers, the name of the opposition list
            that does not contain these numbers.  None if the list is an opposition
            list.
    """

    name: str
    title: str
    time_zone: str
    opposition_list: str | None = None

    def clearances(self) -> Self:
        """Return the rules of the list that contains the cleared numbers of this list.

        A firm that cannot get the opposition list asks the body that runs the list.  If
        this body answers that a number is not on the list, the number is cleared.  The
        firm stores the answer as a registration on the list of cleared numbers.  The
        registration lasts as long as the firm may use the answer.

        >>> from bloctel import rules
        >>> cleared = rules.load("fr.bloctel").clearances()
        >>> cleared.name, cleared.opposition_list
        ('fr.bloctel.cleared', 'fr.bloctel')
        >>> cleared.registration_period(date(2024, 5, 3)).ends_on
        datetime.date(2024, 6, 2)
        """
        versions = [
            (rule, {name: getattr(rule, name) for name in Version.__struct_fields__})
            for rule in self.answer_validity
        ]
        return replace(
            self,
            name=self.name + CLEARED,
            title=f"Numbers that are answered as clear: {self.title}",
            protection_delay=tuple(
                ProtectionDelay(**common, max_days=0) for _, common in versions
            ),
            term=tuple(Term(**common, days=rule.days) for rule, common in versions),
            distribution=None,
            renewal=(),
            confirmation=(),
            numbers_per_person=(),
            opposition_list=self.name,
        )

    @property
    def opens_on(self) -> date:
        """The first day for which numbers can be looked up on the list."""
        return self.opening.opens_on

    @property
    def closes_on(self) -> date | None:
        """The first day on which the list no longer exists; None if there is no end."""
        return None if self.closing is None else self.closing.closes_on

    def is_open(self, on: date) -> bool:
        """Return True if numbers can be looked up on the list for the day *on*.

        >>> from bloctel import rules
        >>> rules.load("fr.bloctel").is_open(date(2026, 8, 11))
        False
        """
        return self.opens_on <= on and not self._has_closed(on)

    def require_open(self, on: date) -> None:
        """Raise ListClosedError unless `is_open` is true for the day *on*.

        Raises:
            ListClosedError: The list is not open.  If the list has closed, the message
                names the rules that apply instead.

        >>> from bloctel import rules
        >>> rules.load("own").require_open(date(2026, 8, 11))
        """
        if self.is_open(on):
            return
        expected, explanation = f"a day from {self.opens_on}", ""
        if self.closing is None:
            expected += " on"
        else:
            expected += f" to {self.closing.closes_on - timedelta(days=1)}"
            if self._has_closed(on):
                explanation = f"since {self.closing.closes_on}, {self.closing.since}"
        raise ListClosedError(self.name, on, expected, explanation)

    def registration_period(
        self, registered_on: date, *, delay_days: int | None = None
    ) -> RegistrationPeriod:
        """Return the period of a registration that is neither renewed nor withdrawn.

        Args:
            registered_on: The day of the registration.  The delay and the terms are
                counted from this day.
            delay_days: The number of days until protection begins; by default, the
                longest delay that the rules allow.

        Raises:
            ListClosedError: The list is not open on the day of the registration.
            InputError: The rules do not allow the delay.

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
            expected = f"a delay of 0 to {most} days"
            raise InputError(expected, show(delay_days), "delay_days")
        starts_on = add_days(registered_on, delay_days)
        ends_on = self._end(registered_on, sure_terms=1)
        if ends_on is not None:
            # if the list closes before protection begins, the period contains no day
            starts_on = min(starts_on, ends_on)
        return RegistrationPeriod(starts_on, ends_on)

    def renewed_period(
        self, current: RegistrationPeriod, registered_on: date, *, on: date
    ) -> RegistrationPeriod:
        """Return the new period of a registration that is renewed on the day *on*.

        A renewal adds one term after the current term.  A second renewal in the same
        term adds nothing.

        Raises:
            NotRegisteredError: The registration is not active on the day *on*.

        >>> from bloctel import rules
        >>> bloctel = rules.load("fr.bloctel")
        >>> first_day = date(2016, 6, 1)
        >>> period = bloctel.registration_period(first_day)
        >>> period.ends_on
        datetime.date(2019, 6, 1)

        The person renews once.  Later terms follow tacitly: the person does nothing.

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
            # a later renewal may be recorded already, so do not shorten the period
            ends_on = max(ends_on, current.ends_on)
        return RegistrationPeriod(current.starts_on, ends_on)

    def withdrawn_period(
        self, current: RegistrationPeriod, registered_on: date, *, on: date
    ) -> RegistrationPeriod:
        """Return the new period of a registration that is withdrawn on the day *on*.

        On the day of the withdrawal, the number is no longer protected.  If protection
        has not begun before this day, the period contains no day.

        Raises:
            NotRegisteredError: The registration is not active on the day *on*.

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

        If the registration was withdrawn, the rule in force on the day of the
        withdrawal applies.  Otherwise, the rule in force on the last day of the
        registration applies.

        Args:
            ends_on: The first day after the period of the registration; None if there
                is no end.
            withdrawn_on: The day of the withdrawal; None if there was no withdrawal.

        Returns:
            The day; None if the registration has no end, or if no rule sets a day.

        >>> from bloctel import rules
        >>> rules.load("fr.bloctel").erase_on(date(2019, 6, 1))
        datetime.date(2022, 6, 1)
        """
        if withdrawn_on is not None:
            rule = in_force(self.retention, on=withdrawn_on)
            return add_days(withdrawn_on, rule.withdrawn_days)
        if ends_on is None:
            return None
        # a registration without days can end on the first day of the list
        last = ends_on if ends_on == self.opens_on else ends_on - timedelta(days=1)
        years = in_force(self.retention, on=last).lapsed_years
        return None if years is None else add_years(ends_on, years)

    def answer_rule(self, on: date) -> AnswerValidity:
        """Return the rule that limits how long an answer given on day *on* may be used.

        Raises:
            InputError: No rule on the use of answers applies on the day.
        """
        return in_force(self.answer_validity, on=on)

    def answers_until(self, on: date) -> date:
        """Return the first day on which an answer given on day *on* is no longer valid.

        The same day applies to a call file that was scrubbed (checked against the list)
        on the day *on*.  After the list has closed, no answer is valid.

        Raises:
            InputError: No rule on the use of answers applies on the day.

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
            # count from the first day, not from the last term: otherwise terms that
            # begin on 29 February would end on 28 February even in leap years
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

    def _require_active(
        self, current: RegistrationPeriod, registered_on: date, on: date
    ) -> None:
        # compare with the day of the registration, not with the first protected day,
        # because a person can withdraw a number before protection begins
        if registered_on <= on and (current.ends_on is None or on < current.ends_on):
            return
        end = "" if current.ends_on is None else f" until {current.ends_on.isoformat()}"
        raise NotRegisteredError(
            f"a day on which the registration is active, "
            f"from {registered_on.isoformat()}{end}",
            on.isoformat(),
            f"list {self.name}",
        )


class _Document(_Sections, frozen=True, kw_only=True):
    list: _Identity


def parse(text: str, where: str) -> ListRules:
    """Parse the rules of a list from a TOML document.

    Args:
        text: The document; `fr.bloctel.toml` in this package is the model.
        where: The name of the document in error messages, such as a file name.

    Raises:
        InputError: The rules are incomplete or contradict one another.  The attribute
            `where` of the error names the wrong key.

    >>> parse("[lists]", "mine.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys answer_validity, ...
    """
    document = read(_Document, text, where)
    sections = {name: getattr(document, name) for name in _Sections.__struct_fields__}
    return ListRules(**asdict(document.list), **sections)


def names() -> tuple[str, ...]:
    """Return the names of the library's lists, then the names of registered lists.

    >>> names()
    ('be.dncm', 'ca.dncl', 'fr.bloctel', 'gb.tps', 'own', 'us.dnc')
    """
    return (*_packaged(), *sorted(_registered))


@cache
def _packaged() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def check_name(name: object) -> str:
    """Return *name* if it is a text; otherwise raise InputError."""
    if not isinstance(name, str):
        got = f"a value of type {type(name).__name__}"
        raise InputError("the name of a list as a text", got, "lists")
    return name


def load(name: str) -> ListRules:
    """Return the rules of a list.

    Several lists can have the same rules.  The name of such a list ends in a colon and
    a scope, such as a brand: the list `own:brand-a` has the rules of `own`.  The
    list `fr.bloctel.cleared` contains the numbers that an operator reported as not on
    the list `fr.bloctel` (`ListRules.clearances`).

    Raises:
        UnknownListError: No list has this name.  The message contains the known names.

    >>> load("fr.bloctel").closes_on
    datetime.date(2026, 8, 11)
    >>> load("own:brand-a").name
    'own:brand-a'
    """
    return _load(check_name(name))


@cache
def _load(name: str) -> ListRules:
    base, colon, scope = name.partition(":")
    listed = shared_rules_of(name)
    # make a path only from the name of a list in the folder: another text could contain
    # ".." and lead out of the folder
    if listed not in names() or (colon and not _SCOPE.fullmatch(scope)):
        known, shown = ", ".join(names()), shown_name(name)
        raise UnknownListError(
            f"one of the lists {known}, or one with a scope such as own:brand-a",
            shown,
            message=f"no rules for the list {shown}{_similar(name, names())}; the "
            f"known lists are {known}; a scope may follow, such as own:brand-a. To use "
            "a different list, register its rules first: bloctel.rules.register(file) "
            "in Python, or the option --rules FILE",
        )
    if colon:
        rules = load(base)
        opposition_list = rules.opposition_list and f"{rules.opposition_list}:{scope}"
        return replace(rules, name=name, opposition_list=opposition_list)
    if listed != base:
        return load(listed).clearances()
    if name in _registered:
        return _registered[name]
    file = _FOLDER / f"{name}.toml"
    return parse(file.read_text(encoding="utf-8"), file.name)


def load_stored(name: str, stored_digest: str | None) -> ListRules:
    """Return a list's rules; raise ListRulesError if *stored_digest* does not match."""
    try:
        found = load(name)
    except UnknownListError as error:
        raise ListRulesError(
            error.expected, error.got, message=error.message
        ) from error
    if digest(name) != stored_digest:
        raise ListRulesError(
            "the rules of the registry or the snapshot",
            "other rules",
            message=f"the rules of the list {name} in this process are not the rules "
            "of the registry or the snapshot. Register the same rules in each process: "
            "bloctel.rules.register(file) in Python, or the option --rules FILE. If "
            "the rules have changed: run bloctel registry update-rules, restart each "
            "process, and build the snapshot again",
        )
    return found


def digest(name: str) -> str | None:
    """Return the digest of a list's rules; None if the rules come with the library.

    The digest is the SHA-256 of the rules in canonical JSON (RFC 8785), without the
    texts that only inform people, such as sources.

    Raises:
        UnknownListError: No list has this name.
    """
    base = shared_rules_of(name)
    return None if base in _packaged() else _digest(load(base))


def shared_rules_of(name: str) -> str:
    """Remove the scope and the ending `.cleared` from the name of a list.

    >>> shared_rules_of("fr.bloctel.cleared:brand-a")
    'fr.bloctel'
    """
    return name.partition(":")[0].removesuffix(CLEARED)


def cleared_name(name: str) -> str:
    """Return the name of the list of cleared numbers of an opposition list.

    >>> cleared_name("fr.bloctel:brand-a")
    'fr.bloctel.cleared:brand-a'
    """
    base, colon, scope = name.partition(":")
    return f"{base}{CLEARED}{colon}{scope}"


@cache
def _digest(rules: ListRules) -> str:
    from hashlib import sha256  # noqa: PLC0415 - slow to import, and rarely needed

    return sha256(canonical_json.canonical(_effective(to_builtins(rules)))).hexdigest()


def _effective(value: Any) -> Any:
    """Return *value* without empty values and `_TEXTS`, also inside its tables."""
    if isinstance(value, dict):
        return {
            key: _effective(part)
            for key, part in value.items()
            if key not in _TEXTS and part not in (None, (), [])
        }
    return [*map(_effective, value)] if isinstance(value, list | tuple) else value


def unknown_list_error(
    name: str, known: Collection[str], advice: str = ""
) -> UnknownListError:
    """Return an error for a list that is not in *known*; the message gives *advice*."""
    shown, names = shown_name(name), ", ".join(known) or "none"
    return UnknownListError(
        f"one of the lists {names}",
        shown,
        message=f"there is no list {shown}{_similar(name, known)}; the existing lists "
        f"are: {names}{advice}",
    )


def _similar(name: str, known: Collection[str]) -> str:
    """Return " (did you mean NAME?)" with the most similar name, or an empty text."""
    from difflib import get_close_matches  # noqa: PLC0415 - only errors need it

    found = get_close_matches(shown_name(name), known, 1)
    return f" (did you mean {found[0]}?)" if found else ""


def registered() -> tuple[ListRules, ...]:
    """Return the registered rules, which another process can pass to `register`."""
    return tuple(_registered.values())


def register(source: str | Path | ListRules) -> ListRules:
    """Register the rules of a list that is not in the library.

    After the registration, you can use the list in this process like a list of the
    library.  A second registration of the same rules changes nothing.

    Args:
        source: The path of a TOML file, or rules from `registered` in another process.
            `docs/reference/rules.md` documents the keys of the file.

    Returns:
        The rules.

    Raises:
        InputError: The file cannot be read, the rules are incomplete or contradict one
            another, or a list with different rules has this name already.  Nothing is
            registered.
    """
    if isinstance(source, ListRules):
        where, rules = "rules", source
    else:
        where = str(source)
        data = read_file(source, "a file with rules of a list", most=_LONGEST_FILE)
        rules = parse(in_utf8(data, where), where)
        protect(source, "rules")
    name = rules.name
    if not LIST_NAME.fullmatch(name) or name.endswith(CLEARED):
        expected = f"a name such as fr.bloctel that does not end in {CLEARED}"
        raise InputError(expected, shown_name(name), f"{where}, list.name")
    try:
        clock.zone(rules.time_zone)
    except InputError as error:
        key = f"{where}, list.time_zone"
        raise InputError(error.expected, error.got, key) from error
    known = load(name) if name in _packaged() else _registered.setdefault(name, rules)
    if known != rules:
        raise InputError(
            "the same rules as before, or a new name",
            f"other rules for {name}",
            f"{where}, list.name",
            message=f"the list {name} already has other rules in this process; "
            "choose a new name, or add a dated version to the rules and restart",
        )
    return load(name)


def shown_name(name: object) -> str:
    """Return the text that error messages show for the name of a list.

    A text that cannot be the name of a list may be a phone number in the wrong
    argument, so the message shows only the length of this text.

    >>> shown_name("fr.blocktel"), shown_name("0639981234")
    ('fr.blocktel', '(text of 10 characters)')
    """
    if not isinstance(name, str):
        return f"({type(name).__name__})"
    base, colon, scope = name.partition(":")
    if LIST_NAME.fullmatch(base.removesuffix(CLEARED)) and (
        not colon or _SCOPE.fullmatch(scope)
    ):
        return name
    return f"(text of {len(name)} characters)"
