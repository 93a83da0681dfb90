"""Parser of prefixes."""

from __future__ import annotations

import pickle

import pytest

from bloctel import InputError, normalize
from bloctel.lookup.prefix_rules import PrefixRule, ranges_of, read_prefix
from bloctel.periods import NO_END


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0899", 33899),
        ("08 99", 33899),
        ("01.62", 33162),
        ("01-62", 33162),
        ("\u00a001\u202f62\u200b", 33162),
        ("\uff10\uff11\uff16\uff12", 33162),
        ("+33162", 33162),
        ("+33 (0)1 62", 33162),
        ("0033 162", 33162),
        ("+33", 33),
        ("06 39 98 12 34", 33639981234),
        ("+262639", 33639),
        ("+262 0639", 33639),
        ("+590 690", 33690),
        ("+594 594 1", 335941),
        ("+596696", 33696),
        ("+508", 508),
        ("+508 41", 50841),
        ("0508 41", 50841),
        ("+33 508 41", 50841),
        ("+508 508 41", 50841),
        ("+508 708 4", 337084),
        ("+335", 335),
        ("+44", 44),
        ("+44 (0)7700", 447700),
        ("0044 7700", 447700),
        ("+39 06", 3906),
        ("+1 202 555", 1202555),
        ("+800", 800),
    ],
)
def test_forms(text: str, expected: int) -> None:
    """Each usual French form gives the first digits of keys."""
    assert expected == read_prefix(text, region="FR")


@pytest.mark.parametrize("region", ["RE", "GP", "MQ", "YT", "GF", "BL", "MF"])
def test_french_regions_share_a_plan(region: str) -> None:
    """The national form has the same meaning in each region of the French plan."""
    assert read_prefix("0262", region=region) == 33262


@pytest.mark.parametrize("region", ["GB", "US", "PM", None])
def test_elsewhere_the_international_form_is_needed(region: str | None) -> None:
    """Outside the French plan a prefix needs a plus."""
    assert read_prefix("+33162", region=region) == 33162
    for text in ("0162", "0033162", "162"):
        with pytest.raises(InputError, match="international form"):
            read_prefix(text, region=region)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "other characters than digits"),
        ("+", "other characters than digits"),
        ("O899", "other characters than digits"),
        ("0899, 0162", "other characters than digits"),
        ("++33", "other characters than digits"),
        ("899", "without a leading 0"),
        ("33162", "without a leading 0"),
        ("0", "not followed by a digit from 1 to 9"),
        ("+330", "not followed by a digit from 1 to 9"),
        ("+33 00162", "not followed by a digit from 1 to 9"),
        ("+4", "not start with a country code"),
        ("+26", "not start with a country code"),
        ("+999", "not start with a country code"),
        ("00", "not start with a country code"),
        ("05", "Saint-Pierre"),
        ("0 50", "Saint-Pierre"),
        ("+262 26", "other departments"),
        ("+590", "other departments"),
        ("+508 70", "other departments"),
        ("06 39 98 12 34 5", "too many for a phone number"),
        ("+508 41 12 34 5", "too many for a phone number"),
        ("+44 7700 900123 4567", "too many for a phone number"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    """Ambiguous or empty prefixes are refused, by a message without the digits."""
    with pytest.raises(InputError, match=message) as caught:
        read_prefix(text, region="FR")

    digits = "".join(character for character in text if character.isdecimal())
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert str(caught.value) == str(copied)
    assert len(digits) < 4 or digits not in copied.got


@pytest.mark.parametrize("text", ["06 39 98 12 34", "+508 41 12 34", "+44 7700 900123"])
def test_a_whole_number_is_the_prefix_of_itself(text: str) -> None:
    """A complete phone number can be a prefix; it applies to that number only."""
    assert normalize(text).key == read_prefix(text, region="FR")


def test_a_prefix_is_spelled_as_it_can_be_read() -> None:
    """A prefix that is displayed can be parsed again, with the same result."""
    for prefix in (33, 33162, 508, 50841, 447700, 3906):
        assert prefix == read_prefix(f"+{prefix}", region=None)


def test_a_rule_does_not_show_its_digits() -> None:
    """A rule can apply to one number, which `repr` must not show."""
    rule = PrefixRule(0, 33639981234, 0, NO_END, blocks=False)

    assert "9981234" not in repr(rule)


def test_rules_that_block_nothing_cost_nothing() -> None:
    """Without a rule that blocks on the day, look-ups do not check prefixes."""
    allows = PrefixRule(0, 33162, 0, NO_END, blocks=False)
    ended = PrefixRule(0, 33162, 0, 10, blocks=True)
    other = PrefixRule(1, 33162, 0, NO_END, blocks=True)

    assert ranges_of([], {0: 10}) is None
    assert ranges_of([allows, ended, other], {0: 10}) is None
    assert ranges_of([allows, ended, other], {0: 9}) is not None
