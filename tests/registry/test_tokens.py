"""Tokens: nobody makes one up, none works for ever, none tells who it is for."""

from __future__ import annotations

import base64
import inspect
import math
import string
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.errors import ExpiredTokenError, ForgedTokenError, InputError
from bloctel.registry import tokens
from bloctel.registry.tokens import person_of, read, sign

KEY = bytes(range(32))
ID = bytes(range(16))
END = 1_791_000_000
TOKEN = "AQAAAABqwH3AAAECAwQFBgcICQoLDA0OD7cNm7NOFHhOJCs6_6UE6oA"  # noqa: S105


def test_what_a_later_version_must_still_read() -> None:
    """Links that were sent work until their time is over, whatever is installed."""
    assert sign(KEY, ID, expires_at=END) == TOKEN
    assert read(KEY, TOKEN, now=0) == "000102030405060708090a0b0c0d0e0f"
    assert person_of(KEY, "zoe@example.org") == "e75bb85c7082928f282b8a683c695e62"


@given(
    st.binary(min_size=16),
    st.binary(min_size=16, max_size=16),
    st.integers(1, (1 << 64) - 1),
)
def test_reading_gives_what_was_signed(key: bytes, id: bytes, expires_at: int) -> None:
    """A token names its request, and can stand in a URL as it is."""
    token = sign(key, id, expires_at=expires_at)

    assert id.hex() == read(key, token, now=expires_at - 1)
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")


@given(st.integers(0, 54), st.sampled_from(string.ascii_letters + string.digits + "-_"))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    """Another text is another token, also where base64 has bits to spare."""
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]

    if changed == TOKEN:
        assert read(KEY, changed, now=0) == ID.hex()
    else:
        with pytest.raises(ForgedTokenError):
            read(KEY, changed, now=0)


def _signed(body: bytes) -> str:
    data = body + tokens._digest(KEY, "token", body)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        None,
        b"bytes",
        TOKEN.encode(),
        7,
        "",
        "Bearer",
        "é" * 55,
        "\uff21" * 55,
        TOKEN[:-1],
        TOKEN[1:],
        TOKEN + "=",
        TOKEN + "A",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN * 2,
        "+" * 55,
        "A" * 55,
        _signed(b"\2" + bytes(24)),
        _signed(b"\1" + bytes(23)),
        _signed(b""),
    ],
)
def test_what_nobody_here_signed_is_refused(token: object) -> None:
    """Whatever a stranger sends, there is one answer, and it does not repeat it."""
    with pytest.raises(ForgedTokenError) as caught:
        read(KEY, token, now=0)

    assert str(caught.value).startswith("expected a token that was signed here, got ")
    assert TOKEN not in str(caught.value)


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    """No text makes reading fail in another way."""
    with pytest.raises(ForgedTokenError):
        read(KEY, text, now=0)


def test_another_key_has_other_tokens() -> None:
    """A token of one registry is worth nothing to another."""
    with pytest.raises(ForgedTokenError):
        read(KEY[::-1], TOKEN, now=0)


@pytest.mark.parametrize("now", [END, END + 0.5, END + 10**9, math.inf, math.nan])
def test_its_time_is_over(now: float) -> None:
    """From its second of expiry on a token confirms nothing."""
    assert read(KEY, TOKEN, now=END - 0.5) == ID.hex()
    with pytest.raises(ExpiredTokenError):
        read(KEY, TOKEN, now=now)


def test_a_forged_token_is_not_said_to_have_expired() -> None:
    """Who cannot sign learns nothing of what would have been read."""
    body = tokens._BODY.pack(1, 5, ID)
    forged = base64.urlsafe_b64encode(body + bytes(16)).decode().rstrip("=")

    with pytest.raises(ForgedTokenError):
        read(KEY, forged, now=END)


@pytest.mark.parametrize("id", [b"", ID[:-1], ID + b"\0"])
def test_an_id_has_16_bytes(id: bytes) -> None:
    """A shorter id could be guessed, a longer one would not be read again."""
    with pytest.raises(InputError, match="an id of 16 bytes"):
        sign(KEY, id, expires_at=END)


@pytest.mark.parametrize("expires_at", [-1, 1 << 64])
def test_an_expiry_has_8_bytes(expires_at: int) -> None:
    """What cannot be written is refused before it is signed."""
    with pytest.raises(InputError, match="an expiry"):
        sign(KEY, ID, expires_at=expires_at)


def test_a_key_that_can_be_guessed_is_refused() -> None:
    """Fewer than 16 bytes sign nothing, and stand for nobody."""
    short = KEY[:15]

    with pytest.raises(InputError, match="a key of at least 16 bytes, got one of 15"):
        sign(short, ID, expires_at=END)
    with pytest.raises(InputError, match="a key of at least 16 bytes, got one of 15"):
        read(short, TOKEN, now=0)
    with pytest.raises(InputError, match="a key of at least 16 bytes, got one of 15"):
        person_of(short, "zoe@example.org")


def test_signatures_are_compared_in_constant_time() -> None:
    """The time that a refusal takes does not tell how much of a guess was right."""
    assert "hmac.compare_digest(" in inspect.getsource(read)


# -- persons -------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        "zoé@example.org",
        "ZOÉ@EXAMPLE.ORG",
        "  Zoé@Example.org\n",
        "\u00a0zoé@example.org\u3000",
        "zoe\u0301@example.org",
        "\uff3a\uff2f\uff25\u0301\uff20example.org",
    ],
)
def test_one_person_in_many_spellings(spelling: str) -> None:
    """Another spelling of a contact does not make another person of it."""
    assert person_of(KEY, "zoé@example.org") == person_of(KEY, spelling)


@given(st.text())
def test_form_and_blanks_never_matter(contact: str) -> None:
    """Two systems that store a contact differently speak of one person."""
    try:
        person = person_of(KEY, contact)
    except InputError:
        return

    assert person == person_of(KEY, f" {normalize('NFD', contact)}\t")
    assert len(bytes.fromhex(person)) == 16


def test_other_contacts_and_keys_are_other_persons() -> None:
    """Two persons are never one, nor can one be followed from registry to registry."""
    persons = {
        person_of(KEY, "zoe@example.org"),
        person_of(KEY, "zoé@example.org"),
        person_of(KEY, "zoe@example.com"),
        person_of(KEY[::-1], "zoe@example.org"),
    }

    assert len(persons) == 4


@pytest.mark.parametrize("contact", ["", " ", "\t\u00a0\n"])
def test_no_contact_is_nobody(contact: str) -> None:
    """All who leave it empty are not taken for one person."""
    with pytest.raises(InputError, match="expected a contact, got empty text"):
        person_of(KEY, contact)


def test_a_contact_that_is_no_utf8_is_a_person_too() -> None:
    """What a form posted badly encoded does not fail with the contact in the error."""
    assert len(person_of(KEY, "zoe\udc80@example.org")) == 32
