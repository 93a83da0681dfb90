"""Hidden numbers: one pseudonym a number, told by the secret alone, for ever."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

from bloctel.errors import (
    InputError,
    MissingExtraError,
    StorageError,
    WrongSecretError,
)
from bloctel.storage.pseudonyms import Pseudonyms

SECRET = bytes(range(32))
OTHER = b"a secret of one!"
KEY = 33639981234
KEYS = np.array([0, 1, KEY, 33536491234, (1 << 62) - 1], np.uint64)
CONTACT = "Zoé@example.org"

#: Also computed once from the docstring, with `hmac` and the command `openssl`.
GOLDEN = {
    SECRET: (
        "24695860f8962d17eca9ef6650fbdad9",
        [
            0x2D44DACC444FB09C,
            0x2BCA74AF42D3C714,
            0x2684DBF297FCF4FD,
            0x3955462CFCC1BF0D,
            0x1061B331AA283C4,
        ],
    ),
    OTHER: (
        "64fbbfe689e34797e94a448f1bdcfe72",
        [
            0x124D0E843F63BE2,
            0x9366096CCD0C77F,
            0x23AF1E249E043A32,
            0x2126306B9A831FFE,
            0x2B2DEF56E855AA4F,
        ],
    ),
}
#: A contact that version 1 sealed under `SECRET`.
SEALED = "riCjA_lVrEOdfE72tcJ4BQOxigwCwxv8JSZ9rU2Wl3x5Elku83TllNMp8-4="


@pytest.mark.parametrize("secret", GOLDEN, ids=["32 bytes", "16 bytes"])
def test_what_a_later_version_must_still_make(secret: bytes) -> None:
    """Registries made today are read for ever: nothing below may ever change."""
    fingerprint, hidden = GOLDEN[secret]
    pseudonyms = Pseudonyms(secret)

    assert fingerprint == pseudonyms.fingerprint()
    assert hidden == pseudonyms.hide(KEYS).tolist()
    assert hidden == [pseudonyms.hide_one(key) for key in KEYS.tolist()]


def test_what_a_later_version_must_still_unseal() -> None:
    """A contact that was sealed by version 1 can be read."""
    assert Pseudonyms(SECRET).unseal(SEALED) == CONTACT


def test_a_column_of_any_length_is_the_same_one_by_one() -> None:
    """Parts and blocks leave no trace: each row depends on its key alone."""
    pseudonyms = Pseudonyms(SECRET)
    keys = np.arange(KEY - 20_000, KEY + 20_000, dtype=np.uint64)

    hidden = pseudonyms.hide(keys)

    assert (keys == pseudonyms.show(hidden)).all()
    assert (hidden[::-1] == pseudonyms.hide(keys[::-1])).all()
    for row in (0, 16_383, 16_384, 32_768, 39_999):
        assert hidden[row] == pseudonyms.hide_one(int(keys[row]))
    assert pseudonyms.hide(keys[:0]).tolist() == []


def test_no_two_numbers_share_a_pseudonym() -> None:
    """A false block by collision cannot be: a whole range stays apart."""
    keys = np.arange(33639980000, 33639990000, dtype=np.uint64)

    assert len(keys) == len(np.unique(Pseudonyms(SECRET).hide(keys)))


def test_neighbours_look_like_strangers() -> None:
    """One bit of a number changes about half of the pseudonym's 62 bits."""
    pseudonyms = Pseudonyms(SECRET)
    keys = np.arange(33639980000, 33639981000, dtype=np.uint64)
    hidden = pseudonyms.hide(keys)

    for bit in range(62):
        flipped = pseudonyms.hide(keys ^ np.uint64(1 << bit))
        changed = np.unpackbits((hidden ^ flipped).view(np.uint8)).sum() / len(keys)
        # 1000 keys: the mean of 62 coins strays by 0.12
        assert 30 < changed < 32


