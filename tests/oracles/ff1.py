"""Oracle of FF1 (NIST SP 800-38G) in plain Python, for any radix, length and tweak.

It follows algorithms 7 and 8 of the standard step by step, with the names of the
standard.  Numerals are integers below the radix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROUNDS = 10


def encrypt(key: bytes, tweak: bytes, radix: int, numerals: Sequence[int]) -> list[int]:
    """Return the encrypted numerals (algorithm 7)."""
    u, v = len(numerals) // 2, (len(numerals) + 1) // 2
    a, b = list(numerals[:u]), list(numerals[u:])
    for i in range(_ROUNDS):
        y = _round_value(key, tweak, radix, len(numerals), i, b)
        m = u if i % 2 == 0 else v
        c = (_number(a, radix) + y) % radix**m
        a, b = b, _numerals(c, radix, m)
    return a + b


def decrypt(key: bytes, tweak: bytes, radix: int, numerals: Sequence[int]) -> list[int]:
    """Return the decrypted numerals (algorithm 8)."""
    u, v = len(numerals) // 2, (len(numerals) + 1) // 2
    a, b = list(numerals[:u]), list(numerals[u:])
    for i in reversed(range(_ROUNDS)):
        y = _round_value(key, tweak, radix, len(numerals), i, a)
        m = u if i % 2 == 0 else v
        c = (_number(b, radix) - y) % radix**m
        a, b = _numerals(c, radix, m), a
    return a + b


def _round_value(
    key: bytes, tweak: bytes, radix: int, n: int, i: int, half: Sequence[int]
) -> int:
    """Return y of round i (steps 3 to 6.iv)."""
    u, v, t = n // 2, (n + 1) // 2, len(tweak)
    bytes_of_half = -(-(radix**v - 1).bit_length() // 8)  # called b in the standard
    d = 4 * -(-bytes_of_half // 4) + 4
    p = bytes([1, 2, 1, *radix.to_bytes(3, "big"), 10, u % 256])
    p += n.to_bytes(4, "big") + t.to_bytes(4, "big")
    q = tweak + bytes((-t - bytes_of_half - 1) % 16) + bytes([i])
    q += _number(half, radix).to_bytes(bytes_of_half, "big")
    r = _prf(key, p + q)
    s = r
    for j in range(1, -(-d // 16)):
        mask = int.from_bytes(r, "big") ^ j
        s += _aes(key, mask.to_bytes(16, "big"))
    return int.from_bytes(s[:d], "big")


def _prf(key: bytes, message: bytes) -> bytes:
    """Return the last block of AES in CBC mode under a zero vector (algorithm 6)."""
    block = bytes(16)
    for start in range(0, len(message), 16):
        mixed = zip(block, message[start : start + 16], strict=True)
        block = _aes(key, bytes(x ^ y for x, y in mixed))
    return block


def _aes(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)  # noqa: S305


def _number(numerals: Sequence[int], radix: int) -> int:
    """Return NUM_radix of numerals, the first one the most significant."""
    number = 0
    for numeral in numerals:
        number = number * radix + numeral
    return number


def _numerals(number: int, radix: int, m: int) -> list[int]:
    """Return STR_radix^m of a number."""
    numerals = []
    for _ in range(m):
        number, numeral = divmod(number, radix)
        numerals.append(numeral)
    return numerals[::-1]
