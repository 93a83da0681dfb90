"""Names in receipts: masked digits, and escapes for terminals."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.scrub.receipts import shown
from bloctel.scrub.receipts.receipt import masked_name

NUMBERS = (
    "0199001234",
    "01 99 00 12 34",
    "01.99.00.12.34",
    "01-99-00-12-34",
    "01_99_00_12_34",
    "01/99/00/12/34",
    "+33 (0)1 99 00 12 34",
    "0033199001234",
    "199001234",
    "01\u00a099\u202f00\u200b12\u206034",
    "\uff10\uff11\uff19\uff19\uff10\uff10\uff11\uff12\uff13\uff14",
    "3.3199001234E10",
    "tel:+33-1-99-00-12-34",
)
AROUND = st.text(
    st.characters(categories=["L", "P", "Z", "S"]).filter(str.isprintable), max_size=8
)


@given(st.sampled_from(NUMBERS), AROUND, AROUND)
def test_no_phone_number_stays(number: str, before: str, after: str) -> None:
    """A phone number in any form and with any text around it is masked."""
    masked = masked_name(f"{before}{number}{after}.csv")

    assert sum(map(str.isdecimal, masked)) < 6


@pytest.mark.parametrize(
    "name",
    [
        "prospects.csv",
        "prospects-2026-10-05.csv",
        "prospects_2026-10.csv",
        "lot-3_2026-10-05.csv",
        "v2-1234.csv",
        "Téléphone",
        "\x1b[31m.csv",
        "a\nb",
    ],
)
def test_other_names_stay_as_they_are(name: str) -> None:
    """Names without phone numbers do not change, even if they contain a date."""
    assert masked_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "20261005.csv",
        "2026-10-05-0199.csv",
        "2026-13-05.csv",
        "0199-2026-10-05.csv",
        "2026-10-05 2026-10-06.csv",
    ],
)
def test_in_doubt_digits_go(name: str) -> None:
    """Digits that could be a number of another country are masked."""
    assert "(digits)" in masked_name(name)


@given(st.text(st.characters(categories=["L", "Cs", "Cc", "Nd", "Zs"])))
def test_a_name_can_always_be_written(name: str) -> None:
    """Any masked name can be written, and masking it again does not change it."""
    masked = masked_name(name)

    assert len(masked) <= 255
    assert masked.encode().decode() == masked
    assert masked_name(masked) == masked


@given(st.text())
def test_what_is_shown_obeys_nobody(text: str) -> None:
    """Shown text has no control character, change of direction or line feed."""
    assert shown(text).isprintable()


def test_what_is_shown_can_be_told() -> None:
    """Control characters are shown as escapes, so they can still be identified."""
    assert shown("a\x9b2J\u202eb\x7f") == "a\\x9b2J\\u202eb\\x7f"
    assert re.fullmatch(r"[^\x00-\x1f]*", shown("\x1b]0;x\x07"))
