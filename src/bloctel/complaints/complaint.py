"""Complaint about one call, as a person reports it."""

import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers.phone_number import DEFAULT_REGION, PhoneNumber, Reason, normalize
from bloctel.numbers.readings import one_line
from bloctel.rules import complaints as forms
from bloctel.rules.law import Channel

#: The maximum length of fields in characters; longer text is probably a complete file.
_LONGEST: Final = {"text": 10_000, "address": 500}
_LONGEST_OTHER: Final = 200
#: Control characters, which could hide the text next to them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
#: The text that replaces the number called in the texts of a complaint.
CALLED: Final = "[number called]"
#: Regular expression for text between digits: separators, or up to 3 other characters.
_GAP: Final = r"(?:[\s.\-/()]*+|\D{0,3})"
#: The count of last digits that are enough to recognise a phone number in a text.
_LINE_DIGITS: Final = 9
#: Regular expression for the text before the national digits: +33, 0033 or 0.
_PREFIX: Final = r"(?:(?:\+|00)\s?\d{1,3}[\s.-]?)?(?:\(0\)|0|\()?[\s.)-]?"
#: The older number of a line can have this count of digits more or less.
_OLD_FORM: Final = 2
_FREE: Final = ("shown", "caller", "sector", "purpose", "text", "siren", "address")
#: The letters in the ids of complaints; without vowels, no id is a word.
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_ID: Final = re.compile(rf"[{_LETTERS}]{{4}}(-[{_LETTERS}]{{4}}){{2}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Complaint about one call; an unknown field is None or an empty text.

    Attributes:
        called: The number that was called.
        called_on: The local day of the call.
        from_time: The time of the call, or the beginning of its time slot.
        until_time: The end of the time slot; None if the exact time is known.
        time_zone: The IANA time zone of the day and time; if empty, the time zone that
            the complaint form names.
        shown: The presented number, as the person read it.
        caller: The name that the caller gave.
        sector: The kind of goods or services: a sector of the law, or free text.
        purpose: The purpose of the call.
        text: The person's description of the call.
        siren: The number of the firm in the French register (SIREN).
        address: The address of the firm.
        channel: A voice call, or a kind of message.
        unreadable: The reason (`Reason`) if the number called could not be read.
    """

    called: PhoneNumber | None = None
    called_on: date | None = None
    from_time: time | None = None
    until_time: time | None = None
    time_zone: str = ""
    # these texts can contain phone numbers, so `repr` does not show them
    shown: str = field(default="", repr=False)
    caller: str = field(default="", repr=False)
    sector: str = field(default="", repr=False)
    purpose: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    siren: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    channel: Channel = Channel.VOICE
    unreadable: str = ""

    @property
    def shown_key(self) -> int:
        """The key of the presented number; 0 if no readable number was presented."""
        try:
            return normalize(self.shown).key if self.shown else 0
        except InvalidNumberError:
            return 0

    @property
    def began_at(self) -> datetime | None:
        """The instant at which the call or its time slot began; None if not known."""
        if self.called_on is None or self.from_time is None:
            return None
        return datetime.combine(self.called_on, self.from_time, self.zone)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the day and time of the call."""
        return ZoneInfo(self.time_zone or forms.load("FR").time_zone)


def read_complaint(
    given: Mapping[str, object], *, where: str, region: str | None = DEFAULT_REGION
) -> Complaint:
    """Parse a complaint from the fields of a row or a record.

    If the number called cannot be read, the field `called` counts as missing.  Any
    other invalid value raises an error.

    Args:
        given: The fields as texts, by the names of the attributes of `Complaint`.  An
            empty text or None means that the field is missing.
        where: The name of the row or record in error messages.
        region: The region of phone numbers without a country code.

    Raises:
        InputError: A field is unknown, is not text, or cannot be read.  The message
            names the field and does not contain its value.

    >>> read_complaint({"called": "06 39 98 12 34", "sector": "insurance"}, where="-")
    ... # doctest: +ELLIPSIS
    Complaint(called=PhoneNumber(+26263998****), called_on=None, ...)
    """
    texts = {}
    for name, value in given.items():
        if name not in _READERS:
            # the unknown name may be a phone number, so the message does not repeat it
            got = f"an unknown field whose name has {len(name)} characters"
            raise InputError(f"only the fields {', '.join(_READERS)}", got, where)
        texts[name] = checked_text(value, name, where)
    read = {
        name: _READERS[name](text, f"{where}, {name}")
        for name, text in texts.items()
        if text and name != "called"
    }
    if called := texts.get("called"):
        try:
            read["called"] = normalize(called, region=region)
            read.pop("unreadable", None)  # an earlier text was unreadable
        except InvalidNumberError as error:
            read["unreadable"] = str(error.reason)
    complaint = Complaint(**read)  # type: ignore[arg-type]
    begin, end = complaint.from_time, complaint.until_time
    if end is not None and (begin is None or end <= begin):
        got = f"{begin or 'no from_time'} to {end}"
        where = f"{where}, until_time"
        raise InputError("a time slot that ends after its beginning", got, where)
    return redacted(complaint)


def redacted(complaint: Complaint) -> Complaint:
    """Return a complaint whose free texts do not contain the number called.

    If the presented number is the number called, `shown` still contains this number in
    E.164 form.
    """
    number = complaint.called
    if number is None or complaint.shown_key != number.key:
        return without_called(complaint)
    return replace(without_called(complaint), shown=number.e164)


def without_called(complaint: Complaint) -> Complaint:
    """Return a complaint whose texts and `shown` do not contain the number called."""
    number = complaint.called
    if number is None:
        return complaint
    texts: dict[str, Any] = {
        name: without_number(getattr(complaint, name), number) for name in _FREE
    }
    return replace(complaint, **texts)


def without_number(text: str, number: PhoneNumber) -> str:
    """Replace a phone number in a text by `CALLED`, whatever separates its digits.

    Only the key of a record may contain the phone number.  If the key is erased or
    replaced by a pseudonym, the texts of the record must not show the number.  If a
    record has no key, the number was not known, and the texts can contain the number.

    >>> number = normalize("06 39 98 12 34")
    >>> without_number("(0)6.39-98 12 34 rang, then 0639981235", number)
    '[number called] rang, then 0639981235'
    """
    wanted = number.national_significant_number
    written_as = wanted, wanted[-_LINE_DIGITS:], *_old_forms(text, number)
    for digits in dict.fromkeys(written_as):
        # each character has the same index in `plain` as in `text`
        plain = _in_ascii(text)
        parts, done = [], 0
        for found in re.finditer(_PREFIX + _GAP.join(digits), plain):
            parts += [text[done : found.start()], CALLED]
            done = found.end()
        text = "".join(parts) + text[done:]
    return text


def _in_ascii(text: str) -> str:
    """Return a text with every digit in ASCII."""
    return "".join(str(unicodedata.decimal(c, c)) for c in text)


def _old_forms(text: str, number: PhoneNumber) -> list[str]:
    """Return the digits in a text that are an older number of the same line.

    The longest digits come first, because they can contain shorter ones.
    """
    code, wanted = str(number.country_code), number.national_significant_number
    digits = "".join(filter(str.isdecimal, _in_ascii(text)))
    return [
        form
        for n in range(len(wanted) + _OLD_FORM, len(wanted) - _OLD_FORM - 1, -1)
        for start in range(len(digits) - n + 1)
        if one_line(code + (form := digits[start : start + n])) == code + wanted
    ]


def checked_text(value: object, name: str, where: str) -> str:
    """Return *value* if it is a text that can be stored and shown; "" for None."""
    if value is None:
        return ""
    where = f"{where}, {name}"
    if not isinstance(value, str):
        raise InputError("text", f"a value of type {type(value).__name__}", where)
    longest = _LONGEST.get(name, _LONGEST_OTHER)
    if len(value) > longest:
        got = f"{len(value):,} characters"
        raise InputError(f"at most {longest:,} characters", got, where)
    if _CONTROL.search(value):
        expected = "text without control characters"
        raise InputError(expected, "text with control characters", where)
    return value.strip()


def _by(
    parse: Callable[[str], object], expected: str, pattern: str = "(?s:.*)"
) -> Callable[[str, str], object]:
    """Return a function that parses a text, or raises InputError if this fails."""

    def read(text: str, where: str) -> object:
        try:
            if re.fullmatch(pattern, text):
                return parse(text)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            pass
        got = f"text of {len(text)} characters"
        raise InputError(expected, got, where)

    return read


_TIME: Final = _by(
    time.fromisoformat, "a time such as 10:30", r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?"
)
_READERS: Final[Mapping[str, Callable[[str, str], object]]] = {
    "called": _by(str, "a phone number"),
    "called_on": _by(
        date.fromisoformat, "a day such as 2026-11-23", "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    ),
    "from_time": _TIME,
    "until_time": _TIME,
    "time_zone": _by(
        lambda text: ZoneInfo(text).key,
        "a time zone such as Europe/Paris",
        "[A-Za-z]+(/[A-Za-z_+-]+)*",
    ),
    **{name: _by(str, "text") for name in _FREE},
    "channel": _by(Channel, f"one of {', '.join(Channel)}"),
    "unreadable": _by(lambda text: str(Reason(text)), "a reason such as too_short"),
}


def written(complaint: Complaint) -> dict[str, str]:
    """Return the known fields of a complaint as texts that `read_complaint` reads."""
    blank = Complaint()
    fields = {name: getattr(complaint, name) for name in _READERS}
    return {
        name: _as_text(value)
        for name, value in fields.items()
        if value != getattr(blank, name)
    }


def _as_text(value: object) -> str:
    text = str(value)
    return text.removesuffix(":00") if isinstance(value, time) else text


def new_id() -> str:
    """Return a random id for a complaint, which other people cannot guess."""
    letters = [secrets.choice(_LETTERS) for _ in range(12)]
    return "-".join("".join(letters[i : i + 4]) for i in (0, 4, 8))


def check_id(text: str, *, where: str | None = None) -> str:
    """Return the id of a complaint in capital letters, or raise InputError."""
    id = text.strip().upper()
    if not _ID.fullmatch(id):
        got = f"text of {len(text)} characters"
        raise InputError("the id of a complaint, such as BCDF-GHJK-LMNP", got, where)
    return id
