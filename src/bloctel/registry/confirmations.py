"""Double opt-in: requests that a person confirms with a signed token.

The token goes to the person and comes back in a link.  It consists of the request's id,
the second of its expiry, and a signature, joined by dots.  It contains neither the
number nor the contact, because links appear in the logs of web servers and in the
histories of browsers.

A list contains numbers and days (Code de la consommation, article R223-3, version in
force until 10 August 2026).  The contact is stored in a request, only as long as the
number.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal
from unicodedata import normalize

from bloctel import errors, rules
from bloctel._util import clock
from bloctel.numbers.phone_number import read
from bloctel.periods import to_epoch_day
from bloctel.registry import registrations
from bloctel.rules import in_force
from bloctel.storage.rows import ChangeKind, RequestRow

if TYPE_CHECKING:
    from datetime import date, datetime

    from itsdangerous import Signer

    from bloctel.periods import RegistrationPeriod
    from bloctel.rules import ListRules
    from bloctel.storage.interface import Writer
    from bloctel.storage.rows import Registration

Action = Literal["register", "renew", "withdraw"]

#: The default validity of a token.
VALID_FOR: Final = timedelta(hours=48)

_KINDS: Final = {
    "register": ChangeKind.REGISTERED,
    "renew": ChangeKind.RENEWED,
    "withdraw": ChangeKind.WITHDRAWN,
}
_MAX_CONTACT: Final = 320  # of an e-mail address (RFC 3696, erratum 1690)
_MIN_KEY: Final = 16

#: An expiry has at most 14 digits, which is more than a `timedelta` can reach.  The
#: last character of a signature has two spare bits: they are 0, so that no token has a
#: second spelling.
_MAX_EXPIRY: Final = 10**14 - 1
_TOKEN: Final = re.compile(
    r"([0-9a-f]{32})\.([0-9]{1,14})\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
)


def expiry(now: float, valid_for: timedelta) -> int:
    """Return the second at which a token expires."""
    if valid_for <= timedelta(0):
        raise errors.InputError("a positive duration", str(valid_for), "valid_for")
    return int(now + valid_for.total_seconds())


def seconds(now: datetime | None) -> float:
    """Return an instant in seconds since 1970-01-01T00:00Z, by default the present."""
    if now is None:
        return clock.now()
    if now.tzinfo is None:
        raise errors.InputError(
            "a datetime with a time zone", "a naive datetime", "now"
        )
    return now.timestamp()


def new_request(
    key: bytes, number: int, contact: str, action: Action, expires_at: int
) -> RequestRow:
    """Return a person's request, not yet for a list.

    Raises:
        InputError: The contact is empty or too long, or the action is unknown.
    """
    if action not in _KINDS:
        got = f"{len(str(action))} characters"
        raise errors.InputError(f"one of {', '.join(_KINDS)}", got, "action")
    if not isinstance(contact, str):
        raise errors.InputError("text", type(contact).__name__, "contact")
    if len(contact) > _MAX_CONTACT:
        expected = f"at most {_MAX_CONTACT} characters"
        raise errors.InputError(expected, f"{len(contact)} characters", "contact")
    person = person_of(key, contact)
    id = os.urandom(16).hex()
    return RequestRow(id, _KINDS[action], 0, number, person, contact, expires_at)


def request(
    writer: Writer, rule: ListRules, row: RequestRow, key: bytes, *, now: float
) -> str:
    """Store a request for a list, and return the token that confirms it."""
    day = clock.day_at(now, rule.time_zone)
    rule.require_open(day)
    stored = registrations.find_or_add_list(writer, rule.name)
    row = row._replace(list_id=stored.id)
    # renewals and withdrawals are checked only at the confirmation: the answer would
    # reveal whether a number is registered, and it may be another person's number
    if row.kind is ChangeKind.REGISTERED:
        _require_room(writer, rule, row, day)
    writer.save_request(row)
    return sign_token(key, row.id, row.expires_at)


def confirm(
    writer: Writer, token: str, key: bytes, *, now: float, region: str | None
) -> RegistrationPeriod:
    """Execute the request that a token confirms; return the registration period."""
    row = writer.request(read_token(key, token, now=now))
    if row is None or row.used_at is not None:
        # without a row, the number of the request was erased
        raise errors.UsedTokenError(
            "a token that was not used yet",
            "a used token",
            message="the token was already used: request a new one",
        )
    names = {stored.id: stored.name for stored in writer.lists()}
    rule = rules.load(names[row.list_id])
    day = clock.day_at(now, rule.time_zone)
    rule.require_open(day)
    if row.kind is ChangeKind.REGISTERED:
        _require_room(writer, rule, row, day)
    else:
        active = registrations.active_registrations(
            writer, rule, row.key, row.kind, on=day
        )
        if read(row.contact, region) != row.key:
            _require_same_person(writer, rule, row, active)
    writer.save_request(row._replace(used_at=int(now)))
    if row.kind is ChangeKind.REGISTERED:
        new = registrations.new_row(rule, row.key, day, None)
        return registrations.add_rows(writer, [new])[0]
    return registrations.amend(writer, rule, row.key, row.kind, on=day)


def sign_token(key: bytes, id: str, expires_at: int) -> str:
    """Return a token for a request id (32 hex digits) and an expiry in seconds."""
    if not 0 <= expires_at <= _MAX_EXPIRY:
        expected = f"an expiry from 0 to {_MAX_EXPIRY} seconds since 1970-01-01"
        raise errors.InputError(expected, str(expires_at))
    return _signer(key).sign(f"{id}.{expires_at}").decode("ascii")


def read_token(key: bytes, token: object, *, now: float) -> str:
    """Return the id of the request that a token confirms.

    Raises:
        ForgedTokenError: It is not a token that `sign_token` made with this key.
        ExpiredTokenError: It has expired.
        InputError: The key is too short.
    """
    match = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if match is None or not _signer(key).validate(match[0]):
        kind = type(token).__name__
        got = f"{kind} of length {len(token)}" if isinstance(token, str) else kind
        raise errors.ForgedTokenError(
            "a token that this registry signed",
            got,
            message="the token was not signed by this registry",
        )
    id, expires_at = match.groups()
    if not now < int(expires_at):
        raise errors.ExpiredTokenError(
            "a token that is still valid",
            f"one that expired at second {expires_at}",
            message="the token has expired: request a new one",
        )
    return id


def _signer(key: bytes) -> Signer:
    # slow imports, which most users of a registry never need
    import hashlib  # noqa: PLC0415

    from itsdangerous import Signer  # noqa: PLC0415

    return Signer(
        _long_enough(key),
        salt="bloctel token v1",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )


def _long_enough(key: bytes) -> bytes:
    if len(key) < _MIN_KEY:
        raise errors.InputError(
            f"a key of at least {_MIN_KEY} bytes", f"{len(key)} bytes"
        )
    return key


def person_of(key: bytes, contact: str) -> str:
    """Return the identifier of a person: 32 hex digits from key and contact.

    Case, outer blanks and Unicode normalisation forms make no difference, so another
    spelling of an e-mail address gives the same person.  without the key, no one can
    test contacts.

    Raises:
        InputError: The contact is blank, or the key is too short.
    """
    import hashlib  # noqa: PLC0415 - as for tokens
    import hmac  # noqa: PLC0415

    # case folding can undo the first normalisation
    plain = normalize("NFKC", normalize("NFKC", contact).casefold()).strip()
    if not plain:
        raise errors.InputError("where to reach the person", "blank text", "contact")
    message = b"bloctel person v1\0" + plain.encode("utf-8", "surrogatepass")
    return hmac.digest(_long_enough(key), message, hashlib.sha256)[:16].hex()


def _require_same_person(
    writer: Writer, rule: ListRules, row: RequestRow, active: list[Registration]
) -> None:
    """Require that this person alone confirmed all active registrations.

    Otherwise, one could register another person's number in order to withdraw it.
    """
    confirmed = [
        (other.person, clock.day_at(other.used_at, rule.time_zone))
        for other in writer.requests_of(row.list_id, [row.key])
        if other.kind is ChangeKind.REGISTERED and other.used_at is not None
    ]
    days = {to_epoch_day(day) for _, day in confirmed}
    is_theirs = {person for person, _ in confirmed} == {row.person}
    if not is_theirs or {known.registered_on for known in active} - days:
        raise errors.NotRegisteredError(
            "a registration that the same contact confirmed, or a contact that is the "
            "number itself",
            "a contact that did not confirm it",
            f"list {rule.name}",
        )


def _require_room(writer: Writer, rule: ListRules, row: RequestRow, day: date) -> None:
    """Require that the person may register one more number."""
    if not rule.numbers_per_person:
        return
    most = in_force(rule.numbers_per_person, on=day).max
    registered = _numbers_of(writer, row, day)
    if len(registered - {row.key}) >= most:
        raise errors.TooManyNumbersError(
            f"at most {most} numbers of one person",
            f"a request for {most + 1}",
            f"list {rule.name}",
        )


def _numbers_of(writer: Writer, row: RequestRow, day: date) -> set[int]:
    """Return the numbers that a request's person has on its list on a day."""
    confirmed = {
        other.key
        for other in writer.requests_by(row.list_id, row.person)
        if other.kind is ChangeKind.REGISTERED and other.used_at is not None
    }
    return {
        known.key
        for known in writer.registrations_of(confirmed)
        if known.list_id == row.list_id
        and known.withdrawn_on is None
        and known.ends_on > to_epoch_day(day)
    }
