"""Confirmation tokens and identifiers of persons."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.errors import ExpiredTokenError, ForgedTokenError, InputError
from bloctel.registry.confirmations import person_of, read_token, sign_token

KEY = bytes(range(32))
ID = "000102030405060708090a0b0c0d0e0f"
END = 1_791_000_000
TOKEN = (
    "000102030405060708090a0b0c0d0e0f.1791000000."  # noqa: S105
    "CHxyqY2h3Mb5DDtU3QCNNARQ-NMAuZQ1za74-A3MBDM"
)
URL_SAFE = string.ascii_letters + string.digits + "-_."


def test_golden_values() -> None:
    """Later versions must read tokens that are already in people's inboxes."""
    assert sign_token(KEY, ID, expires_at=END) == TOKEN
    assert read_token(KEY, TOKEN, now=0) == ID
    assert person_of(KEY, "zoe@example.org") == "e75bb85c7082928f282b8a683c695e62"


@given(st.binary(min_size=16), st.uuids(), st.integers(1, 10**14 - 1))
def test_reading_undoes_signing(key: bytes, id: object, expires_at: int) -> None:
    """Reading a token gives its request; a token has only characters safe in URLs."""
    text = str(id).replace("-", "")
    token = sign_token(key, text, expires_at=expires_at)

    assert text == read_token(key, token, now=expires_at - 1)
    assert set(token) <= set(URL_SAFE)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(URL_SAFE))
def test_a_changed_character_is_refused(index: int, character: str) -> None:
    """A token with any changed character is refused, even in base64's unused bits."""
    changed = TOKEN[:index] + character + TOKEN[index + 1 :]

    if changed == TOKEN:
        assert read_token(KEY, changed, now=0) == ID
    else:
        with pytest.raises(ForgedTokenError):
            read_token(KEY, changed, now=0)


def _signed(value: str) -> str:
    """Return a value under a valid signature, made without `itsdangerous`."""
    derived = hmac.digest(KEY, b"bloctel token v1", hashlib.sha256)
    signature = hmac.digest(derived, value.encode(), hashlib.sha256)
    return f"{value}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_the_signature_is_hmac_sha256() -> None:
    """The signature of a token is HMAC-SHA-256, so other programs can check it."""
    assert _signed(f"{ID}.{END}") == TOKEN


@pytest.mark.parametrize(
    "token",
    [
        None,
        b"bytes",
        TOKEN.encode(),
        7,
        "",
        "Bearer",
        ".",
        "..",
        "é" * len(TOKEN),
        TOKEN.replace("0", "\uff10", 1),
        TOKEN.replace("1791000000", "\u0661" * 10),
        TOKEN[:-1],
        TOKEN[1:],
        TOKEN + "=",
        TOKEN + "A",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.upper(),
        TOKEN * 2,
        TOKEN * 100_000,
        TOKEN.replace("1791000000", "9" * 15),
        TOKEN.replace("1791000000", "-1"),
        _signed(ID),
        _signed(f"{ID}."),
        _signed(f"{ID[1:]}.{END}"),
        _signed(f"{ID}.{END}.1"),
        _signed(f"{ID}.1e9"),
        _signed(f"{ID}.{'9' * 10_000}"),
        _signed(""),
    ],
)
def test_a_token_of_another_form_is_refused(token: object) -> None:
    """All malformed tokens give the same message, which does not repeat them."""
    with pytest.raises(ForgedTokenError) as caught:
        read_token(KEY, token, now=0)

    assert str(caught.value) == "this registry did not sign the token"
    assert TOKEN not in repr(caught.value)


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    """For any text that is not a token, only ForgedTokenError is raised."""
    with pytest.raises(ForgedTokenError):
        read_token(KEY, text, now=0)


def test_another_key_does_not_read_a_token() -> None:
    """A token of a registry is not valid in another registry."""
    with pytest.raises(ForgedTokenError):
        read_token(KEY[::-1], TOKEN, now=0)


@pytest.mark.parametrize("now", [END, END + 0.5, END + 10**9, math.inf, math.nan])
def test_a_token_expires(now: float) -> None:
    """A token is refused from the second on in which it expires."""
    assert read_token(KEY, TOKEN, now=END - 0.5) == ID
    with pytest.raises(ExpiredTokenError, match="has expired: request a new token"):
        read_token(KEY, TOKEN, now=now)


def test_a_forged_token_is_not_reported_as_expired() -> None:
    """A forged token is reported as forged, even if it is also expired."""
    with pytest.raises(ForgedTokenError):
        read_token(KEY, TOKEN.replace(str(END), "5"), now=END)


@pytest.mark.parametrize("expires_at", [-1, 10**14])
def test_an_expiry_out_of_range_is_refused(expires_at: int) -> None:
    """An expiry that a token cannot contain is refused when the token is made."""
    with pytest.raises(InputError, match="an expiry"):
        sign_token(KEY, ID, expires_at=expires_at)