def test_another_secret_makes_other_pseudonyms() -> None:
    """Nothing of what one secret hides is shown by another."""
    one, other = Pseudonyms(SECRET), Pseudonyms(SECRET[:-1] + b"\0")
    keys = np.arange(33639980000, 33639990000, dtype=np.uint64)

    assert not np.isin(other.hide(keys), one.hide(keys)).any()
    assert not (other.show(one.hide(keys)) == keys).any()
    assert one.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("outside", [-1, 1 << 62, 1 << 63, 1 << 64])
def test_only_the_domain_is_hidden_and_shown(outside: int) -> None:
    """What is no key or no pseudonym is refused, and not repeated in the message."""
    pseudonyms = Pseudonyms(SECRET)

    with pytest.raises(InputError) as key:
        pseudonyms.hide_one(outside)
    with pytest.raises(StorageError) as pseudonym:
        pseudonyms.show_one(outside)

    assert str(key.value) == "expected keys below 2^62, got a greater one"
    assert str(pseudonym.value) == (
        "expected hidden numbers below 2^62, got a greater one"
    )


def test_negative_numbers_in_a_column_are_refused() -> None:
    """A signed column that went wrong is not taken for huge keys."""
    with pytest.raises(InputError, match="keys below"):
        Pseudonyms(SECRET).hide(np.array([KEY, -1]).astype(np.uint64))
    with pytest.raises(InputError, match="keys below"):
        Pseudonyms(SECRET).hide(np.array([KEY, -1]))


@pytest.mark.parametrize(
    ("secret", "got"),
    [(b"", "0"), (b"hush" * 3, "12"), (b"x" * 15, "15"), ("x" * 32, "str")],
)
def test_a_secret_that_can_be_guessed_is_refused(secret: bytes, got: str) -> None:
    """Fewer than 16 bytes are no secret, and the message does not tell them."""
    with pytest.raises(InputError, match=f"got (one of )?{got}$") as caught:
        Pseudonyms(secret)

    assert "hush" not in str(caught.value)


def test_nothing_shows_the_secret() -> None:
    """Neither `repr` nor a copy by pickle gives away what hides the numbers."""
    pseudonyms = Pseudonyms(b"hush, very secret")

    assert repr(pseudonyms) == (f"Pseudonyms(fingerprint='{pseudonyms.fingerprint()}')")
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(pseudonyms)


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever lacks `cryptography` reads what to install."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)

    with pytest.raises(MissingExtraError, match=r"bloctel\[secrets\]"):
        Pseudonyms(SECRET)


# -- contacts ------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a@example.org", "Zoé \N{PILE OF POO}", "\udc80"])
def test_a_sealed_contact_is_unsealed(text: str) -> None:
    """Whatever a contact holds comes back, and stays plain ASCII when sealed."""
    pseudonyms = Pseudonyms(SECRET)

    sealed = pseudonyms.seal(text)

    assert sealed.isascii()
    assert text == pseudonyms.unseal(sealed)


def test_the_same_contact_is_sealed_differently_each_time() -> None:
    """Whoever sees the table cannot tell that two requests have one contact."""
    pseudonyms = Pseudonyms(SECRET)

    assert pseudonyms.seal(CONTACT) != pseudonyms.seal(CONTACT)


def test_an_altered_contact_is_refused() -> None:
    """No character of a sealed contact can be changed or cut off."""
    pseudonyms = Pseudonyms(SECRET)
    sealed = pseudonyms.seal("agent@example.org")
    swapped = [
        sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        for at in range(len(sealed.rstrip("=")))
    ]
    cut = [sealed[:at] for at in range(len(sealed.rstrip("=")))]

    for text in [*swapped, *cut, CONTACT, "é"]:
        with pytest.raises(WrongSecretError):
            pseudonyms.unseal(text)


def test_another_secret_unseals_nothing() -> None:
    """A contact is read by the secret that sealed it, and the error shows no text."""
    with pytest.raises(WrongSecretError) as caught:
        Pseudonyms(OTHER).unseal(Pseudonyms(SECRET).seal(CONTACT))

    assert CONTACT not in str(caught.value)
    assert caught.value.__suppress_context__
