"""The words that rules of law use: purposes, channels, kinds of callers, and others."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "CallerKind",
    "Channel",
    "ContractRelation",
    "HoursNeed",
    "Lift",
    "Purpose",
    "RegimeQuestion",
]


class Purpose(StrEnum):
    """What a call is for; whatever sells something is a sale."""

    SALE = "sale"
    """Prospecting: something is, or will be, sold."""
    SURVEY = "survey"
    """A poll or a survey that sells nothing."""
    ASSOCIATION = "association"
    """A non-commercial association that sells nothing."""
    PUBLIC_SERVICE = "public_service"
    """A public service that sells nothing."""


class Channel(StrEnum):
    """How the person is reached."""

    VOICE = "voice"
    """A call in which a person speaks: what these rules are about."""
    RECORDED = "recorded"
    """A call that plays a recorded message."""
    VOICE_SPAM = "voice_spam"
    """A call that rings to be called back, or the like."""
    SMS = "sms"
    EMAIL = "email"
    SOCIAL = "social"
    """A message on a social network."""


class RegimeQuestion(StrEnum):
    """What decides whether a number may be called."""

    NONE = "none"
    """Nothing that this data knows of."""
    OPPOSITION = "opposition"
    """Whether the number is on the list of those who object."""
    CONSENT = "consent"
    """Whether the person consented before."""


class ContractRelation(StrEnum):
    """Which contracts make a call lawful."""

    PREEXISTING = "preexisting"
    """Contractual relations that exist already."""
    IN_COURSE = "in_course"
    """A contract in course, to whose object the call is related."""


class HoursNeed(StrEnum):
    """Which consent lifts days and hours."""

    CONSENT = "consent"
    """Express prior consent to be called."""
    SLOT = "slot"
    """Consent to that very date and time."""


class Lift(StrEnum):
    """What lifts a ban."""

    CONTRACT = "contract"
    CALL_BACK = "call_back"


class CallerKind(StrEnum):
    """Which number the called person is shown."""

    MASKED = "masked"
    """None."""
    FORBIDDEN = "forbidden"
    """One that prospecting must not show."""
    VERIFIED = "verified"
    """One of the ranges for automated platforms."""
    MOBILE = "mobile"
    """One of the ranges for calls between people."""
    TECHNICAL = "technical"
    """One of the ranges for technical platforms, such as deliveries."""
    FOREIGN = "foreign"
    """One outside the national plan."""
    ORDINARY = "ordinary"
    """Any other."""
