"""Pseudonyms: FF1 as NIST specifies it, sealed texts, and the secret."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

from bloctel.errors import InputError, MissingExtraError, StorageError, WrongSecretError
from bloctel.storage.pseudonyms import Pseudonyms
from tests.oracles import ff1

SECRET = bytes(range(32))
OTHER = b"a secret of one!"
KEY = 33639981234
KEYS = np.array([0, 1, KEY, 33536491234, (1 << 62) - 1], np.uint64)
CONTACT = "Zoé@example.org"

#: Computed with `oracles.ff1` and HKDF by `hmac`, without `bloctel.storage.pseudonyms`.
GOLDEN = {
    SECRET: (
        "24695860f8962d17eca9ef6650fbdad9",
        [
            0x28BC2A7A436945F6,
            0x16B0F5F8CBE78ED1,
            0x1DD5E0ACE70A9821,
            0x3E3233E5FF09351A,
            0x38EEF562E527462F,
        ],
    ),
    OTHER: (
        "64fbbfe689e34797e94a448f1bdcfe72",
        [
            0x238EEEA38605D9BA,
            0x38CBD0286C74DB3A,
            0x7171EC3EB0D2CFA,
            0x2368F0B0A4634EEF,
            0xF1F87C1E1C7CE7E,
        ],
    ),
}
#: A contact sealed under `SECRET`.
SEALED = "riCjA_lVrEOdfE72tcJ4BQOxigwCwxv8JSZ9rU2Wl3x5Elku83TllNMp8-4="


@pytest.mark.parametrize("secret", GOLDEN, ids=["32 bytes", "16 bytes"])
def test_golden_pseudonyms(secret: bytes) -> None:
    """Later versions must compute the same values, to read existing registries."""
    fingerprint, hidden = GOLDEN[secret]
    pseudonyms = Pseudonyms(secret)

    assert fingerprint == pseudonyms.fingerprint()
    assert hidden == pseudonyms.hide(KEYS).tolist()
    assert hidden == [pseudonyms.hide(KEYS[i : i + 1])[0] for i in range(len(KEYS))]


def test_golden_sealed_contact() -> None:
    """Later versions must read a contact that was sealed earlier."""
    assert Pseudonyms(SECRET).unseal(SEALED) == CONTACT


def test_long_columns_give_the_same_pseudonyms_as_single_keys() -> None:
    """Each pseudonym depends on its key alone, not on its position in a part."""
    pseudonyms = Pseudonyms(SECRET)
    keys = np.arange(KEY - 20_000, KEY + 20_000, dtype=np.uint64)

    hidden = pseudonyms.hide(keys)

    assert (keys == pseudonyms.show(hidden)).all()
    assert (hidden[::-1] == pseudonyms.hide(keys[::-1])).all()
    for row in (0, 16_383, 16_384, 32_768, 39_999):
        assert hidden[row] == pseudonyms.hide(keys[row : row + 1])[0]
    assert pseudonyms.hide(keys[:0]).tolist() == []


def test_no_two_numbers_share_a_pseudonym() -> None:
    """A whole range has distinct pseudonyms, so no number is blocked for another."""
    keys = np.arange(33639980000, 33639990000, dtype=np.uint64)

    assert len(keys) == len(np.unique(Pseudonyms(SECRET).hide(keys)))


def test_one_changed_bit_changes_about_half_of_the_pseudonym() -> None:
    """Similar numbers have unrelated pseudonyms."""
    pseudonyms = Pseudonyms(SECRET)
    keys = np.arange(33639980000, 33639981000, dtype=np.uint64)
    hidden = pseudonyms.hide(keys)

    for bit in range(62):
        flipped = pseudonyms.hide(keys ^ np.uint64(1 << bit))
        changed = np.unpackbits((hidden ^ flipped).view(np.uint8)).sum() / len(keys)
        # the standard error of the mean over 1000 keys is 0.12
        assert 30 < changed < 32


def test_another_secret_gives_other_pseudonyms() -> None:
    """A secret does not show numbers that were hidden under another secret."""
    one, other = Pseudonyms(SECRET), Pseudonyms(SECRET[:-1] + b"\0")
    keys = np.arange(33639980000, 33639990000, dtype=np.uint64)

    assert not np.isin(other.hide(keys), one.hide(keys)).any()
    assert not (other.show(one.hide(keys)) == keys).any()
    assert one.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("outside", [-1, 1 << 62, 1 << 63])
def test_keys_out_of_range_are_refused(outside: int) -> None:
    """The message names the range, and does not repeat the number."""
    pseudonyms = Pseudonyms(SECRET)

    with pytest.raises(InputError) as key:
        pseudonyms.hide(np.array([outside]))
    with pytest.raises(StorageError) as pseudonym:
        pseudonyms.show(np.array([outside]))

    got = "below 2^62, got a value out of range at position 0"
    assert str(key.value) == f"expected keys {got}"
    assert str(pseudonym.value) == f"expected pseudonyms {got}"


def test_negative_numbers_in_a_column_are_refused() -> None:
    """A signed column is checked as it is, and after its conversion to unsigned."""
    column = np.array([KEY, -1])

    for keys in (column, column.astype(np.uint64)):
        with pytest.raises(InputError, match=r"keys below .* at position 1"):
            Pseudonyms(SECRET).hide(keys)


@pytest.mark.parametrize(
    ("secret", "got"),
    [
        (b"", "0 bytes"),
        (b"hush" * 3, "12 bytes"),
        (b"x" * 15, "15 bytes"),
        ("x" * 32, "str"),
    ],
)
def test_a_short_secret_is_refused(secret: bytes, got: str) -> None:
    """Fewer than 16 bytes can be guessed; the message does not contain them."""
    with pytest.raises(InputError, match=f"got {got}$") as caught:
        Pseudonyms(secret)

    assert "hush" not in str(caught.value)


def test_nothing_shows_the_secret() -> None:
    """Neither `repr` nor a pickle contains the secret or its keys."""
    pseudonyms = Pseudonyms(b"hush, very secret")

    assert repr(pseudonyms) == (f"Pseudonyms(fingerprint='{pseudonyms.fingerprint()}')")
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(pseudonyms)


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without `cryptography`, the error names the package to install."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)

    with pytest.raises(MissingExtraError, match=r"bloctel\[secrets\]"):
        Pseudonyms(SECRET)


# -- contacts ------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a@example.org", "Zoé \N{PILE OF POO}", "\udc80"])
def test_a_sealed_contact_is_unsealed(text: str) -> None:
    """Any text comes back, and is ASCII while it is sealed."""
    pseudonyms = Pseudonyms(SECRET)

    sealed = pseudonyms.seal(text)

    assert sealed.isascii()
    assert text == pseudonyms.unseal(sealed)


def test_the_same_contact_is_sealed_differently_each_time() -> None:
    """The table does not show that two requests have the same contact."""
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
    """Only the secret that sealed a contact reads it; the error shows no text."""
    with pytest.raises(WrongSecretError) as caught:
        Pseudonyms(OTHER).unseal(Pseudonyms(SECRET).seal(CONTACT))

    assert CONTACT not in str(caught.value)
    assert caught.value.__suppress_context__


# -- the oracle ------------------------------------------------------------------

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
SAMPLE_KEY = bytes.fromhex(
    "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94"
)
#: The nine samples of "FF1samples", the examples that NIST publishes for SP 800-38G:
#: bytes of the key, radix, tweak, plaintext, ciphertext.
SAMPLES = [
    (16, 10, "", "0123456789", "2433477484"),
    (16, 10, "39383736353433323130", "0123456789", "6124200773"),
    (16, 36, "3737373770717273373737", "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
    (24, 10, "", "0123456789", "2830668132"),
    (24, 10, "39383736353433323130", "0123456789", "2496655549"),
    (24, 36, "3737373770717273373737", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
    (32, 10, "", "0123456789", "6657667009"),
    (32, 10, "39383736353433323130", "0123456789", "1001623463"),
    (32, 36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
]


@pytest.mark.parametrize(("size", "radix", "tweak", "plain", "encrypted"), SAMPLES)
def test_the_oracle_gives_the_published_samples(
    size: int, radix: int, tweak: str, plain: str, encrypted: str
) -> None:
    """The plain FF1 of these tests gives the results of the standard."""
    arguments = SAMPLE_KEY[:size], bytes.fromhex(tweak), radix
    before = [DIGITS.index(character) for character in plain]
    after = [DIGITS.index(character) for character in encrypted]

    assert ff1.encrypt(*arguments, before) == after
    assert ff1.decrypt(*arguments, after) == before
