"""Registries of phone numbers that are registered on opposition lists."""

from bloctel.registry.follower import Follower
from bloctel.registry.journal import (
    Change,
    DueRenewal,
    HistoryEntry,
    RegistrationColumns,
)
from bloctel.registry.operator_answers import Recorded
from bloctel.registry.prefix_rules import PrefixEntry
from bloctel.registry.registrations import PurgePreview
from bloctel.registry.registry import Registry

__all__ = [
    "Change",
    "DueRenewal",
    "Follower",
    "HistoryEntry",
    "PrefixEntry",
    "PurgePreview",
    "Recorded",
    "RegistrationColumns",
    "Registry",
]
