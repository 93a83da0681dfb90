"""Numbers and texts hidden under a secret.

A number is hidden by a keyed permutation of [0, 2^62): each number has one pseudonym
and each pseudonym one number.  A truncated hash would not do: two numbers could share
one, and one of them would be blocked for the other.

The permutation is a balanced Feistel network, two halves of 31 bits and ten rounds.
The round function is AES-256 of one block, which is the number of the round (8 bytes,
little-endian) and the right half (as well), cut down to 31 bits.  That is FF1 of NIST
SP 800-38G with what a fixed binary domain does not need left out: no tweak, no radix,
halves joined by XOR.

Why it is sound: with the round in the block, AES never sees one block in two rounds,
so the rounds are as independent random functions as AES is a good cipher, for far more
numbers than there are.  Luby and Rackoff ("How to construct pseudorandom permutations
from pseudorandom functions", 1988) showed that three such rounds make a pseudorandom
permutation, and four one that stays so for whoever may also invert it.  More rounds
carry the proof from 2^15 known pairs towards 2^31; ten is FF1's own margin.

Nothing here can change without a new version: what is stored would be lost.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np

from bloctel.errors import (
    InputError,
    MissingExtraError,
    StorageError,
    WrongSecretError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LEAST_SECRET", "Pseudonyms"]

#: The fewest bytes of a secret; 32 from `secrets.token_bytes` are better.
LEAST_SECRET: Final = 16

_HALF: Final = np.uint64(31)
_MASK: Final = np.uint64((1 << 31) - 1)
_DOMAIN: Final = 1 << 62
_ROUNDS: Final = range(10)

#: Rows at a time: their blocks of 16 bytes stay in the processor's cache.
_PART: Final = 1 << 14

_NONCE_BYTES: Final = 12


class Pseudonyms:
    """What hides numbers and texts under one secret, and shows them again.

    It can be used by several threads at once, and cannot be pickled.

    Args:
        secret: At least `LEAST_SECRET` bytes that nobody can guess.

    Raises:
        InputError: The secret is too short, or no bytes.
        MissingExtraError: The extra `secrets` is not installed.
    """

    __slots__ = ("_cipher", "_fingerprint", "_sealer")

    def __init__(self, secret: bytes) -> None:
        _require_secret(secret)
        try:
            # only who has a secret needs the package
            from cryptography.hazmat.primitives.ciphers import (  # noqa: PLC0415
                Cipher,
                aead,
                algorithms,
                modes,
            )
        except ImportError as error:
            raise MissingExtraError("numbers hidden by a secret", "secrets") from error
        aes = algorithms.AES(_derive(secret, "pseudonyms"))
        # no mode: each block is one value of the round function, and no message
        self._cipher = Cipher(aes, modes.ECB())  # noqa: S305
        self._sealer = aead.AESGCM(_derive(secret, "contacts"))
        self._fingerprint = _derive(secret, "fingerprint")[:16].hex()

    def __repr__(self) -> str:
        return f"Pseudonyms(fingerprint={self._fingerprint!r})"

    def __reduce__(self) -> NoReturn:
        # the keys would be in the pickle
        raise TypeError("Pseudonyms cannot be pickled: make them from the secret again")

    def fingerprint(self) -> str:
        """Return 32 hex digits by which to recognise the secret, and not to find it.

        A secret that can be guessed can be found with it, as with any pseudonym.
        """
        return self._fingerprint

    def hide(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the pseudonyms of keys, in their order.

        Raises:
            InputError: A key is not below 2^62.
        """
        if not _are_inside(keys):
            raise InputError("keys below 2^62", "a greater one")
        return self._permute_all(keys, _ROUNDS)

    def show(self, pseudonyms: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the keys that these are the pseudonyms of.

        Under another secret than theirs, that is noise.

        Raises:
            StorageError: One of them is not below 2^62, and so no pseudonym.
        """
        if not _are_inside(pseudonyms):
            raise StorageError("hidden numbers below 2^62", "a greater one")
        return self._permute_all(pseudonyms, _ROUNDS[::-1])

    def hide_one(self, key: int) -> int:
        """Return the pseudonym of a key.

        Raises:
            InputError: The key is not below 2^62.
        """
        return int(self.hide(_column_of(key))[0])

    def show_one(self, pseudonym: int) -> int:
        """Return the key that this is the pseudonym of.

        Raises:
            StorageError: It is not below 2^62, and so no pseudonym.
        """
        return int(self.show(_column_of(pseudonym))[0])

    def seal(self, text: str) -> str:
        """Return a text enciphered: AES-256-GCM under a random nonce, as base64url.

        The same text gives another result each time; its length can be told.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._sealer.encrypt(nonce, text.encode("utf-8", _SURROGATES), None)
        return urlsafe_b64encode(nonce + sealed).decode("ascii")

    def unseal(self, sealed: str) -> str:
        """Return the text that `seal` enciphered.

        Raises:
            WrongSecretError: It was sealed under another secret, or altered.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        try:
            data = urlsafe_b64decode(sealed)
            nonce, rest = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
            return self._sealer.decrypt(nonce, rest, None).decode("utf-8", _SURROGATES)
        except (ValueError, InvalidTag):
            # the cause is left out: it can hold the text
            raise WrongSecretError(
                "text sealed under the secret given",
                "text sealed under another secret, or altered since",
            ) from None

    def _permute_all(
        self, keys: NDArray[np.uint64], rounds: Sequence[int]
    ) -> NDArray[np.uint64]:
        out = np.empty(len(keys), np.uint64)
        for first in range(0, len(keys), _PART):
            rows = slice(first, first + _PART)
            out[rows] = self._permute(np.asarray(keys[rows], np.uint64), rounds)
        return out

    def _permute(
        self, keys: NDArray[np.uint64], rounds: Sequence[int]
    ) -> NDArray[np.uint64]:
        """Return what the rounds make of keys.

        The halves change places after each round but the last, so that the same
        rounds from the last to the first undo it.
        """
        left, right = keys >> _HALF, keys & _MASK
        encryptor = self._cipher.encryptor()
        blocks = np.empty((len(keys), 2), "<u8")
        for number in rounds:
            blocks[:, 0] = number
            blocks[:, 1] = right
            noise = np.frombuffer(encryptor.update(blocks.tobytes()), "<u8")[::2]
            left, right = right, left ^ (noise & _MASK)
        return right << _HALF | left


#: No text may fail to be stored, whatever it was read from.
_SURROGATES: Final = "surrogatepass"


def _require_secret(secret: object) -> None:
    """Raise InputError unless *secret* is bytes enough; no message shows it."""
    if not isinstance(secret, bytes):
        raise InputError("a secret of bytes", type(secret).__name__)
    if len(secret) < LEAST_SECRET:
        raise InputError(
            f"a secret of at least {LEAST_SECRET} bytes", f"one of {len(secret)}"
        )


def _derive(secret: bytes, purpose: str) -> bytes:
    """Return the key for one purpose: 32 bytes by HKDF-SHA256."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    info = f"bloctel {purpose} v1".encode("ascii")
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret)


def _are_inside(keys: NDArray[np.uint64]) -> bool:
    """Return whether all keys are in the domain of the permutation."""
    return len(keys) == 0 or 0 <= int(keys.min()) <= int(keys.max()) < _DOMAIN


def _column_of(key: int) -> NDArray[np.uint64]:
    """Return a column of one key; what no column can hold becomes what is refused."""
    return np.array([key if 0 <= key < _DOMAIN else _DOMAIN], np.uint64)
