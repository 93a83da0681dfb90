"""Enumerations used by the rules of law: purposes, channels and others."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """Purpose of a call; a call that sells anything is a sale."""

    SALE = "sale"
    """Prospecting: something is, or will be, sold."""
    SURVEY = "survey"
    """A poll or a survey that sells nothing."""
    ASSOCIATION = "association"
    """A non-commercial association that sells nothing."""
    PUBLIC_SERVICE = "public_service"
    """A public service that sells nothing."""


class Channel(StrEnum):
    """Channel by which the person is contacted."""

    VOICE = "voice"
    """A call in which a person speaks: the subject of these rules."""
    RECORDED = "recorded"
    """A call that plays a recorded message."""
    VOICE_SPAM = "voice_spam"
    """A call that rings to be called back, or a similar one."""
    SMS = "sms"
    EMAIL = "email"
    SOCIAL = "social"
    """A message on a social network."""


class RegimeQuestion(StrEnum):
    """Question that decides about a call to a number."""

    NONE = "none"
    """This data has no rule."""
    OPPOSITION = "opposition"
    """Is the number on the opposition list?"""
    CONSENT = "consent"
    """Did the person consent before?"""


class ContractRelation(StrEnum):
    """Contracts that make a call lawful."""

    PREEXISTING = "preexisting"
    """Contractual relations that already exist."""
    IN_COURSE = "in_course"
    """An active contract whose object the call is related to."""


class HoursNeed(StrEnum):
    """Consent that lifts the limits on days and hours."""

    CONSENT = "consent"
    """Express prior consent to be called."""
    SLOT = "slot"
    """Consent to that precise date and time."""


class Lift(StrEnum):
    """Exception that lifts a ban."""

    CONTRACT = "contract"
    CALL_BACK = "call_back"


class CallerKind(StrEnum):
    """Kind of the presented number."""

    MASKED = "masked"
    """No number is presented."""
    FORBIDDEN = "forbidden"
    """A number that prospecting must not present."""
    VERIFIED = "verified"
    """A number of the ranges for automated platforms."""
    MOBILE = "mobile"
    """A number of the ranges for calls between people."""
    TECHNICAL = "technical"
    """A number of the ranges for technical platforms, such as deliveries."""
    FOREIGN = "foreign"
    """A number outside the national plan."""
    ORDINARY = "ordinary"
    """Any other number."""
