"""Double opt-in: requests that a person confirms with a signed token.

The person receives the token and returns it in a link.  The token consists of the
request's id, the time of its expiry in seconds, and a signature, joined by dots.  It
contains neither the number nor the contact, because web servers log links.

By law, a list contains only numbers and days (Code de la consommation, article R223-3,
version in force until 10 August 2026).  So the contact is stored in the request, and is
erased when the number is erased.
"""

import hashlib
import hmac
import os
import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal
from unicodedata import category, normalize
from urllib.parse import unquote

from bloctel import errors
from bloctel._util import clock
from bloctel._util.instants import past_instant
from bloctel.numbers import phone_number
from bloctel.periods import RegistrationPeriod, to_epoch_day
from bloctel.registry import registrations
from bloctel.rules import ListRules, in_force
from bloctel.storage.interface import Writer
from bloctel.storage.rows import ChangeKind, Registration, RequestRow

if TYPE_CHECKING:
    from itsdangerous import Signer

Action = Literal["register", "renew", "withdraw"]

#: The default validity of a token.
VALID_FOR: Final = timedelta(hours=48)

_KINDS: Final = {
    "register": ChangeKind.REGISTERED,
    "renew": ChangeKind.RENEWED,
    "withdraw": ChangeKind.WITHDRAWN,
}
_MAX_CONTACT: Final = 320  # the longest e-mail address (RFC 3696, erratum 1690)
_MIN_KEY: Final = 16

#: The expiry has at most 14 digits, which is enough for every `timedelta`.  The last
#: character of a signature has two unused bits.  They must be 0: otherwise, one token
#: could be written in four ways.
_MAX_EXPIRY: Final = 10**14 - 1
_TOKEN: Final = re.compile(
    r"([0-9a-f]{32})\.([0-9]{1,14})\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
)


def expiry(now: float, valid_for: timedelta) -> int:
    """Return the time at which a token expires, in seconds since 1970-01-01T00:00Z."""
    if check_duration(valid_for, "valid_for") <= timedelta(0):
        raise errors.InputError("a positive duration", str(valid_for), "valid_for")
    return int(now + valid_for.total_seconds())


def check_duration(value: object, where: str) -> timedelta:
    """Return *value* if it is a timedelta; otherwise raise InputError."""
    if not isinstance(value, timedelta):
        got = f"a value of type {type(value).__name__}"
        raise errors.InputError("a datetime.timedelta", got, where)
    return value


def seconds(now: datetime | None) -> float:
    """Return *now* in seconds since 1970-01-01T00:00Z, by default the present time.

    A time in the future is replaced by the present.  Otherwise, if the clock of the
    caller's machine already shows the next day, the protection would begin a day late.
    """
    at = clock.now()
    return at if now is None else min(at, past_instant(now, "now").timestamp())


#: Characters that some databases cannot store in text.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def new_request(
    key: bytes,
    number: int,
    contact: str,
    action: Action,
    expires_at: int,
    *,
    region: str | None,
) -> RequestRow:
    """Return a new request of a person, with the list id 0; `request` sets the list."""
    if action not in _KINDS:
        expected = f"one of the actions {', '.join(_KINDS)}"
        raise errors.InputError(expected, "another action", "action")
    if not isinstance(contact, str):
        got = f"a value of type {type(contact).__name__}"
        raise errors.InputError("text", got, "contact")
    if len(contact) > _MAX_CONTACT:
        expected = f"a contact of at most {_MAX_CONTACT} characters"
        raise errors.InputError(expected, f"{len(contact)} characters", "contact")
    if _UNSTORABLE.search(contact):
        expected = "text without null characters or unpaired surrogates"
        raise errors.InputError(expected, "text with such a character", "contact")
    person = person_of(key, contact, region)
    id = os.urandom(16).hex()
    return RequestRow(id, _KINDS[action], 0, number, person, contact, expires_at)


