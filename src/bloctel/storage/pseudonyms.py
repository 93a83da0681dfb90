"""Pseudonyms of numbers, and encryption of texts, with one secret.

A pseudonym is the number encrypted with FF1 of NIST SP 800-38G: radix 2, 62 numerals,
AES-256, an empty tweak.  FF1 is a keyed permutation of [0, 2^62): each number has one
pseudonym, and each pseudonym belongs to one number.  A truncated hash is not suitable:
if two numbers had the same hash, the registration of one would also block the other.

With these parameters FF1 is simple.  A key is split into two halves of 31 bits, A and
B.  Each of ten rounds replaces (A, B) by (B, A + y mod 2^31), where y is the first 8
bytes of AES(AES(P) xor Q).  P is a constant block.  Q contains the number of the round
in byte 11 and B in bytes 12 to 15, big-endian; its other bytes are zero.

A text is encrypted with AES-256-GCM under a random nonce.  HKDF-SHA256 derives the keys
from the secret.  Never change these algorithms: stored data would become unreadable.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from bloctel._util.raising import raise_alone
from bloctel.errors import InputError, MissingExtraError, StorageError, WrongSecretError

#: The minimum length of a secret. We recommend 32 bytes from `secrets.token_bytes`.
MIN_SECRET_BYTES: Final = 16

_BITS: Final = 62
_HALF: Final = np.uint64(_BITS // 2)
#: The lowest 31 bits, as a numpy value, which is faster than an int in short columns.
_MASK: Final = np.array((1 << 31) - 1, np.uint32)
_ROUNDS: Final = range(10)

#: The block P of FF1: version 1, method 2 (FFX), 1 (addition), radix, rounds, numerals
#: in A, numerals in total, bytes of the tweak.
_P: Final = bytes([1, 2, 1, 0, 0, 2, 10, 31, 0, 0, 0, _BITS, 0, 0, 0, 0])

#: Count of numbers in one step: their AES blocks fit into the processor's cache.
_PART: Final = 1 << 14

_NONCE_BYTES: Final = 12

#: The error handler that also encodes invalid Unicode in texts (lone surrogates).
_SURROGATES: Final = "surrogatepass"


class Pseudonyms:
    """Cipher for numbers and texts, with keys from one secret.

    The secret has at least `MIN_SECRET_BYTES` random bytes.  Several threads can use a
    cipher at the same time.  A cipher cannot be pickled.
    """

    __slots__ = ("_aes", "_fingerprint", "_prefix", "_sealer")

    def __init__(self, secret: bytes) -> None:
        if not isinstance(secret, bytes):
            raise InputError("a secret of type bytes", type(secret).__name__)
        if len(secret) < MIN_SECRET_BYTES:
            got = f"{len(secret)} bytes"
            raise InputError(f"a secret of at least {MIN_SECRET_BYTES} bytes", got)
        try:
            from cryptography.hazmat.primitives.ciphers import (  # noqa: PLC0415
                Cipher,
                aead,
                algorithms,
                modes,
            )
        except ImportError as error:
            raise MissingExtraError("encrypted numbers", "secrets") from error
        aes = algorithms.AES(_derive(secret, "pseudonyms"))
        # ECB is safe here: FF1 itself defines how the results of AES are combined
        self._aes = Cipher(aes, modes.ECB())  # noqa: S305
        self._prefix = np.frombuffer(self._aes.encryptor().update(_P), ">u4").tolist()
        self._sealer = aead.AESGCM(_derive(secret, "contacts"))
        self._fingerprint = _derive(secret, "fingerprint")[:16].hex()

    def __repr__(self) -> str:
        return f"Pseudonyms(fingerprint={self._fingerprint!r})"

    def __reduce__(self) -> NoReturn:
        # the pickle would contain the encryption keys
        raise TypeError("Pseudonyms cannot be pickled: create them from the secret")

    def fingerprint(self) -> str:
        """Return 32 hex digits that identify the secret without revealing it.

        Anyone who has these digits can test guesses of the secret, so the secret must
        be random.
        """
        return self._fingerprint

    def hide(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the pseudonyms of keys, in the same order."""
        if outside := _first_outside(keys):
            raise InputError(f"keys below 2^{_BITS}", outside)
        return self._in_parts(keys, decrypt=False)

    def show(self, pseudonyms: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the keys of pseudonyms, in the same order.

        If a pseudonym was made with another secret, its key in the result is wrong.
        """
        if outside := _first_outside(pseudonyms):
            raise StorageError(f"pseudonyms below 2^{_BITS}", outside)
        return self._in_parts(pseudonyms, decrypt=True)

    def seal(self, text: str) -> str:
        """Return an encrypted text as base64url.

        The result is different each time.  It reveals the length of the text.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._sealer.encrypt(nonce, text.encode("utf-8", _SURROGATES), None)
        return urlsafe_b64encode(nonce + sealed).decode("ascii")

    def unseal(self, sealed: str) -> str:
        """Return the text that `seal` encrypted."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - optional

        try:
            data = urlsafe_b64decode(sealed)
            nonce, rest = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
            return self._sealer.decrypt(nonce, rest, None).decode("utf-8", _SURROGATES)
        except (ValueError, InvalidTag):
            raise_alone(
                WrongSecretError(
                    "text that was encrypted with this secret",
                    "text that was encrypted with another secret, or altered",
                )
            )

    def _in_parts(
        self, keys: NDArray[np.uint64], *, decrypt: bool
    ) -> NDArray[np.uint64]:
        out = np.empty(len(keys), np.uint64)
        for start in range(0, len(keys), _PART):
            part = np.asarray(keys[start : start + _PART], np.uint64)
            out[start : start + _PART] = self._ff1(part, decrypt=decrypt)
        return out

    def _ff1(self, keys: NDArray[np.uint64], *, decrypt: bool) -> NDArray[np.uint64]:
        # FF1 calculates modulo 2^31, so an overflow of 32 bits does not change a result
        a = (keys >> _HALF).astype(np.uint32)
        b = keys.astype(np.uint32) & _MASK
        encryptor = self._aes.encryptor()
        blocks = np.full((len(keys), 4), self._prefix, ">u4")
        last = np.array(self._prefix[3], np.uint32)
        for i in reversed(_ROUNDS) if decrypt else _ROUNDS:
            blocks[:, 2] = self._prefix[2] ^ i
            blocks[:, 3] = last ^ (a if decrypt else b)
            # FF1 uses eight bytes, but only the last four change a sum modulo 2^31
            y = np.frombuffer(encryptor.update(blocks.tobytes()), ">u4")[1::4]
            a, b = ((b - y) & _MASK, a) if decrypt else (b, (a + y) & _MASK)
        return a.astype(np.uint64) << _HALF | b


def _derive(secret: bytes, purpose: str) -> bytes:
    """Return 32 bytes that HKDF-SHA256 derives from the secret for one purpose."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    info = f"bloctel {purpose} v1".encode("ascii")
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret)


def _first_outside(keys: NDArray[np.uint64]) -> str:
    """Return a text about the first key that is out of range, or ""."""
    if len(keys) == 0 or 0 <= int(keys.min()) <= int(keys.max()) < 1 << _BITS:
        return ""
    outside = (keys < 0) | (keys >= 1 << _BITS)
    return f"a value out of range at position {outside.argmax()}"
