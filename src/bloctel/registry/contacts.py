"""Normal form of contacts: each usual spelling of an address or number is one person.

An address that differs in more than its spelling is another person: a provider can give
`marie+news@example.org` and `marie@example.org` to two persons, and one person could
withdraw the registrations of the other.  For the same reason, a character that mail
systems convert in different ways, such as `ß` (`ss` in older systems), is refused.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category, normalize
from urllib.parse import unquote

from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers import phone_number

#: Characters that are not shown, besides control and format characters (Cc, Cf),
#: and a dot that is not ASCII.
_UNCLEAR: Final = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3002\u3164\ufe00-\ufe0f\uffa0"
    r"\U000e0100-\U000e01ef]"
)
_SCHEME: Final = re.compile(r"(mailto|tel|sms):", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)")
#: An address without a name or a comment; its local part can be in quotes.
_ADDRESS: Final = re.compile(
    r'(?:"((?:[^"\\]|\\.)+)"|([^\s@"(),:;<>\[\]\\]+))\s*@\s*([^\s@"(),;<>?&/%\\]+)'
)


def normal_contact(contact: str, region: str | None) -> str:
    """Return the text that all spellings of a contact have in common.

    Case, blanks around it, a scheme such as `mailto:`, quotes, a dot at the end and the
    ASCII form of a domain make no difference, nor does the form of a phone number.

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
        raise InputError("a contact of the person", "blank text", "contact")
    if "@" not in plain:
        try:
            return phone_number.normalize(plain, region=region).e164
        except InvalidNumberError:
            return _lower(plain)
    address = _ADDRESS.fullmatch(_lower(plain))
    if address is None:
        # the message could go to several persons, or to another one than it seems
        expected = "one e-mail address, without a name or other texts"
        raise InputError(expected, f"text of {len(contact)} characters", "contact")
    quoted, local, domain = address.groups()
    local = local or _ESCAPED.sub(r"\1", quoted)
    return f"{local}@{_ascii_domain(domain.rstrip('.'))}"


def _lower(text: str) -> str:
    """Return the text in lower case; refuse a character with several conversions."""
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
        "(xn--...), and write each letter as one usual character"
    )
    expected, got = "a contact of usual characters", f"text of {len(text)} characters"
    raise InputError(expected, got, "contact", message=message)


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain  # not a domain in the DNS