def request(
    writer: Writer, rule: ListRules, row: RequestRow, key: bytes, *, now: float
) -> str:
    """Store a request for a list, and return the token that confirms it."""
    day = clock.day_at(now, rule.time_zone)
    rule.require_open(day)
    stored = registrations.find_list(writer, rule.name)
    row = row._replace(list_id=stored.id)
    # check renewals and withdrawals only when they are confirmed: an error here would
    # tell anyone whether the number of another person is registered
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
        # row is None if the phone number of the request was erased
        message = "the token was already used: request a new token"
        raise errors.UsedTokenError("a new token", "a used token", message=message)
    stored = {found.id: found for found in writer.lists()}
    rule = registrations.rules_of(stored[row.list_id])
    day = clock.day_at(now, rule.time_zone)
    rule.require_open(day)
    if row.kind is ChangeKind.REGISTERED:
        _require_room(writer, rule, row, day)
    else:
        active = registrations.active_registrations(
            writer, rule, row.key, row.kind, on=day
        )
        if phone_number.read(row.contact, region) != row.key:
            _require_same_person(writer, rule, row, active)
    row = row._replace(used_at=int(now))
    if row.kind is ChangeKind.REGISTERED:
        new = registrations.new_row(rule, row.key, day, None)
        if not any(
            known[:3] == (row.list_id, *new[1:3]) and known.withdrawn_on is None
            for known in writer.registrations_of([new.key])
        ):
            row = row._replace(made_on=new.registered_on)
        period, *_ = registrations.add_rows(writer, [new], person=row.person)
    else:
        period = registrations.amend(
            writer, rule, row.key, row.kind, on=day, person=row.person
        )
    writer.save_request(row)
    return period


def sign_token(key: bytes, id: str, expires_at: int) -> str:
    """Return a token for a request id (32 hex digits) and the time of its expiry."""
    if not 0 <= expires_at <= _MAX_EXPIRY:
        expected = f"an expiry from 0 to {_MAX_EXPIRY} seconds since 1970-01-01"
        raise errors.InputError(expected, str(expires_at))
    return _signer(key).sign(f"{id}.{expires_at}").decode("ascii")


def read_token(key: bytes, token: object, *, now: float) -> str:
    """Check a token, and return the id of the request that the token confirms."""
    match = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if match is None or not _signer(key).validate(match[0]):
        kind = type(token).__name__
        got = f"{kind} of length {len(token)}" if isinstance(token, str) else kind
        expected = "a token that this registry signed"
        message = "this registry did not sign the token"
        raise errors.ForgedTokenError(expected, got, message=message)
    id, expires_at = match.groups()
    if not now < int(expires_at):
        got = f"a token that expired at second {expires_at}"
        message = "the token has expired: request a new token"
        raise errors.ExpiredTokenError("a valid token", got, message=message)
    return id


def _signer(key: bytes) -> "Signer":
    from itsdangerous import Signer  # noqa: PLC0415

    return Signer(
        _long_enough(key),
        salt="bloctel token v1",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )


def _long_enough(key: bytes) -> bytes:
    if len(key) < _MIN_KEY:
        expected = f"a token key of at least {_MIN_KEY} bytes"
        raise errors.InputError(expected, f"{len(key)} bytes")
    return key


def person_of(key: bytes, contact: str, region: str | None = None) -> str:
    """Return the identifier of a person: 32 hex digits of a keyed hash of the contact.

    All spellings of a contact give the same identifier (`normal_contact`).
    Without the key, nobody can test if a contact belongs to an identifier.
    """
    plain = normal_contact(contact, region)
    message = b"bloctel person v1\0" + plain.encode("utf-8", "surrogatepass")
    return hmac.digest(_long_enough(key), message, hashlib.sha256)[:16].hex()


def _require_same_person(
    writer: Writer, rule: ListRules, row: RequestRow, active: list[Registration]
) -> None:
    """Raise an error unless the person of *row* confirmed all active registrations.

    Otherwise, anyone could register another person's number, and then withdraw it.
    """
    made = {
        other.made_on
        for other in writer.requests_of(row.list_id, [row.key])
        if other.person == row.person
    }
    if {known.registered_on for known in active} - made:
        expected = "the contact that confirmed every registration, or the number itself"
        got = "a contact that did not confirm a registration"
        raise errors.NotRegisteredError(expected, got, f"list {rule.name}")


