"""What a person tells of a call, as far as it is known."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bloctel.complaints.redaction import without_number
from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers.phone_number import DEFAULT_REGION, PhoneNumber, Reason, normalize
from bloctel.rules import complaints as forms
from bloctel.rules import in_force
from bloctel.rules.law import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Complaint", "missing_from", "read_complaint", "told", "written"]

#: How long a field may be, in characters: more is a file in the wrong place.
_LONGEST: Final = {"text": 10_000, "address": 500}
_LONGEST_OTHER: Final = 200
#: Control characters would hide or break what stands beside them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ZONE: Final = re.compile(r"[A-Za-z]+(/[A-Za-z_+-]+)*")
_FREE: Final = ("caller", "sector", "purpose", "text", "siren", "address")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What a person tells of a call; what is not known is None, or empty.

    Attributes:
        called: The number that was called.
        called_on: The day of the call, where the person was.
        from_time: The time of the call, or when its time slot begins.
        until_time: When the time slot ends; None if the time itself is known.
        time_zone: The IANA name of the zone of day and time; that of the form if empty.
        shown: The number that was shown, as the person read it.
        caller: The name that the caller gave.
        sector: What was sold; one of the sectors of the law, or other words.
        purpose: What the caller wanted.
        text: What else the person tells.
        siren: The number of the firm in the French register (SIREN), if known.
        address: The address of the firm, if known.
        channel: Whether somebody called, or a message came.
        unreadable: Why the number called could not be read, as a `Reason`.
    """

    called: PhoneNumber | None = None
    called_on: date | None = None
    from_time: time | None = None
    until_time: time | None = None
    time_zone: str = ""
    # numbers can stand in these, and no `repr` shows one
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
        """The key of the number shown; 0 if none was, or none that can be read."""
        try:
            return normalize(self.shown).key if self.shown else 0
        except InvalidNumberError:
            return 0

    @property
    def began_at(self) -> datetime | None:
        """The moment of the call, or of the beginning of its slot, if known."""
        if self.called_on is None or self.from_time is None:
            return None
        return datetime.combine(self.called_on, self.from_time, self.zone)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of day and time."""
        return ZoneInfo(self.time_zone or forms.load("FR").time_zone)


def missing_from(complaint: Complaint, *, received_on: date) -> tuple[str, ...]:
    """Return the mandatory fields that a complaint lacks.

    Which are mandatory is said by the form of the day of the call, or of the day on
    which the complaint came if the other is not known.

    >>> from datetime import date
    >>> missing_from(Complaint(sector="insurance"), received_on=date(2026, 11, 25))
    ('called', 'called_on', 'from_time', 'shown')
    """
    form = forms.load("FR")
    day = complaint.called_on or received_on
    # before there was a form, the first one counts
    first = form.mandatory[0]
    asked = first if day < first.valid_from else in_force(form.mandatory, on=day)
    return tuple(name for name in asked.fields if not getattr(complaint, name))


# -- from what people hold -------------------------------------------------------


def read_complaint(
    given: Mapping[str, object], *, where: str, region: str | None = DEFAULT_REGION
) -> Complaint:
    """Return the complaint that a row or a record holds.

    A number called that cannot be read is a missing one; anything else that is not
    what it must be is refused.

    Args:
        given: Texts by the names of the attributes of `Complaint`; a missing one, an
            empty text and None are the same.
        where: What to call the place in messages.
        region: The region of numbers without a country code.

    Raises:
        InputError: A field is unknown, is no text, or cannot be read.  The message
            names the field, and repeats nothing of what it holds.

    >>> read_complaint({"called": "06 39 98 12 34", "sector": "insurance"}, where="-")
    ... # doctest: +ELLIPSIS
    Complaint(called=PhoneNumber(+26263998****), called_on=None, ...)
    """
    texts = {}
    for name, value in given.items():
        if name not in _READERS:
            # what is no field's name may be a number in the wrong place
            raise InputError(f"the fields {', '.join(_READERS)}", "another one", where)
        texts[name] = _text(value, name, f"{where}, {name}")
    read = {
        name: _READERS[name](text, f"{where}, {name}")
        for name, text in texts.items()
        if text and name != "called"
    }
    read |= _called(texts.get("called", ""), region)
    return told(_in_order(Complaint(**read), where))  # type: ignore[arg-type]


def _called(text: str, region: str | None) -> dict[str, object]:
    try:
        return {"called": normalize(text, region=region)} if text else {}
    except InvalidNumberError as error:
        return {"unreadable": str(error.reason)}


def _in_order(complaint: Complaint, where: str) -> Complaint:
    begin, end = complaint.from_time, complaint.until_time
    if end is not None and (begin is None or end <= begin):
        raise InputError(
            "a slot that begins before it ends", "another one", f"{where}, until_time"
        )
    return complaint


def told(complaint: Complaint) -> Complaint:
    """Return a complaint whose free texts do not repeat the number called.

    Some callers show the very number that they call; it is then written one way.
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


def _text(value: object, name: str, where: str) -> str:
    """Return a text that can be kept and shown."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError("text", f"a {type(value).__name__}", where)
    longest = _LONGEST.get(name, _LONGEST_OTHER)
    if len(value) > longest:
        raise InputError(f"at most {longest:,} characters", f"{len(value):,}", where)
    if _CONTROL.search(value):
        raise InputError("text that can be shown", "control characters", where)
    return value.strip()


def _by(parse: Callable[[str], _T], expected: str) -> Callable[[str, str], _T]:
    """Return a reader of texts of one form."""

    def read(text: str, where: str) -> _T:
        try:
            return parse(text)
        except ValueError:
            raise InputError(expected, "another text", where) from None

    return read


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError
    return date.fromisoformat(text)


def _time(text: str) -> time:
    if not re.fullmatch(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", text):
        raise ValueError
    return time.fromisoformat(text)


def _zone(text: str) -> str:
    if not _ZONE.fullmatch(text):
        raise ValueError
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError from None


_READERS: Final[Mapping[str, Callable[[str, str], object]]] = {
    "called": _by(str, "a phone number"),
    "called_on": _by(_day, "a day such as 2026-11-23"),
    "from_time": _by(_time, "a time such as 10:30"),
    "until_time": _by(_time, "a time such as 10:30"),
    "time_zone": _by(_zone, "a time zone such as Europe/Paris"),
    "shown": _by(str, "text"),
    **{name: _by(str, "text") for name in _FREE},
    "channel": _by(Channel, f"one of {', '.join(Channel)}"),
    "unreadable": _by(lambda text: str(Reason(text)), "a reason such as too_short"),
}


def written(complaint: Complaint) -> dict[str, str]:
    """Return what a complaint holds as texts that `read_complaint` reads.

    What is not known is left out.
    """
    held = {name: getattr(complaint, name) for name in _READERS}
    texts = {name: _as_text(value) for name, value in held.items() if value is not None}
    blank = Complaint()
    return {
        name: text
        for name, text in texts.items()
        if text and held[name] != getattr(blank, name)
    }


def _as_text(value: object) -> str:
    if isinstance(value, time):
        short = not value.second
        return value.isoformat("minutes" if short else "seconds")
    return value.isoformat() if isinstance(value, date) else str(value)
