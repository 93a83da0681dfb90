"""What people ask for without a password: a token goes to them, and comes back.

The list holds a number and a day (Code de la consommation, article R223-3, version in
force until 10 August 2026); who asked is kept beside it, only as long as the number.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from bloctel import rules
from bloctel._util import clock
from bloctel.errors import (
    InputError,
    NotRegisteredError,
    TooManyNumbersError,
    UsedTokenError,
)
from bloctel.numbers.phone_number import read
from bloctel.periods import to_epoch_day
from bloctel.registry import registrations
from bloctel.rules import in_force
from bloctel.storage.rows import ChangeKind, RequestRow

if TYPE_CHECKING:
    from datetime import date, datetime

    from bloctel.periods import RegistrationPeriod
    from bloctel.rules import ListRules
    from bloctel.storage.interface import Writer
    from bloctel.storage.rows import Registration

__all__ = ["VALID_FOR", "Action", "Asked", "confirm", "request", "seconds"]

Action = Literal["register", "renew", "withdraw"]

#: How long a token works if nobody says otherwise.
VALID_FOR: Final = timedelta(hours=48)

_KINDS: Final = {
    "register": ChangeKind.REGISTERED,
    "renew": ChangeKind.RENEWED,
    "withdraw": ChangeKind.WITHDRAWN,
}
_LONGEST_CONTACT: Final = 320  # of an e-mail address (RFC 3696, erratum 1690)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for.

    Attributes:
        rule: The rules of the list.
        key: The number.
        contact: Where the person is reached.
        action: What is asked.

    Raises:
        InputError: There is no way to reach the person, or no such action.
    """

    rule: ListRules
    key: int
    contact: str
    action: Action

    def __post_init__(self) -> None:
        if self.action not in _KINDS:
            known = ", ".join(_KINDS)
            raise InputError(f"one of {known}", "something else", "action")
        if not isinstance(self.contact, str) or not self.contact.strip():
            raise InputError("text", "nothing by which to reach a person", "contact")
        if len(self.contact) > _LONGEST_CONTACT:
            got = f"{len(self.contact)} characters"
            raise InputError(f"at most {_LONGEST_CONTACT} characters", got, "contact")

    @property
    def kind(self) -> ChangeKind:
        """What will have happened."""
        return _KINDS[self.action]


def seconds(now: datetime | None) -> float:
    """Return a moment in seconds since 1970-01-01T00:00Z, by default the present.

    Raises:
        InputError: The moment has no time zone.
    """
    if now is None:
        return clock.now()
    if now.tzinfo is None:
        raise InputError("a datetime with a time zone", "one without", "now")
    return now.timestamp()


def request(
    writer: Writer, asked: Asked, key: bytes, *, now: float, valid_for: timedelta
) -> str:
    """Note what a person asks for, and return the token that confirms it."""
    from bloctel.registry import tokens  # noqa: PLC0415 - a third of the library's import time

    if valid_for <= timedelta(0):
        raise InputError("some time", "none", "valid_for")
    day = clock.day_at(now, asked.rule.time_zone)
    asked.rule.require_open(day)
    held = registrations.held_list(writer, asked.rule.name)
    person = tokens.person_of(key, asked.contact)
    id = os.urandom(16)
    expires_at = int(now + valid_for.total_seconds())
    row = RequestRow(
        id.hex(), asked.kind, held.id, asked.key, person, asked.contact, expires_at
    )
    # whether there is something to renew or to withdraw is told to nobody who may
    # only be asking about another person's number
    if row.kind is ChangeKind.REGISTERED:
        _require_few(writer, asked.rule, row, day)
    writer.save_request(row)
    return tokens.sign(key, id, expires_at)


def confirm(
    writer: Writer, token: str, key: bytes, *, now: float, region: str | None
) -> RegistrationPeriod:
    """Do what a token stands for, and return the period of the registration."""
    from bloctel.registry import tokens  # noqa: PLC0415

    row = writer.request(tokens.read(key, token, now=now))
    if row is None or row.used_at is not None:
        # signed by us and gone: the number it was for has been erased
        raise UsedTokenError("a token that was not confirmed yet", "a used one")
    names = {held.id: held.name for held in writer.lists()}
    rule = rules.load(names[row.list_id])
    day = clock.day_at(now, rule.time_zone)
    rule.require_open(day)
    if row.kind is ChangeKind.REGISTERED:
        _require_few(writer, rule, row, day)
    else:
        in_course = registrations.require_in_course(
            writer, rule, row.key, row.kind, on=day
        )
        if read(row.contact, region) != row.key:
            _require_theirs(writer, rule, row, in_course)
    writer.save_request(row._replace(used_at=int(now)))
    if row.kind is ChangeKind.REGISTERED:
        new = registrations.new_row(rule, row.key, day, None)
        return registrations.add_rows(writer, [new])[0]
    return registrations.amend(writer, rule, row.key, row.kind, on=day)


def _require_theirs(
    writer: Writer, rule: ListRules, row: RequestRow, in_course: list[Registration]
) -> None:
    """Refuse whoever did not confirm all that is in course, alone.

    Another person could register the number as well, to take it off afterwards.

    Raises:
        NotRegisteredError: The person is another one, or nobody knows who it was.
    """
    confirmed = [
        (other.person, clock.day_at(other.used_at, rule.time_zone))
        for other in writer.requests_of(row.list_id, [row.key])
        if other.kind is ChangeKind.REGISTERED and other.used_at is not None
    ]
    days = {to_epoch_day(day) for _, day in confirmed}
    is_theirs = {person for person, _ in confirmed} == {row.person}
    if not is_theirs or {known.registered_on for known in in_course} - days:
        raise NotRegisteredError(
            "a registration that the same person confirmed, or a contact that is the "
            "number itself",
            "another contact",
            f"list {rule.name}",
        )


def _require_few(writer: Writer, rule: ListRules, row: RequestRow, day: date) -> None:
    """Refuse a number too many.

    Raises:
        TooManyNumbersError: The person has as many numbers as the rules allow.
    """
    if not rule.numbers_per_person:
        return
    most = in_force(rule.numbers_per_person, on=day).max
    theirs = _numbers_of(writer, row, day)
    if len(theirs - {row.key}) >= most:
        raise TooManyNumbersError(
            f"at most {most} numbers of one person",
            "one more",
            f"list {rule.name}",
        )


def _numbers_of(writer: Writer, row: RequestRow, day: date) -> set[int]:
    """Return the numbers that the person of a request has on its list that day."""
    asked = {
        other.key
        for other in writer.requests_by(row.list_id, row.person)
        if other.kind is ChangeKind.REGISTERED and other.used_at is not None
    }
    return {
        known.key
        for known in writer.registrations_of(asked)
        if known.list_id == row.list_id
        and known.withdrawn_on is None
        and known.ends_on > to_epoch_day(day)
    }
