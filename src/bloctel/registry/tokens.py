"""Tokens that a person confirms a request with, and what stands for the person.

A token is what a confirmation's link carries.  It names a request and says until when
it works, signed, so that nobody can make one up.  It holds no number and no contact,
because it ends up in the logs of web servers and the histories of browsers.

It is base64url text, without padding, of 41 bytes:

=====  =========================================================================
bytes  what
=====  =========================================================================
1      the version, 1
8      until when it works, in seconds since 1970-01-01, big-endian
16     the id of the request
16     HMAC-SHA256 of all before, cut to 16 bytes
=====  =========================================================================
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from struct import Struct
from typing import Final
from unicodedata import normalize

from bloctel.errors import ExpiredTokenError, ForgedTokenError, InputError

__all__ = ["ID_BYTES", "LEAST_KEY", "person_of", "read", "sign"]

#: The bytes of a request's id; `secrets.token_bytes(ID_BYTES)` makes one.
ID_BYTES: Final = 16

#: The fewest bytes of a key.
LEAST_KEY: Final = 16

_VERSION: Final = 1
_BODY: Final = Struct(f">BQ{ID_BYTES}s")
_DIGEST_BYTES: Final = 16
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{55}")
_PADDING: Final = "="


def sign(key: bytes, id: bytes, expires_at: int) -> str:
    """Return a token for a request, as text that can stand in a URL.

    Args:
        key: The secret key that signs.
        id: The request's id, `ID_BYTES` bytes.
        expires_at: Until when it works, in seconds since 1970-01-01.

    Raises:
        InputError: The key is too short, or the id or the time is not as it must be.
    """
    if len(id) != ID_BYTES:
        raise InputError(f"an id of {ID_BYTES} bytes", f"one of {len(id)}")
    if not 0 <= expires_at < 1 << 64:
        raise InputError("an expiry in seconds since 1970-01-01", "one out of range")
    body = _BODY.pack(_VERSION, expires_at, id)
    return _to_text(body + _digest(key, "token", body))


def read(key: bytes, token: object, *, now: float) -> str:
    """Return the id of the request that a token names, as 32 hex digits.

    Args:
        key: The secret key that signed it.
        token: The token; whatever a stranger may send.
        now: The time, in seconds since 1970-01-01.

    Raises:
        ForgedTokenError: It is not exactly what `sign` makes with this key.
        ExpiredTokenError: It is, and its time is over.
        InputError: The key is too short.
    """
    data = _from_text(token)
    body, digest = data[: _BODY.size], data[_BODY.size :]
    if not hmac.compare_digest(digest, _digest(key, "token", body)):
        raise _forged("one without that signature")
    version, expires_at, id = _BODY.unpack(body)
    if version != _VERSION:
        raise _forged("one of another version")
    if not now < expires_at:
        raise ExpiredTokenError("a token whose time is not over", "one that is older")
    return bytes(id).hex()


def person_of(key: bytes, contact: str) -> str:
    """Return what stands for a person: 32 hex digits made from key and contact.

    Case, outer blanks and forms of the same letters make no difference, so a person
    stays the same in another spelling of an e-mail address.  Without the key nobody
    can try out contacts.

    Raises:
        InputError: The contact is empty, or the key too short.
    """
    # folding the case can undo the first normalisation
    plain = normalize("NFKC", normalize("NFKC", contact).casefold()).strip()
    if not plain:
        raise InputError("a contact", "empty text")
    return _digest(key, "person", plain.encode("utf-8", "surrogatepass")).hex()


def _digest(key: bytes, purpose: str, data: bytes) -> bytes:
    """Return a keyed digest that is worth nothing for another purpose."""
    if len(key) < LEAST_KEY:
        raise InputError(f"a key of at least {LEAST_KEY} bytes", f"one of {len(key)}")
    message = f"bloctel {purpose} v1\0".encode("ascii") + data
    return hmac.new(key, message, hashlib.sha256).digest()[:_DIGEST_BYTES]


def _to_text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip(_PADDING)


def _from_text(token: object) -> bytes:
    """Return a token's bytes, if it is their one and only spelling."""
    if not isinstance(token, str) or not _TEXT.fullmatch(token):
        raise _forged("something else")
    data = urlsafe_b64decode(token + _PADDING)
    # the last character has two bits to spare: four texts for the same bytes
    if _to_text(data) != token:
        raise _forged("another spelling of one")
    return data


def _forged(got: str) -> ForgedTokenError:
    return ForgedTokenError("a token that was signed here", got)
