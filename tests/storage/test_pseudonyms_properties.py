"""Properties of pseudonyms, for any keys and secrets."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bloctel.storage.pseudonyms import Pseudonyms
from tests.oracles import ff1

KEYS = st.lists(
    st.one_of(
        st.integers(33639980000, 33639989999),
        st.integers(0, (1 << 50) - 1),
        st.integers(0, (1 << 62) - 1),
    ),
    max_size=50,
)
SECRETS = st.binary(min_size=16, max_size=64)


@given(SECRETS, KEYS)
def test_showing_undoes_hiding(secret: bytes, keys: list[int]) -> None:
    """`show` undoes `hide`, and different keys have different pseudonyms."""
    pseudonyms = Pseudonyms(secret)
    column = np.array(keys, np.uint64)

    hidden = pseudonyms.hide(column)

    assert keys == pseudonyms.show(hidden).tolist()
    assert keys == pseudonyms.hide(pseudonyms.show(column)).tolist()
    assert (hidden < 1 << 62).all()
    assert len(set(keys)) == len(set(hidden.tolist()))


@given(SECRETS, KEYS)
def test_pseudonyms_are_those_of_the_standard(secret: bytes, keys: list[int]) -> None:
    """Pseudonyms of a column are those of FF1 in plain Python."""
    expected = [_hidden(_key_of(secret), key) for key in keys]

    assert Pseudonyms(secret).hide(np.array(keys, np.uint64)).tolist() == expected


def _key_of(secret: bytes) -> bytes:
    """Return the key by HKDF-SHA256 (RFC 5869); one block is enough."""
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    return hmac.digest(extracted, b"bloctel pseudonyms v1\1", hashlib.sha256)


def _hidden(aes_key: bytes, key: int) -> int:
    numerals = ff1.encrypt(aes_key, b"", 2, [int(bit) for bit in f"{key:062b}"])
    return int("".join(map(str, numerals)), 2)


@given(SECRETS, st.text())
def test_unsealing_undoes_sealing(secret: bytes, text: str) -> None:
    """Any text that is sealed can be read."""
    pseudonyms = Pseudonyms(secret)

    assert text == pseudonyms.unseal(pseudonyms.seal(text))