def _require_room(writer: Writer, rule: ListRules, row: RequestRow, day: date) -> None:
    """Raise TooManyNumbersError if the person may not register one more number."""
    if not rule.numbers_per_person:
        return
    most = in_force(rule.numbers_per_person, on=day).max
    confirmed = {
        other.key
        for other in writer.requests_by(row.list_id, row.person)
        if other.kind is ChangeKind.REGISTERED and other.used_at is not None
    }
    registered = {
        known.key
        for known in writer.registrations_of(confirmed)
        if known.list_id == row.list_id
        and known.withdrawn_on is None
        and known.ends_on > to_epoch_day(day)
    }
    if len(registered - {row.key}) >= most:
        expected, got = f"at most {most} numbers for each person", "one more"
        raise errors.TooManyNumbersError(expected, got, f"list {rule.name}")


#: Invisible characters that are not in the Unicode categories Cc and Cf, and the
#: ideographic full stop, which mail systems read as the dot of a domain.
_UNCLEAR: Final = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3002\u3164\ufe00-\ufe0f\uffa0"
    r"\U000e0100-\U000e01ef]"
)
_SCHEME: Final = re.compile(r"(mailto|tel|sms):", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)")
#: An e-mail address without a name or a comment; the text before @ can be in quotes.
_ADDRESS: Final = re.compile(
    r'(?:"((?:[^"\\]|\\.)+)"|([^\s@"(),:;<>\[\]\\]+))\s*@\s*([^\s@"(),;<>?&/%\\]+)'
)


def normal_contact(contact: str, region: str | None) -> str:
    """Return the normal form of a contact, which is the same for all its spellings.

    Spellings can differ in case, in blanks around the contact, in a scheme
    such as `mailto:`, in quotes, in a dot at the end, in the ASCII form of a domain,
    and in the format of a phone number.  Contacts with any other difference belong to
    different persons: a provider can give `marie+news@example.org` to one person and
    `marie@example.org` to a second person, who must not withdraw the first person's
    number.  So a character that mail systems convert differently (`ß`) is refused.

    >>> normal_contact(' mailto:"Zoe"@EXAMPLE.org. ', "FR")
    'zoe@example.org'
    >>> normal_contact("zoe@bücher.example", "FR")
    'zoe@xn--bcher-kva.example'
    >>> normal_contact("tel:06 39 98 12 34", "FR")
    '+262639981234'
    """
    plain = contact.strip()
    if scheme := _SCHEME.match(plain):
        plain = unquote(plain[scheme.end() :]).strip()
    if not plain:
        raise errors.InputError("a contact of the person", "blank text", "contact")
    if "@" not in plain:
        if "+" not in plain and len(phone_number.readings_of(plain, region)) > 1:
            expected = "a phone number with a plus and its country code, such as +33"
            raise errors.InputError(expected, "digits with two meanings", "contact")
        try:
            return phone_number.normalize(plain, region=region).e164
        except errors.InvalidNumberError:
            return _lower(plain)
    address = _ADDRESS.fullmatch(_lower(plain))
    if address is None:
        # if there were several addresses, the token could reach a wrong person
        expected = "one e-mail address, without a name or other text"
        got = f"text of {len(contact)} characters"
        raise errors.InputError(expected, got, "contact")
    quoted, local, domain = address.groups()
    local = local or _ESCAPED.sub(r"\1", quoted)
    return f"{local}@{_ascii_domain(domain.rstrip('.'))}"


def _lower(text: str) -> str:
    """Return text in lower case; refuse a character that mail systems can change."""
    lower = text.lower()
    if (
        normalize("NFKC", text) == text
        and normalize("NFKC", text.casefold()) == lower
        and not any(category(c) in ("Cc", "Cf") for c in text)
        and not _UNCLEAR.search(text)
    ):
        return lower
    message = (
        "the contact contains an invisible character, or a character that mail systems "
        "convert in different ways (such as ß); write the domain in its ASCII form "
        "(xn--...), and each letter as one character, together with its accent"
    )
    expected, got = "a contact of usual characters", f"text of {len(text)} characters"
    raise errors.InputError(expected, got, "contact", message=message)


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain  # not a valid domain name: keep the text as it is
