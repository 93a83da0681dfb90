"""Laws of hidden numbers, for any keys and secrets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bloctel.storage.pseudonyms import Pseudonyms

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
    """It is a permutation of its domain: whatever is hidden is found again."""
    pseudonyms = Pseudonyms(secret)
    column = np.array(keys, np.uint64)

    hidden = pseudonyms.hide(column)

    assert keys == pseudonyms.show(hidden).tolist()
    assert keys == pseudonyms.hide(pseudonyms.show(column)).tolist()
    assert (hidden < 1 << 62).all()
    assert len(set(keys)) == len(set(hidden.tolist()))


@given(SECRETS, st.text())
def test_unsealing_undoes_sealing(secret: bytes, text: str) -> None:
    """Whatever is sealed is read again."""
    pseudonyms = Pseudonyms(secret)

    assert text == pseudonyms.unseal(pseudonyms.seal(text))