def test_a_short_key_is_refused() -> None:
    """A key of fewer than 16 bytes is refused, because it could be guessed."""
    short = KEY[:15]
    expected = "a token key of at least 16 bytes, got 15 bytes"

    with pytest.raises(InputError, match=expected):
        sign_token(short, ID, expires_at=END)
    with pytest.raises(InputError, match=expected):
        read_token(short, TOKEN, now=0)
    with pytest.raises(InputError, match=expected):
        person_of(short, "zoe@example.org")


# -- persons -------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        "zoé@example.org",
        "ZOÉ@EXAMPLE.ORG",
        "  Zoé@Example.org\n",
        "\u00a0zoé@example.org\u3000",
        "mailto:zoé@example.org",
        "MAILTO:zo%C3%A9@example.org",
        '"zoé"@example.org',
        '"zo\\é"@example.org',
        "zoé@example.org.",
        "zoé @ example.org",
    ],
)
def test_one_person_in_many_spellings(spelling: str) -> None:
    """Different spellings of one contact give the same person."""
    assert person_of(KEY, "zoé@example.org") == person_of(KEY, spelling)


def test_domains_and_numbers_have_one_spelling() -> None:
    """A domain and its ASCII form, or two forms of a number, are one person."""
    pairs = [
        ("zoe@bücher.example", "zoe@XN--BCHER-KVA.example"),
        ("06 39 98 12 34", "+262 639 98 12 34"),
        ("tel:+262639981234", "0\uff16 39 98 12 34"),
        ("06 39 98 12 34", "\u202a+262\u00a0639 98 12 34\u202c"),
        ("zoe@xn--gro-7ka.example", "Zoe@XN--GRO-7KA.example"),
    ]

    for one, other in pairs:
        assert person_of(KEY, one, "FR") == person_of(KEY, other, "FR")


@pytest.mark.parametrize("contact", ["465711234", "tel:465711234", "00465711234"])
def test_digits_of_two_numbers_are_no_contact(contact: str) -> None:
    """These digits are a French or a Swedish number; a plus shows which of them."""
    with pytest.raises(InputError, match="with a plus and its country code"):
        person_of(KEY, contact, "FR")

    persons = {person_of(KEY, c, "FR") for c in ("+46 5711234", "04 65 71 12 34")}
    assert len(persons) == 2


@pytest.mark.parametrize(
    "contact",
    [
        "marie@groß.example",
        "marie@βόλος.example",
        "marie@o\ufb03ce.example",
        "marie@example\u3002org",
        "marie@\uff45xample.org",
        "marie@fa\u200cxn.example",
        "straße@example.org",
        "STRAẞE@example.org",
        "marie¹@example.org",
        "\u212aim@example.org",
        "\u03f4@example.org",
        "zoe\u0301@example.org",
        "zo\u200be@example.org",
        "zo\ufe0fe@example.org",
        "marie\uff20example.org",
        "mailto:marie@gro%C3%9F.example",
        "person\u00ad 1",
        "z\x01oe@example.org",
        "person\x7f 1",
    ],
)
def test_characters_with_several_conversions_are_refused(contact: str) -> None:
    """A contact that mail systems can route to another domain or mailbox is refused."""
    with pytest.raises(InputError, match=r"ASCII form \(xn--") as caught:
        person_of(KEY, contact)

    assert contact not in str(caught.value)


@pytest.mark.parametrize(
    "contact",
    [
        "zoe@example.org, other@example.org",
        "zoe@example.org <other@example.org>",
        "Zoe <zoe@example.org>",
        "zoe@example.org?cc=other@example.org",
        "mailto:zoe@example.org?subject=x",
        "zoe@example.org%0abcc:other@example.org",
        "zoe(other)@example.org",
        "zoe@",
        "@example.org",
    ],
)
def test_a_contact_is_one_address(contact: str) -> None:
    """A contact must be one e-mail address; a list of addresses is refused."""
    with pytest.raises(InputError, match="one e-mail address"):
        person_of(KEY, contact)


@given(st.text())
def test_blanks_and_case_make_no_difference(contact: str) -> None:
    """Blanks around a contact and small letters do not change the person."""
    try:
        person = person_of(KEY, contact)
    except InputError:
        return

    assert person == person_of(KEY, f" {contact.lower()}\t")
    assert len(bytes.fromhex(person)) == 16


def test_other_contacts_and_keys_give_other_persons() -> None:
    """Other addresses, and the same address in another registry, are other persons."""
    persons = {
        person_of(KEY, "zoe@example.org"),
        person_of(KEY, "zoé@example.org"),
        person_of(KEY, "zoe@example.com"),
        person_of(KEY, "zoe+news@example.org"),
        person_of(KEY, "z.oe@example.org"),
        person_of(KEY[::-1], "zoe@example.org"),
    }

    assert len(persons) == 6


@pytest.mark.parametrize("contact", ["", " ", "\t\u00a0\n"])
def test_a_blank_contact_is_refused(contact: str) -> None:
    """Requests without a contact do not all come from one person."""
    with pytest.raises(InputError, match="a contact of the person, got blank text"):
        person_of(KEY, contact)


def test_a_badly_encoded_contact_gives_a_person() -> None:
    """A lone surrogate does not cause an error that contains the contact."""
    assert len(person_of(KEY, "zoe\udc80@example.org")) == 32
