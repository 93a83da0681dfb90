"""Complaint about one call, as a person reports it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bloctel.complaints.redaction import without_number
from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers.phone_number import DEFAULT_REGION, PhoneNumber, Reason, normalize
from bloctel.rules import complaints as forms
from bloctel.rules import in_force
from bloctel.rules.law import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Complaint",
    "checked_text",
    "missing_from",
    "read_complaint",
    "redacted",
    "written",
]

#: The maximum length of fields in characters; longer text is probably a complete file.
_LONGEST: Final = {"text": 10_000, "address": 500}
_LONGEST_OTHER: Final = 200
#: Control characters, which could hide the text next to them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_FREE: Final = ("caller", "sector", "purpose", "text", "siren", "address")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Complaint about one call; an unknown field is None or an empty text.

    Attributes:
        called: The number that was called.
        called_on: The local day of the call.
        from_time: The time of the call, or the beginning of its time slot.
        until_time: The end of the time slot; None if the exact time is known.
        time_zone: The IANA time zone of day and time; empty for the zone of the form.
        shown: The presented number, as the person read it.
        caller: The name that the caller gave.
        sector: The kind of goods or services: a sector of the law, or free text.
        purpose: The purpose of the call.
        text: The person's description of the call.
        siren: The number of the firm in the French register (SIREN).
        address: The address of the firm.
        channel: A voice call, or a kind of message.
        unreadable: The `Reason` why the number called could not be read.
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
        """The key of the presented number; 0 if it is missing or cannot be read."""
        try:
            return normalize(self.shown).key if self.shown else 0
        except InvalidNumberError:
            return 0

    @property
    def began_at(self) -> datetime | None:
        """The instant of the call, or of the beginning of its time slot, or None."""
        if self.called_on is None or self.from_time is None:
            return None
        return datetime.combine(self.called_on, self.from_time, self.zone)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of day and time."""
        return ZoneInfo(self.time_zone or forms.load("FR").time_zone)


def missing_from(complaint: Complaint, *, received_on: date) -> tuple[str, ...]:
    """Return the mandatory fields that a complaint lacks.

    The mandatory fields are those of the form on the day of the call.  If that day is
    unknown, they are those of the form on the day of receipt.

    >>> from datetime import date
    >>> missing_from(Complaint(sector="insurance"), received_on=date(2026, 11, 25))
    ('called', 'called_on', 'from_time', 'shown')
    """
    form = forms.load("FR")
    day = complaint.called_on or received_on
    day = max(day, form.mandatory[0].valid_from)  # before, the first form applies
    mandatory = in_force(form.mandatory, on=day).fields
    return tuple(name for name in mandatory if not getattr(complaint, name))


# -- reading and writing texts ---------------------------------------------------


def read_complaint(
    given: Mapping[str, object], *, where: str, region: str | None = DEFAULT_REGION
) -> Complaint:
    """Parse the complaint in a row or a record.

    If the number called cannot be read, it counts as missing.  Any other invalid value
    raises an error.

    Args:
        given: The text of each field, by the name of the attribute of `Complaint`; an
            empty text and None mean that the field is missing.
        where: The name of the row or record in error messages.
        region: The region of numbers without a country code.

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
            got = f"an unknown field of {len(name)} characters"
            raise InputError(f"the fields {', '.join(_READERS)}", got, where)
        texts[name] = checked_text(value, name, where)
    read = {
        name: _READERS[name](text, f"{where}, {name}")
        for name, text in texts.items()
        if text and name != "called"
    }
    read |= _called(texts.get("called", ""), region)
    return redacted(_in_order(Complaint(**read), where))  # type: ignore[arg-type]


def _called(text: str, region: str | None) -> dict[str, object]:
    try:
        return {"called": normalize(text, region=region)} if text else {}
    except InvalidNumberError as error:
        return {"unreadable": str(error.reason)}


def _in_order(complaint: Complaint, where: str) -> Complaint:
    begin, end = complaint.from_time, complaint.until_time
    if end is not None and (begin is None or end <= begin):
        got = f"{begin or 'no from_time'} to {end}"
        where = f"{where}, until_time"
        raise InputError("a time slot that ends after its beginning", got, where)
    return complaint


def redacted(complaint: Complaint) -> Complaint:
    """Return a complaint whose free texts do not contain the number called.

    If the caller presented the number called, `shown` contains it in E.164 form.
    """
    number = complaint.called
    if number is None:
        return complaint
    free = ("shown", *_FREE)
    texts: dict[str, Any] = {
        name: without_number(getattr(complaint, name), number) for name in free
    }
    if complaint.shown_key == number.key:
        texts["shown"] = number.e164
    return replace(complaint, **texts)


def checked_text(value: object, name: str, where: str) -> str:
    """Return a field of a row if it is a text that can be stored and shown.

    Raises:
        InputError: The field is not such a text.
    """
    if value is None:
        return ""
    where = f"{where}, {name}"
    if not isinstance(value, str):
        raise InputError("text", f"a {type(value).__name__}", where)
    longest = _LONGEST.get(name, _LONGEST_OTHER)
    if len(value) > longest:
        raise InputError(f"at most {longest:,} characters", f"{len(value):,}", where)
    if _CONTROL.search(value):
        raise InputError("text without control characters", "control characters", where)
    return value.strip()


def _by(
    parse: Callable[[str], object], expected: str, pattern: str = "(?s:.*)"
) -> Callable[[str, str], object]:
    """Return a parser of texts that match a pattern."""

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
    "shown": _by(str, "text"),
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
    if isinstance(value, time):
        return value.isoformat("seconds" if value.second else "minutes")
    return value.isoformat() if isinstance(value, date) else str(value)
